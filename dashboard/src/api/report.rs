//! /api/v1/report: the week for leadership, as JSON and as one HTML document.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use hark_model::Alert;
use hark_report::{Report, Week, html};
use hark_store::AlertQuery;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::bad_query;
use crate::{AppState, Problem, ReportQuestion};

/// Alerts that opened longer before the week are told only while they fire.
const BACK_MINUTES: i64 = 35 * 24 * 60;
/// Pages of a thousand; beyond them the report is of the newest.
const PAGES_MAX: usize = 20;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get_report))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReportParams {
    /// The ISO week, such as 2026-W18; the one that the stream is in where it is left out.
    week: Option<String>,
    /// json or html; json where it is left out.
    format: Option<String>,
}

/// The weekly report
///
/// UX scores with their decomposition, objectives, regressions, and how good the alerts were; each number with the query that gives
/// it. As HTML it is one document without scripts, for mail and print.
#[utoipa::path(
    get,
    path = "/api/v1/report",
    params(ReportParams),
    responses(
        (status = 200, body = Report),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
async fn get_report(
    State(state): State<AppState>,
    params: Result<Query<ReportParams>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(params) = params.map_err(|rejection| bad_query(&rejection))?;
    let week = match params.week.as_deref() {
        None | Some("") => Week::of(state.engine.status().watermark.unwrap_or_else(hark_model::Timestamp::now)),
        Some(text) => {
            text.parse().map_err(|problem: hark_report::ParseWeekError| Problem::bad_request(problem.to_string()))?
        }
    };
    let is_html = match params.format.as_deref() {
        None | Some("" | "json") => false,
        Some("html") => true,
        Some(other) => return Err(Problem::bad_request(format!("format `{other}` is neither json nor html"))),
    };
    let alerts = alerts(&state, week).await?;
    let report = state.engine.report(ReportQuestion { week, alerts }).await?;
    if is_html {
        return Ok(([(header::CONTENT_TYPE, "text/html; charset=utf-8")], html(&report, "")).into_response());
    }
    Ok(Json(report).into_response())
}

async fn alerts(state: &AppState, week: Week) -> Result<Vec<Alert>, Problem> {
    let mut found = Vec::new();
    let mut query = AlertQuery {
        from: Some(week.start().plus_minutes(-BACK_MINUTES)),
        to: Some(week.end()),
        limit: Some(hark_store::ALERTS_PER_PAGE_MAX),
        ..AlertQuery::default()
    };
    for _ in 0..PAGES_MAX {
        let page = state.store.alerts(&query).await?;
        found.extend(page.alerts);
        query.cursor = page.next;
        if query.cursor.is_none() {
            break;
        }
    }
    Ok(found)
}
