//! What a series should be at a given hour: a level and a profile, learned by robust medians.
//!
//! Latencies and rates follow the hour of the day, with a profile of their own for rest days and what the week adds to it.
//! Traffic follows the hour of the week: a Saturday begins on Friday in UTC where the sun rises first, so days of the week
//! are no unit for it. A level that has grown evenly for weeks is expected to go on.

use hark_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::creep::{self, Creep, growth_a_day};
use crate::hours::{Hour, Hours};
use crate::middle::{middle, weighted_middle};
use crate::profile::{HOURS_IN_A_WEEK, Profile, hour_of_week};
use crate::week;

/// The level forgets half of what it knew in so many hours: slow enough that a drift over days stands out.
const LEVEL_HALF_LIFE_HOURS: f64 = 5.0 * 24.0;
/// So many clean hours make an expectation: three days less a night of gaps.
const HOURS_TO_LEARN: usize = 60;
/// A day with fewer clean hours says nothing of its own level.
const HOURS_IN_A_DAY_MIN: usize = 12;
/// With fewer days of a kind their profile is that of the weekdays.
const REST_DAYS_MIN: usize = 2;
/// Growth is expected to go on for a week without a word from the series.
const GROWING_HOURS_MAX: i64 = HOURS_IN_A_WEEK as i64;
/// Small moves that nobody was told of are remembered as long as the hours before them.
const UNTOLD_HOURS: i64 = 28 * 24;
/// A week is known when so many of its hours are.
const HOURS_OF_A_WEEK_MIN: usize = 150;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Season {
    is_weekly: bool,
    history: Hours,
    fit: Option<Fit>,
    /// Hours learned since the level was last moved at once.
    hours_at_level: u32,
    /// Moves that became the new normal and that nobody was told of, by the hour from which on: many make a creep.
    untold: Box<[(u32, f32)]>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Fit {
    level: f64,
    /// By how much the level goes up an hour.
    growth: f32,
    /// The hour that the level is of.
    hour: i32,
    profile: Profile,
}

impl Season {
    fn new(is_weekly: bool) -> Self {
        Self { is_weekly, history: Hours::default(), fit: None, hours_at_level: u32::MAX, untold: Box::default() }
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
        let grown = f64::from(fit.growth) * (hour - i64::from(fit.hour)).clamp(0, GROWING_HOURS_MAX) as f64;
        Some(fit.level + grown + profile(hour) * (1.0 - share) + profile(hour + 1) * share)
    }

    /// What was learned of the same hour so many weeks before.
    pub(crate) fn weeks_before(&self, at: Timestamp, weeks: i64) -> Option<f64> {
        self.history.at(at.millis().div_euclid(3_600_000) - weeks * HOURS_IN_A_WEEK as i64)
    }

    /// Whether a rhythm of the week is asked for and not known yet.
    pub(crate) fn lacks_the_week(&self) -> bool {
        self.is_weekly && !self.fit.as_ref().is_some_and(|fit| fit.profile.is_weekly())
    }

    /// Learns one hour's value; true where all that is known was gone through again, once a day.
    pub(crate) fn learn(&mut self, at: Timestamp, value: f64, is_rest_day: bool) -> bool {
        let hour = at.millis().div_euclid(3_600_000);
        self.history.push(Hour { at: hour, value, is_rest_day });
        let is_stale = self.fit.as_ref().is_none_or(|fit| i64::from(fit.hour).div_euclid(24) != at.day());
        let is_due = is_stale && self.history.len() >= HOURS_TO_LEARN;
        if is_due {
            self.refit(hour);
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
        is_due
    }

    /// What the last four weeks say of a creep, with the moves that nobody was told of.
    pub(crate) fn creep(&self) -> Option<Creep> {
        creep::creep(&self.levels(|hour| self.untold_since(hour)))
    }

    /// It is known what crept, and from when on: what it was before is what it should be.
    pub(crate) fn undo(&mut self, creep: &Creep) {
        self.history.forget_since(24 * creep.began);
        self.untold = Box::default();
        if let Some(fit) = &mut self.fit {
            (fit.level, fit.growth) = (fit.level - creep.moved, 0.0);
        }
    }

    /// The level of each day that is known well enough, less what `moved` says of each hour.
    fn levels(&self, moved: impl Fn(i64) -> f64) -> Vec<creep::Day> {
        let Some(fit) = &self.fit else { return Vec::new() };
        let hours: Vec<Hour> = self.history.iter().collect();
        levels(&hours, &fit.profile, moved)
    }

    /// How far the hours before those moves were moved along.
    fn untold_since(&self, hour: i64) -> f64 {
        self.untold.iter().filter(|(from, _)| hour < i64::from(*from)).map(|(_, by)| f64::from(*by)).sum()
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

    /// Takes a move from an hour on for the new normal that is too small to tell anybody of.
    pub(crate) fn rebase_untold(&mut self, by: f64, from: i64) {
        self.rebase(by);
        let known = self.untold.iter().copied().filter(|(known, _)| from - i64::from(*known) < UNTOLD_HOURS);
        self.untold = known.chain([(u32::try_from(from).unwrap_or_default(), by as f32)]).collect();
    }

    /// What it has beyond its own size, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        let untold = size_of_val(&*self.untold);
        self.history.heap_bytes() + untold + self.fit.as_ref().map_or(0, |fit| fit.profile.heap_bytes())
    }

    fn profile(&self, hours: &[Hour], now: i64) -> Profile {
        let weekly = if self.is_weekly { weekly_profile(hours, now) } else { None };
        weekly.map_or_else(|| daily_profile(hours, now), |profile| Profile::weekly(&profile))
    }

    fn refit(&mut self, now: i64) {
        let hours: Vec<Hour> = self.history.iter().collect();
        let mut profile = self.profile(&hours, now);
        let growth = growth_a_day(&levels(&hours, &profile, |_| 0.0)) / 24.0;
        if growth != 0.0 {
            // What a week grows by is no rhythm of it.
            let flat = |hour: &Hour| Hour { value: hour.value + growth * (now - hour.at) as f64, ..*hour };
            profile = self.profile(&hours.iter().map(flat).collect::<Vec<_>>(), now);
        }
        let residuals = hours.iter().map(|hour| {
            let (age, of_rhythm) = ((now - hour.at) as f64, profile.at(hour.at, hour.is_rest_day));
            (hour.value - of_rhythm + growth * age, (-age / LEVEL_HALF_LIFE_HOURS).exp2())
        });
        let level = weighted_middle(residuals.collect());
        // Hours of a year beyond 240,000 are none.
        let hour = i32::try_from(now).unwrap_or(i32::MAX);
        self.fit = Some(Fit { level, growth: growth as f32, hour, profile });
    }
}

fn levels(hours: &[Hour], profile: &Profile, moved: impl Fn(i64) -> f64) -> Vec<creep::Day> {
    let days = hours.chunk_by(|a, b| a.at.div_euclid(24) == b.at.div_euclid(24));
    let known = days.filter(|hours| hours.len() >= HOURS_IN_A_DAY_MIN);
    let level = |hour: &Hour| hour.value - profile.at(hour.at, hour.is_rest_day) - moved(hour.at);
    known
        .map(|hours| creep::Day { at: hours[0].at.div_euclid(24), level: middle(hours.iter().map(level).collect()) })
        .collect()
}

fn daily_profile(hours: &[Hour], now: i64) -> Profile {
    let days = days(hours);
    let levels = |is_rest_day| -> Vec<f64> {
        days.iter().filter(|day| day.is_rest_day == is_rest_day).map(|day| day.level).collect()
    };
    let (weekday_levels, rest_levels) = (levels(false), levels(true));
    let weekday = profile(days.iter().filter(|day| !day.is_rest_day));
    let rest_day = if rest_levels.len() >= REST_DAYS_MIN && !weekday_levels.is_empty() {
        let offset = middle(rest_levels) - middle(weekday_levels);
        profile(days.iter().filter(|day| day.is_rest_day)).into_iter().map(|value| value + offset).collect()
    } else {
        weekday.clone()
    };
    let daily = Profile::daily(&weekday, &rest_day, &[]);
    let of_week = week::departures(hours, now, |hour| daily.at(hour.at, hour.is_rest_day));
    of_week.map_or(daily, |of_week| Profile::daily(&weekday, &rest_day, &of_week))
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
        let level = middle(hours.iter().map(|hour| hour.value).collect());
        for hour in hours {
            by_slot[hour_of_week(hour.at)].push(hour.value - level);
            by_hour[hour.at.rem_euclid(24) as usize].push(hour.value - level);
        }
    }
    if by_slot.iter().filter(|departures| !departures.is_empty()).count() < HOURS_OF_A_WEEK_MIN {
        return None;
    }
    let of_day = by_hour.map(middle);
    // An hour that was part of a regression each week is taken from the other days.
    let or_of_day = |(at, departures): (usize, Vec<f64>)| {
        if departures.is_empty() { of_day[at % 24] } else { middle(departures) }
    };
    Some(smooth(&by_slot.into_iter().enumerate().map(or_of_day).collect::<Vec<_>>()))
}

fn days(hours: &[Hour]) -> Vec<Day> {
    let mut days = Vec::new();
    for hours in hours.chunk_by(|a, b| a.at.div_euclid(24) == b.at.div_euclid(24)) {
        if hours.len() < HOURS_IN_A_DAY_MIN {
            continue;
        }
        let level = middle(hours.iter().map(|hour| hour.value).collect());
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
    smooth(&by_hour.map(middle))
}

/// Each value with half of its neighbours', round the clock: a median of a few days is rough.
fn smooth(rough: &[f64]) -> Vec<f64> {
    let count = rough.len();
    let at = |hour: usize| rough[hour % count];
    (0..count).map(|hour| 0.25 * at(hour + count - 1) + 0.5 * at(hour) + 0.25 * at(hour + 1)).collect()
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
    fn even_growth_is_expected_to_go_on_for_a_week() {
        let grown = |hour: i64| 0.02 * hour as f64 / 24.0;
        let at = |hours: i64| MONDAY.plus_minutes(60 * hours + 30);
        for mut season in [Season::daily(), Season::weekly()] {
            let learn = |season: &mut Season, hours: std::ops::Range<i64>| {
                for hour in hours {
                    let (at, is_rest_day) =
                        (MONDAY.plus_minutes(60 * hour), MONDAY.plus_minutes(60 * hour).is_weekend());
                    season.learn(at, daily(hour) + grown(hour), is_rest_day);
                }
            };
            learn(&mut season, 0..30 * 24);
            for later in [1, 60, 160] {
                let hour = 30 * 24 + later;
                let expected = season.expect(at(hour), at(hour).is_weekend()).unwrap();
                let error = expected - daily(hour) - grown(hour);
                assert!(error.abs() < 0.03, "{later} hours later: {error}");
            }
            let [week, month] = [170, 700].map(|later| {
                let hour = 30 * 24 + later;
                season.expect(at(hour), at(hour).is_weekend()).unwrap() - daily(hour)
            });
            assert!((week - month).abs() < 0.05, "{week} {month}");
        }
    }

    #[test]
    fn small_moves_that_nobody_was_told_of_make_a_creep() {
        let mut season = Season::daily();
        let mut moved = 0.0;
        for hour in 0..28 * 24 {
            // Two in a hundred every four days, each taken for the new normal at once.
            if hour % 96 == 0 && hour > 0 {
                moved += 0.02;
                season.rebase_untold(0.02, MONDAY.millis() / 3_600_000 + hour);
            }
            let at = MONDAY.plus_minutes(60 * hour);
            season.learn(at, daily(hour) + moved + 0.003 * (hour as f64 * 0.7).sin(), at.is_weekend());
        }
        let creep = season.creep().unwrap();
        assert!((creep.moved - 0.12).abs() < 0.03 && creep.log_evidence > 15.0, "{creep:?}");
        let before = season.expect(MONDAY, false).unwrap();
        season.undo(&creep);
        assert!((season.expect(MONDAY, false).unwrap() - before + creep.moved).abs() < 0.01);
        // What each day brought is one level otherwise.
        let mut told = learned(28 * 24);
        told.rebase(0.1);
        assert!(told.creep().is_none_or(|creep| creep.log_evidence < 3.0), "{:?}", told.creep());
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
