//! What a series should be at a given hour: a level and a profile, learned by robust medians.
//!
//! Latencies and rates follow the hour of the day, with a profile of their own for rest days. Traffic follows the hour
//! of the week: a Saturday begins on Friday in UTC where the sun rises first, so days of the week are no unit for it.

use hark_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::hours::{Hour, Hours};
use crate::profile::{HOURS_IN_A_WEEK, Profile, hour_of_week};

/// The level forgets half of what it knew in so many hours: slow enough that a drift over days stands out.
const LEVEL_HALF_LIFE_HOURS: f64 = 5.0 * 24.0;
/// So many clean hours make an expectation: three days less a night of gaps.
const HOURS_TO_LEARN: usize = 60;
/// A day with fewer clean hours says nothing of its own level.
const HOURS_IN_A_DAY_MIN: usize = 12;
/// With fewer days of a kind their profile is that of the weekdays.
const REST_DAYS_MIN: usize = 2;
/// A week is known when so many of its hours are.
const HOURS_OF_A_WEEK_MIN: usize = 150;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Season {
    is_weekly: bool,
    history: Hours,
    fit: Option<Fit>,
    /// Hours learned since the level was last moved at once.
    hours_at_level: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Fit {
    level: f64,
    profile: Profile,
    day: i64,
}

impl Season {
    fn new(is_weekly: bool) -> Self {
        Self { is_weekly, history: Hours::default(), fit: None, hours_at_level: u32::MAX }
    }

    pub(crate) fn daily() -> Self {
        Self::new(false)
    }

    /// A rhythm of the week; daily until a week is known.
    pub(crate) fn weekly() -> Self {
        Self::new(true)
    }

    /// The expectation at an instant; `None` while there is too little to learn from.
    pub(crate) fn expect(&self, at: Timestamp, is_rest_day: bool) -> Option<f64> {
        /// Hourly values stand for the middle of their hour; between the middles the line is straight.
        const HALF_AN_HOUR_MS: i64 = 1_800_000;
        const HOUR_MS: i64 = 3_600_000;
        let fit = self.fit.as_ref()?;
        let since_middle = at.millis() - HALF_AN_HOUR_MS;
        let hour = since_middle.div_euclid(HOUR_MS);
        let share = since_middle.rem_euclid(HOUR_MS) as f64 / HOUR_MS as f64;
        let profile = |hour| fit.profile.at(hour, is_rest_day);
        Some(fit.level + profile(hour) * (1.0 - share) + profile(hour + 1) * share)
    }

    /// What was learned of the same hour so many weeks before.
    pub(crate) fn weeks_before(&self, at: Timestamp, weeks: i64) -> Option<f64> {
        self.history.at(at.millis().div_euclid(3_600_000) - weeks * HOURS_IN_A_WEEK as i64)
    }

    /// Whether a rhythm of the week is asked for and not known yet.
    pub(crate) fn lacks_the_week(&self) -> bool {
        self.is_weekly && !self.fit.as_ref().is_some_and(|fit| fit.profile.is_weekly())
    }

    /// Learns one hour's value.
    pub(crate) fn learn(&mut self, at: Timestamp, value: f64, is_rest_day: bool) {
        let hour = at.millis().div_euclid(3_600_000);
        self.history.push(Hour { at: hour, value, is_rest_day });
        let is_stale = self.fit.as_ref().is_none_or(|fit| fit.day != at.day());
        if is_stale && self.history.len() >= HOURS_TO_LEARN {
            self.refit(at.day(), hour);
        } else if let Some(expected) = self.expect(at.plus_minutes(30), is_rest_day)
            && let Some(fit) = &mut self.fit
        {
            // A level that was just set from little is soon set right.
            self.hours_at_level = self.hours_at_level.saturating_add(1);
            let gain = (1.0 - (-1.0 / LEVEL_HALF_LIFE_HOURS).exp2()).max(1.0 / f64::from(self.hours_at_level));
            /// One wild hour moves the level no more than a strange one (a third of the value) does.
            const STEP_MAX: f64 = 0.3;
            fit.level += gain * (value - expected).clamp(-STEP_MAX, STEP_MAX);
        }
    }

    /// Forgets the hours from `onset` on: they turned out to be part of a regression.
    pub(crate) fn forget_since(&mut self, onset: Timestamp) {
        let hour = onset.millis().div_euclid(3_600_000);
        self.history.forget_since(hour);
    }

    /// Takes a lasting move for the new normal.
    pub(crate) fn rebase(&mut self, by: f64) {
        if let Some(fit) = &mut self.fit {
            fit.level += by;
        }
        self.hours_at_level = 1;
        // Older hours are moved along, so that the next refit sees one level and keeps the profile.
        self.history.move_by(by);
    }

    /// What it has beyond its own size, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.history.heap_bytes() + self.fit.as_ref().map_or(0, |fit| fit.profile.heap_bytes())
    }

    fn refit(&mut self, day: i64, now: i64) {
        let hours: Vec<Hour> = self.history.iter().collect();
        let weekly = if self.is_weekly { weekly_profile(&hours, now) } else { None };
        let profile = weekly.map_or_else(|| daily_profile(&hours), |profile| Profile::weekly(&profile));
        let residuals = hours.iter().map(|hour| {
            let weight = (-((now - hour.at) as f64) / LEVEL_HALF_LIFE_HOURS).exp2();
            (hour.value - profile.at(hour.at, hour.is_rest_day), weight)
        });
        let level = weighted_median(residuals.collect());
        self.fit = Some(Fit { level, profile, day });
    }
}

