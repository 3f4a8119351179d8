//! What a forest is asked to be, checked once.

use linfa::ParamGuard;
use thiserror::Error;

/// More would grow for minutes and say no more.
const TREES_MAX: usize = 10_000;
/// Trees of so many rows are sixteen splits deep.
const SAMPLE_ROWS_MAX: usize = 65_536;
const TREES: usize = 100;
const SAMPLE_ROWS: usize = 256;
const THREADS: usize = 2;
const THREADS_MAX: usize = 64;

#[derive(Debug, Clone, Error)]
pub enum ForestError {
    #[error("a forest of {0} trees cannot be grown; ask for 1 to 10000")]
    Trees(usize),
    #[error("trees cannot be grown on {0} rows each; ask for 2 to 65536")]
    SampleRows(usize),
    #[error("{0} threads cannot be used; ask for 1 to 64")]
    Threads(usize),
    #[error("planes cannot run along {extension} more axes in rows of {columns} columns; ask for less than {columns}")]
    Extension { extension: usize, columns: usize },
    #[error("there are no rows to grow a forest on; hand in at least two")]
    NoRows,
    #[error("rows of {0} columns cannot be split; hand in 1 to 65535")]
    Columns(usize),
    #[error("{numbers} numbers are no rows of {columns} columns; hand in whole rows")]
    Ragged { numbers: usize, columns: usize },
    #[error("row {row}, column {column} is no finite number; fill the gap or leave the row out")]
    NotFinite { row: usize, column: usize },
    #[error("{rows} rows are too few to renew trees that were grown on {asked} each; wait for more")]
    TooFewRows { rows: usize, asked: usize },
    #[error(transparent)]
    Linfa(#[from] linfa::Error),
}

/// A plain forest, whose splits run along one axis each. Unchecked: `check` it, or let `fit` do so.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct IsolationForestParams(IsolationForestValidParams);

#[derive(Debug, Clone, PartialEq)]
pub struct IsolationForestValidParams {
    pub(super) trees: usize,
    pub(super) sample_rows: usize,
    pub(super) seed: u64,
    pub(super) threads: usize,
}

impl Default for IsolationForestValidParams {
    fn default() -> Self {
        Self { trees: TREES, sample_rows: SAMPLE_ROWS, seed: 0, threads: THREADS }
    }
}

impl IsolationForestParams {
    /// How many trees; 100 unless said otherwise.
    #[must_use]
    pub fn trees(mut self, trees: usize) -> Self {
        self.0.trees = trees;
        self
    }

    /// Rows a tree is grown on, drawn without putting back; 256 unless said otherwise, and never more than there are.
    #[must_use]
    pub fn sample_rows(mut self, rows: usize) -> Self {
        self.0.sample_rows = rows;
        self
    }

    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.0.seed = seed;
        self
    }

    /// They change how long it takes and nothing else.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.0.threads = threads;
        self
    }
}

impl ParamGuard for IsolationForestParams {
    type Checked = IsolationForestValidParams;
    type Error = ForestError;

    fn check_ref(&self) -> Result<&Self::Checked, ForestError> {
        self.0.check().map(|()| &self.0)
    }

    fn check(self) -> Result<Self::Checked, ForestError> {
        self.0.check().map(|()| self.0)
    }
}

impl IsolationForestValidParams {
    fn check(&self) -> Result<(), ForestError> {
        if !(1..=TREES_MAX).contains(&self.trees) {
            return Err(ForestError::Trees(self.trees));
        }
        if !(2..=SAMPLE_ROWS_MAX).contains(&self.sample_rows) {
            return Err(ForestError::SampleRows(self.sample_rows));
        }
        if !(1..=THREADS_MAX).contains(&self.threads) {
            return Err(ForestError::Threads(self.threads));
        }
        Ok(())
    }
}

/// A forest whose splits are planes in any direction (Hariri, Carrasco Kind & Brunner 2019). Unchecked, as above.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ExtendedForestParams(ExtendedForestValidParams);

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ExtendedForestValidParams {
    pub(super) plain: IsolationForestValidParams,
    /// `None` lets planes run along all axes.
    pub(super) extension: Option<usize>,
}

impl ExtendedForestParams {
    #[must_use]
    pub fn trees(mut self, trees: usize) -> Self {
        self.0.plain.trees = trees;
        self
    }

    #[must_use]
    pub fn sample_rows(mut self, rows: usize) -> Self {
        self.0.plain.sample_rows = rows;
        self
    }

    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.0.plain.seed = seed;
        self
    }

    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.0.plain.threads = threads;
        self
    }

    /// A split's plane runs along so many axes beyond the first; 0 makes splits as those of a plain forest.
    #[must_use]
    pub fn extension(mut self, axes: usize) -> Self {
        self.0.extension = Some(axes);
        self
    }
}

impl ParamGuard for ExtendedForestParams {
    type Checked = ExtendedForestValidParams;
    type Error = ForestError;

    fn check_ref(&self) -> Result<&Self::Checked, ForestError> {
        self.0.plain.check().map(|()| &self.0)
    }

    fn check(self) -> Result<Self::Checked, ForestError> {
        self.0.plain.check().map(|()| self.0)
    }
}
