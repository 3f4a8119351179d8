//! What each leaf has to say: how many requests fare worse than its like usually do, how sure that is, and its evidence.

use hark_model::{Leaf, Leaves};

use crate::baseline::{Baseline, OWN_WEIGHT_FROM};
use crate::evidence::{Both, of_missing, of_share};
use crate::leaves_file::evidence::SEVERITIES;
use crate::levels::{self, Bad};
use crate::slices::Question;

/// What one leaf has to say.
pub(crate) struct Evidence {
    /// Bad requests over those expected, or requests missing (or too many).
    pub(crate) excess: f64,
    /// Of the excess: chance now, and what is not known of the usual share.
    pub(crate) variance: f64,
    /// The requests that are expected now to be bad, or to come.
    pub(crate) expected: f64,
    pub(crate) vectors: Both,
}

pub(crate) fn evidence_of(leaves: &Leaves, question: Question) -> Vec<Evidence> {
    match question {
        Question::BadShare { .. } => bad_share(&Baseline::new(leaves), leaves, &levels::usual(leaves)),
        Question::Missing => counts(leaves, 1.0),
        Question::Surplus => counts(leaves, -1.0),
    }
}

/// Bad requests over those expected at each leaf's usual share and today's traffic, so that mix cannot make a cell.
pub(crate) fn bad_share(baseline: &Baseline<'_>, leaves: &Leaves, bad: &Bad) -> Vec<Evidence> {
    let of = |((leaf, bad), share): ((&Leaf, &[f64; 2]), f64)| {
        let seen = (bad[1] + share) / (leaf.after + 1.0);
        let by_chance = leaf.after * seen * (1.0 - seen);
        let of_share_itself = leaf.after * leaf.after * share * (1.0 - share) / (leaf.before + OWN_WEIGHT_FROM);
        Evidence {
            excess: bad[1] - leaf.after * share,
            variance: by_chance + of_share_itself,
            expected: leaf.after * share,
            vectors: if leaf.after > 0.0 { of_share(leaf, bad[1], share) } else { [[0.0; SEVERITIES]; 2] },
        }
    };
    leaves.leaves.iter().zip(bad).zip(baseline.usual_shares(bad)).map(of).collect()
}

/// Requests against the same hours before. The expectation is itself a count, less sure the shorter the past. `sign` is 1
/// where missing ones are looked for.
fn counts(leaves: &Leaves, sign: f64) -> Vec<Evidence> {
    let longer = leaves.before_to_after.max(f64::MIN_POSITIVE);
    let weight = longer / (1.0 + longer);
    let of = |leaf: &Leaf| {
        let expected = leaf.before / longer;
        let [fewer, more] = of_missing(leaf, expected, weight);
        Evidence {
            excess: sign * (expected - leaf.after),
            variance: leaf.after + expected / longer,
            expected,
            vectors: if sign > 0.0 { [fewer, more] } else { [more, fewer] },
        }
    };
    leaves.leaves.iter().map(of).collect()
}
