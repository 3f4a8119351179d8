//! Wrong input on the command line: one sentence that says what to do, status 1 or 2, and nothing lost.

use std::fs;

use crate::support::{Server, failure, hark};

#[test]
fn wrong_usage_is_status_2() {
    for args in
        [&["--colour", "red"][..], &["fly"], &["replay"], &["simulate", "--seed", "x"], &["serve", "--lisen", "1"]]
    {
        let (status, text) = failure(args);
        assert_eq!(status, Some(2), "{args:?}: {text}");
        assert!(text.starts_with("error: "), "{text}");
    }
}

#[test]
fn what_cannot_be_done_is_one_sentence_and_status_1() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (config, metrics, out) = (path("hark.toml"), path("metrics.yaml"), path("out.json"));
    fs::write(&config, "lisen = 1").unwrap();
    fs::write(&metrics, "metrics: [{name: a, kind: latency, value: 'ms +'}]").unwrap();
    fs::write(path("events.ndjson"), "").unwrap();
    fs::create_dir(path("newer")).unwrap();
    fs::write(path("newer/format"), "9").unwrap();
    let cases: [(&[&str], &str); 8] = [
        (&["replay", &path("none.ndjson"), "--out", &out], "none.ndjson cannot be read"),
        (
            &["replay", &path("events.ndjson"), "--metrics", &metrics, "--out", &out],
            "metric `a`: `ms +` cannot be used",
        ),
        (&["replay", &path("events.ndjson"), "--out", &path("no/folder/out.json")], "cannot be written to"),
        (&["serve", "--config", &config], "unknown key `lisen`; did you mean `listen`?"),
        (&["serve", "--listen", "nowhere"], "`nowhere` is not an address to listen on"),
        (&["serve", "--listen", "127.0.0.1:0", "--data", &path("newer")], "written by a newer hark (format 9"),
        (&["alerts", "--data", &path("nothing")], "there is no database in"),
        (&["simulate", "--seed", "1", "--days", "0", "--rate", "1", "--out", &path("s")], "days"),
    ];
    for (args, part) in cases {
        let (status, text) = failure(args);
        assert_eq!(status, Some(1), "{args:?}: {text}");
        assert!(text.contains(part), "{args:?}: {text}");
        assert_eq!(text.trim_end().lines().count(), 1, "one sentence, not {text}");
    }
}

#[test]
fn a_port_in_use_and_a_folder_in_use_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let address = server.url.trim_start_matches("http://").to_owned();
    let elsewhere = tempfile::tempdir().unwrap();
    let (status, text) = failure(&["serve", "--listen", &address, "--data", elsewhere.path().to_str().unwrap()]);
    assert_eq!(status, Some(1));
    assert!(text.contains("is the port in use?"), "{text}");
    let (status, text) = failure(&["serve", "--listen", "127.0.0.1:0", "--data", folder.path().to_str().unwrap()]);
    assert_eq!(status, Some(1));
    assert!(text.contains("another hark is using the data folder"), "{text}");
    // The first one is none the worse for it.
    assert_eq!(server.ask("/readyz").0, 200);
    let listed = hark(&["alerts", "--json", "--data", folder.path().to_str().unwrap()]);
    assert!(listed.status.success());
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&listed.stdout).unwrap()["alerts"], serde_json::json!([]));
}

#[test]
fn doctor_names_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("format"), "9").unwrap();
    let output = hark(&["doctor", "--data", folder.path().to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("ok    metrics") && text.contains("FAIL  data folder"), "{text}");
}

