//! What every detector of the list has to stand. All are taken from the list, by what they judge: none can be forgotten.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

mod cohorts;
mod metrics;
mod series;

use hark_detectors::{Scored, Settings};

const SETTINGS: Settings = Settings { false_alarms: 0.1, period_rows: None, seed: 1 };
/// The promise, a quarter above nominal, as docs/figures.md has it.
const PROMISED: f64 = 0.125;
/// Each detector fails by chance once in a thousand times.
const CHANCE: f64 = 1e-3;

/// Fixed pseudo-random numbers (splitmix64), so that a failure repeats.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (((z ^ (z >> 31)) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// Standard normal (Box and Muller 1958).
    fn normal(&mut self) -> f64 {
        (-2.0 * self.next().ln()).sqrt() * (std::f64::consts::TAU * self.next()).cos()
    }
}

fn assert_scored(name: &str, at: usize, scored: Scored) {
    let sound = scored.score.is_finite() && scored.score >= 0.0 && (0.0..=1.0).contains(&scored.p_value);
    assert!(sound, "{name}: row {at}: {scored:?}");
}

/// The smallest count that is exceeded with no more than this chance.
fn binomial_quantile(trials: u64, share: f64, chance: f64) -> u64 {
    let (mut mass, mut below) = ((1.0 - share).powi(i32::try_from(trials).unwrap()), 0.0);
    for count in 0..trials {
        below += mass;
        if 1.0 - below <= chance {
            return count;
        }
        mass *= (trials - count) as f64 / (count + 1) as f64 * share / (1.0 - share);
    }
    trials
}
