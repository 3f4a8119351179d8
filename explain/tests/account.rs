//! Whole explanations of made-up findings: what is named, that everything adds up, and when nothing is said.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use hark_explain::{Inquiry, Question, explain};
use hark_model::{
    BinCount, Direction, Explanation, Leaf, Leaves, Mix, Shift, Sketch, Slice, Statistic, Timestamp, Why, WhyVerdict,
};

const SIZES: [u16; 3] = [5, 4, 3];
const BEFORE: f64 = 700.0;

/// What happens to a leaf: its traffic and its times, each as a factor.
type Change = dyn Fn(&[u16]) -> (f64, f64);

/// 5 x 4 x 3 leaves of log-normal response times, each value of the first dimension slower than the one before.
fn latencies(change: &Change) -> Leaves {
    let (mut leaves, mut values_in_bins) = (Vec::new(), Vec::new());
    let usual = Sketch::bucket_of(quantile_before(0.95));
    for codes in all_codes() {
        let (traffic, slower) = change(&codes);
        let middle = 64.0 * (200.0 + 60.0 * f64::from(codes[0])).log2();
        let moved = 64.0 * slower.log2();
        let mut leaf = Leaf { codes: codes.clone(), before: 0.0, bad_before: 0.0, after: 0.0, bad_after: 0.0 };
        for class in 300..1000_i16 {
            let share = |middle: f64| {
                let z = (f64::from(class) - middle) / 25.0;
                (-0.5 * z * z).exp() / (25.0 * std::f64::consts::TAU.sqrt())
            };
            let before = BEFORE * share(middle);
            let after = BEFORE / 7.0 * traffic * share(middle + moved);
            if before + after > 1e-9 {
                let leaf = leaves.len() as u32;
                values_in_bins.push(BinCount { leaf, class, before, after });
            }
            leaf.before += before;
            leaf.after += after;
            leaf.bad_before += if class > usual { before } else { 0.0 };
            leaf.bad_after += if class > usual { after } else { 0.0 };
        }
        leaves.push(leaf);
    }
    cube(leaves, values_in_bins)
}

fn all_codes() -> Vec<Vec<u16>> {
    let mut all = Vec::new();
    for a in 1..=SIZES[0] {
        for b in 1..=SIZES[1] {
            all.extend((1..=SIZES[2]).map(|c| vec![a, b, c]));
        }
    }
    all
}

/// Of all leaves as they are before, roughly: the slowest fifth decides.
fn quantile_before(level: f64) -> f64 {
    let z = if level > 0.9 { 0.6 } else { 0.0 };
    500.0 * (z * 25.0 / 64.0_f64).exp2()
}

fn cube(leaves: Vec<Leaf>, values_in_bins: Vec<BinCount>) -> Leaves {
    let values = |at: usize| {
        let named = (1..=SIZES[at]).map(|code| format!("{}{code}", ["a", "b", "c"][at]));
        std::iter::once(String::new()).chain(named).collect()
    };
    Leaves {
        dimensions: ["a", "b", "c"].map(str::to_owned).to_vec(),
        values: (0..3).map(values).collect(),
        leaves,
        values_in_bins,
        before_to_after: 7.0,
    }
}

fn shift(statistic: Statistic, direction: Direction, before: f64, after: f64) -> Shift {
    let onset = Timestamp::from_millis(0);
    Shift {
        kind: hark_model::FindingKind::Regression,
        statistic,
        direction,
        onset,
        onset_interval: [onset, onset],
        before,
        after,
        interval: [0.0, 0.0],
        requests: 1000,
        e_value: 1e6,
        detectors: Vec::new(),
    }
}

fn explained(leaves: &Leaves, question: Question, shift: &Shift) -> Explanation {
    let scope = Slice::total();
    let inquiry = Inquiry {
        leaves,
        by_day: &[],
        question,
        scope: &scope,
        shift,
        min_effect: 0.03,
        unit: "ms",
        bad_is_hit: true,
        window: [Timestamp::from_millis(0), Timestamp::from_millis(3_600_000)],
        days_before: 7,
        changes: &[],
        elsewhere: &[],
        left_out: Vec::new(),
    };
    explain(inquiry).explanation
}

fn slower(leaves: &Leaves) -> Explanation {
    let shift = shift(Statistic::P95, Direction::Up, quantile_before(0.95), 1.3 * quantile_before(0.95));
    explained(leaves, Question::BadShare { usual: 0.05 }, &shift)
}

fn names(explanation: &Explanation) -> Vec<String> {
    explanation.causes.iter().map(|cause| cause.slice.to_string()).collect()
}

fn why(explanation: &Explanation) -> &Why {
    explanation.why.as_ref().unwrap()
}

/// The parts of all causes, of what moved the other way and of the rest.
fn parts(explanation: &Explanation) -> Vec<Mix> {
    let why = why(explanation);
    let named = explanation.causes.iter().chain(&why.offsets).filter_map(|cause| cause.part);
    named.chain(why.rest).collect()
}

fn assert_adds_up(explanation: &Explanation) {
    let compared = why(explanation).compared.as_ref().unwrap();
    let sum: f64 = parts(explanation).iter().map(|part| part.within + part.mix_shift).sum();
    let move_ = compared.after - compared.before;
    assert!((sum - move_).abs() <= 1e-9 * compared.before.abs().max(1.0), "{sum} {move_}");
}

