//! A straight line in place of a model, true near one row only (after Ribeiro, Singh & Guestrin 2016).

use super::question::{Question, SampledShapError};
use super::worths::answers;
use crate::leaves_file::draws::Draws;

/// How near counts: of the distance at which every player is absent. The usual choice of LIME.
const KERNEL_WIDTH: f64 = 0.75;
/// Keeps the equations solvable where a player changes nothing, and moves no weight that one would see.
const RIDGE: f64 = 1e-9;

/// Near the row the model says about `intercept` plus the weights of the players that are as they are in the row.
#[derive(Debug, Clone, PartialEq)]
pub struct Surrogate {
    pub intercept: f64,
    pub weights: Vec<f64>,
    pub standard_errors: Vec<f64>,
    /// Of the model's variation near the row, the share that the line follows: 1 is all. Where it is low, the weights
    /// say little.
    pub fidelity: f64,
}

/// Asks the model about `draws` variations of the row, in each of which some players take the values of a background
/// row, and fits a line through the answers, the nearer the heavier.
pub fn local_surrogate(
    question: &Question<'_>,
    draws: usize,
    seed: u64,
    mut model: impl FnMut(&[f64]) -> Vec<f64>,
) -> Result<Surrogate, SampledShapError> {
    let players = question.players.len();
    if draws < 2 * (players + 1) {
        return Err(SampledShapError::TooFewDraws(draws));
    }
    let sets = sets(question, draws, seed);
    let others: Vec<&[f64]> = question.background_rows().collect();
    let mut chance = Draws::new(!seed);
    let mut rows = Vec::with_capacity(draws * question.row.len());
    for set in &sets {
        question.mixed(*set, others[chance.below(others.len())], &mut rows);
    }
    let values = answers(&rows, question.row.len(), &mut model)?;
    Ok(fit(&sets, &values, players))
}

/// The row itself first; then a number of absent players, each number as likely, and which they are.
fn sets(question: &Question<'_>, draws: usize, seed: u64) -> Vec<u64> {
    let players = question.players.len();
    let mut chance = Draws::new(seed);
    let mut order: Vec<usize> = (0..players).collect();
    let varied = (1..draws).map(|_| {
        let absent = 1 + chance.below(players);
        let mut set = question.everyone();
        for at in 0..absent {
            order.swap(at, at + chance.below(players - at));
            set &= !(1 << order[at]);
        }
        set
    });
    std::iter::once(question.everyone()).chain(varied).collect()
}

fn fit(sets: &[u64], values: &[f64], players: usize) -> Surrogate {
    let terms = players + 1;
    let row = |set: u64| -> Vec<f64> {
        std::iter::once(1.0).chain((0..players).map(|player| (set >> player & 1) as f64)).collect()
    };
    let nearness = |set: u64| {
        let absent = players as f64 - f64::from(set.count_ones());
        (-absent / players as f64 / (KERNEL_WIDTH * KERNEL_WIDTH)).exp()
    };
    let mut matrix = vec![vec![0.0; terms]; terms];
    let mut right = vec![0.0; terms];
    for (set, value) in sets.iter().zip(values) {
        let (row, near) = (row(*set), nearness(*set));
        for a in 0..terms {
            right[a] += near * row[a] * value;
            for b in 0..terms {
                matrix[a][b] += near * row[a] * row[b];
            }
        }
    }
    for (at, row) in matrix.iter_mut().enumerate().skip(1) {
        row[at] += RIDGE * sets.len() as f64;
    }
    let inverse = inverse(matrix);
    let solved: Vec<f64> = inverse.iter().map(|row| row.iter().zip(&right).map(|(a, b)| a * b).sum()).collect();
    let says = |set: u64| row(set).iter().zip(&solved).map(|(a, b)| a * b).sum::<f64>();
    let weighed = || sets.iter().zip(values).map(|(set, value)| (nearness(*set), *set, *value));
    let total: f64 = weighed().map(|(near, _, _)| near).sum();
    let mean = weighed().map(|(near, _, value)| near * value).sum::<f64>() / total;
    let missed: f64 = weighed().map(|(near, set, value)| near * (value - says(set)).powi(2)).sum();
    let spread: f64 = weighed().map(|(near, _, value)| near * (value - mean).powi(2)).sum();
    let variance = missed / total * sets.len() as f64 / (sets.len() - terms) as f64;
    let error = |at: usize| (variance * inverse[at][at].max(0.0)).sqrt();
    Surrogate {
        intercept: solved[0],
        weights: solved[1..].to_vec(),
        standard_errors: (1..terms).map(error).collect(),
        fidelity: if spread > 0.0 { (1.0 - missed / spread).clamp(0.0, 1.0) } else { 1.0 },
    }
}

