//! Disks that fill up, bytes that flip, folders that cannot be written: said in a sentence, and nothing answered is lost.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Server, hark};

const EVENTS_PER_BODY: u64 = 500;

fn body(number: u64) -> String {
    let line = |event: u64| {
        let time = 1_777_636_800_000 + number * 10_000 + event;
        format!(r#"{{"time":{time},"id":"{number}-{event}","platform":"iOS","outcome":"ok","total_ms":{event}}}"#)
    };
    (0..EVENTS_PER_BODY).map(line).collect::<Vec<_>>().join("\n")
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn flip_a_byte(path: &Path, at: impl Fn(usize) -> usize) {
    let mut bytes = fs::read(path).unwrap();
    let at = at(bytes.len());
    bytes[at] ^= 0x40;
    fs::write(path, bytes).unwrap();
}

/// The system refuses to let any file grow past a limit, which is what a full disk looks like to a writer.
#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let limited = "trap '' XFSZ; ulimit -f 400; exec \"$0\" \"$@\"";
    let server = Server::start_through(Command::new("bash").args(["-c", limited]), folder.path(), &[]);
    let mut answered = 0;
    let refusal = (0..200).find_map(|number| match server.send("/api/v1/events", &body(number)) {
        (200, _) => {
            answered += EVENTS_PER_BODY;
            None
        }
        refused => Some(refused),
    });
    let (status, problem) = refusal.expect("the log must have come to the limit");
    assert_eq!(status, 507, "{problem}");
    assert!(problem.contains("nothing of this was acknowledged"), "{problem}");
    assert!(answered > 0);
    assert_eq!(server.get("/api/v1/status")["events"], answered, "what was refused is counted nowhere");
    server.kill();
    let server = Server::start(folder.path());
    assert_eq!(server.get("/api/v1/status")["events"], answered);
    assert_eq!(server.post("/api/v1/events", &body(999)).unwrap()["accepted"], EVENTS_PER_BODY);
}

#[test]
fn a_flipped_byte_in_the_log_is_named_and_the_rest_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    (0..5).for_each(|number| drop(server.post("/api/v1/events", &body(number)).unwrap()));
    server.kill();
    let log = files(&folder.path().join("log"), "log");
    flip_a_byte(&log[0], |length| length / 2);
    let server = Server::start(folder.path());
    let status = server.get("/api/v1/status");
    assert_eq!(status["events"], 4 * EVENTS_PER_BODY);
    let damage = status["damage"][0].as_str().unwrap();
    assert!(damage.contains("record 2 cannot be read"), "{damage}");
}

#[test]
fn a_flipped_byte_in_history_is_named_and_the_rest_is_served() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..2 {
        let server = Server::start(folder.path());
        server.post("/api/v1/events", &body(number)).unwrap();
        assert_eq!(server.stop(), Some(0));
    }
    let parquet = files(&folder.path().join("history/events"), "parquet");
    assert_eq!(parquet.len(), 2, "each stop commits what came");
    flip_a_byte(&parquet[0], |length| length / 3);
    let server = Server::start(folder.path());
    let question = serde_json::json!({ "sql": "select count(*) as n, count(platform) from events" }).to_string();
    let answer = server.post("/api/v1/query", &question).unwrap();
    assert_eq!(answer["rows"][0][0], EVENTS_PER_BODY, "{answer}");
    let left_out = answer["left_out"][0].as_str().unwrap();
    assert!(parquet[0].to_str().unwrap().ends_with(left_out.rsplit('/').next().unwrap()), "{left_out}");
}

#[test]
fn a_snapshot_that_is_not_there_is_made_up_for_by_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    (0..3).for_each(|number| drop(server.post("/api/v1/events", &body(number)).unwrap()));
    assert_eq!(server.stop(), Some(0));
    fs::remove_file(folder.path().join("snapshot")).unwrap();
    let server = Server::start(folder.path());
    assert_eq!(server.get("/api/v1/status")["events"], 3 * EVENTS_PER_BODY);
    let counted = server.query("select count(*), count(distinct id) from events");
    assert_eq!(counted, [[3 * EVENTS_PER_BODY, 3 * EVENTS_PER_BODY]], "history is not written twice");
}

#[test]
fn what_cannot_be_written_or_read_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a-file");
    fs::write(&file, "").unwrap();
    let said = |arguments: &[&str]| String::from_utf8(hark(arguments).stderr).unwrap();
    let problem = said(&["serve", "--listen", "127.0.0.1:0", "--data", file.to_str().unwrap()]);
    assert!(problem.contains("cannot be made; name another with --data"), "{problem}");
    let problem = said(&["import", file.to_str().unwrap(), "--data", folder.path().join("data").to_str().unwrap()]);
    assert!(problem.contains("a-file"), "{problem}");
    let problem = said(&["query", "select 1", "--listen", "127.0.0.1:1", "--data", folder.path().to_str().unwrap()]);
    assert!(problem.contains("there is no history"), "{problem}");
}

#[test]
fn a_stamp_from_tomorrow_does_not_move_the_clock_and_one_from_next_year_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let now = hark_model::Timestamp::now().millis().cast_unsigned();
    let line =
        |id: &str, time: u64| format!(r#"{{"time":{time},"id":"{id}","platform":"iOS","outcome":"ok","total_ms":5}}"#);
    const HOUR_MS: u64 = 3_600_000;
    let body = [line("now", now), line("soon", now + 5 * HOUR_MS), line("next year", now + 9000 * HOUR_MS)].join("\n");
    let answer = server.post("/api/v1/events", &body).unwrap();
    assert_eq!((&answer["accepted"], &answer["rejected_total"]), (&2.into(), &1.into()), "{answer}");
    let status = server.get("/api/v1/status");
    let watermark: String = serde_json::from_value(status["watermark"].clone()).unwrap();
    let today = server.query("select now() > cast('2026-01-01' as timestamp)");
    assert_eq!(today, [[true]]);
    assert!(status["sources"][0]["ahead_ms"].as_u64().unwrap() > 4 * HOUR_MS, "{status}");
    // The next event of the present is not late.
    let answer = server.post("/api/v1/events", &line("again", now)).unwrap();
    assert_eq!(answer["late"], 0, "the watermark is {watermark}");
}
