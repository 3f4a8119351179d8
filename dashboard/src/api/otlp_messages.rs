//! The few messages that OTLP's answers are made of.

use serde_json::{Value, json};

use crate::IngestAnswer;
use crate::api::otlp::Signal;

/// So many reasons are spelled out; exporters write the message to their own log.
const REASONS_SHOWN: usize = 3;

/// `ExportLogsServiceResponse` and `ExportMetricsServiceResponse`, which differ in names alone.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ExportResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PartialSuccess {
    #[prost(int64, tag = "1")]
    pub(crate) rejected: i64,
    #[prost(string, tag = "2")]
    pub(crate) error_message: String,
}

/// `google.rpc.Status`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RpcStatus {
    #[prost(int32, tag = "1")]
    pub(crate) code: i32,
    #[prost(string, tag = "2")]
    pub(crate) message: String,
    #[prost(message, repeated, tag = "3")]
    pub(crate) details: Vec<Any>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Any {
    #[prost(string, tag = "1")]
    pub(crate) type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) value: Vec<u8>,
}

/// `google.rpc.RetryInfo`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    pub(crate) retry_delay: Option<Duration>,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(crate) struct Duration {
    #[prost(int64, tag = "1")]
    pub(crate) seconds: i64,
}

impl ExportResponse {
    pub(crate) fn of(answer: &IngestAnswer) -> Self {
        let partial_success = (answer.rejected_total > 0).then(|| PartialSuccess {
            rejected: i64::try_from(answer.rejected_total).unwrap_or(i64::MAX),
            error_message: reasons(answer),
        });
        Self { partial_success }
    }

    /// As JSON writes it: 64-bit numbers are texts.
    pub(crate) fn to_json(&self, signal: Signal) -> Value {
        let Some(partial) = &self.partial_success else { return json!({}) };
        let rejected = match signal {
            Signal::Logs => "rejectedLogRecords",
            Signal::Metrics => "rejectedDataPoints",
        };
        json!({ "partialSuccess": { rejected: partial.rejected.to_string(), "errorMessage": partial.error_message } })
    }
}

/// The first reasons of an answer in one line.
pub(crate) fn reasons(answer: &IngestAnswer) -> String {
    let shown = answer.rejected.iter().take(REASONS_SHOWN);
    let mut reasons: Vec<String> = shown
        .map(|one| if one.line == 0 { one.reason.clone() } else { format!("{}: {}", one.line, one.reason) })
        .collect();
    let more = answer.rejected_total.saturating_sub(reasons.len() as u64);
    if more > 0 {
        reasons.push(format!("{more} more"));
    }
    reasons.join("; ")
}
