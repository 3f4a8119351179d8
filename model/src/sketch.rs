//! The quantile sketch: OpenTelemetry's base-2 exponential histogram at a fixed scale.
//!
//! Bucket `i` holds the values in `(2^(i/64), 2^((i+1)/64)]`, so a value is known to within 1.09 %. Counts and the
//! sum are integers: merging is associative and commutative to the bit, whatever the order events came in.

mod buckets;
mod packed;

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use buckets::Buckets;

/// Buckets in one doubling of the value.
const BUCKETS_PER_OCTAVE: i32 = 64;
/// Values are clamped into 2^-10..2^31: a microsecond to 24 days where the unit is the millisecond.
const LOWEST_INDEX: i32 = -10 * BUCKETS_PER_OCTAVE;
const HIGHEST_INDEX: i32 = 31 * BUCKETS_PER_OCTAVE - 1;
/// The sum is kept in thousandths of the unit.
const SUM_RESOLUTION: f64 = 1000.0;

/// Counts, sums and squares are integers: they add up to the same bits in any order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sketch {
    zeros: u64,
    sum_thousandths: i64,
    /// Of thousandths, so in millionths of the unit squared.
    sum_squares: u128,
    count: u64,
    buckets: Buckets,
}

/// A value ready to be added, worked out once however many sketches it goes into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Magnitude {
    /// `None` for zero.
    bucket: Option<i16>,
    thousandths: i64,
}

impl Magnitude {
    /// `None` unless the value is finite and not negative.
    pub fn new(value: f64) -> Option<Self> {
        let is_magnitude = value.is_finite() && value >= 0.0;
        let thousandths = (value * SUM_RESOLUTION).round() as i64;
        is_magnitude.then(|| Self { bucket: (value > 0.0).then(|| Sketch::bucket_of(value)), thousandths })
    }

    /// The bucket it falls in; below all others for zero.
    pub fn class(self) -> i16 {
        self.bucket.unwrap_or(i16::MIN)
    }

    /// The value in thousandths of the unit.
    pub fn thousandths(self) -> u64 {
        self.thousandths.unsigned_abs()
    }
}

impl Sketch {
    /// Half the width of a bucket relative to its middle, the largest error a quantile can have: 2^(1/64) - 1.
    pub const RELATIVE_ERROR: f64 = 0.010_89;

    /// Takes a finite value that is not negative; anything else must be refused before it comes here.
    pub fn insert(&mut self, value: f64) {
        debug_assert!(value.is_finite() && value >= 0.0, "{value} is not a magnitude");
        Magnitude::new(value).into_iter().for_each(|magnitude| self.add(magnitude, 1));
    }

    /// Adds the same value `times` times.
    pub fn add(&mut self, value: Magnitude, times: u64) {
        self.count = self.count.saturating_add(times);
        let thousandths = value.thousandths;
        self.sum_thousandths =
            self.sum_thousandths.saturating_add(thousandths.saturating_mul(i64::try_from(times).unwrap_or(i64::MAX)));
        let square = u128::from(thousandths.unsigned_abs()).pow(2);
        self.sum_squares = self.sum_squares.saturating_add(square.saturating_mul(u128::from(times)));
        match value.bucket {
            Some(bucket) => self.buckets.add(bucket, u32::try_from(times).unwrap_or(u32::MAX)),
            None => self.zeros = self.zeros.saturating_add(times),
        }
    }

