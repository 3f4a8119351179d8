//! Histograms of other systems to values that stand for their buckets, each with a count.
//!
//! An exponential bucket at scale 6 or finer lies within one of the sketch's, so nothing is lost; a coarser one counts
//! in its middle, off by half its width at most: a factor of 2^(2^-scale / 2), 2.2 % at scale 4 and 4.4 % at scale 3.
//! A bucket between explicit bounds counts in their geometric middle: off by the square root of their ratio at most,
//! 41 % between 5 and 10.

use hark_model::Sketch;

/// The sketch's own scale: 64 buckets in one doubling of the value.
const SKETCH_SCALE: i32 = 6;
/// The part of the zeros, apart from all buckets.
const ZERO_PART: i32 = i32::MIN;
/// Larger numbers are not exact as doubles, and none was ever counted.
pub(super) const COUNT_MAX: u64 = 1 << 53;

/// So many requests had about this value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bucket {
    /// Which number of its stream it is.
    pub(crate) part: i32,
    pub(crate) value: f64,
    pub(crate) count: u64,
}

/// Buckets between explicit bounds: the first lies below `bounds[0]`, the last above all of them.
pub(crate) fn explicit(
    bounds: &[f64],
    counts: &[u64],
    (min, max): (Option<f64>, Option<f64>),
    into: &mut Vec<Bucket>,
) -> Result<(), String> {
    if counts.len() != bounds.len() + 1 {
        return Err(format!("it has {} bounds and {} buckets; there is one bucket more", bounds.len(), counts.len()));
    }
    let is_rising = bounds.windows(2).all(|pair| pair[0] < pair[1]);
    if !is_rising || !bounds.iter().all(|bound| bound.is_finite()) {
        return Err("its bounds are not finite and rising".to_owned());
    }
    for (at, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let lower = at.checked_sub(1).map(|at| bounds[at]).or(min);
        let upper = bounds.get(at).copied().or(max);
        let value = between(lower, upper).ok_or("it counts values below zero, which no sketch holds")?;
        push(into, at as i32, value, count)?;
    }
    Ok(())
}

/// The value that stands for what lies above `lower` and not above `upper`; `None` if that is below zero.
fn between(lower: Option<f64>, upper: Option<f64>) -> Option<f64> {
    let finite = |bound: Option<f64>| bound.filter(|bound| bound.is_finite());
    match (finite(lower), finite(upper)) {
        (_, Some(upper)) if upper < 0.0 => None,
        (None, None) => Some(0.0),
        // Nothing says how far up it goes.
        (Some(lower), None) => Some(lower.max(0.0)),
        (Some(lower), Some(upper)) if lower > 0.0 && lower < upper => Some(lower.sqrt() * upper.sqrt()),
        // Zero has no geometric middle with anything.
        (lower, Some(upper)) if lower.is_none_or(|lower| lower <= 0.0) => Some(upper / 2.0),
        // A smallest or largest value that contradicts the bounds.
        (_, Some(upper)) => Some(upper),
    }
}

/// Buckets of a base-2 exponential histogram in rising order: bucket `i` holds `(2^(i/2^scale), 2^((i+1)/2^scale)]`.
pub(super) fn exponential(
    scale: i32,
    zeros: u64,
    buckets: impl Iterator<Item = (i64, u64)>,
    into: &mut Vec<Bucket>,
) -> Result<(), String> {
    if zeros > 0 {
        push(into, ZERO_PART, 0.0, zeros)?;
    }
    for (index, count) in buckets.filter(|(_, count)| *count > 0) {
        let bucket = sketch_bucket(scale, index);
        push(into, i32::from(bucket), middle(bucket), count)?;
    }
    Ok(())
}

/// The part of an exponential histogram that counts a value.
pub(super) fn part_of(scale: i32, value: f64) -> i32 {
    if value <= 0.0 {
        return ZERO_PART;
    }
    let own = Sketch::bucket_of(value);
    let coarser = SKETCH_SCALE.saturating_sub(scale).clamp(0, 31);
    i32::from(if coarser == 0 { own } else { sketch_bucket(scale, i64::from(own) >> coarser) })
}

/// The sketch's bucket that bucket `index` lies in, or that its middle lies in if it is wider.
fn sketch_bucket(scale: i32, index: i64) -> i16 {
    let (lowest, highest) = (Sketch::bucket_of(f64::MIN_POSITIVE), Sketch::bucket_of(f64::MAX));
    let finer = i64::from(scale) - i64::from(SKETCH_SCALE);
    let bucket = if finer >= 0 {
        index >> finer.min(63)
    } else {
        // Past this the sketch's whole range lies within one bucket, on one side of 1.
        let coarser = (-finer).min(32) as u32;
        let first = index.saturating_mul(1 << coarser);
        first.saturating_add((1 << (coarser - 1)) - 1)
    };
    bucket.clamp(i64::from(lowest), i64::from(highest)) as i16
}

/// The geometric middle of one of the sketch's buckets.
fn middle(bucket: i16) -> f64 {
    ((f64::from(bucket) + 0.5) / f64::from(1 << SKETCH_SCALE)).exp2()
}

/// Neighbours may fall together in the sketch.
fn push(into: &mut Vec<Bucket>, part: i32, value: f64, count: u64) -> Result<(), String> {
    let count = match into.last_mut() {
        Some(last) if last.part == part => {
            last.count = last.count.saturating_add(count);
            last.count
        }
        _ => {
            into.push(Bucket { part, value, count });
            count
        }
    };
    check_count(count)
}

