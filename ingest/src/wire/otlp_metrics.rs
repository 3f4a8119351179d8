//! OTLP metrics: each number is one row, each filled bucket of a histogram another, with the attributes for fields.
//!
//! Counters count requests, so that ratios work by attribute; gauges are values; histograms are values with counts.
//! An exemplar adds its trace to the row that counts it.

use xxhash_rust::xxh3::xxh3_64;

use crate::events::Decoded;
use crate::wire::attributes::{Attribute, Rows, Target, add, attributes_hash, from_nanos, pair};
use crate::wire::histogram::{Bucket, check_count, explicit, exponential, is_exact, part_of};
use crate::wire::points::{Counted, Point, PointFields, Reading, Stream, hash_of, of_monotonic};
use crate::wire::protobuf::{Broken, Field, Message, push_doubles, push_fixed64s, push_varints, text, zigzag};
use crate::wire::traces::Exemplar;
use crate::wire::{Reader, WireError};

/// Decodes an `ExportMetricsServiceRequest`. A data point that cannot be taken is named by its number in the request.
pub(super) fn decode(body: &[u8], reader: &Reader<'_>) -> Result<Decoded, WireError> {
    let mut metrics = Metrics::new(reader);
    for field in Message::new(body) {
        if let (1, Field::Bytes(resource_metrics)) = field? {
            metrics.resource(resource_metrics)?;
        }
    }
    Ok(metrics.rows.finish())
}

struct Metrics<'a> {
    rows: Rows<'a>,
    fields: PointFields,
    attributes: Vec<Attribute<'a>>,
    buckets: Vec<Bucket>,
    exemplars: Vec<Exemplar<'a>>,
}

/// The attributes of a resource and a scope, and a hash of them.
#[derive(Default)]
struct Around<'a> {
    attributes: Vec<Attribute<'a>>,
    hash: u64,
}

/// One metric with all of its points.
struct Metric<'a> {
    name: &'a str,
    unit: &'a str,
    /// The field of `Metric` that its data is in, which says what they are.
    kind: u32,
    data: &'a [u8],
    is_cumulative: bool,
    is_monotonic: bool,
    /// It counts, and does not say since when.
    is_of_unknown_time: bool,
    /// Of the name and everything around it.
    hash: u64,
}

const GAUGE: u32 = 5;
const SUM: u32 = 7;
const HISTOGRAM: u32 = 9;
const EXPONENTIAL_HISTOGRAM: u32 = 10;
const SUMMARY: u32 = 11;
const DELTA: u64 = 1;
const CUMULATIVE: u64 = 2;
/// The flag of a point that says that there was nothing to report.
const NO_RECORDED_VALUE: u64 = 1;

impl<'a> Metrics<'a> {
    fn new(reader: &Reader<'a>) -> Self {
        let mut rows = Rows::of_points(reader, "data points");
        let fields = rows.point_fields();
        Self { rows, fields, attributes: Vec::new(), buckets: Vec::new(), exemplars: Vec::new() }
    }

    fn resource(&mut self, resource_metrics: &'a [u8]) -> Result<(), WireError> {
        let mut around = Around::default();
        for field in Message::new(resource_metrics) {
            if let (1, Field::Bytes(resource)) = field? {
                self.rows.attributes(resource, 1, &mut around.attributes)?;
                around.hash = attributes_hash(resource, 1)?;
            }
        }
        for field in Message::new(resource_metrics) {
            if let (2, Field::Bytes(scope_metrics)) = field? {
                self.scope(scope_metrics, &around)?;
            }
        }
        Ok(())
    }

