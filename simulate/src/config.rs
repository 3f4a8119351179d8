//! What to simulate, and the bounds within which that makes sense.

use std::str::FromStr;

use crate::error::SimulateError;
use crate::incidents::Family;

pub(crate) const MINUTE_MS: i64 = 60_000;
pub(crate) const HOUR_MS: i64 = 60 * MINUTE_MS;
pub(crate) const DAY_MS: i64 = 24 * HOUR_MS;

/// Longest simulation: a year and its warm-up.
const DAYS_MAX: u32 = 400;
/// Mean events per minute: below, most minutes are empty; above, the queue of late events outgrows memory.
const RATE_MIN: f64 = 1.0;
const RATE_MAX: f64 = 1e6;
/// Incidents must not overlap and need quiet time around them: three hours each is the least.
const INCIDENT_SPACING_HOURS: u32 = 3;
/// The part of the simulation before the first incident, from which a detector learns what is normal.
const QUIET_SHARE: f64 = 0.4;
/// Simulations of a week or more stay quiet for at least this long.
const QUIET_DAYS_OF_A_WEEK: f64 = 4.0;
/// 2200-01-01, within what every calendar library can print.
const START_MS_MAX: i64 = 7_258_118_400_000;

/// Everything a simulation depends on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Config {
    /// The same seed gives the same bytes.
    pub seed: u64,
    /// The first minute, in epoch milliseconds; rounded down to a whole minute.
    pub start_ms: i64,
    /// How many days, 1 to 400.
    pub days: u32,
    /// Mean events per minute, 1 to 1,000,000.
    pub rate: f64,
    /// How many incidents to plant.
    pub incidents: u32,
    pub kinds: Kinds,
}

/// Which incidents are planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kinds {
    /// Every family in turn, one incident after the other.
    All,
    Only(Family),
    /// Two causes at a time that share no traffic, the second beginning while the first lasts.
    Pairs,
}

impl FromStr for Kinds {
    type Err = SimulateError;

    fn from_str(text: &str) -> Result<Self, SimulateError> {
        match text {
            "all" => Ok(Self::All),
            "pairs" => Ok(Self::Pairs),
            name => Family::EVERY
                .into_iter()
                .find(|family| family.name() == name)
                .map(Self::Only)
                .ok_or_else(|| SimulateError::Kinds { given: name.to_owned() }),
        }
    }
}

impl Config {
    /// 2026-03-02T00:00:00Z, a Monday.
    pub const DEFAULT_START_MS: i64 = 1_772_409_600_000;

    /// The same configuration with a whole first minute, or what is wrong with it.
    pub(crate) fn checked(self) -> Result<Self, SimulateError> {
        if !(1..=DAYS_MAX).contains(&self.days) {
            return Err(SimulateError::Days { days: self.days, most: DAYS_MAX });
        }
        if !(RATE_MIN..=RATE_MAX).contains(&self.rate) {
            return Err(SimulateError::Rate { rate: self.rate });
        }
        if !(0..=START_MS_MAX).contains(&self.start_ms) {
            return Err(SimulateError::Start { start_ms: self.start_ms });
        }
        let most = self.incidents_most();
        if self.incidents > most {
            return Err(SimulateError::Incidents { incidents: self.incidents, days: self.days, most });
        }
        Ok(Self { start_ms: self.start_ms - self.start_ms % MINUTE_MS, ..self })
    }

    pub(crate) fn end_ms(&self) -> i64 {
        self.start_ms + i64::from(self.days) * DAY_MS
    }

    /// The first moment at which an incident may begin.
    pub(crate) fn incidents_from_ms(&self) -> i64 {
        self.start_ms + (self.quiet_days() * DAY_MS as f64) as i64
    }

    fn quiet_days(&self) -> f64 {
        let share = f64::from(self.days) * QUIET_SHARE;
        if self.days >= 7 { share.max(QUIET_DAYS_OF_A_WEEK) } else { share }
    }

    fn incidents_most(&self) -> u32 {
        let hours = (f64::from(self.days) - self.quiet_days()) * 24.0;
        hours as u32 / INCIDENT_SPACING_HOURS
    }
}

impl Default for Config {
    /// Two weeks at a request a second, with five incidents.
    fn default() -> Self {
        Self { seed: 1, start_ms: Self::DEFAULT_START_MS, days: 14, rate: 60.0, incidents: 5, kinds: Kinds::All }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_wrong_and_what_to_do() {
        let broken = [
            (Config { days: 0, ..Config::default() }, "days"),
            (Config { days: 401, ..Config::default() }, "days"),
            (Config { rate: 0.5, ..Config::default() }, "rate"),
            (Config { rate: f64::NAN, ..Config::default() }, "rate"),
            (Config { rate: 2e6, ..Config::default() }, "rate"),
            (Config { start_ms: -1, ..Config::default() }, "start"),
            (Config { days: 1, incidents: 99, ..Config::default() }, "incidents"),
        ];
        for (config, word) in broken {
            let message = config.checked().expect_err("out of bounds").to_string();
            assert!(message.contains(word), "{message}");
        }
    }

    #[test]
    fn kinds_have_the_names_of_the_truth() {
        for family in Family::EVERY {
            let name = serde_json::to_value(family).expect("a name");
            assert_eq!(name.as_str().expect("text").parse::<Kinds>().expect("known"), Kinds::Only(family));
        }
        let message = "mix".parse::<Kinds>().expect_err("no family").to_string();
        assert!(message.contains("`mix`") && message.contains("mix_shift"), "{message}");
    }

    #[test]
    fn a_week_is_quiet_for_four_days() {
        let quiet = |days| {
            let config = Config { days, ..Config::default() };
            (config.incidents_from_ms() - config.start_ms) as f64 / DAY_MS as f64
        };
        assert_eq!(quiet(7), 4.0);
        assert!((quiet(30) - 12.0).abs() < 1e-6);
        assert!((quiet(5) - 2.0).abs() < 1e-6);
    }
}
