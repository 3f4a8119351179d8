//! When people talk to their assistant: the hours of the day, the days of the week, and holidays.

use chrono::{DateTime, Datelike};

use crate::config::{DAY_MS, HOUR_MS, MINUTE_MS};
use crate::population::LOCALES;

/// Requests by local hour, to be scaled to a mean of one: a morning peak, a larger evening one, quiet nights.
const WEEKDAY: [f64; 24] = [
    0.28, 0.17, 0.11, 0.09, 0.11, 0.24, 0.62, 1.10, 1.30, 1.15, 1.05, 1.08, 1.22, 1.14, 1.06, 1.12, 1.28, 1.52, 1.70,
    1.65, 1.48, 1.22, 0.84, 0.48,
];
/// Weekends start two hours later and have no morning peak.
const WEEKEND: [f64; 24] = [
    0.28, 0.20, 0.14, 0.10, 0.10, 0.15, 0.30, 0.58, 0.92, 1.18, 1.30, 1.34, 1.36, 1.30, 1.26, 1.26, 1.32, 1.42, 1.52,
    1.48, 1.36, 1.16, 0.84, 0.48,
];
/// Volume of a holiday relative to the same day without it.
const HOLIDAY_VOLUME: f64 = 0.82;
/// On free days people are at home, on better networks.
const FREE_DAY_LATENCY: f64 = 0.98;

pub(crate) struct Holiday {
    pub(crate) month: u32,
    pub(crate) day: u32,
    pub(crate) title: &'static str,
    pub(crate) locales: &'static [&'static str],
}

const fn holiday(month: u32, day: u32, title: &'static str, locales: &'static [&'static str]) -> Holiday {
    Holiday { month, day, title, locales }
}

const CHRISTIAN: &[&str] = &["en_GB", "de_DE", "fr_FR", "it_IT", "en_AU"];
const AMERICAS: &[&str] = &["en_US", "es_MX", "pt_BR"];

/// The moving ones at their dates of 2026, the start of the default simulation.
pub(crate) const HOLIDAYS: [Holiday; 28] = [
    holiday(1, 1, "New Year", CHRISTIAN),
    holiday(1, 1, "New Year", AMERICAS),
    holiday(1, 1, "New Year", &["ja_JP", "ko_KR"]),
    holiday(1, 26, "Republic Day", &["en_IN", "hi_IN"]),
    holiday(1, 26, "Australia Day", &["en_AU"]),
    holiday(2, 17, "Carnival", &["pt_BR"]),
    holiday(3, 4, "Holi", &["en_IN", "hi_IN"]),
    holiday(3, 16, "Natalicio de Benito Juárez", &["es_MX"]),
    holiday(3, 20, "Vernal Equinox Day", &["ja_JP"]),
    holiday(4, 3, "Good Friday", &["en_GB", "de_DE", "en_AU", "pt_BR"]),
    holiday(4, 6, "Easter Monday", CHRISTIAN),
    holiday(4, 29, "Showa Day", &["ja_JP"]),
    holiday(5, 1, "Labour Day", &["de_DE", "fr_FR", "it_IT", "es_MX", "pt_BR"]),
    holiday(5, 5, "Children's Day", &["ja_JP", "ko_KR"]),
    holiday(5, 14, "Ascension Day", &["de_DE", "fr_FR"]),
    holiday(5, 25, "Memorial Day", &["en_US"]),
    holiday(6, 2, "Festa della Repubblica", &["it_IT"]),
    holiday(7, 3, "Independence Day", &["en_US"]),
    holiday(7, 14, "Fête nationale", &["fr_FR"]),
    holiday(8, 15, "Independence Day", &["en_IN", "hi_IN", "ko_KR"]),
    holiday(8, 31, "Summer bank holiday", &["en_GB"]),
    holiday(9, 7, "Labor Day", &["en_US"]),
    holiday(9, 7, "Independência do Brasil", &["pt_BR"]),
    holiday(10, 3, "German Unity Day", &["de_DE"]),
    holiday(11, 26, "Thanksgiving", &["en_US"]),
    holiday(12, 25, "Christmas Day", CHRISTIAN),
    holiday(12, 25, "Christmas Day", AMERICAS),
    holiday(12, 26, "Boxing Day", &["en_GB", "de_DE", "it_IT", "en_AU"]),
];

/// A locale at a moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LocalTime {
    /// Hours since local midnight, with their fraction.
    pub(crate) hour: f64,
    /// Volume relative to the locale's mean.
    pub(crate) volume: f64,
    /// Factor on every latency.
    pub(crate) latency: f64,
}

/// The local calendar of every locale, worked out once for the days of a simulation.
#[derive(Debug)]
pub(crate) struct Rhythm {
    first_day: i64,
    /// By locale, then by local day since `first_day`.
    days: Vec<Vec<DayKind>>,
    weekday_mean: f64,
    weekend_mean: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DayKind {
    Weekday,
    Weekend,
    Holiday,
}

impl Rhythm {
    pub(crate) fn new(start_ms: i64, days: u32) -> Self {
        let first_day = start_ms.div_euclid(DAY_MS) - 1;
        let day_kinds = |locale: usize| (0..i64::from(days) + 4).map(|day| day_kind(locale, first_day + day)).collect();
        Self {
            first_day,
            days: (0..LOCALES.len()).map(day_kinds).collect(),
            weekday_mean: WEEKDAY.iter().sum::<f64>() / 24.0,
            weekend_mean: WEEKEND.iter().sum::<f64>() / 24.0,
        }
    }

