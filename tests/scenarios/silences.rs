//! Silences through the real program: set, kept over a crash, ended by a person and by the clock.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use hark_model::Timestamp;
use serde_json::{Value, json};

use crate::support::{Server, hark, with_method};

/// Bodies of so many lines.
const LINES: usize = 20_000;
/// Everything is slow from 12:41 to 17:22.
const CUTS: [&str; 2] = ["2026-03-05T14:00", "2026-03-05T15:00"];

/// What came until the first cut, and from there to the second.
fn events() -> [Vec<String>; 2] {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let days = ["simulate", "--seed", "133", "--days", "6", "--rate", "30", "--incidents", "1", "--kinds", "global"];
    assert!(hark(&[&days[..], &["--out", out]].concat()).status.success());
    let all = fs::read_to_string(folder.path().join("events.ndjson")).unwrap();
    // Some lines are broken, as ever.
    let time = |line: &str| line.get(..30).and_then(|start| start.split('"').nth(3)).unwrap_or_default().to_owned();
    let [first, second] = CUTS;
    let lines = |from: &str, to: &str| {
        all.lines().filter(|line| (from..to).contains(&time(line).as_str())).map(str::to_owned).collect()
    };
    [lines("2026", first), lines(first, second)]
}

fn send(server: &Server, events: &[String]) {
    for body in events.chunks(LINES) {
        server.post("/api/v1/events", &body.join("\n")).unwrap();
    }
}

fn silence(server: &Server, body: &Value) -> (u16, Value) {
    with_method(server, "POST", "/api/v1/silences", Some(body))
}

/// The status once it is this one, or as it is after half a minute.
fn until(server: &Server, id: &str, status: &str) -> Value {
    let path = format!("/api/v1/alerts/{id}");
    for _ in 0..600 {
        if server.get(&path)["status"] == status {
            break;
        }
        sleep(Duration::from_millis(50));
    }
    server.get(&path)["status"].clone()
}

/// The alert that is on its way to the store.
fn firing(server: &Server) -> String {
    for _ in 0..600 {
        let firing = server.get("/api/v1/alerts?status=firing&metric=response_time");
        if let Some(id) = firing["alerts"][0]["id"].as_str() {
            return id.to_owned();
        }
        sleep(Duration::from_millis(50));
    }
    panic!("no alert after half a minute: {}", server.get("/api/v1/status"));
}

#[test]
fn an_alert_is_silenced_until_somebody_or_the_clock_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::start(&data);
    let [first, second] = events();
    send(&server, &first);
    let id = firing(&server);
    let status = |server: &Server| server.get(&format!("/api/v1/alerts/{id}"))["status"].clone();

    // What is no silence is refused in a sentence.
    let refused = [
        (json!({ "minutes": 60, "by": "ada", "reason": "r" }), "name a metric, a slice or both"),
        (json!({ "metric": "nothing", "minutes": 60, "by": "ada", "reason": "r" }), "there is no metric `nothing`"),
        (json!({ "metric": "requests", "minutes": 60, "by": " ", "reason": "r" }), "must name who"),
        (json!({ "metric": "requests", "minutes": 60, "by": "ada", "reason": "" }), "must say why"),
        (
            json!({ "metric": "requests", "until": "2020-01-01T00:00:00Z", "by": "ada", "reason": "r" }),
            "a time to come",
        ),
        (json!({ "metric": "requests", "minutes": 60, "by": "ada" }), "missing field `reason`"),
    ];
    for (body, said) in refused {
        let (code, problem) = silence(&server, &body);
        assert!(
            (400..500).contains(&code) && problem["detail"].as_str().is_some_and(|text| text.contains(said)),
            "{problem}"
        );
    }
    assert_eq!(server.get("/api/v1/silences")["silences"], json!([]));

    // One of other traffic hides nothing; one of the metric hides the alert before it is answered.
    let beside = json!({ "slice": { "cluster": "us-east-2" }, "minutes": 60, "by": "ada", "reason": "a move" });
    let (code, set) = silence(&server, &beside);
    assert_eq!((code, &set["state"], &set["alerts"]), (201, &"in_force".into(), &json!([])), "{set}");
    assert_eq!(status(&server), "firing");
    let of_metric = json!({ "metric": "response_time", "minutes": 60, "by": "ada", "reason": "known" });
    let (code, set) = silence(&server, &of_metric);
    assert_eq!((code, &set["alerts"]), (201, &json!([id])), "{set}");
    assert_eq!(status(&server), "silenced");
    assert_eq!(server.get("/api/v1/alerts?status=firing&metric=response_time")["alerts"], json!([]));

    // It stays so over a crash and while the alert is looked at again.
    server.kill();
    let server = Server::start(&data);
    assert_eq!(until(&server, &id, "silenced"), "silenced");
    send(&server, &second);
    server.get("/api/v1/status");
    sleep(Duration::from_millis(500));
    assert_eq!(status(&server), "silenced");
    server.post(&format!("/api/v1/alerts/{id}/acknowledge"), r#"{"by":"bob"}"#).unwrap();
    assert_eq!(status(&server), "silenced");

    // Somebody ends it: what people did to the alert is there again.
    let one = format!("/api/v1/silences/{}", set["id"].as_str().unwrap());
    let end = |path: &str| with_method(&server, "DELETE", path, None);
    assert_eq!(end(&one).0, 400, "nobody is named");
    let (code, ended) = end(&format!("{one}?by=bob"));
    assert_eq!((code, &ended["state"]), (200, &"over".into()), "{ended}");
    assert_eq!(status(&server), "acknowledged");
    assert_eq!(end(&format!("{one}?by=bob")), (200, ended));
    assert_eq!(end("/api/v1/silences/si_0?by=bob").0, 404);
    let audit = server.get("/api/v1/audit");
    let done: Vec<&str> = audit["entries"].as_array().unwrap().iter().filter_map(|one| one["what"].as_str()).collect();
    assert_eq!(done, ["end silence", "acknowledge", "silence", "silence"], "{audit}");
    // What was done to the silence over it is told of the alert too, and the one beside it is not.
    let timeline = server.get(&format!("/api/v1/alerts/{id}/timeline"));
    let what = |one: &Value| one["what"].as_str().map(str::to_owned);
    let told: Vec<String> = timeline["entries"].as_array().unwrap().iter().filter_map(what).collect();
    assert_eq!(told, ["opened", "silence", "acknowledge", "end silence"], "{timeline}");

    // The clock ends another one.
    let soon = Timestamp::from_millis(Timestamp::now().millis() + 2_000).to_string();
    let (code, set) =
        silence(&server, &json!({ "metric": "response_time", "until": soon, "by": "ada", "reason": "short" }));
    assert_eq!((code, &set["alerts"]), (201, &json!([id])), "{set}");
    assert_eq!(until(&server, &id, "acknowledged"), "acknowledged");
    let states: Vec<Value> =
        server.get("/api/v1/silences")["silences"].as_array().unwrap().iter().map(|one| one["state"].clone()).collect();
    assert_eq!(states, ["in_force", "over", "over"]);
    assert_eq!(server.stop(), Some(0));
}
