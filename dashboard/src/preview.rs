//! What a preview says, in the shapes of the API.

use hark_model::{Alert, Change, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::engine::SeriesAnswer;
use crate::self_test::Sensitivity;

/// Drafts as JSON documents, beside what else is saved.
#[derive(Debug, Clone, PartialEq)]
pub struct PreviewQuestion {
    pub saved: Vec<String>,
    pub drafts: Vec<String>,
    pub days: u32,
    pub changes: Vec<Change>,
}

/// What would have been alerted by the events that are stored.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PreviewAnswer {
    /// The first and last event that went through; null where none is stored.
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    pub events: u64,
    /// There were more events than a preview takes.
    pub is_cut: bool,
    /// What was covered, as a sentence.
    pub sentence: String,
    pub metrics: Vec<PreviewedMetric>,
    /// Fields that the definitions read and no event has had.
    pub unseen_fields: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PreviewedMetric {
    pub name: String,
    /// Those that would have opened, the oldest first.
    pub alerts: Vec<Alert>,
    /// Null where too little is stored to say.
    pub per_week: Option<f64>,
    /// Slices with a series of their own.
    pub series: u64,
    /// The smallest regression that it would catch in the slice with most traffic; null where none was tried yet.
    pub smallest: Option<Sensitivity>,
    /// All traffic; null where the metric watches no such series.
    pub chart: Option<SeriesAnswer>,
}
