//! OTLP metrics: each number is one row, each filled bucket of a histogram another, with the attributes for fields.
//!
//! Counters count requests, so that ratios work by attribute; gauges are values; histograms are values with counts.
//! An exemplar adds its trace to the row that counts it.

use xxhash_rust::xxh3::xxh3_64;

use crate::events::Decoded;
use crate::wire::attributes::{ATTRIBUTES_MAX, Attribute, Rows, Target, add, attributes_hash, from_nanos};
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
    /// Of the point at hand, as sent; one more than are taken, at the most.
    sent: Vec<&'a [u8]>,
    attributes: Vec<Attribute<'a>>,
    counts: Vec<u64>,
    below_zero: Vec<u64>,
    bounds: Vec<f64>,
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
    points: usize,
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
        Self {
            rows,
            fields,
            sent: Vec::new(),
            attributes: Vec::new(),
            counts: Vec::new(),
            below_zero: Vec::new(),
            bounds: Vec::new(),
            buckets: Vec::new(),
            exemplars: Vec::new(),
        }
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
        self.rows.builder.expect(metric.points);
        for field in Message::new(metric.data) {
            if let (1, Field::Bytes(point)) = field? {
                self.rows.begin()?;
                self.sent.clear();
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

    /// They are read once the rest of the point has shown that it counts.
    fn keep(&mut self, attribute: &'a [u8]) {
        if self.sent.len() <= ATTRIBUTES_MAX {
            self.sent.push(attribute);
        }
    }

    /// Reads the attributes of the point at hand, and answers the hash of its stream where that means anything.
    fn point_attributes(&mut self, metric: &Metric<'a>) -> Result<u64, Broken> {
        self.attributes.clear();
        let mut sum = 0_u64;
        for (at, bytes) in self.sent.iter().enumerate() {
            let (key, attribute) = self.rows.attribute(at, bytes)?;
            if metric.is_cumulative {
                sum = sum.wrapping_add(attribute.1.hash_with(key));
            }
            add(&mut self.attributes, attribute)?;
        }
        Ok(hash_of(&[metric.hash, sum]))
    }

    fn number(&mut self, metric: &Metric<'a>, point: &'a [u8], around: &Around<'a>) -> Result<(), String> {
        let (mut start, mut time, mut flags, mut number) = (0, 0, 0, None);
        let mut fields = Message::new(point);
        loop {
            while let Some(attribute) = fields.bytes_of(7) {
                self.keep(attribute);
            }
            let Some(field) = fields.next() else { break };
            match field? {
                (2, Field::Fixed64(nanos)) => start = nanos,
                (3, Field::Fixed64(nanos)) => time = nanos,
                (4, Field::Fixed64(bits)) => number = Some(f64::from_bits(bits)),
                (5, Field::Bytes(exemplar)) => self.exemplars.extend(Exemplar::read(exemplar)?),
                (6, Field::Fixed64(bits)) => number = Some(bits.cast_signed() as f64),
                (7, Field::Bytes(attribute)) => self.keep(attribute),
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
        let name = self.point_attributes(metric)?;
        let reading = if metric.is_monotonic { of_monotonic(number)? } else { Reading::Value(number) };
        let counted = metric.counted(Stream { name, shape: 0, start: from_nanos(start) });
        let point = metric.point([&around.attributes, &self.attributes], time, counted, &self.exemplars);
        self.rows.number(self.fields, &point, reading)
    }

    fn histogram(&mut self, metric: &Metric<'a>, point: &'a [u8], around: &Around<'a>) -> Result<(), String> {
        let (mut start, mut time, mut flags, mut count, mut sum) = (0, 0, 0, 0, None);
        let (mut min, mut max) = (None, None);
        self.counts.clear();
        self.bounds.clear();
        let mut fields = Message::new(point);
        loop {
            while let Some(attribute) = fields.bytes_of(9) {
                self.keep(attribute);
            }
            let Some(field) = fields.next() else { break };
            match field? {
                (2, Field::Fixed64(nanos)) => start = nanos,
                (3, Field::Fixed64(nanos)) => time = nanos,
                (4, Field::Fixed64(number)) => count = number,
                (5, Field::Fixed64(bits)) => sum = Some(f64::from_bits(bits)),
                (6, field) => push_fixed64s(&mut self.counts, field)?,
                (7, field) => push_doubles(&mut self.bounds, field)?,
                (8, Field::Bytes(exemplar)) => self.exemplars.extend(Exemplar::read(exemplar)?),
                (9, Field::Bytes(attribute)) => self.keep(attribute),
                (10, Field::Varint(bits)) => flags = bits,
                (11, Field::Fixed64(bits)) => min = Some(f64::from_bits(bits)),
                (12, Field::Fixed64(bits)) => max = Some(f64::from_bits(bits)),
                _ => {}
            }
        }
        if flags & NO_RECORDED_VALUE != 0 {
            return Ok(());
        }
        let name = self.point_attributes(metric)?;
        self.buckets.clear();
        let (counts, bounds) = (&self.counts, &self.bounds);
        if counts.len() <= 1 && bounds.is_empty() {
            // Without buckets the mean is all there is to know.
            check_count(count)?;
            let mean = sum.map_or(0.0, |sum| sum / count as f64);
            if count > 0 && (!mean.is_finite() || mean < 0.0) {
                return Err("it has no buckets, and a sum below zero".to_owned());
            }
            self.buckets.extend((count > 0).then_some(Bucket { part: 0, value: mean, count }));
        } else {
            explicit(bounds, counts, (min, max), &mut self.buckets)?;
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
        let (mut offset, mut is_below_zero) = (0, false);
        self.counts.clear();
        let mut fields = Message::new(point);
        loop {
            while let Some(attribute) = fields.bytes_of(1) {
                self.keep(attribute);
            }
            let Some(field) = fields.next() else { break };
            match field? {
                (1, Field::Bytes(attribute)) => self.keep(attribute),
                (2, Field::Fixed64(nanos)) => start = nanos,
                (3, Field::Fixed64(nanos)) => time = nanos,
                (6, Field::Varint(number)) => scale = zigzag(number),
                (7, Field::Fixed64(number)) => zeros = number,
                (8, Field::Bytes(buckets)) => offset = read_buckets(buckets, &mut self.counts)?,
                (9, Field::Bytes(buckets)) => {
                    read_buckets(buckets, &mut self.below_zero)?;
                    is_below_zero = self.below_zero.iter().any(|count| *count > 0);
                }
                (10, Field::Varint(bits)) => flags = bits,
                (11, Field::Bytes(exemplar)) => self.exemplars.extend(Exemplar::read(exemplar)?),
                (14, Field::Fixed64(bits)) => zero_threshold = f64::from_bits(bits),
                _ => {}
            }
        }
        if flags & NO_RECORDED_VALUE != 0 {
            return Ok(());
        }
        if is_below_zero {
            return Err("it counts values below zero, which no sketch holds".to_owned());
        }
        let scale = i32::try_from(scale).map_err(|_| "its scale has more than 32 bits")?;
        let name = self.point_attributes(metric)?;
        self.buckets.clear();
        let indexed = (offset..).zip(self.counts.iter().copied());
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
        let (mut points, mut temporality, mut is_monotonic) = (0, 0, false);
        for field in Message::new(data) {
            match field? {
                (1, Field::Bytes(_)) => points += 1,
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
            points,
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

/// Reads the counts of consecutive buckets, and answers the index of the first.
fn read_buckets(buckets: &[u8], counts: &mut Vec<u64>) -> Result<i64, Broken> {
    let mut offset = 0;
    counts.clear();
    for field in Message::new(buckets) {
        match field? {
            (1, Field::Varint(number)) => offset = zigzag(number),
            (2, field) => push_varints(counts, field)?,
            _ => {}
        }
    }
    // It has 32 bits; more would overflow when counted up from.
    let offset = i32::try_from(offset).map_err(|_| Broken("an offset has more than 32 bits"))?;
    Ok(i64::from(offset))
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
