//! Native histograms: exponential buckets in runs, as whole counts or as fractions.

use crate::wire::histogram::{Bucket, explicit, exponential, is_exact, part_of};
use crate::wire::points::hash_of;
use crate::wire::protobuf::{Broken, Field, Message, push_doubles, push_varints, zigzag};
use crate::wire::traces::Exemplar;

/// The sum that says that a series has ended.
const STALE: u64 = 0x7ff0_0000_0000_0002;
/// The schema of explicit bounds.
const CUSTOM: i64 = -53;
/// A gauge histogram counts what is there and not what happened.
const GAUGE: u64 = 3;
/// The width of the zero bucket that clients begin with, 2^-128.
const ZERO_THRESHOLD: f64 = 2.938_735_877_055_719e-39;
/// More runs of buckets than a histogram can have buckets.
const SPANS_MAX: usize = 16_384;

/// What a histogram says besides its buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) millis: i64,
    /// Zero where it is not known.
    pub(super) start: i64,
    /// Hash of what its buckets mean.
    pub(super) shape: u64,
}

#[derive(Default)]
struct Raw {
    schema: i64,
    sum: u64,
    zero_threshold: f64,
    zeros: f64,
    positive: Runs,
    negative: Runs,
    reset_hint: u64,
    millis: i64,
    start: i64,
    bounds: Vec<f64>,
}

/// Buckets one after the other, with gaps between the runs.
#[derive(Default)]
struct Runs {
    /// How far a run begins after the one before, and how long it is.
    spans: Vec<(i64, u64)>,
    /// Each the difference to the one before.
    deltas: Vec<u64>,
    counts: Vec<f64>,
}

