//! POST /api/v1/write: Prometheus remote write, 1.0 and 2.0.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::otlp_messages::reasons;
use crate::api::sender::{media_type, source_or_program, text};
use crate::{AppState, Delivery, Door, IngestAnswer, IngestError, Problem, Written};

/// A larger body is refused with 413 before it is read whole; Prometheus sends some hundred kilobytes at a time.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
const V1: &str = "prometheus.WriteRequest";
const V2: &str = "io.prometheus.write.v2.Request";

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(post_write)).layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

/// Send samples by Prometheus remote write
///
/// Version 1.0, or 2.0 with `proto=io.prometheus.write.v2.Request` in the Content-Type. Counters count requests, other
/// samples are values, histograms are values with counts.
#[utoipa::path(
    post,
    path = "/api/v1/write",
    request_body(content = String, content_type = "application/x-protobuf"),
    responses(
        (status = 204, description = "All of it was taken"),
        (status = 400, description = "The body cannot be read, or some of its series cannot be taken; the others are", body = String, content_type = "text/plain"),
        (status = 413, description = "The body is too large", body = String, content_type = "text/plain"),
        (status = 415, description = "Another format", body = String, content_type = "text/plain"),
        (status = 503, description = "Too many events are waiting, or starting, or stopping; see Retry-After", body = String, content_type = "text/plain"),
    )
)]
async fn post_write(
    State(state): State<AppState>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let version = match version_of(&headers) {
        Ok(version) => version,
        Err(problem) => return (StatusCode::UNSUPPORTED_MEDIA_TYPE, problem).into_response(),
    };
    let taken = match body {
        Ok(body) => {
            let door = Door::RemoteWrite { version };
            // Snappy is part of the format, and no packing around it.
            let (encoding, source) = (String::new(), source_or_program(&headers));
            state.engine.ingest(Delivery { door, encoding, source, body: body.into() }).await
        }
        Err(_) => {
            Err(IngestError::TooLarge(format!("a body holds at most {BODY_BYTES_MAX} bytes; send smaller batches")))
        }
    };
    let written = taken.as_ref().map_or_else(|_| Written::default(), written_of);
    let mut response = match taken {
        Ok(answer) => answered(&answer),
        Err(error) => refused(error),
    };
    if version == 2 {
        let headers = response.headers_mut();
        headers.insert("x-prometheus-remote-write-samples-written", written.samples.into());
        headers.insert("x-prometheus-remote-write-histograms-written", written.histograms.into());
        headers.insert("x-prometheus-remote-write-exemplars-written", written.exemplars.into());
    }
    response
}

/// Which message the body is.
fn version_of(headers: &HeaderMap) -> Result<u8, String> {
    let known = format!("send application/x-protobuf, optionally with proto={V1} or proto={V2}, packed with snappy");
    if media_type(headers) != "application/x-protobuf" {
        return Err(format!("the Content-Type is not known here; {known}"));
    }
    if !matches!(text(headers, header::CONTENT_ENCODING.as_str()), None | Some("snappy")) {
        return Err(format!("the Content-Encoding is not known here; {known}"));
    }
    let content_type = text(headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    let parameters = content_type.split(';').skip(1).filter_map(|parameter| parameter.trim().split_once('='));
    match parameters.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("proto")) {
        None => Ok(1),
        Some((_, proto)) => match proto.trim().trim_matches('"') {
            V1 => Ok(1),
            V2 => Ok(2),
            other => Err(format!("the message `{other}` is not known here; {known}")),
        },
    }
}

/// Where the engine has not counted by sample, by row: the same for all but histograms.
fn written_of(answer: &IngestAnswer) -> Written {
    let rows = answer.accepted + answer.duplicates;
    answer.written.unwrap_or(Written { samples: rows, ..Written::default() })
}

/// The specification wants 400 where anything was refused; the sender writes the reason to its log and goes on.
fn answered(answer: &IngestAnswer) -> Response {
    if answer.rejected_total == 0 {
        return StatusCode::NO_CONTENT.into_response();
    }
    (StatusCode::BAD_REQUEST, format!("some series were not taken: {}\n", reasons(answer))).into_response()
}

fn refused(error: IngestError) -> Response {
    let is_busy = matches!(error, IngestError::Busy { .. });
    let problem = Problem::from(error);
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    // Unless it is told otherwise, Prometheus drops what was answered with 429 and sends again after 503.
    let status = if is_busy { StatusCode::SERVICE_UNAVAILABLE } else { status };
    let mut response = (status, format!("{}\n", problem.detail)).into_response();
    if let Some(seconds) = problem.retry_after_seconds {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
