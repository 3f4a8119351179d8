//! The same for callers who have rows of plain numbers and no arrays.

use linfa::DatasetBase;
use linfa::ParamGuard;
use linfa::traits::{Fit, Predict};
use ndarray::{Array1, ArrayView2};

use super::extended::ExtendedForest;
use super::isolation::IsolationForest;
use super::params::{ExtendedForestParams, ForestError, IsolationForestParams};

impl IsolationForestParams {
    /// Grows a forest on whole rows, one after the other.
    pub fn fit_rows(&self, rows: &[f64], columns: usize) -> Result<IsolationForest, ForestError> {
        self.check_ref()?.fit(&DatasetBase::from(table(rows, columns)?))
    }
}

impl ExtendedForestParams {
    /// Grows a forest on whole rows, one after the other.
    pub fn fit_rows(&self, rows: &[f64], columns: usize) -> Result<ExtendedForest, ForestError> {
        self.check_ref()?.fit(&DatasetBase::from(table(rows, columns)?))
    }
}

impl IsolationForest {
    /// A score for each of whole rows, one after the other.
    pub fn scores(&self, rows: &[f64]) -> Result<Vec<f64>, ForestError> {
        let scores: Array1<f64> = self.predict(&table(rows, self.columns())?);
        Ok(scores.to_vec())
    }

    /// As [`Self::renew`], on whole rows, one after the other.
    pub fn renew_rows(&mut self, rows: &[f64], trees: usize) -> Result<(), ForestError> {
        self.renew(table(rows, self.columns())?, trees)
    }
}

impl ExtendedForest {
    /// A score for each of whole rows, one after the other.
    pub fn scores(&self, rows: &[f64]) -> Result<Vec<f64>, ForestError> {
        let scores: Array1<f64> = self.predict(&table(rows, self.columns())?);
        Ok(scores.to_vec())
    }
}

fn table(rows: &[f64], columns: usize) -> Result<ArrayView2<'_, f64>, ForestError> {
    let ragged = || ForestError::Ragged { numbers: rows.len(), columns };
    let count = rows.len().checked_div(columns).ok_or_else(ragged)?;
    ArrayView2::from_shape((count, columns), rows).map_err(|_| ragged())
}