    pub fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.zeros = self.zeros.saturating_add(other.zeros);
        self.sum_thousandths = self.sum_thousandths.saturating_add(other.sum_thousandths);
        self.sum_squares = self.sum_squares.saturating_add(other.sum_squares);
        self.buckets.merge(&other.buckets);
    }

    /// The same requests, each `factor` times as large. They move by whole buckets, and for the rest of the way a
    /// share of each bucket goes one further; shares are added up from `start` (0 to 1), so that none is lost.
    #[must_use]
    pub fn scaled(&self, factor: f64, start: f64) -> Self {
        /// Ten doublings either way.
        const FACTOR_MAX: f64 = 1024.0;
        let factor = factor.clamp(1.0 / FACTOR_MAX, FACTOR_MAX);
        let distance = factor.log2() * f64::from(BUCKETS_PER_OCTAVE);
        let (whole, share) = (distance.floor() as i32, distance - distance.floor());
        let bucket = |index: i16, by: i32| (i32::from(index) + by).clamp(LOWEST_INDEX, HIGHEST_INDEX) as i16;
        let mut moved: Vec<(i16, u32)> = Vec::new();
        let mut carried = start;
        for (index, count) in self.buckets.iter() {
            carried += f64::from(count) * share;
            let further = (carried.floor() as u32).min(count);
            carried -= f64::from(further);
            for (by, times) in [(whole, count - further), (whole + 1, further)] {
                let to = bucket(index, by);
                match moved.last_mut() {
                    _ if times == 0 => {}
                    Some(last) if last.0 == to => last.1 = last.1.saturating_add(times),
                    _ => moved.push((to, times)),
                }
            }
        }
        Self {
            zeros: self.zeros,
            sum_thousandths: (self.sum_thousandths as f64 * factor).round() as i64,
            sum_squares: (self.sum_squares as f64 * factor * factor).round() as u128,
            count: self.count,
            buckets: Buckets::of_sorted(moved),
        }
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    pub fn zeros(&self) -> u64 {
        self.zeros
    }

    pub fn sum(&self) -> f64 {
        self.sum_thousandths as f64 / SUM_RESOLUTION
    }

    pub fn sum_thousandths(&self) -> i64 {
        self.sum_thousandths
    }

    pub fn sum_of_squares(&self) -> f64 {
        self.sum_squares as f64 / (SUM_RESOLUTION * SUM_RESOLUTION)
    }

    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum() / self.count as f64)
    }

    /// The value below which the share `q` of requests lies, laid out evenly (in the logarithm) within its bucket.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        let rank = (q.clamp(0.0, 1.0) * self.count as f64).max(f64::MIN_POSITIVE);
        if rank <= self.zeros as f64 {
            return Some(0.0);
        }
        match self.buckets.reaching(self.zeros, rank) {
            Some((index, below, count)) => {
                let within = (rank - below as f64) / f64::from(count);
                Some(Self::bound((f64::from(index) + within) / f64::from(BUCKETS_PER_OCTAVE)))
            }
            None => self.buckets.iter().last().map(|(index, _)| Self::upper_bound(index)),
        }
    }

    /// How many requests lie above `threshold`; those of the bucket it falls in are shared out evenly.
    pub fn count_above(&self, threshold: f64) -> f64 {
        if threshold <= 0.0 {
            return (self.count - self.zeros) as f64;
        }
        let split = Self::bucket_of(threshold);
        let position = threshold.log2() * f64::from(BUCKETS_PER_OCTAVE) - f64::from(split);
        let share_above = (1.0 - position).clamp(0.0, 1.0);
        let (at, above) = self.buckets.at_and_above(split);
        above as f64 + f64::from(at) * share_above
    }

    /// What it has beyond its own size, in bytes.
    pub fn heap_bytes(&self) -> usize {
        self.buckets.heap_bytes()
    }

    /// Bucket and count, in order of value; zeros are not among them.
    pub fn buckets(&self) -> impl Iterator<Item = (i16, u32)> {
        self.buckets.iter()
    }

    /// The bucket a positive value falls in.
    pub fn bucket_of(value: f64) -> i16 {
        let bits = value.to_bits();
        let exponent = ((bits >> 52) & 0x7ff) as i32 - 1023;
        let mantissa = f64::from_bits((bits & ((1 << 52) - 1)) | (1023 << 52));
        let bounds = &*BOUNDS;
        // The table of first guesses is indexed by the top bits of the mantissa; at most two steps remain.
        let mut sub = usize::from(bounds.guess[((bits >> 44) & 0xff) as usize]);
        while sub < BUCKETS_PER_OCTAVE as usize && bounds.lower[sub + 1] < mantissa {
            sub += 1;
        }
        // A value on a bound belongs to the bucket below it; 2^k sits on the lower bound of its own octave.
        let index = exponent * BUCKETS_PER_OCTAVE + sub as i32 - i32::from(mantissa <= bounds.lower[sub]);
        index.clamp(LOWEST_INDEX, HIGHEST_INDEX) as i16
    }

    /// The largest value that a bucket holds.
    pub fn upper_bound(index: i16) -> f64 {
        Self::bound((f64::from(index) + 1.0) / f64::from(BUCKETS_PER_OCTAVE))
    }

    fn bound(octaves: f64) -> f64 {
        octaves.exp2()
    }
}

struct Bounds {
    /// `lower[k]` is 2^(k/64).
    lower: [f64; BUCKETS_PER_OCTAVE as usize + 1],
    /// For each top byte of the mantissa, a sub-bucket at or below the right one.
    guess: [u8; 256],
}

