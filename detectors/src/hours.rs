//! Four weeks of hourly values, two bytes each.

use serde::{Deserialize, Serialize};

/// Four weeks.
const KEPT: i64 = 28 * 24;
/// Room for new hours is made by the day.
const DAY: usize = 24;
/// So many hours become old before they are dropped together.
const OLD: i64 = 6;
/// A series that has lasted three days will last: room is made for all hours at once, so that growing leaves no holes.
const YOUNG: usize = 3 * DAY;

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
    base: f64,
    /// Values are known to so much: a part in sixteen thousand of how far they have been from the first.
    unit: f64,
    values: Vec<Packed>,
}

/// So many units from the base, and in the lowest bit whether it was of a rest day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Packed(i16);

/// It only grows, and at once for any two values that differ.
const UNIT_MIN: f64 = 1e-9;
const UNITS_MAX: f64 = 16_383.0;
/// Beyond it a sum could be infinite.
const NEEDED_MAX: f64 = 1e300;

impl Hours {
    /// Takes the value of an hour after all others.
    pub(crate) fn push(&mut self, hour: Hour) {
        self.values.truncate((hour.at - self.first).max(0) as usize);
        let too_old = hour.at + 1 - KEPT - self.first;
        if too_old > OLD {
            self.values.drain(..self.values.len().min(too_old as usize));
            self.first += too_old;
        }
        if self.values.is_empty() {
            self.first = hour.at;
        }
        let at = (hour.at - self.first) as usize;
        if at >= self.values.capacity() {
            let room = if at < YOUNG { at + DAY } else { (KEPT + OLD) as usize };
            self.values.reserve_exact(room - self.values.len());
        }
        self.values.resize(at, Packed::GAP);
        let packed = self.pack(hour.value, hour.is_rest_day);
        self.values.push(packed);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Hour> {
        let newest = self.first + self.values.len() as i64 - 1;
        let known = self.values.iter().enumerate().filter(|(_, packed)| **packed != Packed::GAP);
        let hours = known.map(|(at, packed)| Hour {
            at: self.first + at as i64,
            value: self.base + f64::from(packed.units()) * self.unit,
            is_rest_day: packed.is_rest_day(),
        });
        hours.filter(move |hour| hour.at > newest - KEPT)
    }

    /// What was learned of an hour; none for a gap.
    pub(crate) fn at(&self, hour: i64) -> Option<f64> {
        let at = usize::try_from(hour - self.first).ok()?;
        let packed = self.values.get(at).filter(|packed| **packed != Packed::GAP)?;
        Some(self.base + f64::from(packed.units()) * self.unit)
    }

    pub(crate) fn len(&self) -> usize {
        self.iter().count()
    }

    /// What it has beyond its own size, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.values.capacity() * size_of::<Packed>()
    }

    pub(crate) fn forget_since(&mut self, hour: i64) {
        self.values.truncate((hour - self.first).max(0) as usize);
    }

    pub(crate) fn move_by(&mut self, by: f64) {
        self.base += by;
    }

    /// Makes the unit large enough for the value. What is hardly finite is a gap.
    fn pack(&mut self, value: f64, is_rest_day: bool) -> Packed {
        if self.values.iter().all(|packed| *packed == Packed::GAP) {
            (self.base, self.unit) = (value, UNIT_MIN);
        }
        let needed = (value - self.base).abs() / UNITS_MAX;
        if needed.is_nan() || needed >= NEEDED_MAX {
            return Packed::GAP;
        }
        let before = self.unit;
        while self.unit < needed {
            self.unit *= 2.0;
        }
        if self.unit > before {
            let known = self.values.iter_mut().filter(|packed| **packed != Packed::GAP);
            known.for_each(|packed| {
                *packed = Packed::new(f64::from(packed.units()) * before / self.unit, packed.is_rest_day());
            });
        }
        Packed::new((value - self.base) / self.unit, is_rest_day)
    }
}

impl Packed {
    const GAP: Self = Self(i16::MIN);

