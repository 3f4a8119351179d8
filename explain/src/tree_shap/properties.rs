//! TreeSHAP against its definition: all sets of columns tried one by one, and the axioms that make it what it is.

use hark_model::{Tree, TreeNode, mean_of_trees};
use proptest::prelude::*;

use super::*;

pub(crate) const COLUMNS: usize = 6;

/// What a tree says when only the columns of `known` are: the others are averaged over by counts.
fn averaged(tree: &Tree, at: usize, row: &[f32], known: u32) -> f64 {
    let node = &tree.nodes[at];
    if node.is_leaf() {
        return node.value;
    }
    let left = node.left as usize;
    let column = usize::from(node.feature);
    if known >> column & 1 == 1 {
        let child = if row[column] <= node.threshold { left } else { left + 1 };
        return averaged(tree, child, row, known);
    }
    let one = |child: usize| f64::from(tree.nodes[child].rows) * averaged(tree, child, row, known);
    (one(left) + one(left + 1)) / f64::from(node.rows)
}

/// Shapley's definition, set by set.
fn brute_force(columns: usize, worth: impl Fn(u32) -> f64) -> Vec<f64> {
    let factorial = |n: u32| (1..=n).map(f64::from).product::<f64>();
    let worths: Vec<f64> = (0..1_u32 << columns).map(worth).collect();
    let of = |column: usize| {
        let without = (0..1_u32 << columns).filter(|set| set >> column & 1 == 0);
        without
            .map(|set| {
                let size = set.count_ones();
                let weight = factorial(size) * factorial(columns as u32 - 1 - size) / factorial(columns as u32);
                weight * (worths[(set | 1 << column) as usize] - worths[set as usize])
            })
            .sum()
    };
    (0..columns).map(of).collect()
}

fn against_paths(trees: &[Tree], row: &[f32]) -> Vec<f64> {
    let mean = |known| trees.iter().map(|tree| averaged(tree, 0, row, known)).sum::<f64>() / trees.len() as f64;
    brute_force(row.len(), mean)
}

fn against_rows(trees: &[Tree], row: &[f32], background: &[f32]) -> Vec<f64> {
    let columns = row.len();
    let worth = |known: u32| {
        let mixed = |other: &[f32]| -> Vec<f32> {
            (0..columns).map(|column| if known >> column & 1 == 1 { row[column] } else { other[column] }).collect()
        };
        let others = background.chunks_exact(columns);
        others.clone().map(|other| mean_of_trees(trees, &mixed(other))).sum::<f64>() / others.len() as f64
    };
    brute_force(columns, worth)
}

/// A tree of any shape over quarters, so that ties at thresholds and columns that come again on a path are common.
pub(crate) fn tree() -> impl Strategy<Value = Tree> {
    let split = (0..COLUMNS as u16, 0..8_u8, 1..40_u32, -4.0..4.0_f64);
    (prop::collection::vec(split, 0..24), any::<u64>()).prop_map(|(splits, order)| grown(&splits, order))
}

fn grown(splits: &[(u16, u8, u32, f64)], order: u64) -> Tree {
    let mut nodes = vec![TreeNode::leaf(1, 0.5)];
    for (turn, (feature, quarter, rows, value)) in splits.iter().enumerate() {
        let leaves: Vec<usize> = (0..nodes.len()).filter(|at| nodes[*at].is_leaf()).collect();
        let at = leaves[(order.rotate_left(turn as u32 * 7) % leaves.len() as u64) as usize];
        let left = nodes.len() as u32;
        nodes[at] = TreeNode { feature: *feature, left, threshold: f32::from(*quarter) / 4.0, rows: 0, value: 0.0 };
        nodes.push(TreeNode::leaf(*rows, *value));
        nodes.push(TreeNode::leaf(*rows % 7 + 1, -value * 0.7));
    }
    // Children lie behind their parents: from the back, counts add up.
    for at in (0..nodes.len()).rev() {
        if !nodes[at].is_leaf() {
            let left = nodes[at].left as usize;
            nodes[at].rows = nodes[left].rows + nodes[left + 1].rows;
        }
    }
    Tree { nodes }
}

