//! A series of remote write: what its name and its metadata say of it, and its samples.

use hark_model::Timestamp;
use xxhash_rust::xxh3::xxh3_64;

use crate::wire::attributes::Attribute;
use crate::wire::points::{Counted, Point, Stream, hash_of};
use crate::wire::protobuf::{Broken, Field, Message};
use crate::wire::traces::Exemplar;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Unknown,
    Counter,
    Gauge,
    Histogram,
    Summary,
}

/// A series before its samples are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Series<'a> {
    pub(super) ordinal: u64,
    pub(super) bytes: &'a [u8],
    pub(super) name: &'a str,
    pub(super) unit: &'a str,
    pub(super) kind: Kind,
    /// The labels but for `__name__` and `le`.
    pub(super) labels_hash: u64,
    /// The upper bound of a bucket.
    pub(super) le: Option<&'a str>,
    /// For every sample that says nothing of its own: the layout of 2.0 before its fourth candidate.
    pub(super) created: i64,
}

/// One sample, in both versions.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sample {
    pub(super) value: f64,
    pub(super) millis: i64,
    pub(super) start: i64,
}

impl Kind {
    /// The numbers are the same in both versions.
    pub(super) fn of(number: u64) -> Self {
        match number {
            1 => Self::Counter,
            2 | 4 | 6 | 7 => Self::Gauge,
            3 => Self::Histogram,
            5 => Self::Summary,
            _ => Self::Unknown,
        }
    }
}

impl<'a> Series<'a> {
    pub(super) fn is_counter(&self) -> bool {
        let is_count = self.name.ends_with("_count");
        match self.kind {
            Kind::Counter => true,
            Kind::Gauge => false,
            Kind::Histogram | Kind::Summary => is_count,
            Kind::Unknown => is_count || self.name.ends_with("_total"),
        }
    }

    pub(super) fn stream(&self, start: i64) -> Stream {
        let le = self.le.map_or(0, |le| xxh3_64(le.as_bytes()));
        let name = hash_of(&[xxh3_64(self.name.as_bytes()), self.labels_hash, le]);
        Stream { name, shape: 0, start: (start > 0).then(|| Timestamp::from_millis(start)) }
    }

    pub(super) fn point<'p>(
        &self,
        metric: &'a str,
        attributes: &'p [Attribute<'a>],
        time: Timestamp,
        counted: Counted,
        exemplars: &'p [Exemplar<'a>],
    ) -> Point<'p, 'a> {
        Point { attributes: [&[], attributes], metric, unit: self.unit, time: Some(time), counted, exemplars }
    }
}

impl Sample {
    pub(super) fn read(bytes: &[u8], created: i64) -> Result<Self, Broken> {
        let mut sample = Self { start: created, ..Self::default() };
        for field in Message::new(bytes) {
            match field? {
                (1, Field::Fixed64(bits)) => sample.value = f64::from_bits(bits),
                (2, Field::Varint(millis)) => sample.millis = millis.cast_signed(),
                (3, Field::Varint(millis)) => sample.start = millis.cast_signed(),
                _ => {}
            }
        }
        Ok(sample)
    }
}
