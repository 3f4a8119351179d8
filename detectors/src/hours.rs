//! Four weeks of hourly values, four bytes each.

use serde::{Deserialize, Serialize};

/// Four weeks.
const KEPT: i64 = 28 * 24;
/// Old hours are dropped, and room is made, by the day.
const DAY: usize = 24;

/// One value an hour, on a scale on which effects add (a logarithm).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Hour {
    /// Hours since 1970.
    pub(crate) at: i64,
    pub(crate) value: f64,
    pub(crate) is_rest_day: bool,
}

/// One entry an hour from `first` on; hours that nothing was learned of are gaps.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Hours {
    first: i64,
    values: Vec<Packed>,
}

/// The value; its lowest bit, which no value is known to, says whether it was of a rest day. Not-a-number is a gap.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Packed(f32);

impl Hours {
    /// Takes the value of an hour after all others.
    pub(crate) fn push(&mut self, hour: Hour) {
        self.values.truncate((hour.at - self.first).max(0) as usize);
        if self.values.is_empty() || hour.at - self.first >= 2 * KEPT {
            self.values.clear();
            self.first = hour.at;
        }
        let at = (hour.at - self.first) as usize;
        if at >= self.values.capacity() {
            let more = (at + DAY).min(KEPT as usize + DAY).max(at + 1) - self.values.len();
            self.values.reserve_exact(more);
        }
        self.values.resize(at, Packed::GAP);
        self.values.push(Packed::new(hour.value, hour.is_rest_day));
        if self.values.len() >= KEPT as usize + DAY {
            let dropped = self.values.len() - KEPT as usize;
            self.values.drain(..dropped);
            self.first += dropped as i64;
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Hour> {
        let newest = self.first + self.values.len() as i64 - 1;
        let known = self.values.iter().enumerate().filter(|(_, packed)| !packed.0.is_nan());
        let hours = known.map(|(at, packed)| Hour {
            at: self.first + at as i64,
            value: packed.value(),
            is_rest_day: packed.is_rest_day(),
        });
        hours.filter(move |hour| hour.at > newest - KEPT)
    }

    pub(crate) fn len(&self) -> usize {
        self.iter().count()
    }

    pub(crate) fn forget_since(&mut self, hour: i64) {
        self.values.truncate((hour - self.first).max(0) as usize);
    }

    pub(crate) fn move_by(&mut self, by: f64) {
        self.values.iter_mut().for_each(|packed| *packed = Packed::new(packed.value() + by, packed.is_rest_day()));
    }
}

impl Packed {
    const GAP: Self = Self(f32::NAN);

    fn new(value: f64, is_rest_day: bool) -> Self {
        let value = value as f32;
        if !value.is_finite() {
            return Self::GAP;
        }
        Self(f32::from_bits(value.to_bits() & !1 | u32::from(is_rest_day)))
    }

    fn value(self) -> f64 {
        f64::from(f32::from_bits(self.0.to_bits() & !1))
    }

    fn is_rest_day(self) -> bool {
        self.0.to_bits() & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(at: i64) -> Hour {
        Hour { at, value: (at % 10) as f64 / 8.0, is_rest_day: at % 7 < 2 }
    }

    #[test]
    fn four_weeks_are_kept() {
        let mut hours = Hours::default();
        (490_000..492_000).filter(|at| at % 11 != 3).for_each(|at| hours.push(hour(at)));
        let expected: Vec<Hour> = (492_000 - 672..492_000).filter(|at| at % 11 != 3).map(hour).collect();
        assert_eq!(hours.iter().collect::<Vec<_>>(), expected);
        assert!(hours.values.capacity() <= 672 + 2 * DAY, "{}", hours.values.capacity());
    }

    #[test]
    fn a_long_gap_begins_anew() {
        let mut hours = Hours::default();
        [hour(7), hour(5_000_000), hour(5_000_003)].into_iter().for_each(|one| hours.push(one));
        assert_eq!(hours.iter().collect::<Vec<_>>(), [hour(5_000_000), hour(5_000_003)]);
    }

    #[test]
    fn what_was_part_of_a_regression_is_forgotten_and_the_rest_moved() {
        let mut hours = Hours::default();
        (100..110).for_each(|at| hours.push(hour(at)));
        hours.forget_since(104);
        hours.move_by(2.0);
        let moved: Vec<Hour> = (100..104).map(|at| Hour { value: hour(at).value + 2.0, ..hour(at) }).collect();
        assert_eq!(hours.iter().collect::<Vec<_>>(), moved);
        hours.forget_since(0);
        assert_eq!(hours.len(), 0);
    }
}
