//! The table `models`, and what of `audit` is about it.

use hark_model::ModelVersion;
use hark_store::{MODEL_VERSIONS_MAX, ModelAct, ModelRow, StoreError};

use crate::SqliteStore;
use crate::errors::{read_error, write_error};

const UPSERT: &str = "
    INSERT INTO models (metric, detector, number, document)
    VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (metric, detector, number) DO UPDATE SET document = excluded.document";

const LIST: &str = "
    SELECT metric, document
    FROM models AS one
    WHERE ?1 > (SELECT count(*) FROM models WHERE metric = one.metric AND detector = one.detector AND number > one.number)
    ORDER BY metric, detector, number DESC";

const ADD_AUDIT: &str = "INSERT INTO audit (at_ms, who, what, subject) VALUES (?1, ?2, ?3, ?4)";

impl SqliteStore {
    pub(crate) async fn write_models(&self, versions: &[ModelVersion]) -> Result<(), StoreError> {
        const STEP: &str = "save the models";
        let failed = |error| write_error(&self.database, STEP, error);
        let rows = ModelRow::batch(versions)?;
        let mut transaction = self.begin(STEP).await?;
        for row in &rows {
            sqlx::query(UPSERT)
                .bind(&row.metric)
                .bind(&row.detector)
                .bind(row.number)
                .bind(&row.document)
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
        }
        transaction.commit().await.map_err(failed)
    }

    pub(crate) async fn read_models(&self) -> Result<Vec<ModelVersion>, StoreError> {
        let rows: Vec<(String, String)> = sqlx::query_as(LIST)
            .bind(MODEL_VERSIONS_MAX)
            .fetch_all(&self.reader)
            .await
            .map_err(|error| read_error(&self.database, "read the models", error))?;
        rows.into_iter().map(|(metric, document)| ModelRow::read(&metric, &document)).collect()
    }

    pub(crate) async fn write_model_act(&self, act: ModelAct<'_>) -> Result<(), StoreError> {
        const STEP: &str = "note what was ordered";
        let failed = |error| write_error(&self.database, STEP, error);
        act.check()?;
        let mut transaction = self.begin(STEP).await?;
        sqlx::query(ADD_AUDIT)
            .bind(act.at.millis())
            .bind(act.who_text())
            .bind(act.what())
            .bind(act.metric)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        transaction.commit().await.map_err(failed)
    }
}
