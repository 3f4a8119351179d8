//! The store on PostgreSQL, for a hark that shares its database or wants it elsewhere.

mod alerts;
mod changes;
mod definitions;
mod errors;
mod imported_models;
mod lists;
mod migrations;
mod models;
mod silences;

use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use hark_model::{Alert, AlertId, Change, ChangeId, ImportedModel, ModelVersion, Silence, Timestamp};
use hark_store::{
    Act, AlertPage, AlertQuery, AuditEntry, DefinitionChange, DefinitionVersion, ImportedRemoval, IncidentOutline,
    ModelAct, SilenceChange, Store, StoreError,
};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool, Postgres, Transaction};

use crate::errors::Place;

/// How long to wait for a connection, new or free, before PostgreSQL counts as unreachable.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections at once; further callers queue. PostgreSQL itself allows 100 to all its clients by default.
const CONNECTIONS_MAX: u32 = 8;
/// What takes longer is stopped by the server, so that a lock held elsewhere cannot hold hark.
const SET_STATEMENT_TIMEOUT: &str = "SET statement_timeout = '30s'";

#[derive(Debug, Clone)]
pub struct PostgresStore {
    place: Place,
    pool: PgPool,
}

impl PostgresStore {
    /// Connects to `postgres://user:password@host:5432/database` and brings its tables up to date.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let options = parse(url)?;
        let place = Place::of(&options);
        // The first connection is made outside any pool, which would hide why it failed behind a timeout.
        let first = tokio::time::timeout(CONNECT_TIMEOUT, PgConnection::connect_with(&options)).await;
        let first = first.map_err(|late| place.unreachable(late))?.map_err(|error| place.connect_error(error))?;
        first.close().await.map_err(|error| place.connect_error(error))?;
        // Migrations have a pool to themselves, without the limit on how long a statement may take.
        let patient = PgPoolOptions::new().max_connections(1).connect_lazy_with(options.clone());
        migrations::run(&patient, &place).await?;
        patient.close().await;
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(CONNECT_TIMEOUT)
            .after_connect(|connection, _| {
                Box::pin(async move { sqlx::query(SET_STATEMENT_TIMEOUT).execute(connection).await.map(|_| ()) })
            })
            .connect_lazy_with(options);
        Ok(Self { place, pool })
    }

    /// At read committed, whatever the server's default: a statement that waited for a row sees it as it became.
    async fn begin(&self, step: &'static str) -> Result<Transaction<'static, Postgres>, StoreError> {
        let begun = self.pool.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await;
        begun.map_err(|error| self.place.write_error(step, error))
    }
}

fn parse(url: &str) -> Result<PgConnectOptions, StoreError> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        let source = "it does not start with postgres://".into();
        return Err(StoreError::Address { source });
    }
    PgConnectOptions::from_str(url).map_err(|error| StoreError::Address { source: error.into() })
}

#[async_trait]
impl Store for PostgresStore {
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
        let answer = sqlx::query("SELECT id FROM alerts LIMIT 1").fetch_optional(&self.pool).await;
        answer.map(|_| ()).map_err(|error| self.place.read_error("reach the database", error))
    }

    async fn close(&self) {
        self.pool.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        for url in ["", "alerts.db", "mysql://u:sesame@h/d", "postgres://u:sesame@h:port/d", "postgres://u:sesame@[h/d"]
        {
            let error = parse(url).expect_err("no address");
            assert!(matches!(error, StoreError::Address { .. }) && !format!("{error} {error:?}").contains("sesame"));
        }
    }
}
