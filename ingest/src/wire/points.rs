//! Data points to rows: what a point counts, and how running totals are told apart.

use hark_model::Timestamp;
use xxhash_rust::xxh3::xxh3_64;

use crate::builder::{ROWS_MAX, Row, Slot};
use crate::chosen::VALUE;
use crate::events::Weight;
use crate::wire::attributes::{Attribute, Rows, Value};
use crate::wire::histogram::{Bucket, COUNT_MAX};
use crate::wire::traces::{Exemplar, TraceFields};

/// The fields of every data point besides its attributes.
#[derive(Debug, Clone, Copy)]
pub(super) struct PointFields {
    metric: Slot,
    unit: Slot,
    value: Slot,
    traces: TraceFields,
}

/// What the rows of one data point have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point<'p, 'a> {
    /// What comes later wins: first the attributes of the resource and the scope, then those of the point.
    pub(super) attributes: [&'p [Attribute<'a>]; 2],
    pub(super) metric: &'a str,
    pub(super) unit: &'a str,
    pub(super) time: Option<Timestamp>,
    pub(super) counted: Counted,
    pub(super) exemplars: &'p [Exemplar<'a>],
}

/// Since when a point counts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Counted {
    /// Since the point before it.
    Delta,
    /// Since its stream began.
    Total(Stream),
}

/// Running totals that can be compared with each other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stream {
    /// Hash of everything that names it: metric, resource, attributes.
    pub(super) name: u64,
    /// Hash of what its parts mean, the bounds of its buckets or their scale. With another shape all totals begin anew.
    pub(super) shape: u64,
    pub(super) start: Option<Timestamp>,
}

/// What a single number says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Reading {
    /// So many requests, or the running total of them.
    Count(u64),
    /// One request that had this value.
    Value(f64),
}

/// A sum that only grows is a count where it is whole. One that is not (seconds of processor time, say) cannot count
/// requests: it stays a value, as it was sent.
pub(super) fn of_monotonic(sum: f64) -> Result<Reading, String> {
    if sum < 0.0 {
        return Err(format!("it is a counter, and {sum} is below zero"));
    }
    Ok(if sum.fract() == 0.0 && sum <= COUNT_MAX as f64 { Reading::Count(sum as u64) } else { Reading::Value(sum) })
}

/// One hash of several.
pub(super) fn hash_of(parts: &[u64]) -> u64 {
    parts.iter().fold(0, |hash, part| {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&hash.to_le_bytes());
        bytes[8..].copy_from_slice(&part.to_le_bytes());
        xxh3_64(&bytes)
    })
}

impl Counted {
    fn weight(self, part: i32, count: u64) -> Weight {
        match self {
            Self::Delta => Weight::Requests(count),
            Self::Total(Stream { name, shape, start }) => {
                Weight::Total { stream: name, shape, part, start, total: count }
            }
        }
    }
}

impl<'a> Rows<'a> {
    pub(super) fn point_fields(&mut self) -> PointFields {
        let [metric, unit, value] = ["metric", "unit", VALUE].map(|name| self.builder.slot(name));
        PointFields { metric, unit, value, traces: self.trace_fields() }
    }

    /// An increase of nothing is no row. A total that stands still is one, for later ones to be compared with.
    pub(super) fn number(
        &mut self,
        fields: PointFields,
        point: &Point<'_, 'a>,
        reading: Reading,
    ) -> Result<(), String> {
        self.check_room(1)?;
        match reading {
            Reading::Value(value) => self.point(fields, point, Value::Double(value), None, 0),
            Reading::Count(0) if matches!(point.counted, Counted::Delta) => Ok(()),
            Reading::Count(count) => self.point(fields, point, Value::Absent, Some(point.counted.weight(0, count)), 0),
        }
    }

    /// A row that the fold makes something of, as its weight says.
    pub(super) fn weighted(
        &mut self,
        fields: PointFields,
        point: &Point<'_, 'a>,
        value: f64,
        weight: Weight,
    ) -> Result<(), String> {
        self.check_room(1)?;
        self.point(fields, point, Value::Double(value), Some(weight), 0)
    }

    /// A row that counts nothing, and says which request one of those was that other rows count.
    pub(super) fn exemplar(
        &mut self,
        fields: PointFields,
        point: &Point<'_, 'a>,
        value: Option<f64>,
    ) -> Result<(), String> {
        self.check_room(1)?;
        let value = value.map_or(Value::Absent, Value::Double);
        self.point(fields, point, value, Some(Weight::Requests(0)), 0)
    }

    /// One row a bucket; all of them or none. The buckets hold no empty ones.
    pub(super) fn buckets(
        &mut self,
        fields: PointFields,
        point: &Point<'_, 'a>,
        buckets: &[Bucket],
    ) -> Result<(), String> {
        self.check_room(buckets.len())?;
        if buckets.is_empty() && matches!(point.counted, Counted::Total(_)) {
            return self.point(fields, point, Value::Double(0.0), Some(point.counted.weight(i32::MIN, 0)), i32::MIN);
        }
        for (at, bucket) in buckets.iter().enumerate() {
            let weight = point.counted.weight(bucket.part, bucket.count);
            if at == 0 || !point.exemplars.is_empty() {
                self.point(fields, point, Value::Double(bucket.value), Some(weight), bucket.part)?;
            } else {
                self.point_alike(fields, bucket.value, weight)?;
            }
        }
        Ok(())
    }

    /// One more row of the point at hand, where no exemplar makes it differ in more than value and weight.
    fn point_alike(&mut self, fields: PointFields, value: f64, weight: Weight) -> Result<(), String> {
        self.builder.begin_alike();
        self.builder.clear(fields.value);
        self.put_field(fields.value, Value::Double(value))?;
        self.builder.commit(Row { weight: Some(weight), ..self.row })
    }

    /// Rows of one point differ in value and weight alone, so that the first of them is refused or none.
    fn check_room(&self, rows: usize) -> Result<(), String> {
        if self.builder.len() + rows > ROWS_MAX {
            return Err(format!("a body holds at most {ROWS_MAX} buckets and numbers; send smaller batches"));
        }
        Ok(())
    }

    fn point(
        &mut self,
        fields: PointFields,
        point: &Point<'_, 'a>,
        value: Value<'a>,
        weight: Option<Weight>,
        part: i32,
    ) -> Result<(), String> {
        let mut row = Row { time: point.time, weight, ..Row::default() };
        point.attributes.into_iter().try_for_each(|attributes| self.put_all(&mut row, attributes))?;
        self.builder.clear(fields.value);
        self.put_field(fields.value, value)?;
        self.builder.text(fields.metric, point.metric)?;
        if !point.unit.is_empty() {
            self.builder.text(fields.unit, point.unit)?;
        }
        self.put_exemplar(fields.traces, point.exemplars, part);
        self.row = row;
        self.builder.commit(row)
    }
}