    fn scope(&mut self, scope_metrics: &'a [u8], resource: &Around<'a>) -> Result<(), WireError> {
        let mut around = Around { attributes: resource.attributes.clone(), hash: resource.hash };
        for field in Message::new(scope_metrics) {
            if let (1, Field::Bytes(scope)) = field? {
                self.rows.attributes(scope, 3, &mut around.attributes)?;
                around.hash = hash_of(&[resource.hash, attributes_hash(scope, 3)?, name_and_version(scope)?]);
            }
        }
        around.attributes.retain(|attribute| attribute.0 != Target::Nowhere);
        for field in Message::new(scope_metrics) {
            if let (2, Field::Bytes(metric)) = field?
                && let Some(metric) = Metric::read(metric, around.hash)?
            {
                self.metric(&metric, &around)?;
            }
        }
        Ok(())
    }

    fn metric(&mut self, metric: &Metric<'a>, around: &Around<'a>) -> Result<(), WireError> {
        for field in Message::new(metric.data) {
            if let (1, Field::Bytes(point)) = field? {
                self.rows.begin()?;
                self.exemplars.clear();
                let taken = match metric.kind {
                    SUMMARY => Err("it is a summary, whose quantiles cannot be merged; send a histogram".to_owned()),
                    _ if metric.is_of_unknown_time => {
                        Err("it does not say whether it is delta or cumulative".to_owned())
                    }
                    GAUGE | SUM => self.number(metric, point, around),
                    HISTOGRAM => self.histogram(metric, point, around),
                    _ => self.exponential_histogram(metric, point, around),
                };
                self.rows.end(taken.map_err(|reason| format!("`{}`: {reason}", shortened(metric.name))));
            }
        }
        Ok(())
    }

    /// Reads the attributes of a point, which are in field `number`, and answers the hash of its stream.
    fn point_attributes(&mut self, metric: &Metric<'a>, point: &'a [u8], number: u32) -> Result<u64, Broken> {
        self.attributes.clear();
        let mut sum = 0_u64;
        for field in Message::new(point) {
            if let (found, Field::Bytes(bytes)) = field?
                && found == number
            {
                let (key, value) = pair(bytes)?;
                sum = sum.wrapping_add(value.hash_with(key));
                let target = self.rows.target(key)?;
                add(&mut self.attributes, (target, value))?;
            }
        }
        Ok(hash_of(&[metric.hash, sum]))
    }

    fn number(&mut self, metric: &Metric<'a>, point: &'a [u8], around: &Around<'a>) -> Result<(), String> {
        let (mut start, mut time, mut flags, mut number) = (0, 0, 0, None);
        for field in Message::new(point) {
            match field? {
                (2, Field::Fixed64(nanos)) => start = nanos,
                (3, Field::Fixed64(nanos)) => time = nanos,
                (4, Field::Fixed64(bits)) => number = Some(f64::from_bits(bits)),
                (5, Field::Bytes(exemplar)) => self.exemplars.extend(Exemplar::read(exemplar)?),
                (6, Field::Fixed64(bits)) => number = Some(bits.cast_signed() as f64),
                (8, Field::Varint(bits)) => flags = bits,
                _ => {}
            }
        }
        if flags & NO_RECORDED_VALUE != 0 {
            return Ok(());
        }
        let number = number.ok_or("it has no value")?;
        if !number.is_finite() {
            return Ok(());
        }
        let name = self.point_attributes(metric, point, 7)?;
        let reading = if metric.is_monotonic { of_monotonic(number)? } else { Reading::Value(number) };
        let counted = metric.counted(Stream { name, shape: 0, start: from_nanos(start) });
        let point = metric.point([&around.attributes, &self.attributes], time, counted, &self.exemplars);
        self.rows.number(self.fields, &point, reading)
    }

