//! A sketch in few bytes, for those that are kept and seldom looked at: five for a single request.

use super::{Magnitude, SUM_RESOLUTION, Sketch};
use crate::packing::{put, put_signed, put_wide, take, take_signed, take_wide};

/// One request whose bucket follows from its value.
const SINGLE: u8 = 0;
const ANY: u8 = 1;
/// As any, with a count that its buckets are too narrow for.
const VAST: u8 = 2;

impl Sketch {
    pub fn pack(&self, into: &mut Vec<u8>) {
        let single = Magnitude::new(self.sum_thousandths as f64 / SUM_RESOLUTION).map(|value| {
            let mut sketch = Self::default();
            sketch.add(value, 1);
            sketch
        });
        if self.count == 1 && single.as_ref() == Some(self) {
            into.push(SINGLE);
            return put_signed(into, self.sum_thousandths);
        }
        let is_vast = self.count != self.counted();
        into.push(if is_vast { VAST } else { ANY });
        if is_vast {
            put(into, self.count);
        }
        put(into, self.zeros);
        put_signed(into, self.sum_thousandths);
        put_wide(into, self.sum_squares);
        put(into, self.buckets.iter().count() as u64);
        let mut next = 0;
        for (bucket, count) in self.buckets.iter() {
            put_signed(into, i64::from(bucket) - next);
            put(into, u64::from(count));
            next = i64::from(bucket) + 1;
        }
    }

    /// Takes what [`Self::pack`] wrote from the beginning of `from`. `None` if it is something else.
    pub fn unpack(from: &mut &[u8]) -> Option<Self> {
        let (&form, rest) = from.split_first()?;
        *from = rest;
        let mut sketch = Self::default();
        if form == SINGLE {
            sketch.add(Magnitude::new(take_signed(from)? as f64 / SUM_RESOLUTION)?, 1);
            return Some(sketch);
        }
        let count = if form == VAST { Some(take(from)?) } else { None };
        sketch.zeros = take(from)?;
        sketch.sum_thousandths = take_signed(from)?;
        sketch.sum_squares = take_wide(from)?;
        let mut next = 0;
        for _ in 0..take(from)? {
            let bucket = take_signed(from)?.checked_add(next)?;
            sketch.buckets.add(i16::try_from(bucket).ok()?, u32::try_from(take(from)?).ok()?);
            next = bucket.checked_add(1)?;
        }
        sketch.count = count.unwrap_or_else(|| sketch.counted());
        Some(sketch)
    }

    /// What zeros and buckets add up to.
    fn counted(&self) -> u64 {
        self.buckets.iter().fold(self.zeros, |sum, (_, count)| sum.saturating_add(u64::from(count)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn back(sketch: &Sketch) -> Option<Sketch> {
        let mut bytes = Vec::new();
        sketch.pack(&mut bytes);
        let mut left = bytes.as_slice();
        Sketch::unpack(&mut left).filter(|_| left.is_empty())
    }

    #[test]
    fn a_single_request_takes_four_bytes() {
        let mut sketch = Sketch::default();
        sketch.insert(517.5);
        let mut bytes = Vec::new();
        sketch.pack(&mut bytes);
        assert_eq!(bytes.len(), 4);
        assert_eq!(back(&sketch), Some(sketch));
    }

    #[test]
    fn counts_beyond_the_buckets_come_back() {
        let mut sketch = Sketch::default();
        sketch.add(Magnitude::new(3.0).unwrap(), u64::MAX);
        sketch.add(Magnitude::new(0.0).unwrap(), 7);
        assert_eq!(back(&sketch), Some(sketch));
    }

    proptest! {
        #[test]
        fn every_sketch_comes_back(values in prop::collection::vec((0.0_f64..1e10, 1_u64..100_000), 0..60)) {
            let mut sketch = Sketch::default();
            values.iter().for_each(|(value, times)| sketch.add(Magnitude::new(*value).unwrap(), *times));
            prop_assert_eq!(back(&sketch), Some(sketch));
        }

        #[test]
        fn near_zero_too(value in 0.0_f64..0.01) {
            let mut sketch = Sketch::default();
            sketch.insert(value);
            prop_assert_eq!(back(&sketch), Some(sketch));
        }

        #[test]
        fn no_bytes_are_too_much(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            Sketch::unpack(&mut bytes.as_slice());
        }
    }
}
