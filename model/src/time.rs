//! Instants, minutes and detection steps, all in UTC and all integers.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Minutes in one detection step. Cells are kept by the minute; detectors look at five of them together,
/// which is short against the time a person needs to react and long enough to smooth a minute's noise.
pub const STEP_MINUTES: i64 = 5;

const MINUTE_MS: i64 = 60_000;

/// An instant: milliseconds since 1970-01-01T00:00:00Z.
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(value_type = String, format = DateTime, examples("2026-05-01T12:00:00Z")))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    pub const fn millis(self) -> i64 {
        self.0
    }

    /// The wall clock. The only place in hark that reads it: everything else is told the time.
    #[expect(clippy::disallowed_methods, reason = "this is the one door through which the clock comes in")]
    pub fn now() -> Self {
        Self(Utc::now().timestamp_millis())
    }

    pub const fn minute(self) -> Minute {
        Minute(self.0.div_euclid(MINUTE_MS))
    }

    pub const fn step(self) -> Step {
        self.minute().step()
    }

    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    #[must_use]
    pub const fn plus_minutes(self, minutes: i64) -> Self {
        self.plus_millis(minutes.saturating_mul(MINUTE_MS))
    }

    pub const fn minutes_since(self, earlier: Self) -> i64 {
        (self.0 - earlier.0).div_euclid(MINUTE_MS)
    }

    /// Hours since midnight UTC, with its fraction.
    pub fn hour_of_day(self) -> f64 {
        const HOUR_MS: f64 = 3_600_000.0;
        self.0.rem_euclid(24 * 60 * MINUTE_MS) as f64 / HOUR_MS
    }

    /// Days since 1970-01-01, UTC.
    pub const fn day(self) -> i64 {
        self.0.div_euclid(24 * 60 * MINUTE_MS)
    }

    /// The day, UTC.
    pub fn date(self) -> chrono::NaiveDate {
        self.to_utc().unwrap_or_default().date_naive()
    }

    pub fn is_weekend(self) -> bool {
        // 1970-01-01 was a Thursday: days 2 and 3 of each such week are Saturday and Sunday.
        matches!(self.day().rem_euclid(7), 2 | 3)
    }

    fn to_utc(self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_millis(self.0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_utc() {
            Some(utc) if self.0 % 1000 == 0 => f.write_str(&utc.to_rfc3339_opts(SecondsFormat::Secs, true)),
            Some(utc) => f.write_str(&utc.to_rfc3339_opts(SecondsFormat::Millis, true)),
            None => write!(f, "{} ms", self.0),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time; write RFC 3339 such as 2026-05-01T12:00:00Z, or epoch milliseconds")]
pub struct ParseTimestampError(String);

impl FromStr for Timestamp {
    type Err = ParseTimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(millis) = parse_fixed_layout(text.as_bytes()) {
            return Ok(Self(millis));
        }
        DateTime::parse_from_rfc3339(text)
            .map(|time| Self(time.timestamp_millis()))
            .map_err(|_| ParseTimestampError(text.chars().take(40).collect()))
    }
}

/// `2026-05-01T12:00:00Z` and `2026-05-01T12:00:00.123Z`, the two layouts nearly every event uses, without
/// the general parser: this runs once an event. Anything else answers `None` and takes the long way.
fn parse_fixed_layout(text: &[u8]) -> Option<i64> {
    let millis_part = match (text.len(), text.last()?) {
        (20, b'Z') => 0,
        (24, b'Z') if text[19] == b'.' => digits(&text[20..23])?,
        _ => return None,
    };
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if separators.iter().any(|&(at, byte)| text[at] != byte) {
        return None;
    }
    let (year, month, day) = (digits(&text[0..4])?, digits(&text[5..7])?, digits(&text[8..10])?);
    let (hour, minute, second) = (digits(&text[11..13])?, digits(&text[14..16])?, digits(&text[17..19])?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Some(seconds * 1000 + millis_part)
}

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0_i64, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar, counting years from March
/// (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { serializer.serialize_i64(self.0) }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Timestamp;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an RFC 3339 time or epoch milliseconds")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
                text.parse().map_err(E::custom)
            }
            fn visit_i64<E: de::Error>(self, millis: i64) -> Result<Timestamp, E> {
                Ok(Timestamp(millis))
            }
            fn visit_u64<E: de::Error>(self, millis: u64) -> Result<Timestamp, E> {
                i64::try_from(millis).map(Timestamp).map_err(E::custom)
            }
        }
        if deserializer.is_human_readable() {
            deserializer.deserialize_any(Either)
        } else {
            deserializer.deserialize_i64(Either)
        }
    }
}

/// A minute: whole minutes since 1970-01-01T00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Minute(pub i64);

impl Minute {
    pub const fn start(self) -> Timestamp {
        Timestamp(self.0 * MINUTE_MS)
    }

    pub const fn step(self) -> Step {
        Step(self.0.div_euclid(STEP_MINUTES))
    }
}

/// A detection step: whole runs of [`STEP_MINUTES`] since 1970-01-01T00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Step(pub i64);

impl Step {
    pub const fn start(self) -> Timestamp {
        self.first_minute().start()
    }

    pub const fn end(self) -> Timestamp {
        self.next().start()
    }

    pub const fn first_minute(self) -> Minute {
        Minute(self.0 * STEP_MINUTES)
    }

    pub fn minutes(self) -> impl Iterator<Item = Minute> {
        let first = self.first_minute().0;
        (first..first + STEP_MINUTES).map(Minute)
    }

    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_short_parser_agrees_with_the_general_one(millis in -62_135_596_800_000_i64..253_402_300_799_000) {
            let time = Timestamp::from_millis(millis);
            let text = time.to_string();
            prop_assert_eq!(parse_fixed_layout(text.as_bytes()), Some(millis));
            prop_assert_eq!(DateTime::parse_from_rfc3339(&text).map(|t| t.timestamp_millis()), Ok(millis));
        }
    }

    #[test]
    fn impossible_dates_are_refused() {
        for text in ["2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z", "yesterday", ""] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    #[test]
    fn offsets_are_taken_the_long_way() {
        assert_eq!("2026-05-01T14:00:00+02:00".parse(), "2026-05-01T12:00:00Z".parse::<Timestamp>());
    }

    #[test]
    fn weekends_are_saturday_and_sunday() {
        let days = ["2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23"];
        let weekend = days.map(|day| format!("{day}T12:00:00Z").parse::<Timestamp>().unwrap().is_weekend());
        assert_eq!(weekend, [false, true, true, false]);
    }

    #[test]
    fn a_step_holds_its_minutes() {
        let step = "2026-05-01T12:07:31Z".parse::<Timestamp>().unwrap().step();
        assert_eq!(step.start().to_string(), "2026-05-01T12:05:00Z");
        assert_eq!(step.minutes().map(Minute::step).collect::<Vec<_>>(), vec![step; 5]);
    }
}
