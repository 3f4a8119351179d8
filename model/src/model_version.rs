//! One version of a model that judges a metric: what it was trained on, what it can do, and where it stands.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Where a version stands.
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is shown the same rows as the active one, and nobody hears of what it says.
    Shadow,
    /// It has passed, and judges a part of the series.
    Staged,
    Active,
    /// A newer one is active. It is kept to go back to.
    Replaced,
    /// It was no better than what it was to replace.
    Refused,
    /// It was active or staged, and had to go.
    RolledBack,
}

impl Standing {
    pub fn name(self) -> &'static str {
        match self {
            Self::Shadow => "shadow",
            Self::Staged => "staged",
            Self::Active => "active",
            Self::Replaced => "replaced",
            Self::Refused => "refused",
            Self::RolledBack => "rolled back",
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a person orders of the models of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelOrder {
    /// The next version is trained now.
    Train,
    /// What is on trial goes one step on without its gate: from shadow to staged, from staged to active.
    Promote,
    /// The version before is active again.
    RollBack,
}

impl ModelOrder {
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train model",
            Self::Promote => "promote model",
            Self::RollBack => "roll back model",
        }
    }
}

/// What a model made of rows of the stream that it had not seen.
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// Of quiet series.
    pub rows: u32,
    /// Of these, called as strange as one in a hundred is.
    pub false_alarms: u32,
    /// The same rows with a regression put in, called as strange as that.
    pub caught: u32,
}

#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelVersion {
    pub metric: String,
    /// The detector, as `hark models list` calls it.
    pub detector: String,
    /// From 1, each metric's own.
    pub number: u32,
    pub standing: Standing,
    /// Since when it stands there, and why.
    pub since: Timestamp,
    pub reason: String,
    pub trained_at: Timestamp,
    /// The rows that it was trained on came between these.
    pub data: [Timestamp; 2],
    pub rows: u32,
    pub parameters: BTreeMap<String, f64>,
    /// What decided where it stands.
    pub measured: Option<Measured>,
    /// What the active version made of the same rows.
    pub beside: Option<Measured>,
    /// Of its file, which is called after it.
    pub checksum: String,
    pub bytes: u64,
}
