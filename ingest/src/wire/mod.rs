//! The formats that events and data points come in, one file each, all of them into the same columns.

mod attributes;
mod flat_json;
pub(crate) mod histogram;
mod ndjson;
mod otlp_json;
mod otlp_logs;
mod otlp_metrics;
mod points;
mod protobuf;
mod remote_write;
mod traces;
#[cfg(test)]
mod trial;

use hark_query::Fields;

use crate::events::Decoded;
use crate::user_key::UserKey;
use protobuf::Broken;

pub use remote_write::Written;

/// What every format needs to know to read a body.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    /// The fields that metrics read, and their kinds.
    pub fields: &'a Fields,
    pub users: &'a UserKey,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    Ndjson,
    OtlpLogs {
        json: bool,
    },
    OtlpMetrics {
        json: bool,
    },
    /// Packed with Snappy, which is part of the format.
    RemoteWrite(RemoteWrite),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RemoteWrite {
    /// `prometheus.WriteRequest`
    V1,
    /// `io.prometheus.write.v2.Request`
    V2,
}

/// The body as a whole cannot be read. A part of it that cannot be taken is no error: it is in [`Decoded::rejected`].
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    #[error("the body is not valid {format}: {problem}")]
    Broken { format: &'static str, problem: String },
    #[error("the body is larger than {limit} bytes once unpacked; send it in smaller batches")]
    TooLarge { limit: usize },
    #[error("the body holds more than {limit} {what}; send it in smaller batches")]
    TooMany { what: &'static str, limit: usize },
}

impl From<Broken> for WireError {
    fn from(Broken(problem): Broken) -> Self {
        Self::Broken { format: "Protocol Buffers", problem: problem.to_owned() }
    }
}

pub fn decode(format: Format, body: &[u8], reader: &Reader<'_>) -> Result<Decoded, WireError> {
    match format {
        Format::Ndjson => Ok(ndjson::decode(body, reader)),
        Format::OtlpLogs { json: false } => otlp_logs::decode(body, reader),
        Format::OtlpLogs { json: true } => otlp_logs::decode(&otlp_json::to_protobuf(body, &otlp_json::LOGS)?, reader),
        Format::OtlpMetrics { json: false } => otlp_metrics::decode(body, reader),
        Format::OtlpMetrics { json: true } => {
            otlp_metrics::decode(&otlp_json::to_protobuf(body, &otlp_json::METRICS)?, reader)
        }
        Format::RemoteWrite(version) => Ok(remote_write::decode(version, body, reader)?.0),
    }
}

/// [`decode`] of a remote-write body, with what its sender wants to be told was taken.
pub fn decode_remote_write(
    version: RemoteWrite,
    body: &[u8],
    reader: &Reader<'_>,
) -> Result<(Decoded, Written), WireError> {
    remote_write::decode(version, body, reader)
}
