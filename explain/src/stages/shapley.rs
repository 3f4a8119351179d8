//! Shapley values over stages: what each adds to the move, over all orders in which stages could have changed.
//!
//! A request at some rank before is taken to be at the same rank during, so that a mixture of changed and unchanged stages is
//! a distribution again, and its quantile a number. That keeps stages together that are slow together; which requests
//! pass others while the stages change is what this sees and the requests around a quantile do not.

use super::Profile;

/// Ranks at which mixtures are looked at: near the quantile, below and above.
const RANKS_NEAR: usize = 120;
const RANKS_BELOW: usize = 40;
const RANKS_ABOVE: usize = 20;
/// Near is this part of the rarer side.
const NEAR: f64 = 0.8;
/// A move that the two times do not show by themselves cannot be told apart by them.
const SEEN_MIN: f64 = 0.2;

/// The parts of `delta`; `None` where the two times together do not show the move.
pub(super) fn shapley(quantile: f64, delta: f64, sides: &[Profile; 2], with_gap: bool) -> Option<Vec<f64>> {
    let ranks = ranks(quantile);
    let at_ranks = |side: &Profile| -> Vec<Vec<f64>> { ranks.iter().map(|(rank, _)| side.at(*rank)).collect() };
    let [before, during] = [at_ranks(&sides[0]), at_ranks(&sides[1])];
    let all = before.first()?.len();
    // The gap is no player where it is nothing: it then goes along with what was before.
    let players = if with_gap { all } else { all - 1 };
    let value = |changed: usize| {
        let mut mixture: Vec<(f64, f64)> = ranks
            .iter()
            .enumerate()
            .map(|(at, (_, weight))| {
                let part = |part: usize| if changed >> part & 1 == 1 { during[at][part] } else { before[at][part] };
                ((0..all).map(part).sum::<f64>(), *weight)
            })
            .collect();
        mixture.sort_by(|a, b| a.0.total_cmp(&b.0));
        weighted_quantile(&mixture, quantile)
    };
    let values: Vec<f64> = (0..1_usize << players).map(value).collect();
    let seen = values[values.len() - 1] - values[0];
    if seen * delta <= 0.0 || seen.abs() < SEEN_MIN * delta.abs() {
        return None;
    }
    let weights = weights(players);
    let part = |player: usize| -> f64 {
        let without = (0..values.len()).filter(|set| set >> player & 1 == 0);
        without.map(|set| weights[set.count_ones() as usize] * (values[set | 1 << player] - values[set])).sum()
    };
    let parts: Vec<f64> = (0..players).map(part).collect();
    Some(parts.into_iter().map(|part| part * delta / seen).collect())
}

/// k! (n - 1 - k)! / n! for a set of k others among n players.
fn weights(players: usize) -> Vec<f64> {
    let factorial = |number: usize| (1..=number).map(|factor| factor as f64).product::<f64>();
    (0..players).map(|others| factorial(others) * factorial(players - 1 - others) / factorial(players)).collect()
}

/// Ranks, each with the share of requests that it stands for.
fn ranks(quantile: f64) -> Vec<(f64, f64)> {
    let near = NEAR * quantile.min(1.0 - quantile);
    let (low, high) = (quantile - near, quantile + near);
    let mut ranks = Vec::with_capacity(RANKS_BELOW + RANKS_NEAR + RANKS_ABOVE);
    for (from, to, count) in [(0.0, low, RANKS_BELOW), (low, high, RANKS_NEAR), (high, 1.0, RANKS_ABOVE)] {
        let each = (to - from) / count as f64;
        ranks.extend((0..count).map(|at| (from + (at as f64 + 0.5) * each, each)));
    }
    ranks
}

/// Of values in order, each with its weight: between the middles of two neighbours in proportion.
fn weighted_quantile(sorted: &[(f64, f64)], quantile: f64) -> f64 {
    let mut below = 0.0;
    let mut last: Option<(f64, f64)> = None;
    for (value, weight) in sorted {
        let middle = below + weight / 2.0;
        if middle >= quantile {
            return last.map_or(*value, |(at, before)| before + (value - before) * (quantile - at) / (middle - at));
        }
        last = Some((middle, *value));
        below += weight;
    }
    last.map_or(0.0, |(_, value)| value)
}

impl Profile {
    /// What each part took at a rank: between the middles of two classes in proportion.
    fn at(&self, rank: f64) -> Vec<f64> {
        let mut below = 0.0;
        let mut last: Option<(f64, &Vec<f64>)> = None;
        for (share, means) in &self.classes {
            let middle = below + share / 2.0;
            if middle >= rank {
                let Some((at, before)) = last else { return means.clone() };
                let part = (rank - at) / (middle - at);
                return before.iter().zip(means).map(|(before, mean)| before + (mean - before) * part).collect();
            }
            last = Some((middle, means));
            below += share;
        }
        last.map(|(_, means)| means.clone()).unwrap_or_default()
    }
}
