//! What the fold keeps of stages and of failures: every request once, the same however the stream is cut.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

use std::collections::BTreeMap;

use hark_ingest::{EventsRecord, Fold, Format, Reader, TaggedLeaves, UserKey, decode};
use hark_model::{Definitions, Step};
use hark_query::Plan;
use proptest::prelude::*;

const START_MS: i64 = 1_777_636_800_000; // 2026-05-01T12:00:00Z

fn plan() -> Plan {
    let yaml = "metrics:
      - {name: slow, kind: latency, value: ms, where: outcome = 'ok', dimensions: [platform], stages: [a, b]}
      - {name: failed, kind: ratio, numerator: outcome = 'error', dimensions: [platform]}
      - {name: served, kind: ratio, numerator: outcome = 'ok', better: higher, dimensions: [platform]}";
    Plan::compile(&Definitions::parse(yaml).unwrap()).unwrap()
}

/// By dimension's value and tag.
type Rows = BTreeMap<(String, String), Vec<u64>>;

fn rows(fold: &Fold, plan: &Plan, kept: &TaggedLeaves, name: impl Fn(u32) -> String) -> Rows {
    let platform = plan.metrics[0].dimensions[0];
    let mut rows = Rows::new();
    kept.each(Step(0), Step(i64::MAX), |row| {
        let value = fold.dictionary(platform).value(row.codes[0]).to_owned();
        let sums = rows.entry((value, name(row.tag))).or_insert_with(|| vec![0; row.sums.len()]);
        sums.iter_mut().zip(row.sums).for_each(|(sum, more)| *sum += more);
    });
    rows
}

fn folded(lines: &[String], batch: usize) -> [Rows; 3] {
    let plan = plan();
    let mut fold = Fold::new(&plan);
    let key = UserKey::new([0; 16]);
    // A single event ahead of all others does not move the clock, so its step would stay open: some later ones agree.
    let later: Vec<String> = (0..40).map(|at| line(5_000_000 + at, 10_000 + at as usize, 2, None)).collect();
    for chunk in lines.chunks(batch).chain([later.as_slice()]) {
        let reader = Reader { fields: &plan.fields, users: &key };
        let decoded = decode(Format::Ndjson, chunk.join("\n").as_bytes(), &reader).unwrap();
        assert_eq!(decoded.rejected, []);
        let record = EventsRecord { events: decoded.events, ..EventsRecord::default() };
        fold.apply(&plan, &record.batch(), |_| {});
    }
    fold.finish(|_| {});
    let failures = |metric| {
        let name = |tag| fold.signature(tag).text;
        rows(&fold, &plan, fold.failures(metric).unwrap(), name)
    };
    assert!(fold.stages(1).is_none() && fold.failures(0).is_none());
    [rows(&fold, &plan, fold.stages(0).unwrap(), |_| String::new()), failures(1), failures(2)]
}

fn line(at_ms: i64, id: usize, platform: usize, error: Option<u32>) -> String {
    let time = START_MS + at_ms;
    let outcome = match error {
        None => r#""outcome":"ok","ms":30.5,"a":10.25,"b":20"#.to_owned(),
        Some(0) => r#""outcome":"error""#.to_owned(),
        Some(number) => format!(r#""outcome":"error","error":"E{}: gave up after {number} ms""#, number % 3),
    };
    format!(r#"{{"time":{time},"id":"{id}","platform":"{}",{outcome}}}"#, ["iOS", "macOS", "tvOS"][platform])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_request_is_kept_once_however_the_stream_is_cut(
        events in prop::collection::vec((0..4_000_000_i64, 0..2_usize, prop::option::of(0..40_u32)), 40..300),
        batch in 20_usize..100,
    ) {
        let lines: Vec<String> =
            events.iter().enumerate().map(|(id, (at, platform, error))| line(*at, id, *platform, *error)).collect();
        let whole = folded(&lines, lines.len());
        prop_assert_eq!(&folded(&lines, batch), &whole);
        let [stages, failed, served] = whole;
        for (at, platform) in ["iOS", "macOS"].into_iter().enumerate() {
            let of = |is_ok: bool| events.iter().filter(|event| event.1 == at && event.2.is_none() == is_ok).count() as u64;
            let found = stages.iter().filter(|((value, _), _)| value == platform).map(|(_, sums)| sums.clone());
            let fine = of(true);
            let expected = if fine == 0 { vec![] } else { vec![vec![fine, 30_500 * fine, 10_250 * fine, 20_000 * fine]] };
            prop_assert_eq!(found.collect::<Vec<_>>(), expected);
            let bad: u64 = failed.iter().filter(|((value, _), _)| value == platform).map(|(_, sums)| sums[0]).sum();
            prop_assert_eq!(bad, of(false));
        }
        // What is a hit for one and a miss for the other failed for both.
        prop_assert_eq!(&failed, &served);
        let known = ["(no text)", "E<*>: gave up after <*> ms"];
        prop_assert!(failed.keys().all(|(_, text)| known.contains(&text.as_str())), "{:?}", failed);
    }
}
