//! The plain isolation forest: grown, scored, and renewed as newer rows come.

use hark_model::{Tree, mean_of_trees};
use linfa::DatasetBase;
use linfa::traits::{Fit, PredictInplace};
use ndarray::{Array1, ArrayBase, ArrayView2, Data, Ix2};
use serde::{Deserialize, Serialize};

use super::grow::{depth_max, grow};
use super::params::{ForestError, IsolationForestValidParams};
use super::path_length::{average_path_length, score};
use super::sample::{Sample, check};
use super::score::mean_path_lengths;
use crate::draws::Draws;

/// Trees, oldest first, and what they were grown on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IsolationForest {
    trees: Vec<Tree>,
    sample_rows: usize,
    columns: usize,
    seed: u64,
    threads: usize,
    /// Trees grown so far, those that were replaced included: each has chance of its own.
    grown: u64,
}

impl<D: Data<Elem = f64>, T> Fit<ArrayBase<D, Ix2>, T, ForestError> for IsolationForestValidParams {
    type Object = IsolationForest;

    fn fit(&self, dataset: &DatasetBase<ArrayBase<D, Ix2>, T>) -> Result<IsolationForest, ForestError> {
        IsolationForest::fit(self, dataset.records().view())
    }
}

impl<D: Data<Elem = f64>> PredictInplace<ArrayBase<D, Ix2>, Array1<f64>> for IsolationForest {
    /// A score a row, between 0 and 1; greater is stranger.
    fn predict_inplace(&self, records: &ArrayBase<D, Ix2>, scores: &mut Array1<f64>) {
        assert_eq!(records.ncols(), self.columns, "a forest scores rows of as many columns as it was grown on");
        mean_path_lengths(&self.trees, records.view(), scores.view_mut(), self.threads);
        scores.mapv_inplace(|length| self.score_of_length(length));
    }

    fn default_target(&self, records: &ArrayBase<D, Ix2>) -> Array1<f64> {
        Array1::zeros(records.nrows())
    }
}

impl IsolationForest {
    fn fit(params: &IsolationForestValidParams, records: ArrayView2<'_, f64>) -> Result<Self, ForestError> {
        check(records)?;
        let &IsolationForestValidParams { trees, sample_rows, seed, threads } = params;
        let sample_rows = sample_rows.min(records.nrows());
        let mut forest = Self { trees: Vec::new(), sample_rows, columns: records.ncols(), seed, threads, grown: 0 };
        forest.trees = forest.grow(records, trees);
        Ok(forest)
    }

    /// Puts as many trees grown on newer rows in the place of the oldest: a forest that follows its stream.
    pub fn renew(&mut self, records: ArrayView2<'_, f64>, trees: usize) -> Result<(), ForestError> {
        check(records)?;
        if records.nrows() < self.sample_rows {
            return Err(ForestError::TooFewRows { rows: records.nrows(), asked: self.sample_rows });
        }
        if records.ncols() != self.columns {
            return Err(ForestError::Columns(records.ncols()));
        }
        let trees = trees.min(self.trees.len());
        let newer = self.grow(records, trees);
        self.trees.drain(..trees);
        self.trees.extend(newer);
        Ok(())
    }

    /// Grows trees; which tree gets which chance is the same on any number of threads.
    fn grow(&mut self, records: ArrayView2<'_, f64>, trees: usize) -> Vec<Tree> {
        let first = self.grown;
        self.grown += trees as u64;
        let (seed, sample_rows) = (self.seed, self.sample_rows);
        let one = |number: u64| {
            let mut draws = Draws::of(&[seed, number]);
            let sample = Sample::draw(records, sample_rows, &mut draws);
            grow(&sample, depth_max(sample_rows), &mut draws)
        };
        on_threads(first..first + trees as u64, self.threads, one)
    }

    /// The trees, whose values are path lengths; their mean over the trees makes the score.
    pub fn trees(&self) -> &[Tree] {
        &self.trees
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Of one row in single precision.
    pub fn mean_path_length(&self, row: &[f32]) -> f64 {
        mean_of_trees(&self.trees, row)
    }

    /// 2 to the power of minus the mean path length over what is usual.
    pub fn score_of_length(&self, mean_path_length: f64) -> f64 {
        score(mean_path_length, self.sample_rows)
    }

    /// What is usual: the path length that makes a score of a half.
    pub fn usual_path_length(&self) -> f64 {
        average_path_length(self.sample_rows)
    }

    /// The memory it takes up, in bytes.
    pub fn bytes(&self) -> usize {
        let nodes: usize = self.trees.iter().map(|tree| tree.nodes.capacity()).sum();
        size_of::<Self>() + self.trees.capacity() * size_of::<Tree>() + nodes * size_of::<hark_model::TreeNode>()
    }
}

/// What `one` makes of each number, in their order.
pub(super) fn on_threads<T: Send>(
    numbers: std::ops::Range<u64>,
    threads: usize,
    one: impl Fn(u64) -> T + Sync,
) -> Vec<T> {
    let count = (numbers.end - numbers.start) as usize;
    let each = count.div_ceil(threads.max(1)).max(1);
    if each >= count {
        return numbers.map(one).collect();
    }
    let mut made: Vec<Option<T>> = (0..count).map(|_| None).collect();
    std::thread::scope(|scope| {
        for (part, places) in made.chunks_mut(each).enumerate() {
            let (first, one) = (numbers.start + (part * each) as u64, &one);
            scope.spawn(move || {
                for (at, place) in places.iter_mut().enumerate() {
                    *place = Some(one(first + at as u64));
                }
            });
        }
    });
    made.into_iter().flatten().collect()
}
