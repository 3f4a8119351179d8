//! SQL over what is committed and what is not yet.

use std::sync::Arc;
use std::time::Duration;

use arrow_array::{ArrayRef, StringArray};
use hark_lake::{Hot, Lake, Limits, Table};
use serde_json::json;

use crate::batches::{ask, ask_with, batch, events, start_of};

fn hot(offset: i64, day: &str, from: i64, count: i64) -> Hot {
    Hot { table: Table::Events, offset, batches: vec![events(day, from, count)] }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_in_memory_and_rows_on_disk_are_one_table() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    let sql = "select count(number), sum(number), min(day), max(day), count(distinct os) from events";
    let only_hot = ask_with(&lake, sql, vec![hot(1, "2026-11-21", 0, 10)], Limits::default()).await.unwrap();
    assert_eq!(json!(only_hot.rows().unwrap()), json!([[10, 45, "2026-11-21", "2026-11-21", 2]]));
    lake.append(Table::Events, vec![events("2026-11-20", 0, 10)], 1).await.unwrap();
    let both = ask_with(&lake, sql, vec![hot(2, "2026-11-21", 10, 10)], Limits::default()).await.unwrap();
    assert_eq!(json!(both.rows().unwrap()), json!([[20, 190, "2026-11-20", "2026-11-21", 2]]));
    // A column that the table does not have yet.
    let app: ArrayRef = Arc::new(StringArray::from(vec!["music"]));
    let newer =
        Hot { table: Table::Events, offset: 3, batches: vec![batch(&[start_of("2026-11-22")], vec![("app", app)])] };
    let sql = "select app, count(*), count(number) from events group by app order by app";
    let grown = ask_with(&lake, sql, vec![hot(2, "2026-11-21", 10, 10), newer], Limits::default()).await.unwrap();
    assert_eq!(json!(grown.rows().unwrap()), json!([["music", 1, 0], [null, 20, 20]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_were_committed_meanwhile_count_once() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    lake.append(Table::Events, vec![events("2026-11-20", 0, 10)], 4).await.unwrap();
    let gathered = vec![hot(4, "2026-11-20", 0, 10), hot(6, "2026-11-20", 10, 5)];
    let answer = ask_with(&lake, "select count(*) from events", gathered, Limits::default()).await.unwrap();
    assert_eq!(json!(answer.rows().unwrap()), json!([[15]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_reading_is_possible() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    lake.append(Table::Events, vec![events("2026-11-20", 0, 10)], 1).await.unwrap();
    let reading = "the query cannot be answered: only reading is possible here: SELECT, WITH, EXPLAIN or DESCRIBE";
    for sql in [
        "insert into events select * from events",
        "delete from events",
        "update events set number = 1",
        "create table t as select * from events",
        "create view v as select 1",
        "create external table t stored as parquet location '/etc/passwd'",
        "drop table events",
        "copy events to '/tmp/out.parquet'",
        "set datafusion.execution.batch_size = 1",
        "reset datafusion.execution.batch_size",
        "explain insert into events select * from events",
        "explain analyze insert into events select * from events",
        "begin",
        "show tables",
    ] {
        let error = ask_with(&lake, sql, Vec::new(), Limits::default()).await.unwrap_err().to_string();
        assert_eq!(error, reading, "{sql}");
    }
    let said = [
        "",
        "select 1; select 2",
        "select * into other from events",
        "select * from '/etc/passwd'",
        "select * from nowhere",
        "select nothing from events",
        "selec 1",
        "select number + from events",
        "select nosuch(number) from events",
        "select sum(os) from events",
        "select count(*) from cells_minute",
        "select 1/0",
    ];
    for sql in said {
        let error = ask_with(&lake, sql, Vec::new(), Limits::default()).await.unwrap_err().to_string();
        let rest = error.strip_prefix("the query cannot be answered: ").unwrap_or_else(|| panic!("{sql}: {error}"));
        println!("{sql:45} {rest}");
        let debris = ["Error", "error:", "ParserError", "datafusion", "DataFusion", "\n", "backtrace"];
        assert!(!debris.iter().any(|word| rest.contains(word)), "{sql}: {rest}");
    }
    for sql in ["explain select * from events", "explain analyze select number from events", "describe events"] {
        assert!(!ask(&lake, sql).await.is_empty(), "{sql}");
    }
    assert_eq!(json!(ask(&lake, "with a as (select 1 as x) select x + 1 from a").await), json!([[2]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    lake.append(Table::Events, vec![events("2026-11-20", 0, 5000)], 1).await.unwrap();
    let few = Limits { rows: 100, ..Limits::default() };
    let cut = ask_with(&lake, "select number from events", Vec::new(), few).await.unwrap();
    assert_eq!((cut.rows().unwrap().len(), cut.truncated), (100, true));
    let whole = ask_with(&lake, "select number from events order by number limit 100", Vec::new(), few).await.unwrap();
    assert_eq!((whole.rows().unwrap().len(), whole.truncated), (100, false));
    let joined = "select count(*) from events a, events b, events c where a.ms + b.ms + c.ms < -1";
    let hurried = Limits { time: Duration::from_millis(300), ..Limits::default() };
    let error = ask_with(&lake, joined, Vec::new(), hurried).await.unwrap_err().to_string();
    assert!(error.starts_with("the query took longer than 300ms; ask"), "{error}");
    let small = Limits { memory_bytes: 1 << 20, ..Limits::default() };
    let sorted = "select a.number, b.number, a.os || b.os from events a, events b order by 3, 1 desc, 2";
    let error = ask_with(&lake, sorted, Vec::new(), small).await.unwrap_err().to_string();
    assert_eq!(error, "the query needs more than its 1 MB of memory; ask for fewer days, or group by less");
}

#[tokio::test(flavor = "multi_thread")]
async fn days_and_times_leave_files_unopened() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    for (offset, day) in ["2026-11-18", "2026-11-19", "2026-11-20", "2026-11-21"].into_iter().enumerate() {
        let offset = offset as i64;
        lake.append(Table::Events, vec![events(day, offset * 10, 10)], offset).await.unwrap();
    }
    for (condition, files, rows) in [
        ("day = '2026-11-20'", 1, 10),
        ("day >= '2026-11-20'", 2, 20),
        ("day >= date '2026-11-20'", 2, 20),
        ("day between '2026-11-19' and '2026-11-20'", 2, 20),
        ("day in ('2026-11-18', '2026-11-21')", 2, 20),
        ("time >= '2026-11-20T00:00:05Z'", 2, 15),
        ("time >= timestamp '2026-11-20 00:00:05' and time < '2026-11-21'", 1, 5),
        ("day = '2026-11-20' and number = 21", 1, 1),
        ("day <> '2026-11-20' and number >= 0", 3, 30),
        ("number >= 0", 4, 40),
    ] {
        let rows_seen = ask(&lake, &format!("select count(number) from events where {condition}")).await;
        assert_eq!(rows_seen[0][0], rows, "{condition}");
        let plan = ask(&lake, &format!("explain select number from events where {condition}")).await;
        let plan = json!(plan).to_string();
        let opened: std::collections::BTreeSet<&str> =
            plan.match_indices("part-").map(|(at, _)| &plan[at..at + 25]).collect();
        assert_eq!(opened.len(), files, "{condition}: {plan}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_keep_their_case() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    let id: ArrayRef = Arc::new(StringArray::from(vec!["u1"]));
    lake.append(Table::Events, vec![batch(&[start_of("2026-11-20")], vec![("userId", id)])], 1).await.unwrap();
    let rows = ask(&lake, "SELECT COUNT(*) AS n, MAX(userId) FROM events WHERE userId LIKE 'u%'").await;
    assert_eq!(json!(rows), json!([[1, "u1"]]));
}
