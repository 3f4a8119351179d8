//! What came of one step, or of a few older ones together, in sixteen bytes.

use hark_model::Step;
use serde::{Deserialize, Serialize};

use crate::recent::Past;
use crate::tally::Tally;

/// Which tally it is: all of one series are of one kind, so that an entry need not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) enum Kind {
    #[default]
    Share,
    Count,
    Distance,
}

/// Counts of requests are exact up to 16 million.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Hits, a count or a sum of distances.
    seen: f32,
    /// What that is judged against: requests, their expected number, or for distances the weight.
    against: f32,
    expected: f32,
    /// The step, and above it a share's chance or the number of steps.
    step_and_rest: u32,
}

/// Steps are known but for multiples of 512: a day has 288.
const STEP_BITS: u32 = 9;
const STEPS_TOLD_APART: i64 = 1 << STEP_BITS;
/// Of a chance's 28 bits so many are dropped: the 23 that stay know it to two parts in a million.
const DROPPED_BITS: u32 = 5;
/// 2^-24, the smallest chance there is.
const CHANCE_MIN: f32 = 1.0 / 16_777_216.0;
/// The largest is below one.
const CHANCE_MAX: f32 = 1.0 - f32::EPSILON;

impl Kind {
    pub(crate) fn of(tally: &Tally) -> Self {
        match tally {
            Tally::Share { .. } => Self::Share,
            Tally::Count { .. } => Self::Count,
            Tally::Distance { .. } => Self::Distance,
        }
    }
}

impl Entry {
    pub(crate) fn new(past: &Past) -> Self {
        let (seen, against, rest) = match past.tally {
            Tally::Share { hits, count, chance } => (hits, count, code(chance)),
            Tally::Count { count, mean } => (count, mean, past.weight as u32),
            Tally::Distance { z, steps } => (z, past.weight, steps as u32),
        };
        let step = past.step.0.rem_euclid(STEPS_TOLD_APART) as u32;
        Self {
            seen: seen as f32,
            against: against as f32,
            expected: past.expected as f32,
            step_and_rest: rest << STEP_BITS | step,
        }
    }

    /// The entry of a series of this kind, none of whose steps is after `newest`.
    pub(crate) fn unpack(&self, kind: Kind, newest: Step) -> Past {
        let (seen, against) = (f64::from(self.seen), f64::from(self.against));
        let rest = self.step_and_rest >> STEP_BITS;
        let (tally, weight) = match kind {
            Kind::Share => (Tally::Share { hits: seen, count: against, chance: chance(rest) }, against),
            Kind::Count => (Tally::Count { count: seen, mean: against }, f64::from(rest)),
            Kind::Distance => (Tally::Distance { z: seen, steps: f64::from(rest) }, against),
        };
        Past { step: self.step(newest), tally, expected: f64::from(self.expected), weight }
    }

    pub(crate) fn step(&self, newest: Step) -> Step {
        Step(newest.0 - (newest.0 - i64::from(self.step_and_rest)).rem_euclid(STEPS_TOLD_APART))
    }
}

/// The bits of a chance above those of the smallest, rounded.
fn code(chance: f64) -> u32 {
    let above = (chance as f32).clamp(CHANCE_MIN, CHANCE_MAX).to_bits() - CHANCE_MIN.to_bits();
    (above + (1 << (DROPPED_BITS - 1))) >> DROPPED_BITS
}

fn chance(code: u32) -> f64 {
    f64::from(f32::from_bits((code << DROPPED_BITS) + CHANCE_MIN.to_bits()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bytes_hold_a_step_of_each_kind() {
        assert_eq!(size_of::<Entry>(), 16);
        let tallies = [
            (Tally::Share { hits: 3.0, count: 16_000_000.0, chance: 0.375 }, 16_000_000.0),
            (Tally::Count { count: 70_000.0, mean: 65_000.5 }, 6.0),
            (Tally::Distance { z: -4.25, steps: 5.0 }, 1_000.0),
        ];
        for (tally, weight) in tallies {
            for age in [0, 1, 287, 300] {
                let past = Past { step: Step(5_908_031 - age), tally, expected: 512.25, weight };
                assert_eq!(Entry::new(&past).unpack(Kind::of(&tally), Step(5_908_031)), past);
            }
        }
    }

    #[test]
    fn any_chance_is_known_to_two_parts_in_a_million() {
        let largest = (0..20_000).map(|at| 1e-6 * (f64::from(at) * 13.764 / 20_000.0).exp());
        for exact in largest.chain([1e-6, 0.05, 0.5, 0.95]) {
            let kept = chance(code(exact));
            assert!((kept / exact - 1.0).abs() < 2e-6, "{exact} {kept}");
        }
        assert!(chance(code(1.0)) <= 1.0 && chance(code(0.0)) > 0.0);
    }
}
