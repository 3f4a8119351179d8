//! What each leaf's share of bad requests usually is, also where the leaf itself was rarely seen before.

use hark_model::Leaves;

/// A leaf's own past counts as much as its values' past once it holds so many requests.
const OWN_WEIGHT_FROM: f64 = 60.0;
/// A value's effect starts at zero and is believed as far as this many (weighted) requests speak for it.
const EFFECT_PRIOR: f64 = 5.0;
const ROUNDS: usize = 4;
/// No share is taken for quite impossible or quite certain.
const SHARE_RANGE: (f64, f64) = (1e-5, 0.98);

/// The usual share of each leaf: its own past, shrunk towards an additive model (in log-odds) of its values.
///
/// The additive part is fitted by Newton steps, one value at a time given all others, so that dimensions that say the
/// same thing twice (a device and its platform) are not counted twice.
pub(crate) fn usual_shares(leaves: &Leaves) -> Vec<f64> {
    let (bad, all) = leaves.leaves.iter().fold((0.5, 1.0), |sum, leaf| (sum.0 + leaf.bad_before, sum.1 + leaf.before));
    let mut scores = vec![log_odds(bad / all); leaves.leaves.len()];
    for _ in 0..ROUNDS {
        for (dimension, values) in leaves.values.iter().enumerate() {
            let mut gap = vec![0.0; values.len()];
            let mut weight = vec![EFFECT_PRIOR; values.len()];
            for (leaf, score) in leaves.leaves.iter().zip(&scores) {
                let share = share_of(*score);
                let code = usize::from(leaf.codes[dimension]);
                gap[code] += leaf.bad_before - leaf.before * share;
                weight[code] += leaf.before * share * (1.0 - share);
            }
            for (leaf, score) in leaves.leaves.iter().zip(&mut scores) {
                let code = usize::from(leaf.codes[dimension]);
                *score += (gap[code] / weight[code]).clamp(-1.0, 1.0);
            }
        }
    }
    let shrink = |(leaf, score): (&hark_model::Leaf, &f64)| {
        let share = (leaf.bad_before + OWN_WEIGHT_FROM * share_of(*score)) / (leaf.before + OWN_WEIGHT_FROM);
        share.clamp(SHARE_RANGE.0, SHARE_RANGE.1)
    };
    leaves.leaves.iter().zip(&scores).map(shrink).collect()
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
    1.0 / (1.0 + (-log_odds).exp())
}
