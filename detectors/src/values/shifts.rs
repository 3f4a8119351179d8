//! Evidence that a series has moved, from how far each row is off: a Shiryaev-Roberts e-detector over a few shifts.

use crate::evidence::{log_mean, log_one_plus};

/// Shifts that are looked for, in deviations, in both directions.
const SHIFTS: [f64; 3] = [0.45, 1.0, 2.1];

/// Logarithms of R, one a shift and direction.
#[derive(Debug, Clone)]
pub(super) struct Shifts {
    up: [f64; SHIFTS.len()],
    down: [f64; SHIFTS.len()],
}

impl Shifts {
    pub(super) fn new() -> Self {
        Self { up: [f64::NEG_INFINITY; SHIFTS.len()], down: [f64::NEG_INFINITY; SHIFTS.len()] }
    }

    /// Adds a row that is `z` deviations off: normal, were nothing to have changed. What is usual is known to `margin`
    /// deviations; being off by less is no evidence.
    pub(super) fn add(&mut self, z: f64, margin: f64) {
        for (at, shift) in SHIFTS.into_iter().enumerate() {
            self.up[at] = log_one_plus(self.up[at]) + evidence(z - margin, shift);
            self.down[at] = log_one_plus(self.down[at]) + evidence(z + margin, -shift);
        }
    }

    /// Logarithm of the averaged R.
    pub(super) fn log(&self) -> f64 {
        log_mean(&[log_mean(&self.up), log_mean(&self.down)])
    }

    /// The shift that fits best.
    pub(super) fn best(&self) -> f64 {
        let signed = |logs: [f64; SHIFTS.len()], sign: f64| logs.into_iter().zip(SHIFTS.map(|shift| sign * shift));
        let all = signed(self.up, 1.0).chain(signed(self.down, -1.0));
        all.max_by(|a, b| a.0.total_cmp(&b.0)).map_or(0.0, |(_, shift)| shift)
    }
}

/// Logarithm of how much likelier a row is if the series has moved by `shift`.
pub(super) fn evidence(z: f64, shift: f64) -> f64 {
    shift * z - shift * shift / 2.0
}