pub(crate) fn rows(count: usize) -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec((0..9_u8).prop_map(|quarter| f32::from(quarter) / 4.0), count * COLUMNS)
}

fn assert_near(found: &[f64], expected: &[f64]) {
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-12, "{found} instead of {expected}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn both_forms_are_what_the_definition_says(
        trees in prop::collection::vec(tree(), 1..4),
        rows in rows(3),
        background in rows(5),
    ) {
        let paths = TreeExplainer::path_dependent(&trees, COLUMNS).unwrap().explain(&rows).unwrap();
        let against = TreeExplainer::against(&trees, COLUMNS, &background).unwrap().explain(&rows).unwrap();
        for (at, row) in rows.chunks(COLUMNS).enumerate() {
            assert_near(paths.rows().nth(at).unwrap(), &against_paths(&trees, row));
            assert_near(against.rows().nth(at).unwrap(), &against_rows(&trees, row, &background));
        }
    }

    #[test]
    fn columns_never_asked_for_get_nothing(
        trees in prop::collection::vec(tree(), 1..9),
        rows in rows(20),
        background in rows(4),
    ) {
        let asked = |column: usize| {
            let nodes = trees.iter().flat_map(|tree| &tree.nodes);
            nodes.filter(|node| !node.is_leaf()).any(|node| usize::from(node.feature) == column)
        };
        let paths = TreeExplainer::path_dependent(&trees, COLUMNS).unwrap();
        let against = TreeExplainer::against(&trees, COLUMNS, &background).unwrap();
        for explainer in [paths, against] {
            let found = explainer.explain(&rows).unwrap();
            for shares in found.rows() {
                for (column, share) in shares.iter().enumerate() {
                    prop_assert!(asked(column) || *share == 0.0);
                }
            }
        }
    }

    #[test]
    fn a_forests_parts_are_the_mean_of_its_trees_parts(
        first in tree(),
        second in tree(),
        rows in rows(4),
        background in rows(4),
    ) {
        let both = [first.clone(), second.clone()];
        let of = |trees: &[Tree]| TreeExplainer::path_dependent(trees, COLUMNS).unwrap().explain(&rows).unwrap();
        let against = |trees: &[Tree]| TreeExplainer::against(trees, COLUMNS, &background).unwrap().explain(&rows).unwrap();
        for (all, one, other) in [
            (of(&both), of(&both[..1]), of(&both[1..])),
            (against(&both), against(&both[..1]), against(&both[1..])),
        ] {
            let mean: Vec<f64> =
                one.contributions.iter().zip(&other.contributions).map(|(a, b)| (a + b) / 2.0).collect();
            assert_near(&all.contributions, &mean);
        }
    }

    #[test]
    fn columns_that_play_the_same_part_get_the_same(tree in tree(), values in rows(1), background in rows(3)) {
        // The tree twice, with the first two columns in each other's place, and both of one value.
        let mut swapped = tree.clone();
        for node in swapped.nodes.iter_mut().filter(|node| node.feature < 2) {
            node.feature = 1 - node.feature;
        }
        let mut row = values;
        row[1] = row[0];
        let mut background = background;
        background.chunks_mut(COLUMNS).for_each(|row| row[1] = row[0]);
        let trees = [tree, swapped];
        let paths = TreeExplainer::path_dependent(&trees, COLUMNS).unwrap().explain(&row).unwrap();
        let against = TreeExplainer::against(&trees, COLUMNS, &background).unwrap().explain(&row).unwrap();
        for found in [paths, against] {
            prop_assert!((found.contributions[0] - found.contributions[1]).abs() < 1e-12);
        }
    }

    #[test]
    fn how_rows_are_cut_into_batches_changes_no_bit(trees in prop::collection::vec(tree(), 1..4), rows in rows(30)) {
        let explainer = TreeExplainer::path_dependent(&trees, COLUMNS).unwrap();
        let together = explainer.explain(&rows).unwrap().contributions;
        let apart: Vec<f64> =
            rows.chunks(COLUMNS).flat_map(|row| explainer.explain(row).unwrap().contributions).collect();
        prop_assert_eq!(together, apart);
    }
}

