//! What each leaf's share of bad requests usually is, also where the leaf itself was rarely seen before.

use hark_model::{Leaf, Leaves};
use rustc_hash::FxHashMap;

use crate::leaves_file::quick_math::exp;
use crate::levels::Bad;

/// A leaf's own past counts as much as its values' past once it holds so many requests.
pub(crate) const OWN_WEIGHT_FROM: f64 = 60.0;
/// A value's effect starts at zero and is believed as far as this many (weighted) requests speak for it.
const EFFECT_PRIOR: f64 = 5.0;
/// A pair's effect needs more to be believed: there are many pairs.
const PAIR_PRIOR: f64 = 15.0;
const ROUNDS: usize = 4;
/// Combinations of values up to so many are numbered as they are, seen or not.
const NUMBERED_MAX: usize = 1 << 14;
const PAIR_ROUNDS: usize = 2;
/// No share is taken for quite impossible or quite certain.
const SHARE_RANGE: (f64, f64) = (1e-5, 0.98);

/// Leaves by what they have in common, from which their usual shares are told.
pub(crate) struct Baseline<'a> {
    leaves: &'a [Leaf],
    /// Of every dimension, then of every pair of them.
    groups: Vec<Group>,
    dimensions: usize,
}

impl<'a> Baseline<'a> {
    pub(crate) fn new(leaves: &'a Leaves) -> Self {
        Self { leaves: &leaves.leaves, groups: groups(leaves), dimensions: leaves.dimensions.len() }
    }

    /// The usual share of each leaf: its own past, shrunk towards a model (in log-odds) of its values.
    ///
    /// The model adds the effects of single values, then of pairs of them: a feature may be slow on one platform alone. It
    /// is fitted by Newton steps, one value or pair at a time given all others, so that dimensions that say the same thing
    /// twice (a device and its platform) are not counted twice.
    pub(crate) fn usual_shares(&self, bad: &Bad) -> Vec<f64> {
        let leaves = || self.leaves.iter().zip(bad);
        let (all_bad, all) = leaves().fold((0.5, 1.0), |sum, (leaf, bad)| (sum.0 + bad[0], sum.1 + leaf.before));
        let mut scores = vec![log_odds(all_bad / all); self.leaves.len()];
        let (singles, pairs) = self.groups.split_at(self.dimensions);
        for _ in 0..ROUNDS {
            singles.iter().for_each(|group| self.fit(group, bad, EFFECT_PRIOR, &mut scores));
        }
        for _ in 0..PAIR_ROUNDS {
            pairs.iter().for_each(|group| self.fit(group, bad, PAIR_PRIOR, &mut scores));
            singles.iter().for_each(|group| self.fit(group, bad, EFFECT_PRIOR, &mut scores));
        }
        let shrink = |((leaf, bad), score): ((&Leaf, &[f64; 2]), &f64)| {
            let share = (bad[0] + OWN_WEIGHT_FROM * share_of(*score)) / (leaf.before + OWN_WEIGHT_FROM);
            share.clamp(SHARE_RANGE.0, SHARE_RANGE.1)
        };
        leaves().zip(&scores).map(shrink).collect()
    }

    /// One Newton step for each group's effect.
    fn fit(&self, group: &Group, bad: &Bad, prior: f64, scores: &mut [f64]) {
        let mut sums = vec![(0.0, prior); group.count];
        // By themselves, so that several are worked out at once.
        let shares: Vec<f64> = scores.iter().map(|score| share_of(*score)).collect();
        for (((leaf, bad), share), &at) in self.leaves.iter().zip(bad).zip(shares).zip(&group.of) {
            let (gap, weight) = &mut sums[at as usize];
            *gap += bad[0] - leaf.before * share;
            *weight += leaf.before * share * (1.0 - share);
        }
        let steps: Vec<f64> = sums.into_iter().map(|(gap, weight)| (gap / weight).clamp(-1.0, 1.0)).collect();
        scores.iter_mut().zip(&group.of).for_each(|(score, &at)| *score += steps[at as usize]);
    }
}

