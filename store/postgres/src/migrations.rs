//! The tables' versions: checked first, then brought up to date.
//!
//! The list is written out rather than made by `sqlx::migrate!`: that macro would build every engine a second time,
//! for the compiler's host. What it writes to `_sqlx_migrations` is the same.

use hark_store::StoreError;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{PgPool, SqlSafeStr};

use crate::errors::Place;

/// Number, name and text of each file in `migrations/postgres`, oldest first. Never edited once released.
const MIGRATIONS: [(i64, &str, &str); 13] = [
    (1, "alerts", include_str!("../../../migrations/postgres/0001_alerts.sql")),
    (2, "changes", include_str!("../../../migrations/postgres/0002_changes.sql")),
    (3, "audit", include_str!("../../../migrations/postgres/0003_audit.sql")),
    (4, "alert_people", include_str!("../../../migrations/postgres/0004_alert_people.sql")),
    (5, "definitions", include_str!("../../../migrations/postgres/0005_definitions.sql")),
    (6, "models", include_str!("../../../migrations/postgres/0006_models.sql")),
    (7, "silences", include_str!("../../../migrations/postgres/0007_silences.sql")),
    (8, "incidents", include_str!("../../../migrations/postgres/0008_incidents.sql")),
    (9, "people_metric", include_str!("../../../migrations/postgres/0009_people_metric.sql")),
    (10, "incident_outlines", include_str!("../../../migrations/postgres/0010_incident_outlines.sql")),
    (11, "told", include_str!("../../../migrations/postgres/0011_told.sql")),
    (12, "imported_models", include_str!("../../../migrations/postgres/0012_imported_models.sql")),
    (13, "removed_models", include_str!("../../../migrations/postgres/0013_removed_models.sql")),
];

const KNOWN: i64 = MIGRATIONS[MIGRATIONS.len() - 1].0;

pub(crate) async fn run(pool: &PgPool, place: &Place) -> Result<(), StoreError> {
    let found = version(pool).await.map_err(|error| place.connect_error(error))?;
    if found > KNOWN {
        return Err(StoreError::NewerSchema { found, known: KNOWN });
    }
    let migrations = MIGRATIONS.map(|(version, name, sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    // The migrator holds an advisory lock meanwhile, so that two that start at once take turns.
    let done = Migrator::with_migrations(migrations.into()).run(pool).await;
    done.map_err(|error| StoreError::Migrate { database: place.database(), source: error.into() })
}

/// The newest migration that the database has had; 0 for an empty one.
async fn version(pool: &PgPool) -> Result<i64, sqlx::Error> {
    let table = "SELECT to_regclass('_sqlx_migrations') IS NOT NULL";
    if !sqlx::query_scalar::<_, bool>(table).fetch_one(pool).await? {
        return Ok(0);
    }
    sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations").fetch_one(pool).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_the_folder() {
        assert_eq!(files("postgres"), MIGRATIONS.map(|(version, name, _)| format!("{version:04}_{name}.sql")));
    }

    #[test]
    fn both_engines_have_the_same_numbers() {
        assert_eq!(files("postgres"), files("sqlite"));
    }

    fn files(engine: &str) -> Vec<String> {
        let folder = format!("{}/../../migrations/{engine}", env!("CARGO_MANIFEST_DIR"));
        let entries = std::fs::read_dir(folder).expect("the folder is there");
        let mut files: Vec<String> =
            entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect();
        files.sort();
        files
    }
}