static BOUNDS: LazyLock<Bounds> = LazyLock::new(|| {
    let lower = std::array::from_fn(|k| Sketch::bound(k as f64 / f64::from(BUCKETS_PER_OCTAVE)));
    let guess = std::array::from_fn(|byte| {
        let mantissa = 1.0 + byte as f64 / 256.0;
        (lower.iter().take_while(|&&bound| bound <= mantissa).count() - 1) as u8
    });
    Bounds { lower, guess }
});

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sketch_of(values: &[f64]) -> Sketch {
        let mut sketch = Sketch::default();
        values.iter().for_each(|&value| sketch.insert(value));
        sketch
    }

    proptest! {
        #[test]
        fn a_bucket_holds_its_value(value in 0.001_f64..1e9) {
            let index = Sketch::bucket_of(value);
            let upper = Sketch::upper_bound(index);
            let lower = Sketch::upper_bound(index - 1);
            prop_assert!(lower < value && value <= upper, "{lower} {value} {upper}");
        }

        #[test]
        fn quantiles_keep_the_stated_error(
            mut values in prop::collection::vec(0.01_f64..1e7, 1..400),
            q in prop::sample::select(vec![0.5, 0.9, 0.95, 0.99, 0.999]),
        ) {
            let estimate = sketch_of(&values).quantile(q).unwrap();
            values.sort_by(f64::total_cmp);
            let rank = (q * values.len() as f64).ceil() as usize;
            let exact = values[rank.clamp(1, values.len()) - 1];
            prop_assert!((estimate / exact - 1.0).abs() <= Sketch::RELATIVE_ERROR + 1e-9, "{estimate} {exact}");
        }

        #[test]
        fn merging_is_the_same_in_any_order(
            a in prop::collection::vec(0.0_f64..1e6, 0..60),
            b in prop::collection::vec(0.0_f64..1e6, 0..60),
            c in prop::collection::vec(0.0_f64..1e6, 0..60),
        ) {
            let whole = sketch_of(&[a.clone(), b.clone(), c.clone()].concat());
            let parts = [sketch_of(&a), sketch_of(&b), sketch_of(&c)];
            for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
                let mut merged = Sketch::default();
                order.iter().for_each(|&part| merged.merge(&parts[part]));
                prop_assert_eq!(&merged, &whole);
            }
        }

        #[test]
        fn scaling_moves_every_quantile_and_loses_nobody(
            values in prop::collection::vec(0.1_f64..1e5, 40..300),
            factor in 0.05_f64..20.0,
            start in 0.0_f64..1.0,
            q in prop::sample::select(vec![0.25, 0.5, 0.9]),
        ) {
            let sketch = sketch_of(&values);
            let scaled = sketch.scaled(factor, start);
            prop_assert_eq!(scaled.count(), sketch.count());
            prop_assert_eq!(scaled.buckets().map(|(_, count)| u64::from(count)).sum::<u64>(), sketch.count());
            prop_assert!((scaled.sum() / sketch.sum() / factor - 1.0).abs() < 1e-4);
            let exact = sketch_of(&values.iter().map(|value| value * factor).collect::<Vec<_>>());
            let ratio = scaled.quantile(q).unwrap() / exact.quantile(q).unwrap();
            prop_assert!((ratio - 1.0).abs() <= 2.0 * Sketch::RELATIVE_ERROR, "{ratio}");
        }

        #[test]
        fn counting_above_a_quantile_gives_the_rest(values in prop::collection::vec(0.01_f64..1e6, 1..300)) {
            let sketch = sketch_of(&values);
            let median = sketch.quantile(0.5).unwrap();
            prop_assert!((sketch.count_above(median) - values.len() as f64 / 2.0).abs() < 1e-6);
        }
    }

    #[test]
    fn powers_of_two_lie_on_their_upper_bound() {
        for exponent in -9..30 {
            let value = f64::from(exponent).exp2();
            assert_eq!(i32::from(Sketch::bucket_of(value)), exponent * BUCKETS_PER_OCTAVE - 1, "2^{exponent}");
        }
    }

    #[test]
    fn the_stated_error_is_the_width_of_a_bucket() {
        let width = Sketch::upper_bound(0) - 1.0;
        assert!((width - Sketch::RELATIVE_ERROR).abs() < 1e-5, "{width}");
    }

    #[test]
    fn zeros_and_extremes_are_counted() {
        let sketch = sketch_of(&[0.0, 1e-9, 1e300]);
        assert_eq!(sketch.count(), 3);
        assert_eq!(sketch.quantile(0.1), Some(0.0));
        assert!(sketch.quantile(1.0).unwrap() > 1e9);
        assert_eq!(Sketch::default().quantile(0.5), None);
    }
}
