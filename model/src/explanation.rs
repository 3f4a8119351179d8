//! Why: which slices carry the move, how much of it is mix, which changes fit.

use serde::{Deserialize, Serialize};

use crate::{ChangeId, Slice, Timestamp};

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Explanation {
    /// Ranked; empty where no slice stands out.
    pub causes: Vec<Cause>,
    pub mix: Option<Mix>,
    pub suspects: Vec<Suspect>,
}

/// A slice that carries the move.
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cause {
    pub slice: Slice,
    /// Of the excess of bad requests (or of missing ones), the part that lies in this slice.
    pub share: f64,
    /// Excess requests: bad ones over those expected at the slice's own usual rate; negative where requests are missing.
    pub delta: f64,
    pub requests: u64,
}

/// The move split into how those who came fared (`within`) and who came (`mix_shift`); the two add up to it.
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Mix {
    pub within: f64,
    pub mix_shift: f64,
}

#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suspect {
    pub change: ChangeId,
    pub title: String,
    pub time: Timestamp,
    pub score: f64,
    pub why: String,
}
