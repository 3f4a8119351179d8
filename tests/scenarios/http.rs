//! The API as a client meets it: answers, refusals, and the pages.

use std::io::Write;

use crate::support::Server;

fn server() -> (tempfile::TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    (folder, server)
}

#[test]
fn events_are_answered_line_by_line() {
    let (_folder, server) = server();
    let body = "{\"time\":\"2026-05-01T12:00:00Z\",\"id\":\"a\",\"outcome\":\"ok\",\"total_ms\":5}\nbroken\n\
                {\"time\":\"2026-05-01T12:00:01Z\",\"id\":\"a\"}";
    let answer = server.post("/api/v1/events", body).unwrap();
    assert_eq!((&answer["accepted"], &answer["duplicates"]), (&1.into(), &1.into()));
    assert_eq!(answer["rejected"][0]["line"], 2);
    assert!(answer["rejected"][0]["reason"].as_str().unwrap().starts_with("not valid JSON at column 1"));
}

#[test]
fn packed_bodies_are_taken_and_broken_ones_refused() {
    let (_folder, server) = server();
    let line = |id: &str| format!("{{\"time\":\"2026-05-01T12:00:00Z\",\"id\":\"{id}\"}}\n");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(line("gzip").as_bytes()).unwrap();
    let bodies = [
        ("gzip", gzip.finish().unwrap(), 200),
        ("zstd", zstd::encode_all(line("zstd").as_bytes(), 1).unwrap(), 200),
        ("gzip", b"not gzip".to_vec(), 400),
        ("br", line("br").into_bytes(), 400),
        // 100 MB of nothing in a few kilobytes: more than is unpacked.
        ("zstd", zstd::encode_all(&vec![0; 100_000_000][..], 1).unwrap(), 413),
    ];
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    for (encoding, body, status) in bodies {
        let request = agent.post(format!("{}/api/v1/events", server.url)).header("content-encoding", encoding);
        let mut answer = request.send(&body).unwrap();
        assert_eq!(answer.status(), status, "{encoding}: {}", answer.body_mut().read_to_string().unwrap());
    }
    assert_eq!(server.get("/api/v1/status")["events"], 2);
}

#[test]
fn wrong_questions_are_answered_with_what_to_do() {
    let (_folder, server) = server();
    let questions = [
        ("/api/v1/alerts?status=burning", 400, "is not one of firing"),
        ("/api/v1/alerts?limit=0", 400, "ask for 1 to 1000"),
        ("/api/v1/alerts?cursor=nonsense", 400, "cursor"),
        ("/api/v1/alerts?color=red", 400, "unknown field `color`"),
        ("/api/v1/alerts/al_0", 404, "there is no alert `al_0`"),
        ("/api/v1/series", 400, "metric"),
        ("/api/v1/series?metric=nothing", 400, "GET /api/v1/definitions lists them"),
        ("/api/v1/series?metric=response_time&statistic=rate", 400, "it has p50, p95, p99"),
        ("/api/v1/series?metric=response_time&slice=planet:mars", 400, "keeps no series"),
        ("/api/v1/series?metric=response_time&step=7", 400, "multiple of 300"),
        ("/api/v1/changes?from=yesterday", 400, "is not a time"),
        ("/api/v1/funnel?stage=rate,mix", 400, "stage `mix` is not one of lasts"),
        ("/api/v1/funnel?from=yesterday", 400, "is not a time"),
        ("/api/v1/nothing", 404, "/api/openapi.json"),
    ];
    for (path, status, part) in questions {
        let (answered, body) = server.ask(path);
        assert_eq!(answered, status, "{path}: {body}");
        let problem: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert!(problem["detail"].as_str().unwrap().contains(part), "{path}: {body}");
    }
}

#[test]
fn the_page_and_all_it_loads_are_served() {
    let (_folder, server) = server();
    let (status, page) = server.ask("/");
    assert_eq!(status, 200);
    if !hark_dashboard::pages_are_built() {
        assert!(page.contains("cargo xtask ui"), "{page}");
        return;
    }
    let quoted = page.split('"').filter(|part| part.starts_with("/assets/") || part.starts_with("./assets/"));
    let files: Vec<&str> = quoted.map(|part| part.trim_start_matches('.')).collect();
    assert!(files.iter().any(|file| file.ends_with(".js")), "{page}");
    for file in files {
        let (status, body) = server.ask(file);
        assert!(status == 200 && !body.is_empty(), "{file}");
    }
    assert_eq!(server.ask("/assets/nothing.js").0, 404);
    assert_eq!(server.ask("/alerts/al_0").0, 200, "a page's address is the page's");
}

#[test]
fn health_is_said_in_prometheus_words() {
    let (_folder, server) = server();
    server.post("/api/v1/events", "{\"time\":\"2026-05-01T12:00:00Z\"}").unwrap();
    let (_, text) = server.ask("/metrics");
    assert!(text.contains("\nhark_events_total 1\n"), "{text}");
    assert!(text.contains("\nhark_data_bytes{part=\"log\"} "), "{text}");
    assert_eq!(server.ask("/healthz"), (200, "ok\n".to_owned()));
    let process = server.get("/api/v1/process");
    assert!(process["store_problem"].is_null(), "{process}");
    assert!(process["memory_bytes"].as_u64().unwrap() > 1_000_000, "{process}");
    let parts: Vec<&str> =
        process["data"].as_array().unwrap().iter().map(|part| part["name"].as_str().unwrap()).collect();
    assert!(parts.contains(&"log") && parts.contains(&"database"), "{process}");
    let described = server.get("/api/openapi.json");
    for path in ["/api/v1/events", "/api/v1/alerts", "/api/v1/alerts/{id}", "/api/v1/series", "/api/v1/stream"] {
        assert!(described["paths"].get(path).is_some(), "{path}");
    }
}
