//! POST /api/v1/query: read-only SQL over events and cells.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{AppState, Problem, QueryAnswer, QueryQuestion};

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(post_query))
}

/// Ask by SQL
///
/// One SELECT over `events`, `cells_minute` and `cells_hour`. What was acknowledged a second ago is in it.
#[utoipa::path(
    post,
    path = "/api/v1/query",
    request_body = QueryQuestion,
    responses(
        (status = 200, body = QueryAnswer),
        (status = 400, description = "The query cannot be understood or is not allowed", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The query took too long or history cannot be read", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn post_query(
    State(state): State<AppState>,
    question: Result<Json<QueryQuestion>, JsonRejection>,
) -> Result<Json<QueryAnswer>, Problem> {
    let Json(question) = question.map_err(|rejection| super::bad_json(&rejection))?;
    Ok(Json(state.engine.query(question).await?))
}
