//! How much noisier a series is than pure sampling, measured where it hurts: over an hour and over four.
//!
//! Evidence adds up over steps, so what counts is the variance of sums. Batch means over several lengths catch a slow
//! wander that neighbouring steps do not show (the long-run variance; see e.g. Glynn & Whitt 1991 on batch means).

use serde::{Deserialize, Serialize};

/// Steps in a batch: five minutes, an hour, four hours.
const LENGTHS: [u32; 3] = [1, 12, 48];
/// Batches that half of the weight lies on: two days, a week and two weeks.
const HALF_LIVES: [f64; 3] = [576.0, 168.0, 84.0];
/// What is believed before anything was seen, worth so many batches.
const PRIOR: f64 = 2.0;
const PRIOR_BATCHES: u32 = 6;
/// A batch counts as no more than so many times the usual square: one outage must not blunt the detector for a week.
const SQUARE_MAX: f64 = 6.0;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Dispersion {
    batches: [Batch; 3],
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Batch {
    sum: f32,
    mean_square: f32,
    steps: u32,
    seen: u32,
}

impl Dispersion {
    pub(crate) fn new() -> Self {
        Self { batches: [Batch { sum: 0.0, steps: 0, mean_square: PRIOR as f32, seen: PRIOR_BATCHES }; 3] }
    }

    pub(crate) fn learn(&mut self, z: f64) {
        for ((batch, length), half_life) in self.batches.iter_mut().zip(LENGTHS).zip(HALF_LIVES) {
            batch.sum += z as f32;
            batch.steps += 1;
            if batch.steps < length {
                continue;
            }
            let mean_square = f64::from(batch.mean_square);
            let square = (f64::from(batch.sum).powi(2) / f64::from(length)).min(SQUARE_MAX * mean_square);
            batch.seen = batch.seen.saturating_add(1);
            let gain = (1.0 / f64::from(batch.seen)).max(1.0 - (-1.0 / half_life).exp2());
            batch.mean_square = (mean_square + gain * (square - mean_square)) as f32;
            (batch.sum, batch.steps) = (0.0, 0);
        }
    }

    /// The factor by which sums vary more than sampling alone explains, at least 1.
    pub(crate) fn factor(&self) -> f64 {
        self.batches.iter().map(|batch| f64::from(batch.mean_square)).fold(1.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_noise_needs_no_correction_and_a_slow_wander_does() {
        // A fixed sequence that looks like noise of variance 1: golden-ratio steps through the triangle wave.
        let noise = |t: u32| {
            let phase = (f64::from(t) * 0.618_033_988_75).fract();
            (phase * 2.0 - 1.0) * 3.0_f64.sqrt()
        };
        let mut white = Dispersion::new();
        let mut wandering = Dispersion::new();
        for t in 0..8000 {
            white.learn(noise(t));
            wandering.learn(noise(t) + (f64::from(t) / 60.0).sin());
        }
        assert!(white.factor() < 1.5, "{}", white.factor());
        assert!(wandering.factor() > 8.0, "{}", wandering.factor());
    }

    #[test]
    fn one_outage_does_not_blunt_it() {
        let mut dispersion = Dispersion::new();
        (0..2000).for_each(|t| dispersion.learn(if t % 2 == 0 { 1.0 } else { -1.0 }));
        let before = dispersion.factor();
        (0..12).for_each(|_| dispersion.learn(100.0));
        assert!(dispersion.factor() < 2.0 * before + 1.0, "{before} {}", dispersion.factor());
    }
}
