//! Prometheus remote write, 1.0 and 2.0: each sample is one row, each filled bucket of a histogram another, with the
//! labels for fields.
//!
//! What only grows counts requests: a counter by its metadata or its name. The rest are values. Buckets of a classic
//! histogram come as series of their own, which the fold puts together again ([`classic`]). An exemplar lies in the row that
//! counts it where both come in one series, else in a row of its own ([`exemplars`]).

mod classic;
mod exemplars;
mod native;
mod series;

use rustc_hash::FxHashMap;

use hark_model::Timestamp;

use crate::events::{Decoded, Weight};
use crate::wire::attributes::{Attribute, Rows, Value, add};
use crate::wire::histogram::Bucket;
use crate::wire::otlp_metrics::shortened;
use crate::wire::points::{Counted, PointFields, Reading, Stream, of_monotonic};
use crate::wire::protobuf::{Broken, Field, Message, push_varints, text};
use crate::wire::traces::Exemplar;
use crate::wire::{Reader, RemoteWrite, WireError};

use series::{Kind, Sample, Series};

/// A body is refused that is larger once unpacked. Prometheus sends some hundred kilobytes at a time.
const UNPACKED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// A larger table of symbols is refused; each takes two bytes on the wire and sixteen in memory.
const SYMBOLS_MAX: usize = 1_000_000;
/// So many metrics are told by their metadata in a body of 1.0; the others by their names.
const METADATA_MAX: usize = 100_000;

/// What was taken of a body, as the protocol's response headers count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Written {
    pub samples: u64,
    pub histograms: u64,
    pub exemplars: u64,
}

/// Decodes a body in Snappy's block format. A series that cannot be taken is named by its number in the request.
pub(super) fn decode(version: RemoteWrite, body: &[u8], reader: &Reader<'_>) -> Result<(Decoded, Written), WireError> {
    let plain = unpack(body)?;
    let mut request = Request::new(version, reader);
    for field in Message::new(&plain) {
        match (version, field?) {
            (RemoteWrite::V1, (3, Field::Bytes(metadata))) => request.metadata(metadata)?,
            (RemoteWrite::V2, (4, Field::Bytes(symbol))) => request.symbol(symbol)?,
            _ => {}
        }
    }
    for field in Message::new(&plain) {
        match (version, field?) {
            (RemoteWrite::V1, (1, Field::Bytes(series))) | (RemoteWrite::V2, (5, Field::Bytes(series))) => {
                request.series(series)?;
            }
            _ => {}
        }
    }
    Ok(request.finish())
}

fn unpack(body: &[u8]) -> Result<Vec<u8>, WireError> {
    let broken = |error: snap::Error| WireError::Broken { format: "Snappy", problem: error.to_string() };
    if snap::raw::decompress_len(body).map_err(broken)? > UNPACKED_BYTES_MAX {
        return Err(WireError::TooLarge { limit: UNPACKED_BYTES_MAX });
    }
    snap::raw::Decoder::new().decompress_vec(body).map_err(broken)
}

struct Request<'a> {
    version: RemoteWrite,
    rows: Rows<'a>,
    fields: PointFields,
    written: Written,
    symbols: Vec<&'a [u8]>,
    kinds: FxHashMap<&'a [u8], Kind>,
    attributes: Vec<Attribute<'a>>,
    buckets: Vec<Bucket>,
    /// Of the series at hand, those that lie in no row yet, the oldest first.
    exemplars: Vec<Exemplar<'a>>,
    /// The series of sums come behind the buckets that may belong to them.
    sums: Vec<(u64, Series<'a>)>,
}

impl<'a> Request<'a> {
    fn new(version: RemoteWrite, reader: &Reader<'a>) -> Self {
        let mut rows = Rows::of_points(reader, "series and samples");
        let fields = rows.point_fields();
        Self {
            version,
            rows,
            fields,
            written: Written::default(),
            symbols: Vec::new(),
            kinds: FxHashMap::default(),
            attributes: Vec::new(),
            buckets: Vec::new(),
            exemplars: Vec::new(),
            sums: Vec::new(),
        }
    }

    fn metadata(&mut self, metadata: &'a [u8]) -> Result<(), Broken> {
        let (mut kind, mut family): (_, &[u8]) = (Kind::Unknown, &[]);
        for field in Message::new(metadata) {
            match field? {
                (1, Field::Varint(number)) => kind = Kind::of(number),
                (2, Field::Bytes(name)) => family = name,
                _ => {}
            }
        }
        if self.kinds.len() < METADATA_MAX {
            self.kinds.insert(family, kind);
        }
        Ok(())
    }