    pub(crate) fn at(&self, locale: usize, time_ms: i64) -> LocalTime {
        let local_ms = time_ms + utc_offset_ms(locale);
        let day = local_ms.div_euclid(DAY_MS) - self.first_day;
        let kind = self.days[locale][day.clamp(0, self.days[locale].len() as i64 - 1) as usize];
        let hour = local_ms.rem_euclid(DAY_MS) as f64 / HOUR_MS as f64;
        // Five weekdays and two weekend days average to one.
        let weekend = LOCALES[locale].weekend;
        let weekday = 7.0 / (5.0 + 2.0 * weekend);
        let (volume, latency) = match kind {
            DayKind::Weekday => (weekday * at_hour(&WEEKDAY, hour) / self.weekday_mean, 1.0),
            DayKind::Weekend => (weekday * weekend * at_hour(&WEEKEND, hour) / self.weekend_mean, FREE_DAY_LATENCY),
            DayKind::Holiday => {
                (weekday * HOLIDAY_VOLUME * at_hour(&WEEKEND, hour) / self.weekend_mean, FREE_DAY_LATENCY)
            }
        };
        LocalTime { hour, volume, latency }
    }
}

/// The holidays of a time range with the local midnight at which they begin, by time.
pub(crate) fn holidays_between(start_ms: i64, end_ms: i64) -> Vec<(i64, &'static Holiday, usize)> {
    let mut found = Vec::new();
    for (locale, place) in LOCALES.iter().enumerate() {
        for day in start_ms.div_euclid(DAY_MS)..=end_ms.div_euclid(DAY_MS) {
            let begins_ms = day * DAY_MS - utc_offset_ms(locale);
            let inside = (start_ms..end_ms).contains(&begins_ms);
            if let Some(holiday) = holiday_of(place.name, day).filter(|_| inside) {
                found.push((begins_ms, holiday, locale));
            }
        }
    }
    found.sort_by_key(|(begins_ms, _, locale)| (*begins_ms, *locale));
    found
}

fn utc_offset_ms(locale: usize) -> i64 {
    (LOCALES[locale].utc_offset_hours * 60.0) as i64 * MINUTE_MS
}

fn day_kind(locale: usize, day: i64) -> DayKind {
    if holiday_of(LOCALES[locale].name, day).is_some() {
        return DayKind::Holiday;
    }
    // Day 0 of the epoch was a Thursday; Saturday and Sunday follow two and three days later.
    match day.rem_euclid(7) {
        2 | 3 => DayKind::Weekend,
        _ => DayKind::Weekday,
    }
}

fn holiday_of(locale: &str, day: i64) -> Option<&'static Holiday> {
    let date = DateTime::from_timestamp(day * (DAY_MS / 1000), 0)?;
    HOLIDAYS
        .iter()
        .find(|holiday| (holiday.month, holiday.day) == (date.month(), date.day()) && holiday.locales.contains(&locale))
}

/// Linear between the hours, so that no minute jumps.
fn at_hour(curve: &[f64; 24], hour: f64) -> f64 {
    let before = hour as usize % 24;
    let after = (before + 1) % 24;
    let part = hour - hour.floor();
    curve[before] * (1.0 - part) + curve[after] * part
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_week_without_holidays_averages_to_one() {
        // The second week of March 2026 has no holiday but Mexico's.
        let start_ms = Config::DEFAULT_START_MS + 7 * DAY_MS;
        let rhythm = Rhythm::new(start_ms, 7);
        for locale in [0, 2, 9] {
            let minutes = 7 * 1440;
            let sum: f64 = (0..minutes).map(|minute| rhythm.at(locale, start_ms + minute * MINUTE_MS).volume).sum();
            let mean = sum / minutes as f64;
            assert!((mean - 1.0).abs() < 0.005, "{}: {mean}", LOCALES[locale].name);
        }
    }

    #[test]
    fn local_nights_are_quiet() {
        let rhythm = Rhythm::new(Config::DEFAULT_START_MS, 7);
        // Noon in UTC: evening in Tokyo, morning in Chicago.
        let noon = Config::DEFAULT_START_MS + 12 * HOUR_MS;
        let tokyo = rhythm.at(9, noon);
        assert_eq!(tokyo.hour, 21.0);
        assert!(tokyo.volume > 1.0);
        assert!(rhythm.at(0, noon).volume < tokyo.volume);
        assert!(rhythm.at(9, noon + 6 * HOUR_MS).volume < 0.2);
    }

    #[test]
    fn holidays_begin_at_local_midnight() {
        let found = holidays_between(Config::DEFAULT_START_MS, Config::DEFAULT_START_MS + 21 * DAY_MS);
        let titles: Vec<&str> = found.iter().map(|(_, holiday, _)| holiday.title).collect();
        assert_eq!(titles, ["Holi", "Holi", "Natalicio de Benito Juárez", "Vernal Equinox Day"]);
        let tokyo = found[3].0;
        assert_eq!(tokyo, Config::DEFAULT_START_MS + 18 * DAY_MS - 9 * HOUR_MS);
    }
}
