//! What is different: two sides of a metric held against each other over HTTP, with a fault that is known.

use std::fmt::Write;

use crate::support::Server;

/// The second day at noon `eu` takes four times as long; who asks stays the same, and so does everything else.
fn served() -> (tempfile::TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    for (day, slow) in [(1, 100), (2, 400)] {
        let mut body = String::new();
        for minute in 0..60 {
            for (cluster, total_ms) in [("eu", slow), ("us", 100), ("ap", 100)] {
                for (n, (device, build)) in
                    [("phone", "1"), ("phone", "2"), ("tv", "1"), ("watch", "2")].iter().enumerate()
                {
                    writeln!(
                        body,
                        "{{\"time\":\"2026-05-0{day}T12:{minute:02}:0{n}Z\",\"outcome\":\"ok\",\"total_ms\":{total_ms},\
                         \"cluster\":\"{cluster}\",\"device\":\"{device}\",\"build\":\"{build}\",\"locale\":\"de_DE\"}}"
                    )
                    .unwrap();
                }
            }
        }
        server.post("/api/v1/events", &body).unwrap();
    }
    // Closes the hours before.
    server.post("/api/v1/events", "{\"time\":\"2026-05-02T14:00:00Z\"}").unwrap();
    (folder, server)
}

const NOON: &str = "metric=response_time&statistic=p50&from=2026-05-02T12:00:00Z&to=2026-05-02T13:00:00Z";

#[test]
fn the_slow_cluster_is_what_is_different() {
    let (_folder, server) = served();
    let told = server.get(&format!("/api/v1/compare/drivers?{NOON}"));
    assert_eq!(
        (&told["compared"]["during"]["requests"], &told["compared"]["during"]["bad"]),
        (&720.into(), &240.into())
    );
    let first = &told["dimensions"][0];
    assert_eq!(first["dimension"], "cluster");
    assert_eq!(first["values"][0]["value"], "eu");
    assert_eq!(first["values"][0]["share_during"], 1.0);
    let parts = first["values"].as_array().unwrap().iter().map(|value| value["contribution"].as_f64().unwrap());
    assert!((parts.sum::<f64>() - 1.0).abs() < 1e-9, "{first}");
    assert!(first["explained"].as_f64().unwrap() > 0.6, "{first}");
    // A whole day and more are set against as long before.
    for to in ["2026-05-03T00:00:00Z", "2026-05-03T14:00:00Z"] {
        let day = format!("metric=response_time&statistic=p50&from=2026-05-02T00:00:00Z&to={to}");
        let compared = server.get(&format!("/api/v1/compare/drivers?{day}"))["compared"].clone();
        assert_eq!((&compared["before"]["requests"], &compared["during"]["requests"]), (&720.into(), &720.into()));
    }
    let within = server.get(&format!("/api/v1/compare/drivers?{NOON}&slice=cluster:us"));
    assert!(within["excess"].as_f64().unwrap().abs() < 30.0, "{within}");
    let nobody = server.get(&format!("/api/v1/compare/drivers?{NOON}&slice=cluster:mars"));
    assert_eq!(nobody["compared"]["reason"], "No requests of this slice came in this time.");
}

#[test]
fn two_dimensions_are_crossed() {
    let (_folder, server) = served();
    let map = server.get(&format!("/api/v1/compare/heatmap?{NOON}&rows=cluster&columns=device"));
    assert_eq!((map["row_values"].as_array().unwrap().len(), map["column_values"].as_array().unwrap().len()), (3, 3));
    assert_eq!(map["row_values"][0], "eu");
    let hot: f64 = map["cells"][0].as_array().unwrap().iter().map(|cell| cell["contribution"].as_f64().unwrap()).sum();
    assert!(hot > 0.9, "{map}");
    // Where none are named, the most telling one leads.
    assert_eq!(server.get(&format!("/api/v1/compare/heatmap?{NOON}"))["rows"], "cluster");
}

#[test]
fn distributions_and_time_lost_are_told_and_builds_are_matched() {
    let (_folder, server) = served();
    let told = server.get(&format!("/api/v1/compare/distribution?{NOON}&slice=cluster:eu"));
    let median = &told["quantiles"][0];
    assert!((median["before"].as_f64().unwrap() / 100.0 - 1.0).abs() < 0.03, "{median}");
    assert!((median["during"].as_f64().unwrap() / 400.0 - 1.0).abs() < 0.03, "{median}");
    // 240 requests, 300 ms each, to the width of a bucket.
    assert!((told["seconds_lost"].as_f64().unwrap() / 72.0 - 1.0).abs() < 0.05, "{told}");
    for side in ["before", "during"] {
        let shares: f64 = told[side].as_array().unwrap().iter().map(|share| share.as_f64().unwrap()).sum();
        assert!((shares - 1.0).abs() < 1e-9, "{side}");
    }
    let builds = server
        .get(&format!("/api/v1/compare/distribution?{NOON}&slice=build:2&against_slice=build:1&matched=device,hour"));
    // Of each build's devices, the phone alone is on the other one too.
    assert_eq!((&builds["matched"]["kept_before"], &builds["matched"]["kept_during"]), (&0.5.into(), &0.5.into()));
    assert_eq!(builds["before"], builds["during"]);
}

#[test]
fn senseless_comparisons_are_refused_with_what_to_do() {
    let (_folder, server) = served();
    let questions = [
        ("drivers?metric=nothing&from=0&to=60000", "GET /api/v1/definitions lists them"),
        ("drivers?metric=ux_score&from=0&to=60000", "keeps no counts by all dimensions"),
        ("drivers?metric=requests&from=60000&to=0", "`to` must come after `from`"),
        ("drivers?metric=requests&from=0&to=9999999999", "at most eight days"),
        ("drivers?metric=requests&from=0&to=60000&slice=planet:mars", "has no dimension `planet`; it has"),
        ("drivers?metric=requests&from=0&to=", "`to` is missing"),
        (
            "heatmap?metric=requests&from=0&to=60000&rows=locale&columns=locale",
            "rows and columns must be two dimensions",
        ),
        ("distribution?metric=failure_rate&from=0&to=60000", "only latencies have a distribution"),
        ("distribution?metric=response_time&from=0&to=60000&matched=a,b,c,d,e", "at most 4 dimensions"),
    ];
    for (question, part) in questions {
        let (status, body) = server.ask(&format!("/api/v1/compare/{question}"));
        assert_eq!(status, 400, "{question}: {body}");
        assert!(body.contains(part), "{question}: {body}");
    }
    let nothing = server.get("/api/v1/compare/drivers?metric=requests&from=0&to=60000");
    assert!(nothing["compared"]["reason"].as_str().unwrap().contains("kept for eight days"), "{nothing}");
    assert_eq!(server.ask("/api/v1/alerts/al_0/drivers").0, 404);
    assert_eq!(server.ask("/api/v1/alerts/al_0/timeline").0, 404);
    assert_eq!(server.ask("/api/v1/alerts?owner=a&assignee=b").0, 400);
}
