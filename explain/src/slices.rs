//! Which slices carry a move: a scan over all cells of up to four dimensions, each of which pays for being one of many.

use hark_model::{Cause, Leaf, Leaves, Slice};

use crate::leaf_evidence::{Evidence, evidence_of};
use crate::leaves_file::choose::{Chosen, choose};
use crate::leaves_file::contenders::contenders;
use crate::leaves_file::evidence::{Direction, Said};
use crate::leaves_file::noise::Shape;
use crate::leaves_file::scan::{Cell, Parsimony, Scene, Vectors, score_min};
use crate::split::{Split, split};

/// So many slices are named; more are no explanation.
const CAUSES_MAX: usize = 4;
/// A slice that carries less than this part of the excess is none.
const SHARE_MIN: f64 = 0.15;
/// One that carries less than this part of what the largest does is not told, to be short.
const SHARE_OF_LARGEST_MIN: f64 = 0.1;
const OFFSETS_MAX: usize = 3;
/// What has less evidence than its price is no contender, nor what has so much less than the slice that is named; and so
/// many are enough.
const CONTENDER_LEAST: f64 = 0.0;
const CONTENDER_WITHIN: f64 = 10.0;
const CONTENDERS_MAX: usize = 16;

/// What kind of worse is looked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Question {
    /// More of the requests are bad (slow, failed) than the usual share.
    BadShare { usual: f64 },
    /// Requests are missing.
    Missing,
    /// There are too many requests.
    Surplus,
}

impl Question {
    /// Whether it is asked how many came, and not how they fared.
    pub fn is_count(self) -> bool {
        matches!(self, Self::Missing | Self::Surplus)
    }
}

/// What the search came to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Located {
    /// Ranked by evidence; the total slice where it is everywhere; empty where nothing stands out.
    pub causes: Vec<Named>,
    /// Slices that moved the other way, ranked by how much.
    pub offsets: Vec<Named>,
    /// What tells most, beyond chance or not, with the evidence over its price; a slice may come twice.
    pub contenders: Vec<(Slice, f64)>,
    /// `None` for counts.
    pub split: Option<Split>,
    /// How many cells were looked at.
    pub tested: usize,
    /// How many slices stood out and are not told: too small beside the others, too many, or without a name.
    pub untold: usize,
}

impl Located {
    fn contender_least(&self) -> f64 {
        self.causes.first().map_or(CONTENDER_LEAST, |first| (first.score - CONTENDER_WITHIN).max(CONTENDER_LEAST))
    }
}

/// A slice that stands out, with its leaves: those that no slice named before it has.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Named {
    pub cause: Cause,
    /// Positions in [`Leaves::leaves`].
    pub rows: Vec<u32>,
    /// Logarithm of the evidence over what it pays for being one of many.
    pub score: f64,
}

/// Searches the cube for the cells that best tell where the move of `scope` comes from.
///
/// The search is over all traffic, so that a cause wider than the scope is seen in its full width; what it names must
/// carry the scope's own excess.
pub fn locate(leaves: &Leaves, question: Question, scope: &Slice) -> Located {
    let evidence = evidence_of(leaves, question);
    locate_by(leaves, &evidence, question, scope)
}

pub(crate) fn locate_by(leaves: &Leaves, evidence: &[Evidence], question: Question, scope: &Slice) -> Located {
    if leaves.leaves.is_empty() {
        return Located::default();
    }
    let inside = inside(leaves, scope);
    let split = match question {
        Question::BadShare { usual } => split(leaves, evidence, &inside, usual),
        Question::Missing | Question::Surplus => None,
    };
    let rows = speaking(leaves, question);
    let within = contenders_inside(leaves, evidence, question, scope);
    let best_inside = within.iter().map(|(_, score)| *score).fold(f64::NEG_INFINITY, f64::max);
    let search = Search { best_inside, ..Search::new(leaves, evidence, question, &inside, &rows) };
    let mut located = Located { split, ..search.run() };
    located.contenders.extend(within);
    if question == Question::Missing {
        narrow(&mut located.causes, leaves, evidence, &inside, scope);
    }
    located
}

