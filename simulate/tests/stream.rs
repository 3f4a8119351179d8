//! The stream as a collector sees it: deterministic, counted exactly, at the rate that was asked for.

use std::collections::{HashMap, HashSet};

use chrono::DateTime;
use hark_simulate::{ChangeKind, Config, Expectation, Kinds, SimulateError, Simulation, Written, write_to};
use serde_json::Value;

const MINUTE_MS: i64 = 60_000;

const SMALL: Config =
    Config { seed: 7, start_ms: Config::DEFAULT_START_MS, days: 3, rate: 40.0, incidents: 3, kinds: Kinds::All };

fn all_lines(config: Config) -> Vec<u8> {
    let mut simulation = Simulation::new(config).expect("valid");
    let mut lines = Vec::new();
    while simulation.next_minute(&mut lines).is_some() {}
    lines
}

/// An event as a strict reader takes it: an object with a time and an id.
fn read(line: &[u8]) -> Option<(i64, String, Value)> {
    let event: Value = serde_json::from_slice(line).ok()?;
    let time = DateTime::parse_from_rfc3339(event.get("time")?.as_str()?).ok()?;
    let id = event.get("id")?.as_str()?.to_owned();
    Some((time.timestamp_millis(), id, event))
}

fn lines_of(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

#[test]
fn a_seed_is_a_stream() {
    let first = all_lines(SMALL);
    assert!(first == all_lines(SMALL), "the same seed gave other bytes");
    assert!(first != all_lines(Config { seed: 8, ..SMALL }), "another seed gave the same bytes");
    let truth = |seed| {
        let simulation = Simulation::new(Config { seed, ..SMALL }).expect("valid");
        serde_json::to_string(simulation.truth()).expect("plain data")
    };
    assert_eq!(truth(7), truth(7));
    assert_ne!(truth(7), truth(8));
}

#[test]
fn counters_equal_a_recount() {
    // Enough for some malformed lines.
    let config = Config { days: 4, rate: 100.0, ..SMALL };
    let mut simulation = Simulation::new(config).expect("valid");
    let mut seen: HashMap<String, Vec<u8>> = HashMap::new();
    let mut recount = Written::default();
    let mut lines = Vec::new();
    let mut ends = Vec::new();
    while let Some(end_ms) = simulation.next_minute(&mut lines) {
        ends.push(end_ms);
        for line in lines_of(&lines) {
            assert!(line.is_ascii());
            let Some((time_ms, id, _)) = read(line) else {
                recount.malformed += 1;
                continue;
            };
            assert!(time_ms < end_ms, "an event of the future");
            if let Some(first) = seen.get(&id) {
                assert_eq!(first, line, "a copy differs");
                recount.duplicates += 1;
            } else {
                recount.events += 1;
                recount.late += u64::from(time_ms < end_ms - MINUTE_MS);
                seen.insert(id, line.to_vec());
            }
        }
        lines.clear();
    }
    assert_eq!(recount, simulation.written());
    assert_eq!(simulation.truth().written, Some(recount));
    let expected: Vec<i64> = (1..=4 * 1440).map(|minute| config.start_ms + minute * MINUTE_MS).collect();
    assert_eq!(ends, expected);
    let share = |count: u64| count as f64 / recount.events as f64;
    assert!((0.010..0.020).contains(&share(recount.late)), "{recount:?}");
    assert!((0.002..0.004).contains(&share(recount.duplicates)), "{recount:?}");
    assert!((0.0001..0.0003).contains(&share(recount.malformed)), "{recount:?}");
}

#[test]
fn late_events_come_minutes_and_hours_later() {
    let mut simulation = Simulation::new(Config { rate: 100.0, ..SMALL }).expect("valid");
    let mut lateness_ms = Vec::new();
    let mut lines = Vec::new();
    while let Some(end_ms) = simulation.next_minute(&mut lines) {
        let late = lines_of(&lines).filter_map(read).map(|(time_ms, ..)| end_ms - MINUTE_MS - time_ms);
        lateness_ms.extend(late.filter(|ms| *ms > 0));
        lines.clear();
    }
    let longest = lateness_ms.iter().max().expect("some are late");
    assert!((4 * 60 * MINUTE_MS..=22 * 60 * MINUTE_MS).contains(longest), "{longest}");
    let over_an_hour = lateness_ms.iter().filter(|ms| **ms > 60 * MINUTE_MS).count();
    assert!(over_an_hour > 0 && over_an_hour * 5 < lateness_ms.len());
}

#[test]
fn stages_add_up_and_fields_are_those_of_the_contract() {
    let fields = [
        "time", "id", "platform", "os_version", "build", "device", "locale", "feature", "network", "cluster", "user",
        "outcome", "error", "total_ms", "network_ms", "asr_ms", "nlu_ms", "fulfil_ms", "tts_ms",
    ];
    let mut outcomes: HashMap<String, usize> = HashMap::new();
    let mut codes = HashSet::new();
    let lines = all_lines(SMALL);
    for (_, _, event) in lines_of(&lines).filter_map(read) {
        let object = event.as_object().expect("an object");
        assert_eq!(object.len(), fields.len());
        assert!(fields.iter().all(|field| object.contains_key(*field)), "{event}");
        let tenths = |field: &str| {
            let ms = event[field].as_f64().expect("a number");
            assert!((ms * 10.0 - (ms * 10.0).round()).abs() < 1e-6, "{event}");
            (ms * 10.0).round() as i64
        };
        let parts: i64 = ["network_ms", "asr_ms", "nlu_ms", "fulfil_ms", "tts_ms"].into_iter().map(tenths).sum();
        assert_eq!(tenths("total_ms"), parts, "{event}");
        let outcome = event["outcome"].as_str().expect("text");
        assert_eq!(event["error"].is_string(), outcome == "error" || outcome == "timeout", "{event}");
        if let Some((code, _)) = event["error"].as_str().and_then(|error| error.split_once(':')) {
            codes.insert(code.to_owned());
        }
        *outcomes.entry(outcome.to_owned()).or_default() += 1;
    }
    assert_eq!(outcomes.len(), 4, "{outcomes:?}");
    assert!(codes.len() >= 13, "{codes:?}");
}

#[test]
fn two_weeks_have_the_rate_that_was_asked_for() {
    for seed in 1..=2 {
        let config = Config { seed, days: 14, rate: 30.0, incidents: 0, ..SMALL };
        let mut simulation = Simulation::new(config).expect("valid");
        let mut lines = Vec::new();
        while simulation.next_minute(&mut lines).is_some() {
            lines.clear();
        }
        let written = simulation.written();
        let rate = (written.events + written.malformed) as f64 / (14.0 * 1440.0);
        assert!((rate / config.rate - 1.0).abs() < 0.03, "seed {seed}: {rate}");
    }
}

#[test]
fn one_in_fifty_fails_on_an_ordinary_day() {
    let lines = all_lines(Config { incidents: 0, ..SMALL });
    let failed = |event: &Value| matches!(event["outcome"].as_str(), Some("error" | "timeout"));
    let events: Vec<Value> = lines_of(&lines).filter_map(read).map(|(_, _, event)| event).collect();
    let rate = events.iter().filter(|event| failed(event)).count() as f64 / events.len() as f64;
    assert!((0.01..0.02).contains(&rate), "{rate}");
}

#[test]
fn causes_come_shortly_before_and_overlap() {
    let mut causes = 0;
    for seed in 1..=4 {
        let config = Config { seed, days: 30, rate: 20.0, incidents: 11, ..SMALL };
        let simulation = Simulation::new(config).expect("valid");
        let changes = simulation.changes();
        let a_day = changes.len() as f64 / 30.0;
        assert!((1.5..5.0).contains(&a_day), "{a_day}");
        assert!(changes.is_sorted_by_key(|change| change.time));
        assert!(changes.iter().any(|change| change.kind == ChangeKind::Holiday));
        let titles: HashSet<&str> = changes.iter().map(|change| change.title.as_str()).collect();
        assert_eq!(titles.len(), changes.len());
        for incident in &simulation.truth().incidents {
            let Some(title) = &incident.cause_change_title else { continue };
            assert_eq!(incident.expect, Expectation::Alert);
            let cause = changes.iter().find(|change| change.title == *title).expect("on record");
            let minutes = (incident.start - cause.time).num_minutes();
            assert!((1..=20).contains(&minutes), "{minutes}");
            let overlaps = cause.slice.iter().all(|(name, value)| incident.slice.get(name) == Some(value));
            assert!(overlaps, "{cause:?} {incident:?}");
            causes += 1;
        }
    }
    assert!((20..40).contains(&causes), "{causes} of 40");
}

#[test]
fn files_hold_the_same_as_the_stream() {
    let dir = std::env::temp_dir().join(format!("hark-simulate-{}", std::process::id()));
    let mut days = Vec::new();
    let truth = write_to(&dir, &SMALL, |done, of| days.push((done, of))).expect("written");
    let read = |name: &str| std::fs::read(dir.join(name)).expect("there");
    let (events, changes, written) = (read("events.ndjson"), read("changes.ndjson"), read("truth.json"));
    std::fs::remove_dir_all(&dir).expect("removed");
    assert!(events == all_lines(SMALL));
    assert_eq!(days, [(1, 3), (2, 3), (3, 3)]);
    let change: Value = serde_json::from_slice(lines_of(&changes).next().expect("a change")).expect("JSON");
    for field in ["time", "kind", "title", "slice", "url"] {
        assert!(change.get(field).is_some(), "{change}");
    }
    let value: Value = serde_json::from_slice(&written).expect("JSON");
    assert_eq!(value["incidents"].as_array().map(Vec::len), Some(3));
    assert_eq!(value["start"], "2026-03-02T00:00:00Z");
    assert_eq!(value["written"]["events"].as_u64(), truth.written.map(|written| written.events));
}

#[test]
fn an_error_names_the_path() {
    let dir = std::env::temp_dir().join(format!("hark-simulate-file-{}", std::process::id()));
    std::fs::write(&dir, "not a folder").expect("written");
    let result = write_to(dir.join("below"), &SMALL, |_, _| {});
    std::fs::remove_file(&dir).expect("removed");
    let Err(error @ SimulateError::CreateFolder { .. }) = result else { panic!("{result:?}") };
    assert!(error.to_string().contains("hark-simulate-file-"), "{error}");
}
