//! Every leaf as the box of rows that come to it: one interval for each column on its path.

use hark_model::Tree;

use super::{CONDITIONS_MAX, TreeShapError};

/// Rows above `low` and up to `high` meet it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Condition {
    pub(super) column: usize,
    pub(super) low: f32,
    pub(super) high: f32,
    /// Of the training rows at the splits on this column, so many went the way of this leaf.
    pub(super) share: f64,
}

impl Condition {
    pub(super) fn is_met(&self, value: f32) -> bool {
        self.low < value && value <= self.high
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct LeafBox<'a> {
    /// Divided by the number of trees.
    pub(super) value: f64,
    pub(super) conditions: &'a [Condition],
}

impl LeafBox<'_> {
    pub(super) fn shares(&self) -> impl Iterator<Item = f64> {
        self.conditions.iter().map(|condition| condition.share)
    }

    /// One bit for each condition that `row` meets.
    pub(super) fn met(&self, row: &[f32]) -> u32 {
        let bit = |(at, condition): (usize, &Condition)| u32::from(condition.is_met(row[condition.column])) << at;
        self.conditions.iter().enumerate().map(bit).sum()
    }
}

/// All leaves of all trees.
#[derive(Debug, Clone)]
pub(super) struct LeafBoxes {
    conditions: Vec<Condition>,
    /// The value of each leaf and where its conditions end.
    leaves: Vec<(f64, usize)>,
}

impl LeafBoxes {
    pub(super) fn of(trees: &[Tree], columns: usize) -> Result<Self, TreeShapError> {
        if trees.is_empty() {
            return Err(TreeShapError::NoTrees);
        }
        let mut boxes = Self { conditions: Vec::new(), leaves: Vec::new() };
        for tree in trees {
            boxes.add(tree, columns, trees.len() as f64)?;
        }
        Ok(boxes)
    }

    fn add(&mut self, tree: &Tree, columns: usize, trees: f64) -> Result<(), TreeShapError> {
        let mut open: Vec<(usize, Vec<Condition>)> = vec![(0, Vec::new())];
        while let Some((at, path)) = open.pop() {
            let node = &tree.nodes[at];
            if node.is_leaf() {
                if path.len() > CONDITIONS_MAX {
                    return Err(TreeShapError::TooDeep(path.len()));
                }
                self.conditions.extend(path);
                self.leaves.push((node.value / trees, self.conditions.len()));
                continue;
            }
            let column = usize::from(node.feature);
            if column >= columns {
                return Err(TreeShapError::Columns { column, columns });
            }
            let left = node.left as usize;
            for (child, is_right) in [(left + 1, true), (left, false)] {
                let share = f64::from(tree.nodes[child].rows) / f64::from(node.rows);
                let mut path = path.clone();
                let known = path.iter().position(|condition| condition.column == column).unwrap_or_else(|| {
                    path.push(Condition { column, low: f32::NEG_INFINITY, high: f32::INFINITY, share: 1.0 });
                    path.len() - 1
                });
                let condition = &mut path[known];
                condition.share *= share;
                if is_right {
                    condition.low = condition.low.max(node.threshold);
                } else {
                    condition.high = condition.high.min(node.threshold);
                }
                open.push((child, path));
            }
        }
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.leaves.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = LeafBox<'_>> {
        (0..self.len()).map(|at| {
            let (value, end) = self.leaves[at];
            let from = if at == 0 { 0 } else { self.leaves[at - 1].1 };
            LeafBox { value, conditions: &self.conditions[from..end] }
        })
    }
}