fn daily_profile(hours: &[Hour]) -> Profile {
    let days = days(hours);
    let levels = |is_rest_day| -> Vec<f64> {
        days.iter().filter(|day| day.is_rest_day == is_rest_day).map(|day| day.level).collect()
    };
    let (weekday_levels, rest_levels) = (levels(false), levels(true));
    let weekday = profile(days.iter().filter(|day| !day.is_rest_day));
    let rest_day = if rest_levels.len() >= REST_DAYS_MIN && !weekday_levels.is_empty() {
        let offset = median(rest_levels) - median(weekday_levels);
        profile(days.iter().filter(|day| day.is_rest_day)).into_iter().map(|value| value + offset).collect()
    } else {
        weekday.clone()
    };
    Profile::daily(&weekday, &rest_day)
}

/// The median departure from its week's level at each hour of the week; `None` before a week is known.
fn weekly_profile(hours: &[Hour], now: i64) -> Option<Vec<f64>> {
    let mut by_slot = vec![Vec::new(); HOURS_IN_A_WEEK];
    let mut by_hour: [Vec<f64>; 24] = Default::default();
    let week = |hour: &Hour| (now - hour.at).div_euclid(HOURS_IN_A_WEEK as i64);
    for hours in hours.chunk_by(|a, b| week(a) == week(b)) {
        if hours.len() < HOURS_OF_A_WEEK_MIN / 2 {
            continue;
        }
        let level = median(hours.iter().map(|hour| hour.value).collect());
        for hour in hours {
            by_slot[hour_of_week(hour.at)].push(hour.value - level);
            by_hour[hour.at.rem_euclid(24) as usize].push(hour.value - level);
        }
    }
    if by_slot.iter().filter(|departures| !departures.is_empty()).count() < HOURS_OF_A_WEEK_MIN {
        return None;
    }
    let of_day = by_hour.map(median);
    // An hour that was part of a regression each week is taken from the other days.
    let or_of_day = |(at, departures): (usize, Vec<f64>)| {
        if departures.is_empty() { of_day[at % 24] } else { median(departures) }
    };
    Some(smooth(&by_slot.into_iter().enumerate().map(or_of_day).collect::<Vec<_>>()))
}

fn days(hours: &[Hour]) -> Vec<Day> {
    let mut days = Vec::new();
    for hours in hours.chunk_by(|a, b| a.at.div_euclid(24) == b.at.div_euclid(24)) {
        if hours.len() < HOURS_IN_A_DAY_MIN {
            continue;
        }
        let level = median(hours.iter().map(|hour| hour.value).collect());
        let departures = hours.iter().map(|hour| (hour.at.rem_euclid(24) as usize, hour.value - level)).collect();
        days.push(Day { level, is_rest_day: hours[0].is_rest_day, departures });
    }
    days
}

struct Day {
    level: f64,
    is_rest_day: bool,
    departures: Vec<(usize, f64)>,
}

