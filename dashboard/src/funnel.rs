//! What became of everything there was evidence for, in the shapes of the API.

use hark_model::{Slice, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct FunnelReport {
    /// Moves of single series that there was enough evidence for, since hark began.
    pub candidates: u64,
    /// In the order in which a candidate comes to them. The first one has all candidates whose fate is known.
    pub stages: Vec<FunnelStage>,
    /// Candidates whose fate is not known yet.
    pub open: u64,
    /// Candidates that opened an alert.
    pub opened: u64,
    /// Candidates that made an alert fire again.
    pub reopened: u64,
    /// Alerts that turned out to be part of another one after they were opened.
    pub merged: u64,
    /// The newest candidates that became no alert, newest first.
    pub dropped: Vec<DroppedCandidate>,
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct FunnelStage {
    #[schema(value_type = String)]
    pub name: &'static str,
    /// What it asks of a candidate.
    #[schema(value_type = String)]
    pub asks: &'static str,
    pub came: u64,
    pub dropped: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DroppedCandidate {
    pub at: Timestamp,
    pub metric: String,
    pub slice: Slice,
    /// The name of the stage.
    #[schema(value_type = String)]
    pub stage: &'static str,
    /// As a sentence.
    pub why: String,
}