#[test]
fn a_series_is_judged_and_a_broken_one_leaves_the_old_result() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (series, out) = (path("series.csv"), path("out.csv"));
    let row = |at: usize| {
        let usual = [20, 23, 19, 21, 24, 18, 22][at * 5 % 7] + at * at % 11;
        format!("{},{}\n", 1_777_593_600 + 60 * at, if at == 450 { 900 } else { usual })
    };
    fs::write(&series, (0..500).fold("timestamp,value\n".to_owned(), |text, at| text + &row(at))).unwrap();
    assert!(hark(&["detect", &series, "--out", &out]).status.success());
    let written = fs::read_to_string(&out).unwrap();
    let told: Vec<usize> =
        written.lines().skip(1).enumerate().filter(|(_, line)| line.ends_with(",1")).map(|(at, _)| at).collect();
    assert_eq!((written.lines().count(), told), (501, vec![450]));
    assert_eq!(hark(&["detect", &series]).stdout, written.as_bytes(), "to standard output the same");

    // Why it was told, by that alarm's row; and of a detector of shapes, what each value adds.
    let told = hark(&["explain", "row", &series]);
    let text = String::from_utf8(told.stdout).unwrap();
    assert!(text.starts_with("ensemble of 900.00 at 1777620600 in") && text.contains(": an alarm, score"), "{text}");
    assert!(text.contains("expected: ") && text.contains("  level"), "{text}");
    let told = hark(&["explain", "row", &series, "--detector", "arima", "--at", "1777620600", "--json"]);
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    let terms = told["sums"][0]["terms"].as_array().unwrap();
    let sum: f64 = terms.iter().map(|term| term["amount"].as_f64().unwrap()).sum();
    assert!((sum - told["expected"].as_f64().unwrap()).abs() < 1e-9 && told["anomaly"] == true, "{told}");
    let told = hark(&["explain", "row", &series, "--detector", "gaussian_mixture", "--at", "1777620600"]);
    let text = String::from_utf8(told.stdout).unwrap();
    assert!(text.contains("strangeness: ") && text.contains("  windows before, as they are"), "{text}");
    let first = text.lines().find(|line| line.contains("  value")).unwrap();
    assert!(first.contains("value at 1777620600") && first.contains('+'), "{text}");

    fs::write(&series, "timestamp,value\n2026-05-01,1\n2026-05-02,much\n").unwrap();
    let (status, text) = failure(&["detect", &series, "--out", &out]);
    assert_eq!(status, Some(1));
    assert!(text.contains("line 3 of") && text.contains("`much` is not a number"), "{text}");
    assert_eq!(fs::read_to_string(&out).unwrap(), written);
}

#[test]
fn a_series_is_forecast_and_a_broken_one_is_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let series = folder.path().join("series.csv").to_str().unwrap().to_owned();
    // A week of hours, of which one never came and one has no value.
    let day = |at: usize| 100.0 + 20.0 * (at as f64 / 24.0 * std::f64::consts::TAU).sin();
    let row = |at: usize| {
        let value = day(at) + (at * 7_919 % 13) as f64 / 13.0;
        let value = if at == 90 { String::new() } else { value.to_string() };
        format!("2026-05-{:02} {:02}:00:00,{value}\n", 1 + at / 24, at % 24)
    };
    let rows = (0..168).filter(|at| *at != 70).map(row);
    fs::write(&series, std::iter::once("timestamp,value\n".to_owned()).chain(rows).collect::<String>()).unwrap();
    for model in ["arima", "ets"] {
        let told = hark(&["forecast", &series, "--steps", "24", "--model", model, "--level", "0.9"]);
        let (out, told) = (String::from_utf8(told.stdout).unwrap(), String::from_utf8(told.stderr).unwrap());
        assert!(told.contains("its seasons taken off as waves: log likelihood"), "{told}");
        let mut lines = out.lines();
        assert_eq!(lines.next(), Some("timestamp,forecast,low,high"));
        for (at, line) in (168..).zip(lines.by_ref()) {
            let cells: Vec<&str> = line.split(',').collect();
            assert_eq!(cells[0], format!("2026-05-08 {:02}:00:00", at - 168));
            let [expected, low, high] = [1, 2, 3].map(|cell: usize| cells[cell].parse::<f64>().unwrap());
            assert!(low < expected && expected < high && (expected - day(at) - 0.5).abs() < 2.0, "{model}: {line}");
        }
        assert_eq!(out.lines().count(), 25);
        let json = hark(&["forecast", &series, "--steps", "24", "--model", model, "--level", "0.9", "--json"]);
        let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
        assert_eq!(json["model"]["name"], model);
        let last = out.lines().last().unwrap().split(',').nth(1).unwrap().parse::<f64>().unwrap();
        assert_eq!(json["forecast"][23]["forecast"], last);
    }
    let (status, text) = failure(&["forecast", &series, "--steps", "0"]);
    assert_eq!(status, Some(2), "{text}");
    fs::write(&series, "timestamp,value\n2026-05-01,1\n2026-05-02,much\n").unwrap();
    let (status, text) = failure(&["forecast", &series, "--steps", "3"]);
    assert_eq!(status, Some(1));
    assert!(text.contains("line 3 of") && text.contains("`much` is not a number"), "{text}");
    fs::write(&series, "timestamp,value\n2026-05-01,1\n2026-05-02,1\n").unwrap();
    let (status, text) = failure(&["forecast", &series, "--steps", "3"]);
    assert_eq!((status, text.trim_end().lines().count()), (Some(1), 1));
    assert!(text.contains("cannot be forecast: no model can be fitted to its newest 2 values"), "{text}");
}
