//! What a detector says of one series: it moved, since when, and the evidence.

use serde::{Deserialize, Serialize};

use crate::{DetectorEvidence, Slice, Statistic, Timestamp};

#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    Up,
    Down,
}

impl Direction {
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Up => Self::Down,
            Self::Down => Self::Up,
        }
    }
}

/// What there is to tell of a series.
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// Its values got worse.
    #[default]
    Regression,
    /// Nothing comes in any more where something always did: not a value of zero, but none.
    NoData,
    /// It says the same value over and over, which it never did: whatever measures it has stopped measuring.
    Stuck,
}

/// A series has left its expectation. Carries all that explaining and charting need.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub metric: String,
    pub slice: Slice,
    /// The time it was found at: the watermark.
    pub at: Timestamp,
    pub shift: Shift,
}

/// The move itself, without the name of the series: what a detector, which sees numbers alone, can say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shift {
    pub kind: FindingKind,
    pub statistic: Statistic,
    pub direction: Direction,
    pub onset: Timestamp,
    pub onset_interval: [Timestamp; 2],
    /// Expected without the move and seen since the onset, in the metric's unit.
    pub before: f64,
    pub after: f64,
    /// 95 % interval of `after - before`.
    pub interval: [f64; 2],
    /// Requests since the onset.
    pub requests: u64,
    pub e_value: f64,
    pub detectors: Vec<DetectorEvidence>,
}

impl Shift {
    pub fn delta(&self) -> f64 {
        self.after - self.before
    }

    /// The move as a share of what was expected.
    pub fn relative(&self) -> f64 {
        if self.before.abs() > f64::EPSILON { self.delta() / self.before } else { 0.0 }
    }
}
