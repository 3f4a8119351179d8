//! /api/v1/changes: deploys, configurations, models, experiments, holidays, incidents.

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use hark_model::{Change, ChangeId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::alerts::time;
use super::{bad_json, bad_query};
use crate::{AppState, Problem};

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list_changes, post_change))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Interval {
    #[param(format = DateTime)]
    from: Option<String>,
    #[param(format = DateTime)]
    to: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct ChangeList {
    changes: Vec<KnownChange>,
}

#[derive(Debug, Serialize, ToSchema)]
struct KnownChange {
    id: ChangeId,
    #[serde(flatten)]
    change: Change,
}

/// List changes
///
/// In order of time.
#[utoipa::path(
    get,
    path = "/api/v1/changes",
    params(Interval),
    responses((status = 200, body = ChangeList), (status = 400, body = Problem, content_type = "application/problem+json"))
)]
async fn list_changes(
    State(state): State<AppState>,
    interval: Result<Query<Interval>, QueryRejection>,
) -> Result<Json<ChangeList>, Problem> {
    let Query(interval) = interval.map_err(|rejection| bad_query(&rejection))?;
    let from = time(interval.from.as_deref())?.unwrap_or(Timestamp::from_millis(0));
    let to = time(interval.to.as_deref())?.unwrap_or(Timestamp::from_millis(i64::MAX));
    let changes = state.store.changes(from, to).await?;
    let changes = changes.into_iter().map(|(id, change)| KnownChange { id, change }).collect();
    Ok(Json(ChangeList { changes }))
}

/// Report a change
///
/// Sent twice it counts once. An incident has an `until` beside its `time`: between them what is seen of the traffic that it
/// can have touched is no evidence, and nothing is learned from it. `hark hindsight` does so for what was seen before.
#[utoipa::path(
    post,
    path = "/api/v1/changes",
    request_body = Change,
    responses(
        (status = 201, body = KnownChange),
        (status = 400, body = Problem, content_type = "application/problem+json"),
    )
)]
async fn post_change(
    State(state): State<AppState>,
    body: Result<Json<Change>, JsonRejection>,
) -> Result<(StatusCode, Json<KnownChange>), Problem> {
    let Json(change) = body.map_err(|rejection| bad_json(&rejection))?;
    change.check().map_err(|problem| Problem::bad_request(problem.to_string()))?;
    // First to disk, then to the detectors: what is answered with 201 survives a restart.
    state.store.save_changes(std::slice::from_ref(&change)).await?;
    state.engine.add_change(change.clone()).await?;
    Ok((StatusCode::CREATED, Json(KnownChange { id: change.id(), change })))
}