    fn new(units: f64, is_rest_day: bool) -> Self {
        Self((units.round().clamp(-UNITS_MAX, UNITS_MAX) as i16) << 1 | i16::from(is_rest_day))
    }

    fn units(self) -> i16 {
        self.0 >> 1
    }

    fn is_rest_day(self) -> bool {
        self.0 & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(at: i64) -> Hour {
        Hour { at, value: (at % 10) as f64 / 8.0, is_rest_day: at % 7 < 2 }
    }

    /// Whether these are the same hours, with values known to the unit.
    fn agree(hours: &Hours, expected: &[Hour], unit: f64) -> bool {
        let kept: Vec<Hour> = hours.iter().collect();
        kept.len() == expected.len()
            && kept.iter().zip(expected).all(|(kept, expected)| {
                (kept.at, kept.is_rest_day) == (expected.at, expected.is_rest_day)
                    && (kept.value - expected.value).abs() <= unit
            })
    }

    #[test]
    fn four_weeks_are_kept() {
        let mut hours = Hours::default();
        (490_000..492_000).filter(|at| at % 11 != 3).for_each(|at| hours.push(hour(at)));
        let expected: Vec<Hour> = (492_000 - 672..492_000).filter(|at| at % 11 != 3).map(hour).collect();
        assert!(agree(&hours, &expected, 2e-4), "{hours:?}");
        assert!(hours.values.capacity() <= 672 + 6, "{}", hours.values.capacity());
    }

    #[test]
    fn a_long_gap_begins_anew() {
        let mut hours = Hours::default();
        [hour(7), hour(5_000_000), hour(5_000_003)].into_iter().for_each(|one| hours.push(one));
        assert!(agree(&hours, &[hour(5_000_000), hour(5_000_003)], 2e-4), "{hours:?}");
    }

    #[test]
    fn a_gap_of_weeks_keeps_what_is_not_too_old_and_needs_no_more_room() {
        let mut hours = Hours::default();
        let known = |at: i64| at < 1_300 || (1_600..2_100).contains(&at);
        (1_000..2_100).filter(|at| known(*at)).for_each(|at| hours.push(hour(at)));
        let expected: Vec<Hour> = (2_100 - 672..2_100).filter(|at| known(*at)).map(hour).collect();
        assert!(agree(&hours, &expected, 2e-4), "{hours:?}");
        assert!(hours.values.capacity() <= 672 + 6, "{}", hours.values.capacity());
    }

    #[test]
    fn what_was_part_of_a_regression_is_forgotten_and_the_rest_moved() {
        let mut hours = Hours::default();
        (100..110).for_each(|at| hours.push(hour(at)));
        hours.forget_since(104);
        hours.move_by(2.0);
        let moved: Vec<Hour> = (100..104).map(|at| Hour { value: hour(at).value + 2.0, ..hour(at) }).collect();
        assert!(agree(&hours, &moved, 2e-4), "{hours:?}");
        hours.forget_since(0);
        assert_eq!(hours.len(), 0);
    }

    #[test]
    fn values_of_any_size_are_known_to_a_fraction_of_their_spread() {
        let spread = [(6.2, 0.4), (99.95, 0.01), (-3e7, 2e6), (0.0, 1e-7)];
        for (level, width) in spread {
            let mut hours = Hours::default();
            let value = |at: i64| level + width * (at * 7_919 % 101) as f64 / 100.0;
            let expected: Vec<Hour> = (0..500).map(|at| Hour { value: value(at), ..hour(at) }).collect();
            expected.iter().for_each(|one| hours.push(*one));
            assert!(agree(&hours, &expected, width / 5_000.0 + 2e-9), "{level} {width}");
        }
        let mut hours = Hours::default();
        [1.0, f64::NAN, f64::MAX, 2.0]
            .into_iter()
            .zip(0..)
            .for_each(|(value, at)| hours.push(Hour { value, ..hour(at) }));
        assert!(hours.iter().all(|hour| hour.value.is_finite()), "{hours:?}");
    }
}
