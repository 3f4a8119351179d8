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
/// Days whose hours were mostly `unusual` are left out, unless all were; days that are not `like` this one always.
///
/// Whole days are left out and not hours: who asks, and how much, differs from hour to hour, so the hours on either side
/// have to be the same ones.
pub(crate) fn windows(
    from: Step,
    end: Step,
    oldest: Step,
    unusual: &[[Step; 2]],
    like: impl Fn(Step) -> bool,
) -> Vec<(Step, Step)> {
    let is_usual = |&(start, stop): &(Step, Step)| {
        let overlap = |span: &[Step; 2]| (span[1].0.min(stop.0) - span[0].0.max(start.0)).max(0);
        unusual.iter().map(overlap).max().unwrap_or(0) * UNUSUAL_PART < stop.0 - start.0
    };
    let alike: Vec<(Step, Step)> = days(from, end, oldest, like).collect();
    let usual = cut(alike.iter().copied().filter(is_usual));
    if usual.is_empty() { cut(alike.into_iter()) } else { usual }
}

fn days(from: Step, end: Step, oldest: Step, like: impl Fn(Step) -> bool) -> impl Iterator<Item = (Step, Step)> {
    let of_day = move |day: i64| {
        let start = Step(from.0 - MARGIN_STEPS - day * DAY_STEPS).max(oldest);
        let stop = Step(end.0 + MARGIN_STEPS - day * DAY_STEPS).min(from);
        (start < stop).then_some((day, start, stop))
    };
    let known = (1..=DAYS_BEFORE_MAX).map_while(of_day);
    known.filter(move |(day, ..)| like(Step(from.0 - day * DAY_STEPS))).map(|(_, start, stop)| (start, stop))
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
        let windows = windows(FROM, Step(FROM.0 + 12), Step(8 * DAY_STEPS), &[], |_| true);
        let first = (Step(FROM.0 - DAY_STEPS - 6), Step(FROM.0 - DAY_STEPS + 18));
        assert_eq!(windows[0], first);
        assert_eq!(windows[1].0, Step(8 * DAY_STEPS));
        assert!(windows.iter().all(|(start, stop)| start < stop && *stop <= FROM));
        assert_eq!(super::windows(FROM, FROM.next(), FROM, &[], |_| true), []);
    }

    #[test]
    fn days_with_a_known_regression_are_left_out_unless_all_have_one() {
        let day = |days: i64| (Step(FROM.0 - days * DAY_STEPS - 6), Step(FROM.0 - days * DAY_STEPS + 18));
        let all = |unusual: &[[Step; 2]]| windows(FROM, Step(FROM.0 + 12), Step(6 * DAY_STEPS), unusual, |_| true);
        assert_eq!(all(&[])[..3], [day(1), day(2), day(3)]);
        let yesterday = [Step(FROM.0 - DAY_STEPS), Step(FROM.0 - DAY_STEPS + 200)];
        assert_eq!(all(&[yesterday])[..2], [day(2), day(3)]);
        // A few minutes of it are not worth a day.
        assert_eq!(all(&[[Step(FROM.0 - DAY_STEPS), Step(FROM.0 - DAY_STEPS + 3)]]), all(&[]));
        assert_eq!(all(&[[Step(0), FROM]]), all(&[]));
    }

    #[test]
    fn days_of_another_kind_are_left_out_even_if_none_is_left() {
        let until = Step(FROM.0 + 12);
        let kind = |weekend: bool| windows(FROM, until, Step(0), &[], move |at| at.start().is_weekend() == weekend);
        // The tenth day is a Sunday.
        let days_ago = |windows: Vec<(Step, Step)>| -> Vec<i64> {
            windows.iter().map(|(start, _)| (FROM.0 - MARGIN_STEPS - start.0) / DAY_STEPS).collect()
        };
        assert_eq!(days_ago(kind(true)), [1, 7]);
        assert_eq!(days_ago(kind(false)), [2, 3, 4, 5, 6]);
        assert_eq!(windows(FROM, until, Step(0), &[], |_| false), []);
    }
}
