//! /api/v1/series: how a metric went.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use hark_model::Statistic;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::alerts::time;
use super::bad_query;
use crate::{AppState, Problem, SeriesAnswer, SeriesQuestion};

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get_series))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SeriesParams {
    metric: String,
    /// p50, p95, mean, rate, count or score; the metric's first where it is left out.
    statistic: Option<String>,
    /// dimension:value, separated by commas; all traffic where it is left out.
    slice: Option<String>,
    #[param(format = DateTime)]
    from: Option<String>,
    #[param(format = DateTime)]
    to: Option<String>,
    /// Seconds; a multiple of 300.
    step: Option<u32>,
}

/// A series
///
/// Aligned columns with null gaps, the expectation and its band beside the value, exactly as the detector saw them.
#[utoipa::path(
    get,
    path = "/api/v1/series",
    params(SeriesParams),
    responses(
        (status = 200, body = SeriesAnswer),
        (status = 400, body = Problem, content_type = "application/problem+json"),
    )
)]
async fn get_series(
    State(state): State<AppState>,
    params: Result<Query<SeriesParams>, QueryRejection>,
) -> Result<Json<SeriesAnswer>, Problem> {
    let Query(params) = params.map_err(|rejection| bad_query(&rejection))?;
    let statistic = params.statistic.filter(|name| !name.is_empty()).map(|name| name.parse::<Statistic>());
    let question = SeriesQuestion {
        metric: params.metric,
        statistic: statistic.transpose().map_err(|error| Problem::bad_request(error.to_string()))?,
        slice: params
            .slice
            .unwrap_or_default()
            .parse()
            .map_err(|error: hark_model::ParseSliceError| Problem::bad_request(error.to_string()))?,
        from: time(params.from.as_deref())?,
        to: time(params.to.as_deref())?,
        step_seconds: params.step,
    };
    state.engine.series(&question).map(Json).map_err(Problem::bad_request)
}