/// Which leaves have a value, or a pair of values, in common: for each leaf the number of its group.
struct Group {
    of: Vec<u32>,
    count: usize,
}

/// Of every dimension, then of every pair of them.
fn groups(leaves: &Leaves) -> Vec<Group> {
    let dimensions = leaves.dimensions.len();
    let singles = (0..dimensions).map(|at| vec![at]);
    let pairs = (0..dimensions).flat_map(|a| (a + 1..dimensions).map(move |b| vec![a, b]));
    singles.chain(pairs).map(|dimensions| group(leaves, &dimensions)).collect()
}

fn group(leaves: &Leaves, dimensions: &[usize]) -> Group {
    // Mostly there are few combinations that could be, and each has its number without looking it up.
    let count = dimensions.iter().fold(1_usize, |count, &at| count.saturating_mul(leaves.values[at].len()));
    if count <= NUMBERED_MAX {
        let number = |leaf: &Leaf| {
            let of = |number: usize, &at: &usize| number * leaves.values[at].len() + usize::from(leaf.codes[at]);
            dimensions.iter().fold(0, of) as u32
        };
        return Group { of: leaves.leaves.iter().map(number).collect(), count };
    }
    let mut numbers: FxHashMap<u32, u32> = FxHashMap::default();
    let mut number = |leaf: &Leaf| {
        let key = dimensions.iter().fold(0, |key, &at| (key << 16) | u32::from(leaf.codes[at]));
        let next = numbers.len() as u32;
        *numbers.entry(key).or_insert(next)
    };
    let of = leaves.leaves.iter().map(&mut number).collect();
    Group { of, count: numbers.len() }
}

/// How far a leaf's usual share can be trusted against `after` new requests.
pub(crate) fn trust(before: f64, after: f64) -> f64 {
    let known = before + OWN_WEIGHT_FROM;
    known / (known + after)
}

pub(crate) fn log_odds(share: f64) -> f64 {
    let share = share.clamp(SHARE_RANGE.0, SHARE_RANGE.1);
    (share / (1.0 - share)).ln()
}

pub(crate) fn share_of(log_odds: f64) -> f64 {
    1.0 / (1.0 + exp(-log_odds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::levels::usual;

    #[test]
    fn a_pair_of_values_has_an_effect_of_its_own() {
        // Only a1 with b1 is bad; each leaf alone has seen too little to say so, all with that pair have.
        let mut leaves = Vec::new();
        for a in 1..=3 {
            for b in 1..=3 {
                for c in 1..=60 {
                    let bad_before = if (a, b) == (1, 1) { f64::from(c % 2) } else { f64::from(u8::from(c % 20 == 0)) };
                    leaves.push(Leaf {
                        codes: vec![a, b, c],
                        before: 10.0,
                        bad_before: 2.0 * bad_before,
                        after: 0.0,
                        bad_after: 0.0,
                    });
                }
            }
        }
        let values = [4, 4, 61].map(|count| (0..count).map(|value| value.to_string()).collect()).to_vec();
        let dimensions = ["a", "b", "c"].map(str::to_owned).to_vec();
        let leaves = Leaves { dimensions, values, leaves, values_in_bins: Vec::new(), before_to_after: 1.0 };
        let shares = Baseline::new(&leaves).usual_shares(&usual(&leaves));
        let mean = |pair: [u16; 2]| {
            let of_pair = || leaves.leaves.iter().zip(&shares).filter(|(leaf, _)| leaf.codes[..2] == pair);
            of_pair().map(|(_, share)| share).sum::<f64>() / of_pair().count() as f64
        };
        // One in ten of the pair's requests, one in a hundred of all others.
        assert!((mean([1, 1]) - 0.1).abs() < 0.01, "{}", mean([1, 1]));
        for other in [[1, 2], [2, 1], [3, 3]] {
            assert!((mean(other) - 0.01).abs() < 0.005, "{other:?}: {}", mean(other));
        }
    }
}
