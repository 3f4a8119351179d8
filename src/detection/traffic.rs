//! How many requests a series had week by week: whether they are still those of the same people.

use hark_model::{STEP_MINUTES, Step};
use serde::{Deserialize, Serialize};

const WEEK_STEPS: i64 = 7 * 24 * 60 / STEP_MINUTES;
/// Four weeks that are over, and the newest.
const WEEKS: usize = 5;
/// A newest week of which less is over counts with none.
const NEWEST_STEPS_MIN: i64 = WEEK_STEPS / 2;

/// Kept beside each watch, as points of many series are not kept for weeks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Traffic {
    newest: Step,
    /// Of weeks since 1970, the newest last.
    requests: [u32; WEEKS],
}

impl Traffic {
    pub(super) fn add(&mut self, step: Step, requests: u64) {
        let weeks = step.0.div_euclid(WEEK_STEPS) - self.week();
        if weeks > 0 {
            let over = usize::try_from(weeks).unwrap_or(WEEKS).min(WEEKS);
            self.requests.copy_within(over.., 0);
            self.requests[WEEKS - over..].fill(0);
            self.newest = step;
        }
        self.newest = self.newest.max(step);
        let newest = &mut self.requests[WEEKS - 1];
        *newest = newest.saturating_add(u32::try_from(requests).unwrap_or(u32::MAX));
    }

    /// The least and the most part of all requests that it had in a week; `None` where no two weeks are known.
    pub(super) fn shares(&self, all: &Self) -> Option<[f64; 2]> {
        let is_early = all.newest.0.rem_euclid(WEEK_STEPS) < NEWEST_STEPS_MIN;
        let weeks = (0..WEEKS - usize::from(is_early)).map(|back| all.week() - i64::from(is_early) - back as i64);
        let known = weeks.map(|week| (self.of(week), all.of(week))).filter(|(_, all)| *all > 0.0);
        let shares: Vec<f64> = known.map(|(own, all)| own / all).collect();
        let least = shares.iter().copied().fold(f64::INFINITY, f64::min);
        (shares.len() > 1).then(|| [least, shares.iter().copied().fold(0.0, f64::max)])
    }

    fn week(&self) -> i64 {
        self.newest.0.div_euclid(WEEK_STEPS)
    }

    fn of(&self, week: i64) -> f64 {
        let at = week - self.week() + WEEKS as i64 - 1;
        usize::try_from(at).ok().and_then(|at| self.requests.get(at)).map_or(0.0, |requests| f64::from(*requests))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many requests in each step of each of these weeks, of the last one's in the first steps only.
    fn traffic(first: i64, weeks: &[u64], newest_steps: i64) -> Traffic {
        let mut traffic = Traffic::default();
        for (week, requests) in (first..).zip(weeks) {
            let is_newest = week == first + weeks.len() as i64 - 1;
            let steps = if is_newest { newest_steps } else { WEEK_STEPS };
            (0..steps).for_each(|step| traffic.add(Step(week * WEEK_STEPS + step), *requests));
        }
        traffic
    }

    #[test]
    fn a_steady_part_of_all_requests_is_told_from_one_that_others_make_up() {
        let all = traffic(2900, &[10, 20, 10, 20, 40, 40], WEEK_STEPS);
        assert_eq!(traffic(2900, &[5, 10, 5, 10, 20, 20], WEEK_STEPS).shares(&all), Some([0.5, 0.5]));
        assert_eq!(traffic(2900, &[5, 2, 5, 10, 20, 30], WEEK_STEPS).shares(&all), Some([0.1, 0.75]));
        assert_eq!(traffic(2903, &[2, 20, 20], WEEK_STEPS).shares(&all), Some([0.0, 0.5]), "it was not there before");
        assert_eq!(traffic(2900, &[5, 10, 5], WEEK_STEPS).shares(&all), Some([0.0, 0.5]), "it is gone");
    }

    #[test]
    fn the_first_days_of_a_week_are_no_week() {
        let own = [5, 5, 5, 9];
        let [early, late] = [9, WEEK_STEPS - 9].map(|steps| {
            let all = traffic(2900, &[10, 10, 10, 10], steps);
            traffic(2900, &own, steps).shares(&all)
        });
        assert_eq!((early, late), (Some([0.5, 0.5]), Some([0.5, 0.9])));
    }

    #[test]
    fn one_week_is_not_enough_and_a_hole_of_weeks_is_forgotten() {
        let all = traffic(2900, &[10], WEEK_STEPS);
        assert_eq!(all.shares(&all), None);
        let mut long_after = traffic(2900, &[10, 10], WEEK_STEPS);
        long_after.add(Step(2990 * WEEK_STEPS), 1);
        assert_eq!(long_after.requests, [0, 0, 0, 0, 1]);
        assert_eq!(Traffic::default().shares(&Traffic::default()), None);
    }
}
