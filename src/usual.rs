//! Which hours say what is usual: the same hours of the days before, without those that are known to hold a regression.

use hark_model::{STEP_MINUTES, Step};

/// So many days before are asked.
pub(crate) const DAYS_BEFORE_MAX: i64 = 7;
/// Half an hour on either side steadies a short window.
const MARGIN_STEPS: i64 = 6;
/// All windows together are no longer than this: a day's worth.
const BEFORE_STEPS_MAX: i64 = 288;
const DAY_STEPS: i64 = 24 * 60 / STEP_MINUTES;
/// A day is left out when one part in so many of its hours is known to be unusual.
const UNUSUAL_PART: i64 = 4;

/// The same hours of the days before `from..end`, newest first, none older than `oldest` and none reaching into the window itself.
/// Days whose hours were mostly `unusual` are left out, unless all were.
///
/// Whole days are left out and not hours: who asks, and how much, differs from hour to hour, so the hours on either side
/// have to be the same ones.
pub(crate) fn windows(from: Step, end: Step, oldest: Step, unusual: &[[Step; 2]]) -> Vec<(Step, Step)> {
    let is_usual = |&(start, stop): &(Step, Step)| {
        let overlap = |span: &[Step; 2]| (span[1].0.min(stop.0) - span[0].0.max(start.0)).max(0);
        unusual.iter().map(overlap).max().unwrap_or(0) * UNUSUAL_PART < stop.0 - start.0
    };
    let usual = cut(days(from, end, oldest).filter(is_usual));
    if usual.is_empty() { cut(days(from, end, oldest)) } else { usual }
}

fn days(from: Step, end: Step, oldest: Step) -> impl Iterator<Item = (Step, Step)> {
    let of_day = move |day: i64| {
        let start = Step(from.0 - MARGIN_STEPS - day * DAY_STEPS).max(oldest);
        let stop = Step(end.0 + MARGIN_STEPS - day * DAY_STEPS).min(from);
        (start, stop)
    };
    (1..=DAYS_BEFORE_MAX).map(of_day).take_while(|(start, stop)| start < stop)
}

fn cut(days: impl Iterator<Item = (Step, Step)>) -> Vec<(Step, Step)> {
    let mut left = BEFORE_STEPS_MAX;
    let fits = |&(start, stop): &(Step, Step)| {
        left -= stop.0 - start.0;
        left >= 0
    };
    days.take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: Step = Step(10 * DAY_STEPS);

    #[test]
    fn windows_are_the_same_hours_of_earlier_days() {
        let windows = windows(FROM, Step(FROM.0 + 12), Step(8 * DAY_STEPS), &[]);
        let first = (Step(FROM.0 - DAY_STEPS - 6), Step(FROM.0 - DAY_STEPS + 18));
        assert_eq!(windows[0], first);
        assert_eq!(windows[1].0, Step(8 * DAY_STEPS));
        assert!(windows.iter().all(|(start, stop)| start < stop && *stop <= FROM));
        assert_eq!(super::windows(FROM, FROM.next(), FROM, &[]), []);
    }

    #[test]
    fn days_with_a_known_regression_are_left_out_unless_all_have_one() {
        let day = |days: i64| (Step(FROM.0 - days * DAY_STEPS - 6), Step(FROM.0 - days * DAY_STEPS + 18));
        let all = |unusual: &[[Step; 2]]| windows(FROM, Step(FROM.0 + 12), Step(6 * DAY_STEPS), unusual);
        assert_eq!(all(&[])[..3], [day(1), day(2), day(3)]);
        let yesterday = [Step(FROM.0 - DAY_STEPS), Step(FROM.0 - DAY_STEPS + 200)];
        assert_eq!(all(&[yesterday])[..2], [day(2), day(3)]);
        // A few minutes of it are not worth a day.
        assert_eq!(all(&[[Step(FROM.0 - DAY_STEPS), Step(FROM.0 - DAY_STEPS + 3)]]), all(&[]));
        assert_eq!(all(&[[Step(0), FROM]]), all(&[]));
    }
}
