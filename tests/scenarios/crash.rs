//! kill -9 while events come in: what was acknowledged is there after a restart, and nothing counts twice.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use crate::support::{Server, post};

const SENDERS: u32 = 4;
const EVENTS_PER_BATCH: u32 = 20;
const KILLS: u32 = 4;
const START_MS: i64 = 1_777_636_800_000;

fn batch(sender: u32, number: u32) -> (Vec<String>, String) {
    let ids: Vec<String> = (0..EVENTS_PER_BATCH).map(|event| format!("{sender}-{number}-{event}")).collect();
    let line = |id: &String| {
        let time = START_MS + i64::from(number) * 100;
        format!(r#"{{"time":{time},"id":"{id}","platform":"iOS","outcome":"ok","total_ms":500}}"#)
    };
    let body = ids.iter().map(line).collect::<Vec<_>>().join("\n");
    (ids, body)
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_doubled() {
    let folder = tempfile::tempdir().unwrap();
    let acknowledged = Mutex::new(BTreeSet::new());
    let sent = Mutex::new(Vec::new());
    for round in 0..KILLS {
        let server = Server::start(folder.path());
        let url = server.url.clone();
        std::thread::scope(|scope| {
            for sender in 0..SENDERS {
                let (url, acknowledged, sent) = (&url, &acknowledged, &sent);
                scope.spawn(move || {
                    for number in round * 10_000.. {
                        let (ids, body) = batch(sender, number);
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
            // Each round is killed at another moment of its work.
            std::thread::sleep(Duration::from_millis(150 + 130 * u64::from(round)));
            server.kill();
        });
    }
    let server = Server::start(folder.path());
    let acknowledged = acknowledged.into_inner().unwrap();
    assert!(acknowledged.len() > 100, "the test must have acknowledged something: {}", acknowledged.len());
    let recovered = server.get("/api/v1/status")["events"].as_u64().unwrap();
    assert!(recovered >= acknowledged.len() as u64, "{recovered} recovered of {} acknowledged", acknowledged.len());

    // Everything once more: what was acknowledged must be a duplicate, and in the end each event counts once.
    let sent = sent.into_inner().unwrap();
    let mut accepted = 0;
    for body in &sent {
        accepted += server.post("/api/v1/events", body).unwrap()["accepted"].as_u64().unwrap();
    }
    let all = sent.len() as u64 * u64::from(EVENTS_PER_BATCH);
    assert_eq!(server.get("/api/v1/status")["events"], all);
    assert_eq!(recovered + accepted, all);
    assert!(accepted <= all - acknowledged.len() as u64);
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
