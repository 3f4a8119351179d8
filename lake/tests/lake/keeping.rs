//! Compaction and expiry: rows are neither lost nor doubled, whoever else is at work.

use std::time::Duration;

use hark_lake::{Appended, Compacted, Lake, LakeOptions, Limits, Table};
use serde_json::json;

use crate::batches::{ask, count, events, parquet_files};

async fn filled(root: &std::path::Path) -> Lake {
    let options = LakeOptions { keep_unreferenced: Duration::ZERO, ..LakeOptions::default() };
    let lake = Lake::open_with(root, options).await.unwrap();
    for offset in 0..6 {
        let rows = vec![events("2026-11-20", offset * 20, 10), events("2026-11-21", offset * 20 + 10, 10)];
        lake.append(Table::Events, rows, offset).await.unwrap();
    }
    lake
}

#[tokio::test(flavor = "multi_thread")]
async fn compaction_leaves_the_rows_and_the_offset() {
    let folder = tempfile::tempdir().unwrap();
    let lake = filled(folder.path()).await;
    let sql = "select day, sum(number), sum(ms), count(distinct os), min(time), max(time) from events group by day order by day";
    let before = ask(&lake, sql).await;
    let compacted = lake.compact(Table::Events).await.unwrap();
    assert_eq!(compacted, Compacted { files_before: 12, files_after: 2, left_out: Vec::new() });
    assert_eq!(ask(&lake, sql).await, before);
    assert_eq!(count(&lake, Table::Events).await, 120);
    assert_eq!(lake.committed(Table::Events).await.unwrap(), Some(5));
    assert_eq!(lake.compact(Table::Events).await.unwrap(), Compacted::default(), "there is nothing left to join");
    let again = lake.append(Table::Events, vec![events("2026-11-20", 0, 10)], 5).await.unwrap();
    assert_eq!(again, Appended::AlreadyThere { committed: 5 });
    assert_eq!(lake.compact(Table::HourCells).await.unwrap(), Compacted::default(), "a table that isn't there");
    assert!(lake.check().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn appending_goes_on_during_compaction() {
    let folder = tempfile::tempdir().unwrap();
    let lake = filled(folder.path()).await;
    let other = Lake::open(folder.path()).await.unwrap();
    let append = async {
        for offset in 6..26 {
            other.append(Table::Events, vec![events("2026-11-20", offset * 20, 20)], offset).await.unwrap();
        }
    };
    let compact = async {
        for _ in 0..4 {
            lake.compact(Table::Events).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::join!(append, compact);
    assert_eq!(count(&lake, Table::Events).await, 26 * 20);
    assert_eq!(lake.committed(Table::Events).await.unwrap(), Some(25));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_compactions_at_once_double_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let lake = filled(folder.path()).await;
    let other = Lake::open(folder.path()).await.unwrap();
    let (one, two) = tokio::join!(lake.compact(Table::Events), other.compact(Table::Events));
    assert_eq!(one.unwrap().files_before + two.unwrap().files_before, 12);
    assert_eq!(count(&lake, Table::Events).await, 120);
    assert_eq!(count(&other, Table::Events).await, 120);
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_days_expire() {
    let folder = tempfile::tempdir().unwrap();
    let lake = filled(folder.path()).await;
    let before = "2026-11-21".parse().unwrap();
    let (expired, appended) = tokio::join!(
        lake.expire(Table::Events, before),
        lake.append(Table::Events, vec![events("2026-11-21", 120, 10)], 6)
    );
    let expired = expired.unwrap();
    appended.unwrap();
    assert_eq!((expired.days.iter().cloned().collect::<Vec<_>>(), expired.files), (vec!["2026-11-20".to_owned()], 6));
    assert_eq!(count(&lake, Table::Events).await, 70);
    assert_eq!(lake.committed(Table::Events).await.unwrap(), Some(6));
    lake.expire(Table::Events, before).await.unwrap();
    let left = parquet_files(folder.path(), Table::Events);
    assert!(left.iter().all(|path| path.to_string_lossy().contains("day=2026-11-21")), "{left:?}");
    let lake = Lake::open(folder.path()).await.unwrap();
    assert_eq!(json!(ask(&lake, "select distinct day from events").await), json!([["2026-11-21"]]));
    assert_eq!(lake.committed(Table::Events).await.unwrap(), Some(6));
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_at_once_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let lake = filled(folder.path()).await;
    let append = async {
        for offset in 6..36 {
            lake.append(Table::Events, vec![events("2026-11-21", offset * 20, 20)], offset).await.unwrap();
        }
    };
    let compact = async {
        for _ in 0..8 {
            lake.compact(Table::Events).await.unwrap();
        }
    };
    let expire = async {
        for _ in 0..8 {
            lake.expire(Table::Events, "2026-11-21".parse().unwrap()).await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(60), async { tokio::join!(append, compact, expire) }).await.unwrap();
    assert_eq!(count(&lake, Table::Events).await, 60 + 30 * 20);
    assert_eq!(lake.committed(Table::Events).await.unwrap(), Some(35));
    assert!(lake.check().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn files_stay_for_queries_that_began_earlier() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path()).await);
    let lake = Lake::open(folder.path()).await.unwrap();
    lake.compact(Table::Events).await.unwrap();
    let expired = lake.expire(Table::Events, "2026-11-21".parse().unwrap()).await.unwrap();
    assert_eq!((expired.files, expired.files_deleted), (1, 0));
    assert_eq!(parquet_files(folder.path(), Table::Events).len(), 14);
    let options = LakeOptions { keep_unreferenced: Duration::ZERO, ..LakeOptions::default() };
    tokio::time::sleep(Duration::from_millis(20)).await;
    let lake = Lake::open_with(folder.path(), options).await.unwrap();
    let expired = lake.expire(Table::Events, "2026-11-21".parse().unwrap()).await.unwrap();
    assert_eq!((expired.files, expired.files_deleted), (0, 13));
    assert_eq!(count(&lake, Table::Events).await, 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compaction_that_was_overtaken_by_expiry_brings_nothing_back() {
    let folder = tempfile::tempdir().unwrap();
    let lake = filled(folder.path()).await;
    let other = Lake::open(folder.path()).await.unwrap();
    let (compacted, expired) =
        tokio::join!(lake.compact(Table::Events), other.expire(Table::Events, "2026-11-21".parse().unwrap()));
    compacted.unwrap();
    expired.unwrap();
    assert_eq!(count(&lake, Table::Events).await, 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_another_program_are_part_of_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let lake = filled(folder.path()).await;
    let url = url::Url::from_directory_path(folder.path().join("events")).unwrap();
    let theirs = lake.query("select * from events limit 10", Vec::new(), Limits::default()).await.unwrap();
    let renumbered = "select day, time, number + 1000 as number, os, ms from events order by number limit 10";
    let rows = lake.query(renumbered, Vec::new(), Limits::default()).await.unwrap();
    assert_eq!(rows.columns, theirs.columns);
    let table = deltalake_core::open_table(url).await.unwrap().write(rows.batches).await.unwrap();
    assert_eq!(count(&lake, Table::Events).await, 130);
    table.optimize().await.unwrap();
    assert_eq!(count(&lake, Table::Events).await, 130);
    assert_eq!(lake.committed(Table::Events).await.unwrap(), Some(5));
    lake.append(Table::Events, vec![events("2026-11-20", 120, 10)], 6).await.unwrap();
    assert_eq!(lake.compact(Table::Events).await.unwrap().files_before, 2);
    assert_eq!(count(&lake, Table::Events).await, 140);
    assert!(lake.check().await.unwrap().is_empty());
    let theirs = |path: &&std::path::PathBuf| path.to_string_lossy().contains("c000");
    let files = parquet_files(folder.path(), Table::Events);
    let theirs = files.iter().filter(theirs).find(|path| path.to_string_lossy().contains("day=2026-11-21")).unwrap();
    let whole = std::fs::read(theirs).unwrap();
    std::fs::write(theirs, &whole[..whole.len() / 2]).unwrap();
    assert_eq!(lake.check().await.unwrap().len(), 1, "a file without a hash is decoded instead");
}
