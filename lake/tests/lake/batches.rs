//! Rows for the tests, and short ways to ask for them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, Float64Array, Int64Array, RecordBatch, TimestampMillisecondArray};
use chrono::NaiveDate;
use hark_lake::{Answer, Hot, Lake, LakeError, Limits, Table};
use serde_json::Value;

pub(crate) const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The first millisecond of a day.
pub(crate) fn start_of(day: &str) -> i64 {
    let day: NaiveDate = day.parse().unwrap();
    day.signed_duration_since(NaiveDate::default()).num_days() * DAY_MS
}

/// A batch with the times given and one column more for each of `columns`.
pub(crate) fn batch(times: &[i64], columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let time: ArrayRef = Arc::new(TimestampMillisecondArray::from(times.to_vec()).with_timezone("UTC"));
    RecordBatch::try_from_iter(std::iter::once(("time", time)).chain(columns)).unwrap()
}

/// `count` events, a second apart from the start of the day on, numbered from `from`.
pub(crate) fn events(day: &str, from: i64, count: i64) -> RecordBatch {
    let times: Vec<i64> = (0..count).map(|number| start_of(day) + number * 1000).collect();
    let os: DictionaryArray<Int32Type> =
        (0..count).map(|number| Some(if number % 2 == 0 { "android" } else { "ios" })).collect();
    let number: ArrayRef = Arc::new(Int64Array::from_iter_values(from..from + count));
    let ms: ArrayRef = Arc::new(Float64Array::from_iter_values((0..count).map(|number| number as f64 / 2.0)));
    batch(&times, vec![("number", number), ("os", Arc::new(os)), ("ms", ms)])
}

pub(crate) async fn ask(lake: &Lake, sql: &str) -> Vec<Vec<Value>> {
    ask_with(lake, sql, Vec::new(), Limits::default()).await.unwrap().rows().unwrap()
}

pub(crate) async fn ask_with(lake: &Lake, sql: &str, hot: Vec<Hot>, limits: Limits) -> Result<Answer, LakeError> {
    lake.query(sql, hot, limits).await
}

/// The number of rows, counted twice: from the log, and by reading a column.
pub(crate) async fn count(lake: &Lake, table: Table) -> i64 {
    let sql = format!("select count(*), count(number), count(distinct number) from {table}");
    let rows = ask(lake, &sql).await;
    assert_eq!(rows[0][0], rows[0][1], "the log and the files disagree");
    assert_eq!(rows[0][0], rows[0][2], "rows are there twice");
    rows[0][0].as_i64().unwrap()
}

/// All Parquet files of a table, whether the table refers to them or not.
pub(crate) fn parquet_files(root: &Path, table: Table) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root.join(table.name())];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("_delta_log") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "parquet") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}