    fn symbol(&mut self, symbol: &'a [u8]) -> Result<(), WireError> {
        if self.symbols.len() >= SYMBOLS_MAX {
            return Err(WireError::TooMany { what: "symbols", limit: SYMBOLS_MAX });
        }
        self.symbols.push(symbol);
        Ok(())
    }

    fn series(&mut self, bytes: &'a [u8]) -> Result<(), WireError> {
        self.rows.begin()?;
        let ordinal = self.rows.ordinal();
        let series = match self.read_series(ordinal, bytes) {
            Ok(series) => series,
            Err(reason) => {
                self.rows.reject(ordinal, reason);
                return Ok(());
            }
        };
        if let Some(bucket) = classic::bucket_of(&series) {
            let taken = self.bucket(&series, bucket);
            self.rows.end(taken.map_err(|reason| named(series.name, &reason)));
        } else if let Some(stream) = classic::sum_of(&series) {
            self.sums.push((stream, series));
        } else {
            self.samples(&series, None);
        }
        Ok(())
    }

    fn read_series(&mut self, ordinal: u64, bytes: &'a [u8]) -> Result<Series<'a>, String> {
        let (kind, unit, created) = match self.version {
            RemoteWrite::V1 => (Kind::Unknown, "", 0),
            RemoteWrite::V2 => self.described(bytes)?,
        };
        let mut series = Series { ordinal, bytes, name: "", unit, kind, labels_hash: 0, le: None, created };
        self.each_label(bytes, |_, key, value| {
            let value = text(value)?;
            match key {
                b"__name__" => series.name = value,
                b"le" => series.le = Some(value),
                _ => series.labels_hash = series.labels_hash.wrapping_add(Value::Text(value).hash_with(key)),
            }
            Ok(())
        })?;
        if series.name.is_empty() {
            return Err("it has no label `__name__`".to_owned());
        }
        if let (RemoteWrite::V1, Some(kind)) = (self.version, self.kind_of(series.name)) {
            series.kind = kind;
        }
        Ok(series)
    }

    /// Metadata name a family, whose series may have a longer name.
    fn kind_of(&self, name: &str) -> Option<Kind> {
        let families = ["_total", "_bucket", "_count", "_sum"].into_iter().filter_map(|end| name.strip_suffix(end));
        std::iter::once(name).chain(families).find_map(|family| self.kinds.get(family.as_bytes()).copied())
    }

    /// What a series of 2.0 says of itself: its kind, its unit and when it was created.
    fn described(&self, bytes: &'a [u8]) -> Result<(Kind, &'a str, i64), String> {
        let (mut kind, mut unit, mut created) = (Kind::Unknown, "", 0);
        for field in Message::new(bytes) {
            match field? {
                (5, Field::Bytes(metadata)) => {
                    for field in Message::new(metadata) {
                        match field? {
                            (1, Field::Varint(number)) => kind = Kind::of(number),
                            (4, Field::Varint(reference)) => unit = text(self.symbol_at(reference)?)?,
                            _ => {}
                        }
                    }
                }
                (6, Field::Varint(millis)) => created = millis.cast_signed(),
                _ => {}
            }
        }
        Ok((kind, unit, created))
    }

    fn symbol_at(&self, reference: u64) -> Result<&'a [u8], Broken> {
        let symbol = usize::try_from(reference).ok().and_then(|at| self.symbols.get(at));
        symbol.copied().ok_or(Broken("it refers to a symbol that is not there"))
    }

    /// Hands out the labels of a series with their keys and values.
    fn each_label(
        &mut self,
        bytes: &'a [u8],
        mut on_label: impl FnMut(&mut Self, &'a [u8], &'a [u8]) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        let mut references = Vec::new();
        for field in Message::new(bytes) {
            match (self.version, field?) {
                (RemoteWrite::V1, (1, Field::Bytes(label))) => {
                    let (mut key, mut value): (&[u8], &[u8]) = (&[], &[]);
                    for field in Message::new(label) {
                        match field? {
                            (1, Field::Bytes(bytes)) => key = bytes,
                            (2, Field::Bytes(bytes)) => value = bytes,
                            _ => {}
                        }
                    }
                    on_label(self, key, value)?;
                }
                (RemoteWrite::V2, (1, field)) => push_varints(&mut references, field)?,
                _ => {}
            }
        }
        for pair in references.chunks(2) {
            let &[key, value] = pair else { return Err(Broken("a label has no value")) };
            let (key, value) = (self.symbol_at(key)?, self.symbol_at(value)?);
            on_label(self, key, value)?;
        }
        Ok(())
    }

