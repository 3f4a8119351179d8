//! What a series would catch: sizes tried up and down like a staircase, and what became of each try.

use hark_model::{MetricKind, STEP_MINUTES};
use serde::{Deserialize, Serialize};

pub(super) const RUNGS: usize = 6;
/// A size is judged by its last tries.
const TRIES: usize = 4;
/// Instead of a number of steps.
const UNTRIED: u8 = 0;
const MISSED: u8 = u8::MAX;
/// A series begins in the middle: twenty percent of a latency.
const FIRST_RUNG: u8 = 3;

/// Sizes as shares of the value.
pub(super) fn sizes(kind: &MetricKind) -> [f64; RUNGS] {
    match kind {
        MetricKind::Ratio { .. } => [0.1, 0.2, 0.5, 1.0, 2.0, 4.0],
        MetricKind::Count => [0.05, 0.1, 0.2, 0.3, 0.5, 0.9],
        _ => [0.03, 0.05, 0.1, 0.2, 0.5, 1.0],
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Ladder {
    rung: u8,
    pub(super) tries: u32,
    /// By rung, the newest first: after how many steps it was caught.
    outcomes: [[u8; TRIES]; RUNGS],
}

/// The smallest size that most tries of it caught, and the time that all of those took at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Smallest {
    pub(super) rung: usize,
    pub(super) within_minutes: u32,
}

impl Default for Ladder {
    fn default() -> Self {
        Self { rung: FIRST_RUNG, tries: 0, outcomes: [[UNTRIED; TRIES]; RUNGS] }
    }
}

impl Ladder {
    /// The size to try next.
    pub(super) fn rung(&self) -> usize {
        usize::from(self.rung)
    }

    /// A try of `rung` has ended: after how many steps it was caught, `None` for a miss.
    pub(super) fn note(&mut self, rung: usize, caught_after: Option<u32>) {
        let outcome = match caught_after {
            Some(steps) => u8::try_from(steps.max(1)).unwrap_or(MISSED - 1).min(MISSED - 1),
            None => MISSED,
        };
        let outcomes = &mut self.outcomes[rung];
        outcomes.rotate_right(1);
        outcomes[0] = outcome;
        self.tries += 1;
        self.rung = match caught_after {
            Some(_) => rung.saturating_sub(1),
            None => (rung + 1).min(RUNGS - 1),
        } as u8;
    }

    /// From the largest size down as far as most tries are caught; sizes never tried are passed over.
    pub(super) fn smallest(&self) -> Option<Smallest> {
        let mut smallest = None;
        for (rung, outcomes) in self.outcomes.iter().enumerate().rev() {
            let tried: Vec<u8> = outcomes.iter().copied().filter(|outcome| *outcome != UNTRIED).collect();
            let caught: Vec<u8> = tried.iter().copied().filter(|outcome| *outcome != MISSED).collect();
            if tried.is_empty() {
                continue;
            }
            if 2 * caught.len() <= tried.len() {
                break;
            }
            let slowest = caught.into_iter().max().unwrap_or(UNTRIED);
            smallest = Some(Smallest { rung, within_minutes: u32::from(slowest) * STEP_MINUTES as u32 });
        }
        smallest
    }

    pub(super) fn has_caught(&self) -> bool {
        self.outcomes.iter().flatten().any(|outcome| ![UNTRIED, MISSED].contains(outcome))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_staircase_settles_between_what_is_caught_and_what_is_missed() {
        let mut ladder = Ladder::default();
        for _ in 0..20 {
            let rung = ladder.rung();
            ladder.note(rung, (rung >= 2).then_some(7));
        }
        assert!([1, 2].contains(&ladder.rung()));
        assert_eq!(ladder.smallest(), Some(Smallest { rung: 2, within_minutes: 35 }));
        assert!(ladder.has_caught() && ladder.tries == 20);
    }

    #[test]
    fn a_lucky_catch_below_a_size_that_is_missed_says_nothing() {
        let mut ladder = Ladder::default();
        assert_eq!(ladder.smallest(), None);
        ladder.note(5, Some(2));
        ladder.note(3, None);
        ladder.note(1, Some(9));
        assert_eq!(ladder.smallest(), Some(Smallest { rung: 5, within_minutes: 10 }));
        ladder.note(5, None);
        assert_eq!(ladder.smallest(), None);
    }

    #[test]
    fn the_newest_tries_count() {
        let mut ladder = Ladder::default();
        (0..4).for_each(|_| ladder.note(0, None));
        (0..3).for_each(|_| ladder.note(0, Some(10)));
        assert_eq!(ladder.smallest(), Some(Smallest { rung: 0, within_minutes: 50 }));
    }
}
