//! Each family of incidents is measurably there, compared with the same seed without it.

use std::collections::HashMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;

use super::*;
use crate::config::{HOUR_MS, Kinds};
use crate::truth::{Expectation, IncidentTruth, Metric};

/// What a family's slice looked like during its hours, and what all traffic did.
#[derive(Default)]
struct Seen {
    totals_ms: Vec<f64>,
    overall_ms: Vec<f64>,
    by_feature_ms: HashMap<String, Vec<f64>>,
    requests: usize,
    failed: usize,
    /// The well-formed lines of all other hours, sorted.
    outside: Vec<Vec<u8>>,
}

const CONFIG: Config =
    Config { seed: 11, start_ms: Config::DEFAULT_START_MS, days: 5, rate: 120.0, incidents: 1, kinds: Kinds::All };

fn planted(family: Family) -> Simulation {
    let mut schedule = stream(CONFIG.seed, Stream::Schedule);
    Simulation::with_families(CONFIG, &[family], &mut schedule)
}

fn without() -> Simulation {
    Simulation::new(Config { incidents: 0, ..CONFIG }).expect("valid")
}

/// The lines until two hours after the incident; most of the late events have come by then.
fn lines(simulation: &mut Simulation, truth: &IncidentTruth) -> Vec<u8> {
    let until_ms = truth.end.timestamp_millis() + 2 * HOUR_MS;
    let mut lines = Vec::new();
    while simulation.next_minute(&mut lines).is_some_and(|end_ms| end_ms < until_ms) {}
    lines
}

/// Only lines of the incident's hours are read as JSON: times of one shape compare as text.
fn see(lines: &[u8], truth: &IncidentTruth) -> Seen {
    let bound = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true).into_bytes();
    let hours = bound(truth.start)..bound(truth.end);
    let mut seen = Seen::default();
    for line in lines.split(|byte| *byte == b'\n') {
        let Some(time) = line.get(9..33) else { continue };
        if !hours.contains(&time.to_vec()) {
            // A cut line may have lost its end, never its beginning; garbage is short.
            let is_whole = line.starts_with(b"{\"time\":\"2") && line.len() > 200 && line.ends_with(b"}");
            seen.outside.extend(is_whole.then(|| line.to_vec()));
            continue;
        }
        let Ok(event) = serde_json::from_slice::<Value>(line) else { continue };
        seen.add(&event, truth);
    }
    seen.outside.sort_unstable();
    seen
}

impl Seen {
    fn add(&mut self, event: &Value, truth: &IncidentTruth) {
        let outcome = event["outcome"].as_str().unwrap_or_default();
        let total_ms = event["total_ms"].as_f64().unwrap_or_default();
        if outcome == "ok" {
            self.overall_ms.push(total_ms);
            let feature = event["feature"].as_str().unwrap_or_default();
            self.by_feature_ms.entry(feature.to_owned()).or_default().push(total_ms);
        }
        if truth.slice.iter().all(|(dimension, value)| event[*dimension] == value.as_str()) {
            self.requests += 1;
            self.failed += usize::from(outcome == "error" || outcome == "timeout");
            self.totals_ms.extend((outcome == "ok").then_some(total_ms));
        }
    }
}

fn quantile(values: &[f64], level: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(level * (sorted.len() - 1) as f64) as usize]
}

/// The family's truth, and its slice without and with it.
fn twins(family: Family) -> (IncidentTruth, Seen, Seen) {
    let mut simulation = planted(family);
    let truth = simulation.truth().incidents[0].clone();
    let with = see(&lines(&mut simulation, &truth), &truth);
    let before = see(&lines(&mut without(), &truth), &truth);
    // Outside its hours an incident changes nothing.
    assert!(before.outside.len() > 100_000);
    assert!(with.outside == before.outside, "{family:?} changed other hours");
    (truth, before, with)
}

/// The measured rise of the named statistic agrees with the truth.
fn assert_slower(family: Family) -> (Seen, Seen) {
    let (truth, before, with) = twins(family);
    assert_eq!(truth.metric, Metric::ResponseTime);
    assert_eq!(truth.expect, Expectation::Alert);
    let level = truth.statistic.level();
    let rise = quantile(&with.totals_ms, level) / quantile(&before.totals_ms, level) - 1.0;
    assert!(rise > 0.1, "{family:?} rose by {rise}: {truth:?}");
    // Two estimates from samples, one of them small: they agree within a quarter and three points.
    let apart = (rise - truth.magnitude).abs();
    assert!(apart < 0.25 * truth.magnitude + 0.03, "{family:?} rose by {rise}: {truth:?}");
    (before, with)
}

#[test]
fn step() {
    assert_slower(Family::Step);
}

#[test]
fn burst() {
    assert_slower(Family::Burst);
}

#[test]
fn global() {
    assert_slower(Family::Global);
}

#[test]
fn bimodal() {
    assert_slower(Family::Bimodal);
}

