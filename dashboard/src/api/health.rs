//! /healthz, /readyz, /metrics and /api/v1/status: how hark itself is doing.

use std::fmt::Write;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::IntoResponse;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::alerts::time;
use super::bad_query;
use crate::{AppState, DataPart, FunnelQuestion, FunnelReport, Problem, ProcessAnswer, SelfTestReport, Status};

const DATA_HELP: &str = "Bytes in the data folder.";
const FAULT_HELP: &str = "1 while the self-test finds detection broken; /api/v1/selftest says how.";

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
        .routes(routes!(status))
        .routes(routes!(process))
        .routes(routes!(self_test))
        .routes(routes!(funnel))
}

/// Alive
#[utoipa::path(get, path = "/healthz", responses((status = 200, body = String)))]
async fn healthz() -> &'static str {
    "ok\n"
}

/// Ready to take events and to answer
#[utoipa::path(
    get,
    path = "/readyz",
    responses((status = 200, body = String), (status = 503, body = Problem, content_type = "application/problem+json"))
)]
async fn readyz(State(state): State<AppState>) -> Result<&'static str, Problem> {
    if !state.engine.is_ready() {
        return Err(Problem::unavailable("recovery is not over yet; ask again in a second"));
    }
    state.store.ping().await?;
    Ok("ready\n")
}

/// Where the stream stands
#[utoipa::path(get, path = "/api/v1/status", responses((status = 200, body = Status)))]
async fn status(State(state): State<AppState>) -> Json<Status> {
    Json(state.engine.status())
}

/// How the process itself is: memory, disk, and whether the store answers
#[utoipa::path(get, path = "/api/v1/process", responses((status = 200, body = ProcessAnswer)))]
async fn process(State(state): State<AppState>) -> Json<ProcessAnswer> {
    let (report, store) = tokio::join!(state.engine.process(), state.store.ping());
    Json(ProcessAnswer { report, store_problem: store.err().map(|problem| problem.to_string()) })
}

/// Whether detection works, and the smallest regression that each series would catch
///
/// Copies of the watches are fed copies of their cells with changes in them, at every step.
#[utoipa::path(get, path = "/api/v1/selftest", responses((status = 200, body = SelfTestReport)))]
async fn self_test(State(state): State<AppState>) -> Json<SelfTestReport> {
    Json(state.engine.self_test())
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FunnelParams {
    /// Of the dropped candidates those of this metric.
    metric: Option<String>,
    /// Those that ended at one of these stages, separated by commas.
    stage: Option<String>,
    /// Those dropped from then on: RFC 3339, or milliseconds since 1970.
    from: Option<String>,
    /// Those dropped before.
    to: Option<String>,
}

/// How much of what there was evidence for became an alert, where the rest ended, and why
///
/// The parameters choose among the dropped candidates; what is counted is counted of all.
#[utoipa::path(
    get,
    path = "/api/v1/funnel",
    params(FunnelParams),
    responses(
        (status = 200, body = FunnelReport),
        (status = 400, body = Problem, content_type = "application/problem+json"),
    )
)]
async fn funnel(
    State(state): State<AppState>,
    params: Result<Query<FunnelParams>, QueryRejection>,
) -> Result<Json<FunnelReport>, Problem> {
    let Query(params) = params.map_err(|rejection| bad_query(&rejection))?;
    let stages = params.stage.as_deref().unwrap_or_default().split(',').filter(|name| !name.is_empty());
    let question = FunnelQuestion {
        metric: params.metric.filter(|metric| !metric.is_empty()),
        stages: stages.map(str::to_owned).collect(),
        from: time(params.from.as_deref())?,
        to: time(params.to.as_deref())?,
    };
    state.engine.funnel(&question).map(Json).map_err(Problem::bad_request)
}

/// hark's own metrics, in Prometheus' text format
#[utoipa::path(get, path = "/metrics", responses((status = 200, body = String)))]
async fn metrics(State(state): State<AppState>) -> impl IntoResponse {
    let status = state.engine.status();
    let process = state.engine.process().await;
    let mut text = String::new();
    let counters = [
        ("hark_events_total", "Events counted once each.", status.events),
        ("hark_duplicates_total", "Events refused because their id had been seen.", status.duplicates),
        ("hark_late_total", "Events that came after their minute was closed.", status.late),
        ("hark_rejected_total", "Lines that could not be taken.", status.rejected),
    ];
    for (name, help, value) in counters {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}");
    }
    let watermark = status.watermark.map_or(f64::NAN, |watermark| watermark.millis() as f64 / 1000.0);
    let gauges = [
        ("hark_series", "Series that are watched.", status.series as f64),
        ("hark_alerts_firing", "Alerts that have not recovered.", status.firing as f64),
        ("hark_self_test_fault", FAULT_HELP, f64::from(status.self_test.state.is_fault())),
        ("hark_watermark_seconds", "Event time before which everything is closed.", watermark),
        ("hark_in_flight_bytes", "Bytes on their way into the log.", process.in_flight_bytes as f64),
        ("process_start_time_seconds", "When hark started.", process.started_at.millis() as f64 / 1000.0),
        (
            "process_resident_memory_bytes",
            "Memory in use.",
            process.memory_bytes.map_or(f64::NAN, |bytes| bytes as f64),
        ),
    ];
    for (name, help, value) in gauges {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
    }
    let _ = writeln!(text, "# HELP hark_data_bytes {DATA_HELP}\n# TYPE hark_data_bytes gauge");
    for DataPart { name, bytes } in &process.data {
        let _ = writeln!(text, "hark_data_bytes{{part=\"{name}\"}} {bytes}");
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}
