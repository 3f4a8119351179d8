//! The last day of a series as it was judged: step by step for three hours, by the half hour before that.
//!
//! A strong change is told within minutes and its onset is looked for among the steps. What takes hours to be told is
//! not known to the minute anyway.

use std::collections::VecDeque;

use hark_model::Step;
use serde::{Deserialize, Serialize};

use crate::entry::{Entry, Kind};
use crate::tally::Tally;

/// A day.
const STEPS: i64 = 288;
const FINE_STEPS: i64 = 36;
/// Steps that become one entry.
const COARSE_STEPS: i64 = 6;
/// The three hours with the begun half hour before them, and 41 half hours. Room is made for all at once: a series that
/// is judged has been there for days, and one that grows little by little leaves holes behind it.
const ENTRIES_MAX: usize = 83;

/// What came of one step, or of a few older ones from `step` on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Past {
    pub(crate) step: Step,
    pub(crate) tally: Tally,
    /// By weight, where it is of several steps.
    pub(crate) expected: f64,
    pub(crate) weight: f64,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Recent {
    kind: Kind,
    /// So many of the oldest entries stand for half hours.
    half_hours: u8,
    newest: Step,
    /// Oldest first.
    entries: VecDeque<Entry>,
}

impl Recent {
    pub(crate) fn push(&mut self, past: Past) {
        while self.oldest().is_some_and(|oldest| oldest.0 <= past.step.0 - STEPS) {
            self.entries.pop_front();
            self.half_hours = self.half_hours.saturating_sub(1);
        }
        self.make_coarser(past.step);
        if self.entries.len() == self.entries.capacity() {
            self.entries.reserve_exact(ENTRIES_MAX.saturating_sub(self.entries.len()).max(1));
        }
        self.entries.push_back(Entry::new(&past));
        (self.kind, self.newest) = (Kind::of(&past.tally), past.step);
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = Past> {
        self.entries.iter().map(|entry| entry.unpack(self.kind, self.newest))
    }

    /// Steps from the oldest to the newest.
    pub(crate) fn span(&self) -> usize {
        self.oldest().map_or(0, |oldest| usize::try_from(self.newest.0 - oldest.0).unwrap_or(0) + 1)
    }

    /// What came of this very step.
    pub(crate) fn of(&self, step: Step) -> Option<Past> {
        self.iter().next_back().filter(|past| past.step == step)
    }

    /// What it has beyond its own size, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
    }

    fn oldest(&self) -> Option<Step> {
        self.entries.front().map(|entry| entry.step(self.newest))
    }

    /// Puts the steps of each half hour together once all of it is old.
    fn make_coarser(&mut self, now: Step) {
        let half_hour = |step: Step| step.0.div_euclid(COARSE_STEPS);
        let fine_from = |now: Step| half_hour(Step(now.0 - FINE_STEPS));
        if fine_from(now) == fine_from(self.newest) {
            return;
        }
        let newest = self.newest;
        let of = |entry: &Entry| half_hour(entry.step(newest));
        while let Some(first) = self.entries.get(self.half_hours.into()).map(of).filter(|first| *first < fine_from(now))
        {
            let at = usize::from(self.half_hours);
            let count = self.entries.iter().skip(at).take_while(|entry| of(entry) == first).count();
            let steps = self.entries.range(at..at + count).map(|entry| entry.unpack(self.kind, newest));
            if let Some(both) = steps.reduce(Past::and) {
                self.entries[at] = Entry::new(&both);
            }
            self.entries.drain(at + 1..at + count);
            self.half_hours += 1;
        }
    }
}

impl Past {
    fn and(self, next: Self) -> Self {
        let weight = self.weight + next.weight;
        let mean = |mine: f64, of_next: f64| {
            if weight > 0.0 { (mine * self.weight + of_next * next.weight) / weight } else { mine }
        };
        let tally = match (self.tally, next.tally) {
            (
                Tally::Share { hits, count, chance },
                Tally::Share { hits: next_hits, count: next_count, chance: next_chance },
            ) => Tally::Share { hits: hits + next_hits, count: count + next_count, chance: mean(chance, next_chance) },
            (Tally::Count { count, mean }, Tally::Count { count: next_count, mean: next_mean }) => {
                Tally::Count { count: count + next_count, mean: mean + next_mean }
            }
            (Tally::Distance { z, steps }, Tally::Distance { z: next_z, steps: next_steps }) => {
                Tally::Distance { z: z + next_z, steps: steps + next_steps }
            }
            (mine, other) => unreachable!("tallies of one series are of one kind, not {mine:?} and {other:?}"),
        };
        Self { step: self.step, tally, expected: mean(self.expected, next.expected), weight }
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
    fn gaps_are_kept_and_distances_add_up() {
        let mut recent = Recent::default();
        let distance = |step: i64| Past {
            step: Step(step),
            tally: Tally::Distance { z: 0.5, steps: 1.0 },
            expected: -3.0,
            weight: 9.0,
        };
        (0..400).filter(|step| step % 5 == 0).for_each(|step| recent.push(distance(step)));
        let kept: Vec<Past> = recent.iter().collect();
        // Every fifth step: some half hours have two of the last day's 58.
        assert!(kept.len() < 58, "{}", kept.len());
        assert!(kept.iter().all(|past| past.expected == -3.0 && past.step.0 % 5 == 0));
        assert_eq!(kept.iter().map(|past| past.weight).sum::<f64>(), 58.0 * 9.0);
        let far = |tally: Tally| tally.evidence_for(2.0);
        let sum: f64 = kept.iter().map(|past| far(past.tally)).sum();
        assert_eq!(sum, 58.0 * far(distance(0).tally));
        assert_eq!(recent.of(Step(395)), Some(distance(395)));
        assert_eq!(recent.of(Step(399)), None);
        assert_eq!(recent.span(), 286);
    }

    #[test]
    fn whatever_gaps_come_the_room_is_enough() {
        for (length, gap) in [(1, 0), (36, 36), (40, 7), (5, 1), (100, 280), (300, 600)] {
            let mut recent = Recent::default();
            (4_000..6_000).filter(|step| step % (length + gap) < length).map(share).for_each(|past| {
                recent.push(past);
                assert!(recent.heap_bytes() <= 16 * ENTRIES_MAX, "{length} {gap} {}", recent.entries.len());
                let kept: Vec<i64> = recent.iter().map(|past| past.step.0).collect();
                assert!(kept.is_sorted_by(|a, b| a < b) && kept[0] > past.step.0 - STEPS, "{kept:?}");
                assert_eq!(kept.last(), Some(&past.step.0));
            });
        }
    }
}
