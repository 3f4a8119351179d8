//! Many rows down many trees: each tree filled up to full depth, so that every row takes as many steps and none waits
//! for the guess of where the one before it went.

use hark_model::Tree;
use ndarray::{ArrayView2, ArrayViewMut1, Axis};

/// Rows that go down a tree side by side: their steps do not wait for each other.
const ABREAST: usize = 16;
/// Rows that are scored tree after tree while they lie near.
const BLOCK_ROWS: usize = 256;
/// Trees deeper than this would take too much when filled up; they are walked one row at a time.
const FULL_DEPTH_MAX: usize = 11;

#[derive(Debug, Clone, Copy)]
struct Split {
    threshold: f32,
    feature: u32,
}

/// A tree filled up to full depth: the children of split `i` are `2 i` and `2 i + 1`, the root is 1.
struct FullTree {
    depth: usize,
    splits: Vec<Split>,
    leaves: Vec<f64>,
}

impl FullTree {
    fn of(tree: &Tree) -> Self {
        let depth = tree.depth();
        let width = 1 << depth;
        // Where a leaf lies higher up, every value goes left below it, to a copy of that leaf.
        let down = Split { threshold: f32::INFINITY, feature: 0 };
        let mut full = Self { depth, splits: vec![down; width], leaves: vec![0.0; width] };
        full.fill(tree, 0, 1, 0);
        full
    }

    fn fill(&mut self, tree: &Tree, node: usize, at: usize, level: usize) {
        let node = &tree.nodes[node];
        if node.is_leaf() {
            let below = self.depth - level;
            let first = (at << below) - self.leaves.len();
            self.leaves[first..first + (1 << below)].fill(node.value);
            return;
        }
        self.splits[at] = Split { threshold: node.threshold, feature: u32::from(node.feature) };
        self.fill(tree, node.left as usize, 2 * at, level + 1);
        self.fill(tree, node.left as usize + 1, 2 * at + 1, level + 1);
    }

    fn add(&self, rows: &[f32], columns: usize, sums: &mut [f64]) {
        let mut blocks = sums.chunks_exact_mut(ABREAST);
        let mut rows = rows.chunks(ABREAST * columns);
        for sums in &mut blocks {
            let Some(rows) = rows.next() else { return };
            let mut at = [1_usize; ABREAST];
            for _ in 0..self.depth {
                for (lane, at) in at.iter_mut().enumerate() {
                    let split = self.splits[*at];
                    let value = rows[lane * columns + split.feature as usize];
                    *at = 2 * *at + usize::from(value > split.threshold);
                }
            }
            for (sum, at) in sums.iter_mut().zip(at) {
                *sum += self.leaves[at - self.leaves.len()];
            }
        }
        let left_over = blocks.into_remainder().iter_mut();
        for (sum, row) in left_over.zip(rows.flat_map(|rows| rows.chunks(columns))) {
            let mut at = 1;
            for _ in 0..self.depth {
                let split = self.splits[at];
                at = 2 * at + usize::from(row[split.feature as usize] > split.threshold);
            }
            *sum += self.leaves[at - self.leaves.len()];
        }
    }
}

/// The mean path length of each row, which is the same to the last bit however many rows and threads there are.
pub(super) fn mean_path_lengths(
    trees: &[Tree],
    records: ArrayView2<'_, f64>,
    mut lengths: ArrayViewMut1<'_, f64>,
    threads: usize,
) {
    let rows = records.nrows();
    let is_shallow = trees.iter().all(|tree| tree.depth() <= FULL_DEPTH_MAX);
    // Filling up costs as much as walking some rows.
    let full: Vec<FullTree> =
        if is_shallow && rows >= ABREAST { trees.iter().map(FullTree::of).collect() } else { Vec::new() };
    let blocks = rows.div_ceil(BLOCK_ROWS);
    let a_thread = blocks.div_ceil(threads.max(1)).max(1) * BLOCK_ROWS;
    let parts = lengths.axis_chunks_iter_mut(Axis(0), a_thread).zip(records.axis_chunks_iter(Axis(0), a_thread));
    let full = &full;
    std::thread::scope(|scope| {
        let mut parts: Vec<_> = parts.collect();
        let last = parts.pop();
        for (lengths, records) in parts {
            scope.spawn(move || score_part(trees, full, records, lengths));
        }
        if let Some((lengths, records)) = last {
            score_part(trees, full, records, lengths);
        }
    });
}

fn score_part(trees: &[Tree], full: &[FullTree], records: ArrayView2<'_, f64>, mut lengths: ArrayViewMut1<'_, f64>) {
    let columns = records.ncols();
    let mut rows: Vec<f32> = Vec::with_capacity(BLOCK_ROWS * columns);
    let mut sums = Vec::with_capacity(BLOCK_ROWS);
    let blocks = records.axis_chunks_iter(Axis(0), BLOCK_ROWS);
    for (records, mut lengths) in blocks.zip(lengths.axis_chunks_iter_mut(Axis(0), BLOCK_ROWS)) {
        rows.clear();
        rows.extend(records.iter().map(|value| *value as f32));
        sums.clear();
        sums.resize(records.nrows(), 0.0);
        if full.is_empty() {
            for (sum, row) in sums.iter_mut().zip(rows.chunks(columns)) {
                *sum = trees.iter().map(|tree| tree.leaf_of(row).value).sum();
            }
        } else {
            full.iter().for_each(|tree| tree.add(&rows, columns, &mut sums));
        }
        for (length, sum) in lengths.iter_mut().zip(&sums) {
            *length = sum / trees.len() as f64;
        }
    }
}
