//! Classic histograms: their buckets come as series of their own, each counting everything up to its bound.
//!
//! A scrape may be split over any number of bodies, so that nothing is put together here: each sample of a bucket is a
//! row that says which histogram it belongs to, and the fold waits for the others.

use xxhash_rust::xxh3::xxh3_64;

use crate::events::{Bound, Weight};
use crate::wire::histogram::check_count;
use crate::wire::points::hash_of;
use crate::wire::remote_write::series::{Kind, Series};

/// The bucket that a series is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket<'a> {
    /// The name without `_bucket`.
    pub(super) base: &'a str,
    le: &'a str,
}

/// The same for all series of one histogram.
fn key(base: &str, series: &Series<'_>) -> u64 {
    hash_of(&[xxh3_64(base.as_bytes()), series.labels_hash])
}

fn may_be_histogram(series: &Series<'_>) -> bool {
    matches!(series.kind, Kind::Unknown | Kind::Histogram)
}

/// `None` for a series that is no bucket.
pub(super) fn bucket_of<'a>(series: &Series<'a>) -> Option<Bucket<'a>> {
    let base = series.name.strip_suffix("_bucket").filter(|_| may_be_histogram(series))?;
    Some(Bucket { base, le: series.le? })
}

/// The histogram whose running sum the series may be: buckets say so, or its metadata.
pub(super) fn sum_of(series: &Series<'_>) -> Option<u64> {
    let base = series.name.strip_suffix("_sum").filter(|_| may_be_histogram(series))?;
    Some(key(base, series))
}

impl Bucket<'_> {
    /// `total` turns into what a row of this bucket stands for.
    pub(super) fn weight(&self, series: &Series<'_>) -> Result<impl Fn(f64) -> Result<Weight, String>, String> {
        let le: f64 = self.le.parse().ok().filter(|le: &f64| !le.is_nan()).ok_or("its label `le` is not a number")?;
        let (stream, bound) = (key(self.base, series), Bound::new(le));
        Ok(move |total: f64| {
            // Recording rules make fractions of counts.
            let total = total.round();
            if total < 0.0 {
                return Err(format!("it counts {total}"));
            }
            check_count(total as u64)?;
            Ok(Weight::Bucket { stream, bound, total: total as u64 })
        })
    }
}
