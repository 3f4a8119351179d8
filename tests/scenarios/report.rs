//! The weekly report over HTTP, its SQL answered by the history of the very program, and every query that it gives.

use std::fmt::Write;

use serde_json::Value;

use crate::support::{Server, hark};

/// Eight days from Monday 2026-04-27 on: of a hundred requests of tvOS twenty fail, of iOS none; all take 1,000 ms.
fn served() -> (tempfile::TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    for day in 0..8 {
        let date = if day < 4 { format!("2026-04-{}", 27 + day) } else { format!("2026-05-0{}", day - 3) };
        let mut body = String::new();
        for n in 0..144 {
            let (hour, minute) = (n / 6, n % 6 * 10);
            for (platform, outcome) in [("tvOS", if n % 5 == 0 { "error" } else { "ok" }), ("iOS", "ok")] {
                writeln!(
                    body,
                    "{{\"time\":\"{date}T{hour:02}:{minute:02}:00Z\",\"outcome\":\"{outcome}\",\"total_ms\":1000,\
                     \"platform\":\"{platform}\"}}"
                )
                .unwrap();
            }
        }
        server.post("/api/v1/events", &body).unwrap();
    }
    (folder, server)
}

/// Everything under this key that stands in an answer.
fn texts(of: &Value, wanted: &str, found: &mut Vec<String>) {
    match of {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(text) if key == wanted => found.push(text.clone()),
                    other => texts(other, wanted, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| texts(value, wanted, found)),
        _ => {}
    }
}

#[test]
fn the_week_is_told_from_history_and_its_queries_can_be_asked() {
    let (folder, server) = served();
    let report = server.get("/api/v1/report?week=2026-W18");
    let scores = report["scores"].as_array().unwrap();
    let slices: Vec<_> = scores.iter().map(|score| score["slice"]["platform"].as_str().unwrap_or("total")).collect();
    assert_eq!(slices.len(), 3, "{report}");
    let of = |slice: &str| &scores[slices.iter().position(|one| *one == slice).unwrap()];
    // 144 requests a day, 29 of them failed.
    assert_eq!((&of("tvOS")["requests"], &of("total")["requests"]), (&(7 * 144).into(), &(7 * 288).into()));
    // All took 1,000 ms, to the width of a bucket: some 200 of the 2,200 ms that cost 40 points.
    let slow = 40.0 * 200.0 / 2200.0;
    let near = |score: &Value, expected: f64| (score.as_f64().unwrap() - expected).abs() < 0.3;
    assert!(near(&of("iOS")["score"], 100.0 - slow), "{}", of("iOS"));
    // More than 15 % failed, which costs all of the 60 points.
    assert!(near(&of("tvOS")["score"], 40.0 - slow), "{}", of("tvOS"));
    assert_eq!(of("tvOS")["parts"][0]["metric"], "failure_rate");
    let objectives = report["objectives"].as_array().unwrap();
    assert_eq!(objectives.len(), 2);
    let failures = objectives.iter().find(|one| one["metric"] == "failure_rate").unwrap();
    assert!((failures["missed_share"].as_f64().unwrap() - 29.0 / 288.0).abs() < 1e-9, "{failures}");
    assert!(report["sentence"].as_str().unwrap().ends_with('.'), "{report}");

    let (mut asked, mut addresses) = (Vec::new(), Vec::new());
    texts(&report, "sql", &mut asked);
    texts(&report, "address", &mut addresses);
    assert!(asked.len() == 5 && !addresses.is_empty(), "{asked:?} {addresses:?}");
    for sql in asked {
        let (status, body) = server.send("/api/v1/query", &serde_json::json!({ "sql": sql }).to_string());
        // Hours are added up a day later; a table that has none says so.
        assert!(status == 200 || body.contains("is empty so far"), "{sql}: {body}");
    }
    for address in addresses {
        let (status, body) = server.ask(&address);
        assert_eq!(status, 200, "{address}: {body}");
    }

    let (status, page) = server.ask("/api/v1/report?week=2026-W18&format=html");
    assert_eq!(status, 200);
    assert!(page.starts_with("<!doctype html>") && !page.contains("<script"), "{page}");
    let address = server.url.trim_start_matches("http://");
    let data = folder.path().to_str().unwrap();
    let told = hark(&["report", "--week", "2026-W18", "--listen", address, "--data", data]);
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(told, report);
}

#[test]
fn weeks_that_are_none_are_refused_and_empty_ones_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    for asked in ["week=2026-W54", "week=may", "format=pdf", "month=5"] {
        assert_eq!(server.ask(&format!("/api/v1/report?{asked}")).0, 400, "{asked}");
    }
    let report = server.get("/api/v1/report?week=2026-W18");
    assert_eq!(report["scores"][0]["score"], Value::Null);
    assert_eq!(server.ask("/api/v1/report?week=2026-W18&format=html").0, 200);
}
