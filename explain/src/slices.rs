//! Which slices carry a move, and how much of it is only a change of who came.

use hark_model::{Cause, Leaves, Slice};

use crate::baseline::usual_shares;
use crate::cube::{Cell, best_cell, cuboids};
use crate::evidence::{Vector, of_missing, of_share};

/// A cell is named when its evidence exceeds its price by this much.
const SCORE_MIN: f64 = 2.0;
const CAUSES_MAX: usize = 3;
/// Further causes that carry less than this part of the excess are left out.
const SHARE_MIN: f64 = 0.1;

/// What kind of worse is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// More of the requests are bad: slow, failed.
    BadShare,
    /// Requests are missing.
    Missing,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Located {
    /// Ranked by evidence; the total slice where it is everywhere; empty where nothing stands out.
    pub causes: Vec<Cause>,
    /// The move of the bad share split in two: those who came fared worse, and others came. `None` for counts.
    pub within: Option<f64>,
    pub mix_shift: Option<f64>,
}

impl Located {
    /// The part of the move that is a change of who came; 0 where the two parts pull against each other within noise.
    pub fn mix_part(&self) -> Option<f64> {
        let (within, mix) = (self.within?, self.mix_shift?);
        let all = within.abs() + mix.abs();
        (all > 0.0).then(|| mix.abs() / all)
    }
}

/// Searches the cube for the cells that best tell where the move is.
pub fn locate(leaves: &Leaves, question: Question) -> Located {
    if leaves.leaves.is_empty() {
        return Located::default();
    }
    let (excess, vectors) = match question {
        Question::BadShare => bad_share(leaves),
        Question::Missing => missing(leaves),
    };
    let (within, mix_shift) = match question {
        Question::BadShare => mix(leaves, &excess).unzip(),
        Question::Missing => (None, None),
    };
    let total: f64 = excess.iter().sum();
    let cuboids = cuboids(leaves);
    // A leaf without requests now says nothing of how requests fare; it only informed the usual shares.
    let counts = |leaf: &hark_model::Leaf| question == Question::Missing || leaf.after > 0.0;
    let mut free: Vec<bool> = leaves.leaves.iter().map(counts).collect();
    let mut causes = Vec::new();
    while causes.len() < CAUSES_MAX {
        let Some(cell) = best_cell(leaves, &cuboids, &vectors, &free).filter(|cell| cell.score >= SCORE_MIN) else {
            break;
        };
        let cause = cause(leaves, &cell, &excess, total, &mut free, question);
        let is_enough = causes.is_empty() || cause.share >= SHARE_MIN;
        let is_everything = cell.dimensions.is_empty();
        if is_enough && cause.share > 0.0 {
            causes.push(cause);
        }
        if is_everything || !is_enough {
            break;
        }
    }
    Located { causes, within, mix_shift }
}

/// Takes the cell's leaves out of the search and sums up what they carry.
fn cause(leaves: &Leaves, cell: &Cell, excess: &[f64], total: f64, free: &mut [bool], question: Question) -> Cause {
    let (mut carried, mut requests) = (0.0, 0.0);
    for (at, leaf) in leaves.leaves.iter().enumerate() {
        if free[at] && cell.holds(&leaf.codes) {
            free[at] = false;
            carried += excess[at];
            requests += leaf.after;
        }
    }
    let named = cell.dimensions.iter().zip(&cell.codes).map(|(&dimension, &code)| {
        (leaves.dimensions[dimension].clone(), leaves.values[dimension][usize::from(code)].clone())
    });
    let slice: Slice = named.collect();
    let delta = if question == Question::Missing { -carried } else { carried };
    Cause { slice, share: if total > 0.0 { carried / total } else { 0.0 }, delta, requests: requests as u64 }
}

/// Bad requests over those expected at each leaf's usual share and today's traffic, so that mix cannot make a cell.
fn bad_share(leaves: &Leaves) -> (Vec<f64>, Vec<Vector>) {
    let usual = usual_shares(leaves);
    let pairs = || leaves.leaves.iter().zip(&usual);
    let excess = pairs().map(|(leaf, share)| leaf.bad_after - leaf.after * share).collect();
    (excess, pairs().map(|(leaf, share)| of_share(leaf, *share)).collect())
}

/// Missing requests against the same hours before. The expectation is itself a count, less sure the shorter the past.
fn missing(leaves: &Leaves) -> (Vec<f64>, Vec<Vector>) {
    let longer = leaves.before_to_after.max(f64::MIN_POSITIVE);
    let weight = longer / (1.0 + longer);
    let expected: Vec<f64> = leaves.leaves.iter().map(|leaf| leaf.before / longer).collect();
    let pairs = || leaves.leaves.iter().zip(&expected);
    let excess = pairs().map(|(leaf, expected)| expected - leaf.after).collect();
    (excess, pairs().map(|(leaf, expected)| of_missing(leaf, *expected, weight)).collect())
}

