//! Which slices carry a move, and how much of it is only a change of who came.

use hark_model::{Cause, Leaf, Leaves, Slice};

use crate::baseline::{trust, usual_shares};
use crate::cube::{Cell, best_cell, cuboids};
use crate::evidence::{SEVERITIES, Vector, of_missing, of_share};

/// A cell is named when its evidence exceeds its price by this much.
const SCORE_MIN: f64 = 2.0;
const CAUSES_MAX: usize = 3;
/// Cells looked at: some may lie outside what moved and are passed over.
const CELLS_MAX: usize = 6;
/// A cause that carries less than this part of the excess is none.
const SHARE_MIN: f64 = 0.2;

/// What kind of worse is looked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Question {
    /// More of the requests are bad (slow, failed) than the usual share.
    BadShare { usual: f64 },
    /// Requests are missing.
    Missing,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Located {
    /// Ranked by evidence; the total slice where it is everywhere; empty where nothing stands out.
    pub causes: Vec<Cause>,
    /// `None` for counts.
    pub split: Option<Split>,
}

/// The move of a scope's bad share from its usual one, told apart; both parts add up to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Split {
    /// Those who came fared worse: what today's requests lie above the usual shares of their like.
    pub within: f64,
    /// Others came.
    pub mix_shift: f64,
    /// How many deviations of chance `within` is.
    pub deviations: f64,
}

impl Split {
    /// The part of the move that is a change of who came.
    pub fn mix_part(&self) -> f64 {
        let all = self.within.abs() + self.mix_shift.abs();
        if all > 0.0 { self.mix_shift.abs() / all } else { 0.0 }
    }

    /// What is left of the move when like is compared with like: 1 is all of it, and it may be more.
    pub fn rate_part(&self) -> f64 {
        let moved = self.within + self.mix_shift;
        if moved.abs() > f64::MIN_POSITIVE { self.within / moved } else { 1.0 }
    }
}

/// Searches the cube for the cells that best tell where the move of `scope` comes from.
///
/// The search is over all traffic, so that a cause wider than the scope is seen in its full width; what it names must
/// carry the scope's own excess.
pub fn locate(leaves: &Leaves, question: Question, scope: &Slice) -> Located {
    if leaves.leaves.is_empty() {
        return Located::default();
    }
    let evidence = match question {
        Question::BadShare { .. } => bad_share(leaves),
        Question::Missing => missing(leaves),
    };
    let inside: Vec<bool> = leaves.leaves.iter().map(|leaf| is_inside(leaves, leaf, scope)).collect();
    let split = match question {
        Question::BadShare { usual } => split(leaves, &evidence, &inside, usual),
        Question::Missing => None,
    };
    // A leaf without requests now says nothing of how requests fare; it only informed the usual shares.
    let speaks = |leaf: &Leaf| question == Question::Missing || leaf.after > 0.0;
    let rows = leaves.leaves.iter().cloned().zip(evidence).zip(inside);
    let mut speaking = Leaves { leaves: Vec::new(), ..leaves.clone() };
    let (mut said, mut inside) = (Vec::new(), Vec::new());
    for ((leaf, evidence), is_inside) in rows.filter(|((leaf, _), _)| speaks(leaf)) {
        speaking.leaves.push(leaf);
        said.push(evidence);
        inside.push(is_inside);
    }
    let mut causes = search(&speaking, &said, &inside, question);
    if question == Question::Missing {
        narrow(&mut causes, &speaking, &said, &inside, scope);
    }
    Located { causes, split }
}

/// All traffic wanders together, so a small loss everywhere is no part of a large one in the scope: a cause wider than the
/// scope stays only if what it has outside of it lost a comparable part of its own traffic.
fn narrow(causes: &mut [Cause], leaves: &Leaves, evidence: &[Evidence], inside: &[bool], scope: &Slice) {
    const COMPARABLE: f64 = 0.25;
    let Some(first) = causes.first_mut().filter(|cause| cause.slice != *scope && cause.slice.contains(scope)) else {
        return;
    };
    let (mut within, mut without) = ((0.0, 0.0), (0.0, 0.0));
    for ((leaf, said), is_in_scope) in leaves.leaves.iter().zip(evidence).zip(inside) {
        if !is_inside(leaves, leaf, &first.slice) {
            continue;
        }
        let side = if *is_in_scope { &mut within } else { &mut without };
        *side = (side.0 + said.excess, side.1 + leaf.after);
    }
    // Lost over expected; what was expected is what came and what is missing.
    let lost = |(missing, came): (f64, f64)| missing / (missing + came).max(1.0);
    if lost(without) < COMPARABLE * lost(within) {
        *first = Cause { slice: scope.clone(), share: 1.0, delta: -within.0, requests: within.1 as u64 };
    }
}

