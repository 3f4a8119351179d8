//! Stages add up whatever the requests were, and the slow one is named.

use proptest::prelude::*;

use super::*;

const NAMES: [&str; 3] = ["network_ms", "asr_ms", "fulfil_ms"];

fn names() -> Vec<String> {
    NAMES.map(str::to_owned).to_vec()
}

/// Four classes an octave, as the pipeline keeps them.
fn class(value: f64) -> u32 {
    if value > 0.0 { (value.log2() * 4.0).floor().max(-40.0) as i64 as u32 + 41 } else { 0 }
}

fn sums(requests: &[[f64; 4]]) -> StageSums {
    let mut sums = StageSums::new(NAMES.len());
    for (at, [network, asr, fulfil, gap]) in requests.iter().enumerate() {
        let value = (network + asr + fulfil + gap).max(0.0);
        let of = |ms: f64| (ms * 1000.0).round() as u64;
        sums.add(class(value), at, &[1, of(value), of(*network), of(*asr), of(*fulfil)]);
    }
    sums
}

/// Numbers that look drawn, from 0 to 1, the same each time.
fn draws(seed: u64) -> impl Iterator<Item = f64> {
    (0_u64..).map(move |at| {
        let mut mixed = (seed << 32 | at).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    })
}

/// Log-normal stages; the speech stage `asr` times as slow, and a share of requests 300 ms longer in `fulfil`.
fn requests(seed: u64, count: usize, asr: f64, slow_share: f64) -> Vec<[f64; 4]> {
    let mut draws = draws(seed);
    let mut draw = move || draws.next().unwrap();
    let mut stage = |median: f64| {
        let normal = (0..12).map(|_| draw()).sum::<f64>() - 6.0;
        median * (0.4 * normal).exp()
    };
    let made: Vec<[f64; 3]> = (0..count).map(|_| [stage(60.0), asr * stage(200.0), stage(90.0)]).collect();
    let slow = |at: usize| if (at as f64 * 0.618_034).fract() < slow_share { 300.0 } else { 0.0 };
    made.into_iter().enumerate().map(|(at, [n, a, f])| [n, a, f + slow(at), 0.0]).collect()
}

fn quantile(requests: &[[f64; 4]], q: f64) -> f64 {
    let mut totals: Vec<f64> = requests.iter().map(|parts| parts.iter().sum()).collect();
    totals.sort_by(f64::total_cmp);
    totals[(q * totals.len() as f64) as usize]
}

fn told(statistic: Statistic, before: &[[f64; 4]], during: &[[f64; 4]]) -> Vec<Stage> {
    let q = statistic.quantile().unwrap();
    let (from, to) = (quantile(before, q), quantile(during, q));
    let moved = Moved { statistic, before: from, after: to, interval: [to - from - 20.0, to - from + 20.0] };
    waterfall(&moved, &names(), &sums(before), &sums(during))
}

fn named(stages: &[Stage]) -> Option<&str> {
    stages.iter().find(|stage| stage.named).map(|stage| stage.stage.as_str())
}

#[test]
fn the_stage_that_got_slower_is_named_for_every_quantile() {
    let before = requests(1, 6000, 1.0, 0.0);
    let during = requests(2, 3000, 1.3, 0.0);
    for statistic in [Statistic::P50, Statistic::P95, Statistic::P99] {
        let stages = told(statistic, &before, &during);
        assert_eq!(named(&stages), Some("asr_ms"), "{statistic}: {stages:#?}");
        assert_eq!(stages.len(), 3, "nothing is left over, so there is no gap");
    }
    let tail = told(Statistic::P95, &before, &requests(2, 3000, 1.0, 0.08));
    assert_eq!(named(&tail), Some("fulfil_ms"), "{tail:#?}");
}

#[test]
fn two_stages_at_once_and_chance_are_no_single_stage() {
    let before = requests(1, 6000, 1.0, 0.0);
    let both: Vec<[f64; 4]> =
        requests(3, 3000, 1.0, 0.0).into_iter().map(|[n, a, f, _]| [n + 60.0, a, f + 60.0, 0.0]).collect();
    assert_eq!(named(&told(Statistic::P95, &before, &both)), None);
    let few = told(Statistic::P95, &before[..300], &requests(4, 150, 1.0, 0.0));
    assert_eq!(named(&few), None, "{few:#?}");
}

#[test]
fn what_no_stage_took_is_a_gap_and_stages_nobody_sends_are_none() {
    let before = requests(1, 3000, 1.0, 0.0);
    let during: Vec<[f64; 4]> = before.iter().map(|[n, a, f, _]| [*n, *a, *f, 150.0]).collect();
    let stages = told(Statistic::P50, &before, &during);
    assert_eq!(stages.last().map(|stage| stage.stage.as_str()), Some(GAP));
    assert_eq!(named(&stages), Some(GAP));
    let silent: Vec<[f64; 4]> = before.iter().map(|parts| [0.0, 0.0, 0.0, parts.iter().sum()]).collect();
    assert_eq!(told(Statistic::P50, &silent, &silent), []);
}

#[test]
fn the_interval_holds_the_truth_about_as_often_as_it_says() {
    let truth = told(Statistic::P95, &requests(900, 200_000, 1.0, 0.0), &requests(901, 200_000, 1.25, 0.0));
    let holds = (0..60)
        .filter(|at| {
            let stages =
                told(Statistic::P95, &requests(2 * at, 3000, 1.0, 0.0), &requests(2 * at + 1, 1500, 1.25, 0.0));
            let [low, high] = stages[1].interval.unwrap();
            (low..=high).contains(&truth[1].delta)
        })
        .count();
    assert!(holds >= 52, "{holds} of 60");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]

    #[test]
    fn parts_add_up(
        before in prop::collection::vec([0.0_f64..900.0, 0.0_f64..900.0, 0.0_f64..900.0, -50.0_f64..300.0], 70..90),
        during in prop::collection::vec([0.0_f64..900.0, 0.0_f64..900.0, 0.0_f64..900.0, -50.0_f64..300.0], 70..90),
        (from, to) in (1.0_f64..4000.0, 1.0_f64..4000.0),
        statistic in prop::sample::select(vec![Statistic::P50, Statistic::P95, Statistic::P99, Statistic::Mean]),
    ) {
        let moved = Moved { statistic, before: from, after: to, interval: [to - from - 1.0, to - from + 1.0] };
        let stages = waterfall(&moved, &names(), &sums(&before), &sums(&during));
        prop_assert!(!stages.is_empty());
        let sum = |of: &dyn Fn(&Stage) -> f64| stages.iter().map(of).sum::<f64>();
        prop_assert!((sum(&|stage| stage.delta) - (to - from)).abs() < 1e-9);
        prop_assert!((sum(&|stage| stage.before.unwrap()) - from).abs() < 1e-9);
        prop_assert!((sum(&|stage| stage.during.unwrap()) - to).abs() < 1e-9);
        prop_assert!((sum(&|stage| stage.share) - 1.0).abs() < 1e-6 || (to - from).abs() < 1e-3);
        if stages[0].shapley.is_some() {
            prop_assert!((sum(&|stage| stage.shapley.unwrap()) - (to - from)).abs() < 1e-9);
        }
        prop_assert!(stages.iter().all(|stage| stage.interval.unwrap()[0] <= stage.delta));
        prop_assert!(stages.iter().filter(|stage| stage.named).count() <= 1);
    }
}
