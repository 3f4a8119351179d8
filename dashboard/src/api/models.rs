//! /api/v1/models: what judges, in which version; a new one, the next step of what is on trial, the way back.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use hark_model::{ImportedModel, ModelOrder, ModelVersion, Timestamp};
use hark_store::ModelAct;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::bad_json;
use crate::{AppState, DetectorEntry, Problem};

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_models))
        .routes(routes!(train_model))
        .routes(routes!(promote_model))
        .routes(routes!(roll_back_model))
}

#[derive(Debug, Serialize, ToSchema)]
struct Models {
    /// Every detector there is.
    detectors: Vec<DetectorEntry>,
    /// Of those that are trained, every version, in the order of their metrics, the newest first.
    versions: Vec<ModelVersion>,
    /// Models that were made elsewhere, by name, the newest version of each first.
    imported: Vec<ImportedModel>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Order {
    /// Who orders it.
    by: String,
    /// Which of the metric's models, as `versions` name it; `isolation_forest` where nothing is said.
    detector: Option<String>,
}

/// What an order is about that names no model.
const DETECTOR: &str = "isolation_forest";

type Asked = Result<Json<Order>, JsonRejection>;

/// Detectors, and the versions of those that are trained
#[utoipa::path(get, path = "/api/v1/models", responses((status = 200, body = Models)))]
async fn list_models(State(state): State<AppState>) -> Result<Json<Models>, Problem> {
    let (versions, mut imported) = (state.store.models().await?, state.store.imported_models().await?);
    imported.sort_by(|a, b| a.name.cmp(&b.name).then(b.number.cmp(&a.number)));
    Ok(Json(Models { detectors: state.engine.detectors(), versions, imported }))
}

/// Train a model now
///
/// The next version is trained on the quiet hours known so far, as it is by its schedule, and begins its trial.
#[utoipa::path(
    post,
    path = "/api/v1/models/{metric}/train",
    params(("metric" = String, Path)),
    request_body = Order,
    responses((status = 200, body = Models), (status = 400, body = Problem, content_type = "application/problem+json"))
)]
async fn train_model(state: State<AppState>, metric: Path<String>, asked: Asked) -> Result<Json<Models>, Problem> {
    order(state, metric, asked, ModelOrder::Train).await
}

/// Promote the model on trial
///
/// One step on without waiting for its gate: from shadow to one series in four, from there to all.
#[utoipa::path(
    post,
    path = "/api/v1/models/{metric}/promote",
    params(("metric" = String, Path)),
    request_body = Order,
    responses((status = 200, body = Models), (status = 400, body = Problem, content_type = "application/problem+json"))
)]
async fn promote_model(state: State<AppState>, metric: Path<String>, asked: Asked) -> Result<Json<Models>, Problem> {
    order(state, metric, asked, ModelOrder::Promote).await
}

/// Go back to the model before
///
/// The version that was active before judges the metric again; the active one is not come back to. It holds from the next step on, and
/// the list follows within seconds.
#[utoipa::path(
    post,
    path = "/api/v1/models/{metric}/rollback",
    params(("metric" = String, Path)),
    request_body = Order,
    responses((status = 200, body = Models), (status = 400, body = Problem, content_type = "application/problem+json"))
)]
async fn roll_back_model(state: State<AppState>, metric: Path<String>, asked: Asked) -> Result<Json<Models>, Problem> {
    order(state, metric, asked, ModelOrder::RollBack).await
}

async fn order(
    State(state): State<AppState>,
    Path(metric): Path<String>,
    asked: Asked,
    order: ModelOrder,
) -> Result<Json<Models>, Problem> {
    let Json(Order { by, detector }) = asked.map_err(|rejection| bad_json(&rejection))?;
    let detector = detector.as_deref().unwrap_or(DETECTOR);
    let act = ModelAct { metric: &metric, detector, order, who: &by, at: Timestamp::now() };
    act.check()?;
    state.engine.order_model(&metric, detector, order, &by).await.map_err(Problem::bad_request)?;
    state.store.note_model_act(act).await?;
    list_models(State(state)).await
}
