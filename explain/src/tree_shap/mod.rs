//! Which columns made a forest say what it says: exact Shapley values over the leaves of its trees.
//!
//! A leaf of `d` different columns asks `d` questions of a row, and all that it puts into the row's contributions follows
//! from the `d` answers. So rows are taken together: for each leaf every row's answers are packed into one number,
//! contributions are worked out once for each number that occurs, and every row picks up its own. That is exact, and
//! costs a row `d` steps a leaf instead of the `d * d` of working out each row by itself.

mod answers;
mod background;
mod boxes;
mod paths;
#[cfg(test)]
pub(crate) mod properties;
mod secant;

use hark_model::Tree;
use thiserror::Error;

use answers::Answers;
use background::Background;
use boxes::LeafBoxes;
use paths::PathWeights;

pub use secant::Converted;

/// More different columns on the way to one leaf than there are bits to pack answers into.
const CONDITIONS_MAX: usize = 32;

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TreeShapError {
    #[error("there are no trees to explain; grow a forest first")]
    NoTrees,
    #[error("a tree asks for column {column} of rows that have {columns}; hand in the columns that it was grown on")]
    Columns { column: usize, columns: usize },
    #[error("{0} different columns on the way to one leaf are more than 32; grow shallower trees")]
    TooDeep(usize),
    #[error("{numbers} numbers are no rows of {columns} columns; hand in whole rows")]
    Ragged { numbers: usize, columns: usize },
    #[error("row {row}, column {column} is no finite number; leave that row out")]
    NotFinite { row: usize, column: usize },
    #[error("there are no rows to compare with; hand in at least one")]
    NoBackground,
}

/// What is shared out is the mean over the trees of the value of the leaf that a row comes to.
#[derive(Debug, Clone)]
pub struct TreeExplainer {
    columns: usize,
    leaves: LeafBoxes,
    against: Against,
    base: f64,
}

/// What a row is compared with.
#[derive(Debug, Clone)]
enum Against {
    /// The rows that the trees were grown on, as far as the trees remember them: their counts along each path.
    Paths(PathWeights),
    /// Rows that were handed in.
    Rows(Background),
}

/// `base` plus a row's contributions is what the forest says of that row.
#[derive(Debug, Clone, PartialEq)]
pub struct TreeContributions {
    pub base: f64,
    pub columns: usize,
    /// Row after row, a number for each column.
    pub contributions: Vec<f64>,
}

impl TreeContributions {
    pub fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.contributions.chunks_exact(self.columns)
    }
}

impl TreeExplainer {
    /// Absent columns are averaged over by how many training rows went each way (path-dependent TreeSHAP).
    pub fn path_dependent(trees: &[Tree], columns: usize) -> Result<Self, TreeShapError> {
        let leaves = LeafBoxes::of(trees, columns)?;
        let base = leaves.iter().map(|leaf| leaf.value * leaf.shares().product::<f64>()).sum();
        Ok(Self { columns, leaves, against: Against::Paths(PathWeights::new()), base })
    }

    /// Absent columns take the values of `background` (interventional TreeSHAP), whole rows of `columns` numbers.
    pub fn against(trees: &[Tree], columns: usize, background: &[f32]) -> Result<Self, TreeShapError> {
        if background.is_empty() {
            return Err(TreeShapError::NoBackground);
        }
        check(background, columns)?;
        let leaves = LeafBoxes::of(trees, columns)?;
        let background = Background::of(&leaves, background, columns);
        let base = background.base(&leaves);
        Ok(Self { columns, leaves, against: Against::Rows(background), base })
    }

    pub fn base(&self) -> f64 {
        self.base
    }

    /// Shares out what the forest says of each of `rows`.
    pub fn explain(&self, rows: &[f32]) -> Result<TreeContributions, TreeShapError> {
        check(rows, self.columns)?;
        let mut contributions = vec![0.0; rows.len()];
        let mut answers = Answers::new(self.columns);
        let block = answers::ROWS * self.columns;
        for (rows, contributions) in rows.chunks(block).zip(contributions.chunks_mut(block)) {
            answers.take(rows);
            for (at, leaf) in self.leaves.iter().enumerate() {
                match &self.against {
                    Against::Paths(weights) => answers.add(&leaf, |met, into| weights.share_out(&leaf, met, into)),
                    Against::Rows(rows) => answers.add(&leaf, |met, into| rows.share_out(at, &leaf, met, into)),
                }
            }
            answers.give(contributions);
        }
        Ok(TreeContributions { base: self.base, columns: self.columns, contributions })
    }
}

fn check(rows: &[f32], columns: usize) -> Result<(), TreeShapError> {
    if columns == 0 || !rows.len().is_multiple_of(columns) {
        return Err(TreeShapError::Ragged { numbers: rows.len(), columns });
    }
    match rows.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(TreeShapError::NotFinite { row: at / columns, column: at % columns }),
        None => Ok(()),
    }
}
