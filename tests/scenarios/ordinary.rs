//! What is no regression through the real pipeline, each beside what is one: slices that become other people's, holidays, changed
//! clocks.

use std::fs;
use std::path::Path;

use crate::support::hark;
use hark_model::Timestamp;
use serde_json::{Value, json};

const STEP_MS: i64 = 300_000;
const DAY_STEPS: i64 = 288;
const DAY_MS: i64 = DAY_STEPS * STEP_MS;
/// 2026-03-02, a Monday.
const MONDAY_MS: i64 = 1_772_409_600_000;

/// Numbers from nothing to one that look like chance and are always the same.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// About normal.
    fn bell(&mut self) -> f64 {
        (0..12).map(|_| self.next()).sum::<f64>() - 6.0
    }
}

/// Alerts, and why each candidate was dropped.
fn replayed(events: &[Value], metrics: &str, changes: &[Value]) -> (Vec<Value>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let lines = |values: &[Value]| values.iter().map(|value| format!("{value}\n")).collect::<String>();
    let (events, metrics) = (write("events.ndjson", &lines(events)), write("metrics.yaml", metrics));
    let (changes, out) = (write("changes.ndjson", &lines(changes)), write("out.json", ""));
    let args = ["replay", &events, "--metrics", &metrics, "--changes", &changes, "--out", &out, "--no-self-test"];
    let output = hark(&args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_slice(&fs::read(Path::new(&out)).unwrap()).unwrap();
    let why = |dropped: &Value| format!("{}: {}", dropped["at"].as_str().unwrap(), dropped["why"].as_str().unwrap());
    let dropped = found["funnel"]["dropped"].as_array().unwrap().iter().map(why).collect();
    (found["alerts"].as_array().unwrap().clone(), dropped)
}

/// Forty-five days of two versions, the second of which has so great a part of the requests and takes so many times as long.
fn of_versions(part: impl Fn(f64) -> f64, times: impl Fn(f64) -> [f64; 2]) -> (Vec<Value>, Vec<String>) {
    let mut numbers = Numbers(7);
    let mut events = Vec::new();
    for step in 0..45 * DAY_STEPS {
        let day = step as f64 / DAY_STEPS as f64;
        for at in 0..6 {
            let version = usize::from(numbers.next() < part(day));
            let ms = 400.0 * times(day)[version] * (0.25 * numbers.bell()).exp();
            let time = MONDAY_MS + step * STEP_MS + at * 40_000;
            events.push(json!({"time": time, "version": version.to_string(), "ms": ms}));
        }
    }
    let metrics = "metrics: [{name: wait, kind: latency, value: ms, dimensions: [version], watch: [[], [version]]}]";
    replayed(&events, metrics, &[])
}

/// A third of a percent a day from the third week on.
fn creeping(day: f64) -> f64 {
    1.0 + 0.0035 * (day - 15.0).max(0.0)
}

#[test]
fn a_creep_is_told_and_one_of_a_slice_that_becomes_other_peoples_is_not() {
    let (alerts, _) = of_versions(|_| 0.4, |day| [creeping(day); 2]);
    let by = |alert: &Value| alert["evidence"]["detectors"][0]["name"].as_str().map(str::to_owned);
    assert!(alerts.iter().any(|alert| by(alert).as_deref() == Some("slow_drift")), "{alerts:#?}");

    let (alerts, dropped) = of_versions(|day| 0.05 + 0.015 * day, |day| [1.0, creeping(day)]);
    assert!(alerts.is_empty(), "{alerts:#?}");
    assert!(dropped.iter().any(|why| why.ends_with("not the same people all the time")), "{dropped:#?}");
}

/// Hours.
const SUNDAYS_LATER: f64 = 1.5;

/// Some days of a region that wakes up at ten in UTC, on its days off later; `late` by so many hours on some days. The Monday
/// after five weeks is the last but one.
fn of_mornings(weeks_later: i64, late: impl Fn(i64) -> f64, changes: &[Value]) -> (Vec<Value>, Vec<String>) {
    let mut numbers = Numbers(11);
    let mut events = Vec::new();
    for step in 0..(LAST_MONDAY + 2) * DAY_STEPS {
        let day = step / DAY_STEPS;
        let is_off = day % 7 >= 5;
        let hour = (step % DAY_STEPS) as f64 / 12.0 - late(day) - if is_off { SUNDAYS_LATER } else { 0.0 };
        let wanted = 1.0 + 24.0 / (1.0 + (-3.0 * (hour - 10.0)).exp());
        let came = wanted + wanted.sqrt() * numbers.bell();
        for at in 0..came.round().max(0.0) as i64 {
            let time = day_ms(weeks_later, 0) + step * STEP_MS + at * 6_000;
            events.push(json!({"time": time, "region": "south", "city": "west"}));
        }
    }
    let metrics = "metrics: [{name: asked, kind: count, dimensions: [region, city], watch: [[], [city]]}]";
    let (mut alerts, dropped) = replayed(&events, metrics, changes);
    // What Saturdays are like nobody knows in the first week.
    let last_days = Timestamp::from_millis(day_ms(weeks_later, LAST_MONDAY - 1));
    alerts.retain(|alert| alert["opened_at"].as_str().unwrap().parse::<Timestamp>().unwrap() >= last_days);
    (alerts, dropped)
}

/// The sixth of April 2026, the day after Australia's clocks were put back; fourteen weeks later no clocks are changed.
const LAST_MONDAY: i64 = 35;

fn day_ms(weeks_later: i64, day: i64) -> i64 {
    MONDAY_MS + (7 * weeks_later + day) * DAY_MS
}

#[test]
fn a_morning_that_comes_an_hour_late_is_told_unless_clocks_were_put_back() {
    let late = |day: i64| if day >= LAST_MONDAY - 1 { 1.0 } else { 0.0 };
    let (alerts, dropped) = of_mornings(14, late, &[]);
    assert!(!alerts.is_empty(), "{dropped:#?}");
    let (alerts, dropped) = of_mornings(0, late, &[]);
    assert!(alerts.is_empty(), "{alerts:#?}");
    assert!(dropped.iter().any(|why| why.ends_with("clocks were put back")), "{dropped:#?}");
}

#[test]
fn a_morning_that_comes_as_late_as_on_sundays_is_told_unless_there_is_a_holiday() {
    let late = |day: i64| if day == LAST_MONDAY { SUNDAYS_LATER } else { 0.0 };
    let (alerts, _) = of_mornings(14, late, &[]);
    assert!(!alerts.is_empty());
    let time = day_ms(14, LAST_MONDAY);
    let holiday = json!({"time": time, "kind": "holiday", "title": "Winter's day", "slice": {"region": "south"}});
    let (alerts, dropped) = of_mornings(14, late, &[holiday]);
    assert!(alerts.is_empty(), "{alerts:#?}");
    assert!(dropped.iter().any(|why| why.ends_with("its traffic has a holiday")), "{dropped:#?}");
}
