//! How long appending takes; run by hand with `--run-ignored all`.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, Float64Array, Int64Array, RecordBatch};
use hark_lake::{Lake, Table};

use crate::batches::{ask, batch, start_of};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
#[expect(clippy::disallowed_methods, reason = "a measurement is shown to a person")]
async fn half_a_million_rows_of_twenty_columns() {
    let folder = tempfile::tempdir_in(".").unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    let batches: Vec<RecordBatch> = (0..50).map(rows).collect();
    let begun = std::time::Instant::now();
    lake.append(Table::Events, batches, 1).await.unwrap();
    println!("append: {:?}", begun.elapsed());
    let begun = std::time::Instant::now();
    ask(&lake, "select text0, count(*), avg(number0) from events where time >= '2026-11-20T01:00:00Z' group by text0")
        .await;
    println!("first query: {:?}", begun.elapsed());
    let begun = std::time::Instant::now();
    ask(&lake, "select text0, count(*), avg(number0) from events where time >= '2026-11-20T01:00:00Z' group by text0")
        .await;
    println!("second query: {:?}", begun.elapsed());
    let begun = std::time::Instant::now();
    lake.append(Table::Events, vec![rows(60)], 2).await.unwrap();
    println!("append of 10,000 rows: {:?}", begun.elapsed());
    let begun = std::time::Instant::now();
    println!("{:?} in {:?}", lake.compact(Table::Events).await.unwrap(), begun.elapsed());
}

fn rows(number: i64) -> RecordBatch {
    const ROWS: i64 = 10_000;
    let times: Vec<i64> = (0..ROWS).map(|row| start_of("2026-11-20") + (number * ROWS + row) * 40).collect();
    let mut columns: Vec<(String, ArrayRef)> = Vec::new();
    let noise = |row: i64, column: i64| {
        (row.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(column * 1_442_695_040_888_963) >> 33) & 0xffff
    };
    for column in 0..10 {
        let values: DictionaryArray<Int32Type> = (0..ROWS)
            .map(|row| format!("value {}", noise(row + number * ROWS, column) % 50))
            .collect::<Vec<_>>()
            .iter()
            .map(|value| Some(value.as_str()))
            .collect();
        columns.push((format!("text{column}"), Arc::new(values)));
    }
    for column in 0..6 {
        let values = (0..ROWS).map(|row| noise(row + number * ROWS, column + 20) as f64 / 7.0);
        columns.push((format!("number{column}"), Arc::new(Float64Array::from_iter_values(values))));
    }
    for column in 0..3 {
        let values = (0..ROWS).map(|row| noise(row + number * ROWS, column + 40));
        columns.push((format!("count{column}"), Arc::new(Int64Array::from_iter_values(values))));
    }
    batch(&times, columns.iter().map(|(name, values)| (name.as_str(), Arc::clone(values))).collect())
}
