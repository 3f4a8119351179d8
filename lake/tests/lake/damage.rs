//! Damaged files: found, named, left out when asked to.

use std::path::Path;

use hark_lake::{Lake, LakeError, Limits, Table};
use serde_json::json;

use crate::batches::{ask, ask_with, count, events, parquet_files};

const SKIP: fn() -> Limits = || Limits { skip_damaged: true, ..Limits::default() };

async fn two_days(root: &Path) -> Lake {
    let lake = Lake::open(root).await.unwrap();
    let rows = vec![events("2026-11-20", 0, 1000), events("2026-11-21", 1000, 500)];
    lake.append(Table::Events, rows, 1).await.unwrap();
    lake
}

fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_is_found_named_and_the_rest_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let lake = two_days(folder.path()).await;
    assert_eq!(count(&lake, Table::Events).await, 1500);
    let victim = parquet_files(folder.path(), Table::Events).remove(0);
    let size = std::fs::metadata(&victim).unwrap().len() as usize;
    let name = format!("day=2026-11-20/{}", victim.file_name().unwrap().to_string_lossy());
    // The first bytes, a page in the middle, the footer: each is found, though Parquet itself has no checksums here.
    for at in [0, size / 3, size / 2, size - 200, size - 1] {
        flip(&victim, at);
        let sum = "select sum(number), count(*) from events where number >= 0";
        let error = ask_with(&lake, sum, Vec::new(), Limits::default()).await.unwrap_err();
        assert!(matches!(&error, LakeError::DamagedFile { path, .. } if *path == name), "{error}");
        let said = format!(
            "the file {name} of `events` is damaged (its bytes are not those that were written); restore it from a \
             backup, or ask for the rest without it"
        );
        assert_eq!(error.to_string(), said);
        let answer = ask_with(&lake, sum, Vec::new(), SKIP()).await.unwrap();
        assert_eq!(answer.left_out, [format!("events/{name}")]);
        assert_eq!(json!(answer.rows().unwrap()), json!([[(1000..1500).sum::<i64>(), 500]]));
        // A count alone is taken from the log; it agrees all the same, since the damage is known by now.
        let answer = ask_with(&lake, "select count(*) from events", Vec::new(), SKIP()).await.unwrap();
        assert_eq!(json!(answer.rows().unwrap()), json!([[500]]));
        let damages = lake.check().await.unwrap();
        assert_eq!(damages.iter().map(|damage| &damage.path).collect::<Vec<_>>(), [&name]);
        // What does not read the file is not concerned by it.
        let other = ask(&lake, "select count(number) from events where day = '2026-11-21'").await;
        assert_eq!(json!(other), json!([[500]]));
        flip(&victim, at);
        assert_eq!(count(&lake, Table::Events).await, 1500, "the file was restored");
    }
    assert!(lake.check().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_and_a_shortened_file_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let lake = two_days(folder.path()).await;
    let files = parquet_files(folder.path(), Table::Events);
    std::fs::remove_file(&files[0]).unwrap();
    let shorter = std::fs::read(&files[1]).unwrap();
    std::fs::write(&files[1], &shorter[..shorter.len() - 10]).unwrap();
    let error = ask_with(&lake, "select sum(number) from events", Vec::new(), Limits::default()).await.unwrap_err();
    assert!(error.to_string().contains("day=2026-11-20") && error.to_string().contains("it is missing"), "{error}");
    assert_eq!(lake.check().await.unwrap().len(), 2);
    let answer = ask_with(&lake, "select sum(number) from events", Vec::new(), SKIP()).await.unwrap();
    assert_eq!((json!(answer.rows().unwrap()), answer.left_out.len()), (json!([[null]]), 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn subqueries_and_joins_are_checked_too() {
    let folder = tempfile::tempdir().unwrap();
    let lake = two_days(folder.path()).await;
    lake.append(Table::HourCells, vec![events("2026-11-20", 0, 10)], 1).await.unwrap();
    flip(&parquet_files(folder.path(), Table::HourCells)[0], 100);
    for sql in [
        "select count(number) from events where number > (select max(number) from cells_hour)",
        "select count(number) from events where number in (select number from cells_hour)",
        "select count(a.number) from events a join cells_hour b on a.number = b.number",
        "with c as (select number from cells_hour) select number from events union all select number from c",
    ] {
        let error = ask_with(&lake, sql, Vec::new(), Limits::default()).await.unwrap_err();
        assert!(matches!(error, LakeError::DamagedFile { table: Table::HourCells, .. }), "{sql}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_is_not_compacted() {
    let folder = tempfile::tempdir().unwrap();
    let lake = two_days(folder.path()).await;
    lake.append(Table::Events, vec![events("2026-11-20", 1500, 100)], 2).await.unwrap();
    lake.append(Table::Events, vec![events("2026-11-20", 1600, 100)], 3).await.unwrap();
    flip(&parquet_files(folder.path(), Table::Events)[0], 500);
    let compacted = lake.compact(Table::Events).await.unwrap();
    assert_eq!((compacted.files_before, compacted.files_after, compacted.left_out.len()), (2, 1, 1));
    let answer = ask_with(&lake, "select count(number) from events", Vec::new(), SKIP()).await.unwrap();
    assert_eq!((json!(answer.rows().unwrap()), answer.left_out.len()), (json!([[700]]), 1));
}
