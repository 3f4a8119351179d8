//! An isolation forest of feature rows.

use super::model::Model;
use crate::forest::{IsolationForest, IsolationForestParams};

const TREES: usize = 100;
const SAMPLE_ROWS: usize = 256;
/// Trees that a version on a schedule does not take over from the one before it.
const RENEWED: usize = TREES / 2;

impl Model for IsolationForest {
    /// Of four a step some three and a half days.
    const ROWS_KEPT: usize = 4_096;
    const RENEWED_AFTER_STEPS: i64 = 0;
    const RENEWED_FROM: &str = "the day's training: half its trees are of";

    fn train(rows: &[f32], columns: usize, seed: u64, older: Option<&Self>) -> Option<Self> {
        let rows: Vec<f64> = rows.iter().map(|value| f64::from(*value)).collect();
        let Some(older) = older else {
            let params = IsolationForestParams::default().trees(TREES).sample_rows(SAMPLE_ROWS).threads(1);
            return params.seed(seed).fit_rows(&rows, columns).ok();
        };
        let mut forest = older.clone();
        forest.renew_rows(&rows, RENEWED).ok()?;
        Some(forest)
    }

    /// The shorter the way to it, the stranger.
    fn strangeness(&self, row: &[f32]) -> f64 {
        -self.mean_path_length(row)
    }

    fn parameters(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("trees", self.trees().len() as f64),
            ("rows_a_tree", SAMPLE_ROWS as f64),
            ("columns", self.columns() as f64),
        ]
    }

    fn bytes(&self) -> usize {
        Self::bytes(self)
    }
}
