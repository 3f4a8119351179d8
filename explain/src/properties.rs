//! Everything that is said to add up does, over ten thousand random cases each. The parts of a mean, of a quantile and of
//! stages have theirs beside them (`mean_parts.rs`, `quantile_parts.rs`, `stages/tests.rs`).

use hark_model::{
    BinCount, Direction, Explanation, FindingKind, Leaf, Leaves, Mix, Shift, Slice, Statistic, Timestamp, mean_of_trees,
};
use proptest::prelude::*;

use crate::leaves_file::draws::Draws;
use crate::sampled_shap::{self, pairs_within, permutations};
use crate::tree_shap::TreeExplainer;
use crate::tree_shap::properties::{COLUMNS, rows, tree};
use crate::{Inquiry, explain};

const CASES: u32 = 10_000;
const OFF_MAX: f64 = 1e-9;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn columns_add_up_to_what_a_forest_says_by_either_form(
        trees in prop::collection::vec(tree(), 1..6),
        rows in rows(2),
        background in rows(4),
    ) {
        let paths = TreeExplainer::path_dependent(&trees, COLUMNS).unwrap();
        let against = TreeExplainer::against(&trees, COLUMNS, &background).unwrap();
        for explainer in [paths, against] {
            let found = explainer.explain(&rows).unwrap();
            for (shares, row) in found.rows().zip(rows.chunks(COLUMNS)) {
                let sum: f64 = found.base + shares.iter().sum::<f64>();
                prop_assert!((sum - mean_of_trees(&trees, row)).abs() < OFF_MAX);
            }
        }
    }
}

/// Three act together, so that the order in which they come matters: of two, a pair of orders is exact already.
fn model(columns: usize) -> impl Fn(&[f64]) -> Vec<f64> + Copy {
    move |rows: &[f64]| {
        let value = |row: &[f64]| row.windows(3).map(|own| own[0] * own[1] * own[2].tanh()).sum::<f64>();
        rows.chunks_exact(columns).map(value).collect()
    }
}

#[test]
fn drawn_parts_add_up_and_hold_the_exact_ones_as_often_as_their_errors_say() {
    const PLAYERS: usize = 6;
    /// Two-sided 95 % of Student's t, with a degree of freedom a pair less one.
    const PAIRS: [(usize, f64); 2] = [(25, 2.064), (51, 2.009)];
    let mut draws = Draws::new(5);
    let mut numbers = |count: usize| (0..count).map(|_| 6.0 * draws.part() - 3.0).collect::<Vec<f64>>();
    let (mut within, mut all) = ([0.0; PAIRS.len()], 0.0);
    for case in 0..CASES {
        let (row, background) = (numbers(PLAYERS), numbers(3 * PLAYERS));
        let question = sampled_shap::Question::of_columns(&row, &background).unwrap();
        let exact = sampled_shap::exact(&question, model(PLAYERS)).unwrap();
        all += PLAYERS as f64;
        for (at, (pairs, wide)) in PAIRS.into_iter().enumerate() {
            let drawn = permutations(&question, pairs, case.into(), model(PLAYERS)).unwrap();
            for shares in [&exact, &drawn] {
                let sum: f64 = shares.base + shares.contributions.iter().sum::<f64>();
                assert!((sum - shares.value).abs() < OFF_MAX, "case {case}: {shares:?}");
            }
            let each = drawn.contributions.iter().zip(&drawn.standard_errors).zip(&exact.contributions);
            let holds = each.filter(|((drawn, error), exact)| (*drawn - *exact).abs() <= wide * *error + OFF_MAX);
            within[at] += holds.count() as f64;
        }
    }
    let shares = within.map(|within| within / all);
    assert!(shares.iter().all(|share| (0.94..0.96).contains(share)), "of 95 in a hundred: {shares:?}");
    assert_eq!(pairs_within(512, PLAYERS), PAIRS[1].0);
}

