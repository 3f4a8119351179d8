//! What a replay shows is what production does: the same days over HTTP and from a file give the same alerts.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use crate::support::{Server, hark};

/// Bodies are cut elsewhere than the replay cuts its file.
const BODY_BYTES: usize = 3_000_000;

fn parts(events: &[u8]) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = std::str::from_utf8(events).unwrap();
    while !rest.is_empty() {
        let end = rest.len().min(BODY_BYTES);
        let cut = rest[end..].find('\n').map_or(rest.len(), |at| end + at + 1);
        let (part, after) = rest.split_at(cut);
        parts.push(part);
        rest = after;
    }
    parts
}

#[test]
fn a_replay_and_a_server_raise_the_same_alerts() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let simulated =
        ["simulate", "--seed", "102", "--days", "9", "--rate", "40", "--incidents", "3", "--out", &path("")];
    assert!(hark(&simulated).status.success());
    let (events, changes, out) = (path("events.ndjson"), path("changes.ndjson"), path("out.json"));
    assert!(hark(&["replay", &events, "--changes", &changes, "--out", &out]).status.success());
    let replayed: Value = serde_json::from_slice(&fs::read(&out).unwrap()).unwrap();

    let data = folder.path().join("data");
    let server = Server::start(&data);
    for change in fs::read_to_string(&changes).unwrap().lines() {
        server.post("/api/v1/changes", change).unwrap();
    }
    for part in parts(&fs::read(&events).unwrap()) {
        server.post("/api/v1/events", part).unwrap();
    }
    let status = server.get("/api/v1/status");
    for count in ["events", "duplicates", "late", "rejected"] {
        assert_eq!(status[count], replayed["ingested"][count], "{count}");
    }

    // The replay also closes the last minutes, for which the server still waits: what ended before is the same.
    let watermark = status["watermark"].as_str().unwrap();
    let has_ended = |alert: &&Value| alert["resolved_at"].as_str().is_some_and(|at| at < watermark);
    let expected: Vec<&Value> = replayed["alerts"].as_array().unwrap().iter().filter(has_ended).collect();
    assert!(!expected.is_empty(), "the days must hold an alert that ended");
    for alert in expected {
        let id = alert["id"].as_str().unwrap();
        let mut served = server.get(&format!("/api/v1/alerts/{id}"));
        // Users are counted by hashes under the folder's own key, which a replay does not have: two estimates of one number.
        let users = [&served, alert].map(|alert| alert["effect"]["users"].as_f64().unwrap());
        assert!((users[0] / users[1]).ln().abs() < 0.4, "{users:?}");
        served["effect"]["users"] = alert["effect"]["users"].clone();
        // What has become of similar alerts is joined where one alert is asked for, and stands in no document.
        for similar in served["similar"].as_array_mut().unwrap() {
            similar["resolved_at"] = Value::Null;
        }
        assert_eq!(&served, alert);

        // The first of its candidates opened it; what the funnel dropped as part of it is of its metric, and told as that.
        let joined = served["joined"].as_array().unwrap();
        assert_eq!(joined[0]["at"], served["opened_at"]);
        let asked = format!("/api/v1/funnel?stage=new&metric={}", served["metric"].as_str().unwrap());
        for dropped in server.get(&asked)["dropped"].as_array().unwrap().iter().filter(|one| one["alert"] == id) {
            assert_eq!((&dropped["metric"], &dropped["stage"]), (&served["metric"], &json!("new")), "{dropped}");
        }
    }
    let listed = server.get("/api/v1/alerts");
    let count = replayed["alerts"].as_array().unwrap().len();
    assert!(listed["alerts"].as_array().unwrap().len().abs_diff(count) <= 1, "{} and {count}", listed["alerts"]);

    assert!(listed["alerts"].as_array().unwrap().iter().all(|alert| alert["joined"] == json!([])), "lists are short");

    // Each alert is in one incident, and each incident is listed once.
    let all = listed["alerts"].as_array().unwrap();
    let incidents = server.get("/api/v1/incidents?limit=200")["incidents"].clone();
    let ids: Vec<&str> = incidents.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
    for alert in all {
        let incident = incidents.as_array().unwrap().iter().find(|one| one["id"] == alert["incident_id"]).unwrap();
        assert!(incident["alerts"].as_array().unwrap().contains(&alert["id"]), "{incident}");
    }
    assert_eq!(
        incidents.as_array().unwrap().iter().map(|one| one["alerts"].as_array().unwrap().len()).sum::<usize>(),
        all.len()
    );
    let one = server.get(&format!("/api/v1/incidents/{}", ids[0]));
    assert_eq!(
        (&one["lead"], one["details"].as_array().unwrap().len()),
        (&incidents[0]["lead"], one["alerts"].as_array().unwrap().len())
    );
    assert_eq!(one["alerts_total"], one["alerts"].as_array().unwrap().len());

    // Words find what has all of them, and a search of so few looks through everything.
    let first = &all[0];
    let search = |words: &str| server.get(&format!("/api/v1/alerts?q={words}"));
    let path = format!("{}+{}", first["id"].as_str().unwrap(), first["metric"].as_str().unwrap().to_uppercase());
    let found = search(&path);
    assert_eq!((&found["alerts"][0]["id"], found["alerts"].as_array().unwrap().len()), (&first["id"], 1), "{found}");
    assert_eq!(search("100%25_nosuch%27%22"), json!({ "alerts": [], "next": null, "looked_back_to": null }));
    let (code, problem) = server.ask("/api/v1/alerts?q=a+b+c+d+e+f+g+h+j");
    assert!(code == 400 && problem.contains("9 words are looked for at once; give 8 at most"), "{problem}");
    let (code, problem) = server.ask("/api/v1/incidents/in_0");
    assert!(code == 404 && problem.contains("there is no incident"), "{problem}");
    assert_eq!(server.ask("/api/v1/incidents?limit=0").0, 400);

    // And it is on disk: the same alerts from the folder alone, read beside the running server.
    let from_folder = hark(&["alerts", "--json", "--data", data.to_str().unwrap()]);
    let from_folder: Value = serde_json::from_slice(&from_folder.stdout).unwrap();
    assert_eq!(from_folder["alerts"].as_array().unwrap().len(), listed["alerts"].as_array().unwrap().len());
}
