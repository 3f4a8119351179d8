//! A forest of one metric: it keeps normal rows, is grown on them, renewed day by day, and judges rows by them.

use serde::{Deserialize, Serialize};

use super::isolation::IsolationForest;
use super::params::IsolationForestParams;

/// Rows that are kept, the newest: of four a step some three and a half days. 4 bytes a column each.
const ROWS_KEPT: usize = 4_096;
/// Every so many-th row is held out: no tree is grown on it, so that its score is that of any other normal row.
const HELD_OUT_EVERY: usize = 4;
/// Fewer say too little of what is normal.
const ROWS_MIN: usize = 1_024;
const TREES: usize = 100;
const SAMPLE_ROWS: usize = 256;
/// A day's renewal: after four days no tree is older than that.
const RENEWED: usize = TREES / 4;
/// What a row is compared with when it is explained.
const COMPARED_WITH: usize = 64;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricForest {
    columns: usize,
    seed: u64,
    /// A ring of rows; `next` is where the next one goes.
    rows: Vec<f32>,
    next: usize,
    forest: Option<IsolationForest>,
}

/// How strange a row is, and how many normal ones are as strange.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Strangeness {
    pub mean_path_length: f64,
    pub score: f64,
    pub p_value: f64,
}

impl MetricForest {
    pub fn new(columns: usize, seed: u64) -> Self {
        Self { columns, seed, rows: Vec::new(), next: 0, forest: None }
    }

    /// Takes a row for normal; the oldest goes.
    pub fn learn(&mut self, row: &[f32]) {
        if row.len() != self.columns || row.iter().any(|value| !value.is_finite()) {
            return;
        }
        if self.rows.len() < ROWS_KEPT * self.columns {
            self.rows.extend_from_slice(row);
        } else {
            self.rows[self.next * self.columns..(self.next + 1) * self.columns].copy_from_slice(row);
        }
        self.next = (self.next + 1) % ROWS_KEPT;
    }

    /// Grows the forest, or puts trees on newer rows in the place of its oldest. Once a day is meant.
    pub fn renew(&mut self) {
        if self.rows.len() < ROWS_MIN * self.columns {
            return;
        }
        let rows: Vec<f64> = self.grown_on().flatten().map(|value| f64::from(*value)).collect();
        match &mut self.forest {
            // It can only fail where rows are too few or no numbers, and these are neither.
            Some(forest) => drop(forest.renew_rows(&rows, RENEWED)),
            None => {
                let params =
                    IsolationForestParams::default().trees(TREES).sample_rows(SAMPLE_ROWS).seed(self.seed).threads(1);
                self.forest = params.fit_rows(&rows, self.columns).ok();
            }
        }
    }

    /// `None` until there is a forest. The p-value is by rank among the rows that no tree has seen.
    pub fn judge(&self, row: &[f32]) -> Option<Strangeness> {
        let forest = self.forest.as_ref()?;
        let mean_path_length = forest.mean_path_length(row);
        let (mut known, mut as_strange) = (0_u32, 0_u32);
        for other in self.held_out() {
            known += 1;
            as_strange += u32::from(forest.mean_path_length(other) <= mean_path_length);
        }
        let p_value = f64::from(as_strange + 1) / f64::from(known + 1);
        Some(Strangeness { mean_path_length, score: forest.score_of_length(mean_path_length), p_value })
    }

    pub fn forest(&self) -> Option<&IsolationForest> {
        self.forest.as_ref()
    }

    /// The newest held-out rows, one after the other: what an explanation compares with.
    pub fn background(&self) -> Vec<f32> {
        let count = self.rows.len() / self.columns;
        // From the newest back round the ring.
        let newest = (1..=count).map(|back| (self.next + ROWS_KEPT - back) % ROWS_KEPT).filter(|at| *at < count);
        let held_out = newest.filter(|at| at % HELD_OUT_EVERY == 0).take(COMPARED_WITH);
        held_out.flat_map(|at| &self.rows[at * self.columns..(at + 1) * self.columns]).copied().collect()
    }

    fn grown_on(&self) -> impl Iterator<Item = &[f32]> {
        let rows = self.rows.chunks_exact(self.columns).enumerate();
        rows.filter(|(at, _)| at % HELD_OUT_EVERY != 0).map(|(_, row)| row)
    }

    fn held_out(&self) -> impl Iterator<Item = &[f32]> {
        self.rows.chunks_exact(self.columns).step_by(HELD_OUT_EVERY)
    }

    /// The memory it takes up, in bytes.
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.rows.capacity() * size_of::<f32>()
            + self.forest.as_ref().map_or(0, IsolationForest::bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::Draws;

    fn normal(draws: &mut Draws) -> [f32; 4] {
        std::array::from_fn(|_| draws.bell() as f32)
    }

    fn grown(rows: usize) -> (MetricForest, Draws) {
        let (mut forest, mut draws) = (MetricForest::new(4, 7), Draws::of(&[1]));
        for _ in 0..rows {
            forest.learn(&normal(&mut draws));
        }
        forest.renew();
        (forest, draws)
    }

    #[test]
    fn p_values_of_normal_rows_are_even_and_those_of_strange_ones_are_small() {
        let (forest, mut draws) = grown(4_096);
        let p_values: Vec<f64> = (0..500).filter_map(|_| Some(forest.judge(&normal(&mut draws))?.p_value)).collect();
        assert_eq!(p_values.len(), 500);
        for level in [0.05, 0.2, 0.5] {
            let below = p_values.iter().filter(|p_value| **p_value <= level).count() as f64 / 500.0;
            // Four standard errors of the share and of the 1,024 held-out rows it is ranked among.
            let error = (level * (1.0 - level) * (1.0 / 500.0 + 1.0 / 1_024.0)).sqrt();
            assert!((below - level).abs() < 4.0 * error, "{level}: {below}");
        }
        let strange = forest.judge(&[8.0, -8.0, 8.0, 8.0]).unwrap();
        assert!(strange.p_value < 0.002 && strange.score > 0.6, "{strange:?}");
    }

    #[test]
    fn it_says_nothing_until_it_knows_enough_and_keeps_no_more_than_its_bound() {
        let (forest, _) = grown(ROWS_MIN - 1);
        assert_eq!(forest.judge(&[0.0; 4]), None);
        let (forest, _) = grown(3 * ROWS_KEPT + 5);
        assert_eq!(forest.rows.len(), ROWS_KEPT * 4);
        assert_eq!(forest.background().len(), COMPARED_WITH * 4);
        assert!(forest.bytes() < 700_000, "{}", forest.bytes());
    }

    #[test]
    fn days_of_renewal_follow_a_new_normal() {
        let (mut forest, mut draws) = grown(4_096);
        let moved = [8.0, 8.0, 8.0, 8.0];
        assert!(forest.judge(&moved).unwrap().p_value < 0.002);
        for _ in 0..4 {
            for _ in 0..ROWS_KEPT / 4 {
                forest.learn(&normal(&mut draws).map(|value| value + 8.0));
            }
            forest.renew();
        }
        assert!(forest.judge(&moved).unwrap().p_value > 0.3);
    }
}
