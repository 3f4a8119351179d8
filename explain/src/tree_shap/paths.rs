//! Against the training rows as the trees remember them: path-dependent Shapley values of one leaf.

use super::CONDITIONS_MAX;
use super::boxes::LeafBox;

/// The weight of a set of so many of `d - 1` others: `k! (d - 1 - k)! / d!`.
#[derive(Debug, Clone)]
pub(super) struct PathWeights {
    /// One row for each `d`.
    weights: Vec<[f64; CONDITIONS_MAX]>,
}

impl PathWeights {
    pub(super) fn new() -> Self {
        let row = |players: usize| {
            let mut row = [0.0; CONDITIONS_MAX];
            // 1 / (d * binomial(d - 1, k)), from one binomial to the next.
            let mut binomial = 1.0;
            for (others, weight) in row.iter_mut().enumerate().take(players) {
                *weight = 1.0 / (players as f64 * binomial);
                binomial *= (players - 1 - others) as f64 / (others + 1) as f64;
            }
            row
        };
        Self { weights: (0..=CONDITIONS_MAX).map(row).collect() }
    }

    /// The leaf's game is `value * prod_j (share_j + met_j y)`: a column that is known multiplies by whether its
    /// condition is met, one that is not by the share of training rows that went this way. `met` has a bit for each
    /// condition. The coefficients of the polynomial count sets by size, and leaving a column out divides by its factor;
    /// from the top down, since shares are at most 1, that is stable.
    pub(super) fn share_out(&self, leaf: &LeafBox<'_>, met: u32, into: &mut [f64]) {
        let weights = &self.weights[leaf.conditions.len()];
        let is_met = |at: usize| met >> at & 1 == 1;
        let missed = leaf.shares().enumerate().filter(|(at, _)| !is_met(*at)).map(|(_, share)| share);
        let mut terms = [0.0; CONDITIONS_MAX + 1];
        terms[0] = leaf.value * missed.product::<f64>();
        let mut degree = 0;
        for (_, share) in leaf.shares().enumerate().filter(|(at, _)| is_met(*at)) {
            degree += 1;
            for k in (1..=degree).rev() {
                terms[k] = terms[k - 1] + share * terms[k];
            }
            terms[0] *= share;
        }
        // Every column whose condition is missed takes the same away.
        let taken: f64 = terms[..=degree].iter().zip(weights).map(|(term, weight)| term * weight).sum();
        for (at, (condition, into)) in leaf.conditions.iter().zip(into).enumerate() {
            *into = if is_met(at) {
                let mut quotient = terms[degree];
                let mut sum = weights[degree - 1] * quotient;
                for k in (1..degree).rev() {
                    quotient = terms[k] - condition.share * quotient;
                    sum += weights[k - 1] * quotient;
                }
                (1.0 - condition.share) * sum
            } else {
                -taken
            };
        }
    }
}
