//! Events, and the same events in every kind of file.

use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, DictionaryArray, Float64Array, Int64Array, LargeStringArray, RecordBatch,
    StringArray, StringViewArray, TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray,
    TimestampSecondArray, UInt64Array,
};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use arrow_schema::{Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

/// An event before any format.
#[derive(Clone, Default, serde::Serialize)]
pub(crate) struct Event {
    pub(crate) time: Option<i64>,
    pub(crate) id: Option<String>,
    pub(crate) user: Option<u64>,
    pub(crate) platform: Option<String>,
    pub(crate) build: Option<String>,
    pub(crate) outcome: Option<&'static str>,
    pub(crate) error: Option<String>,
    pub(crate) total_ms: Option<f64>,
    pub(crate) cached: Option<bool>,
    pub(crate) retries: Option<i64>,
    pub(crate) beta: Option<bool>,
}

pub(crate) fn events(count: u64) -> Vec<Event> {
    let mut state = 1_u64;
    let mut below = |n: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    let mut one = |at: u64| Event {
        time: Some(1_777_636_800_000 + at as i64 * 700 + below(3000) as i64),
        id: (below(10) > 0).then(|| format!("01J9{at:06}")),
        user: (below(5) > 0).then(|| below(300)),
        platform: (below(9) > 0)
            .then(|| ["iOS", "Android, \"Auto\"", "watchOS\nbeta", "tvOS é"][below(4) as usize].to_owned()),
        build: Some(format!("23B{}", below(40))),
        outcome: Some(["ok", "error", "timeout"][below(3) as usize]),
        error: (below(4) == 0).then(|| format!("ASR_TIMEOUT after {} ms", below(50))),
        total_ms: (below(20) > 0).then(|| below(100_000) as f64 / 7.0),
        cached: (below(6) > 0).then(|| below(2) == 0),
        retries: (below(3) > 0).then(|| below(4) as i64),
        beta: (below(3) > 0).then(|| below(2) == 0),
    };
    (0..count).map(&mut one).collect()
}

pub(crate) fn ndjson(events: &[Event]) -> String {
    let mut text = String::new();
    for event in events {
        let object = serde_json::to_string(event).unwrap();
        writeln!(text, "{object}").unwrap();
    }
    text
}

pub(crate) fn csv(events: &[Event]) -> String {
    fn cell(value: Option<impl ToString>) -> String {
        let text = value.map_or_else(String::new, |value| value.to_string());
        if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
    }
    let mut text = "time,id,user,platform,build,outcome,error,total_ms,cached,retries,beta\n".to_owned();
    for event in events.iter().cloned() {
        let cells = [
            cell(event.time),
            cell(event.id),
            cell(event.user),
            cell(event.platform),
            cell(event.build),
            cell(event.outcome),
            cell(event.error),
            cell(event.total_ms),
            cell(event.cached),
            cell(event.retries),
            cell(event.beta),
        ];
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    text
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Texts {
    Plain,
    Large,
    View,
    Coded,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Times {
    Seconds,
    Millis,
    Micros,
    Nanos,
    EpochMillis,
    Text,
}

pub(crate) fn batch(events: &[Event], texts: Texts, times: Times) -> RecordBatch {
    let text = |pick: fn(&Event) -> Option<String>| -> ArrayRef {
        let all: Vec<Option<String>> = events.iter().map(pick).collect();
        let all = all.iter().map(Option::as_deref);
        match texts {
            Texts::Plain => Arc::new(all.collect::<StringArray>()),
            Texts::Large => Arc::new(all.collect::<LargeStringArray>()),
            Texts::View => Arc::new(all.collect::<StringViewArray>()),
            Texts::Coded => Arc::new(all.collect::<DictionaryArray<Int32Type>>()),
        }
    };
    let millis = events.iter().map(|event| event.time);
    let time: ArrayRef = match times {
        Times::Seconds => Arc::new(millis.map(|t| t.map(|t| t / 1000)).collect::<TimestampSecondArray>()),
        Times::Millis => Arc::new(millis.collect::<TimestampMillisecondArray>().with_timezone("+02:00")),
        Times::Micros => Arc::new(millis.map(|t| t.map(|t| t * 1000 + 999)).collect::<TimestampMicrosecondArray>()),
        Times::Nanos => Arc::new(millis.map(|t| t.map(|t| t * 1_000_000)).collect::<TimestampNanosecondArray>()),
        Times::EpochMillis => Arc::new(millis.collect::<Int64Array>()),
        Times::Text => {
            let shown = millis.map(|t| t.map(|t| hark_model::Timestamp::from_millis(t).to_string()));
            Arc::new(shown.collect::<StringArray>())
        }
    };
    let columns: [(&str, ArrayRef); 12] = [
        ("time", time),
        ("id", text(|event| event.id.clone())),
        ("user", Arc::new(events.iter().map(|event| event.user).collect::<UInt64Array>())),
        ("platform", text(|event| event.platform.clone())),
        ("build", text(|event| event.build.clone())),
        ("outcome", text(|event| event.outcome.map(str::to_owned))),
        ("error", text(|event| event.error.clone())),
        ("total_ms", Arc::new(events.iter().map(|event| event.total_ms).collect::<Float64Array>())),
        ("cached", Arc::new(events.iter().map(|event| event.cached).collect::<BooleanArray>())),
        ("retries", Arc::new(events.iter().map(|event| event.retries).collect::<Int64Array>())),
        ("beta", Arc::new(events.iter().map(|event| event.beta).collect::<BooleanArray>())),
        ("blob", Arc::new(BinaryArray::from_iter_values(events.iter().map(|_| b"\xff\x00")))),
    ];
    let fields: Vec<Field> =
        columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, column)| column).collect())
        .unwrap()
}

pub(crate) fn write_parquet(path: &Path, batch: &RecordBatch, group: usize) {
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(group))
        .set_compression(Compression::SNAPPY)
        .build();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

pub(crate) fn write_arrow(path: &Path, batch: &RecordBatch, group: usize, packed: Option<CompressionType>) {
    let options = IpcWriteOptions::default().try_with_compression(packed).unwrap();
    let file = File::create(path).unwrap();
    let mut writer = FileWriter::try_new_with_options(file, &batch.schema(), options).unwrap();
    for first in (0..batch.num_rows()).step_by(group) {
        writer.write(&batch.slice(first, group.min(batch.num_rows() - first))).unwrap();
    }
    writer.finish().unwrap();
}

pub(crate) fn write_arrow_stream(path: &Path, batch: &RecordBatch, group: usize) {
    let mut writer = StreamWriter::try_new(File::create(path).unwrap(), &batch.schema()).unwrap();
    for first in (0..batch.num_rows()).step_by(group) {
        writer.write(&batch.slice(first, group.min(batch.num_rows() - first))).unwrap();
    }
    writer.finish().unwrap();
}
