//! The rhythm of a day or a week around its level, two bytes an hour.

use hark_model::Timestamp;
use serde::{Deserialize, Serialize};

const HOURS_IN_A_DAY: usize = 24;
pub(crate) const HOURS_IN_A_WEEK: usize = 168;
/// What a week adds to the rhythm of days is known for so many hours together.
pub(crate) const BLOCK_HOURS: usize = 6;
pub(crate) const WEEK_BLOCKS: usize = HOURS_IN_A_WEEK / BLOCK_HOURS;
const UNITS_MAX: f64 = 32_767.0;

/// By hour of the week, from Thursday midnight UTC, as 1970 began; or by hour of the day, UTC, with the rest days behind
/// the weekdays, and behind them what the week adds, where that is known.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Profile {
    /// A value is known to half of it, a part in 65,000 of the largest: better than the hours that it comes from.
    unit: f64,
    units: Box<[i16]>,
}

pub(crate) fn hour_of_week(hour: i64) -> usize {
    hour.rem_euclid(HOURS_IN_A_WEEK as i64) as usize
}

impl Profile {
    /// `week` is empty or has what each six hours of the week add.
    pub(crate) fn daily(weekday: &[f64], rest_day: &[f64], week: &[f64]) -> Self {
        Self::new(&[weekday, rest_day, week].concat())
    }

    pub(crate) fn weekly(profile: &[f64]) -> Self {
        Self::new(profile)
    }

    fn new(values: &[f64]) -> Self {
        let largest = values.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
        let unit = if largest > 0.0 { largest / UNITS_MAX } else { 1.0 };
        Self { unit, units: values.iter().map(|value| (value / unit).round() as i16).collect() }
    }

    pub(crate) fn is_weekly(&self) -> bool {
        self.units.len() == HOURS_IN_A_WEEK
    }

    pub(crate) fn at(&self, hour: i64, is_rest_day: bool) -> f64 {
        if self.is_weekly() {
            return self.value(hour_of_week(hour));
        }
        let of_day = hour.rem_euclid(HOURS_IN_A_DAY as i64) as usize + usize::from(is_rest_day) * HOURS_IN_A_DAY;
        // A holiday is no ordinary day of the week.
        let is_ordinary = is_rest_day == Timestamp::from_millis(hour * 3_600_000).is_weekend();
        self.value(of_day) + if is_ordinary { self.of_week(hour_of_week(hour)) } else { 0.0 }
    }

    /// What the week adds at an hour of it: the line between the middles of the two blocks around.
    fn of_week(&self, hour: usize) -> f64 {
        if self.units.len() < 2 * HOURS_IN_A_DAY + WEEK_BLOCKS {
            return 0.0;
        }
        // From the middle of the block before, in hours; an hour stands for its middle.
        let since = hour as f64 + 0.5 + BLOCK_HOURS as f64 / 2.0;
        let blocks = since / BLOCK_HOURS as f64;
        let block = |at: usize| self.value(2 * HOURS_IN_A_DAY + (at + WEEK_BLOCKS - 1) % WEEK_BLOCKS);
        let (at, share) = (blocks as usize, blocks.fract());
        block(at) * (1.0 - share) + block(at + 1) * share
    }

    fn value(&self, at: usize) -> f64 {
        f64::from(self.units[at]) * self.unit
    }

    /// What it has beyond its own size, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.units)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_within_half_a_unit() {
        let rhythm = |scale: f64, hour: usize| scale * (hour as f64 * 0.7).sin();
        for scale in [1e-4, 1.5, 4e8] {
            let close = |kept: f64, exact: f64| (kept - exact).abs() <= scale / 65_000.0;
            let weekly = Profile::weekly(&(0..168).map(|hour| rhythm(scale, hour)).collect::<Vec<_>>());
            assert!((0..168).all(|hour| close(weekly.at(hour as i64 + 1680, true), rhythm(scale, hour))));
            let [weekday, rest_day] =
                [0, 100].map(|from| (from..from + 24).map(|at| rhythm(scale, at)).collect::<Vec<_>>());
            let daily = Profile::daily(&weekday, &rest_day, &[]);
            assert!((0..24).all(|hour| close(daily.at(hour as i64 - 48, false), weekday[hour])));
            assert!((0..24).all(|hour| close(daily.at(hour as i64 - 48, true), rest_day[hour])));
            assert!(weekly.is_weekly() && !daily.is_weekly());
        }
        assert_eq!(Profile::daily(&[0.0; 24], &[0.0; 24], &[]).at(5, false), 0.0);
    }

    #[test]
    fn the_week_adds_a_line_through_the_middles_of_its_blocks() {
        let mut week = [0.0; WEEK_BLOCKS];
        // Thursday from six to twelve, as 1970 began on one.
        week[1] = 4.0;
        let profile = Profile::daily(&[1.0; 24], &[2.0; 24], &week);
        let at = |hour: i64| (profile.at(hour, false) * 100.0).round() / 100.0;
        assert_eq!([2, 3, 8, 9, 14, 15, 33].map(at), [1.0, 1.33, 4.67, 4.67, 1.33, 1.0, 1.0]);
        assert_eq!((at(8 + 168), profile.at(8, true).round()), (4.67, 2.0), "a holiday is no ordinary Thursday");
        // The week closes: its first block is next to its last.
        week = [0.0; WEEK_BLOCKS];
        week[WEEK_BLOCKS - 1] = 4.0;
        let closed = Profile::daily(&[0.0; 24], &[0.0; 24], &week);
        assert!((closed.at(168, false) - 5.0 / 3.0).abs() < 1e-3 && (closed.at(161, false) - 5.0 / 3.0).abs() < 1e-3);
    }
}