/// The median departure at each hour of the day.
fn profile<'a>(days: impl Iterator<Item = &'a Day>) -> Vec<f64> {
    let mut by_hour: [Vec<f64>; 24] = Default::default();
    for &(hour, departure) in days.flat_map(|day| &day.departures) {
        by_hour[hour].push(departure);
    }
    smooth(&by_hour.map(median))
}

/// Each value with half of its neighbours', round the clock: a median of a few days is rough.
fn smooth(rough: &[f64]) -> Vec<f64> {
    let count = rough.len();
    let at = |hour: usize| rough[hour % count];
    (0..count).map(|hour| 0.25 * at(hour + count - 1) + 0.5 * at(hour) + 0.25 * at(hour + 1)).collect()
}

fn median(values: Vec<f64>) -> f64 {
    weighted_median(values.into_iter().map(|value| (value, 1.0)).collect())
}

/// 0 for no values at all.
fn weighted_median(mut values: Vec<(f64, f64)>) -> f64 {
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = values.iter().map(|(_, weight)| weight).sum::<f64>() / 2.0;
    let mut below = 0.0;
    for (at, (value, weight)) in values.iter().enumerate() {
        below += weight;
        if below > half {
            return *value;
        }
        if below == half
            && let Some((next, _)) = values.get(at + 1)
        {
            return (value + next) / 2.0;
        }
    }
    0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONDAY: Timestamp = Timestamp::from_millis(1_772_409_600_000); // 2026-03-02T00:00:00Z

    fn daily(hour: i64) -> f64 {
        6.0 + 0.3 * (std::f64::consts::TAU * (hour as f64 + 0.5) / 24.0).sin()
    }

    fn learned(hours: i64) -> Season {
        let mut season = Season::daily();
        for hour in 0..hours {
            let at = MONDAY.plus_minutes(60 * hour);
            season.learn(at, daily(hour) - if at.is_weekend() { 0.2 } else { 0.0 }, at.is_weekend());
        }
        season
    }

    #[test]
    fn nothing_is_expected_before_three_days() {
        assert_eq!(learned(59).expect(MONDAY, false), None);
        assert!(learned(60).expect(MONDAY, false).is_some());
    }

    #[test]
    fn a_daily_rhythm_and_a_weekend_are_learned() {
        let season = learned(14 * 24);
        for hour in 0..24 {
            let at = MONDAY.plus_minutes(14 * 24 * 60 + 60 * hour + 30);
            let weekday = season.expect(at, false).unwrap();
            assert!((weekday - daily(hour)).abs() < 0.02, "{hour}: {weekday} {}", daily(hour));
            let weekend = season.expect(at, true).unwrap();
            assert!((weekend - daily(hour) + 0.2).abs() < 0.02, "{hour}: {weekend}");
        }
    }

    #[test]
    fn traffic_knows_its_week_after_a_week() {
        let mut season = Season::weekly();
        let friday_evening = |at: i64| if (112..136).contains(&at.rem_euclid(168)) { -0.4 } else { 0.0 };
        for hour in 0..10 * 24 {
            assert_eq!(season.lacks_the_week(), hour <= 7 * 24, "{hour}");
            season.learn(MONDAY.plus_minutes(60 * hour), daily(hour) + friday_evening(hour), false);
        }
        let expected = season.expect(MONDAY.plus_minutes((7 * 24 + 120) * 60 + 30), false).unwrap();
        assert!((expected - daily(120) + 0.4).abs() < 0.05, "{expected} {}", daily(120));
    }

    #[test]
    fn a_wild_day_is_not_learned() {
        let mut season = learned(7 * 24);
        for hour in 7 * 24..8 * 24 {
            season.learn(MONDAY.plus_minutes(60 * hour), daily(hour) + 5.0, false);
        }
        let at = MONDAY.plus_minutes(9 * 24 * 60 + 30);
        assert!((season.expect(at, false).unwrap() - daily(0)).abs() < 0.1);
    }

    #[test]
    fn rebasing_moves_the_level_and_keeps_the_profile() {
        let mut season = learned(7 * 24);
        let at = MONDAY.plus_minutes(8 * 24 * 60);
        let before = season.expect(at, false).unwrap();
        season.rebase(1.0);
        assert!((season.expect(at, false).unwrap() - before - 1.0).abs() < 1e-12);
    }
}