fn is_inside(leaves: &Leaves, leaf: &Leaf, scope: &Slice) -> bool {
    scope.iter().all(|(dimension, value)| {
        // A dimension that is not searched cannot be told apart and is let pass.
        leaves
            .dimensions
            .iter()
            .position(|name| name == dimension)
            .is_none_or(|at| leaves.values[at][usize::from(leaf.codes[at])] == value)
    })
}

/// The best cell, then the best of what is left, until nothing stands out.
fn search(leaves: &Leaves, evidence: &[Evidence], inside: &[bool], question: Question) -> Vec<Cause> {
    let of_scope = evidence.iter().zip(inside).filter(|(_, inside)| **inside);
    let total: f64 = of_scope.map(|(leaf, _)| leaf.excess).sum();
    let cuboids = cuboids(leaves);
    let mut free = vec![true; leaves.leaves.len()];
    let mut causes = Vec::new();
    let mut searched = 0;
    while causes.len() < CAUSES_MAX && searched < CELLS_MAX {
        let vector = |at: usize| &evidence[at].vector;
        let Some(mut cell) = best_cell(leaves, &cuboids, vector, &free).filter(|cell| cell.score >= SCORE_MIN) else {
            break;
        };
        if cell.dimensions.is_empty() {
            // "Everywhere" is free of the price of a choice; it must not swallow a slice that carries nearly all of it.
            let narrower = best_cell(leaves, &cuboids[1..], vector, &free).filter(|cell| cell.score >= SCORE_MIN);
            cell = narrower.filter(|narrower| carries_most(leaves, narrower, evidence)).unwrap_or(cell);
        }
        let cause = cause(leaves, &cell, evidence, inside, total, &mut free);
        let is_missing = question == Question::Missing;
        let is_everything = cell.dimensions.is_empty();
        if cause.share >= SHARE_MIN {
            causes.push(Cause { delta: if is_missing { -cause.delta } else { cause.delta }, ..cause });
        }
        if is_everything {
            break;
        }
        searched += 1;
    }
    causes
}

/// Whether a cell holds most of all excess and less than half of the requests.
fn carries_most(leaves: &Leaves, cell: &Cell, evidence: &[Evidence]) -> bool {
    const MOST: f64 = 0.75;
    const HALF: f64 = 0.5;
    let (mut inside, mut all) = ((0.0, 0.0), (0.0, 0.0));
    for (leaf, said) in leaves.leaves.iter().zip(evidence) {
        let requests = leaf.before + leaf.after;
        all = (all.0 + said.excess, all.1 + requests);
        if cell.holds(&leaf.codes) {
            inside = (inside.0 + said.excess, inside.1 + requests);
        }
    }
    inside.0 >= MOST * all.0 && inside.1 <= HALF * all.1
}

/// Takes the cell's leaves out of the search and sums up what they carry.
fn cause(leaves: &Leaves, cell: &Cell, evidence: &[Evidence], inside: &[bool], total: f64, free: &mut [bool]) -> Cause {
    let (mut carried, mut carried_inside, mut requests) = (0.0, 0.0, 0.0);
    for (at, leaf) in leaves.leaves.iter().enumerate() {
        if free[at] && cell.holds(&leaf.codes) {
            free[at] = false;
            carried += evidence[at].excess;
            carried_inside += if inside[at] { evidence[at].excess } else { 0.0 };
            requests += leaf.after;
        }
    }
    let named = cell.dimensions.iter().zip(&cell.codes).map(|(&dimension, &code)| {
        (leaves.dimensions[dimension].clone(), leaves.values[dimension][usize::from(code)].clone())
    });
    let slice: Slice = named.collect();
    // Where the rest fares better than usual a slice can carry more than there is in all: that is all of it.
    let whole = total.max(carried_inside);
    let share = if carried_inside > 0.0 { carried_inside / whole } else { 0.0 };
    Cause { slice, share, delta: carried, requests: requests as u64 }
}

/// What one leaf has to say.
struct Evidence {
    /// Bad requests over those expected, or requests missing.
    excess: f64,
    vector: Vector,
}

/// Bad requests over those expected at each leaf's usual share and today's traffic, so that mix cannot make a cell.
fn bad_share(leaves: &Leaves) -> Vec<Evidence> {
    let usual = usual_shares(leaves);
    let of = |(leaf, share): (&Leaf, f64)| Evidence {
        excess: leaf.bad_after - leaf.after * share,
        vector: if leaf.after > 0.0 { of_share(leaf, share) } else { [0.0; SEVERITIES] },
    };
    leaves.leaves.iter().zip(usual).map(of).collect()
}

/// Missing requests against the same hours before. The expectation is itself a count, less sure the shorter the past.
fn missing(leaves: &Leaves) -> Vec<Evidence> {
    let longer = leaves.before_to_after.max(f64::MIN_POSITIVE);
    let weight = longer / (1.0 + longer);
    let of = |leaf: &Leaf| {
        let expected = leaf.before / longer;
        Evidence { excess: expected - leaf.after, vector: of_missing(leaf, expected, weight) }
    };
    leaves.leaves.iter().map(of).collect()
}

