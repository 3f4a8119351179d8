//! The table `changes`.

use hark_model::{Change, ChangeId, Timestamp};
use hark_store::{CHANGES_MAX, ChangeRow, StoreError};

use crate::SqliteStore;
use crate::errors::{read_error, write_error};

const UPSERT: &str = "
    INSERT INTO changes (id, time_ms, document)
    VALUES (?1, ?2, ?3)
    ON CONFLICT (id) DO UPDATE SET time_ms = excluded.time_ms, document = excluded.document";

const LIST: &str = "
    SELECT id, document
    FROM changes
    WHERE time_ms BETWEEN ?1 AND ?2
    ORDER BY time_ms DESC, id DESC
    LIMIT ?3";

impl SqliteStore {
    pub(crate) async fn write_changes(&self, changes: &[Change]) -> Result<(), StoreError> {
        const STEP: &str = "save the changes";
        let failed = |error| write_error(&self.database, STEP, error);
        let rows = ChangeRow::batch(changes)?;
        let mut transaction = self.begin(STEP).await?;
        for row in &rows {
            sqlx::query(UPSERT)
                .bind(&row.id)
                .bind(row.time_ms)
                .bind(&row.document)
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
        }
        transaction.commit().await.map_err(failed)
    }

    pub(crate) async fn read_changes(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<(ChangeId, Change)>, StoreError> {
        let (first_ms, last_ms) = ChangeRow::bounds(from, to);
        let rows: Vec<(String, String)> = sqlx::query_as(LIST)
            .bind(first_ms)
            .bind(last_ms)
            .bind(CHANGES_MAX)
            .fetch_all(&self.reader)
            .await
            .map_err(|error| read_error(&self.database, "read the changes", error))?;
        rows.into_iter().rev().map(|(id, document)| ChangeRow::read(id, &document)).collect()
    }
}
