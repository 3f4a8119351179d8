//! Each leaf's evidence that it got worse, at each of a grid of severities: log-likelihood ratios, bounded and additive.

use hark_model::Leaf;

use crate::baseline::{log_odds, share_of, trust};

pub(crate) const SEVERITIES: usize = 20;

/// A leaf of an affected cell may be untouched with this chance, or touched at some other severity with that one:
/// one odd leaf then cannot outweigh its cell.
const UNTOUCHED: f64 = 0.01;
const OTHERWISE: f64 = 0.3;
/// These chances are for leaves of many requests. A leaf of one request is no unit of its own, and splitting a leaf
/// must not change what its cell says: below about this many requests the chances fade.
const MANY_REQUESTS: f64 = 30.0;
/// Nor can one leaf alone make a cell.
const CAP: f64 = 20.0;

pub(crate) type Vector = [f64; SEVERITIES];

/// A bad share that went up: the log-odds of a request being bad grow by 0.12 to 8.3.
pub(crate) fn of_share(leaf: &Leaf, usual: f64) -> Vector {
    let weight = trust(leaf.before, leaf.after);
    let (bad, good) = (leaf.bad_after, leaf.after - leaf.bad_after);
    let logs = std::array::from_fn(|k| {
        let worse = share_of(log_odds(usual) + 0.12 * 1.25_f64.powi(k as i32)).min(0.999);
        weight * (bad * (worse / usual).ln() + good * ((1.0 - worse) / (1.0 - usual)).ln())
    });
    bounded(logs, leaf.after)
}

/// Requests that are missing: 5 % to all of those expected.
pub(crate) fn of_missing(leaf: &Leaf, expected: f64, weight: f64) -> Vector {
    let logs = std::array::from_fn(|k| {
        let lost = (0.05 * (k + 1) as f64).min(0.99);
        weight * (leaf.after * (1.0 - lost).ln() + expected * lost)
    });
    bounded(logs, expected)
}

/// Mixes the severities: mostly the one asked about, sometimes another, now and then none.
fn bounded(logs: Vector, requests: f64) -> Vector {
    let many = requests / (requests + MANY_REQUESTS);
    let (untouched, otherwise) = (UNTOUCHED * many, OTHERWISE * many);
    let largest = logs.iter().copied().fold(0.0, f64::max);
    let mean = logs.iter().map(|log| (log - largest).exp()).sum::<f64>() / SEVERITIES as f64;
    logs.map(|log| {
        let mixed =
            (1.0 - untouched - otherwise) * (log - largest).exp() + otherwise * mean + untouched * (-largest).exp();
        (largest + mixed.ln()).min(CAP)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(before: f64, bad_before: f64, after: f64, bad_after: f64) -> Leaf {
        Leaf { codes: vec![1], before, bad_before, after, bad_after }
    }

    #[test]
    fn worse_leaves_speak_for_it_and_usual_ones_against() {
        let best = |vector: Vector| vector.into_iter().fold(f64::NEG_INFINITY, f64::max);
        assert!(best(of_share(&leaf(1000.0, 50.0, 200.0, 60.0), 0.05)) > 10.0);
        assert!(of_share(&leaf(1000.0, 50.0, 200.0, 10.0), 0.05)[8] < -1.0);
        assert!(best(of_missing(&leaf(1000.0, 0.0, 20.0, 0.0), 100.0, 1.0)) > 10.0);
    }

    #[test]
    fn no_leaf_counts_beyond_the_bounds() {
        let wild = of_share(&leaf(1e6, 1e4, 1e6, 1e6), 0.01);
        assert!(wild.iter().all(|&log| log <= CAP));
        let calm = of_share(&leaf(1e6, 1e4, 1e6, 0.0), 0.01);
        assert!(calm.iter().all(|&log| log >= UNTOUCHED.ln() - 1e-3), "{calm:?}");
    }

    #[test]
    fn splitting_a_thin_leaf_changes_little() {
        let whole = of_share(&leaf(0.0, 0.0, 10.0, 2.0), 0.05);
        let bad = of_share(&leaf(0.0, 0.0, 1.0, 1.0), 0.05);
        let good = of_share(&leaf(0.0, 0.0, 1.0, 0.0), 0.05);
        for k in 0..8 {
            let split = 2.0 * bad[k] + 8.0 * good[k];
            assert!((split - whole[k]).abs() < 0.7, "severity {k}: {split} split and {} whole", whole[k]);
        }
    }
}
