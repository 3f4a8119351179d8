//! The tables `alerts` and `audit`.

use hark_model::{Alert, AlertId, Timestamp};
use hark_store::{
    AUDIT_ENTRIES_MAX, Act, Acts, AlertPage, AlertQuery, AlertRow, AlertScan, AuditEntry, Edge, INCIDENT_ALERTS_HALF,
    IncidentOutline, StoreError, StoredAlert, Whose, is_name,
};
use sqlx::query::QueryAs;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Sqlite, SqliteConnection};

use crate::SqliteStore;
use crate::errors::{read_error, write_error};
use crate::lists::statements;

const ACTS: &str = "SELECT acts FROM alerts WHERE id = ?1";

const UPSERT: &str = "
    INSERT INTO alerts (id, metric, opened_at_ms, status, document, owner, told, acts)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, '{}')
    ON CONFLICT (id) DO UPDATE SET
        metric = excluded.metric,
        opened_at_ms = excluded.opened_at_ms,
        status = excluded.status,
        document = excluded.document,
        owner = excluded.owner,
        told = excluded.told";

const ONE: &str = "SELECT id, document, acts FROM alerts WHERE id = ?1";

const INCIDENT_OLDEST: &str = "
    SELECT id, document, acts
    FROM alerts
    WHERE json_extract(document, '$.incident_id') = ?1
    ORDER BY opened_at_ms, id
    LIMIT ?2";

/// Of those that come after one (3, 4), the newest first.
const INCIDENT_NEWEST: &str = "
    SELECT id, document, acts
    FROM alerts
    WHERE json_extract(document, '$.incident_id') = ?1 AND (opened_at_ms, id) > (?3, ?4)
    ORDER BY opened_at_ms DESC, id DESC
    LIMIT ?2";

/// From the index alone, however many alerts there are.
const INCIDENT_OUTLINE: &str = "
    SELECT
        count(*),
        coalesce(sum(status = 'firing'), 0),
        coalesce(sum(status = 'acknowledged'), 0),
        coalesce(sum(status = 'silenced'), 0),
        (SELECT id FROM alerts WHERE json_extract(document, '$.incident_id') = ?1 ORDER BY opened_at_ms DESC, id LIMIT 1)
    FROM alerts
    WHERE json_extract(document, '$.incident_id') = ?1";

const SET_ACTS: &str = "UPDATE alerts SET status = ?2, acts = ?3, assignee = ?4, told = ?5 WHERE id = ?1";

const ADD_AUDIT: &str = "INSERT INTO audit (at_ms, who, what, subject) VALUES (?1, ?2, ?3, ?4)";

const AUDIT: &str = "SELECT at_ms, who, what, subject FROM audit WHERE subject = ?1 ORDER BY id DESC LIMIT ?2";

type Row = (String, String, String);

impl SqliteStore {
    pub(crate) async fn write_alerts(&self, alerts: &[Alert]) -> Result<(), StoreError> {
        const STEP: &str = "save the alerts";
        let failed = |error| write_error(&self.database, STEP, error);
        let rows = AlertRow::batch(alerts)?;
        let mut transaction = self.begin(STEP).await?;
        for row in &rows {
            let acts: Option<String> =
                sqlx::query_scalar(ACTS).bind(&row.id).fetch_optional(&mut *transaction).await.map_err(failed)?;
            let acts = acts.map_or(Ok(Acts::default()), |acts| Acts::read(&row.id, &acts))?;
            sqlx::query(UPSERT)
                .bind(&row.id)
                .bind(&row.metric)
                .bind(row.opened_at_ms)
                .bind(row.status(&acts))
                .bind(&row.document)
                .bind(&row.owner)
                .bind(row.told(&acts))
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
        }
        transaction.commit().await.map_err(failed)
    }

    pub(crate) async fn read_alert(&self, id: &AlertId) -> Result<Option<Alert>, StoreError> {
        if !is_name(&id.0) {
            return Ok(None);
        }
        let row: Option<Row> = sqlx::query_as(ONE)
            .bind(&id.0)
            .fetch_optional(&self.reader)
            .await
            .map_err(|error| read_error(&self.database, "read the alert", error))?;
        let stored = row.as_ref().map(decode).transpose()?;
        Ok(stored.map(StoredAlert::into_shown))
    }

    pub(crate) async fn list_alerts(&self, query: &AlertQuery) -> Result<AlertPage, StoreError> {
        let failed = |error| read_error(&self.database, "list the alerts", error);
        let scan = query.scan()?;
        let statements = statements(&scan);
        let Some(words) = scan.words() else {
            let page = sqlx::query_as(statements.page).bind(scan.first_ms).bind(scan.last_ms);
            let page = page.bind(scan.after_ms).bind(&scan.after_id).bind(scan.rows_max());
            let rows: Vec<Row> = filtered(page, &scan).fetch_all(&self.reader).await.map_err(failed)?;
            let stored = rows.iter().map(decode).collect::<Result<_, _>>()?;
            return Ok(scan.page(stored, None));
        };
        let edge = sqlx::query_as(statements.edge).bind(scan.first_ms).bind(scan.last_ms);
        let edge = edge.bind(scan.after_ms).bind(&scan.after_id).bind(scan.rows_before_edge());
        let edge: Edge = filtered(edge, &scan).fetch_optional(&self.reader).await.map_err(failed)?;
        let first_ms = edge.as_ref().map_or(scan.first_ms, |(opened_at_ms, _)| *opened_at_ms);
        let search = sqlx::query_as(statements.search).bind(first_ms).bind(scan.last_ms);
        let search = search.bind(scan.after_ms).bind(&scan.after_id).bind(scan.rows_max());
        let search = words.into_iter().fold(search.bind(edge.as_ref().map(|(_, id)| id)), QueryAs::bind);
        let rows: Vec<Row> = filtered(search, &scan).fetch_all(&self.reader).await.map_err(failed)?;
        let stored = rows.iter().map(decode).collect::<Result<_, _>>()?;
        Ok(scan.page(stored, edge))
    }

