//! The extended isolation forest: splits are planes in random directions, so that scores do not follow the axes.

use linfa::DatasetBase;
use linfa::traits::{Fit, PredictInplace};
use ndarray::{Array1, ArrayBase, ArrayView2, Axis, Data, Ix2};

use super::grow::depth_max;
use super::isolation::on_threads;
use super::params::{ExtendedForestValidParams, ForestError};
use super::path_length::{average_path_length, score};
use super::sample::{Sample, check};
use crate::draws::Draws;

#[derive(Debug, Clone, PartialEq)]
pub struct ExtendedForest {
    trees: Vec<PlaneTree>,
    sample_rows: usize,
    columns: usize,
    threads: usize,
}

/// The planes of all splits of a tree one after the other, `axes` numbers each.
#[derive(Debug, Clone, PartialEq)]
struct PlaneTree {
    nodes: Vec<PlaneNode>,
    columns: Vec<u16>,
    normals: Vec<f32>,
    axes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct PlaneNode {
    /// The left child, the right one next to it; zero marks a leaf.
    left: u32,
    plane: u32,
    /// What the normal times a row is compared with.
    offset: f32,
    /// Of a leaf.
    path_length: f64,
}

impl<D: Data<Elem = f64>, T> Fit<ArrayBase<D, Ix2>, T, ForestError> for ExtendedForestValidParams {
    type Object = ExtendedForest;

    fn fit(&self, dataset: &DatasetBase<ArrayBase<D, Ix2>, T>) -> Result<ExtendedForest, ForestError> {
        let records = dataset.records().view();
        check(records)?;
        let columns = records.ncols();
        let axes = match self.extension {
            None => columns,
            Some(extension) if extension < columns => extension + 1,
            Some(extension) => return Err(ForestError::Extension { extension, columns }),
        };
        let sample_rows = self.plain.sample_rows.min(records.nrows());
        let one = |number| {
            let mut draws = Draws::of(&[self.plain.seed, number, axes as u64]);
            let sample = Sample::draw(records, sample_rows, &mut draws);
            PlaneTree::grow(&sample, axes, depth_max(sample_rows), &mut draws)
        };
        let trees = on_threads(0..self.plain.trees as u64, self.plain.threads, one);
        Ok(ExtendedForest { trees, sample_rows, columns, threads: self.plain.threads })
    }
}

impl<D: Data<Elem = f64>> PredictInplace<ArrayBase<D, Ix2>, Array1<f64>> for ExtendedForest {
    fn predict_inplace(&self, records: &ArrayBase<D, Ix2>, scores: &mut Array1<f64>) {
        assert_eq!(records.ncols(), self.columns, "a forest scores rows of as many columns as it was grown on");
        let a_thread = records.nrows().div_ceil(self.threads).max(1);
        let parts = scores.axis_chunks_iter_mut(Axis(0), a_thread).zip(records.axis_chunks_iter(Axis(0), a_thread));
        std::thread::scope(|scope| {
            for (mut scores, records) in parts {
                scope.spawn(move || {
                    for (score, row) in scores.iter_mut().zip(self.scores_of(records)) {
                        *score = row;
                    }
                });
            }
        });
    }

    fn default_target(&self, records: &ArrayBase<D, Ix2>) -> Array1<f64> {
        Array1::zeros(records.nrows())
    }
}

impl ExtendedForest {
    pub fn columns(&self) -> usize {
        self.columns
    }

    fn scores_of<'a>(&'a self, records: ArrayView2<'a, f64>) -> impl Iterator<Item = f64> + 'a {
        let mut row = Vec::with_capacity(self.columns);
        (0..records.nrows()).map(move |at| {
            row.clear();
            row.extend(records.row(at).iter().map(|value| *value as f32));
            self.score_of(&row)
        })
    }

    /// The score of one row.
    pub(crate) fn score_of(&self, row: &[f32]) -> f64 {
        let sum: f64 = self.trees.iter().map(|tree| tree.path_length(row)).sum();
        score(sum / self.trees.len() as f64, self.sample_rows)
    }
}

impl PlaneTree {
    fn grow(sample: &Sample, axes: usize, depth_max: usize, draws: &mut Draws) -> Self {
        let leaf = PlaneNode { left: 0, plane: 0, offset: 0.0, path_length: 0.0 };
        let mut tree = Self { nodes: vec![leaf], columns: Vec::new(), normals: Vec::new(), axes };
        let all: Vec<u32> = (0..sample.rows() as u32).collect();
        let mut open = vec![(0, all, 0)];
        while let Some((node, rows, depth)) = open.pop() {
            tree.nodes[node].path_length = depth as f64 + average_path_length(rows.len());
            if depth >= depth_max || rows.len() < 2 {
                continue;
            }
            let plane = tree.columns.len() / axes;
            let offset = tree.plane(sample, &rows, draws);
            let goes_left = |row: &u32| tree.along(plane, sample.row(*row as usize)) <= offset;
            let (left_rows, right_rows): (Vec<u32>, Vec<u32>) = rows.iter().copied().partition(|row| goes_left(row));
            let left = tree.nodes.len();
            tree.nodes[node] = PlaneNode { left: left as u32, plane: plane as u32, offset, path_length: 0.0 };
            tree.nodes.extend([leaf; 2]);
            open.push((left + 1, right_rows, depth + 1));
            open.push((left, left_rows, depth + 1));
        }
        tree
    }

    /// Adds a plane through a random point of the box around the rows and gives its offset.
    fn plane(&mut self, sample: &Sample, rows: &[u32], draws: &mut Draws) -> f32 {
        let mut columns: Vec<usize> = (0..sample.columns).collect();
        let mut offset = 0.0;
        for axis in 0..self.axes {
            columns.swap(axis, axis + draws.below(sample.columns - axis));
            let column = columns[axis];
            let values = rows.iter().map(|row| sample.value(*row as usize, column));
            let (low, high) =
                values.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
            let point = low + draws.unit() as f32 * (high - low);
            let normal = draws.bell() as f32;
            offset += normal * point;
            self.columns.push(column as u16);
            self.normals.push(normal);
        }
        offset
    }

    fn along(&self, plane: usize, row: &[f32]) -> f32 {
        let range = plane * self.axes..(plane + 1) * self.axes;
        let terms = self.columns[range.clone()].iter().zip(&self.normals[range]);
        terms.map(|(column, normal)| normal * row[usize::from(*column)]).sum()
    }

    fn path_length(&self, row: &[f32]) -> f64 {
        let mut node = &self.nodes[0];
        while node.left != 0 {
            let goes_right = self.along(node.plane as usize, row) > node.offset;
            node = &self.nodes[node.left as usize + usize::from(goes_right)];
        }
        node.path_length
    }
}
