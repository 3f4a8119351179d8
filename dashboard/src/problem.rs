//! Errors as `application/problem+json`, each with a sentence that says what to do.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hark_store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{IngestError, QueryProblem};

/// Somebody has to make room first.
const NO_ROOM_RETRY_SECONDS: u32 = 30;

/// RFC 9457.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Problem {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub title: &'static str,
    pub status: u16,
    pub detail: String,
    #[serde(skip)]
    pub retry_after_seconds: Option<u32>,
}

impl Problem {
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "The request cannot be taken", detail)
    }

    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "There is no such thing", detail)
    }

    pub fn too_large(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large", detail)
    }

    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Not now", detail)
    }

    pub(crate) fn new(status: StatusCode, title: &'static str, detail: impl Into<String>) -> Self {
        Self { kind: "about:blank", title, status: status.as_u16(), detail: detail.into(), retry_after_seconds: None }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.retry_after_seconds;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<IngestError> for Problem {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Busy { retry_after_seconds } => Self {
                retry_after_seconds: Some(retry_after_seconds),
                ..Self::new(StatusCode::TOO_MANY_REQUESTS, "Too many events at once", error.to_string())
            },
            IngestError::TooLarge(_) => Self::too_large(error.to_string()),
            IngestError::Unreadable(_) => Self::bad_request(error.to_string()),
            IngestError::Stopped(_) => Self::unavailable(error.to_string()),
            IngestError::NoRoom(_) => Self {
                retry_after_seconds: Some(NO_ROOM_RETRY_SECONDS),
                ..Self::new(StatusCode::INSUFFICIENT_STORAGE, "The disk takes no more", error.to_string())
            },
        }
    }
}

impl From<QueryProblem> for Problem {
    fn from(problem: QueryProblem) -> Self {
        match problem {
            QueryProblem::Refused(_) => Self::bad_request(problem.to_string()),
            QueryProblem::Failed(_) => Self::unavailable(problem.to_string()),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::Query(_) | StoreError::Refused(_)) {
            return Self::bad_request(error.to_string());
        }
        // Logged here, where it is handled; the caller gets the sentence and not the database's own words.
        tracing::error!(error = &error as &dyn std::error::Error, "the store could not answer a request");
        Self::unavailable(error.to_string())
    }
}