/// What tells most within `scope`: it and what lies in it are known to be in question, and pay only for being one of those.
fn contenders_inside(leaves: &Leaves, evidence: &[Evidence], question: Question, scope: &Slice) -> Vec<(Slice, f64)> {
    let inside = inside(leaves, scope);
    let rows: Vec<u32> = speaking(leaves, question).into_iter().filter(|&row| inside[row as usize]).collect();
    if scope.is_total() || rows.is_empty() {
        return Vec::new();
    }
    let search = Search { scope: Some(scope), ..Search::new(leaves, evidence, question, &inside, &rows) };
    search.contenders(&search.scene(), CONTENDER_LEAST)
}

/// A slice with what its leaves carry; `None` where that is nothing of the scope.
pub(crate) fn sized(
    leaves: &Leaves,
    evidence: &[Evidence],
    question: Question,
    scope: &Slice,
    slice: Slice,
    rows: Vec<u32>,
    score: f64,
) -> Option<Named> {
    let inside = inside(leaves, scope);
    let all = speaking(leaves, question);
    let search = Search::new(leaves, evidence, question, &inside, &all);
    search.size(slice, rows, score)
}

/// A leaf without requests now says nothing of how requests fare; it only informed the usual shares.
fn speaking(leaves: &Leaves, question: Question) -> Vec<u32> {
    let speaks = |row: &u32| question.is_count() || leaves.leaves[*row as usize].after > 0.0;
    (0..leaves.leaves.len() as u32).filter(speaks).collect()
}

/// For each leaf whether it lies in a slice.
pub(crate) fn inside(leaves: &Leaves, scope: &Slice) -> Vec<bool> {
    leaves.leaves.iter().map(|leaf| is_inside(leaves, leaf, scope)).collect()
}

pub(crate) fn is_inside(leaves: &Leaves, leaf: &Leaf, scope: &Slice) -> bool {
    scope.iter().all(|(dimension, value)| {
        // A dimension that is not searched cannot be told apart and is let pass.
        leaves
            .dimensions
            .iter()
            .position(|name| name == dimension)
            .is_none_or(|at| leaves.values[at][usize::from(leaf.codes[at])] == value)
    })
}

/// All traffic wanders together, so a small loss everywhere is no part of a large one in the scope: a cause wider than the
/// scope stays only if what it has outside of it lost a comparable part of its own traffic.
fn narrow(causes: &mut [Named], leaves: &Leaves, evidence: &[Evidence], inside: &[bool], scope: &Slice) {
    const COMPARABLE: f64 = 0.25;
    let is_wider = |named: &&mut Named| named.cause.slice != *scope && named.cause.slice.contains(scope);
    let Some(first) = causes.first_mut().filter(is_wider) else { return };
    let (mut within, mut without) = ((0.0, 0.0), (0.0, 0.0));
    for &row in &first.rows {
        let side = if inside[row as usize] { &mut within } else { &mut without };
        *side = (side.0 + evidence[row as usize].excess, side.1 + leaves.leaves[row as usize].after);
    }
    // Lost over expected; what was expected is what came and what is missing.
    let lost = |(missing, came): (f64, f64)| missing / (missing + came).max(1.0);
    if lost(without) < COMPARABLE * lost(within) {
        let (delta, requests) = (-within.0, within.1 as u64);
        first.cause = Cause { slice: scope.clone(), share: 1.0, delta, requests, ..Cause::default() };
        first.rows.retain(|&row| inside[row as usize]);
    }
}

struct Search<'a> {
    leaves: &'a Leaves,
    evidence: &'a [Evidence],
    inside: &'a [bool],
    /// The leaves that say something.
    rows: &'a [u32],
    question: Question,
    /// Where nothing is looked for outside of it.
    scope: Option<&'a Slice>,
    /// The best score of the scope or of what lies in it, where these alone are in question.
    best_inside: f64,
}

impl<'a> Search<'a> {
    fn new(
        leaves: &'a Leaves,
        evidence: &'a [Evidence],
        question: Question,
        inside: &'a [bool],
        rows: &'a [u32],
    ) -> Self {
        Self { leaves, evidence, inside, rows, question, scope: None, best_inside: f64::NEG_INFINITY }
    }

    /// The dimensions whose values are searched.
    fn dimensions(&self) -> Vec<usize> {
        let is_fixed = |name: &String| self.scope.is_some_and(|scope| scope.iter().any(|(fixed, _)| fixed == name));
        (0..self.leaves.dimensions.len()).filter(|&at| !is_fixed(&self.leaves.dimensions[at])).collect()
    }

