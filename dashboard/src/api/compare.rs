//! /api/v1/compare and the same of an alert: what is different between two sides of a metric.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use hark_model::{Alert, AlertId, AlertStatus, Slice, Statistic, Timestamp};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::alerts::{time, unknown};
use super::bad_query;
use crate::compare::{CompareQuestion, DistributionAnswer, DriversAnswer, HeatMapAnswer, SideQuestion};
use crate::{AppState, Problem};

/// Of a long alert the newest part is compared, so that the same hours of at least one day before are known.
const WINDOW_MINUTES_MAX: i64 = 23 * 60;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(alert_drivers))
        .routes(routes!(alert_heat_map))
        .routes(routes!(alert_distribution))
        .routes(routes!(drivers))
        .routes(routes!(heat_map))
        .routes(routes!(distribution))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AlertParams {
    /// dimension:value, separated by commas. All traffic where it is left out; of a distribution, the alert's slice.
    slice: Option<String>,
    /// Of a heat map: the dimension that its rows are of.
    rows: Option<String>,
    /// Of a heat map: the dimension that its columns are of.
    columns: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CompareParams {
    metric: String,
    statistic: Option<String>,
    /// dimension:value, separated by commas; all traffic where it is left out.
    slice: Option<String>,
    #[param(format = DateTime)]
    from: String,
    #[param(format = DateTime)]
    to: String,
    /// The slice to compare with; the same one where it is left out.
    against_slice: Option<String>,
    /// With `against_to`: the span to compare with; the same hours of the days before where both are left out.
    #[param(format = DateTime)]
    against_from: Option<String>,
    #[param(format = DateTime)]
    against_to: Option<String>,
    /// Dimensions, and `hour`, on which both sides are made alike first, separated by commas.
    matched: Option<String>,
    /// Of a heat map: the dimension that its rows are of.
    rows: Option<String>,
    /// Of a heat map: the dimension that its columns are of.
    columns: Option<String>,
}

/// What is different in an alert
///
/// For each dimension how its values fared before and during, and how much of the excess lies in each. Worked out from
/// the finest counts, which are kept eight days; `compared.reason` says so where they are gone.
#[utoipa::path(
    get,
    path = "/api/v1/alerts/{id}/drivers",
    params(("id" = String, Path), AlertParams),
    responses(
        (status = 200, body = DriversAnswer),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
async fn alert_drivers(
    State(state): State<AppState>,
    Path(id): Path<String>,
    params: Result<Query<AlertParams>, QueryRejection>,
) -> Result<Json<DriversAnswer>, Problem> {
    let Query(params) = params.map_err(|rejection| bad_query(&rejection))?;
    let question = of_alert(&state, id, params.slice.as_deref(), |_| Slice::total()).await?;
    state.engine.drivers(&question).map(Json).map_err(Problem::bad_request)
}

/// Two dimensions of an alert against each other
#[utoipa::path(
    get,
    path = "/api/v1/alerts/{id}/heatmap",
    params(("id" = String, Path), AlertParams),
    responses(
        (status = 200, body = HeatMapAnswer),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
async fn alert_heat_map(
    State(state): State<AppState>,
    Path(id): Path<String>,
    params: Result<Query<AlertParams>, QueryRejection>,
) -> Result<Json<HeatMapAnswer>, Problem> {
    let Query(params) = params.map_err(|rejection| bad_query(&rejection))?;
    let question = of_alert(&state, id, params.slice.as_deref(), |_| Slice::total()).await?;
    let (rows, columns) = (given(params.rows), given(params.columns));
    let answer = state.engine.heat_map(&question, rows.as_deref(), columns.as_deref());
    answer.map(Json).map_err(Problem::bad_request)
}

/// The whole distribution, before and during an alert
#[utoipa::path(
    get,
    path = "/api/v1/alerts/{id}/distribution",
    params(("id" = String, Path), AlertParams),
    responses(
        (status = 200, body = DistributionAnswer),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
async fn alert_distribution(
    State(state): State<AppState>,
    Path(id): Path<String>,
    params: Result<Query<AlertParams>, QueryRejection>,
) -> Result<Json<DistributionAnswer>, Problem> {
    let Query(params) = params.map_err(|rejection| bad_query(&rejection))?;
    let question = of_alert(&state, id, params.slice.as_deref(), |alert| alert.slice.clone()).await?;
    state.engine.distribution(&question).map(Json).map_err(Problem::bad_request)
}

/// What is different between two sides
#[utoipa::path(
    get,
    path = "/api/v1/compare/drivers",
    params(CompareParams),
    responses(
        (status = 200, body = DriversAnswer),
        (status = 400, body = Problem, content_type = "application/problem+json"),
    )
)]
async fn drivers(
    State(state): State<AppState>,
    params: Result<Query<CompareParams>, QueryRejection>,
) -> Result<Json<DriversAnswer>, Problem> {
    let Query(params) = params.map_err(|rejection| bad_query(&rejection))?;
    state.engine.drivers(&question(params)?).map(Json).map_err(Problem::bad_request)
}

/// Two dimensions against each other, of two sides
#[utoipa::path(
    get,
    path = "/api/v1/compare/heatmap",
    params(CompareParams),
    responses(
        (status = 200, body = HeatMapAnswer),
        (status = 400, body = Problem, content_type = "application/problem+json"),
    )
)]
async fn heat_map(
    State(state): State<AppState>,
    params: Result<Query<CompareParams>, QueryRejection>,
) -> Result<Json<HeatMapAnswer>, Problem> {
    let Query(mut params) = params.map_err(|rejection| bad_query(&rejection))?;
    let (rows, columns) = (given(params.rows.take()), given(params.columns.take()));
    let answer = state.engine.heat_map(&question(params)?, rows.as_deref(), columns.as_deref());
    answer.map(Json).map_err(Problem::bad_request)
}