#[test]
fn ramp_grows() {
    assert_slower(Family::Ramp);
    let simulation = planted(Family::Ramp);
    let course = &simulation.incidents[0].course;
    let hours = course.grow_ms as f64 / HOUR_MS as f64;
    assert!((1.0..=3.0).contains(&hours), "{hours}");
    assert!(course.intensity(course.start_ms + course.grow_ms / 2) < 0.51);
    assert_eq!(course.intensity(course.end_ms - 1), 1.0);
}

#[test]
fn slow_drift_is_worst_at_its_end() {
    let mut simulation = planted(Family::SlowDrift);
    let truth = simulation.truth().incidents[0].clone();
    let (with, before) = (lines(&mut simulation, &truth), lines(&mut without(), &truth));
    let length = truth.end - truth.start;
    let rise = |part: i32| {
        let part_truth = IncidentTruth {
            start: truth.start + length * part / 4,
            end: truth.start + length * (part + 1) / 4,
            ..truth.clone()
        };
        let median = |lines| quantile(&see(lines, &part_truth).totals_ms, 0.5);
        median(&with) / median(&before) - 1.0
    };
    let (first, last) = (rise(0), rise(3));
    assert!(first < 0.15 && last > 0.25, "{first} {last} {truth:?}");
}

#[test]
fn tail_only_leaves_the_median() {
    let (before, with) = assert_slower(Family::TailOnly);
    let rise = quantile(&with.totals_ms, 0.5) / quantile(&before.totals_ms, 0.5) - 1.0;
    assert!(rise < 0.05, "{rise}");
}

#[test]
fn failure() {
    let (truth, before, with) = twins(Family::Failure);
    assert_eq!(truth.metric, Metric::FailureRate);
    let rate = |seen: &Seen| seen.failed as f64 / seen.requests as f64;
    let added = rate(&with) - rate(&before);
    assert!((added / truth.magnitude - 1.0).abs() < 0.25, "{added} {truth:?}");
}

#[test]
fn traffic_drop() {
    let (truth, before, with) = twins(Family::TrafficDrop);
    assert_eq!(truth.metric, Metric::Requests);
    let lost = 1.0 - with.requests as f64 / before.requests as f64;
    assert!((lost - truth.magnitude).abs() < 0.05, "{lost} {truth:?}");
    // The rest of the traffic goes on.
    let elsewhere = |seen: &Seen| seen.overall_ms.len() - seen.totals_ms.len();
    let kept = elsewhere(&with) as f64 / elsewhere(&before) as f64;
    assert!((kept - 1.0).abs() < 0.01, "{kept}");
}

#[test]
fn data_gap() {
    let (truth, before, with) = twins(Family::DataGap);
    assert!(before.requests > 500, "{}", before.requests);
    assert_eq!((with.requests, truth.magnitude), (0, 1.0));
}

#[test]
fn mix_shift_makes_nobody_slower() {
    let (truth, before, with) = twins(Family::MixShift);
    assert_eq!((truth.expect, truth.strong), (Expectation::Silent, false));
    assert!(with.requests > before.requests * 5 / 4, "{} {}", before.requests, with.requests);
    let overall = quantile(&with.overall_ms, 0.5) / quantile(&before.overall_ms, 0.5) - 1.0;
    assert!(overall > 0.03, "{overall}");
    for (feature, before_ms) in &before.by_feature_ms {
        let with_ms = &with.by_feature_ms[feature];
        let p95 = quantile(with_ms, 0.95) / quantile(before_ms, 0.95) - 1.0;
        // Three standard errors of a 95th percentile (about 4.6 relative, over sqrt(n), for a spread like theirs).
        let tolerance = 3.0 * 4.6 / (before_ms.len().min(with_ms.len()) as f64).sqrt();
        assert!(p95.abs() < tolerance, "{feature}: {p95} of {tolerance}");
    }
}

#[test]
fn stuck_requests_all_report_the_same_time() {
    let (truth, before, with) = twins(Family::Stuck);
    assert_eq!((truth.metric, truth.expect, truth.slice.len()), (Metric::ResponseTime, Expectation::Alert, 1));
    let spread = |seen: &Seen| quantile(&seen.totals_ms, 1.0) - quantile(&seen.totals_ms, 0.0);
    assert!(before.totals_ms.len() > 100 && spread(&before) > 100.0);
    assert_eq!(spread(&with), 0.0);
    assert_eq!(with.requests, before.requests);
}

#[test]
fn thin_slices_get_a_little_slower_and_the_others_do_not() {
    let (truth, before, with) = twins(Family::Thin);
    // Several values of a dimension have no name as a slice.
    assert_eq!((truth.expect, truth.slice.len()), (Expectation::Alert, 0));
    assert!((0.01..0.25).contains(&truth.magnitude), "{truth:?}");
    let overall = quantile(&with.overall_ms, 0.5) / quantile(&before.overall_ms, 0.5) - 1.0;
    assert!(overall > 0.0 && overall < 0.7 * truth.magnitude, "{overall} {truth:?}");
}
