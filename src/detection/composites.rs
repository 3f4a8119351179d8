//! Composite metrics: a score over the points of others.

use hark_model::{Point, Step};
use hark_query::Plan;
use serde::{Deserialize, Serialize};

use super::Detection;
use crate::series::SeriesId;

/// A composite in one slice: where its points go, and those of its parts come from, in the formula's order.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CompositeSeries {
    pub(crate) composite: usize,
    pub(crate) parts: Vec<SeriesId>,
    pub(crate) series: SeriesId,
}

impl Detection {
    /// Composites have no cells; their points follow from those of their parts in the same slice.
    pub(super) fn push_composites(&mut self, plan: &Plan, step: Step) {
        for composite in &self.composites {
            let (_, formula) = &plan.composites[composite.composite];
            let parts: Vec<Option<Point>> = composite.parts.iter().map(|part| self.series.point(*part, step)).collect();
            let of = |field: fn(&Point) -> Option<f64>| {
                formula.evaluate(&|position| parts[position].as_ref().and_then(field))
            };
            let point = Point {
                step,
                value: of(|point| point.value),
                count: parts.iter().flatten().map(|point| point.count).max().unwrap_or(0),
                expected: of(|point| point.expected),
                low: None,
                high: None,
            };
            self.series.push(composite.series, point);
        }
    }
}
