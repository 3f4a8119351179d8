//! The table `imported_models`, and what of `audit` is about it.

use hark_model::ImportedModel;
use hark_store::{IMPORTED_VERSIONS_MAX, ImportedRemoval, ImportedRow, StoreError};

use crate::SqliteStore;
use crate::errors::{read_error, write_error};

/// The checksum of one that was removed is that of none.
const NEWEST: &str = "
    SELECT number, CASE WHEN removed_at_ms IS NULL THEN checksum ELSE '' END
    FROM imported_models
    WHERE name = ?1
    ORDER BY number DESC
    LIMIT 1";

const INSERT: &str = "
    INSERT INTO imported_models (name, number, checksum, document)
    VALUES (?1, ?2, ?3, ?4)";

const LIST: &str = "
    SELECT name, number, document
    FROM imported_models AS one
    WHERE removed_at_ms IS NULL
        AND ?1 > (
            SELECT count(*)
            FROM imported_models
            WHERE name = one.name AND number > one.number AND removed_at_ms IS NULL
        )
    ORDER BY name, number DESC";

const REMOVE: &str = "
    UPDATE imported_models
    SET removed_at_ms = ?3
    WHERE name = ?1 AND (?2 IS NULL OR number = ?2) AND removed_at_ms IS NULL
    RETURNING name, number, document";

const HAS: &str = "SELECT EXISTS (SELECT 1 FROM imported_models WHERE checksum = ?1 AND removed_at_ms IS NULL)";

const ADD_AUDIT: &str = "INSERT INTO audit (at_ms, who, what, subject) VALUES (?1, ?2, ?3, ?4)";

impl SqliteStore {
    pub(crate) async fn write_imported_model(&self, model: &ImportedModel) -> Result<u32, StoreError> {
        const STEP: &str = "keep the model";
        let failed = |error| write_error(&self.database, STEP, error);
        let row = ImportedRow::new(model)?;
        let mut transaction = self.begin(STEP).await?;
        let newest: Option<(i64, String)> =
            sqlx::query_as(NEWEST).bind(&row.name).fetch_optional(&mut *transaction).await.map_err(failed)?;
        let number = match newest {
            Some((number, checksum)) if checksum == row.checksum => number,
            newest => {
                let number = newest.map_or(0, |(number, _)| number) + 1;
                sqlx::query(INSERT)
                    .bind(&row.name)
                    .bind(number)
                    .bind(&row.checksum)
                    .bind(&row.document)
                    .execute(&mut *transaction)
                    .await
                    .map_err(failed)?;
                sqlx::query(ADD_AUDIT)
                    .bind(row.at_ms)
                    .bind(&row.who)
                    .bind(ImportedRow::WHAT)
                    .bind(&row.name)
                    .execute(&mut *transaction)
                    .await
                    .map_err(failed)?;
                number
            }
        };
        transaction.commit().await.map_err(failed)?;
        Ok(u32::try_from(number).unwrap_or(u32::MAX))
    }

    pub(crate) async fn drop_imported_models(
        &self,
        removal: ImportedRemoval<'_>,
    ) -> Result<Vec<ImportedModel>, StoreError> {
        const STEP: &str = "remove the model";
        let failed = |error| write_error(&self.database, STEP, error);
        removal.check()?;
        let mut transaction = self.begin(STEP).await?;
        let rows: Vec<(String, i64, String)> = sqlx::query_as(REMOVE)
            .bind(removal.name)
            .bind(removal.number.map(i64::from))
            .bind(removal.at.millis())
            .fetch_all(&mut *transaction)
            .await
            .map_err(failed)?;
        if !rows.is_empty() {
            sqlx::query(ADD_AUDIT)
                .bind(removal.at.millis())
                .bind(removal.who_text())
                .bind(ImportedRemoval::WHAT)
                .bind(removal.name)
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
        }
        transaction.commit().await.map_err(failed)?;
        rows.iter().map(|(name, number, document)| ImportedRow::read(name, *number, document)).collect()
    }

    pub(crate) async fn read_imported_models(&self) -> Result<Vec<ImportedModel>, StoreError> {
        let rows: Vec<(String, i64, String)> = sqlx::query_as(LIST)
            .bind(IMPORTED_VERSIONS_MAX)
            .fetch_all(&self.reader)
            .await
            .map_err(|error| read_error(&self.database, "read the imported models", error))?;
        rows.iter().map(|(name, number, document)| ImportedRow::read(name, *number, document)).collect()
    }

    pub(crate) async fn has_imported(&self, checksum: &str) -> Result<bool, StoreError> {
        let found = sqlx::query_scalar(HAS).bind(checksum).fetch_one(&self.reader).await;
        found.map_err(|error| read_error(&self.database, "look for an imported model", error))
    }
}