#[test]
fn a_slow_slice_is_named_sized_and_put_back() {
    let leaves = latencies(&|codes| (1.0, if codes[1] == 2 && codes[2] == 1 { 1.9 } else { 1.0 }));
    let explanation = slower(&leaves);
    assert_eq!(names(&explanation), ["b:b2,c:c1"], "{explanation:#?}");
    assert_adds_up(&explanation);
    let why = why(&explanation);
    assert_eq!(why.verdict, WhyVerdict::Slices);
    assert!(why.confidence > 0.8, "{why:#?}");
    let deletion = why.deletion.unwrap();
    assert!(!deletion.would_fire && deletion.deviations > 4.0 && deletion.deviations_without < 4.0, "{deletion:?}");
    let cause = &explanation.causes[0];
    let compared = why.compared.as_ref().unwrap();
    assert!(cause.part.unwrap().within > 0.8 * (compared.after - compared.before), "{cause:#?}");
    assert!((cause.without.unwrap().value / compared.before - 1.0).abs() < 0.02, "{cause:#?} {compared:?}");
    assert!(cause.after.unwrap() > 1.7 * cause.before.unwrap());
    let [low, high] = cause.share_interval.unwrap();
    assert!(low < cause.share && cause.share < high && high - low < 0.5, "{cause:?}");
    assert!(cause.chance.unwrap() < 1e-6);
    assert!(!cause.beside.is_empty());
    assert!(cause.beside.iter().all(|other| (other.after / other.before - 1.0).abs() < 0.05), "{:?}", cause.beside);
    assert!(why.mix_share.unwrap().share < 0.05, "{:?}", why.mix_share);
}

#[test]
fn what_moved_the_other_way_is_told_and_counted_against() {
    let change = |codes: &[u16]| match codes {
        [_, 2, _] => (1.0, 1.6),
        [5, ..] => (1.0, 0.5),
        _ => (1.0, 1.0),
    };
    let explanation = slower(&latencies(&change));
    assert_eq!(names(&explanation)[0], "b:b2", "{explanation:#?}");
    let offsets = &why(&explanation).offsets;
    assert_eq!(offsets[0].slice.to_string(), "a:a5");
    assert!(offsets[0].share < 0.0 && offsets[0].part.unwrap().within < 0.0, "{offsets:?}");
    assert_adds_up(&explanation);
}

#[test]
fn a_change_everywhere_is_called_that() {
    let explanation = slower(&latencies(&|_| (1.0, 1.4)));
    assert_eq!(why(&explanation).verdict, WhyVerdict::Everywhere, "{explanation:#?}");
    assert_eq!(names(&explanation), ["total"]);
    assert_adds_up(&explanation);
}

#[test]
fn others_who_came_are_no_slice() {
    let explanation = slower(&latencies(&|codes| (if codes[0] == 5 { 4.0 } else { 1.0 }, 1.0)));
    let why = why(&explanation);
    assert_eq!((why.verdict, names(&explanation)), (WhyVerdict::MixOnly, Vec::new()), "{explanation:#?}");
    assert!(why.mix_share.unwrap().share > 0.95, "{why:#?}");
    assert_adds_up(&explanation);
}

#[test]
fn others_who_came_are_told_although_all_wanders_a_little() {
    let explanation = slower(&latencies(&|codes| (if codes[0] == 5 { 6.0 } else { 1.0 }, 1.05)));
    let why = why(&explanation);
    assert_eq!((why.verdict, names(&explanation)), (WhyVerdict::MixOnly, vec!["total".to_owned()]), "{explanation:#?}");
    assert!(explanation.claimed().is_none());
    let share = why.mix_share.unwrap().share;
    assert!((0.5..0.95).contains(&share), "{why:#?}");
    assert!(why.reason.starts_with(&format!("{:.0} % of the move is a change of who came", 100.0 * share)), "{why:#?}");
}

#[test]
fn missing_requests_are_parted_too() {
    let leaves = latencies(&|codes| (if codes[1] == 3 { 0.2 } else { 1.0 }, 1.0));
    let leaves = Leaves { values_in_bins: Vec::new(), ..leaves };
    let shift = shift(Statistic::Count, Direction::Down, 100.0, 80.0);
    let explanation = explained(&leaves, Question::Missing, &shift);
    assert_eq!(names(&explanation), ["b:b3"]);
    assert_adds_up(&explanation);
    let why = why(&explanation);
    assert!(!why.deletion.unwrap().would_fire && why.confidence > 0.9, "{why:#?}");
}

#[test]
fn without_earlier_days_nothing_is_searched() {
    let mut leaves = latencies(&|_| (1.0, 1.4));
    leaves.leaves.iter_mut().for_each(|leaf| {
        leaf.before = 0.0;
        leaf.bad_before = 0.0;
    });
    leaves.values_in_bins.iter_mut().for_each(|bin| bin.before = 0.0);
    assert_eq!(why(&slower(&leaves)).verdict, WhyVerdict::Unsearched);
    assert_eq!(why(&slower(&cube(Vec::new(), Vec::new()))).verdict, WhyVerdict::Unsearched);
}

#[test]
fn the_same_leaves_give_the_same_bytes() {
    let leaves = latencies(&|codes| (1.0, if codes[0] == 3 { 1.8 } else { 1.0 }));
    let told = |leaves: &Leaves| serde_json::to_string(&slower(leaves)).unwrap();
    assert_eq!(told(&leaves), told(&leaves.clone()));
}
