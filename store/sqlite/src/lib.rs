//! The store on SQLite, embedded: one file, one writer, several readers.

mod alerts;
mod changes;
mod definitions;
mod errors;
mod imported_models;
mod lists;
mod migrations;
mod models;
mod silences;

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use hark_model::{Alert, AlertId, Change, ChangeId, ImportedModel, ModelVersion, Silence, Timestamp};
use hark_store::{
    Act, AlertPage, AlertQuery, AuditEntry, DefinitionChange, DefinitionVersion, ImportedRemoval, IncidentOutline,
    ModelAct, SilenceChange, Store, StoreError,
};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqlitePool, Transaction};

use crate::errors::{open_error, read_error, write_error};

/// How long a statement waits for another program's lock before it gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a caller waits for a free connection: two turns of a writer that itself has to wait.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// Readers at once; further ones queue.
const READERS_MAX: u32 = 4;

#[derive(Debug, Clone)]
pub struct SqliteStore {
    /// Its path, for messages.
    database: String,
    /// One connection, so that writers queue here rather than collide there; `None` where opened for reading only.
    writer: Option<SqlitePool>,
    reader: SqlitePool,
}

impl SqliteStore {
    /// Opens the file for reading and writing, makes it where there is none and brings its tables up to date.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_waiting(path.as_ref(), BUSY_TIMEOUT).await
    }

    /// Opens an existing file for reading, beside a server that may be writing it.
    pub async fn open_read_only(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let database = path.as_ref().display().to_string();
        let opened = reader(path.as_ref(), BUSY_TIMEOUT).await;
        let reader = opened.map_err(|error| open_error(&database, error))?;
        migrations::check_for_reading(&reader, &database).await?;
        Ok(Self { database, writer: None, reader })
    }

    async fn open_waiting(path: &Path, busy_timeout: Duration) -> Result<Self, StoreError> {
        let database = path.display().to_string();
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            // In WAL mode anything less may lose the last commits when the power goes.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(busy_timeout);
        let pool = SqlitePoolOptions::new().max_connections(1).acquire_timeout(ACQUIRE_TIMEOUT);
        let writer = pool.connect_with(options).await.map_err(|error| open_error(&database, error))?;
        migrations::run(&writer, &database).await?;
        let reader = reader(path, busy_timeout).await.map_err(|error| open_error(&database, error))?;
        Ok(Self { database, writer: Some(writer), reader })
    }

    /// A transaction that holds the write lock from its start: what it reads stays true until it commits.
    async fn begin(&self, step: &'static str) -> Result<Transaction<'static, Sqlite>, StoreError> {
        let Some(writer) = &self.writer else {
            return Err(StoreError::ReadOnly { database: self.database.clone() });
        };
        writer.begin_with("BEGIN IMMEDIATE").await.map_err(|error| write_error(&self.database, step, error))
    }
}

async fn reader(path: &Path, busy_timeout: Duration) -> Result<SqlitePool, sqlx::Error> {
    let options =
        SqliteConnectOptions::new().filename(path).read_only(true).foreign_keys(true).busy_timeout(busy_timeout);
    SqlitePoolOptions::new().max_connections(READERS_MAX).acquire_timeout(ACQUIRE_TIMEOUT).connect_with(options).await
}

#[async_trait]
impl Store for SqliteStore {
    async fn save_alerts(&self, alerts: &[Alert]) -> Result<(), StoreError> {
        self.write_alerts(alerts).await
    }

    async fn alert(&self, id: &AlertId) -> Result<Option<Alert>, StoreError> {
        self.read_alert(id).await
    }

    async fn alerts(&self, query: &AlertQuery) -> Result<AlertPage, StoreError> {
        self.list_alerts(query).await
    }

    async fn incident(&self, id: &str) -> Result<Vec<Alert>, StoreError> {
        self.read_incident(id).await
    }

    async fn incident_outline(&self, id: &str) -> Result<Option<IncidentOutline>, StoreError> {
        self.read_incident_outline(id).await
    }

