//! The tables `alerts` and `audit`.

use hark_model::{Alert, AlertId, Timestamp};
use hark_store::{
    AUDIT_ENTRIES_MAX, Act, Acts, AlertPage, AlertQuery, AlertRow, AuditEntry, INCIDENT_ALERTS_MAX, StoreError,
    StoredAlert, Whose, is_name,
};
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{PgConnection, Postgres};

use crate::PostgresStore;

/// No row can vanish, so that after this there is one: ours, or one that came before and can be locked.
const INSERT: &str = "
    INSERT INTO alerts (id, metric, opened_at_ms, status, document, owner, acts)
    VALUES ($1, $2, $3, $4, $5::jsonb, $6, '{}')
    ON CONFLICT ON CONSTRAINT alerts_pkey DO NOTHING";

const LOCK_ACTS: &str = "SELECT acts::text FROM alerts WHERE id = $1 FOR UPDATE";

const UPDATE: &str = "
    UPDATE alerts
    SET metric = $2, opened_at_ms = $3, status = $4, document = $5::jsonb, owner = $6
    WHERE id = $1";

const ONE: &str = "SELECT id, document::text, acts::text FROM alerts WHERE id = $1";

const LOCK_ONE: &str = "SELECT id, document::text, acts::text FROM alerts WHERE id = $1 FOR UPDATE";

const INCIDENT: &str = "
    SELECT id, document::text, acts::text
    FROM alerts
    WHERE md5(document ->> 'incident_id') = md5($1) AND document ->> 'incident_id' = $1
    ORDER BY opened_at_ms, id
    LIMIT $2";

/// A statement for each combination of filters: one that leaves some open at run time could use none of their indexes.
macro_rules! list {
    ($($filter:literal)*) => {
        concat!(
            "SELECT id, document::text, acts::text FROM alerts",
            " WHERE opened_at_ms BETWEEN $1 AND $2 AND (opened_at_ms < $3 OR id > $4)",
            $(" AND ", $filter,)*
            " ORDER BY opened_at_ms DESC, id LIMIT $5"
        )
    };
}

const LIST: &str = list!();
const LIST_STATUS: &str = list!("status = $6");
const LIST_METRIC: &str = list!("metric = $6");
const LIST_STATUS_METRIC: &str = list!("status = $6" "metric = $7");
const LIST_OWNER: &str = list!("owner = $6");
const LIST_OWNER_STATUS: &str = list!("owner = $6" "status = $7");
const LIST_OWNER_METRIC: &str = list!("owner = $6" "metric = $7");
const LIST_OWNER_STATUS_METRIC: &str = list!("owner = $6" "status = $7" "metric = $8");
const LIST_ASSIGNEE: &str = list!("assignee = $6");
const LIST_ASSIGNEE_STATUS: &str = list!("assignee = $6" "status = $7");
const LIST_ASSIGNEE_METRIC: &str = list!("assignee = $6" "metric = $7");
const LIST_ASSIGNEE_STATUS_METRIC: &str = list!("assignee = $6" "status = $7" "metric = $8");

/// The statement for these filters; it takes whose they are, then the status, then the metric, as far as they are given.
fn list_for(whose: Option<&Whose>, by_status: bool, by_metric: bool) -> &'static str {
    match (whose, by_status, by_metric) {
        (None, false, false) => LIST,
        (None, true, false) => LIST_STATUS,
        (None, false, true) => LIST_METRIC,
        (None, true, true) => LIST_STATUS_METRIC,
        (Some(Whose::Owner(_)), false, false) => LIST_OWNER,
        (Some(Whose::Owner(_)), true, false) => LIST_OWNER_STATUS,
        (Some(Whose::Owner(_)), false, true) => LIST_OWNER_METRIC,
        (Some(Whose::Owner(_)), true, true) => LIST_OWNER_STATUS_METRIC,
        (Some(Whose::Assignee(_)), false, false) => LIST_ASSIGNEE,
        (Some(Whose::Assignee(_)), true, false) => LIST_ASSIGNEE_STATUS,
        (Some(Whose::Assignee(_)), false, true) => LIST_ASSIGNEE_METRIC,
        (Some(Whose::Assignee(_)), true, true) => LIST_ASSIGNEE_STATUS_METRIC,
    }
}

const SET_ACTS: &str = "UPDATE alerts SET status = $2, acts = $3::jsonb, assignee = $4 WHERE id = $1";

const ADD_AUDIT: &str = "INSERT INTO audit (at_ms, who, what, subject) VALUES ($1, $2, $3, $4)";

const AUDIT: &str = "SELECT at_ms, who, what, subject FROM audit WHERE subject = $1 ORDER BY id DESC LIMIT $2";

type Row = (String, String, String);

