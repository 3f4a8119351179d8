//! /healthz, /readyz, /metrics and /api/v1/status: how hark itself is doing.

use std::fmt::Write;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{AppState, FunnelReport, Problem, SelfTestReport, Status};

const FAULT_HELP: &str = "1 while the self-test finds detection broken; /api/v1/selftest says how.";

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
        .routes(routes!(status))
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

/// Whether detection works, and the smallest regression that each series would catch
///
/// Copies of the watches are fed copies of their cells with changes in them, at every step.
#[utoipa::path(get, path = "/api/v1/selftest", responses((status = 200, body = SelfTestReport)))]
async fn self_test(State(state): State<AppState>) -> Json<SelfTestReport> {
    Json(state.engine.self_test())
}

/// How much of what there was evidence for became an alert, where the rest ended, and why
#[utoipa::path(get, path = "/api/v1/funnel", responses((status = 200, body = FunnelReport)))]
async fn funnel(State(state): State<AppState>) -> Json<FunnelReport> {
    Json(state.engine.funnel())
}

/// hark's own metrics, in Prometheus' text format
#[utoipa::path(get, path = "/metrics", responses((status = 200, body = String)))]
async fn metrics(State(state): State<AppState>) -> impl IntoResponse {
    let status = state.engine.status();
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
    ];
    for (name, help, value) in gauges {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}