    fn scene(&self) -> Scene {
        let dimensions = self.dimensions();
        let column = |&at: &usize| self.rows.iter().map(|&row| u32::from(self.leaf(row).codes[at])).collect();
        let codes: Vec<Vec<u32>> = dimensions.iter().map(column).collect();
        let values: Vec<usize> = dimensions.iter().map(|&at| self.leaves.values[at].len()).collect();
        let said = self.rows.iter().map(|&row| Said::told(self.evidence[row as usize].vectors)).collect();
        Scene::new(codes, values, said, Shape::ANY, false).with(Parsimony::ONE_CAUSE)
    }

    fn run(&self) -> Located {
        let scene = self.scene();
        let mut choice = choose(&scene);
        choice.chosen.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.cell.cmp(&b.cell)));
        let (worse, better): (Vec<Chosen>, Vec<Chosen>) =
            choice.chosen.into_iter().partition(|chosen| chosen.direction == Direction::Down);
        let mut located = Located { tested: choice.looked_at, ..Located::default() };
        let everything = self.everything(&scene);
        if self.is_everywhere(&scene, &worse, everything) {
            let rows = self.rows.to_vec();
            located.causes.extend(self.size(Slice::total(), rows, everything));
        } else {
            self.tell(worse, 1.0, CAUSES_MAX, &mut located.causes, &mut located.untold);
        }
        self.tell(better, -1.0, OFFSETS_MAX, &mut located.offsets, &mut located.untold);
        located.contenders = self.contenders(&scene, located.contender_least());
        located
    }

    /// What the slices that tell most score, and all that is searched.
    fn contenders(&self, scene: &Scene, least: f64) -> Vec<(Slice, f64)> {
        let scope = || self.scope.cloned().unwrap_or_default();
        let dimensions = self.dimensions();
        let is_named = |(cell, _): &(Cell, f64)| cell.pairs().all(|(_, code)| code != 0);
        let slice = |(cell, score): (Cell, f64)| {
            let pair = |(at, code): (usize, u32)| (dimensions[at], code as usize);
            let pairs =
                cell.pairs().map(pair).map(|(at, code)| (&self.leaves.dimensions[at], &self.leaves.values[at][code]));
            (pairs.fold(scope(), |slice, (name, value)| slice.with(name.clone(), value.clone())), score)
        };
        let all = std::iter::once((scope(), self.everything(scene))).filter(|(_, score)| *score > least);
        let cells = contenders(scene, Direction::Down, least, CONTENDERS_MAX).into_iter();
        all.chain(cells.filter(is_named).map(slice)).collect()
    }

    fn leaf(&self, row: u32) -> &Leaf {
        &self.leaves.leaves[row as usize]
    }

    /// What the evidence of all leaves together scores.
    fn everything(&self, scene: &Scene) -> f64 {
        let all: Vec<u32> = (0..scene.rows() as u32).collect();
        let mut vectors = Vectors::new(scene.rows());
        scene.candidate(Cell::default(), Direction::Down, &all, &mut vectors).score_at_most(scene)
    }

    /// "Everywhere" is free of the price of a choice; it must not swallow a slice that carries nearly all of it, with at most
    /// half of the requests or where hardly anything moved beside it. And it must be so in the scope, too: all traffic
    /// wanders a little, which is no reason for what happens there.
    fn is_everywhere(&self, scene: &Scene, worse: &[Chosen], everything: f64) -> bool {
        const MOST: f64 = 0.75;
        const HALF: f64 = 0.5;
        let rows = 0..scene.rows() as u32;
        let here: Vec<u32> = rows.filter(|&row| self.inside[self.rows[row as usize] as usize]).collect();
        let mut vectors = Vectors::new(scene.rows());
        let everything_here =
            scene.candidate(Cell::default(), Direction::Down, &here, &mut vectors).score_at_most(scene);
        if everything < score_min() || everything_here < score_min().max(self.best_inside) {
            return false;
        }
        let Some(first) = worse.first() else { return true };
        let inside = Side::of(first.rows.iter().map(|&row| self.rows[row as usize]), self);
        let all = Side::of(self.rows.iter().copied(), self);
        let carries_most = inside.excess >= MOST * all.excess;
        let stands_out = inside.requests <= HALF * all.requests || all.without(&inside).hardly_moved_beside(&inside);
        everything >= first.score && !(carries_most && stands_out)
    }

    /// Names what was chosen, as far as it carries the scope's own excess.
    fn tell(&self, chosen: Vec<Chosen>, sign: f64, most: usize, told: &mut Vec<Named>, untold: &mut usize) {
        for chosen in chosen {
            let pairs = || chosen.cell.pairs();
            // A slice cannot say that a dimension is absent.
            if pairs().any(|(_, code)| code == 0) {
                *untold += 1;
                continue;
            }
            let name = |(at, code): (usize, u32)| {
                (self.leaves.dimensions[at].clone(), self.leaves.values[at][code as usize].clone())
            };
            let mut rows: Vec<u32> = chosen.rows.iter().map(|&row| self.rows[row as usize]).collect();
            rows.sort_unstable();
            let Some(named) = self.size(pairs().map(name).collect(), rows, chosen.score) else {
                *untold += 1;
                continue;
            };
            let largest = told.first().map_or(0.0, |first: &Named| first.cause.share);
            let is_large = sign * named.cause.share >= SHARE_MIN.max(SHARE_OF_LARGEST_MIN * sign * largest);
            if is_large && told.len() < most {
                told.push(named);
            } else {
                *untold += 1;
            }
        }
    }

    /// What some leaves carry; `None` where that is nothing of the scope.
    fn size(&self, slice: Slice, rows: Vec<u32>, score: f64) -> Option<Named> {
        let total = Sums::of(self.rows.iter().copied(), self);
        let own = Sums::of(rows.iter().copied(), self);
        if own.inside == 0.0 {
            return None;
        }
        // Where the rest fares better than usual a slice can carry more than there is in all: that is all of it.
        let whole = total.inside.max(own.inside.abs());
        let (share, share_interval) = own.share_of(&total, whole);
        let delta = if self.question == Question::Missing { -own.excess } else { own.excess };
        let requests = own.requests as u64;
        let chance = Some(crate::leaves_file::scan::chance_at(score).min(1.0));
        let share_interval = Some(share_interval);
        Some(Named {
            cause: Cause { slice, share, delta, requests, share_interval, chance, ..Cause::default() },
            rows,
            score,
        })
    }
}

