//! One version of a metric's forest: grown once, never changed, and measured on rows that came after it.

use std::collections::BTreeMap;

use hark_model::{Measured, Step};
use serde::{Deserialize, Serialize};

use super::isolation::IsolationForest;
use super::kept_rows::KeptRows;
use super::params::IsolationForestParams;
use super::trial::{STRANGE, Tally};

const TREES: usize = 100;
const SAMPLE_ROWS: usize = 256;
/// Trees that a version on a schedule does not take over from the one before it.
const RENEWED: usize = TREES / 2;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Version {
    pub number: u32,
    pub trained_at: Step,
    /// The first and the last step that a row is of.
    pub data: [Step; 2],
    pub rows: u32,
    judge: Judge,
    tally: Tally,
    /// What it could do when it was let in.
    proven: Option<Measured>,
}

/// What a version's file holds: all that it takes to judge a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Judge {
    forest: IsolationForest,
    /// Mean path lengths of rows that no tree has seen, in order.
    usual: Vec<f64>,
}

/// How strange a row is, and how many normal ones are as strange.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Strangeness {
    pub mean_path_length: f64,
    pub score: f64,
    pub p_value: f64,
}

impl Version {
    /// On the rows alone, or with half the trees of an older forest. `None` where the rows are too few to grow a tree.
    pub(super) fn train(number: u32, seed: u64, rows: &KeptRows, columns: usize, older: Option<&Self>) -> Option<Self> {
        let [first, last] = rows.span()?;
        let grown_on = rows.grown_on();
        let params = IsolationForestParams::default().trees(TREES).sample_rows(SAMPLE_ROWS).threads(1);
        let forest = match older {
            Some(older) => {
                let mut forest = older.judge.forest.clone();
                forest.renew_rows(&grown_on, RENEWED).ok()?;
                forest
            }
            None => params.seed(seed ^ u64::from(number).rotate_left(32)).fit_rows(&grown_on, columns).ok()?,
        };
        let mut usual: Vec<f64> = rows.held_out().map(|row| forest.mean_path_length(row)).collect();
        usual.sort_by(f64::total_cmp);
        Some(Self {
            number,
            trained_at: last,
            data: [first, last],
            rows: (grown_on.len() / columns) as u32,
            judge: Judge { forest, usual },
            tally: Tally::default(),
            proven: None,
        })
    }

    pub fn forest(&self) -> &IsolationForest {
        &self.judge.forest
    }

    /// The p-value is by rank among the rows that no tree had seen when it was grown.
    pub fn judge(&self, row: &[f32]) -> Strangeness {
        let Judge { forest, usual } = &self.judge;
        let mean_path_length = forest.mean_path_length(row);
        let as_strange = usual.partition_point(|length| *length <= mean_path_length);
        let p_value = (as_strange + 1) as f64 / (usual.len() + 1) as f64;
        Strangeness { mean_path_length, score: forest.score_of_length(mean_path_length), p_value }
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
        let named = [
            ("trees", self.judge.forest.trees().len() as f64),
            ("rows_a_tree", SAMPLE_ROWS as f64),
            ("columns", self.judge.forest.columns() as f64),
            ("held_out_rows", self.judge.usual.len() as f64),
            ("strange_below", STRANGE),
        ];
        named.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The memory it takes up, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.judge.forest.bytes() + self.judge.usual.capacity() * size_of::<f64>()
    }

    /// The same forest with the same ranks, whatever it was seen to do: what a file of it is written from.
    pub fn content(&self) -> impl Serialize + '_ {
        &self.judge
    }
}
