//! A metric as its team defined it, valid by construction: see [`crate::Definitions`] for the way in.

use serde::Serialize;

use crate::{Slice, Statistic};

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metric {
    pub name: String,
    #[serde(flatten)]
    pub kind: MetricKind,
    /// SQL filter over event fields; limits the denominator of a ratio.
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    pub unit: String,
    /// Never empty; the first is the headline.
    pub statistics: Vec<Statistic>,
    pub dimensions: Vec<String>,
    /// Sets of dimensions; every combination of their values keeps a series of its own.
    pub watch: Vec<Vec<String>>,
    /// Fields that add up to the value.
    pub stages: Vec<String>,
    pub better: Better,
    pub owner: Option<String>,
    pub objective: Option<Objective>,
    pub alert: AlertPolicy,
}

impl Metric {
    pub fn headline(&self) -> Statistic {
        self.statistics[0]
    }

    /// Whether the slices of one of its watched sets are like this one.
    pub fn watches(&self, slice: &Slice) -> bool {
        let is_like = |set: &Vec<String>| set.len() == slice.len() && set.iter().all(|name| slice.get(name).is_some());
        self.watch.iter().any(is_like)
    }

    /// The unit of its values as they are shown: a count is shown as so many a minute.
    pub fn shown_unit(&self) -> String {
        match self.kind {
            MetricKind::Count => format!("{}/min", self.unit),
            _ => self.unit.clone(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum MetricKind {
    Latency { value: String },
    Ratio { numerator: String },
    Count,
    Gauge { value: String },
    Composite { expression: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    Lower,
    Higher,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Objective {
    pub statistic: Statistic,
    pub target: f64,
    pub window: String,
}

/// How much a metric must move before anybody is told, as shares of the expected value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AlertPolicy {
    pub min_effect: f64,
    pub page_at: f64,
}

impl Default for AlertPolicy {
    fn default() -> Self {
        Self { min_effect: 0.03, page_at: 0.2 }
    }
}
