//! Classic histograms: their buckets come as series of their own, each counting everything up to its bound.
//!
//! They are put together within one body. A bucket that another body brings is missing here, and its requests count in
//! the next wider one; a body without the widest, `+Inf`, counts nothing of the histogram. No start is known of these
//! totals that would hold for all of them, so that they count from the second body on.

use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::xxh3_64;

use crate::builder::ROWS_MAX;
use crate::wire::histogram::{Bucket, explicit};
use crate::wire::points::hash_of;
use crate::wire::protobuf::{Field, Message};
use crate::wire::remote_write::series::{Sample, Series};

#[derive(Default)]
pub(super) struct Classics<'a> {
    groups: FxHashMap<u64, Group<'a>>,
    samples: usize,
}

/// The buckets of one histogram.
pub(super) struct Group<'a> {
    /// The name without `_bucket`.
    pub(super) base: &'a str,
    /// The first of its series, which has the labels of all.
    pub(super) series: Series<'a>,
    samples: Vec<BucketSample>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct BucketSample {
    pub(super) millis: i64,
    le: f64,
    count: f64,
}

/// The same for all series of one histogram.
pub(super) fn key(base: &str, labels_hash: u64) -> u64 {
    hash_of(&[xxh3_64(base.as_bytes()), labels_hash])
}

impl<'a> Classics<'a> {
    pub(super) fn add(&mut self, base: &'a str, le: &str, series: &Series<'a>) -> Result<(), String> {
        let le: f64 = le.parse().ok().filter(|le: &f64| !le.is_nan()).ok_or("its label `le` is not a number")?;
        let key = key(base, series.labels_hash);
        let group = self.groups.entry(key).or_insert_with(|| Group { base, series: *series, samples: Vec::new() });
        for field in Message::new(series.bytes) {
            let (2, Field::Bytes(sample)) = field? else { continue };
            let sample = Sample::read(sample, 0)?;
            if !sample.value.is_finite() {
                continue;
            }
            if self.samples >= ROWS_MAX {
                return Err(format!("a body holds at most {ROWS_MAX} samples of buckets; send smaller batches"));
            }
            self.samples += 1;
            group.samples.push(BucketSample { millis: sample.millis, le, count: sample.value });
        }
        Ok(())
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = u64> {
        self.groups.keys().copied()
    }

    /// In the order of their first series, each sorted by time and bound.
    pub(super) fn into_groups(self) -> Vec<Group<'a>> {
        let mut groups: Vec<Group<'a>> = self.groups.into_values().collect();
        groups.sort_by_key(|group| group.series.ordinal);
        for group in &mut groups {
            group.samples.sort_by(|a, b| a.millis.cmp(&b.millis).then(a.le.total_cmp(&b.le)));
        }
        groups
    }
}

impl Group<'_> {
    /// The buckets of each time.
    pub(super) fn moments(&self) -> impl Iterator<Item = &[BucketSample]> {
        self.samples.chunk_by(|a, b| a.millis == b.millis)
    }
}

/// The counts between neighbouring bounds, and a hash of the bounds.
pub(super) fn buckets(moment: &[BucketSample], into: &mut Vec<Bucket>) -> Result<u64, String> {
    if moment.last().is_none_or(|last| last.le != f64::INFINITY) {
        return Err(
            "it came without its bucket `le=\"+Inf\"`; a body should hold all buckets of a histogram".to_owned()
        );
    }
    let (mut bounds, mut counts, mut below) = (Vec::new(), Vec::new(), 0);
    for sample in moment {
        // Recording rules make fractions of counts.
        let count = sample.count.round();
        if count < 0.0 {
            return Err(format!("it counts {count}"));
        }
        // A difference that were let shrink would look like a total that began anew.
        let between = (count as u64).checked_sub(below).ok_or("its buckets shrink as their bounds grow")?;
        below = count as u64;
        bounds.push(sample.le);
        counts.push(between);
    }
    let shape = hash_of(&bounds.iter().map(|bound| bound.to_bits()).collect::<Vec<_>>());
    bounds.pop();
    explicit(&bounds, &counts, (None, None), into)?;
    Ok(shape)
}