fn split(leaves: &Leaves, evidence: &[Evidence], inside: &[bool], usual: f64) -> Option<Split> {
    let rows = || leaves.leaves.iter().zip(evidence).zip(inside).filter(|(_, inside)| **inside).map(|(row, _)| row);
    let after: f64 = rows().map(|(leaf, _)| leaf.after).sum();
    if after <= 0.0 {
        return None;
    }
    let moved = rows().map(|(leaf, _)| leaf.bad_after).sum::<f64>() / after - usual;
    let excess: f64 = rows().map(|(_, said)| said.excess).sum();
    // The usual share is itself an estimate, the less sure the shorter the leaf's past.
    let variance = |(leaf, said): (&Leaf, &Evidence)| {
        let expected = leaf.bad_after - said.excess;
        expected * (1.0 - expected / leaf.after.max(1.0)) / trust(leaf.before, leaf.after)
    };
    let deviation = rows().map(variance).sum::<f64>().max(0.0).sqrt();
    let deviations = if deviation > 0.0 { excess / deviation } else { 0.0 };
    let within = excess / after;
    Some(Split { within, deviations, mix_shift: moved - within })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mean of 2 % to 10 %.
    const BAD: Question = Question::BadShare { usual: 0.06 };

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
        let one = locate(&cube(|codes| (1.0, if codes[1] == 2 { 4.0 } else { 1.0 })), BAD, &Slice::total());
        assert_eq!(named(&one), ["b:b2"]);
        let two = locate(&cube(|c| (1.0, if c[0] == 3 && c[2] == 1 { 5.0 } else { 1.0 })), BAD, &Slice::total());
        assert_eq!(named(&two), ["a:a3,c:c1"]);
        assert!((two.causes[0].share - 1.0).abs() < 0.15, "{two:?}");
    }

    #[test]
    fn a_change_everywhere_names_no_slice() {
        let located = locate(&cube(|_| (1.0, 3.0)), BAD, &Slice::total());
        assert_eq!(named(&located), ["total"]);
    }

    #[test]
    fn nothing_and_a_pure_mix_shift_name_nothing() {
        assert_eq!(named(&locate(&cube(|_| (1.0, 1.0)), BAD, &Slice::total())), [""; 0]);
        let mix = locate(&cube(|codes| (if codes[0] == 5 { 6.0 } else { 1.0 }, 1.0)), BAD, &Slice::total());
        assert_eq!(named(&mix), [""; 0]);
        assert!(mix.split.unwrap().mix_part() > 0.8, "{mix:?}");
    }

    #[test]
    fn mix_and_rate_add_up_to_the_move() {
        let leaves = cube(|codes| (if codes[0] == 5 { 2.0 } else { 1.0 }, if codes[1] == 1 { 3.0 } else { 1.0 }));
        let located = locate(&leaves, BAD, &Slice::total());
        let sum = |of: fn(&Leaf) -> f64| leaves.leaves.iter().map(of).sum::<f64>();
        let moved = sum(|l| l.bad_after) / sum(|l| l.after) - 0.06;
        let split = located.split.unwrap();
        assert!((split.within + split.mix_shift - moved).abs() < 1e-12);
        // A quarter of the leaves are bad three times as often, with some sixty bad ones expected there: no chance.
        assert!(split.deviations > 5.0, "{split:?}");
    }

    #[test]
    fn missing_traffic_is_located() {
        let located =
            locate(&cube(|codes| (if codes[2] == 3 { 0.1 } else { 1.0 }, 1.0)), Question::Missing, &Slice::total());
        assert_eq!(named(&located), ["c:c3"]);
        assert!(located.causes[0].delta < 0.0);
    }

    #[test]
    fn everywhere_does_not_swallow_a_slice_that_carries_it() {
        // A slice loses all its traffic while everything else is a little low too.
        let located =
            locate(&cube(|codes| (if codes[1] == 4 { 0.0 } else { 0.96 }, 1.0)), Question::Missing, &Slice::total());
        assert_eq!(named(&located)[0], "b:b4");
    }

    #[test]
    fn a_small_loss_everywhere_does_not_widen_a_large_one() {
        let scope: Slice = "b:b4".parse().unwrap();
        let leaves = cube(|codes| (if codes[1] == 4 { 0.6 } else { 0.93 }, 1.0));
        assert_eq!(named(&locate(&leaves, Question::Missing, &scope)), ["b:b4"]);
        let everywhere = cube(|_| (0.6, 1.0));
        assert_eq!(named(&locate(&everywhere, Question::Missing, &scope)), ["total"]);
    }

    #[test]
    fn the_answer_does_not_depend_on_the_order_of_leaves() {
        let mut leaves = cube(|codes| (1.0, if codes[1] == 2 { 4.0 } else { 1.0 }));
        let first = locate(&leaves, BAD, &Slice::total());
        leaves.leaves.reverse();
        assert_eq!(named(&locate(&leaves, BAD, &Slice::total())), named(&first));
    }
}
