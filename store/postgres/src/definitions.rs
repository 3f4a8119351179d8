//! The table `definitions`, and the whole of `audit`.

use hark_model::Timestamp;
use hark_store::{
    AUDIT_ENTRIES_MAX, AuditEntry, DEFINITIONS_MAX, DefinitionChange, DefinitionVersion, StoreError, is_name,
};

use crate::PostgresStore;

const NEXT: &str = "SELECT coalesce(max(version), 0) + 1 FROM definitions WHERE name = $1";

const INSERT: &str = "INSERT INTO definitions (name, version, at_ms, who, document) VALUES ($1, $2, $3, $4, $5)";

const CURRENT: &str = "
    SELECT name, version, at_ms, who, document
    FROM definitions AS one
    WHERE document IS NOT NULL AND version = (SELECT max(version) FROM definitions WHERE name = one.name)
    ORDER BY name
    LIMIT $1";

const HISTORY: &str = "
    SELECT name, version, at_ms, who, document
    FROM definitions
    WHERE name = $1
    ORDER BY version DESC
    LIMIT $2";

const ADD_AUDIT: &str = "INSERT INTO audit (at_ms, who, what, subject) VALUES ($1, $2, $3, $4)";

const RECENT: &str = "SELECT at_ms, who, what, subject FROM audit ORDER BY id DESC LIMIT $1";

/// Two that save at once take turns, so that each gets a number of its own.
const LOCK: &str = "LOCK TABLE definitions IN SHARE ROW EXCLUSIVE MODE";

type Row = (String, i64, i64, String, Option<String>);

impl PostgresStore {
    pub(crate) async fn write_definition(&self, change: DefinitionChange<'_>) -> Result<i64, StoreError> {
        const STEP: &str = "save the definition";
        let failed = |error| self.place.write_error(STEP, error);
        change.check()?;
        let who = change.who_text();
        let mut transaction = self.begin(STEP).await?;
        sqlx::query(LOCK).execute(&mut *transaction).await.map_err(failed)?;
        let version: i64 =
            sqlx::query_scalar(NEXT).bind(change.name).fetch_one(&mut *transaction).await.map_err(failed)?;
        sqlx::query(INSERT)
            .bind(change.name)
            .bind(version)
            .bind(change.at.millis())
            .bind(&who)
            .bind(change.document)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        sqlx::query(ADD_AUDIT)
            .bind(change.at.millis())
            .bind(&who)
            .bind(change.what())
            .bind(change.name)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        Ok(version)
    }

    pub(crate) async fn read_definitions(&self) -> Result<Vec<DefinitionVersion>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(CURRENT)
            .bind(DEFINITIONS_MAX)
            .fetch_all(&self.pool)
            .await
            .map_err(|error| self.place.read_error("read the definitions", error))?;
        Ok(rows.into_iter().map(version).collect())
    }

    pub(crate) async fn read_definition_history(&self, name: &str) -> Result<Vec<DefinitionVersion>, StoreError> {
        if !is_name(name) {
            return Ok(Vec::new());
        }
        let rows: Vec<Row> = sqlx::query_as(HISTORY)
            .bind(name)
            .bind(DEFINITIONS_MAX)
            .fetch_all(&self.pool)
            .await
            .map_err(|error| self.place.read_error("read the definition", error))?;
        Ok(rows.into_iter().map(version).collect())
    }

    pub(crate) async fn read_recent_audit(&self, limit: i64) -> Result<Vec<AuditEntry>, StoreError> {
        let rows: Vec<(i64, Option<String>, String, String)> = sqlx::query_as(RECENT)
            .bind(limit.clamp(0, AUDIT_ENTRIES_MAX))
            .fetch_all(&self.pool)
            .await
            .map_err(|error| self.place.read_error("read the audit", error))?;
        let entry = |(at_ms, who, what, subject)| AuditEntry { at: Timestamp::from_millis(at_ms), who, what, subject };
        Ok(rows.into_iter().map(entry).collect())
    }
}

fn version((name, version, at_ms, who, document): Row) -> DefinitionVersion {
    DefinitionVersion { name, version, at: Timestamp::from_millis(at_ms), who, document }
}
