//! A model that was made elsewhere and is kept under a name.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ImportedModel {
    pub name: String,
    /// From 1, each name's own.
    pub number: u32,
    pub imported_at: Timestamp,
    /// Who imported it.
    pub by: String,
    /// Of its file, which is called after it.
    pub checksum: String,
    pub bytes: u64,
    /// What wrote the file, as it says itself.
    pub producer: String,
    pub opset: i64,
    pub operators: u64,
    pub weights: u64,
    /// Rows of a window.
    pub time: u32,
    pub columns: u32,
    pub gives: Gives,
}

/// What it says of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Gives {
    /// The window again, as well as it can make it up.
    Reconstruction,
    Score,
}

impl Gives {
    pub fn name(self) -> &'static str {
        match self {
            Self::Reconstruction => "reconstruction",
            Self::Score => "score",
        }
    }
}
