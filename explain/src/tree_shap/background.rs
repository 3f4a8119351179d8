//! Against rows that were handed in: interventional Shapley values of one leaf.

use super::CONDITIONS_MAX;
use super::boxes::{LeafBox, LeafBoxes};

/// For each leaf the different answers that the background gives, each with the share of rows that give it.
#[derive(Debug, Clone)]
pub(super) struct Background {
    answers: Vec<(u32, f64)>,
    /// Where each leaf's answers end.
    ends: Vec<usize>,
    /// `(a - 1)! b! / (a + b)!` at `[a][b]`.
    weights: Vec<[f64; CONDITIONS_MAX + 1]>,
}

impl Background {
    pub(super) fn of(leaves: &LeafBoxes, rows: &[f32], columns: usize) -> Self {
        let one = columns as f64 / rows.len() as f64;
        let (mut answers, mut ends) = (Vec::new(), Vec::with_capacity(leaves.len()));
        for leaf in leaves.iter() {
            let mut given: Vec<u32> = rows.chunks_exact(columns).map(|row| leaf.met(row)).collect();
            given.sort_unstable();
            answers.extend(given.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as f64 * one)));
            ends.push(answers.len());
        }
        Self { answers, ends, weights: weights() }
    }

    fn answers(&self, leaf: usize) -> &[(u32, f64)] {
        let from = if leaf == 0 { 0 } else { self.ends[leaf - 1] };
        &self.answers[from..self.ends[leaf]]
    }

    /// What the forest says of the background on average.
    pub(super) fn base(&self, leaves: &LeafBoxes) -> f64 {
        let here = |(at, leaf): (usize, LeafBox<'_>)| {
            let all = all(leaf.conditions.len());
            leaf.value * self.answers(at).iter().filter(|(met, _)| *met == all).map(|(_, share)| share).sum::<f64>()
        };
        leaves.iter().enumerate().map(here).sum()
    }

    /// A mix of a row and a background row comes to the leaf if the row gives all that only it meets and none that only
    /// the other does. The first are worth something only all together, the second only while all are absent: each of
    /// the `a` first gets `(a - 1)! b! / (a + b)!` of the value, each of the `b` second loses `a! (b - 1)! / (a + b)!`.
    pub(super) fn share_out(&self, at: usize, leaf: &LeafBox<'_>, met: u32, into: &mut [f64]) {
        into.fill(0.0);
        let all = all(leaf.conditions.len());
        for (other, share) in self.answers(at) {
            let (first, second) = (met & !other, other & !met);
            if met | other != all || first | second == 0 {
                continue;
            }
            let (a, b) = (first.count_ones() as usize, second.count_ones() as usize);
            let value = leaf.value * share;
            if a > 0 {
                add(into, first, value * self.weights[a][b]);
            }
            if b > 0 {
                add(into, second, -value * self.weights[b][a]);
            }
        }
    }
}

fn add(into: &mut [f64], mut bits: u32, value: f64) {
    while bits != 0 {
        into[bits.trailing_zeros() as usize] += value;
        bits &= bits - 1;
    }
}

/// A bit for each condition.
fn all(conditions: usize) -> u32 {
    // Shifted in the wider type, where 32 conditions are no overflow.
    ((1_u64 << conditions) - 1) as u32
}

fn weights() -> Vec<[f64; CONDITIONS_MAX + 1]> {
    let mut weights = vec![[0.0; CONDITIONS_MAX + 1]; CONDITIONS_MAX + 1];
    for (a, row) in weights.iter_mut().enumerate().skip(1) {
        row[0] = 1.0 / a as f64;
        for b in 1..=CONDITIONS_MAX - a {
            row[b] = row[b - 1] * b as f64 / (a + b) as f64;
        }
    }
    weights
}