/// Of some leaves: what is too much, what was expected, the variance of that, and the requests of both sides.
#[derive(Debug, Clone, Copy, Default)]
struct Side {
    excess: f64,
    expected: f64,
    variance: f64,
    requests: f64,
}

impl Side {
    fn of(rows: impl Iterator<Item = u32>, search: &Search<'_>) -> Self {
        rows.fold(Self::default(), |sum, row| {
            let (leaf, said) = (search.leaf(row), &search.evidence[row as usize]);
            Self {
                excess: sum.excess + said.excess,
                expected: sum.expected + said.expected,
                variance: sum.variance + said.variance,
                requests: sum.requests + leaf.before + leaf.after,
            }
        })
    }

    fn without(&self, part: &Self) -> Self {
        Self {
            excess: self.excess - part.excess,
            expected: self.expected - part.expected,
            variance: (self.variance - part.variance).max(0.0),
            requests: self.requests - part.requests,
        }
    }

    /// Whether these moved less than a quarter of what a slice beside them did, and surely less than it.
    fn hardly_moved_beside(&self, slice: &Self) -> bool {
        const COMPARABLE: f64 = 0.25;
        const DEVIATIONS_MIN: f64 = 3.0;
        let alike = self.expected * slice.excess / slice.expected.max(f64::MIN_POSITIVE);
        self.excess < COMPARABLE * alike && alike - self.excess >= DEVIATIONS_MIN * self.variance.sqrt()
    }
}

/// Of some leaves: excess in all and in the scope, the variance of that, and requests.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    excess: f64,
    inside: f64,
    variance: f64,
    requests: f64,
}

impl Sums {
    fn of(rows: impl Iterator<Item = u32>, search: &Search<'_>) -> Self {
        rows.fold(Self::default(), |sum, row| {
            let (said, inside) = (&search.evidence[row as usize], search.inside[row as usize]);
            let of_scope = if inside { 1.0 } else { 0.0 };
            Self {
                excess: sum.excess + said.excess,
                inside: sum.inside + of_scope * said.excess,
                variance: sum.variance + of_scope * said.variance,
                requests: sum.requests + search.leaf(row).after,
            }
        })
    }

