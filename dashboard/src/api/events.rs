//! POST /api/v1/events: NDJSON, plain, gzip or zstd, answered once it is durable.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, header};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{AppState, Delivery, Door, IngestAnswer, Problem};

/// A larger body is refused with 413 before it is read whole; batches of some thousand events are far below.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(post_events)).layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

/// Send events
///
/// One flat JSON object a line. Lines that cannot be taken are named; the rest counts and survives a crash.
#[utoipa::path(
    post,
    path = "/api/v1/events",
    request_body(content = String, content_type = "application/x-ndjson"),
    responses(
        (status = 200, body = IngestAnswer),
        (status = 400, description = "The body cannot be unpacked", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many events are waiting; see Retry-After", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Starting or stopping", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn post_events(
    State(state): State<AppState>,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<Json<IngestAnswer>, Problem> {
    let body = body.map_err(|_| {
        Problem::too_large(format!("a body holds at most {BODY_BYTES_MAX} bytes; send smaller batches"))
    })?;
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let delivery = Delivery {
        door: Door::Events,
        encoding: text(header::CONTENT_ENCODING.as_str()).unwrap_or_default().to_owned(),
        source: text("x-hark-source").unwrap_or(Delivery::DEFAULT_SOURCE).to_owned(),
        body: body.into(),
    };
    Ok(Json(state.engine.ingest(delivery).await?))
}
