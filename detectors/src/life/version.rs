//! One version of a metric's model: trained once, never changed, and measured on rows that came after it.

use std::collections::BTreeMap;

use hark_model::{Measured, Step};
use serde::{Deserialize, Serialize};

use super::kept_rows::KeptRows;
use super::model::Model;
use super::trial::{STRANGE, Tally};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Version<M: Model> {
    pub number: u32,
    pub trained_at: Step,
    /// The first and the last step that a row is of.
    pub data: [Step; 2],
    pub rows: u32,
    model: M,
    /// How strange rows are that it was not trained on, in order.
    usual: Vec<f64>,
    tally: Tally,
    /// What it could do when it was let in.
    proven: Option<Measured>,
}

/// How strange a row is, the greater the stranger, and how many normal ones are as strange.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Strangeness {
    pub strangeness: f64,
    pub p_value: f64,
}

impl<M: Model> Version<M> {
    /// On the rows alone, or going on from an older version. `None` where the rows are too few.
    pub(super) fn train(number: u32, seed: u64, rows: &KeptRows, columns: usize, older: Option<&Self>) -> Option<Self> {
        let [first, last] = rows.span()?;
        let trained_on = rows.trained_on();
        let seed = seed ^ u64::from(number).rotate_left(32);
        let model = M::train(&trained_on, columns, seed, older.map(|older| &older.model))?;
        let mut usual: Vec<f64> = rows.held_out().map(|row| model.strangeness(row)).collect();
        usual.sort_by(f64::total_cmp);
        Some(Self {
            number,
            trained_at: last,
            data: [first, last],
            rows: (trained_on.len() / columns) as u32,
            model,
            usual,
            tally: Tally::default(),
            proven: None,
        })
    }

    pub fn model(&self) -> &M {
        &self.model
    }

    /// How strange rows are that it was not trained on, in order: what p-values are ranks among.
    pub fn usual(&self) -> &[f64] {
        &self.usual
    }

    /// The p-value is by rank among the rows that it was not trained on.
    pub fn judge(&self, row: &[f32]) -> Strangeness {
        let strangeness = self.model.strangeness(row);
        let as_strange = self.usual.len() - self.usual.partition_point(|usual| *usual < strangeness);
        let p_value = (as_strange + 1) as f64 / (self.usual.len() + 1) as f64;
        Strangeness { strangeness, p_value }
    }

    /// Sees a quiet row, and the same with a regression put in.
    pub(super) fn try_on(&mut self, row: &[f32], worse: &[f32]) {
        let [quiet, worse] = [row, worse].map(|row| self.judge(row).p_value);
        self.tally.add(quiet, worse);
    }

    /// What it can do is what it is held to from now on.
    pub(super) fn let_in(mut self, measured: Measured) -> Self {
        self.proven = Some(measured);
        self
    }

    pub(super) fn proven(&self) -> Option<Measured> {
        self.proven
    }

    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    pub(super) fn forget_trial(&mut self) {
        self.tally = Tally::default();
    }

    /// What it was made with, for people.
    pub fn parameters(&self) -> BTreeMap<String, f64> {
        let common = [("held_out_rows", self.usual.len() as f64), ("strange_below", STRANGE)];
        let named = self.model.parameters().into_iter().chain(common);
        named.map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The memory it takes up, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.model.bytes() + self.usual.capacity() * size_of::<f64>()
    }
}
