//! One tree of a plain forest: splits at random thresholds of random columns until rows stand alone.

use hark_model::{Tree, TreeNode};

use super::path_length::average_path_length;
use super::sample::Sample;
use crate::draws::Draws;

/// Columns whose values lie no further apart are taken for constant, as scikit-learn takes them.
const APART: f32 = 1e-7;

/// Splits deeper than this say nothing: by then an ordinary row stands alone.
pub(super) fn depth_max(sample_rows: usize) -> usize {
    (sample_rows.max(2) as f64).log2().ceil() as usize
}

/// A node that is still to be split: where it is and which of the rows it has.
struct Open {
    node: usize,
    from: usize,
    to: usize,
    depth: usize,
}

pub(super) fn grow(sample: &Sample, depth_max: usize, draws: &mut Draws) -> Tree {
    let mut rows: Vec<u32> = (0..sample.rows() as u32).collect();
    let mut columns: Vec<usize> = (0..sample.columns).collect();
    let mut nodes = vec![TreeNode::leaf(0, 0.0)];
    let mut open = vec![Open { node: 0, from: 0, to: rows.len(), depth: 0 }];
    while let Some(Open { node, from, to, depth }) = open.pop() {
        let count = to - from;
        nodes[node] = TreeNode::leaf(count as u32, depth as f64 + average_path_length(count));
        if depth >= depth_max || count < 2 {
            continue;
        }
        let Some((feature, threshold)) = split(sample, &rows[from..to], &mut columns, draws) else { continue };
        let middle = from + part(sample, &mut rows[from..to], feature, threshold);
        let left = nodes.len();
        nodes[node] =
            TreeNode { feature: feature as u16, left: left as u32, threshold, rows: count as u32, value: 0.0 };
        nodes.extend([TreeNode::leaf(0, 0.0); 2]);
        open.push(Open { node: left + 1, from: middle, to, depth: depth + 1 });
        open.push(Open { node: left, from, to: middle, depth: depth + 1 });
    }
    Tree { nodes }
}

/// A column in which the rows differ, each as likely as any other, and a threshold between its ends.
fn split(sample: &Sample, rows: &[u32], columns: &mut [usize], draws: &mut Draws) -> Option<(usize, f32)> {
    for drawn in 0..columns.len() {
        columns.swap(drawn, drawn + draws.below(columns.len() - drawn));
        let (low, high) = ends(sample, rows, columns[drawn]);
        if high > low + APART {
            let threshold = (f64::from(low) + draws.unit() * (f64::from(high) - f64::from(low))) as f32;
            // Rounding may reach the upper end, where no row would go right.
            return Some((columns[drawn], if threshold < high { threshold } else { low }));
        }
    }
    None
}

fn ends(sample: &Sample, rows: &[u32], column: usize) -> (f32, f32) {
    rows.iter()
        .map(|row| sample.value(*row as usize, column))
        .fold((f32::INFINITY, f32::NEG_INFINITY), |ends, value| {
            (if value < ends.0 { value } else { ends.0 }, if value > ends.1 { value } else { ends.1 })
        })
}

/// Puts those up to the threshold first and says how many they are.
fn part(sample: &Sample, rows: &mut [u32], column: usize, threshold: f32) -> usize {
    let mut middle = 0;
    for at in 0..rows.len() {
        let goes_left = sample.value(rows[at] as usize, column) <= threshold;
        rows.swap(at, middle);
        middle += usize::from(goes_left);
    }
    middle
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(columns: usize, values: &[f32]) -> Sample {
        Sample { values: values.to_vec(), columns }
    }

    #[test]
    fn rows_are_parted_by_the_threshold() {
        let sample = sample(1, &[3.0, 1.0, 2.0, 5.0, 2.0]);
        let mut rows = [0, 1, 2, 3, 4];
        assert_eq!(part(&sample, &mut rows, 0, 2.0), 3);
        let mut left = rows[..3].to_vec();
        left.sort_unstable();
        assert_eq!(left, [1, 2, 4]);
    }

    #[test]
    fn every_row_is_in_one_leaf_and_no_split_leaves_a_side_empty() {
        let values: Vec<f32> = (0..400).map(|at| ((at * 7919) % 101) as f32).collect();
        let tree = grow(&sample(4, &values), depth_max(100), &mut Draws::of(&[1]));
        let leaves = tree.nodes.iter().filter(|node| node.is_leaf());
        assert_eq!(leaves.clone().map(|leaf| leaf.rows).sum::<u32>(), 100);
        assert!(leaves.clone().all(|leaf| leaf.rows > 0));
        assert!(tree.depth() <= 7);
    }

    #[test]
    fn constant_columns_are_never_split_on_and_constant_rows_are_one_leaf() {
        let values: Vec<f32> = (0..64).flat_map(|at| [5.0, at as f32, 7.0]).collect();
        let tree = grow(&sample(3, &values), 6, &mut Draws::of(&[2]));
        assert!(tree.nodes.iter().all(|node| node.is_leaf() || node.feature == 1));
        let flat = grow(&sample(2, &[1.0; 20]), 4, &mut Draws::of(&[3]));
        assert_eq!(flat.nodes, [TreeNode::leaf(10, average_path_length(10))]);
    }

    #[test]
    fn neighbours_in_single_precision_are_still_parted() {
        let next = f32::from_bits(1.0_f32.to_bits() + 1);
        // Just beyond what counts as constant.
        let apart = 1.0 + 2.0 * APART + f32::EPSILON;
        let tree = grow(&sample(1, &[1.0, apart]), 1, &mut Draws::of(&[4]));
        assert_eq!(tree.nodes.len(), 3);
        assert_eq!(grow(&sample(1, &[1.0, next - f32::EPSILON]), 1, &mut Draws::of(&[4])).nodes.len(), 1);
    }
}
