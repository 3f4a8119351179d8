//! POST /v1/logs and /v1/metrics: OTLP in Protocol Buffers or JSON, answered in what was asked in.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use prost::Message;
use serde_json::json;
use tonic::Code;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::otlp_messages::{ExportResponse, RpcStatus};
use crate::api::sender::{media_type, source_or_program, text};
use crate::{AppState, Delivery, Door, IngestError, Problem};

/// A larger body is refused with 413 before it is read whole; the Collector's batches are far below.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(post_logs))
        .routes(routes!(post_metrics))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Logs,
    Metrics,
}

impl Signal {
    pub(crate) const fn door(self, json: bool) -> Door {
        match self {
            Self::Logs => Door::OtlpLogs { json },
            Self::Metrics => Door::OtlpMetrics { json },
        }
    }
}

/// Send OpenTelemetry logs
///
/// An `ExportLogsServiceRequest`; each log record is an event. Records that cannot be taken are counted and named in
/// the answer's `partial_success`; the rest counts and survives a crash.
#[utoipa::path(
    post,
    path = "/v1/logs",
    request_body(content((String = "application/x-protobuf"), (String = "application/json"))),
    responses(
        (status = 200, description = "An `ExportLogsServiceResponse`", content((String = "application/x-protobuf"), (String = "application/json"))),
        (status = 400, description = "The body cannot be read; a `google.rpc.Status`"),
        (status = 413, description = "The body is too large"),
        (status = 415, description = "Neither Protocol Buffers nor JSON", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many events are waiting; see Retry-After"),
        (status = 503, description = "Starting, stopping, or out of room"),
    )
)]
async fn post_logs(State(state): State<AppState>, headers: HeaderMap, body: Result<Bytes, BytesRejection>) -> Response {
    export(&state, Signal::Logs, &headers, body).await
}

/// Send OpenTelemetry metrics
///
/// An `ExportMetricsServiceRequest`; each data point is one row, each filled bucket of a histogram another.
#[utoipa::path(
    post,
    path = "/v1/metrics",
    request_body(content((String = "application/x-protobuf"), (String = "application/json"))),
    responses(
        (status = 200, description = "An `ExportMetricsServiceResponse`", content((String = "application/x-protobuf"), (String = "application/json"))),
        (status = 400, description = "The body cannot be read; a `google.rpc.Status`"),
        (status = 413, description = "The body is too large"),
        (status = 415, description = "Neither Protocol Buffers nor JSON", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many events are waiting; see Retry-After"),
        (status = 503, description = "Starting, stopping, or out of room"),
    )
)]
async fn post_metrics(
    State(state): State<AppState>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    export(&state, Signal::Metrics, &headers, body).await
}

async fn export(
    state: &AppState,
    signal: Signal,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let json = match media_type(headers).as_str() {
        "application/x-protobuf" => false,
        "application/json" => true,
        other => return unsupported(other).into_response(),
    };
    let Ok(body) = body else {
        let message = format!("a body holds at most {BODY_BYTES_MAX} bytes; send smaller batches");
        return refused(IngestError::TooLarge(message), json);
    };
    let delivery = Delivery {
        door: signal.door(json),
        encoding: text(headers, header::CONTENT_ENCODING.as_str()).unwrap_or_default().to_owned(),
        source: source_or_program(headers),
        body: body.into(),
    };
    match state.engine.ingest(delivery).await {
        Ok(answer) => {
            let response = ExportResponse::of(&answer);
            let shown = if json { response.to_json(signal).to_string().into_bytes() } else { response.encode_to_vec() };
            written(StatusCode::OK, json, shown)
        }
        Err(error) => refused(error, json),
    }
}

fn unsupported(found: &str) -> Problem {
    let detail = format!("Content-Type `{found}` is not known here; send application/x-protobuf or application/json");
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "The format is not known", detail)
}

/// The code of an error in gRPC, which OTLP over HTTP speaks of too.
pub(crate) fn code_of(error: &IngestError) -> Code {
    match error {
        IngestError::Busy { .. } => Code::ResourceExhausted,
        IngestError::TooLarge(_) | IngestError::Unreadable(_) => Code::InvalidArgument,
        IngestError::Stopped(_) | IngestError::NoRoom(_) => Code::Unavailable,
    }
}

fn refused(error: IngestError, json: bool) -> Response {
    let status = RpcStatus { code: code_of(&error) as i32, message: error.to_string(), details: vec![] };
    let is_no_room = matches!(error, IngestError::NoRoom(_));
    let problem = Problem::from(error);
    let http = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    // Exporters send again after 503 and give up after 507.
    let http = if is_no_room { StatusCode::SERVICE_UNAVAILABLE } else { http };
    let shown = if json {
        json!({ "code": status.code, "message": status.message }).to_string().into_bytes()
    } else {
        status.encode_to_vec()
    };
    let mut response = written(http, json, shown);
    if let Some(seconds) = problem.retry_after_seconds {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn written(status: StatusCode, json: bool, body: Vec<u8>) -> Response {
    let content_type = if json { "application/json" } else { "application/x-protobuf" };
    (status, [(header::CONTENT_TYPE, content_type)], body).into_response()
}
