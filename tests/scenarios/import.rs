//! `hark import`: once however often it is stopped, and the file is the log.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use hark_simulate::{Config, Kinds, Simulation};

use crate::support::{HARK, Server, hark};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A file of some seven chunks, and how many events are in it.
fn file(folder: &Path) -> (PathBuf, u64) {
    let start_ms = Config::DEFAULT_START_MS;
    let config = Config { seed: 122, start_ms, days: 2, rate: 30.0, incidents: 0, kinds: Kinds::All };
    let mut simulation = Simulation::new(config).unwrap();
    let mut body = Vec::new();
    while simulation.next_minute(&mut body).is_some() {}
    let path = folder.join("events.ndjson");
    fs::write(&path, body).unwrap();
    (path, simulation.written().events)
}

fn lines(journal: &Path) -> usize {
    fs::read_to_string(journal).map_or(0, |text| text.lines().count())
}

fn rows(data: &Path, sql: &str) -> serde_json::Value {
    let output = hark(&["query", sql, "--json", "--listen", "127.0.0.1:1", "--data", text(data)]);
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{sql}: {}", String::from_utf8_lossy(&output.stderr)));
    answer["rows"].clone()
}

/// Starts an import and kills it once so many chunks are through.
fn import_and_kill(file: &Path, data: &Path, chunks: usize) {
    let mut child =
        Command::new(HARK).args(["import", text(file), "--data", text(data)]).stderr(Stdio::null()).spawn().unwrap();
    while lines(&data.join("imports.ndjson")) < chunks && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn an_import_that_is_killed_again_and_again_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let (file, events) = file(folder.path());
    let data = folder.path().join("data");
    for chunks in [1, 2, 4] {
        import_and_kill(&file, &data, chunks);
    }
    let output = hark(&["import", text(&file), "--data", text(&data)]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let again = String::from_utf8(hark(&["import", text(&file), "--data", text(&data)]).stderr).unwrap();
    assert!(again.contains("was imported before; nothing to do"), "{again}");
    let counted = rows(&data, "select count(*), count(distinct id) from events");
    let requests = "select sum(count) from cells_minute where metric = 'requests' and slice = 'total'";
    let log: u64 = fs::read_dir(data.join("log")).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    assert!(log < 10_000, "the file is the log, and the log has {log} bytes");
    // The last minutes are open until something closes them: only a running hark shows them.
    let server = Server::start(&data);
    assert_eq!(server.get("/api/v1/status")["events"], events);
    assert_eq!(server.get("/api/v1/status")["firing"], 0);
    assert_eq!(server.query(requests), [[events]]);
    assert_eq!(counted, serde_json::json!([[events, events]]));
}

#[test]
fn a_restart_reads_an_imported_file_again_and_says_where_it_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = file(folder.path());
    let data = folder.path().join("data");
    import_and_kill(&file, &data, 2);
    let server = Server::start(&data);
    let status = server.get("/api/v1/status");
    assert!(status["events"].as_u64().unwrap() > 20_000, "{status}");
    assert_eq!(status["damage"], serde_json::json!([]));
    server.kill();

    let elsewhere = folder.path().join("moved.ndjson");
    fs::rename(&file, &elsewhere).unwrap();
    let server = Server::start(&data);
    let status = server.get("/api/v1/status");
    let damage = status["damage"][0].as_str().unwrap();
    assert!(damage.contains("of an imported file are missing") && damage.contains("events.ndjson"), "{damage}");
    server.kill();

    // It is known wherever it lies, and goes on where it was.
    fs::rename(&elsewhere, &file).unwrap();
    let server = Server::start(&data);
    assert_eq!(server.get("/api/v1/status")["damage"], serde_json::json!([]));
}