/// The whole distribution of two sides
#[utoipa::path(
    get,
    path = "/api/v1/compare/distribution",
    params(CompareParams),
    responses(
        (status = 200, body = DistributionAnswer),
        (status = 400, body = Problem, content_type = "application/problem+json"),
    )
)]
async fn distribution(
    State(state): State<AppState>,
    params: Result<Query<CompareParams>, QueryRejection>,
) -> Result<Json<DistributionAnswer>, Problem> {
    let Query(params) = params.map_err(|rejection| bad_query(&rejection))?;
    state.engine.distribution(&question(params)?).map(Json).map_err(Problem::bad_request)
}

/// The question an alert asks: since its onset, against the same hours of the days before.
async fn of_alert(
    state: &AppState,
    id: String,
    slice: Option<&str>,
    usual: impl Fn(&Alert) -> Slice,
) -> Result<CompareQuestion, Problem> {
    let id = AlertId(id);
    let alert = state.store.alert(&id).await?.ok_or_else(|| unknown(&id))?;
    let slice = match slice {
        None => usual(&alert),
        Some(text) => parsed(text)?,
    };
    let to = end_of(&alert, state.engine.status().watermark);
    let from = alert.onset.max(to.plus_minutes(-WINDOW_MINUTES_MAX));
    Ok(CompareQuestion {
        metric: alert.metric.clone(),
        statistic: Some(alert.statistic),
        during: SideQuestion { slice, from, to },
        before: None,
        bad_above: alert.statistic.quantile().map(|_| alert.effect.before),
        matched: Vec::new(),
    })
}

/// When it was over, or how far the data goes.
fn end_of(alert: &Alert, watermark: Option<Timestamp>) -> Timestamp {
    let ended = alert.resolved_at.filter(|_| alert.status == AlertStatus::Resolved);
    ended.or(watermark).unwrap_or(alert.opened_at).max(alert.opened_at)
}

fn question(params: CompareParams) -> Result<CompareQuestion, Problem> {
    let needed = |name: &str, text: Option<&str>| {
        let missing =
            || Problem::bad_request(format!("`{name}` is missing; write RFC 3339 such as 2026-05-01T12:00:00Z"));
        time(text)?.ok_or_else(missing)
    };
    let statistic = given(params.statistic).map(|name| name.parse::<Statistic>());
    let slice = parsed(params.slice.as_deref().unwrap_or_default())?;
    let during = SideQuestion { slice, from: needed("from", Some(&params.from))?, to: needed("to", Some(&params.to))? };
    let (against_from, against_to) = (given(params.against_from), given(params.against_to));
    let against_slice = given(params.against_slice).map(|text| parsed(&text)).transpose()?;
    let is_against = against_slice.is_some() || against_from.is_some() || against_to.is_some();
    let before = if is_against {
        let or_during = |name: &str, text: Option<String>, during: Timestamp| match text {
            None => Ok(during),
            Some(text) => needed(name, Some(&text)),
        };
        Some(SideQuestion {
            slice: against_slice.unwrap_or_else(|| during.slice.clone()),
            from: or_during("against_from", against_from, during.from)?,
            to: or_during("against_to", against_to, during.to)?,
        })
    } else {
        None
    };
    let matched = given(params.matched).map(|names| names.split(',').map(|name| name.trim().to_owned()).collect());
    Ok(CompareQuestion {
        metric: params.metric,
        statistic: statistic.transpose().map_err(|error| Problem::bad_request(error.to_string()))?,
        during,
        before,
        bad_above: None,
        matched: matched.unwrap_or_default(),
    })
}

fn parsed(text: &str) -> Result<Slice, Problem> {
    text.parse().map_err(|error: hark_model::ParseSliceError| Problem::bad_request(error.to_string()))
}

fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}
