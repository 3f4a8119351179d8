//! The table `silences`, and what of `audit` is about it.

use hark_model::{Silence, Timestamp};
use hark_store::{SILENCES_MAX, SilenceChange, SilenceRow, StoreError};

use crate::PostgresStore;

const UPSERT: &str = "
    INSERT INTO silences (id, until_ms, document)
    VALUES ($1, $2, $3::jsonb)
    ON CONFLICT ON CONSTRAINT silences_pkey DO UPDATE SET until_ms = excluded.until_ms, document = excluded.document";

const LIST: &str = "
    SELECT id, document::text
    FROM silences
    WHERE until_ms > $1
    ORDER BY until_ms DESC, id
    LIMIT $2";

const ADD_AUDIT: &str = "INSERT INTO audit (at_ms, who, what, subject) VALUES ($1, $2, $3, $4)";

impl PostgresStore {
    pub(crate) async fn write_silence(&self, change: SilenceChange<'_>) -> Result<(), StoreError> {
        const STEP: &str = "save the silence";
        let failed = |error| self.place.write_error(STEP, error);
        let row = change.row()?;
        let mut transaction = self.begin(STEP).await?;
        sqlx::query(UPSERT)
            .bind(&row.id)
            .bind(row.until_ms)
            .bind(&row.document)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        sqlx::query(ADD_AUDIT)
            .bind(change.at.millis())
            .bind(change.who_text())
            .bind(change.what())
            .bind(&row.id)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        transaction.commit().await.map_err(failed)
    }

    pub(crate) async fn read_silences(&self, after: Timestamp) -> Result<Vec<Silence>, StoreError> {
        let rows: Vec<(String, String)> = sqlx::query_as(LIST)
            .bind(after.millis())
            .bind(SILENCES_MAX)
            .fetch_all(&self.pool)
            .await
            .map_err(|error| self.place.read_error("read the silences", error))?;
        rows.iter().map(|(id, document)| SilenceRow::read(id, document)).collect()
    }
}
