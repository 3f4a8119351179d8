//! The rhythm of a day or a week around its level, two bytes an hour.

use serde::{Deserialize, Serialize};

const HOURS_IN_A_DAY: usize = 24;
pub(crate) const HOURS_IN_A_WEEK: usize = 168;
const UNITS_MAX: f64 = 32_767.0;

/// By hour of the week, from Thursday midnight UTC, as 1970 began; or by hour of the day, UTC, with the rest days behind
/// the weekdays.
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
    pub(crate) fn daily(weekday: &[f64], rest_day: &[f64]) -> Self {
        Self::new(&[weekday, rest_day].concat())
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
        let of_day = || hour.rem_euclid(HOURS_IN_A_DAY as i64) as usize + usize::from(is_rest_day) * HOURS_IN_A_DAY;
        let at = if self.is_weekly() { hour_of_week(hour) } else { of_day() };
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
            let daily = Profile::daily(&weekday, &rest_day);
            assert!((0..24).all(|hour| close(daily.at(hour as i64 - 48, false), weekday[hour])));
            assert!((0..24).all(|hour| close(daily.at(hour as i64 - 48, true), rest_day[hour])));
            assert!(weekly.is_weekly() && !daily.is_weekly());
        }
        assert_eq!(Profile::daily(&[0.0; 24], &[0.0; 24]).at(5, false), 0.0);
    }
}
