//! The registry through the real program: a metric is tried, saved, measured, changed, kept over a restart, taken away.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::support::{Server, hark, with_method};

fn send_an_hour(server: &Server, hour: u32) {
    let mut body = String::new();
    for minute in 0..60 {
        for (n, shown) in [1, 2, 3].iter().enumerate() {
            writeln!(
                body,
                "{{\"time\":\"2026-05-01T{hour:02}:{minute:02}:0{n}Z\",\"outcome\":\"ok\",\"total_ms\":100,\"shown_ms\":{}}}",
                100 * shown
            )
            .unwrap();
        }
    }
    server.post("/api/v1/events", &body).unwrap();
}

fn metric<'a>(definitions: &'a Value, name: &str) -> Option<&'a Value> {
    definitions["metrics"].as_array().unwrap().iter().find(|metric| metric["name"] == name)
}

fn points(server: &Server, name: &str) -> usize {
    let series =
        server.get(&format!("/api/v1/series?metric={name}&from=2026-05-01T00:00:00Z&to=2026-05-02T00:00:00Z&step=300"));
    series["value"].as_array().unwrap().iter().filter(|value| !value.is_null()).count()
}

#[test]
fn a_metric_is_tried_saved_measured_changed_and_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    send_an_hour(&server, 10);
    let before = points(&server, "response_time");

    let draft = json!({ "name": "shown", "kind": "latency", "value": "shown_ms", "unit": "ms" });
    let (status, tried) =
        with_method(&server, "POST", "/api/v1/definitions/preview", Some(&json!({ "definition": draft, "days": 14 })));
    assert_eq!((status, &tried["events"]), (200, &180.into()), "{tried}");
    assert_eq!((&tried["metrics"][0]["name"], &tried["metrics"][0]["series"]), (&"shown".into(), &1.into()), "{tried}");
    assert!(metric(&server.get("/api/v1/definitions"), "shown").is_none(), "a preview keeps nothing");

    let (status, saved) =
        with_method(&server, "POST", "/api/v1/definitions", Some(&json!({ "definition": draft, "by": "ada" })));
    assert_eq!((status, &saved["saved"][0]["version"]), (201, &1.into()), "{saved}");
    let again = json!({ "definition": draft, "by": "ada" });
    assert_eq!(with_method(&server, "POST", "/api/v1/definitions", Some(&again)).0, 409);
    assert_eq!(points(&server, "shown"), 0, "nothing has come in for it yet, and that is no wrong question");
    send_an_hour(&server, 11);
    send_an_hour(&server, 12);
    assert!(points(&server, "shown") > 0, "events from then on are measured");
    assert!(points(&server, "response_time") > before, "what did not change goes on");

    let changed = json!({ "name": "shown", "kind": "latency", "value": "shown_ms * 2", "unit": "ms", "owner": "tv" });
    let by_bob = json!({ "definition": changed, "by": "bob" });
    let (status, saved) = with_method(&server, "PUT", "/api/v1/definitions/shown", Some(&by_bob));
    assert_eq!((status, &saved["saved"][0]["version"]), (200, &2.into()), "{saved}");
    let wrong = json!({ "definition": { "name": "shown", "kind": "latency", "value": "shown_ms +" }, "by": "bob" });
    assert_eq!(with_method(&server, "PUT", "/api/v1/definitions/shown", Some(&wrong)).0, 400);
    server.kill();

    let server = Server::start(folder.path());
    let in_force = server.get("/api/v1/definitions");
    let shown = metric(&in_force, "shown").unwrap();
    assert_eq!(
        (&shown["owner"], &shown["managed_by"], &shown["version"], &shown["changed_by"]),
        (&"tv".into(), &"store".into(), &2.into(), &"bob".into())
    );
    assert_eq!(with_method(&server, "DELETE", "/api/v1/definitions/shown", None).0, 400, "by nobody");
    assert_eq!(with_method(&server, "DELETE", "/api/v1/definitions/requests?by=ada", None).0, 400, "built in");
    assert_eq!(with_method(&server, "DELETE", "/api/v1/definitions/shown?by=ada", None).0, 204);
    assert!(metric(&server.get("/api/v1/definitions"), "shown").is_none());
    let detail = server.get("/api/v1/definitions/shown");
    assert_eq!((&detail["definition"], detail["history"].as_array().unwrap().len()), (&Value::Null, 3));

    let entries = server.get("/api/v1/audit?subject=shown")["entries"].clone();
    let who: Vec<&str> = entries.as_array().unwrap().iter().map(|entry| entry["who"].as_str().unwrap()).collect();
    assert_eq!(who, ["ada", "bob", "ada"], "{entries}");
}

#[test]
fn the_command_line_checks_and_applies_what_the_page_does() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    send_an_hour(&server, 10);
    let file = folder.path().join("metrics.yaml");
    std::fs::write(&file, "metrics: [{name: shown, kind: latency, value: shown_ms}]").unwrap();
    let (file, data) = (file.to_str().unwrap(), folder.path().to_str().unwrap());
    let place = ["--listen", server.url.trim_start_matches("http://"), "--data", data];
    let said = |args: &[&str]| {
        let output = hark(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let placed = |args: &[&'static str], file: &[&str]| {
        let all: Vec<String> = args.iter().chain(file).chain(&place).map(|part| (*part).to_owned()).collect();
        said(&all.iter().map(String::as_str).collect::<Vec<_>>())
    };
    assert!(said(&["metrics", "validate", file]).contains("1 metric is valid: shown"));
    assert!(placed(&["metrics", "preview"], &[file]).contains("shown: would have fired 0 times"));
    assert_eq!(placed(&["metrics", "apply", "--by", "ada"], &[file]), "shown: version 1\n");
    assert_eq!(placed(&["metrics", "apply", "--by", "ada"], &[file]), "shown: unchanged\n");
    assert!(
        placed(&["metrics", "list"], &[])
            .lines()
            .any(|line| line.starts_with("shown ") && line.ends_with("saved, version 1"))
    );
}
