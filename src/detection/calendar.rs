//! Whether requests are missing only as the calendar has it: on a holiday as many come as on a Sunday, and where clocks were
//! changed as many as a week before an hour earlier or later.

use hark_alerting::{Reason, has_holiday};
use hark_ingest::SliceIndex;
use hark_model::{Direction, Finding, STEP_MINUTES, Slice, Statistic, Step};

use super::Detection;
use crate::clocks;

const DAY_STEPS: i64 = 24 * 60 / STEP_MINUTES;
/// Fewer requests than the other day's by so many deviations of chance are no fewer.
const DEVIATIONS: f64 = 2.0;

impl Detection {
    pub(super) fn as_the_calendar_has_it(
        &self,
        metric: usize,
        index: SliceIndex,
        finding: &Finding,
        scope: &Slice,
        min_effect: f64,
        step: Step,
    ) -> Option<Reason> {
        let is_loss = finding.shift.statistic == Statistic::Count && finding.shift.direction == Direction::Down;
        if !is_loss {
            return None;
        }
        let from = finding.shift.onset.step();
        let is_as = |steps_before: i64| {
            let [own, other] = [0, steps_before].map(|before| {
                let [from, to] = [from, step.next()].map(|at| Step(at.0 - before));
                self.requests_in(metric, index, from, to)
            });
            own.zip(other).is_some_and(|(own, other)| is_as_many(own, other, min_effect))
        };
        if has_holiday(self.changes_until(step.end()), scope, finding.at) && is_as(DAY_STEPS * days_since_sunday(step))
        {
            return Some(Reason::Holiday);
        }
        let changed_by = clocks::changed_by(finding.at);
        // What was as few a week before by the clock of then is no matter of clocks.
        if is_as(7 * DAY_STEPS) {
            return None;
        }
        // Put back by an hour, what was done at six is done at seven.
        let minutes = changed_by.into_iter().find(|minutes| is_as(7 * DAY_STEPS - minutes / STEP_MINUTES))?;
        Some(Reason::Clocks { minutes })
    }

    /// Requests in `from..to`; `None` where that is not kept.
    fn requests_in(&self, metric: usize, index: SliceIndex, from: Step, to: Step) -> Option<f64> {
        let series = *self.watches[metric].get(index.0)?.series.first()?;
        let points = self.series.range(series, from, to);
        (points.len() as i64 == to.0 - from.0).then(|| points.iter().map(|point| point.count as f64).sum())
    }
}

fn days_since_sunday(step: Step) -> i64 {
    // The first of January 1970 was a Thursday.
    let days = (step.start().day() + 4).rem_euclid(7);
    if days == 0 { 7 } else { days }
}

/// As large a loss as the metric asks for is one against the other day, too.
fn is_as_many(own: f64, other: f64, min_effect: f64) -> bool {
    own > 0.0 && own + DEVIATIONS * (own + other).sqrt() >= other * (1.0 - min_effect)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sunday_before_is_one_to_seven_days_ago() {
        let days = |at: &str| days_since_sunday(at.parse::<hark_model::Timestamp>().unwrap().step());
        assert_eq!(days("2026-04-06T07:00:00Z"), 1);
        assert_eq!(days("2026-04-11T23:55:00Z"), 6);
        assert_eq!(days("2026-04-05T00:00:00Z"), 7);
    }

    #[test]
    fn as_many_as_on_the_other_day_are_no_loss_and_none_at_all_is_one() {
        assert!(is_as_many(900.0, 1000.0, 0.1));
        assert!(is_as_many(830.0, 1000.0, 0.1), "by chance");
        assert!(!is_as_many(700.0, 1000.0, 0.1));
        assert!(!is_as_many(0.0, 2.0, 0.1));
    }
}