    fn histogram(&mut self, metric: &Metric<'a>, point: &'a [u8], around: &Around<'a>) -> Result<(), String> {
        let (mut start, mut time, mut flags, mut count, mut sum) = (0, 0, 0, 0, None);
        let (mut min, mut max, mut counts, mut bounds) = (None, None, Vec::new(), Vec::new());
        for field in Message::new(point) {
            match field? {
                (2, Field::Fixed64(nanos)) => start = nanos,
                (3, Field::Fixed64(nanos)) => time = nanos,
                (4, Field::Fixed64(number)) => count = number,
                (5, Field::Fixed64(bits)) => sum = Some(f64::from_bits(bits)),
                (6, field) => push_fixed64s(&mut counts, field)?,
                (7, field) => push_doubles(&mut bounds, field)?,
                (8, Field::Bytes(exemplar)) => self.exemplars.extend(Exemplar::read(exemplar)?),
                (10, Field::Varint(bits)) => flags = bits,
                (11, Field::Fixed64(bits)) => min = Some(f64::from_bits(bits)),
                (12, Field::Fixed64(bits)) => max = Some(f64::from_bits(bits)),
                _ => {}
            }
        }
        if flags & NO_RECORDED_VALUE != 0 {
            return Ok(());
        }
        let name = self.point_attributes(metric, point, 9)?;
        self.buckets.clear();
        if counts.len() <= 1 && bounds.is_empty() {
            // Without buckets the mean is all there is to know.
            check_count(count)?;
            let mean = sum.map_or(0.0, |sum| sum / count as f64);
            if count > 0 && (!mean.is_finite() || mean < 0.0) {
                return Err("it has no buckets, and a sum below zero".to_owned());
            }
            self.buckets.extend((count > 0).then_some(Bucket { part: 0, value: mean, count }));
        } else {
            explicit(&bounds, &counts, (min, max), &mut self.buckets)?;
        }
        Exemplar::assign(&mut self.exemplars, |value| bounds.partition_point(|bound| *bound < value) as i32);
        let bounds: Vec<u64> = bounds.iter().map(|bound| bound.to_bits()).collect();
        let counted = metric.counted(Stream { name, shape: hash_of(&bounds), start: from_nanos(start) });
        let point = metric.point([&around.attributes, &self.attributes], time, counted, &self.exemplars);
        self.rows.buckets(self.fields, &point, &self.buckets)
    }

    fn exponential_histogram(
        &mut self,
        metric: &Metric<'a>,
        point: &'a [u8],
        around: &Around<'a>,
    ) -> Result<(), String> {
        let (mut start, mut time, mut flags, mut scale, mut zeros, mut zero_threshold) = (0, 0, 0, 0, 0, 0.0);
        let (mut positive, mut negative) = ((0, Vec::new()), (0, Vec::new()));
        for field in Message::new(point) {
            match field? {
                (2, Field::Fixed64(nanos)) => start = nanos,
                (3, Field::Fixed64(nanos)) => time = nanos,
                (6, Field::Varint(number)) => scale = zigzag(number),
                (7, Field::Fixed64(number)) => zeros = number,
                (8, Field::Bytes(buckets)) => positive = offset_and_counts(buckets)?,
                (9, Field::Bytes(buckets)) => negative = offset_and_counts(buckets)?,
                (10, Field::Varint(bits)) => flags = bits,
                (11, Field::Bytes(exemplar)) => self.exemplars.extend(Exemplar::read(exemplar)?),
                (14, Field::Fixed64(bits)) => zero_threshold = f64::from_bits(bits),
                _ => {}
            }
        }
        if flags & NO_RECORDED_VALUE != 0 {
            return Ok(());
        }
        if negative.1.iter().any(|count| *count > 0) {
            return Err("it counts values below zero, which no sketch holds".to_owned());
        }
        let scale = i32::try_from(scale).map_err(|_| "its scale has more than 32 bits")?;
        let name = self.point_attributes(metric, point, 1)?;
        self.buckets.clear();
        let indexed = (positive.0..).zip(positive.1);
        exponential(scale, zeros, indexed, &mut self.buckets)?;
        Exemplar::assign(&mut self.exemplars, |value| part_of(scale, value));
        // Coarser buckets become coarser still as a stream's range grows, and the zero bucket wider. The totals cannot
        // be compared with those before, which the fold takes care of.
        let is_steady = is_exact(scale) && zero_threshold == 0.0;
        let shape = if is_steady { 0 } else { hash_of(&[i64::from(scale).cast_unsigned(), zero_threshold.to_bits()]) };
        let counted = metric.counted(Stream { name, shape, start: from_nanos(start) });
        let point = metric.point([&around.attributes, &self.attributes], time, counted, &self.exemplars);
        self.rows.buckets(self.fields, &point, &self.buckets)
    }
}