/// By elimination with the largest pivot; the matrix is symmetric and, thanks to the ridge, never singular.
fn inverse(mut matrix: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let size = matrix.len();
    let mut inverse: Vec<Vec<f64>> =
        (0..size).map(|row| (0..size).map(|column| f64::from(u8::from(row == column))).collect()).collect();
    for at in 0..size {
        let pivot = (at..size).max_by(|a, b| matrix[*a][at].abs().total_cmp(&matrix[*b][at].abs())).unwrap_or(at);
        matrix.swap(at, pivot);
        inverse.swap(at, pivot);
        let scale = matrix[at][at];
        for column in 0..size {
            matrix[at][column] /= scale;
            inverse[at][column] /= scale;
        }
        for row in (0..size).filter(|row| *row != at) {
            let factor = matrix[row][at];
            for column in 0..size {
                matrix[row][column] -= factor * matrix[at][column];
                inverse[row][column] -= factor * inverse[at][column];
            }
        }
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_again() {
        let (row, background) = ([2.0, 3.0, 5.0], [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
        let linear = |rows: &[f64]| rows.chunks_exact(3).map(|row| 7.0 + 2.0 * row[0] - row[1]).collect();
        let question = Question::of_columns(&row, &background).unwrap();
        let found = local_surrogate(&question, 200, 5, linear).unwrap();
        // From the background's 8: the first column adds 2, the second takes 2, the third changes nothing.
        for (found, expected) in found.weights.iter().zip([2.0, -2.0, 0.0]) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
        assert!((found.intercept - 8.0).abs() < 1e-6 && found.fidelity > 1.0 - 1e-9, "{found:?}");
        assert_eq!(local_surrogate(&question, 7, 5, linear).unwrap_err(), SampledShapError::TooFewDraws(7));
    }

    #[test]
    fn what_no_line_follows_is_told_by_its_fidelity() {
        let (row, background) = ([1.0; 4], [0.0; 4]);
        // Parity: of single players the line can follow only what the draws near the row make of it.
        let parity = |rows: &[f64]| rows.chunks_exact(4).map(|row| row.iter().sum::<f64>() % 2.0).collect();
        let question = Question::of_columns(&row, &background).unwrap();
        let found = local_surrogate(&question, 2_000, 5, parity).unwrap();
        assert!(found.fidelity < 0.3, "{found:?}");
        let step = |rows: &[f64]| rows.chunks_exact(4).map(|row| f64::from(u8::from(row[0] > 0.5))).collect();
        let found = local_surrogate(&question, 2_000, 5, step).unwrap();
        assert!(found.fidelity > 0.99 && found.weights[0] > 0.99, "{found:?}");
        // Errors are those of the draws: ten times as many, a third of the error.
        let noisy = |rows: &[f64]| rows.chunks_exact(4).map(|row| row[0] + row.iter().sum::<f64>() % 2.0).collect();
        let [few, many] = [500, 5_000].map(|draws| local_surrogate(&question, draws, 9, noisy).unwrap());
        let ratio = few.standard_errors[0] / many.standard_errors[0];
        assert!((2.5..4.0).contains(&ratio), "{ratio}");
    }
}
