//! The tables' versions: checked first, then brought up to date.
//!
//! The list is written out rather than made by `sqlx::migrate!`: that macro would build every engine a second time,
//! for the compiler's host. What it writes to `_sqlx_migrations` is the same.

use hark_store::StoreError;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{SqlSafeStr, SqlitePool};

use crate::errors::{is_locked, open_error};

/// Number, name and text of each file in `migrations/sqlite`, oldest first. Never edited once released.
const MIGRATIONS: [(i64, &str, &str); 13] = [
    (1, "alerts", include_str!("../../../migrations/sqlite/0001_alerts.sql")),
    (2, "changes", include_str!("../../../migrations/sqlite/0002_changes.sql")),
    (3, "audit", include_str!("../../../migrations/sqlite/0003_audit.sql")),
    (4, "alert_people", include_str!("../../../migrations/sqlite/0004_alert_people.sql")),
    (5, "definitions", include_str!("../../../migrations/sqlite/0005_definitions.sql")),
    (6, "models", include_str!("../../../migrations/sqlite/0006_models.sql")),
    (7, "silences", include_str!("../../../migrations/sqlite/0007_silences.sql")),
    (8, "incidents", include_str!("../../../migrations/sqlite/0008_incidents.sql")),
    (9, "people_metric", include_str!("../../../migrations/sqlite/0009_people_metric.sql")),
    (10, "incident_outlines", include_str!("../../../migrations/sqlite/0010_incident_outlines.sql")),
    (11, "told", include_str!("../../../migrations/sqlite/0011_told.sql")),
    (12, "imported_models", include_str!("../../../migrations/sqlite/0012_imported_models.sql")),
    (13, "removed_models", include_str!("../../../migrations/sqlite/0013_removed_models.sql")),
];

const KNOWN: i64 = MIGRATIONS[MIGRATIONS.len() - 1].0;

pub(crate) async fn run(writer: &SqlitePool, database: &str) -> Result<(), StoreError> {
    let found = version(writer).await.map_err(|error| open_error(database, error))?;
    if found > KNOWN {
        return Err(StoreError::NewerSchema { found, known: KNOWN });
    }
    let migrations = MIGRATIONS.map(|(version, name, sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    let done = Migrator::with_migrations(migrations.into()).run(writer).await;
    done.map_err(|error| migrate_error(database, error))
}

/// A reader cannot bring the tables up to date: they must be so already.
pub(crate) async fn check_for_reading(reader: &SqlitePool, database: &str) -> Result<(), StoreError> {
    let found = version(reader).await.map_err(|error| open_error(database, error))?;
    if found > KNOWN {
        return Err(StoreError::NewerSchema { found, known: KNOWN });
    }
    if found < KNOWN {
        return Err(StoreError::OlderSchema { found, known: KNOWN });
    }
    Ok(())
}

/// The newest migration that the database has had; 0 for an empty one.
async fn version(pool: &SqlitePool) -> Result<i64, sqlx::Error> {
    let tables = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = '_sqlx_migrations'";
    if sqlx::query_scalar::<_, i64>(tables).fetch_one(pool).await? == 0 {
        return Ok(0);
    }
    sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations").fetch_one(pool).await
}

fn migrate_error(database: &str, error: MigrateError) -> StoreError {
    let database = database.to_owned();
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) if is_locked(&error) => {
            StoreError::Locked { database, source: error.into() }
        }
        other => StoreError::Migrate { database, source: other.into() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_the_folder() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/sqlite");
        let entries = std::fs::read_dir(folder).expect("the folder is there");
        let mut files: Vec<String> =
            entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect();
        files.sort();
        assert_eq!(files, MIGRATIONS.map(|(version, name, _)| format!("{version:04}_{name}.sql")));
    }
}
