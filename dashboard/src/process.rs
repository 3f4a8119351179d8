//! How the process itself is, in the shape of the API.

use hark_model::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ProcessReport {
    pub version: String,
    pub started_at: Timestamp,
    /// Memory in use; null where the system does not tell.
    pub memory_bytes: Option<u64>,
    /// What lies in the data folder, the largest part first.
    pub data: Vec<DataPart>,
    /// When the state was last put where a restart finds it; null where it never was.
    pub snapshot_at: Option<Timestamp>,
    /// Bytes of bodies that are on their way into the log; at the most of them senders are told to come again.
    pub in_flight_bytes: u64,
    pub in_flight_bytes_max: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DataPart {
    /// `log`, `history`, `models`, `snapshot`, `database` or `rest`.
    #[schema(value_type = String)]
    pub name: &'static str,
    pub bytes: u64,
}

/// The report, and what the store says when it is asked.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ProcessAnswer {
    #[serde(flatten)]
    pub report: ProcessReport,
    /// Why the store does not answer; null where it does.
    pub store_problem: Option<String>,
}