pub(super) fn check_count(count: u64) -> Result<(), String> {
    if count > COUNT_MAX {
        return Err(format!("it counts {count}; more than {COUNT_MAX} cannot be right"));
    }
    Ok(())
}

/// Whether buckets of this scale are the sketch's own, or parts of them.
pub(super) fn is_exact(scale: i32) -> bool {
    scale >= SKETCH_SCALE
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn exponential_of(scale: i32, buckets: &[(i64, u64)]) -> Vec<Bucket> {
        let mut into = Vec::new();
        exponential(scale, 0, buckets.iter().copied(), &mut into).unwrap();
        into
    }

    fn explicit_of(bounds: &[f64], counts: &[u64], range: (Option<f64>, Option<f64>)) -> Vec<(i32, f64, u64)> {
        let mut into = Vec::new();
        explicit(bounds, counts, range, &mut into).unwrap();
        into.into_iter().map(|bucket| (bucket.part, bucket.value, bucket.count)).collect()
    }

    #[test]
    fn the_middle_of_every_bucket_lies_in_it() {
        let all = Sketch::bucket_of(f64::MIN_POSITIVE)..=Sketch::bucket_of(f64::MAX);
        assert_eq!(all.clone().count(), 41 * 64);
        for bucket in all {
            assert_eq!(Sketch::bucket_of(middle(bucket)), bucket);
        }
    }

    proptest! {
        #[test]
        fn finer_histograms_lose_nothing(scale in 6_i32..=20, value in 0.001_f64..1e9) {
            // The bucket of the finer scale; on a bound it may be off by one, so values there are left out.
            let position = value.log2() * f64::from(scale).exp2();
            prop_assume!((position - position.round()).abs() > 1e-3);
            let buckets = exponential_of(scale, &[(position.floor() as i64, 3)]);
            prop_assert_eq!(buckets.len(), 1);
            prop_assert_eq!(buckets[0].part, i32::from(Sketch::bucket_of(value)));
            prop_assert_eq!(Sketch::bucket_of(buckets[0].value), Sketch::bucket_of(value));
        }

        #[test]
        fn coarser_histograms_count_in_the_middle(scale in -3_i32..6, value in 0.01_f64..1e8) {
            let position = (value.log2() * f64::from(scale).exp2()).ceil() - 1.0;
            let bound = |position: f64| (position / f64::from(scale).exp2()).exp2();
            let (low, high) = (bound(position), bound(position + 1.0));
            prop_assume!(low > 0.001 && high < 1e9);
            let stands_for_it = exponential_of(scale, &[(position as i64, 1)])[0].value;
            let exact = (low * high).sqrt();
            prop_assert!((stands_for_it / exact).log2().abs() <= 0.5 / 64.0 + 1e-9, "{stands_for_it} {exact}");
        }

        #[test]
        fn no_scale_and_no_index_is_too_much(scale: i32, index: i64, count in 1..COUNT_MAX) {
            let buckets = exponential_of(scale, &[(index, count)]);
            prop_assert_eq!(buckets[0].count, count);
            prop_assert_eq!(i32::from(Sketch::bucket_of(buckets[0].value)), buckets[0].part);
        }

        #[test]
        fn any_bounds_give_usable_values_or_a_reason(
            bounds in prop::collection::vec(any::<f64>(), 0..5),
            counts in prop::collection::vec(0_u64..3, 0..6),
            min: Option<f64>, max: Option<f64>,
        ) {
            let mut into = Vec::new();
            if explicit(&bounds, &counts, (min, max), &mut into).is_ok() {
                prop_assert!(into.iter().all(|bucket| bucket.value.is_finite() && bucket.value >= 0.0), "{into:?}");
            }
        }
    }

    #[test]
    fn buckets_that_fall_together_are_one() {
        let buckets = exponential_of(8, &[(0, 1), (1, 2), (3, 4), (4, 8)]);
        assert_eq!(buckets.iter().map(|bucket| (bucket.part, bucket.count)).collect::<Vec<_>>(), [(0, 7), (1, 8)]);
    }

    #[test]
    fn explicit_buckets_count_in_their_geometric_middle() {
        let bounds = [0.0, 4.0, 16.0];
        assert_eq!(
            explicit_of(&bounds, &[1, 2, 3, 4], (None, None)),
            [(0, 0.0, 1), (1, 2.0, 2), (2, 8.0, 3), (3, 16.0, 4)]
        );
        assert_eq!(explicit_of(&bounds, &[0, 0, 0, 4], (Some(3.0), Some(64.0))), [(3, 32.0, 4)]);
        assert_eq!(explicit_of(&[4.0], &[1, 0], (Some(1.0), None)), [(0, 2.0, 1)]);
        assert_eq!(explicit_of(&[], &[7], (Some(1.0), Some(16.0))), [(0, 4.0, 7)]);
    }

    #[test]
    fn what_cannot_be_counted_is_named() {
        let problem =
            |bounds: &[f64], counts: &[u64]| explicit(bounds, counts, (None, None), &mut Vec::new()).unwrap_err();
        assert_eq!(problem(&[1.0], &[1]), "it has 1 bounds and 1 buckets; there is one bucket more");
        assert_eq!(problem(&[2.0, 1.0], &[1, 1, 1]), "its bounds are not finite and rising");
        assert_eq!(problem(&[-5.0], &[1, 0]), "it counts values below zero, which no sketch holds");
        assert!(problem(&[1.0], &[u64::MAX, 0]).starts_with("it counts 18446744073709551615"));
    }
}
