//! What the API asks of the running pipeline. The binary implements it; tests put a small one of their own behind it.

use async_trait::async_trait;
use hark_model::{Alert, Change, Slice, Statistic, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use utoipa::ToSchema;

#[async_trait]
pub trait Engine: Send + Sync {
    /// Takes a body of NDJSON, packed as `encoding` says (as in Content-Encoding), and answers once it is durable.
    async fn ingest(&self, body: Vec<u8>, encoding: &str) -> Result<IngestAnswer, IngestError>;

    /// Takes a change into account from now on.
    async fn add_change(&self, change: Change) -> Result<(), IngestError>;

    fn series(&self, question: &SeriesQuestion) -> Result<SeriesAnswer, String>;

    fn status(&self) -> Status;

    /// The metric definitions in force, as JSON.
    fn definitions(&self) -> serde_json::Value;

    /// Whether recovery is over and events are taken.
    fn is_ready(&self) -> bool;

    /// Tells everybody who listens.
    fn publish(&self, live: Live);

    /// What happens from now on.
    fn subscribe(&self) -> broadcast::Receiver<Live>;
}

/// Something the pages show without being asked.
#[derive(Debug, Clone)]
pub enum Live {
    Alert(Box<Alert>),
    Ingestion(Status),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RejectedLine {
    /// From 1, in the body as it was sent.
    pub line: u64,
    pub reason: String,
}

/// What became of a body. Everything but the rejected lines is on disk.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct IngestAnswer {
    pub accepted: u64,
    pub duplicates: u64,
    /// Came after their minute was closed.
    pub late: u64,
    /// The first hundred; `rejected_total` counts them all.
    pub rejected: Vec<RejectedLine>,
    pub rejected_total: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IngestError {
    #[error("too many events are waiting; send this body again in {retry_after_seconds} s")]
    Busy { retry_after_seconds: u32 },
    /// The body is larger than is taken at once.
    #[error("{0}")]
    TooLarge(String),
    /// The body cannot be unpacked.
    #[error("{0}")]
    Unreadable(String),
    #[error("{0}")]
    Stopped(String),
}

#[derive(Debug, Clone, PartialEq)]
pub struct SeriesQuestion {
    pub metric: String,
    /// The metric's headline where none is named.
    pub statistic: Option<Statistic>,
    pub slice: Slice,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    pub step_seconds: Option<u32>,
}

/// Aligned columns, one entry a step from `start`; null is a gap.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SeriesAnswer {
    pub metric: String,
    pub statistic: Statistic,
    pub slice: Slice,
    pub unit: String,
    pub start: Timestamp,
    pub step_seconds: u32,
    pub value: Vec<Option<f64>>,
    pub expected: Vec<Option<f64>>,
    pub low: Vec<Option<f64>>,
    pub high: Vec<Option<f64>>,
    pub count: Vec<u64>,
}

/// Where the stream stands, and what it has counted since the beginning.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Status {
    /// Everything before this instant is closed; null before the first event.
    pub watermark: Option<Timestamp>,
    pub events: u64,
    pub duplicates: u64,
    pub late: u64,
    pub rejected: u64,
    pub series: u64,
    pub firing: u64,
    pub demo: Option<Demo>,
    pub version: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct Demo {
    /// Minutes of simulated time that pass in one second.
    pub minutes_per_second: f64,
}
