//! What comes every week and goes again: told twice, the third time it is no news.

use hark_model::{STEP_MINUTES, Step};
use serde::{Deserialize, Serialize};

const WEEK_STEPS: i64 = 7 * 24 * 60 / STEP_MINUTES;
/// Weeks that are looked back, and in how many of them it must have been there.
const WEEKS: i64 = 4;
const WEEKS_MIN: usize = 2;
/// It comes an hour sooner or later.
const ABOUT_STEPS: i64 = 60 / STEP_MINUTES;
/// What lasts longer is no habit of some hours.
const LASTS_STEPS_MAX: i64 = 24 * 60 / STEP_MINUTES;
/// A series that was bad more often than this in four weeks has no habits.
const SPANS_MAX: usize = 32;

/// The first and last steps of past regressions that ended, the newest last, in four bytes each.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Habit(Box<[[u32; 2]]>);

impl Habit {
    pub(crate) fn add(&mut self, [from, to]: [Step; 2]) {
        if to.0 - from.0 > LASTS_STEPS_MAX {
            return;
        }
        let is_near = |until: u32| to.0 - i64::from(until) <= WEEKS * WEEK_STEPS + ABOUT_STEPS;
        let near = self.0.iter().copied().filter(|[_, until]| is_near(*until));
        let spans: Vec<[u32; 2]> =
            near.chain([[from, to].map(|step| u32::try_from(step.0).unwrap_or_default())]).collect();
        self.0 = spans[spans.len().saturating_sub(SPANS_MAX)..].into();
    }

    /// Whether it was as bad at these hours of at least two of the four weeks before.
    pub(crate) fn has(&self, onset: Step, now: Step) -> bool {
        let was = |weeks: &i64| {
            let [from, to] = [onset, now].map(|step| step.0 - weeks * WEEK_STEPS);
            let mut known = self.0.iter().map(|span| span.map(i64::from));
            known.any(|[began, ended]| began - ABOUT_STEPS <= from && to <= ended + ABOUT_STEPS)
        };
        (1..=WEEKS).filter(was).count() >= WEEKS_MIN
    }

    /// What it has beyond its own size, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(week: i64, step: i64) -> Step {
        Step(900_000 + week * WEEK_STEPS + step)
    }

    #[test]
    fn what_came_twice_at_these_hours_is_a_habit_and_what_lasts_longer_is_not() {
        let mut habit = Habit::default();
        habit.add([at(0, 100), at(0, 124)]);
        assert!(!habit.has(at(1, 100), at(1, 110)), "once");
        habit.add([at(1, 102), at(1, 125)]);
        assert!(habit.has(at(2, 95), at(2, 130)));
        assert!(!habit.has(at(2, 80), at(2, 110)), "sooner");
        assert!(!habit.has(at(2, 100), at(2, 140)), "longer");
        assert!(!habit.has(at(2, 388), at(2, 400)), "another day");
        assert!(!habit.has(at(5, 100), at(5, 110)), "only one of four weeks");
    }

    #[test]
    fn what_lasts_for_days_and_what_is_old_is_none() {
        let mut habit = Habit::default();
        (0..2).for_each(|week| habit.add([at(week, 0), at(week, 600)]));
        assert!(!habit.has(at(2, 10), at(2, 20)));
        (0..20).for_each(|week| habit.add([at(week, 100), at(week, 124)]));
        assert!(habit.0.len() <= 6, "{}", habit.0.len());
        (0..100).for_each(|span| habit.add([at(30, span * 3), at(30, span * 3 + 1)]));
        assert_eq!(habit.0.len(), SPANS_MAX);
    }
}
