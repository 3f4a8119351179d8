//! Decision trees as flat arrays: what a forest is made of, and what explaining one reads.

use serde::{Deserialize, Serialize};

/// A tree's nodes, the root first. The two children of a node lie side by side.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Tree {
    pub nodes: Vec<TreeNode>,
}

/// Values up to the threshold go left, larger ones right. Thresholds are of single precision, and so is what is
/// compared with them: a value that was rounded is on the same side in training, scoring and explaining.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TreeNode {
    pub feature: u16,
    /// The left child; the right one is next to it. Zero, which is the root and nobody's child, marks a leaf.
    pub left: u32,
    pub threshold: f32,
    /// How many rows of those that it was grown on came here.
    pub rows: u32,
    /// What a leaf says; of other nodes nobody asks.
    pub value: f64,
}

impl TreeNode {
    pub const fn leaf(rows: u32, value: f64) -> Self {
        Self { feature: 0, left: 0, threshold: 0.0, rows, value }
    }

    pub const fn is_leaf(&self) -> bool {
        self.left == 0
    }
}

impl Tree {
    /// The leaf that a row comes to.
    pub fn leaf_of(&self, row: &[f32]) -> &TreeNode {
        let mut node = &self.nodes[0];
        while !node.is_leaf() {
            let goes_right = row[usize::from(node.feature)] > node.threshold;
            node = &self.nodes[node.left as usize + usize::from(goes_right)];
        }
        node
    }

    /// Splits on the longest way down.
    pub fn depth(&self) -> usize {
        let mut deepest = 0;
        let mut depths = vec![0_usize; self.nodes.len()];
        for (at, node) in self.nodes.iter().enumerate() {
            deepest = deepest.max(depths[at]);
            if !node.is_leaf() {
                let left = node.left as usize;
                (depths[left], depths[left + 1]) = (depths[at] + 1, depths[at] + 1);
            }
        }
        deepest
    }
}

/// The mean of what the trees say of a row.
pub fn mean_of_trees(trees: &[Tree], row: &[f32]) -> f64 {
    let sum: f64 = trees.iter().map(|tree| tree.leaf_of(row).value).sum();
    sum / trees.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_at_the_threshold_goes_left() {
        let split = TreeNode { feature: 1, left: 1, threshold: 0.5, rows: 3, value: 0.0 };
        let tree = Tree { nodes: vec![split, TreeNode::leaf(2, 1.0), TreeNode::leaf(1, 2.0)] };
        assert_eq!(tree.leaf_of(&[9.0, 0.5]).value, 1.0);
        assert_eq!(tree.leaf_of(&[9.0, 0.500_000_06]).value, 2.0);
        assert_eq!(tree.depth(), 1);
        let stump = Tree { nodes: vec![TreeNode::leaf(3, 4.0)] };
        assert_eq!(mean_of_trees(&[tree, stump.clone()], &[0.0, 0.0]), 2.5);
        assert_eq!(stump.depth(), 0);
    }
}
