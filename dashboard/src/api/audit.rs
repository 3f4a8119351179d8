//! GET /api/v1/audit: what people did, to anything, newest first.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use hark_model::Timestamp;
use hark_store::AuditEntry;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::bad_query;
use crate::{AppState, Problem};

const LIMIT_DEFAULT: u32 = 100;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list_audit))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AuditParams {
    /// The id of an alert or the name of a metric; everything where it is left out.
    subject: Option<String>,
    /// 1 to 1000; 100 where it is left out.
    limit: Option<u32>,
}

#[derive(Debug, Serialize, ToSchema)]
struct AuditLog {
    entries: Vec<AuditLine>,
}

#[derive(Debug, Serialize, ToSchema)]
struct AuditLine {
    at: Timestamp,
    /// Null where nobody was named.
    who: Option<String>,
    /// acknowledge, resolve, feedback, define and so on.
    what: String,
    subject: String,
}

/// The audit log
#[utoipa::path(
    get,
    path = "/api/v1/audit",
    params(AuditParams),
    responses((status = 200, body = AuditLog), (status = 400, body = Problem, content_type = "application/problem+json"))
)]
async fn list_audit(
    State(state): State<AppState>,
    params: Result<Query<AuditParams>, QueryRejection>,
) -> Result<Json<AuditLog>, Problem> {
    let Query(AuditParams { subject, limit }) = params.map_err(|rejection| bad_query(&rejection))?;
    let limit = limit.unwrap_or(LIMIT_DEFAULT);
    if !(1..=1000).contains(&limit) {
        return Err(Problem::bad_request(format!("limit is {limit}; it must be 1 to 1000")));
    }
    let entries = match subject.as_deref() {
        None | Some("") => state.store.recent_audit(i64::from(limit)).await?,
        Some(subject) => {
            let mut entries = state.store.audit(subject).await?;
            entries.reverse();
            entries.truncate(limit as usize);
            entries
        }
    };
    let line = |AuditEntry { at, who, what, subject }| AuditLine { at, who, what, subject };
    Ok(Json(AuditLog { entries: entries.into_iter().map(line).collect() }))
}
