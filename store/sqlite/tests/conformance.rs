//! The cases that every store has to pass, on SQLite: a file in a folder of its own each.

use std::path::PathBuf;

use hark_store::{Store, conformance};
use hark_store_sqlite::SqliteStore;
use tempfile::TempDir;

fn fresh() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder for the database");
    let path = folder.path().join("alerts.db");
    (folder, path)
}

macro_rules! tests {
    ($($case:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $case() {
                let (_folder, path) = fresh();
                let store = SqliteStore::open(path).await.expect("a new database opens");
                conformance::$case(&store).await.expect("no error but those asked for");
                store.close().await;
            }
        )*
    };
}

hark_store::conformance_cases!(tests);

#[tokio::test]
async fn reopening_keeps_everything() {
    let (_folder, path) = fresh();
    let store = SqliteStore::open(&path).await.expect("a new database opens");
    conformance::leave_something(&store).await.expect("saved");
    store.close().await;
    let again = SqliteStore::open(&path).await.expect("an old database opens");
    conformance::something_is_left(&again).await.expect("read");
    again.close().await;
}
