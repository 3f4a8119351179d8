//! The HTTP API and the pages.
//!
//! Handlers are thin: they read the question, ask the [`Engine`] or the store, and write the answer. The OpenAPI
//! document is generated from them.

mod api;
mod compare;
mod compressed;
mod engine;
mod funnel;
mod preview;
mod problem;
mod process;
mod self_test;
mod server;

pub use compare::{
    CompareQuestion, ComparedSide, ComparedSides, DimensionDrivers, DistributionAnswer, DriverValue, DriversAnswer,
    HeatMapAnswer, Matched, QuantilePair, SideQuestion,
};
pub use engine::{
    Delivery, Demo, DetectorEntry, Door, Engine, Exemplar, ExemplarQuestion, ExemplarsAnswer, IngestAnswer,
    IngestError, Live, QueryAnswer, QueryColumn, QueryProblem, QueryQuestion, RejectedLine, ReportQuestion,
    SeriesAnswer, SeriesQuestion, SourceStatus, Status, Written,
};
pub use funnel::{DroppedCandidate, FunnelQuestion, FunnelReport, FunnelStage};
pub use preview::{PreviewAnswer, PreviewQuestion, PreviewedMetric};
pub use problem::Problem;
pub use process::{DataPart, ProcessAnswer, ProcessReport};
pub use self_test::{AlarmAudit, SelfTestReport, SelfTestState, SelfTestVerdict, Sensitivity, Trials};
pub use server::{AppState, openapi, pages_are_built, router, serve, serve_grpc};