#[test]
fn more_rows_than_a_block_and_more_conditions_than_a_pattern_are_as_exact() {
    // One path of 20 columns: as deep as answers are packed and beyond.
    let columns = 20;
    let mut nodes = Vec::new();
    for column in 0..columns {
        let left = 2 * column as u32 + 1;
        nodes.push(TreeNode { feature: column as u16, left, threshold: 0.5, rows: 21 - column as u32, value: 0.0 });
        nodes.push(TreeNode::leaf(1, column as f64));
        // The right child is the next split.
        if column + 1 == columns {
            nodes.push(TreeNode::leaf(1, 100.0));
        }
    }
    // Left leaf at `left`, right child after it: the order above is split, leaf, split, leaf, ..., leaf.
    let tree = Tree { nodes };
    let mut rows: Vec<f32> = Vec::new();
    for row in 0..1_500_usize {
        rows.extend((0..columns).map(|column| if (row * 31 + column * column) % 7 < 6 { 1.0 } else { 0.0 }));
    }
    let explainer = TreeExplainer::path_dependent(std::slice::from_ref(&tree), columns).unwrap();
    let found = explainer.explain(&rows).unwrap();
    for (shares, row) in found.rows().zip(rows.chunks(columns)) {
        let sum: f64 = found.base + shares.iter().sum::<f64>();
        assert!((sum - tree.leaf_of(row).value).abs() < 1e-9, "{sum}");
    }
    let last = rows.len() - columns;
    assert_eq!(explainer.explain(&rows[last..]).unwrap().contributions, found.contributions[last..]);
}

#[test]
fn single_leaves_put_nothing_into_any_column() {
    let tree = Tree { nodes: vec![TreeNode::leaf(9, 2.5)] };
    let found = TreeExplainer::path_dependent(std::slice::from_ref(&tree), 2).unwrap().explain(&[1.0, 2.0]).unwrap();
    assert_eq!((found.base, found.contributions), (2.5, vec![0.0, 0.0]));
    let found = TreeExplainer::against(&[tree], 2, &[0.0, 0.0]).unwrap().explain(&[1.0, 2.0]).unwrap();
    assert_eq!((found.base, found.contributions), (2.5, vec![0.0, 0.0]));
}

#[test]
fn what_cannot_be_explained_is_said() {
    let split = TreeNode { feature: 3, left: 1, threshold: 0.5, rows: 2, value: 0.0 };
    let trees = [Tree { nodes: vec![split, TreeNode::leaf(1, 0.0), TreeNode::leaf(1, 1.0)] }];
    assert_eq!(TreeExplainer::path_dependent(&[], 4).unwrap_err(), TreeShapError::NoTrees);
    let error = TreeExplainer::path_dependent(&trees, 3).unwrap_err();
    assert_eq!(error, TreeShapError::Columns { column: 3, columns: 3 });
    assert_eq!(TreeExplainer::against(&trees, 4, &[]).unwrap_err(), TreeShapError::NoBackground);
    let explainer = TreeExplainer::path_dependent(&trees, 4).unwrap();
    assert_eq!(explainer.explain(&[0.0; 5]).unwrap_err(), TreeShapError::Ragged { numbers: 5, columns: 4 });
    let error = explainer.explain(&[0.0, 0.0, f32::NAN, 0.0]).unwrap_err();
    assert_eq!(error, TreeShapError::NotFinite { row: 0, column: 2 });
}
