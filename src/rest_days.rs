//! Weekends and holidays: days on which other people ask, and fewer or more of them.

use hark_model::{Change, ChangeId, ChangeKind, Slice, Step, Timestamp};

/// A holiday lasts its day.
const HOLIDAY_MINUTES: i64 = 24 * 60;

/// The traffic that has a holiday at a time.
pub(crate) fn holidays(changes: &[(ChangeId, Change)], at: Timestamp) -> Vec<Slice> {
    let is_on = |change: &&Change| {
        change.kind == ChangeKind::Holiday && (0..HOLIDAY_MINUTES).contains(&at.minutes_since(change.time))
    };
    changes.iter().map(|(_, change)| change).filter(is_on).map(|change| change.slice.clone()).collect()
}

/// Whether a step of a slice is on a weekend or on one of these holidays.
pub(crate) fn rests(holidays: &[Slice], slice: &Slice, step: Step) -> bool {
    step.start().is_weekend() || holidays.iter().any(|holiday| holiday.contains(slice))
}
