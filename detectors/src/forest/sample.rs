//! Rows drawn for a tree, as single precision in one block.

use ndarray::{ArrayView2, Axis};

use super::params::ForestError;
use crate::draws::Draws;

/// Some rows of a table, side by side: column after column of row after row.
#[derive(Debug, Clone, Default)]
pub(super) struct Sample {
    pub(super) values: Vec<f32>,
    pub(super) columns: usize,
}

impl Sample {
    /// `wanted` different rows in the order of the draw.
    pub(super) fn draw(records: ArrayView2<'_, f64>, wanted: usize, draws: &mut Draws) -> Self {
        let columns = records.ncols();
        let mut values = Vec::with_capacity(wanted * columns);
        for row in different(records.nrows(), wanted, draws) {
            values.extend(records.row(row).iter().map(|value| *value as f32));
        }
        Self { values, columns }
    }

    pub(super) fn rows(&self) -> usize {
        self.values.len() / self.columns.max(1)
    }

    pub(super) fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.columns..(row + 1) * self.columns]
    }

    pub(super) fn value(&self, row: usize, column: usize) -> f32 {
        self.values[row * self.columns + column]
    }
}

/// Different numbers below `end`, each set as likely as any other (Floyd's way, from Bentley & Floyd 1987).
fn different(end: usize, wanted: usize, draws: &mut Draws) -> Vec<usize> {
    let wanted = wanted.min(end);
    let mut is_taken = vec![0_u64; end.div_ceil(64)];
    let mut taken = Vec::with_capacity(wanted);
    for last in end - wanted..end {
        let drawn = draws.below(last + 1);
        let pick = if is_taken[drawn / 64] >> (drawn % 64) & 1 == 1 { last } else { drawn };
        is_taken[pick / 64] |= 1 << (pick % 64);
        taken.push(pick);
    }
    taken
}

/// What every table has to be before a tree is grown on it. Too large for single precision is not finite either.
pub(super) fn check(records: ArrayView2<'_, f64>) -> Result<(), ForestError> {
    if records.nrows() < 2 {
        return Err(ForestError::NoRows);
    }
    if !(1..=usize::from(u16::MAX)).contains(&records.ncols()) {
        return Err(ForestError::Columns(records.ncols()));
    }
    // A sum is finite only if all in it are, and adding is quicker than asking; a sum that overflows asks each.
    let looks_finite =
        |row: ndarray::ArrayView1<'_, f64>| row.iter().map(|value| *value as f32).sum::<f32>().is_finite();
    for (row, values) in records.axis_iter(Axis(0)).enumerate().filter(|(_, row)| !looks_finite(*row)) {
        if let Some(column) = values.iter().position(|value| !(*value as f32).is_finite()) {
            return Err(ForestError::NotFinite { row, column });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_different_rows_and_each_is_as_likely() {
        let mut counts = [0_u32; 10];
        for key in 0..3_000 {
            let mut drawn = different(10, 4, &mut Draws::of(&[key]));
            drawn.iter().for_each(|row| counts[*row] += 1);
            drawn.sort_unstable();
            drawn.dedup();
            assert_eq!(drawn.len(), 4);
        }
        // 3,000 draws of 4 in 10: five standard deviations are 134.
        assert!(counts.iter().all(|count| count.abs_diff(1_200) < 134), "{counts:?}");
        assert_eq!(different(3, 9, &mut Draws::of(&[1])), different(3, 3, &mut Draws::of(&[1])));
    }

    #[test]
    fn what_is_no_finite_number_is_named() {
        let mut table = ndarray::Array2::<f64>::zeros((3, 2));
        assert!(check(table.view()).is_ok());
        table[(2, 1)] = 1e39;
        assert!(matches!(check(table.view()), Err(ForestError::NotFinite { row: 2, column: 1 })));
        table.fill(3e38);
        assert!(check(table.view()).is_ok());
        assert!(matches!(check(ndarray::Array2::zeros((1, 2)).view()), Err(ForestError::NoRows)));
    }
}
