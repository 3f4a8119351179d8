//! When clocks are changed: from one day to the next people do everything an hour earlier or later.

use std::collections::BTreeSet;

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::TZ_VARIANTS;
use hark_model::Timestamp;

const WEEK_MINUTES: i64 = 7 * 24 * 60;

/// By how many minutes clocks were changed somewhere on earth in the week before: put forward above zero, put back below.
pub(crate) fn changed_by(at: Timestamp) -> BTreeSet<i64> {
    let utc = |at: Timestamp| DateTime::from_timestamp_millis(at.millis()).map(|at| at.naive_utc());
    let Some((then, now)) = utc(at.plus_minutes(-WEEK_MINUTES)).zip(utc(at)) else { return BTreeSet::new() };
    let minutes = |zone: &chrono_tz::Tz, at| zone.offset_from_utc_datetime(at).fix().local_minus_utc() / 60;
    let by = TZ_VARIANTS.iter().map(|zone| i64::from(minutes(zone, &now) - minutes(zone, &then)));
    by.filter(|by| *by != 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_changed(at: &str, minutes: i64) -> bool {
        changed_by(at.parse().unwrap()).contains(&minutes)
    }

    #[test]
    fn clocks_are_put_forward_in_spring_and_back_in_autumn_of_either_half_of_the_earth() {
        // Europe's on 29 March, Australia's (and by half an hour Lord Howe's) on 5 April 2026, at night.
        assert!(is_changed("2026-03-29T12:00:00Z", 60) && !is_changed("2026-03-29T12:00:00Z", -60));
        assert!(is_changed("2026-04-06T00:00:00Z", -60) && is_changed("2026-04-06T00:00:00Z", -30));
        assert_eq!(changed_by("2026-07-20T00:00:00Z".parse().unwrap()), BTreeSet::new());
    }
}