    async fn act(&self, id: &AlertId, act: Act<'_>, at: Timestamp) -> Result<Option<Alert>, StoreError> {
        self.write_act(id, act, at).await
    }

    async fn audit(&self, subject: &str) -> Result<Vec<AuditEntry>, StoreError> {
        self.read_audit(subject).await
    }

    async fn save_changes(&self, changes: &[Change]) -> Result<(), StoreError> {
        self.write_changes(changes).await
    }

    async fn changes(&self, from: Timestamp, to: Timestamp) -> Result<Vec<(ChangeId, Change)>, StoreError> {
        self.read_changes(from, to).await
    }

    async fn recent_audit(&self, limit: i64) -> Result<Vec<AuditEntry>, StoreError> {
        self.read_recent_audit(limit).await
    }

    async fn save_definition(&self, change: DefinitionChange<'_>) -> Result<i64, StoreError> {
        self.write_definition(change).await
    }

    async fn definitions(&self) -> Result<Vec<DefinitionVersion>, StoreError> {
        self.read_definitions().await
    }

    async fn definition_history(&self, name: &str) -> Result<Vec<DefinitionVersion>, StoreError> {
        self.read_definition_history(name).await
    }

    async fn save_models(&self, versions: &[ModelVersion]) -> Result<(), StoreError> {
        self.write_models(versions).await
    }

    async fn models(&self) -> Result<Vec<ModelVersion>, StoreError> {
        self.read_models().await
    }

    async fn note_model_act(&self, act: ModelAct<'_>) -> Result<(), StoreError> {
        self.write_model_act(act).await
    }

    async fn add_imported_model(&self, model: &ImportedModel) -> Result<u32, StoreError> {
        self.write_imported_model(model).await
    }

    async fn remove_imported_models(&self, removal: ImportedRemoval<'_>) -> Result<Vec<ImportedModel>, StoreError> {
        self.drop_imported_models(removal).await
    }

    async fn imported_models(&self) -> Result<Vec<ImportedModel>, StoreError> {
        self.read_imported_models().await
    }

    async fn is_imported(&self, checksum: &str) -> Result<bool, StoreError> {
        self.has_imported(checksum).await
    }

    async fn save_silence(&self, change: SilenceChange<'_>) -> Result<(), StoreError> {
        self.write_silence(change).await
    }

    async fn silences(&self, after: Timestamp) -> Result<Vec<Silence>, StoreError> {
        self.read_silences(after).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let answer = sqlx::query("SELECT id FROM alerts LIMIT 1").fetch_optional(&self.reader).await;
        answer.map(|_| ()).map_err(|error| read_error(&self.database, "reach the database", error))
    }

    async fn close(&self) {
        // The readers first: the last connection folds the write-ahead log back, and it must be one that may write.
        self.reader.close().await;
        if let Some(writer) = &self.writer {
            writer.close().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::ConnectOptions;

    const SHORT: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn a_locked_database_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("alerts.db");
        let store = SqliteStore::open_waiting(&path, SHORT).await.expect("opens");
        let options = SqliteConnectOptions::new().filename(&path);
        let mut other = options.connect().await.expect("another connection");
        sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.expect("locked");
        let error = store.save_alerts(&[]).await.expect_err("locked");
        assert!(matches!(error, StoreError::Locked { .. }), "{error:?}");
        assert!(error.to_string().contains("alerts.db is locked by another program"), "{error}");
        assert!(store.alert(&AlertId("a".to_owned())).await.expect("readers do not wait").is_none());
        store.close().await;
        sqlx::query("ROLLBACK").execute(&mut other).await.expect("unlocked");
        sqlx::query("PRAGMA locking_mode = EXCLUSIVE").execute(&mut other).await.expect("set");
        sqlx::query("BEGIN EXCLUSIVE").execute(&mut other).await.expect("locked for all");
        for result in [SqliteStore::open_waiting(&path, SHORT).await, SqliteStore::open_read_only(&path).await] {
            let error = result.expect_err("locked");
            assert!(matches!(error, StoreError::Locked { .. }), "{error:?}");
        }
    }
}
