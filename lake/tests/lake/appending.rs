//! Appending, and the columns that come with it.

use std::sync::Arc;

use arrow_array::builder::{ListBuilder, UInt32Builder};
use arrow_array::types::Int8Type;
use arrow_array::{
    ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int64Array, NullArray, RecordBatch, StringArray,
    TimestampNanosecondArray, UInt64Array,
};
use hark_lake::{Appended, Lake, LakeError, Table};
use serde_json::json;

use crate::batches::{DAY_MS, ask, batch, count, events, parquet_files, start_of};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_appended_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    assert_eq!(lake.committed(Table::Events).await.unwrap(), None);
    let batches = vec![events("2026-11-20", 0, 100), events("2026-11-21", 100, 50)];
    let appended = lake.append(Table::Events, batches, 7).await.unwrap();
    assert_eq!(appended, Appended::Written { rows: 150, files: 2 });
    drop(lake);
    let lake = Lake::open(folder.path()).await.unwrap();
    assert_eq!(lake.committed(Table::Events).await.unwrap(), Some(7));
    assert_eq!(lake.committed(Table::MinuteCells).await.unwrap(), None);
    assert_eq!(count(&lake, Table::Events).await, 150);
    let rows = ask(&lake, "select day, count(*), min(time), max(os) from events group by day order by day").await;
    let expected = [
        json!(["2026-11-20", 100, "2026-11-20T00:00:00Z", "ios"]),
        json!(["2026-11-21", 50, "2026-11-21T00:00:00Z", "ios"]),
    ];
    assert_eq!(json!(rows), json!(expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offset_is_appended_once() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    lake.append(Table::Events, vec![events("2026-11-20", 0, 10)], 5).await.unwrap();
    for offset in [5, 3] {
        let again = lake.append(Table::Events, vec![events("2026-11-20", 0, 10)], offset).await.unwrap();
        assert_eq!(again, Appended::AlreadyThere { committed: 5 });
    }
    assert_eq!(count(&lake, Table::Events).await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_knows_an_old_state_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let first = Lake::open(folder.path()).await.unwrap();
    let second = Lake::open(folder.path()).await.unwrap();
    for offset in 0..5 {
        let rows = |number: i64| vec![events("2026-11-20", number * 10, 10)];
        let (one, other) = tokio::join!(
            first.append(Table::Events, rows(offset), offset),
            second.append(Table::Events, rows(offset), offset)
        );
        let written =
            [one.unwrap(), other.unwrap()].iter().filter(|one| matches!(one, Appended::Written { .. })).count();
        assert_eq!(written, 1);
    }
    assert_eq!(count(&first, Table::Events).await, 50);
    assert_eq!(count(&second, Table::Events).await, 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_no_commit_names_is_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    lake.append(Table::Events, vec![events("2026-11-20", 0, 10)], 1).await.unwrap();
    lake.append(Table::Events, vec![events("2026-11-20", 10, 10)], 2).await.unwrap();
    // As after a crash between the Parquet file and the commit.
    std::fs::remove_file(folder.path().join("events/_delta_log/00000000000000000001.json")).unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    assert_eq!(lake.committed(Table::Events).await.unwrap(), Some(1));
    assert_eq!(count(&lake, Table::Events).await, 10);
    assert_eq!(parquet_files(folder.path(), Table::Events).len(), 2);
    lake.append(Table::Events, vec![events("2026-11-20", 10, 10)], 2).await.unwrap();
    assert_eq!(count(&lake, Table::Events).await, 20);
    assert_eq!(parquet_files(folder.path(), Table::Events).len(), 2, "the same rows took the place of the orphan");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_offset_survives_a_checkpoint_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    for offset in 0..102 {
        lake.append(Table::HourCells, vec![events("2026-11-20", offset * 2, 2)], offset).await.unwrap();
    }
    let log = folder.path().join("cells_hour/_delta_log");
    assert!(log.join("_last_checkpoint").is_file());
    let lake = Lake::open(folder.path()).await.unwrap();
    assert_eq!(lake.committed(Table::HourCells).await.unwrap(), Some(101));
    assert_eq!(count(&lake, Table::HourCells).await, 204);
    let again = lake.append(Table::HourCells, vec![events("2026-11-20", 0, 2)], 101).await.unwrap();
    assert_eq!(again, Appended::AlreadyThere { committed: 101 });
    assert!(lake.check().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_grows_with_the_events() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    let start = start_of("2026-11-20");
    let text = |values: Vec<Option<&str>>| -> ArrayRef { Arc::new(StringArray::from(values)) };
    let first: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    lake.append(Table::Events, vec![batch(&[start, start + 1], vec![("n", first), ("none", nulls(2))])], 1)
        .await
        .unwrap();
    // A new column, a name with other case, a name of ours, a name with a space, numbers that fit and text that doesn't.
    let second = batch(
        &[start + 2, start + 3],
        vec![
            ("n", text(vec![Some("3"), Some("four")])),
            ("N", text(vec![Some("big"), None])),
            ("day", text(vec![Some("Monday"), None])),
            ("user agent", text(vec![Some("a.b"), None])),
            ("http.status", text(vec![Some("200"), None])),
            ("none", text(vec![Some("now"), None])),
        ],
    );
    lake.append(Table::Events, vec![second], 2).await.unwrap();
    let third: ArrayRef = Arc::new(Float64Array::from(vec![5.0, 5.5]));
    lake.append(Table::Events, vec![batch(&[start + 4, start + 5], vec![("n", third)])], 3).await.unwrap();
    let sql = r#"select n, n_text, "N_2", day_2, user_agent, "http.status", none from events order by time"#;
    let expected = json!([
        [1, null, null, null, null, null, null],
        [2, null, null, null, null, null, null],
        [3, null, "big", "Monday", "a.b", "200", "now"],
        [null, "four", null, null, null, null, null],
        [5, null, null, null, null, null, null],
        [null, "5.5", null, null, null, null, null],
    ]);
    assert_eq!(json!(ask(&lake, sql).await), expected);
    lake.compact(Table::Events).await.unwrap();
    assert_eq!(json!(ask(&lake, sql).await), expected);
    let filtered = ask(&lake, r#"select n_text from events where "http.status" = '200' or n_text > 'a'"#).await;
    assert_eq!(filtered.len(), 2);
}

fn nulls(count: usize) -> ArrayRef {
    Arc::new(NullArray::new(count))
}

#[tokio::test(flavor = "multi_thread")]
async fn types_that_delta_lacks_find_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    let start = start_of("2026-11-20");
    let mut counts = ListBuilder::new(UInt32Builder::new());
    counts.append_value([Some(1), Some(2)]);
    counts.append_null();
    let codes: DictionaryArray<Int8Type> = [Some("x"), None].into_iter().collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("time", Arc::new(TimestampNanosecondArray::from(vec![start * 1_000_000 + 1_234_567, start * 1_000_000]))),
        ("counts", Arc::new(counts.finish())),
        ("code", Arc::new(codes)),
        ("huge", Arc::new(UInt64Array::from(vec![u64::MAX, 7]))),
        ("flag", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("share", Arc::new(Float64Array::from(vec![f64::NAN, 0.25]))),
    ];
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    lake.append(Table::MinuteCells, vec![rows], 1).await.unwrap();
    let sql = "select time, counts, code, huge, huge_text, flag, share from cells_minute order by time desc";
    let expected = json!([
        ["2026-11-20T00:00:00.001234Z", [1, 2], "x", null, "18446744073709551615", true, null],
        ["2026-11-20T00:00:00Z", null, null, 7, null, null, 0.25],
    ]);
    assert_eq!(json!(ask(&lake, sql).await), expected);
    let newest = ask(&lake, "select max(time), min(time) from cells_minute where time >= '2026-11-20'").await;
    assert_eq!(json!(newest), json!([["2026-11-20T00:00:00.001234Z", "2026-11-20T00:00:00Z"]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_without_a_time_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    let number: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let rows = RecordBatch::try_from_iter([("number", number)]).unwrap();
    let error = lake.append(Table::Events, vec![rows], 1).await.unwrap_err();
    assert!(matches!(error, LakeError::Rows { .. }));
    let said = "rows for `events` cannot be stored: every row needs a timestamp in `time`, and there is no such column of timestamps";
    assert_eq!(error.to_string(), said);
}

#[tokio::test(flavor = "multi_thread")]
async fn days_before_1970_and_the_edges_of_a_day_have_their_folder() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    let times = [-1, 0, DAY_MS - 1, DAY_MS];
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![0, 1, 2, 3]));
    lake.append(Table::Events, vec![batch(&times, vec![("number", numbers)])], 1).await.unwrap();
    let rows = ask(&lake, "select day, count(number) from events group by day order by day").await;
    assert_eq!(json!(rows), json!([["1969-12-31", 1], ["1970-01-01", 2], ["1970-01-02", 1]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn any_name_will_do_for_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().join("my data/50% größer #1");
    let lake = Lake::open(&real).await.unwrap();
    lake.append(Table::Events, vec![events("2026-11-20", 0, 10)], 1).await.unwrap();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let lake = Lake::open(&link).await.unwrap();
    lake.append(Table::Events, vec![events("2026-11-20", 10, 10)], 2).await.unwrap();
    lake.compact(Table::Events).await.unwrap();
    assert_eq!(count(&lake, Table::Events).await, 20);
    assert!(lake.check().await.unwrap().is_empty());
}