/// Leaves of three dimensions, some of which others came to, some of which fare worse or better, some of which are new or gone.
fn leaves(draws: &mut Draws) -> Leaves {
    let sizes: [u16; 3] = std::array::from_fn(|_| 1 + draws.below(3) as u16);
    let (mut leaves, mut values_in_bins) = (Vec::new(), Vec::new());
    let size = 10.0 + 400.0 * draws.part();
    for a in 1..=sizes[0] {
        for b in 1..=sizes[1] {
            for c in 1..=sizes[2] {
                let mut side = |times: f64| {
                    let is_there = draws.part() < 0.9;
                    if is_there { (times * size * (0.2 + draws.part())).round() } else { 0.0 }
                };
                let requests = [side(7.0), side(1.0)];
                let middle = 450 + draws.below(40) as i16;
                let moved = if draws.part() < 0.3 { draws.below(60) as i16 - 20 } else { 0 };
                let mut bad = [0.0; 2];
                let leaf = leaves.len() as u32;
                // Eight bins, of which the last two are bad.
                for at in 0..8_i16 {
                    let share = draws.part();
                    let counts = [0, 1].map(|side| (requests[side] * share / 8.0).round());
                    for (side, class) in [middle, middle + moved].into_iter().enumerate() {
                        let class = class + 12 * at;
                        let count = |own: usize| if own == side { counts[side] } else { 0.0 };
                        if counts[side] > 0.0 {
                            values_in_bins.push(BinCount { leaf, class, before: count(0), after: count(1) });
                        }
                        bad[side] += if at >= 6 { counts[side] } else { 0.0 };
                    }
                }
                let own = values_in_bins.iter().filter(|bin| bin.leaf == leaf);
                let [before, after] = own.fold([0.0; 2], |sum, bin| [sum[0] + bin.before, sum[1] + bin.after]);
                let [bad_before, bad_after] = bad;
                leaves.push(Leaf { codes: vec![a, b, c], before, bad_before, after, bad_after });
            }
        }
    }
    let values = |at: usize| (0..=sizes[at]).map(|code| if code == 0 { String::new() } else { format!("v{code}") });
    values_in_bins.sort_by_key(|bin: &BinCount| (bin.leaf, bin.class));
    values_in_bins.dedup_by(|next, kept| {
        let is_same = (next.leaf, next.class) == (kept.leaf, kept.class);
        if is_same {
            (kept.before, kept.after) = (kept.before + next.before, kept.after + next.after);
        }
        is_same
    });
    Leaves {
        dimensions: ["a", "b", "c"].map(str::to_owned).to_vec(),
        values: (0..3).map(|at| values(at).collect()).collect(),
        leaves,
        values_in_bins,
        before_to_after: 7.0,
    }
}

fn explained(leaves: &Leaves, question: crate::Question, statistic: Statistic, scope: &Slice) -> Explanation {
    let onset = Timestamp::from_millis(0);
    let direction = if question == crate::Question::Missing { Direction::Down } else { Direction::Up };
    let shift = Shift {
        kind: FindingKind::Regression,
        statistic,
        direction,
        onset,
        onset_interval: [onset, onset],
        before: 100.0,
        after: 120.0,
        interval: [0.0, 0.0],
        requests: 1000,
        e_value: 1e6,
        detectors: Vec::new(),
    };
    let inquiry = Inquiry {
        leaves,
        by_day: &[],
        question,
        scope,
        shift: &shift,
        min_effect: 0.03,
        unit: "ms",
        bad_is_hit: true,
        window: [onset, Timestamp::from_millis(3_600_000)],
        days_before: 7,
        changes: &[],
        elsewhere: &[],
        left_out: Vec::new(),
    };
    explain(inquiry).explanation
}

/// How it adds up: the causes, what moved the other way and the rest are the move of the statistic, whatever it is; and mix
/// and rate are the effect.
#[test]
fn the_slices_of_an_account_and_its_rest_add_up() {
    let mut draws = Draws::new(9);
    let (mut with_causes, mut with_offsets) = (0, 0);
    let scopes = [Slice::total(), "a:v1".parse().unwrap()];
    for case in 0..CASES {
        let mut leaves = leaves(&mut draws);
        let usual = 0.05 + 0.3 * draws.part();
        let bad = crate::Question::BadShare { usual };
        let (question, statistic) = [
            (bad, Statistic::P50),
            (bad, Statistic::P95),
            (bad, Statistic::Mean),
            (bad, Statistic::Rate),
            (crate::Question::Missing, Statistic::Count),
            (crate::Question::Surplus, Statistic::Count),
        ][draws.below(6)];
        if matches!(statistic, Statistic::Rate | Statistic::Count) {
            leaves.values_in_bins.clear();
        }
        let explanation = explained(&leaves, question, statistic, &scopes[draws.below(2)]);
        let why = explanation.why.as_ref().unwrap();
        let Some(compared) = &why.compared else { continue };
        let named = explanation.causes.iter().chain(&why.offsets).filter_map(|cause| cause.part);
        let parts: Vec<Mix> = named.chain(why.rest).collect();
        let sum: f64 = parts.iter().map(|part| part.within + part.mix_shift).sum();
        let size = compared.before.abs().max(compared.after.abs()).max(1.0);
        let off = (sum - (compared.after - compared.before)).abs();
        assert!(off <= OFF_MAX * size, "case {case}, {statistic}: {parts:?} {compared:?}");
        if let Some(mix) = explanation.mix {
            assert!((mix.within + mix.mix_shift - 20.0).abs() < OFF_MAX * 20.0, "case {case}: {mix:?}");
        }
        with_causes += usize::from(!explanation.causes.is_empty());
        with_offsets += usize::from(!why.offsets.is_empty());
    }
    assert!(with_causes > 1_500 && with_offsets > 1_000, "{with_causes} {with_offsets}");
}