    /// Reads the labels into attributes, but for the name and, in a bucket, its bound.
    fn read_attributes(&mut self, series: &Series<'a>, without_le: bool) -> Result<(), Broken> {
        self.attributes.clear();
        self.each_label(series.bytes, |request, key, value| {
            if key == b"__name__" || (without_le && key == b"le") {
                return Ok(());
            }
            let target = request.rows.target(key)?;
            add(&mut request.attributes, (target, Value::Text(text(value)?)))
        })
    }

    /// The samples of a series that is one bucket of a histogram.
    fn bucket(&mut self, series: &Series<'a>, bucket: classic::Bucket<'a>) -> Result<(), String> {
        let weight = bucket.weight(series)?;
        self.read_attributes(series, true)?;
        for field in Message::new(series.bytes) {
            let (2, Field::Bytes(sample)) = field? else { continue };
            let sample = Sample::read(sample, 0)?;
            self.written.samples += 1;
            // The end of a series is marked with a NaN.
            if !sample.value.is_finite() {
                continue;
            }
            let time = Timestamp::from_millis(sample.millis);
            let point = series.point(bucket.base, &self.attributes, time, Counted::Delta, &[]);
            // The value is the fold's to find; a number in its place must be possible.
            self.rows.weighted(self.fields, &point, 0.0, weight(sample.value)?)?;
        }
        // The fold makes rows of its own of a scrape, often of several bodies: none of these counts the request yet.
        self.read_exemplars(series)?;
        self.exemplars_alone(series, bucket.base, true);
        Ok(())
    }

    /// The samples and the native histograms of a series. `sum_of` is the histogram whose sum it may be.
    fn samples(&mut self, series: &Series<'a>, sum_of: Option<u64>) {
        let taken = self.read_attributes(series, false).map_err(String::from).and_then(|()| {
            let histograms = match self.version {
                RemoteWrite::V1 => 4,
                RemoteWrite::V2 => 3,
            };
            self.read_exemplars(series)?;
            let mut has_histograms = false;
            for field in Message::new(series.bytes) {
                match field? {
                    (2, Field::Bytes(sample)) => {
                        self.sample(series, &Sample::read(sample, series.created)?, sum_of)?;
                        self.written.samples += 1;
                    }
                    (number, Field::Bytes(histogram)) if number == histograms => {
                        has_histograms = true;
                        self.native(series, histogram)?;
                        self.written.histograms += 1;
                    }
                    _ => {}
                }
            }
            // Of a counter the value says how much one request added to it.
            self.exemplars_alone(series, series.name, has_histograms || !series.is_counter());
            Ok(())
        });
        if let Err(reason) = taken {
            self.rows.reject(series.ordinal, named(series.name, &reason));
        }
    }

    fn sample(&mut self, series: &Series<'a>, sample: &Sample, sum_of: Option<u64>) -> Result<(), String> {
        // The end of a series is marked with a NaN.
        if !sample.value.is_finite() {
            return Ok(());
        }
        let time = Timestamp::from_millis(sample.millis);
        let counted = Counted::Total(series.stream(sample.start));
        let due = self.exemplars_until(time);
        let point = series.point(series.name, &self.attributes, time, counted, &self.exemplars[..due]);
        if let Some(stream) = sum_of {
            let weight = Weight::UnlessBuckets { stream };
            return self.rows.weighted(self.fields, &point, sample.value, weight);
        }
        let reading = if series.is_counter() { of_monotonic(sample.value)? } else { Reading::Value(sample.value) };
        self.rows.number(self.fields, &point, reading)?;
        self.exemplars.drain(..due);
        Ok(())
    }

    fn native(&mut self, series: &Series<'a>, histogram: &'a [u8]) -> Result<(), String> {
        self.buckets.clear();
        let Some(read) = native::read(histogram, &mut self.exemplars, &mut self.buckets)? else { return Ok(()) };
        let start = if read.start == 0 { series.created } else { read.start };
        let stream = series.stream(start);
        let counted = Counted::Total(Stream { shape: read.shape, ..stream });
        let time = Timestamp::from_millis(read.millis);
        let due = self.exemplars_until(time);
        let point = series.point(series.name, &self.attributes, time, counted, &self.exemplars[..due]);
        self.rows.buckets(self.fields, &point, &self.buckets)?;
        self.exemplars.drain(..due);
        Ok(())
    }

    fn finish(mut self) -> (Decoded, Written) {
        for (stream, series) in std::mem::take(&mut self.sums) {
            self.samples(&series, Some(stream));
        }
        (self.rows.finish(), self.written)
    }
}

fn named(name: &str, reason: &str) -> String {
    format!("`{}`: {reason}", shortened(name))
}

#[cfg(test)]
mod tests;
