//! The last day of a series as it was judged: step by step for three hours, by the half hour before that.
//!
//! A strong change is told within minutes and its onset is looked for among the steps. What takes hours to be told is
//! not known to the minute anyway.

use std::collections::VecDeque;

use hark_model::Step;
use serde::{Deserialize, Serialize};

use crate::tally::Tally;

/// A day.
const STEPS: i64 = 288;
const FINE_STEPS: i64 = 36;
/// Steps that become one entry.
const COARSE_STEPS: i64 = 6;
/// Room is made for so many more entries at a time: doubling would leave nearly half of it unused.
const ENTRIES_MORE: usize = 12;

/// What came of one step, or of a few older ones from `step` on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Past {
    pub(crate) step: Step,
    pub(crate) tally: Tally,
    /// By weight, where it is of several steps.
    pub(crate) expected: f64,
    pub(crate) weight: f64,
}

/// Oldest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Recent(VecDeque<Packed>);

/// In 24 bytes; a step's counts are exact up to 16 million.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Packed {
    step: i32,
    tally: PackedTally,
    expected: f32,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum PackedTally {
    Share { hits: f32, count: f32, chance: f32 },
    Count { count: f32, mean: f32, steps: f32 },
    Distance { z: f32, weight: f32 },
}

impl Recent {
    pub(crate) fn push(&mut self, past: Past) {
        if self.0.len() == self.0.capacity() {
            self.0.reserve_exact(ENTRIES_MORE);
        }
        self.0.push_back(Packed::new(past));
        self.make_coarser(past.step);
        while self.0.front().is_some_and(|oldest| i64::from(oldest.step) <= past.step.0 - STEPS) {
            self.0.pop_front();
        }
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = Past> {
        self.0.iter().map(Packed::unpack)
    }

    /// Steps from the oldest to the newest.
    pub(crate) fn span(&self) -> usize {
        let ends = self.0.front().zip(self.0.back());
        ends.map_or(0, |(oldest, newest)| usize::try_from(newest.step - oldest.step).unwrap_or(0) + 1)
    }

    /// What came of this very step.
    pub(crate) fn of(&self, step: Step) -> Option<Past> {
        self.0.back().map(Packed::unpack).filter(|past| past.step == step)
    }

    /// Puts the steps of a half hour together once all of it is old. Distances do not add up.
    fn make_coarser(&mut self, now: Step) {
        let half_hour = |packed: &Packed| i64::from(packed.step).div_euclid(COARSE_STEPS);
        let fine_from = (now.0 - FINE_STEPS).div_euclid(COARSE_STEPS);
        // Those before it have been put together already.
        let oldest_fine = self.0.partition_point(|packed| half_hour(packed) < fine_from - 1);
        while let (Some(&mine), Some(&next)) = (self.0.get(oldest_fine), self.0.get(oldest_fine + 1)) {
            let Some(both) =
                mine.and(next).filter(|_| half_hour(&mine) == half_hour(&next) && half_hour(&mine) < fine_from)
            else {
                break;
            };
            self.0[oldest_fine] = both;
            self.0.remove(oldest_fine + 1);
        }
    }
}

impl Packed {
    fn new(past: Past) -> Self {
        let weight = past.weight as f32;
        let tally = match past.tally {
            Tally::Share { hits, count, chance } => {
                PackedTally::Share { hits: hits as f32, count: count as f32, chance: chance as f32 }
            }
            Tally::Count { count, mean } => {
                PackedTally::Count { count: count as f32, mean: mean as f32, steps: weight }
            }
            Tally::Distance { z } => PackedTally::Distance { z: z as f32, weight },
        };
        Self { step: past.step.0 as i32, tally, expected: past.expected as f32 }
    }

    fn unpack(&self) -> Past {
        let (tally, weight) = match self.tally {
            PackedTally::Share { hits, count, chance } => {
                (Tally::Share { hits: hits.into(), count: count.into(), chance: chance.into() }, count)
            }
            PackedTally::Count { count, mean, steps } => {
                (Tally::Count { count: count.into(), mean: mean.into() }, steps)
            }
            PackedTally::Distance { z, weight } => (Tally::Distance { z: z.into() }, weight),
        };
        Past { step: Step(self.step.into()), tally, expected: self.expected.into(), weight: weight.into() }
    }

    fn and(self, next: Self) -> Option<Self> {
        let (a, b) = (self.unpack(), next.unpack());
        let weight = a.weight + b.weight;
        let mean =
            |of_a: f64, of_b: f64| if weight > 0.0 { (of_a * a.weight + of_b * b.weight) / weight } else { of_a };
        let tally = match (a.tally, b.tally) {
            (
                Tally::Share { hits, count, chance },
                Tally::Share { hits: next_hits, count: next_count, chance: next_chance },
            ) => Tally::Share { hits: hits + next_hits, count: count + next_count, chance: mean(chance, next_chance) },
            (Tally::Count { count, mean }, Tally::Count { count: next_count, mean: next_mean }) => {
                Tally::Count { count: count + next_count, mean: mean + next_mean }
            }
            _ => return None,
        };
        Some(Self::new(Past { step: a.step, tally, expected: mean(a.expected, b.expected), weight }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(step: i64) -> Past {
        let tally = Tally::Share { hits: (step % 7) as f64, count: 100.0, chance: 0.0625 };
        Past { step: Step(step), tally, expected: 200.0 + (step % 3) as f64, weight: 100.0 }
    }

    #[test]
    fn a_day_adds_up_in_few_entries() {
        let mut recent = Recent::default();
        let steps = 5_000_000..5_000_700;
        steps.clone().for_each(|step| recent.push(share(step)));
        let kept: Vec<Past> = recent.iter().collect();
        assert!(kept.len() <= 36 + 6 + 43, "{}", kept.len());
        let oldest = kept[0].step.0;
        assert!((steps.end - 288 - 6..=steps.end - 288 + 6).contains(&oldest), "{oldest}");
        let hits = |pasts: &mut dyn Iterator<Item = Past>| -> f64 {
            pasts.map(|past| past.tally.observed_and_expected().0).sum()
        };
        assert_eq!(hits(&mut kept.iter().copied()), hits(&mut (oldest..steps.end).map(share)));
        assert_eq!(kept.iter().map(|past| past.weight).sum::<f64>(), 100.0 * (steps.end - oldest) as f64);
        // The newest three hours stand step by step.
        let fine: Vec<Past> = kept[kept.len() - 36..].to_vec();
        assert_eq!(fine, (steps.end - 36..steps.end).map(share).collect::<Vec<_>>());
    }

    #[test]
    fn gaps_and_distances_are_kept_as_they_came() {
        let mut recent = Recent::default();
        let distance =
            |step: i64| Past { step: Step(step), tally: Tally::Distance { z: 0.5 }, expected: -3.0, weight: 9.0 };
        (0..400).filter(|step| step % 5 == 0).for_each(|step| recent.push(distance(step)));
        assert_eq!(recent.iter().count(), 58);
        assert!(recent.iter().all(|past| past == distance(past.step.0)));
        assert_eq!(recent.of(Step(395)), Some(distance(395)));
        assert_eq!(recent.of(Step(399)), None);
        assert_eq!(recent.span(), 286);
    }
}
