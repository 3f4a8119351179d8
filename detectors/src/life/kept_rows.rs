//! Rows of quiet series, the newest: what models of a metric are trained on, and what they are measured by.

use hark_model::Step;
use serde::{Deserialize, Serialize};

/// Every so many-th row is held out: no model is trained on it, so that its score is that of any other normal row.
const HELD_OUT_EVERY: usize = 4;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct KeptRows {
    columns: usize,
    /// So many at most: 4 bytes a column each, and 8 for its step.
    most: usize,
    /// A ring; `next` is where the next row goes.
    values: Vec<f32>,
    steps: Vec<Step>,
    next: usize,
}

impl KeptRows {
    pub(super) fn new(columns: usize, most: usize) -> Self {
        Self { columns, most, values: Vec::new(), steps: Vec::new(), next: 0 }
    }

    /// Takes a row for normal; the oldest goes.
    pub(super) fn add(&mut self, step: Step, row: &[f32]) {
        if self.steps.len() < self.most {
            self.values.extend_from_slice(row);
            self.steps.push(step);
        } else {
            self.values[self.next * self.columns..(self.next + 1) * self.columns].copy_from_slice(row);
            self.steps[self.next] = step;
        }
        self.next = (self.next + 1) % self.most;
    }

    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    /// The first and the last step that a row is of.
    pub(super) fn span(&self) -> Option<[Step; 2]> {
        Some([*self.steps.iter().min()?, *self.steps.iter().max()?])
    }

    /// All that a model may be trained on, one row after the other.
    pub(super) fn trained_on(&self) -> Vec<f32> {
        let rows = self.values.chunks_exact(self.columns).enumerate();
        rows.filter(|(at, _)| at % HELD_OUT_EVERY != 0).flat_map(|(_, row)| row).copied().collect()
    }

    pub(super) fn held_out(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.columns).step_by(HELD_OUT_EVERY)
    }

    /// The newest held-out rows, one after the other: what an explanation compares with.
    pub(super) fn newest_held_out(&self, count: usize) -> Vec<f32> {
        // From the newest back round the ring.
        let newest = (1..=self.len()).map(|back| (self.next + self.most - back) % self.most);
        let held_out = newest.filter(|at| *at < self.len() && at % HELD_OUT_EVERY == 0).take(count);
        held_out.flat_map(|at| &self.values[at * self.columns..(at + 1) * self.columns]).copied().collect()
    }

    pub(super) fn bytes(&self) -> usize {
        self.values.capacity() * size_of::<f32>() + self.steps.capacity() * size_of::<Step>()
    }
}
