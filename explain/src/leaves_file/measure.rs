//! How good the search is on cases whose truth is known, beside a rule that is dumb on purpose.

use std::collections::BTreeSet;
use std::fmt;

use hark_model::Slice;

use super::draws::Draws;
use super::exact_sum::ExactSum;
use super::made_up::Case;
use super::search::root_causes;
use super::table::LeafTable;

const RESAMPLES: usize = 2_000;
/// One leaf in so many is left out to see whether the answer stays.
const LEFT_OUT_ONE_IN: usize = 10;

/// Named and true slices of one case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hits {
    pub right: usize,
    pub wrong: usize,
    pub missed: usize,
}

impl Hits {
    fn of(named: &[Slice], truth: &[Slice]) -> Self {
        let right = named.iter().filter(|slice| truth.contains(slice)).count();
        Self { right, wrong: named.len() - right, missed: truth.len() - right }
    }

    fn is_exact(self) -> bool {
        self.wrong == 0 && self.missed == 0
    }
}

/// Pooled over cases.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    pub cases: usize,
    pub exact: usize,
    pub hits: Hits,
    /// 95 %, by drawing the cases again with replacement; with no mistake in any case it has no width and says nothing.
    pub f1_interval: [f64; 2],
}

impl Judged {
    pub fn f1(&self) -> f64 {
        f1(self.hits)
    }

    fn of(hits: &[Hits]) -> Self {
        let mut draws = Draws::new(1);
        let again = |_| f1(pooled((0..hits.len()).map(|_| hits[draws.below(hits.len())])));
        let mut resampled: Vec<f64> = if hits.is_empty() { vec![1.0] } else { (0..RESAMPLES).map(again).collect() };
        resampled.sort_unstable_by(f64::total_cmp);
        let at = |part: f64| resampled[((resampled.len() - 1) as f64 * part).round() as usize];
        Self {
            cases: hits.len(),
            exact: hits.iter().filter(|hits| hits.is_exact()).count(),
            hits: pooled(hits.iter().copied()),
            f1_interval: [at(0.025), at(0.975)],
        }
    }
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cases, exact, hits: Hits { right, wrong, missed }, f1_interval: [low, high] } = self;
        let f1 = self.f1();
        write!(f, "F1 {f1:.3} ({low:.3} to {high:.3}), {right} right, {wrong} wrong, {missed} missed; ")?;
        write!(f, "{exact} of {cases} cases exact")
    }
}

fn pooled(hits: impl Iterator<Item = Hits>) -> Hits {
    hits.fold(Hits::default(), |sum, hits| Hits {
        right: sum.right + hits.right,
        wrong: sum.wrong + hits.wrong,
        missed: sum.missed + hits.missed,
    })
}

/// One where there was nothing to find and nothing was named.
fn f1(Hits { right, wrong, missed }: Hits) -> f64 {
    let all = 2 * right + wrong + missed;
    if all == 0 { 1.0 } else { 2.0 * right as f64 / all as f64 }
}

/// By what the search names.
pub fn judge(cases: &[Case]) -> Judged {
    Judged::of(&cases.iter().map(|case| Hits::of(&named(&case.table), &case.truth)).collect::<Vec<Hits>>())
}

/// By the one value whose actual lies furthest from its expected: what a person finds who sorts one table.
pub fn judge_largest_value(cases: &[Case]) -> Judged {
    let hits = |case: &Case| Hits::of(&largest_value(&case.table).into_iter().collect::<Vec<Slice>>(), &case.truth);
    Judged::of(&cases.iter().map(hits).collect::<Vec<Hits>>())
}

fn named(table: &LeafTable) -> Vec<Slice> {
    root_causes(table).causes.into_iter().map(|cause| cause.slice).collect()
}

fn largest_value(table: &LeafTable) -> Option<Slice> {
    let mut best: Option<(f64, Slice)> = None;
    for (dimension, name) in table.dimensions().iter().enumerate() {
        let mut deltas = vec![ExactSum::default(); table.values(dimension).len()];
        for (leaf, &code) in table.codes(dimension).iter().enumerate() {
            deltas[code as usize].add(table.actual()[leaf] - table.expected()[leaf]);
        }
        for (value, delta) in table.values(dimension).iter().zip(deltas) {
            let size = delta.value().abs();
            if best.as_ref().is_none_or(|(largest, _)| size > *largest) {
                best = Some((size, Slice::total().with(name, value)));
            }
        }
    }
    best.map(|(_, slice)| slice)
}

/// The mean over cases of how much the named slices overlap with those named when one leaf in ten is left out (Jaccard).
pub fn stability(cases: &[Case], seed: u64) -> f64 {
    let of_case = |(at, case): (usize, &Case)| {
        let mut draws = Draws::new(seed.wrapping_add(at as u64));
        let is_kept: Vec<bool> = (0..case.table.len()).map(|_| draws.below(LEFT_OUT_ONE_IN) != 0).collect();
        let whole: BTreeSet<Slice> = named(&case.table).into_iter().collect();
        let rest: BTreeSet<Slice> = case
            .table
            .filtered(|leaf| is_kept[leaf])
            .map(|table| named(&table))
            .unwrap_or_default()
            .into_iter()
            .collect();
        let all = whole.union(&rest).count();
        if all == 0 { 1.0 } else { whole.intersection(&rest).count() as f64 / all as f64 }
    };
    cases.iter().enumerate().map(of_case).sum::<f64>() / cases.len().max(1) as f64
}
