//! A holiday or an incident that was entered late: what it would have changed, and a state as if it had been there from the start.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Server, failure, hark};

/// Bodies of so many lines.
const LINES: usize = 20_000;
const HOLIDAY: &str = r#"{"time":"2026-03-18T00:00:00Z","kind":"holiday","title":"a holiday of our own"}"#;
const INCIDENT: &str = r#"{"time":"2026-03-18T05:50:00Z","until":"2026-03-18T12:10:00Z","kind":"incident","title":"a bad network of ours"}"#;
/// All traffic alone is watched, and three weeks are gone through in seconds.
const METRICS: &str = "
metrics:
  - {name: response_time, kind: latency, value: total_ms, unit: ms, dimensions: [platform], watch: [[]]}
  - {name: failure_rate, kind: ratio, numerator: outcome = 'error', unit: share, dimensions: [platform], watch: [[]]}
  - {name: requests, kind: count, unit: requests, dimensions: [platform], watch: [[]], better: higher, alert: {min_effect: 25%}}
";

/// Eighteen days of one language, whose people work on weekdays and rest on the last Wednesday, too.
fn events(folder: &Path) -> Vec<String> {
    let out = folder.to_str().unwrap();
    let simulated = ["simulate", "--seed", "115", "--days", "18", "--rate", "60", "--incidents", "0", "--out", out];
    assert!(hark(&simulated).status.success());
    let all = fs::read_to_string(folder.join("events.ndjson")).unwrap();
    let rests = |line: &str| ["07", "08", "14", "15", "18"].iter().any(|day| line.contains(&format!("2026-03-{day}T")));
    let german = all.lines().filter(|line| line.contains(r#""locale":"de_DE""#)).enumerate();
    german.filter(|(at, line)| !rests(line) || at % 10 < 3).map(|(_, line)| line.to_owned()).collect()
}

fn send(server: &Server, events: &[String]) {
    for body in events.chunks(LINES) {
        server.post("/api/v1/events", &body.join("\n")).unwrap();
    }
}

fn series(server: &Server, metric: &str) -> Value {
    let span = "from=2026-03-16T00:00:00Z&to=2026-03-20T00:00:00Z&step=300";
    server.get(&format!("/api/v1/series?metric={metric}&{span}"))
}

#[test]
fn a_holiday_that_was_entered_late_takes_back_what_it_explains() {
    let folder = tempfile::tempdir().unwrap();
    let events = events(folder.path());
    takes_back(folder.path(), &events, HOLIDAY, "requests");
}

/// Six hours in which everything took three times as long: told, taken back, and nothing learned from them.
#[test]
fn an_incident_that_was_entered_late_is_as_if_it_had_been_known() {
    let folder = tempfile::tempdir().unwrap();
    let slow = |line: String| {
        let hour = line.split_once("\"time\":\"2026-03-18T").map(|(_, rest)| rest[..2].parse::<u32>().unwrap());
        if !hour.is_some_and(|hour| (6..12).contains(&hour)) {
            return line;
        }
        let mut event: Value = serde_json::from_str(&line).unwrap();
        let took = event["total_ms"].as_f64();
        if let Some(took) = took {
            event["total_ms"] = (3.0 * took).into();
        }
        event.to_string()
    };
    let events: Vec<String> = events(folder.path()).into_iter().map(slow).collect();
    takes_back(folder.path(), &events, INCIDENT, "response_time");
}

fn takes_back(folder: &Path, events: &[String], change: &str, metric: &str) {
    let title = serde_json::from_str::<Value>(change).unwrap()["title"].as_str().unwrap().to_owned();
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (data, changes, metrics) = (folder.join("data"), path("late.ndjson"), path("metrics.yaml"));
    fs::write(&changes, change).unwrap();
    fs::write(&metrics, METRICS).unwrap();
    let start = |data: &Path| Server::start_with(data, &["--metrics", &metrics]);
    let server = start(&data);
    send(&server, events);
    let counted = server.get("/api/v1/status")["events"].clone();
    let told = server.get(&format!("/api/v1/alerts?metric={metric}"));
    let of_the_day = |alert: &&Value| alert["opened_at"].as_str().unwrap().starts_with("2026-03-18");
    let alert = told["alerts"].as_array().unwrap().iter().find(of_the_day).unwrap_or_else(|| panic!("{told}")).clone();

    // A look goes on beside the running hark and changes nothing.
    let data_path = path("data");
    let ask = ["hindsight", &changes, "--data", &data_path, "--metrics", &metrics, "--json"];
    let order = ["hindsight", &changes, "--data", &data_path, "--metrics", &metrics, "--apply", "--by", "ada"];
    let looked = hark(&ask);
    assert!(looked.status.success(), "{}", String::from_utf8_lossy(&looked.stderr));
    let seen: Value = serde_json::from_slice(&looked.stdout).unwrap();
    assert_eq!(seen["events"], counted, "{seen}");
    assert!(seen["vanish"].as_array().unwrap().iter().any(|told| told["id"] == alert["id"]), "{seen}");
    let (_, problem) = failure(&order);
    assert!(problem.contains("another hark is using"), "{problem}");
    assert_eq!(server.stop(), Some(0));

    let applied = hark(&order);
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    let server = start(&data);
    let taken_back = server.get(&format!("/api/v1/alerts/{}", alert["id"].as_str().unwrap()));
    assert_eq!((&taken_back["status"], &taken_back["feedback"][0]["verdict"]), (&"resolved".into(), &"false".into()));
    assert_eq!(taken_back["feedback"][0]["by"], "ada");
    assert!(server.get("/api/v1/changes").to_string().contains(&title));

    // It is what it would be, had it been known: the same bits in every expectation.
    let clean = start(&folder.join("clean"));
    clean.post("/api/v1/changes", change).unwrap();
    send(&clean, events);
    let (anew, known) = (series(&server, metric), series(&clean, metric));
    assert!(known["expected"].as_array().unwrap().iter().any(Value::is_number), "{known}");
    assert_eq!(anew, known);
    // Asked again, there is nothing more to it.
    drop(server);
    let again: Value = serde_json::from_slice(&hark(&ask).stdout).unwrap();
    assert_eq!((&again["vanish"], &again["appear"]), (&Value::Array(Vec::new()), &Value::Array(Vec::new())), "{again}");
}

#[test]
fn what_is_no_change_or_no_folder_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let changes = folder.path().join("late.ndjson");
    let path = changes.to_str().unwrap();
    fs::write(&changes, "").unwrap();
    assert!(failure(&["hindsight", path]).1.contains("there is no change in"));
    fs::write(&changes, "{\"time\":\"yesterday\"}").unwrap();
    assert!(failure(&["hindsight", path]).1.contains("line 1"));
    fs::write(&changes, r#"{"time":"2026-03-18T06:00:00Z","kind":"incident","title":"endless"}"#).unwrap();
    assert!(failure(&["hindsight", path]).1.contains("line 1: an incident lasts from its `time` until its `until`"));
    fs::write(&changes, HOLIDAY).unwrap();
    let (_, problem) = failure(&["hindsight", path, "--data", folder.path().join("none").to_str().unwrap()]);
    assert!(problem.contains("there is no database in"), "{problem}");
}