/// `None` if it marks the end of its series. Exemplars learn which bucket counts them.
pub(super) fn read(
    bytes: &[u8],
    exemplars: &mut [Exemplar<'_>],
    into: &mut Vec<Bucket>,
) -> Result<Option<Read>, String> {
    let raw = Raw::read(bytes)?;
    if raw.sum == STALE {
        return Ok(None);
    }
    if raw.reset_hint == GAUGE {
        return Err("it is a gauge histogram, which counts what is there and not what happened".to_owned());
    }
    if raw.negative.indexed()?.iter().any(|(_, count)| *count > 0) {
        return Err("it counts values below zero, which no sketch holds".to_owned());
    }
    let buckets = raw.positive.indexed()?;
    let shape = if raw.schema == CUSTOM {
        explicit(&raw.bounds, &dense(&buckets, raw.bounds.len() + 1)?, (None, None), into)?;
        Exemplar::assign(exemplars, |value| raw.bounds.partition_point(|bound| *bound < value) as i32);
        hash_of(&raw.bounds.iter().map(|bound| bound.to_bits()).collect::<Vec<_>>())
    } else {
        let schema = i32::try_from(raw.schema).ok().filter(|schema| (-4..=8).contains(schema));
        let schema = schema.ok_or_else(|| format!("its schema {} is not known", raw.schema))?;
        // Prometheus numbers a bucket by its upper bound, OpenTelemetry by its lower.
        let buckets = buckets.iter().map(|&(index, count)| (index - 1, count));
        exponential(schema, whole(raw.zeros)?, buckets, into)?;
        Exemplar::assign(exemplars, |value| part_of(schema, value));
        let is_steady = is_exact(schema) && raw.zero_threshold <= ZERO_THRESHOLD;
        let meaning = [raw.schema.cast_unsigned(), raw.zero_threshold.to_bits()];
        if is_steady { 0 } else { hash_of(&meaning) }
    };
    Ok(Some(Read { millis: raw.millis, start: raw.start, shape }))
}

impl Raw {
    fn read(bytes: &[u8]) -> Result<Self, Broken> {
        let mut raw = Self::default();
        for field in Message::new(bytes) {
            match field? {
                (3, Field::Fixed64(bits)) => raw.sum = bits,
                (4, Field::Varint(number)) => raw.schema = zigzag(number),
                (5, Field::Fixed64(bits)) => raw.zero_threshold = f64::from_bits(bits),
                (6, Field::Varint(number)) => raw.zeros = number as f64,
                (7, Field::Fixed64(bits)) => raw.zeros = f64::from_bits(bits),
                (8, Field::Bytes(span)) => raw.negative.push_span(span)?,
                (9, field) => push_varints(&mut raw.negative.deltas, field)?,
                (10, field) => push_doubles(&mut raw.negative.counts, field)?,
                (11, Field::Bytes(span)) => raw.positive.push_span(span)?,
                (12, field) => push_varints(&mut raw.positive.deltas, field)?,
                (13, field) => push_doubles(&mut raw.positive.counts, field)?,
                (14, Field::Varint(number)) => raw.reset_hint = number,
                (15, Field::Varint(millis)) => raw.millis = millis.cast_signed(),
                (16, field) => push_doubles(&mut raw.bounds, field)?,
                (17, Field::Varint(millis)) => raw.start = millis.cast_signed(),
                _ => {}
            }
        }
        Ok(raw)
    }
}

impl Runs {
    fn push_span(&mut self, span: &[u8]) -> Result<(), Broken> {
        let (mut offset, mut length) = (0, 0);
        for field in Message::new(span) {
            match field? {
                (1, Field::Varint(number)) => offset = zigzag(number),
                (2, Field::Varint(number)) => length = number,
                _ => {}
            }
        }
        if self.spans.len() >= SPANS_MAX {
            return Err(Broken("it holds more than 16384 runs of buckets"));
        }
        self.spans.push((offset, length));
        Ok(())
    }

    /// Index and count of each bucket, rising.
    fn indexed(&self) -> Result<Vec<(i64, u64)>, String> {
        const MISMATCH: &str = "its runs of buckets and their counts do not match";
        let counts = self.whole_counts()?;
        let mut indexed = Vec::with_capacity(counts.len());
        let mut next = 0_i64;
        for (at, &(offset, length)) in self.spans.iter().enumerate() {
            if at > 0 && offset < 0 {
                return Err("its runs of buckets overlap".to_owned());
            }
            next = i32::try_from(offset).ok().and_then(|offset| next.checked_add(offset.into())).ok_or(MISMATCH)?;
            let length = usize::try_from(length).map_err(|_| MISMATCH)?;
            let run = counts.get(indexed.len()..).and_then(|rest| rest.get(..length)).ok_or(MISMATCH)?;
            indexed.extend((next..).zip(run.iter().copied()));
            next += run.len() as i64;
        }
        if indexed.len() == counts.len() { Ok(indexed) } else { Err(MISMATCH.to_owned()) }
    }

    fn whole_counts(&self) -> Result<Vec<u64>, String> {
        if !self.counts.is_empty() {
            return self.counts.iter().map(|&count| whole(count)).collect();
        }
        let mut count = 0_i64;
        let mut add = |&delta: &u64| {
            count = count.checked_add(zigzag(delta))?;
            u64::try_from(count).ok()
        };
        let counts: Option<Vec<u64>> = self.deltas.iter().map(&mut add).collect();
        counts.ok_or_else(|| "a bucket counts less than nothing".to_owned())
    }
}

/// Recording rules make fractions of counts.
fn whole(count: f64) -> Result<u64, String> {
    let is_count = count.is_finite() && count >= 0.0;
    is_count.then(|| count.round() as u64).ok_or_else(|| format!("a bucket counts {count}"))
}

/// All of `length` buckets, empty ones too.
fn dense(buckets: &[(i64, u64)], length: usize) -> Result<Vec<u64>, String> {
    let mut counts = vec![0; length];
    for &(index, count) in buckets {
        let slot = usize::try_from(index).ok().and_then(|index| counts.get_mut(index));
        *slot.ok_or("it has buckets beyond its bounds")? = count;
    }
    Ok(counts)
}
