//! GET /api/v1/exemplars: whole requests behind a metric, chosen fairly.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::alerts::time;
use super::bad_query;
use crate::{AppState, ExemplarQuestion, ExemplarsAnswer, Problem};

/// Requests of each part, unless told otherwise.
const PER_PART_USUAL: u32 = 10;
const PER_PART_MAX: u32 = 1000;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get_exemplars))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ExemplarParams {
    metric: String,
    /// dimension:value, separated by commas; all traffic where it is left out. It need not be a watched slice.
    slice: Option<String>,
    #[param(format = DateTime)]
    from: String,
    #[param(format = DateTime)]
    to: String,
    /// Requests of each part at most; ten where it is left out.
    limit: Option<u32>,
}

/// Whole requests
///
/// Real requests behind a metric in a span of time: of a ratio those that hit and those that did not, of a latency some
/// from each range of percentiles. Which ones is decided by the hash of their id, so each is as likely as any other.
#[utoipa::path(
    get,
    path = "/api/v1/exemplars",
    params(ExemplarParams),
    responses(
        (status = 200, body = ExemplarsAnswer),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "History cannot be read", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn get_exemplars(
    State(state): State<AppState>,
    params: Result<Query<ExemplarParams>, QueryRejection>,
) -> Result<Json<ExemplarsAnswer>, Problem> {
    let Query(params) = params.map_err(|rejection| bad_query(&rejection))?;
    let needed =
        |name: &str| Problem::bad_request(format!("`{name}` is missing; write RFC 3339 such as 2026-05-01T12:00:00Z"));
    let question = ExemplarQuestion {
        metric: params.metric,
        slice: params
            .slice
            .unwrap_or_default()
            .parse()
            .map_err(|error: hark_model::ParseSliceError| Problem::bad_request(error.to_string()))?,
        from: time(Some(&params.from))?.ok_or_else(|| needed("from"))?,
        to: time(Some(&params.to))?.ok_or_else(|| needed("to"))?,
        per_part: params.limit.unwrap_or(PER_PART_USUAL),
    };
    if question.per_part == 0 || question.per_part > PER_PART_MAX {
        return Err(Problem::bad_request(format!("limit is {}; write 1 to {PER_PART_MAX}", question.per_part)));
    }
    Ok(Json(state.engine.exemplars(question).await?))
}