impl PostgresStore {
    pub(crate) async fn write_alerts(&self, alerts: &[Alert]) -> Result<(), StoreError> {
        const STEP: &str = "save the alerts";
        let failed = |error| self.place.write_error(STEP, error);
        let rows = AlertRow::batch(alerts)?;
        let mut transaction = self.begin(STEP).await?;
        for row in &rows {
            let fresh = write(INSERT, row, &Acts::default()).execute(&mut *transaction).await.map_err(failed)?;
            if fresh.rows_affected() == 0 {
                let acts: String =
                    sqlx::query_scalar(LOCK_ACTS).bind(&row.id).fetch_one(&mut *transaction).await.map_err(failed)?;
                let acts = Acts::read(&row.id, &acts)?;
                write(UPDATE, row, &acts).execute(&mut *transaction).await.map_err(failed)?;
            }
        }
        transaction.commit().await.map_err(failed)
    }

    pub(crate) async fn read_alert(&self, id: &AlertId) -> Result<Option<Alert>, StoreError> {
        if !is_name(&id.0) {
            return Ok(None);
        }
        let row: Option<Row> = sqlx::query_as(ONE)
            .bind(&id.0)
            .fetch_optional(&self.pool)
            .await
            .map_err(|error| self.place.read_error("read the alert", error))?;
        let stored = row.as_ref().map(decode).transpose()?;
        Ok(stored.map(StoredAlert::into_shown))
    }

    pub(crate) async fn list_alerts(&self, query: &AlertQuery) -> Result<AlertPage, StoreError> {
        let scan = query.scan()?;
        let sql = list_for(scan.whose.as_ref(), scan.status.is_some(), scan.metric.is_some());
        let mut list = sqlx::query_as(sql)
            .bind(scan.first_ms)
            .bind(scan.last_ms)
            .bind(scan.after_ms)
            .bind(&scan.after_id)
            .bind(scan.rows_max());
        if let Some(Whose::Owner(name) | Whose::Assignee(name)) = &scan.whose {
            list = list.bind(name);
        }
        if let Some(status) = scan.status {
            list = list.bind(status);
        }
        if let Some(metric) = &scan.metric {
            list = list.bind(metric);
        }
        let rows: Vec<Row> =
            list.fetch_all(&self.pool).await.map_err(|error| self.place.read_error("list the alerts", error))?;
        let stored = rows.iter().map(decode).collect::<Result<_, _>>()?;
        Ok(scan.page(stored))
    }

    pub(crate) async fn read_incident(&self, id: &str) -> Result<Vec<Alert>, StoreError> {
        if !is_name(id) {
            return Ok(Vec::new());
        }
        let rows: Vec<Row> = sqlx::query_as(INCIDENT)
            .bind(id)
            .bind(INCIDENT_ALERTS_MAX)
            .fetch_all(&self.pool)
            .await
            .map_err(|error| self.place.read_error("read the incident", error))?;
        rows.iter().map(|row| decode(row).map(StoredAlert::into_shown)).collect()
    }

    pub(crate) async fn write_act(
        &self,
        id: &AlertId,
        act: Act<'_>,
        at: Timestamp,
    ) -> Result<Option<Alert>, StoreError> {
        const STEP: &str = "record what was done to the alert";
        let failed = |error| self.place.write_error(STEP, error);
        act.check()?;
        if !is_name(&id.0) {
            return Ok(None);
        }
        let mut transaction = self.begin(STEP).await?;
        let row: Option<Row> =
            sqlx::query_as(LOCK_ONE).bind(&id.0).fetch_optional(&mut *transaction).await.map_err(failed)?;
        let Some(row) = row else { return Ok(None) };
        let mut stored = decode(&row)?;
        if stored.add(act, at)? {
            let acts = stored.acts_document()?;
            sqlx::query(SET_ACTS)
                .bind(&id.0)
                .bind(stored.status())
                .bind(acts)
                .bind(stored.assignee())
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
            .fetch_all(&self.pool)
            .await
            .map_err(|error| self.place.read_error("read the audit", error))?;
        let entries = rows.into_iter().rev();
        Ok(entries
            .map(|(at_ms, who, what, subject)| AuditEntry { at: Timestamp::from_millis(at_ms), who, what, subject })
            .collect())
    }
}

/// [`INSERT`] or [`UPDATE`], which take the same values.
fn write<'q>(sql: &'static str, row: &'q AlertRow, acts: &Acts) -> Query<'q, Postgres, PgArguments> {
    let bound = sqlx::query(sql).bind(&row.id).bind(&row.metric).bind(row.opened_at_ms);
    bound.bind(row.status(acts)).bind(&row.document).bind(&row.owner)
}

fn decode((id, document, acts): &Row) -> Result<StoredAlert, StoreError> {
    StoredAlert::read(id, document, acts)
}

async fn add_audit(
    connection: &mut PgConnection,
    id: &AlertId,
    act: Act<'_>,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    let insert = sqlx::query(ADD_AUDIT).bind(at.millis()).bind(act.who()).bind(act.name()).bind(&id.0);
    insert.execute(connection).await.map(|_| ())
}
