//! What a series should be at a given hour: a level and a profile of the day, learned by robust medians.

use hark_model::Timestamp;
use serde::{Deserialize, Serialize};

/// Four weeks of hours.
const HISTORY_HOURS: i64 = 28 * 24;
/// The level forgets half of what it knew in so many hours: slow enough that a drift over days stands out.
const LEVEL_HALF_LIFE_HOURS: f64 = 5.0 * 24.0;
/// So many clean hours make an expectation: three days less a night of gaps.
const HOURS_TO_LEARN: usize = 60;
/// A day with fewer clean hours says nothing of its own level.
const HOURS_IN_A_DAY_MIN: usize = 12;
/// With fewer days of a kind their profile is that of the weekdays.
const WEEKEND_DAYS_MIN: usize = 2;

/// One value an hour, on a scale on which effects add (a logarithm).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Season {
    history: Vec<Hour>,
    fit: Option<Fit>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Hour {
    /// Hours since 1970.
    at: i64,
    value: f64,
    is_rest_day: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Fit {
    level: f64,
    /// By hour of the day, UTC.
    weekday: [f64; 24],
    rest_day: [f64; 24],
    knows_rest_days: bool,
    day: i64,
}

impl Season {
    /// The expectation at an instant; `None` while there is too little to learn from.
    pub(crate) fn expect(&self, at: Timestamp, is_rest_day: bool) -> Option<f64> {
        let fit = self.fit.as_ref()?;
        let profile = if is_rest_day { &fit.rest_day } else { &fit.weekday };
        // Hourly values stand for the middle of their hour; between the middles the line is straight.
        let position = (at.hour_of_day() - 0.5).rem_euclid(24.0);
        let before = position.floor();
        let share = position - before;
        let at = |hour: f64| profile[hour as usize % 24];
        Some(fit.level + at(before) * (1.0 - share) + at(before + 1.0) * share)
    }

    /// Whether the profile of rest days comes from rest days.
    pub(crate) fn knows_rest_days(&self) -> bool {
        self.fit.as_ref().is_some_and(|fit| fit.knows_rest_days)
    }

    /// Learns one hour's value.
    pub(crate) fn learn(&mut self, at: Timestamp, value: f64, is_rest_day: bool) {
        let hour = at.millis().div_euclid(3_600_000);
        self.history.retain(|old| old.at > hour - HISTORY_HOURS);
        self.history.push(Hour { at: hour, value, is_rest_day });
        let is_stale = self.fit.as_ref().is_none_or(|fit| fit.day != at.day());
        if is_stale && self.history.len() >= HOURS_TO_LEARN {
            self.refit(at.day(), hour);
        } else if let Some(expected) = self.expect(at.plus_minutes(30), is_rest_day)
            && let Some(fit) = &mut self.fit
        {
            let gain = 1.0 - (-1.0 / LEVEL_HALF_LIFE_HOURS).exp2();
            /// One wild hour moves the level no more than a strange one (a third of the value) does.
            const STEP_MAX: f64 = 0.3;
            fit.level += gain * (value - expected).clamp(-STEP_MAX, STEP_MAX);
        }
    }

    /// Forgets the hours from `onset` on: they turned out to be part of a regression.
    pub(crate) fn forget_since(&mut self, onset: Timestamp) {
        let hour = onset.millis().div_euclid(3_600_000);
        self.history.retain(|old| old.at < hour);
    }

    /// Takes a lasting move for the new normal.
    pub(crate) fn rebase(&mut self, by: f64) {
        if let Some(fit) = &mut self.fit {
            fit.level += by;
        }
        // Older hours are moved along, so that the next refit sees one level and keeps the profile.
        self.history.iter_mut().for_each(|hour| hour.value += by);
    }

    fn refit(&mut self, day: i64, now: i64) {
        let days = self.days();
        let weekday_levels: Vec<f64> = days.iter().filter(|day| !day.is_rest_day).map(|day| day.level).collect();
        let rest_levels: Vec<f64> = days.iter().filter(|day| day.is_rest_day).map(|day| day.level).collect();
        let weekday = profile(days.iter().filter(|day| !day.is_rest_day));
        let knows_rest_days = rest_levels.len() >= WEEKEND_DAYS_MIN && !weekday_levels.is_empty();
        let rest_day = if knows_rest_days {
            let offset = median(rest_levels) - median(weekday_levels);
            profile(days.iter().filter(|day| day.is_rest_day)).map(|value| value + offset)
        } else {
            weekday
        };
        let residuals = self.history.iter().map(|hour| {
            let profile = if hour.is_rest_day { &rest_day } else { &weekday };
            let weight = (-((now - hour.at) as f64) / LEVEL_HALF_LIFE_HOURS).exp2();
            (hour.value - profile[hour.at.rem_euclid(24) as usize], weight)
        });
        let level = weighted_median(residuals.collect());
        self.fit = Some(Fit { level, weekday, rest_day, knows_rest_days, day });
    }

    fn days(&self) -> Vec<Day> {
        let mut days = Vec::new();
        for hours in self.history.chunk_by(|a, b| a.at.div_euclid(24) == b.at.div_euclid(24)) {
            if hours.len() < HOURS_IN_A_DAY_MIN {
                continue;
            }
            let level = median(hours.iter().map(|hour| hour.value).collect());
            let departures = hours.iter().map(|hour| (hour.at.rem_euclid(24) as usize, hour.value - level)).collect();
            days.push(Day { level, is_rest_day: hours[0].is_rest_day, departures });
        }
        days
    }
}

struct Day {
    level: f64,
    is_rest_day: bool,
    departures: Vec<(usize, f64)>,
}

/// The median departure at each hour, smoothed with its neighbours because a median of a few days is rough.
fn profile<'a>(days: impl Iterator<Item = &'a Day>) -> [f64; 24] {
    let mut by_hour: [Vec<f64>; 24] = Default::default();
    for &(hour, departure) in days.flat_map(|day| &day.departures) {
        by_hour[hour].push(departure);
    }
    let rough = by_hour.map(|departures| if departures.is_empty() { 0.0 } else { median(departures) });
    std::array::from_fn(|hour| 0.25 * rough[(hour + 23) % 24] + 0.5 * rough[hour] + 0.25 * rough[(hour + 1) % 24])
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
        let mut season = Season::default();
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
