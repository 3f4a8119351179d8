//! Weeks as ISO 8601 counts them: Monday to Sunday, UTC, written 2026-W18.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate, Weekday};
use hark_model::Timestamp;

const DAY_MS: i64 = 86_400_000;
pub(crate) const WEEK_MS: i64 = 7 * DAY_MS;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Week {
    year: i32,
    number: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseWeekError(String);

impl fmt::Display for ParseWeekError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a week; write the year and the ISO week, such as 2026-W18", self.0)
    }
}

impl std::error::Error for ParseWeekError {}

impl Week {
    /// The week that an instant lies in.
    pub fn of(time: Timestamp) -> Self {
        let week = time.date().iso_week();
        Self { year: week.year(), number: week.week() }
    }

    /// Monday, 00:00 UTC.
    pub fn start(self) -> Timestamp {
        let monday = NaiveDate::from_isoywd_opt(self.year, self.number, Weekday::Mon).unwrap_or_default();
        Timestamp::from_millis((monday - NaiveDate::default()).num_days() * DAY_MS)
    }

    /// The Monday after.
    pub fn end(self) -> Timestamp {
        self.start().plus_millis(WEEK_MS)
    }

    #[must_use]
    pub fn before(self) -> Self {
        Self::of(self.start().plus_millis(-1))
    }

    #[must_use]
    pub fn after(self) -> Self {
        Self::of(self.end())
    }

    /// The week of the same number a year ago; the last one of that year for a week 53 that it did not have.
    #[must_use]
    pub fn last_year(self) -> Self {
        let year = self.year - 1;
        let is_there = NaiveDate::from_isoywd_opt(year, self.number, Weekday::Mon).is_some();
        Self { year, number: if is_there { self.number } else { 52 } }
    }
}

impl fmt::Display for Week {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-W{:02}", self.year, self.number)
    }
}

impl FromStr for Week {
    type Err = ParseWeekError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = || ParseWeekError(text.chars().take(40).collect());
        let (year, number) = text.split_once("-W").ok_or_else(fail)?;
        let is_plain = |part: &str, length: usize| part.len() == length && part.bytes().all(|b| b.is_ascii_digit());
        if !is_plain(year, 4) || !is_plain(number, 2) {
            return Err(fail());
        }
        let week = Self { year: year.parse().map_err(|_| fail())?, number: number.parse().map_err(|_| fail())? };
        NaiveDate::from_isoywd_opt(week.year, week.number, Weekday::Mon).map(|_| week).ok_or_else(fail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn week(text: &str) -> Week {
        text.parse().unwrap()
    }

    #[test]
    fn a_week_begins_on_its_monday_and_ends_before_the_next() {
        assert_eq!(week("2026-W18").start().to_string(), "2026-04-27T00:00:00Z");
        assert_eq!(week("2026-W18").end().to_string(), "2026-05-04T00:00:00Z");
        let last_instant = week("2026-W18").end().plus_millis(-1);
        assert_eq!((Week::of(last_instant), Week::of(week("2026-W18").start())), (week("2026-W18"), week("2026-W18")));
    }

    #[test]
    fn years_are_those_of_their_thursday() {
        assert_eq!(week("2026-W01").start().to_string(), "2025-12-29T00:00:00Z");
        assert_eq!((week("2026-W01").before(), week("2026-W53").after()), (week("2025-W52"), week("2027-W01")));
        assert_eq!((week("2026-W53").last_year(), week("2026-W18").last_year()), (week("2025-W52"), week("2025-W18")));
    }

    #[test]
    fn what_is_no_week_is_refused() {
        for text in ["2026-W00", "2025-W53", "2026-18", "W18", "2026-W1", "2026-W018", "20é6-W18", "", "+026-W18"] {
            let problem = text.parse::<Week>().unwrap_err().to_string();
            assert!(problem.contains("2026-W18"), "{text}: {problem}");
        }
    }
}
