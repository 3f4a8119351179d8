//! Evidence that grows: the Shiryaev-Roberts e-detector over a few alternatives.
//!
//! `R' = (1 + R) * L` with `L` a likelihood ratio. While nothing has changed `R - t` is a martingale, so the time until
//! `R` first reaches `A` is at least `A` steps on average: that is the false-alarm budget (Shin, Ramdas & Rinaldo,
//! "E-detectors", 2023). Averages of e-detectors are e-detectors, whatever depends on what. A likelihood ratio raised
//! to a power below one stays an e-value (Jensen), which is how noise above sampling noise is paid for.

use serde::{Deserialize, Serialize};

use crate::tally::Tally;

/// Factors on the odds (or the mean) that are looked for in each direction: subtle to drastic.
const UP: [f64; 4] = [1.15, 1.4, 2.0, 4.0];
const DOWN: [f64; 4] = [0.87, 0.7, 0.45, 0.1];

/// Logarithms of R, one an alternative, to seven digits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Evidence {
    up: [f32; 4],
    down: [f32; 4],
}

impl Evidence {
    pub(crate) fn new() -> Self {
        Self { up: [f32::NEG_INFINITY; 4], down: [f32::NEG_INFINITY; 4] }
    }

    /// Adds a step, told as it looks to each question: `up` against the most that would still be fine, `down` against
    /// the least. `power` is one over the dispersion.
    pub(crate) fn add(&mut self, up: Tally, down: Tally, power: f64) {
        for (logs, factors, tally) in [(&mut self.up, UP, up), (&mut self.down, DOWN, down)] {
            for (log, factor) in logs.iter_mut().zip(factors) {
                *log = (log_one_plus(f64::from(*log)) + power * tally.evidence_for(factor)) as f32;
            }
        }
    }

    /// No alternative keeps more than this: what is over is soon seen to be.
    pub(crate) fn cap(&mut self, log: f64) {
        self.up.iter_mut().chain(&mut self.down).for_each(|one| *one = one.min(log as f32));
    }

    /// Logarithm of the averaged R.
    pub(crate) fn log_up(&self) -> f64 {
        log_mean(&self.up.map(f64::from))
    }

    pub(crate) fn log_down(&self) -> f64 {
        log_mean(&self.down.map(f64::from))
    }

    /// The alternative that fits best so far.
    pub(crate) fn best_up(&self) -> f64 {
        UP[best(&self.up)]
    }

    pub(crate) fn best_down(&self) -> f64 {
        DOWN[best(&self.down)]
    }
}

fn best(logs: &[f32; 4]) -> usize {
    (0..4).max_by(|&a, &b| logs[a].total_cmp(&logs[b])).unwrap_or(0)
}

/// `ln(1 + e^x)`, for any `x`.
pub(crate) fn log_one_plus(x: f64) -> f64 {
    if x > 30.0 { x } else { x.exp().ln_1p() }
}

/// `ln(mean(e^x))`.
pub(crate) fn log_mean(logs: &[f64]) -> f64 {
    let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    largest + (logs.iter().map(|log| (log - largest).exp()).sum::<f64>() / logs.len() as f64).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_grows_with_a_change_and_in_its_direction_alone() {
        let mut evidence = Evidence::new();
        for _ in 0..20 {
            let tally = Tally::Share { hits: 30.0, count: 300.0, chance: 0.05 };
            evidence.add(tally, tally, 1.0);
        }
        assert!(evidence.log_up() > 40.0, "{}", evidence.log_up());
        assert!(evidence.log_down() < 0.0, "{}", evidence.log_down());
        assert_eq!(evidence.best_up(), 2.0);
    }

    #[test]
    fn without_a_change_it_stays_low() {
        let mut evidence = Evidence::new();
        let mut highest = f64::NEG_INFINITY;
        for step in 0..2000 {
            let hits = [14.0, 16.0, 15.0, 13.0, 17.0][step % 5];
            let tally = Tally::Share { hits, count: 300.0, chance: 0.05 };
            evidence.add(tally, tally, 1.0);
            highest = highest.max(evidence.log_up());
        }
        assert!(highest < 5.0, "{highest}");
    }

    #[test]
    fn logs_of_sums_are_exact() {
        assert!((log_mean(&[0.0, 2.0_f64.ln()]) - 1.5_f64.ln()).abs() < 1e-12);
        assert!((log_mean(&[800.0, 800.0]) - 800.0).abs() < 1e-12);
        assert_eq!(log_mean(&[f64::NEG_INFINITY; 2]), f64::NEG_INFINITY);
    }
}