impl<'a> Metric<'a> {
    /// `None` for a kind of metric that did not exist yet, or one without data.
    fn read(message: &'a [u8], around: u64) -> Result<Option<Self>, Broken> {
        let (mut name, mut unit, mut data): (&[u8], &[u8], _) = (&[], &[], None);
        for field in Message::new(message) {
            match field? {
                (1, Field::Bytes(bytes)) => name = bytes,
                (3, Field::Bytes(bytes)) => unit = bytes,
                (kind @ (GAUGE | SUM | HISTOGRAM | EXPONENTIAL_HISTOGRAM | SUMMARY), Field::Bytes(bytes)) => {
                    data = Some((kind, bytes));
                }
                _ => {}
            }
        }
        let Some((kind, data)) = data else { return Ok(None) };
        let (mut temporality, mut is_monotonic) = (0, false);
        for field in Message::new(data) {
            match field? {
                (2, Field::Varint(number)) => temporality = number,
                (3, Field::Varint(flag)) => is_monotonic = kind == SUM && flag != 0,
                _ => {}
            }
        }
        let counts = is_monotonic || matches!(kind, HISTOGRAM | EXPONENTIAL_HISTOGRAM);
        Ok(Some(Self {
            name: text(name)?,
            unit: text(unit)?,
            kind,
            data,
            is_cumulative: temporality == CUMULATIVE,
            is_monotonic,
            is_of_unknown_time: counts && !matches!(temporality, DELTA | CUMULATIVE),
            hash: hash_of(&[around, xxh3_64(name)]),
        }))
    }

    fn counted(&self, stream: Stream) -> Counted {
        if self.is_cumulative { Counted::Total(stream) } else { Counted::Delta }
    }

    fn point<'p>(
        &self,
        attributes: [&'p [Attribute<'a>]; 2],
        nanos: u64,
        counted: Counted,
        exemplars: &'p [Exemplar<'a>],
    ) -> Point<'p, 'a> {
        Point { attributes, metric: self.name, unit: self.unit, time: from_nanos(nanos), counted, exemplars }
    }
}

/// The counts of consecutive buckets, and the index of the first.
fn offset_and_counts(buckets: &[u8]) -> Result<(i64, Vec<u64>), Broken> {
    let (mut offset, mut counts) = (0, Vec::new());
    for field in Message::new(buckets) {
        match field? {
            (1, Field::Varint(number)) => offset = zigzag(number),
            (2, field) => push_varints(&mut counts, field)?,
            _ => {}
        }
    }
    // It has 32 bits; more would overflow when counted up from.
    let offset = i32::try_from(offset).map_err(|_| Broken("an offset has more than 32 bits"))?;
    Ok((i64::from(offset), counts))
}

fn name_and_version(scope: &[u8]) -> Result<u64, Broken> {
    let (mut name, mut version): (&[u8], &[u8]) = (&[], &[]);
    for field in Message::new(scope) {
        match field? {
            (1, Field::Bytes(bytes)) => name = bytes,
            (2, Field::Bytes(bytes)) => version = bytes,
            _ => {}
        }
    }
    Ok(hash_of(&[xxh3_64(name), xxh3_64(version)]))
}

/// A name as it goes into a sentence.
pub(super) fn shortened(name: &str) -> &str {
    const SHOWN_BYTES_MAX: usize = 100;
    &name[..name.floor_char_boundary(SHOWN_BYTES_MAX)]
}

#[cfg(test)]
mod tests;
