//! What sets of players are worth: the model's mean answer over the background, asked for in batches.

use super::question::{Question, SampledShapError};

/// Rows that are handed to the model at a time, so that neither side needs more memory than this.
const BATCH_ROWS: usize = 16_384;

#[derive(Debug, Clone)]
pub(super) struct Worths {
    /// In order, each once.
    sets: Vec<u64>,
    worths: Vec<f64>,
}

impl Worths {
    pub(super) fn ask(
        question: &Question<'_>,
        mut sets: Vec<u64>,
        mut model: impl FnMut(&[f64]) -> Vec<f64>,
    ) -> Result<Self, SampledShapError> {
        sets.sort_unstable();
        sets.dedup();
        let others = question.background_rows().count();
        let mut worths = Vec::with_capacity(sets.len());
        let mut rows = Vec::new();
        for sets in sets.chunks((BATCH_ROWS / others).max(1)) {
            rows.clear();
            for set in sets {
                question.background_rows().for_each(|other| question.mixed(*set, other, &mut rows));
            }
            let values = answers(&rows, question.row.len(), &mut model)?;
            worths.extend(values.chunks_exact(others).map(|values| values.iter().sum::<f64>() / others as f64));
        }
        Ok(Self { sets, worths })
    }

    /// Of a set that was asked for.
    pub(super) fn of(&self, set: u64) -> f64 {
        self.sets.binary_search(&set).map_or(f64::NAN, |at| self.worths[at])
    }

    pub(super) fn len(&self) -> usize {
        self.sets.len()
    }
}

pub(super) fn answers(
    rows: &[f64],
    columns: usize,
    model: &mut impl FnMut(&[f64]) -> Vec<f64>,
) -> Result<Vec<f64>, SampledShapError> {
    let values = model(rows);
    let asked = rows.len() / columns;
    if values.len() != asked {
        return Err(SampledShapError::Answers { found: values.len(), rows: asked });
    }
    if values.iter().any(|value| !value.is_finite()) {
        return Err(SampledShapError::NotFinite);
    }
    Ok(values)
}
