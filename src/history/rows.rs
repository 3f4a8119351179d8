//! Events and cells as rows of a table: plain columns that any engine can read, and merge by SQL.

use std::sync::Arc;

use arrow_array::builder::{Int32Builder, Int64Builder, ListBuilder};
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow_schema::ArrowError;
use hark_ingest::{Counted, EventsRecord, Weight};
use hark_model::{Cell, Sketch, Slice, Timestamp};

use crate::pipeline::MinuteRow;

/// Columns of hark's own, which a field of an event may not take the place of.
const OWN: [&str; 7] = ["day", "time", "id", "user", "requests", "source", "received"];

/// The events of one record. Ids and users are hashes, as whole numbers of 64 bits.
pub(super) fn of_events(record: &EventsRecord) -> Result<RecordBatch, ArrowError> {
    let events = &record.events;
    let signed = |hash: &Option<std::num::NonZeroU64>| hash.map(|hash| hash.get().cast_signed());
    let mut columns: Vec<(String, ArrayRef)> = vec![
        ("time".to_owned(), times(events.times.iter().copied())),
        ("id".to_owned(), Arc::new(events.ids.iter().map(signed).collect::<Int64Array>())),
        ("user".to_owned(), Arc::new(events.users.iter().map(signed).collect::<Int64Array>())),
        ("source".to_owned(), Arc::new(StringArray::from(vec![record.source.as_str(); events.len()]))),
    ];
    if let Some(received) = record.received {
        columns.push(("received".to_owned(), times(std::iter::repeat_n(received, events.len()))));
    }
    if !events.weights.is_empty() {
        // What a running total adds is known to the fold alone; the total itself is what was sent.
        let requests = events.weights.iter().map(|weight| match *weight {
            Weight::Requests(requests) => Some(requests.cast_signed()),
            Weight::UnlessBuckets { .. } => Some(1),
            Weight::Total { .. } | Weight::Bucket { .. } => None,
        });
        columns.push(("requests".to_owned(), Arc::new(requests.collect::<Int64Array>())));
    }
    for named in events.columns.iter().filter(|named| named.column.has_any()) {
        let is_taken = OWN.iter().any(|own| own.eq_ignore_ascii_case(&named.name));
        let name = if is_taken { format!("{}_", named.name) } else { named.name.clone() };
        columns.push((name, named.column.to_arrow()));
    }
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
}

/// Minutes of all metrics. A slice is `total` or `platform:iOS,os_version:26.1`; rows of the same metric, slice and
/// time add up.
pub(super) fn of_minutes(rows: &[MinuteRow]) -> Result<RecordBatch, ArrowError> {
    let of_cell = |value: fn(&Cell) -> Option<i64>| -> ArrayRef {
        Arc::new(rows.iter().map(|row| value(&row.counted.cell)).collect::<Int64Array>())
    };
    let squares = rows.iter().map(|row| match &row.counted.cell {
        Cell::Latency(sketch) => Some(sketch.sum_of_squares()),
        Cell::Gauge { sum_squares, .. } => Some(*sum_squares as f64 / 1e6),
        Cell::Ratio { .. } | Cell::Count(_) => None,
    });
    let (buckets, counts) = buckets(rows);
    let columns: [(&str, ArrayRef); 12] = [
        ("time", times(rows.iter().map(|row| row.minute.start()))),
        ("metric", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.metric.as_ref())))),
        ("slice", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| shown(&row.slice))))),
        ("count", of_cell(|cell| Some(cell.count().cast_signed()))),
        ("sum_thousandths", of_cell(sum_thousandths)),
        ("sum_squares", Arc::new(squares.collect::<Float64Array>())),
        ("hits", of_cell(|cell| if let Cell::Ratio { hits, .. } = cell { Some(hits.cast_signed()) } else { None })),
        (
            "zeros",
            of_cell(|cell| if let Cell::Latency(sketch) = cell { Some(sketch.zeros().cast_signed()) } else { None }),
        ),
        ("buckets", buckets),
        ("counts", counts),
        ("users", Arc::new(rows.iter().map(|row| users(&row.counted)).collect::<Int64Array>())),
        ("user_marks", user_marks(rows)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
}

fn shown(slice: &Slice) -> String {
    slice.to_string()
}

fn sum_thousandths(cell: &Cell) -> Option<i64> {
    match cell {
        Cell::Latency(sketch) => Some(sketch.sum_thousandths()),
        Cell::Gauge { sum_thousandths, .. } => Some(*sum_thousandths),
        Cell::Ratio { .. } | Cell::Count(_) => None,
    }
}

/// Bucket `i` holds values in `(2^(i/64), 2^((i+1)/64)]`; both lists are empty for what is no latency.
fn buckets(rows: &[MinuteRow]) -> (ArrayRef, ArrayRef) {
    let mut buckets = ListBuilder::new(Int32Builder::new());
    let mut counts = ListBuilder::new(Int64Builder::new());
    for row in rows {
        let sketch: Option<&Sketch> = if let Cell::Latency(sketch) = &row.counted.cell { Some(sketch) } else { None };
        for (bucket, count) in sketch.into_iter().flat_map(Sketch::buckets) {
            buckets.values().append_value(i32::from(bucket));
            counts.values().append_value(i64::from(count));
        }
        buckets.append(sketch.is_some());
        counts.append(sketch.is_some());
    }
    (Arc::new(buckets.finish()), Arc::new(counts.finish()))
}

/// `None` where no request named its user.
fn users(counted: &Counted) -> Option<i64> {
    (!counted.users.is_empty()).then(|| counted.users.estimate().cast_signed())
}

/// A mark is 256 times its register, and its rank: the highest rank of each register is what several rows come to.
fn user_marks(rows: &[MinuteRow]) -> ArrayRef {
    let mut marks = ListBuilder::new(Int32Builder::new());
    for row in rows {
        let of = row.counted.users.marks().map(|mark| 256 * i32::from(mark.register()) + i32::from(mark.rank()));
        of.for_each(|mark| marks.values().append_value(mark));
        marks.append(!row.counted.users.is_empty());
    }
    Arc::new(marks.finish())
}

fn times(times: impl Iterator<Item = Timestamp>) -> ArrayRef {
    let millis = times.map(Timestamp::millis);
    Arc::new(TimestampMillisecondArray::from_iter_values(millis).with_timezone("UTC"))
}
