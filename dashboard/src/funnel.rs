//! What became of everything there was evidence for, in the shapes of the API.

use hark_model::{AlertId, Slice, Statistic, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// Which dropped candidates are told of; all of them where nothing is said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FunnelQuestion {
    pub metric: Option<String>,
    /// Names of stages.
    pub stages: Vec<String>,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
}

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
    /// The newest candidates that became no alert and were asked for, newest first, 200 at most.
    pub dropped: Vec<DroppedCandidate>,
    /// The newest 200 of each stage are remembered: of those until this instant some are not; null where all are.
    pub forgotten_until: Option<Timestamp>,
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
    /// How the series had moved; null where the evidence went before that was looked at.
    pub statistic: Option<Statistic>,
    pub onset: Option<Timestamp>,
    pub relative: Option<f64>,
    /// The part of the move that is a change of who came; null where that was not looked at.
    pub mix_part: Option<f64>,
    /// The alert that holds it already.
    pub alert: Option<AlertId>,
}