/// The move of the overall bad share: `within` at today's traffic, `mix_shift` at the usual shares. They add up to it.
fn mix(leaves: &Leaves, excess: &[f64]) -> Option<(f64, f64)> {
    let sum = |of: fn(&hark_model::Leaf) -> f64| leaves.leaves.iter().map(of).sum::<f64>();
    let (before, after) = (sum(|leaf| leaf.before), sum(|leaf| leaf.after));
    if before <= 0.0 || after <= 0.0 {
        return None;
    }
    let moved = sum(|leaf| leaf.bad_after) / after - sum(|leaf| leaf.bad_before) / before;
    let within = excess.iter().sum::<f64>() / after;
    Some((within, moved - within))
}

#[cfg(test)]
mod tests {
    use hark_model::Leaf;

    use super::*;

    /// 5 x 4 x 3 leaves with a usual bad share that differs by the first dimension; `change` gives (traffic, share).
    fn cube(change: impl Fn(&[u16]) -> (f64, f64)) -> Leaves {
        let sizes = [5_u16, 4, 3];
        let values = |d: usize| {
            let named = (1..=sizes[d]).map(|code| format!("{}{code}", ["a", "b", "c"][d]));
            std::iter::once(String::new()).chain(named).collect()
        };
        let mut leaves = Vec::new();
        for a in 1..=sizes[0] {
            for b in 1..=sizes[1] {
                for c in 1..=sizes[2] {
                    let codes = vec![a, b, c];
                    let usual = 0.02 * f64::from(a);
                    let (traffic, factor) = change(&codes);
                    let after = 60.0 * traffic;
                    leaves.push(Leaf {
                        before: 400.0,
                        bad_before: (400.0 * usual).round(),
                        after,
                        bad_after: (after * (usual * factor).min(1.0)).round(),
                        codes,
                    });
                }
            }
        }
        Leaves {
            dimensions: ["a", "b", "c"].map(str::to_owned).to_vec(),
            values: (0..3).map(values).collect(),
            leaves,
            before_to_after: 400.0 / 60.0,
        }
    }

    fn named(located: &Located) -> Vec<String> {
        located.causes.iter().map(|cause| cause.slice.to_string()).collect()
    }

    #[test]
    fn a_planted_slice_of_each_depth_is_found() {
        let one = locate(&cube(|codes| (1.0, if codes[1] == 2 { 4.0 } else { 1.0 })), Question::BadShare);
        assert_eq!(named(&one), ["b:b2"]);
        let two = locate(&cube(|c| (1.0, if c[0] == 3 && c[2] == 1 { 5.0 } else { 1.0 })), Question::BadShare);
        assert_eq!(named(&two), ["a:a3,c:c1"]);
        assert!((two.causes[0].share - 1.0).abs() < 0.15, "{two:?}");
    }

    #[test]
    fn a_change_everywhere_names_no_slice() {
        let located = locate(&cube(|_| (1.0, 3.0)), Question::BadShare);
        assert_eq!(named(&located), ["total"]);
    }

    #[test]
    fn nothing_and_a_pure_mix_shift_name_nothing() {
        assert_eq!(named(&locate(&cube(|_| (1.0, 1.0)), Question::BadShare)), [""; 0]);
        let mix = locate(&cube(|codes| (if codes[0] == 5 { 6.0 } else { 1.0 }, 1.0)), Question::BadShare);
        assert_eq!(named(&mix), [""; 0]);
        assert!(mix.mix_part().unwrap() > 0.8, "{mix:?}");
    }

    #[test]
    fn mix_and_rate_add_up_to_the_move() {
        let leaves = cube(|codes| (if codes[0] == 5 { 2.0 } else { 1.0 }, if codes[1] == 1 { 3.0 } else { 1.0 }));
        let located = locate(&leaves, Question::BadShare);
        let sum = |of: fn(&Leaf) -> f64| leaves.leaves.iter().map(of).sum::<f64>();
        let moved = sum(|l| l.bad_after) / sum(|l| l.after) - sum(|l| l.bad_before) / sum(|l| l.before);
        assert!((located.within.unwrap() + located.mix_shift.unwrap() - moved).abs() < 1e-12);
    }

    #[test]
    fn missing_traffic_is_located() {
        let located = locate(&cube(|codes| (if codes[2] == 3 { 0.1 } else { 1.0 }, 1.0)), Question::Missing);
        assert_eq!(named(&located), ["c:c3"]);
        assert!(located.causes[0].delta < 0.0);
    }

    #[test]
    fn the_answer_does_not_depend_on_the_order_of_leaves() {
        let mut leaves = cube(|codes| (1.0, if codes[1] == 2 { 4.0 } else { 1.0 }));
        let first = locate(&leaves, Question::BadShare);
        leaves.leaves.reverse();
        assert_eq!(named(&locate(&leaves, Question::BadShare)), named(&first));
    }
}