    pub(crate) async fn read_incident(&self, id: &str) -> Result<Vec<Alert>, StoreError> {
        let failed = |error| read_error(&self.database, "read the incident", error);
        if !is_name(id) {
            return Ok(Vec::new());
        }
        let half = INCIDENT_ALERTS_HALF;
        let oldest = sqlx::query_as(INCIDENT_OLDEST).bind(id).bind(half as i64);
        let oldest: Vec<Row> = oldest.fetch_all(&self.reader).await.map_err(failed)?;
        let mut alerts = oldest.iter().map(shown).collect::<Result<Vec<Alert>, _>>()?;
        if let Some(last) = alerts.last().filter(|_| alerts.len() == half) {
            let newest = sqlx::query_as(INCIDENT_NEWEST).bind(id).bind(half as i64);
            let newest = newest.bind(last.opened_at.millis()).bind(&last.id.0);
            let newest: Vec<Row> = newest.fetch_all(&self.reader).await.map_err(failed)?;
            alerts.extend(newest.iter().rev().map(shown).collect::<Result<Vec<Alert>, _>>()?);
        }
        Ok(alerts)
    }

    pub(crate) async fn read_incident_outline(&self, id: &str) -> Result<Option<IncidentOutline>, StoreError> {
        if !is_name(id) {
            return Ok(None);
        }
        let (alerts, firing, acknowledged, silenced, newest) = sqlx::query_as(INCIDENT_OUTLINE)
            .bind(id)
            .fetch_one(&self.reader)
            .await
            .map_err(|error| read_error(&self.database, "read how the incident stands", error))?;
        Ok(IncidentOutline::new(alerts, [firing, acknowledged, silenced], newest))
    }

    pub(crate) async fn write_act(
        &self,
        id: &AlertId,
        act: Act<'_>,
        at: Timestamp,
    ) -> Result<Option<Alert>, StoreError> {
        const STEP: &str = "record what was done to the alert";
        let failed = |error| write_error(&self.database, STEP, error);
        act.check()?;
        if !is_name(&id.0) {
            return Ok(None);
        }
        let mut transaction = self.begin(STEP).await?;
        let row: Option<Row> =
            sqlx::query_as(ONE).bind(&id.0).fetch_optional(&mut *transaction).await.map_err(failed)?;
        let Some(row) = row else { return Ok(None) };
        let mut stored = decode(&row)?;
        if stored.add(act, at)? {
            let acts = stored.acts_document()?;
            sqlx::query(SET_ACTS)
                .bind(&id.0)
                .bind(stored.status())
                .bind(acts)
                .bind(stored.assignee())
                .bind(stored.told())
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
            add_audit(&mut transaction, id, act, at).await.map_err(failed)?;
            transaction.commit().await.map_err(failed)?;
        }
        Ok(Some(stored.into_shown()))
    }

    pub(crate) async fn read_audit(&self, subject: &str) -> Result<Vec<AuditEntry>, StoreError> {
        if !is_name(subject) {
            return Ok(Vec::new());
        }
        let rows: Vec<(i64, Option<String>, String, String)> = sqlx::query_as(AUDIT)
            .bind(subject)
            .bind(AUDIT_ENTRIES_MAX)
            .fetch_all(&self.reader)
            .await
            .map_err(|error| read_error(&self.database, "read the audit", error))?;
        let entries = rows.into_iter().rev();
        Ok(entries
            .map(|(at_ms, who, what, subject)| AuditEntry { at: Timestamp::from_millis(at_ms), who, what, subject })
            .collect())
    }
}

/// With the values that the filters of the list take, in their order.
fn filtered<'q, T>(
    list: QueryAs<'q, Sqlite, T, SqliteArguments>,
    scan: &'q AlertScan,
) -> QueryAs<'q, Sqlite, T, SqliteArguments> {
    let whose = scan.whose.as_ref().map(Whose::name);
    let given = [whose, scan.status, scan.metric.as_deref()].into_iter().flatten();
    given.fold(list, QueryAs::bind)
}

fn decode((id, document, acts): &Row) -> Result<StoredAlert, StoreError> {
    StoredAlert::read(id, document, acts)
}

fn shown(row: &Row) -> Result<Alert, StoreError> {
    decode(row).map(StoredAlert::into_shown)
}

async fn add_audit(
    connection: &mut SqliteConnection,
    id: &AlertId,
    act: Act<'_>,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    let insert = sqlx::query(ADD_AUDIT).bind(at.millis()).bind(act.who()).bind(act.name()).bind(&id.0);
    insert.execute(connection).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::AssertSqlSafe;

    #[tokio::test]
    async fn an_incident_is_read_along_its_index() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open(folder.path().join("alerts.db")).await.expect("opens");
        let plans = [
            (INCIDENT_OLDEST, "INDEX alerts_incident_idx", 1),
            (INCIDENT_NEWEST, "INDEX alerts_incident_idx", 1),
            // The last one of a time is found among those of that time.
            (INCIDENT_OUTLINE, "COVERING INDEX alerts_incident_idx", 4),
        ];
        for (sql, index, steps_max) in plans {
            let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
            let steps: Vec<(i64, i64, i64, String)> =
                sqlx::query_as(explain).fetch_all(&store.reader).await.expect("a plan");
            assert!(steps.len() <= steps_max && steps[0].3.contains(index), "{sql}: {steps:?}");
        }
    }
}
