//! The fold's promises: each event once, the same cells however the stream is cut, late events in their minute.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

use std::collections::BTreeMap;

use hark_ingest::{
    Applied, Batch, Closed, Counted, Counts, EventsRecord, Fold, Format, Reader, SILENCE, UserKey, decode,
};
use hark_model::{Cell, Definitions, Minute, Slice, Statistic, Step, Timestamp, UserMark, Users};
use hark_query::Plan;
use proptest::prelude::*;

const START_MS: i64 = 1_777_636_800_000; // 2026-05-01T12:00:00Z

fn plan() -> Plan {
    let yaml = "metrics:
      - {name: slow, kind: latency, value: ms, where: outcome = 'ok', dimensions: [platform], watch: [[], [platform]]}
      - {name: failed, kind: ratio, numerator: outcome = 'error', dimensions: [platform], watch: [[]]}
      - {name: seen, kind: count, dimensions: [platform], watch: [[], [platform]]}";
    Plan::compile(&Definitions::parse(yaml).unwrap()).unwrap()
}

fn record(plan: &Plan, lines: &[String]) -> EventsRecord {
    let reader = Reader { fields: &plan.fields, users: &UserKey::new([0; 16]) };
    let decoded = decode(Format::Ndjson, lines.join("\n").as_bytes(), &reader).unwrap();
    assert_eq!(decoded.rejected, []);
    EventsRecord { events: decoded.events, ..EventsRecord::default() }
}

fn apply(fold: &mut Fold, plan: &Plan, lines: &[String], on_close: impl FnMut(Closed<'_>)) -> Applied {
    fold.apply(plan, &record(plan, lines).batch(), on_close)
}

/// What each closed step held: (step, metric, slice, count, value).
type Steps = Vec<(Step, usize, String, u64, Option<f64>)>;

fn fold(lines: &[String], batch: usize) -> (Steps, Counts) {
    let plan = plan();
    let mut fold = Fold::new(&plan);
    let mut closed = Vec::new();
    let statistics = [Statistic::P95, Statistic::Rate, Statistic::Count];
    let mut keep = |step: Closed<'_>| {
        for one in &step.cells {
            let slice = step.fold.cells(one.metric).slice(one.slice).to_string();
            let value = one.cell.value(statistics[one.metric]);
            closed.push((step.step, one.metric, slice, one.cell.count(), value));
        }
    };
    for chunk in lines.chunks(batch) {
        apply(&mut fold, &plan, chunk, &mut keep);
    }
    fold.finish(&mut keep);
    (closed, fold.counts())
}

fn line(at_ms: i64, id: u32, platform: &str, outcome: &str, ms: f64) -> String {
    let time = START_MS + at_ms;
    format!(
        r#"{{"time":{time},"id":"{id}","platform":"{platform}","outcome":"{outcome}","ms":{ms},"user":"{}"}}"#,
        id % 37
    )
}

