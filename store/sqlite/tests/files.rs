//! What is SQLite's own: files that are locked, newer, older, missing, read beside their writer or left by a crash.

use std::path::Path;
use std::time::Duration;

use hark_model::{AlertId, Timestamp};
use hark_store::{AlertQuery, Store, StoreError, conformance};
use hark_store_sqlite::SqliteStore;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqliteConnection};

async fn raw(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await.expect("a raw connection")
}

async fn execute(path: &Path, sql: &'static str) {
    let mut connection = raw(path).await;
    sqlx::query(sql).execute(&mut connection).await.expect("a statement that runs");
    connection.close().await.expect("closed");
}

/// Whatever later migrations made is gone, and the tables are as the first two left them.
async fn go_back_to_the_second_migration(path: &Path) {
    let mut connection = raw(path).await;
    let later =
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE '_sqlx%'";
    let tables: Vec<String> = sqlx::query_scalar(later).fetch_all(&mut connection).await.expect("its tables");
    for table in tables {
        let drop = AssertSqlSafe(format!("DROP TABLE {table}"));
        sqlx::query(drop).execute(&mut connection).await.expect("a table that can go");
    }
    connection.close().await.expect("closed");
    execute(path, include_str!("../../../migrations/sqlite/0001_alerts.sql")).await;
    execute(path, include_str!("../../../migrations/sqlite/0002_changes.sql")).await;
    execute(path, "DELETE FROM _sqlx_migrations WHERE version > 2").await;
}

#[tokio::test]
async fn a_newer_database_is_left_alone_with_one_clear_sentence() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("alerts.db");
    SqliteStore::open(&path).await.expect("opens").close().await;
    execute(&path, "INSERT INTO _sqlx_migrations VALUES (9000, 'later', '2026-01-01', TRUE, x'00', 0)").await;
    let begin = "the database is of a newer hark (schema 9000, this binary knows ";
    let errors = [
        SqliteStore::open(&path).await.expect_err("newer"),
        SqliteStore::open_read_only(&path).await.expect_err("newer"),
    ];
    for sentence in errors.map(|error| error.to_string()) {
        assert!(sentence.starts_with(begin) && sentence.ends_with("); update hark or open another"), "{sentence}");
    }
}

#[tokio::test]
async fn an_older_database_is_updated_by_a_writer_and_refused_by_a_reader() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("alerts.db");
    SqliteStore::open(&path).await.expect("opens").close().await;
    go_back_to_the_second_migration(&path).await;
    let error = SqliteStore::open_read_only(&path).await.expect_err("older");
    assert!(matches!(error, StoreError::OlderSchema { found: 2, known: 3.. }), "{error}");
    let store = SqliteStore::open(&path).await.expect("updates");
    assert!(store.audit("a").await.expect("the table is back").is_empty());
    assert!(store.alerts(&AlertQuery::default()).await.expect("with all its columns").alerts.is_empty());
    store.close().await;
    SqliteStore::open_read_only(&path).await.expect("up to date").close().await;
}

#[tokio::test]
async fn a_short_lock_is_waited_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("alerts.db");
    let store = SqliteStore::open(&path).await.expect("opens");
    let mut other = raw(&path).await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.expect("locked");
    let unlock = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        sqlx::query("ROLLBACK").execute(&mut other).await.expect("unlocked");
    };
    let (saved, ()) = tokio::join!(store.save_alerts(&[]), unlock);
    saved.expect("saved after the wait");
}

#[tokio::test]
async fn a_reader_sees_what_a_running_writer_saves_and_writes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("alerts.db");
    let writer = SqliteStore::open(&path).await.expect("opens");
    let reader = SqliteStore::open_read_only(&path).await.expect("opens beside the writer");
    conformance::leave_something(&writer).await.expect("saved");
    conformance::something_is_left(&reader).await.expect("read at once");
    let at = Timestamp::from_millis(0);
    let error = reader.acknowledge(&AlertId("a".to_owned()), "ada", at).await.expect_err("read only");
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error:?}");
    assert!(matches!(reader.save_changes(&[]).await, Err(StoreError::ReadOnly { .. })));
    reader.ping().await.expect("there");
    // Closing the writer first leaves the reader as the last one, which must not break the file.
    writer.close().await;
    conformance::something_is_left(&reader).await.expect("still there");
    reader.close().await;
    let again = SqliteStore::open_read_only(&path).await.expect("opens without a writer");
    conformance::something_is_left(&again).await.expect("all of it");
}

#[tokio::test]
async fn what_a_crash_leaves_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, copy) = (folder.path().join("alerts.db"), folder.path().join("copy.db"));
    let store = SqliteStore::open(&path).await.expect("opens");
    conformance::leave_something(&store).await.expect("saved");
    // The files as they lie on the disk while the writer runs: what is committed is in the log alone.
    std::fs::copy(&path, &copy).expect("copied");
    std::fs::copy(folder.path().join("alerts.db-wal"), folder.path().join("copy.db-wal")).expect("copied");
    let reader = SqliteStore::open_read_only(&copy).await.expect("opens");
    conformance::something_is_left(&reader).await.expect("read from the log");
    reader.close().await;
    let writer = SqliteStore::open(&copy).await.expect("opens");
    conformance::something_is_left(&writer).await.expect("recovered");
}

#[tokio::test]
async fn what_is_no_database_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "this is no database. ".repeat(100)).expect("written");
    let missing = folder.path().join("nosuch.db");
    let results = [
        SqliteStore::open(&text).await,
        SqliteStore::open_read_only(&text).await,
        SqliteStore::open_read_only(&missing).await,
        SqliteStore::open(folder.path()).await,
        SqliteStore::open(folder.path().join("no/such/folder/alerts.db")).await,
    ];
    for result in results {
        let error = result.expect_err("no database");
        assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
        assert!(error.to_string().contains(&folder.path().display().to_string()), "{error}");
    }
    assert!(!missing.exists(), "a reader makes no file");
}
