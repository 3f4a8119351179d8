//! kill -9 while events come in: what was acknowledged is there after a restart, and nothing counts twice.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::support::{Server, hark, post};

const SENDERS: u32 = 4;
const EVENTS_PER_BATCH: u32 = 20;
const START_MS: i64 = 1_777_636_800_000;
/// `HARK_KILLS=1000 cargo nextest run -p hark nothing_acknowledged` is the long form.
const KILLS_USUAL: u32 = 200;
/// A further folder is begun after so many: each start reads what all the ones before have left.
const KILLS_PER_FOLDER: u32 = 200;
/// A start waits for the disk more than for a processor.
const FOLDERS_AT_ONCE: u32 = 3;
/// Snapshots and commits come so close that many a kill hits one of them.
const BUSY: &str = "[ingest]\nsnapshot_events = 3000\n[history]\ncommit_seconds = 1\n";

fn batch(sender: u32, number: u32) -> (Vec<String>, String) {
    let ids: Vec<String> = (0..EVENTS_PER_BATCH).map(|event| format!("{sender}-{number}-{event}")).collect();
    let line = |id: &String| {
        let time = START_MS + i64::from(number) * 2000;
        format!(r#"{{"time":{time},"id":"{id}","platform":"iOS","outcome":"ok","total_ms":500}}"#)
    };
    let body = ids.iter().map(line).collect::<Vec<_>>().join("\n");
    (ids, body)
}

/// Pseudo-random milliseconds, the same in every run of the test.
fn moments(folder: u32) -> impl Iterator<Item = u64> {
    std::iter::successors(Some(0x9e37_79b9_u64 + u64::from(folder)), |seed| {
        Some(seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
    })
    .map(|seed| 5 + (seed >> 33) % 250)
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_doubled() {
    let kills = std::env::var("HARK_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS_USUAL);
    let (folders, begun) = (kills.div_ceil(KILLS_PER_FOLDER), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for _ in 0..folders.min(FOLDERS_AT_ONCE) {
            scope.spawn(|| {
                loop {
                    let folder = begun.fetch_add(1, Ordering::Relaxed);
                    if folder >= folders {
                        return;
                    }
                    kill_again_and_again(folder, KILLS_PER_FOLDER.min(kills - folder * KILLS_PER_FOLDER));
                }
            });
        }
    });
}

fn kill_again_and_again(number: u32, kills: u32) {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("busy.toml");
    std::fs::write(&config, BUSY).unwrap();
    let data = folder.path().join("data");
    let start = || Server::start_with(&data, &["--config", config.to_str().unwrap()]);
    let acknowledged = Mutex::new(BTreeSet::new());
    let sent = Mutex::new(Vec::new());
    let next = AtomicU32::new(0);
    for pause in moments(number).take(kills as usize) {
        let server = start();
        let url = server.url.clone();
        std::thread::scope(|scope| {
            for sender in 0..SENDERS {
                let (url, acknowledged, sent, next) = (&url, &acknowledged, &sent, &next);
                scope.spawn(move || {
                    loop {
                        let (ids, body) = batch(sender, next.fetch_add(1, Ordering::Relaxed));
                        sent.lock().unwrap().push(body.clone());
                        match post(url, "/api/v1/events", &body) {
                            Ok(answer) => {
                                assert_eq!(answer["accepted"], EVENTS_PER_BATCH);
                                acknowledged.lock().unwrap().extend(ids);
                            }
                            Err(_) => return,
                        }
                    }
                });
            }
            std::thread::sleep(Duration::from_millis(pause));
            server.kill();
        });
    }
    let server = start();
    let acknowledged = acknowledged.into_inner().unwrap();
    assert!(acknowledged.len() > 100, "the test must have acknowledged something: {}", acknowledged.len());
    let recovered = server.get("/api/v1/status")["events"].as_u64().unwrap();
    assert!(recovered >= acknowledged.len() as u64, "{recovered} recovered of {} acknowledged", acknowledged.len());

    // Everything once more: what was acknowledged must be a duplicate, and in the end each event counts once.
    let sent = sent.into_inner().unwrap();
    let accepted = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let (server, accepted) = (&server, &accepted);
        for part in sent.chunks(sent.len().div_ceil(SENDERS as usize)) {
            scope.spawn(move || {
                for body in part {
                    let answer = server.post("/api/v1/events", body).unwrap();
                    accepted.fetch_add(answer["accepted"].as_u64().unwrap(), Ordering::Relaxed);
                }
            });
        }
    });
    let accepted = accepted.into_inner();
    let all = sent.len() as u64 * u64::from(EVENTS_PER_BATCH);
    assert_eq!(server.get("/api/v1/status")["events"], all);
    assert_eq!(recovered + accepted, all);
    assert!(accepted <= all - acknowledged.len() as u64);

    // History and the cells say the same, while the server runs and from the files it leaves behind.
    let counted = "select count(*), count(distinct id) from events";
    assert_eq!(server.query(counted), [[all, all]]);
    let summed = "select sum(count) from cells_minute where metric = 'requests' and slice = 'total'";
    assert_eq!(server.query(summed), [[all]]);
    assert_eq!(server.stop(), Some(0));
    let output = hark(&["query", counted, "--json", "--listen", "127.0.0.1:1", "--data", data.to_str().unwrap()]);
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["rows"], serde_json::json!([[all, all]]));
    eprintln!("folder {number}: {kills} kills, {all} events sent, {} acknowledged before a kill", acknowledged.len());
}

#[test]
fn a_clean_stop_leaves_a_snapshot_that_a_restart_takes_up() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    (0..30).for_each(|number| drop(server.post("/api/v1/events", &batch(1, number).1).unwrap()));
    let change = r#"{"time":"2026-05-01T12:00:00Z","kind":"deploy","title":"asr 5.2","slice":{"cluster":"eu"}}"#;
    server.post("/api/v1/changes", change).unwrap();
    let before = server.get("/api/v1/status");
    assert_eq!(server.stop(), Some(0));
    let snapshot = folder.path().join("snapshot");
    assert!(snapshot.exists());

    let server = Server::start(folder.path());
    assert_eq!(server.get("/api/v1/status"), before);
    assert_eq!(server.get("/api/v1/changes")["changes"][0]["title"], "asr 5.2");
    server.kill();

    // A damaged snapshot is left aside and the log folded instead.
    let mut bytes = std::fs::read(&snapshot).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&snapshot, bytes).unwrap();
    let server = Server::start(folder.path());
    assert_eq!(server.get("/api/v1/status"), before);
}