    /// The part of a whole that these leaves carry, and its 95 % interval: that of a quotient whose parts are these
    /// leaves and all others.
    fn share_of(&self, total: &Self, whole: f64) -> (f64, [f64; 2]) {
        const Z95: f64 = 1.96;
        let share = self.inside / whole;
        let others = (total.variance - self.variance).max(0.0);
        let half = Z95 * ((1.0 - share).powi(2) * self.variance + share * share * others).sqrt() / whole;
        (share, [share - half, share + half])
    }
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
            values_in_bins: Vec::new(),
            before_to_after: 400.0 / 60.0,
        }
    }

    fn named(located: &Located) -> Vec<String> {
        located.causes.iter().map(|named| named.cause.slice.to_string()).collect()
    }

    #[test]
    fn a_planted_slice_of_each_depth_is_found() {
        let one = locate(&cube(|codes| (1.0, if codes[1] == 2 { 4.0 } else { 1.0 })), BAD, &Slice::total());
        assert_eq!(named(&one), ["b:b2"]);
        let two = locate(&cube(|c| (1.0, if c[0] == 3 && c[2] == 1 { 5.0 } else { 1.0 })), BAD, &Slice::total());
        assert_eq!(named(&two), ["a:a3,c:c1"]);
        assert!((two.causes[0].cause.share - 1.0).abs() < 0.15, "{two:?}");
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
        assert!(located.causes[0].cause.delta < 0.0);
    }

    #[test]
    fn everywhere_does_not_swallow_a_slice_that_carries_it() {
        // A slice loses all its traffic while everything else is a little low too.
        let located =
            locate(&cube(|codes| (if codes[1] == 4 { 0.0 } else { 0.96 }, 1.0)), Question::Missing, &Slice::total());
        assert_eq!(named(&located)[0], "b:b4");
    }

    #[test]
    fn everywhere_is_not_said_of_a_slice_with_nearly_all_requests() {
        const SIZES: [u16; 3] = [30, 20, 10];
        let values = |d: usize| {
            let named = (1..=SIZES[d]).map(|code| format!("{}{code}", ["a", "b", "c"][d]));
            std::iter::once(String::new()).chain(named).collect()
        };
        // Of `a1`, which has nearly all requests, twice as many are bad as usual; beside it nothing moved.
        let named_with = |beside: f64| {
            let mut leaves = Vec::new();
            let mut add = |codes: Vec<u16>, after: f64, factor: f64| {
                let before = 100.0 * after;
                let [bad_before, bad_after] = [0.05 * before, 0.05 * after * factor];
                leaves.push(Leaf { codes, before, bad_before, after, bad_after });
            };
            for b in 1..=SIZES[1] {
                (1..=SIZES[2]).for_each(|c| add(vec![1, b, c], 100.0, 2.0));
            }
            (2..=SIZES[0]).for_each(|a| add(vec![a, 1, 1], beside, 1.0));
            let cube = Leaves {
                dimensions: ["a", "b", "c"].map(str::to_owned).to_vec(),
                values: (0..3).map(values).collect(),
                leaves,
                values_in_bins: Vec::new(),
                before_to_after: 100.0,
            };
            named(&locate(&cube, Question::BadShare { usual: 0.05 }, &Slice::total()))
        };
        assert_eq!(named_with(2.0), ["total"], "three are bad where six would be: too few to be sure");
        // Sure, and yet less than one slice out of thousands has to show.
        assert_eq!(named_with(8.0), ["a:a1"]);
    }

    #[test]
    fn what_lies_beside_a_slice_has_to_have_surely_moved_less() {
        let slice = Side { excess: 100.0, expected: 50.0, variance: 60.0, requests: 900.0 };
        let beside = |excess: f64, expected: f64| Side { excess, expected, variance: expected, requests: 100.0 };
        assert!(beside(2.0, 40.0).hardly_moved_beside(&slice));
        assert!(!beside(60.0, 40.0).hardly_moved_beside(&slice), "it moved as well");
        assert!(!beside(0.0, 1.0).hardly_moved_beside(&slice), "too little to be sure");
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
