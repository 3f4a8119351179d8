//! What the API asks of the running pipeline. The binary implements it; tests put a small one of their own behind it.

use async_trait::async_trait;
use hark_model::{Alert, Change, ModelOrder, Slice, Statistic, Timestamp};
use hark_report::{Report, Week};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use utoipa::ToSchema;

use crate::compare::{CompareQuestion, DistributionAnswer, DriversAnswer, HeatMapAnswer};
use crate::funnel::{FunnelQuestion, FunnelReport};
use crate::preview::{PreviewAnswer, PreviewQuestion};
use crate::process::ProcessReport;
use crate::self_test::{SelfTestReport, SelfTestVerdict};

#[async_trait]
pub trait Engine: Send + Sync {
    /// Takes what somebody sent, and answers once it is durable.
    async fn ingest(&self, delivery: Delivery) -> Result<IngestAnswer, IngestError>;

    /// Reads events and cells by SQL, those of a second ago included.
    async fn query(&self, question: QueryQuestion) -> Result<QueryAnswer, QueryProblem>;

    /// Whole requests behind a metric.
    async fn exemplars(&self, question: ExemplarQuestion) -> Result<ExemplarsAnswer, QueryProblem>;

    /// Takes a change into account from now on.
    async fn add_change(&self, change: Change) -> Result<(), IngestError>;

    /// Which values of each dimension are hit.
    fn drivers(&self, question: &CompareQuestion) -> Result<DriversAnswer, String>;

    /// Two dimensions against each other; the two most telling ones where none are named.
    fn heat_map(
        &self,
        question: &CompareQuestion,
        rows: Option<&str>,
        columns: Option<&str>,
    ) -> Result<HeatMapAnswer, String>;

    /// All requests by their size.
    fn distribution(&self, question: &CompareQuestion) -> Result<DistributionAnswer, String>;

    fn series(&self, question: &SeriesQuestion) -> Result<SeriesAnswer, String>;

    fn status(&self) -> Status;

    /// Whether detection works, and what it would catch.
    fn self_test(&self) -> SelfTestReport;

    /// The week for leadership.
    async fn report(&self, question: ReportQuestion) -> Result<Report, QueryProblem>;

    /// What became of everything there was evidence for.
    fn funnel(&self, question: &FunnelQuestion) -> Result<FunnelReport, String>;

    /// How the process itself is.
    async fn process(&self) -> ProcessReport;

    /// The metric definitions in force, as JSON, each with where it comes from: `built_in`, `file` or `store`.
    fn definitions(&self) -> serde_json::Value;

    /// Whether these saved definitions, each as JSON, go together with the built-in ones and those of the file.
    fn check_definitions(&self, saved: &[String]) -> Result<(), String>;

    /// Goes on under these saved definitions; metrics that are the same as before are not touched.
    async fn adopt_definitions(&self, saved: Vec<String>) -> Result<(), IngestError>;

    /// Trains, promotes or goes back among the models of a metric. An error says why that can't be.
    async fn order_model(&self, metric: &str, detector: &str, order: ModelOrder, by: &str) -> Result<(), String>;

    /// The silences in the store have changed: answers once the open alerts follow them, or `false` where the store did not
    /// answer for that and they will later.
    async fn apply_silences(&self) -> bool;

    /// Every detector there is.
    fn detectors(&self) -> Vec<DetectorEntry>;

    /// What drafts would have alerted.
    async fn preview(&self, question: PreviewQuestion) -> Result<PreviewAnswer, QueryProblem>;

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
    Ingestion(Box<Status>),
}

/// What a detector is called in evidence and on the command line, and what it looks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DetectorEntry {
    pub name: String,
    /// By what means it judges.
    pub family: String,
    /// `metrics` (always on), `series` (`hark detect --detector NAME`) or `cohorts` (`hark peers`).
    pub judges: String,
    pub looks_for: String,
    /// What of all values changes no verdict: `shift`, `scale`.
    pub unmoved_by: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RejectedLine {
    /// From 1, in the body as it was sent; 0 for what came in several bodies.
    pub line: u64,
    pub reason: String,
}

/// A body as it came in through some door.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub door: Door,
    /// How it is packed, as in Content-Encoding; empty where it is not.
    pub encoding: String,
    /// Who sent it. Sources have clocks and quotas of their own.
    pub source: String,
    pub body: Vec<u8>,
}

impl Delivery {
    /// Whoever does not say who they are.
    pub const DEFAULT_SOURCE: &'static str = "default";
}

/// Which format it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// NDJSON.
    Events,
    OtlpLogs {
        json: bool,
    },
    OtlpMetrics {
        json: bool,
    },
    /// Prometheus remote write, major version 1 or 2.
    RemoteWrite {
        version: u8,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QueryQuestion {
    /// One SELECT over `events`, `cells_minute` and `cells_hour`.
    pub sql: String,
    /// Rows at most; the answer says if there were more.
    pub limit: Option<usize>,
}

/// A week, and the alerts of it and of the weeks before.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportQuestion {
    pub week: Week,
    pub alerts: Vec<Alert>,
}

/// Rows in the order of the query, each with one value a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QueryAnswer {
    pub columns: Vec<QueryColumn>,
    pub rows: Vec<Vec<serde_json::Value>>,
    /// There were more rows than the limit.
    pub truncated: bool,
    /// Damaged files that could not be read; their rows are missing.
    pub left_out: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueryColumn {
    pub name: String,
    pub kind: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ExemplarQuestion {
    pub metric: String,
    pub slice: Slice,
    pub from: Timestamp,
    pub to: Timestamp,
    /// Requests of each part at most.
    pub per_part: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ExemplarsAnswer {
    pub exemplars: Vec<Exemplar>,
}

/// One real request, with its user as a keyed hash.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Exemplar {
    /// `hit` or `other` of a ratio, a range of percentiles of a latency.
    pub part: String,
    /// Its fields as they were sent.
    #[schema(value_type = Object)]
    pub event: serde_json::Map<String, serde_json::Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryProblem {
    /// The question is wrong.
    #[error("{0}")]
    Refused(String),
    /// The question is right and could not be answered.
    #[error("{0}")]
    Failed(String),
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
    /// Of a body of remote write, whose senders are answered in headers.
    #[serde(skip)]
    pub written: Option<Written>,
}

/// What was taken of a body of remote write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Written {
    pub samples: u64,
    pub histograms: u64,
    pub exemplars: u64,
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
    /// The disk takes no more: nothing of the body was kept.
    #[error("{0}")]
    NoRoom(String),
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
    /// Values that a metric could not use, such as a negative latency.
    pub unusable: u64,
    /// Records that could not be folded and were put aside with the reason.
    pub set_aside: u64,
    /// What of the log cannot be read, a sentence each.
    pub damage: Vec<String>,
    /// Repetitions of ids that came in since this instant are noticed.
    pub ids_known_since: Option<Timestamp>,
    pub sources: Vec<SourceStatus>,
    /// Whether detection works; `/api/v1/selftest` says more.
    pub self_test: SelfTestVerdict,
    pub demo: Option<Demo>,
    pub version: String,
}

/// Where one sender stands.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SourceStatus {
    pub name: String,
    /// The latest event time that moved its clock.
    pub latest: Option<Timestamp>,
    /// When it last sent something.
    pub received: Option<Timestamp>,
    /// The furthest that a stamp was ahead of the clock here.
    pub ahead_ms: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct Demo {
    /// Minutes of simulated time that pass in one second.
    pub minutes_per_second: f64,
}
