//! /api/v1/models: what judges, in which version, and the way back to the one before.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use hark_model::{ModelVersion, Timestamp};
use hark_store::RollBack;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::bad_json;
use crate::{AppState, DetectorEntry, Problem};

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list_models)).routes(routes!(roll_back_model))
}

#[derive(Debug, Serialize, ToSchema)]
struct Models {
    /// Every detector there is.
    detectors: Vec<DetectorEntry>,
    /// Of those that are trained, every version, in the order of their metrics, the newest first.
    versions: Vec<ModelVersion>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct By {
    /// Who goes back.
    by: String,
}

/// Detectors, and the versions of those that are trained
#[utoipa::path(get, path = "/api/v1/models", responses((status = 200, body = Models)))]
async fn list_models(State(state): State<AppState>) -> Result<Json<Models>, Problem> {
    Ok(Json(Models { detectors: state.engine.detectors(), versions: state.store.models().await? }))
}

/// Go back to the model before
///
/// The version that was active before judges the metric again; the active one is not come back to. It holds from the next step on, and
/// the list follows within seconds.
#[utoipa::path(
    post,
    path = "/api/v1/models/{metric}/rollback",
    params(("metric" = String, Path)),
    request_body = By,
    responses((status = 200, body = Models), (status = 400, body = Problem, content_type = "application/problem+json"))
)]
async fn roll_back_model(
    State(state): State<AppState>,
    Path(metric): Path<String>,
    by: Result<Json<By>, JsonRejection>,
) -> Result<Json<Models>, Problem> {
    let Json(By { by }) = by.map_err(|rejection| bad_json(&rejection))?;
    let roll_back = RollBack { metric: &metric, who: &by, at: Timestamp::now() };
    roll_back.check()?;
    state.engine.roll_back_model(&metric, &by).await.map_err(Problem::bad_request)?;
    state.store.note_roll_back(roll_back).await?;
    list_models(State(state)).await
}
