//! History is open: delta-rs, Polars and DuckDB read the same from hark's files as hark itself.

use std::fs;
use std::time::Duration;

use super::{printed, script};
use crate::support::{Server, hark};

const EVENTS: u32 = 5_000;
const START_MS: i64 = 1_777_636_800_000;
/// 28 hours of traffic: two days, and so two partitions.
const APART_MS: i64 = 20_000;
/// Several commits, so that there are several files.
const BODIES: u32 = 8;
/// Half a bucket of the sketch up or down would be 0.54 %; a whole one is what it promises.
const TOLERANCE: f64 = 0.011;

#[test]
fn other_engines_read_what_was_sent() {
    let Some(mut reader) = script("read_history.py") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (data, config) = (folder.path().join("data"), folder.path().join("hark.toml"));
    fs::write(&config, "[history]\ncommit_seconds = 1\n").unwrap();
    let server = Server::start_with(&data, &["--config", config.to_str().unwrap()]);
    let lines: Vec<String> = (0..EVENTS).map(line).collect();
    for body in lines.chunks((EVENTS / BODIES) as usize) {
        assert_eq!(server.post("/api/v1/events", &body.join("\n")).unwrap()["accepted"], body.len());
        std::thread::sleep(Duration::from_millis(400));
    }
    // Later than all of them: only then are their minutes closed, and closed minutes are what a cell is written for.
    let last = time(EVENTS) + 20 * 60_000;
    let closing = format!(r#"{{"time":{last},"id":"closing","outcome":"cancelled"}}"#);
    assert_eq!(server.post("/api/v1/events", &closing).unwrap()["accepted"], 1);
    assert_eq!(server.stop(), Some(0));

    let found = printed(reader.arg(data.join("history")));
    let mut response_times: Vec<f64> = (0..EVENTS).filter(|&event| !is_error(event)).map(total_ms).collect();
    response_times.sort_by(f64::total_cmp);
    let p95 = response_times[(response_times.len() * 95).div_ceil(100) - 1];
    for engine in ["deltalake", "polars", "duckdb"] {
        let found = &found[engine];
        eprintln!("{engine}: {found}");
        assert_eq!((&found["rows"], &found["ids"]), (&(EVENTS + 1).into(), &(EVENTS + 1).into()), "{engine}");
        let cells = &found["cells"];
        for (metric, count) in
            [("requests", EVENTS as usize), ("failure_rate", EVENTS as usize), ("response_time", response_times.len())]
        {
            assert_eq!(cells[metric], count, "{engine}: {metric}");
        }
        let Some(found) = found["p95"].as_f64() else { continue };
        assert!((found / p95 - 1.0).abs() < TOLERANCE, "{engine}: p95 is {found}, exactly it is {p95}");
    }
    assert!(found["polars"]["p95"].is_f64() && found["duckdb"]["p95"].is_f64(), "{found}");

    let sql = "select count(*), count(distinct id) from events";
    let output = hark(&["query", sql, "--json", "--listen", "127.0.0.1:1", "--data", data.to_str().unwrap()]);
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["rows"], serde_json::json!([[EVENTS + 1, EVENTS + 1]]));
}

fn time(event: u32) -> i64 {
    START_MS + i64::from(event) * APART_MS
}

fn is_error(event: u32) -> bool {
    event.is_multiple_of(17)
}

/// From 100 ms to 15 s, even in the logarithm, in an order that looks like chance.
fn total_ms(event: u32) -> f64 {
    100.0 * (f64::from(event * 7919 % 5003) / 1000.0).exp()
}

/// Columns come later, and have gaps.
fn line(event: u32) -> String {
    let (time, total_ms, outcome) = (time(event), total_ms(event), if is_error(event) { "error" } else { "ok" });
    let device = if event > EVENTS / 2 && event.is_multiple_of(3) { r#","device":"Küche","is_new":true"# } else { "" };
    format!(
        r#"{{"time":{time},"id":"e{event}","user":"u{}","outcome":"{outcome}","total_ms":{total_ms}{device}}}"#,
        event % 50
    )
}
