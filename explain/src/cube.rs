//! All cells of up to three dimensions, each with its leaves' evidence added up and the price of being one of many.

use hark_model::Leaves;
use rustc_hash::FxHashMap;

use crate::evidence::{SEVERITIES, Vector};

const LAYERS_MAX: usize = 3;

/// A cell: which dimensions it fixes and to which codes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cell {
    pub(crate) dimensions: Vec<usize>,
    pub(crate) codes: Vec<u16>,
    pub(crate) score: f64,
}

impl Cell {
    pub(crate) fn holds(&self, codes: &[u16]) -> bool {
        self.dimensions.iter().zip(&self.codes).all(|(&dimension, &code)| codes[dimension] == code)
    }
}

/// The combinations of dimensions worth looking at. One that adds a dimension which the others already determine (a
/// build tells its version) has the cells of a smaller one and is left out.
pub(crate) fn cuboids(leaves: &Leaves) -> Vec<Vec<usize>> {
    let mut kept: Vec<(Vec<usize>, usize)> = vec![(Vec::new(), 1)];
    let mut layer = kept.clone();
    for _ in 0..LAYERS_MAX {
        let mut next = Vec::new();
        for (dimensions, _) in &layer {
            let first = dimensions.last().map_or(0, |last| last + 1);
            for added in first..leaves.dimensions.len() {
                let mut longer = dimensions.clone();
                longer.push(added);
                let cells = count_cells(leaves, &longer);
                let subsets = (0..longer.len()).map(|skip| without(&longer, skip));
                let is_new = subsets.into_iter().all(|shorter| {
                    kept.iter().find(|(known, _)| *known == shorter).is_some_and(|(_, fewer)| cells > *fewer)
                });
                if is_new {
                    next.push((longer, cells));
                }
            }
        }
        kept.extend(next.iter().cloned());
        layer = next;
    }
    kept.into_iter().map(|(dimensions, _)| dimensions).collect()
}

/// The best cell over the leaves that are still `free`; ties go to the shallower one, then to the earlier codes.
pub(crate) fn best_cell<'a>(
    leaves: &Leaves,
    cuboids: &[Vec<usize>],
    vector: impl Fn(usize) -> &'a Vector,
    free: &[bool],
) -> Option<Cell> {
    let mut best: Option<Cell> = None;
    for dimensions in cuboids {
        let mut sums: FxHashMap<u64, (usize, Vector)> = FxHashMap::default();
        for (at, leaf) in leaves.leaves.iter().enumerate().filter(|(at, _)| free[*at]) {
            let Some(key) = key(&leaf.codes, dimensions) else { continue };
            let (_, sum) = sums.entry(key).or_insert((at, [0.0; SEVERITIES]));
            sum.iter_mut().zip(vector(at)).for_each(|(sum, log)| *sum += log);
        }
        let price = price(sums.len(), leaves.leaves.len(), leaves.dimensions.len(), dimensions.len());
        let mut cells: Vec<_> = sums.into_values().collect();
        cells.sort_unstable_by_key(|(first, _)| *first);
        for (first, sum) in cells {
            let score = sum.into_iter().fold(f64::NEG_INFINITY, f64::max) - price;
            if best.as_ref().is_none_or(|best| score > best.score) {
                let codes = dimensions.iter().map(|&dimension| leaves.leaves[first].codes[dimension]).collect();
                best = Some(Cell { dimensions: dimensions.clone(), codes, score });
            }
        }
    }
    best
}

/// What a cell pays for having been picked: among its cuboid's cells, among the cuboids of its layer, among the
/// severities, and for its depth.
fn price(cells: usize, leaves: usize, dimensions: usize, layer: usize) -> f64 {
    let among = (cells.min(leaves).max(1) as f64).ln();
    let choose: f64 = (0..layer).map(|i| ((dimensions - i) as f64 / (i + 1) as f64).ln()).sum();
    among + choose + layer as f64 + (SEVERITIES as f64).ln()
}

fn key(codes: &[u16], dimensions: &[usize]) -> Option<u64> {
    dimensions.iter().try_fold(0_u64, |key, &dimension| match codes[dimension] {
        0 => None,
        code => Some((key << 16) | u64::from(code)),
    })
}

fn count_cells(leaves: &Leaves, dimensions: &[usize]) -> usize {
    let keys: rustc_hash::FxHashSet<u64> =
        leaves.leaves.iter().filter_map(|leaf| key(&leaf.codes, dimensions)).collect();
    keys.len()
}

fn without(dimensions: &[usize], skip: usize) -> Vec<usize> {
    dimensions.iter().enumerate().filter(|(at, _)| *at != skip).map(|(_, dimension)| *dimension).collect()
}
