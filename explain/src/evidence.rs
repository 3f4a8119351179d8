//! Each leaf's evidence that it got worse, and that it got better, at each of a grid of severities: log-likelihood
//! ratios, bounded and additive.

use hark_model::Leaf;

use crate::baseline::trust;
use crate::leaves_file::evidence::SEVERITIES;
use crate::leaves_file::quick_math::{exp, ln};

/// A leaf of an affected cell may be untouched with this chance, or touched at some other severity with that one:
/// one odd leaf then cannot outweigh its cell.
const UNTOUCHED: f64 = 0.01;
const OTHERWISE: f64 = 0.3;
/// These chances are for leaves of many requests. A leaf of one request is no unit of its own, and splitting a leaf
/// must not change what its cell says: below about this many requests the chances fade.
const MANY_REQUESTS: f64 = 30.0;
/// Nor can one leaf alone make a cell. What it says of its best severity is cut to this, and of all others by as much, so
/// that it still tells severities apart.
const CAP: f64 = 20.0;

pub(crate) type Vector = [f64; SEVERITIES];
/// For worse, then for better.
pub(crate) type Both = [Vector; 2];

/// The share of bad requests: the log-odds of a request being bad grow, or fall, by 0.12 to 8.3.
pub(crate) fn of_share(leaf: &Leaf, bad: f64, usual: f64) -> Both {
    let weight = trust(leaf.before, leaf.after);
    [1.0, -1.0].map(|sign| {
        let logs = std::array::from_fn(|k| {
            let step = sign * 0.12 * 1.25_f64.powi(k as i32);
            // With p' the share at the shifted odds: ln(p'/p) is the step less this, ln((1-p')/(1-p)) is its negative.
            let grown = ln(1.0 + usual * (exp(step) - 1.0));
            weight * (bad * step - leaf.after * grown)
        });
        bounded(logs, leaf.after)
    })
}

/// Requests that are missing, or too many: 5 % to all of those expected, and as many times more.
pub(crate) fn of_missing(leaf: &Leaf, expected: f64, weight: f64) -> Both {
    let left = |k: usize| 1.0 - (0.05 * (k + 1) as f64).min(0.99);
    let [fewer, more] = [left, |k| 1.0 / (1.0 - (0.05 * (k + 1) as f64).min(0.99))];
    let at = |factor: f64| weight * (leaf.after * ln(factor) - expected * (factor - 1.0));
    [std::array::from_fn(|k| at(fewer(k))), std::array::from_fn(|k| at(more(k)))].map(|logs| bounded(logs, expected))
}

/// Mixes the severities: mostly the one asked about, sometimes another, now and then none.
fn bounded(logs: Vector, requests: f64) -> Vector {
    let many = requests / (requests + MANY_REQUESTS);
    let (untouched, otherwise) = (UNTOUCHED * many, OTHERWISE * many);
    let largest = logs.iter().copied().fold(0.0, f64::max);
    let relative = logs.map(|log| exp((log - largest).max(-700.0)));
    let rest = otherwise * relative.iter().sum::<f64>() / SEVERITIES as f64 + untouched * (-largest).exp();
    let at_most = largest.min(CAP);
    relative.map(|relative| at_most + ln((1.0 - untouched - otherwise) * relative + rest).max(-700.0))
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
        let [worse, better] = of_share(&leaf(1000.0, 50.0, 200.0, 60.0), 60.0, 0.05);
        assert!(best(worse) > 10.0);
        assert!(best(better) < 0.5, "{better:?}");
        assert!(of_share(&leaf(1000.0, 50.0, 200.0, 10.0), 10.0, 0.05)[0][8] < -1.0);
        assert!(best(of_share(&leaf(1000.0, 400.0, 200.0, 10.0), 10.0, 0.4)[1]) > 10.0);
        let [fewer, more] = of_missing(&leaf(1000.0, 0.0, 20.0, 0.0), 100.0, 1.0);
        assert!(best(fewer) > 10.0 && best(more) < 0.5);
        assert!(best(of_missing(&leaf(1000.0, 0.0, 300.0, 0.0), 100.0, 1.0)[1]) > 10.0);
    }

    #[test]
    fn no_leaf_counts_beyond_the_bounds() {
        let [wild, _] = of_share(&leaf(1e6, 1e4, 1e6, 1e6), 1e6, 0.01);
        assert!(wild.iter().all(|&log| log <= CAP));
        let [calm, _] = of_share(&leaf(1e6, 1e4, 1e6, 0.0), 0.0, 0.01);
        assert!(calm.iter().all(|&log| log >= UNTOUCHED.ln() - 1e-3), "{calm:?}");
    }

    #[test]
    fn splitting_a_thin_leaf_changes_little() {
        let [whole, _] = of_share(&leaf(0.0, 0.0, 10.0, 2.0), 2.0, 0.05);
        let [bad, _] = of_share(&leaf(0.0, 0.0, 1.0, 1.0), 1.0, 0.05);
        let [good, _] = of_share(&leaf(0.0, 0.0, 1.0, 0.0), 0.0, 0.05);
        for k in 0..8 {
            let split = 2.0 * bad[k] + 8.0 * good[k];
            assert!((split - whole[k]).abs() < 0.7, "severity {k}: {split} split and {} whole", whole[k]);
        }
    }
}