fn events() -> impl Strategy<Value = Vec<String>> {
    let event = (0..3_600_000_i64, 0..400_u32, 0..3_usize, any::<bool>(), 1.0..5000.0_f64);
    prop::collection::vec(event, 40..400).prop_map(|events| {
        let named = |(at, id, platform, ok, ms): &(i64, u32, usize, bool, f64)| {
            line(*at, *id, ["iOS", "macOS", "tvOS"][*platform], if *ok { "ok" } else { "error" }, *ms)
        };
        events.iter().map(named).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn batches_do_not_matter(lines in events(), batch in 20_usize..100) {
        let whole = fold(&lines, lines.len());
        prop_assert_eq!(&fold(&lines, batch), &whole);
        // Only the first batch sets the clock, from up to twenty events; beyond that even single lines are the same.
        let (first, rest) = lines.split_at(20);
        let plan = plan();
        let mut fold = Fold::new(&plan);
        apply(&mut fold, &plan, first, |_| {});
        for line in rest {
            apply(&mut fold, &plan, std::slice::from_ref(line), |_| {});
        }
        prop_assert_eq!(fold.counts(), whole.1);
    }

    /// Whatever came late, twice or out of order: the minutes handed out, and those still open, add up to what
    /// counting the distinct events one by one gives.
    #[test]
    fn minutes_add_up_to_an_exact_count(lines in events(), batch in 1_usize..100) {
        let plan = plan();
        let mut fold = Fold::new(&plan);
        let mut minutes: BTreeMap<(usize, String, Minute), Counted> = BTreeMap::new();
        let mut add = |metric: usize, slice: &Slice, minute: Minute, counted: &Counted| {
            minutes.entry((metric, slice.to_string(), minute)).and_modify(|sum| sum.merge(counted)).or_insert_with(|| counted.clone());
        };
        for chunk in lines.chunks(batch) {
            apply(&mut fold, &plan, chunk, |closed| {
                for (metric, cells) in closed.minutes.iter().enumerate() {
                    for one in cells {
                        add(metric, closed.fold.cells(metric).slice(one.slice), one.minute, &one.counted);
                    }
                }
            });
        }
        (0..3).for_each(|metric| fold.unclosed(metric).for_each(|(slice, minute, counted)| add(metric, slice, minute, counted)));

        let mut exact: BTreeMap<(usize, String, Minute), (u64, u64, Users)> = BTreeMap::new();
        let users = record(&plan, &lines).events.users;
        let mut ids = std::collections::BTreeSet::new();
        for (line, user) in lines.iter().zip(users) {
            let parts: Vec<&str> = line.split('"').collect();
            let (time, id, platform, outcome) = (parts[2], parts[5], parts[9], parts[13]);
            if !ids.insert(id) {
                continue;
            }
            let time: i64 = time.trim_matches([':', ',']).parse().unwrap();
            let minute = Timestamp::from_millis(time).minute();
            for (metric, counts, hit, slices) in [
                (0, outcome == "ok", false, vec!["total".to_owned(), format!("platform:{platform}")]),
                (1, true, outcome == "error", vec!["total".to_owned()]),
                (2, true, false, vec!["total".to_owned(), format!("platform:{platform}")]),
            ] {
                for slice in slices.into_iter().filter(|_| counts) {
                    let sum = exact.entry((metric, slice, minute)).or_default();
                    (sum.0, sum.1) = (sum.0 + 1, sum.1 + u64::from(hit));
                    sum.2.add(UserMark::of(user.unwrap().get()));
                }
            }
        }
        let shown: BTreeMap<_, _> = minutes
            .iter()
            .map(|(key, Counted { cell, users })| {
                let hits = if let Cell::Ratio { hits, .. } = cell { *hits } else { 0 };
                (key.clone(), (cell.count(), hits, users.clone()))
            })
            .collect();
        prop_assert_eq!(shown, exact);
    }

    /// Rows of a large batch are sorted by cell, those of a small one are not: the minutes come out the same, in the same
    /// order, late and early ones among them.
    #[test]
    fn large_batches_give_the_same_minutes_as_small_ones(seed: u32) {
        let number = |at: u32| ((u64::from(at) << 32) | u64::from(seed)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        let lines: Vec<String> = (0..6_000_u32)
            .map(|at| {
                let number = number(at);
                // Some two minutes before and after their turn, one in a hundred by an hour.
                let by = number % 240_000 + if number.is_multiple_of(101) { 3_600_000 } else { 0 };
                let at_ms = 4_000_000 + i64::from(at) * 100 - by as i64;
                let outcome = if number.is_multiple_of(7) { "error" } else { "ok" };
                line(at_ms, at, ["iOS", "macOS", "tvOS"][(number % 3) as usize], outcome, 1.0 + (number % 977) as f64)
            })
            .collect();
        let minutes = |batch: usize| {
            let plan = plan();
            let mut fold = Fold::new(&plan);
            let mut minutes = Vec::new();
            let mut keep = |closed: Closed<'_>| minutes.extend(closed.minutes);
            lines.chunks(batch).for_each(|lines| drop(apply(&mut fold, &plan, lines, &mut keep)));
            fold.finish(&mut keep);
            minutes
        };
        prop_assert!(minutes(lines.len()) == minutes(60), "cut into batches of 60 the minutes are others");
    }

    #[test]
    fn each_id_counts_once(lines in events()) {
        let twice = [lines.clone(), lines.clone()].concat();
        let (_, counts) = fold(&twice, 50);
        let mut ids: Vec<&str> = lines.iter().map(|line| line.split('"').nth(5).unwrap()).collect();
        ids.sort_unstable();
        ids.dedup();
        prop_assert_eq!(counts.events, ids.len() as u64);
        prop_assert_eq!(counts.events + counts.duplicates, twice.len() as u64);
    }
}

#[test]
fn a_late_event_corrects_its_minute() {
    let plan = plan();
    let mut fold = Fold::new(&plan);
    let send = |fold: &mut Fold, line: String| {
        let mut corrected = 0;
        let applied = apply(fold, &plan, &[line], |closed| corrected += closed.corrected.len());
        (applied, corrected)
    };
    send(&mut fold, line(0, 1, "iOS", "ok", 10.0));
    send(&mut fold, line(30 * 60_000, 2, "iOS", "ok", 10.0));
    let (applied, _) = send(&mut fold, line(60_000, 3, "iOS", "ok", 10.0));
    assert_eq!((applied.accepted, applied.late), (1, 1));
    let (_, corrected) = send(&mut fold, line(40 * 60_000, 4, "iOS", "ok", 10.0));
    assert!(corrected > 0, "whoever keeps points is told of the correction");
    let seen = fold.cells(2);
    let (total, slice) = seen.slices().next().unwrap();
    assert_eq!((slice, seen.step_cell(total, Step(START_MS / 300_000))), (&Slice::total(), Cell::Count(2)));
}

#[test]
fn a_batch_with_a_name_counts_once() {
    let plan = plan();
    let mut fold = Fold::new(&plan);
    let mut record = record(&plan, &[line(0, 1, "iOS", "ok", 10.0)]);
    record.events.ids = vec![None];
    let batch = Batch { id: std::num::NonZeroU64::new(5), ..record.batch() };
    let applied = [(); 2].map(|()| fold.apply(&plan, &batch, |_| {}));
    assert_eq!(applied.map(|applied| (applied.accepted, applied.duplicates)), [(1, 0), (0, 1)]);
}

#[test]
fn a_day_late_is_counted_and_in_no_cell() {
    let (_, counts) = fold(
        &[
            line(0, 1, "iOS", "ok", 10.0),
            line(50 * 60_000, 2, "iOS", "ok", 10.0),
            line(-25 * 3_600_000, 3, "iOS", "ok", 10.0),
        ],
        1,
    );
    assert_eq!((counts.events, counts.late), (2, 1));
}

#[test]
fn negative_latencies_are_counted_and_not_used() {
    let (closed, counts) = fold(&[line(0, 1, "iOS", "ok", -3.0), line(600_000, 2, "iOS", "ok", 5.0)], 2);
    assert_eq!((counts.events, counts.unusable), (2, 1));
    let first: Vec<_> = closed.iter().filter(|one| one.0 == Step(START_MS / 300_000)).collect();
    assert!(first.iter().any(|one| one.1 == 2 && one.3 == 1), "it is a request all the same: {first:?}");
}

#[test]
fn an_expression_that_fails_on_a_value_costs_its_metric_that_row_alone() {
    let yaml = "metrics:
      - {name: sized, kind: latency, value: cast(size as double), dimensions: [platform], watch: [[]]}
      - {name: seen, kind: count, dimensions: [platform], watch: [[]]}
      - {name: kind_of, kind: ratio, numerator: size = '1', dimensions: [platform], watch: [[]]}";
    let plan = Plan::compile(&Definitions::parse(yaml).unwrap()).unwrap();
    let mut fold = Fold::new(&plan);
    let sizes = ["1", "2", "large", "4", "5", "huge", "7"];
    let line = |size: &&str| format!(r#"{{"time":{START_MS},"platform":"iOS","size":"{size}"}}"#);
    let applied = apply(&mut fold, &plan, &sizes.iter().map(line).collect::<Vec<_>>(), |_| {});
    assert_eq!((applied.accepted, fold.counts().unusable), (7, 2));
    let count = |metric| fold.unclosed(metric).map(|(_, _, counted)| counted.cell.count()).sum::<u64>();
    assert_eq!([count(0), count(1), count(2)], [5, 7, 7]);
}

#[test]
fn steps_close_in_silence_and_hold_nothing() {
    let plan = plan();
    let mut fold = Fold::new(&plan);
    let wall = |minute: i64| Some(Timestamp::from_millis(START_MS).plus_minutes(minute));
    let lines: Vec<String> = (0..10).map(|id| line(60_000 * i64::from(id), id, "iOS", "ok", 100.0)).collect();
    let came = EventsRecord { received: wall(10), ..record(&plan, &lines) };
    let mut counts = Vec::new();
    let mut keep = |closed: Closed<'_>| {
        let total = closed.cells.iter().find(|one| one.metric == 2 && closed.fold.cells(2).slice(one.slice).is_empty());
        counts.push(total.map(|one| one.cell.count()));
    };
    fold.apply(&plan, &came.batch(), &mut keep);
    let silence =
        |minute| EventsRecord { source: SILENCE.to_owned(), received: wall(minute), ..EventsRecord::default() };
    for minute in [12, 20, 31] {
        fold.apply(&plan, &silence(minute).batch(), &mut keep);
    }
    // Until ten minutes before the newest.
    assert_eq!(counts, [Some(5), Some(5), Some(0), Some(0)]);
    assert_eq!(fold.sources().len(), 1, "silence is no source");
    assert_eq!(fold.counts().events, 10);
}
