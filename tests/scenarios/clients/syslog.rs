//! syslog-ng ships an application's log of JSON lines: what is written while hark is down comes later, and once.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use super::{Background, free_port, program, wait_for};
use crate::support::Server;

const START_MS: u64 = 1_777_636_800_000;
const LINES: u64 = 400;

#[test]
fn a_log_shipper_rides_out_an_outage() {
    let Some(about) = program("syslog-ng", "--version") else { return };
    if !about.contains("http") {
        super::missing("syslog-ng has no http destination; install syslog-ng-mod-http");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (data, address) = (folder.path().join("data"), format!("127.0.0.1:{}", free_port()));
    let version = about.split_once("Config version: ").unwrap().1.lines().next().unwrap();
    fs::write(path("shipper.conf"), configuration(version, &path("app.log"), &address)).unwrap();
    append(folder.path(), 0);

    let server = Server::start_on(&data, &address, &[]);
    let arguments = ["-F", "--no-caps", "-f", &path("shipper.conf"), "-R", &path("persist")];
    let files = ["-c", &path("control"), "-p", &path("pid")];
    let _shipper = Background::start("syslog-ng", &[&arguments[..], &files[..]].concat(), &folder.path().join("log"));
    wait(&server, LINES);
    server.kill();
    append(folder.path(), LINES);

    let server = Server::start_on(&data, &address, &[]);
    wait(&server, 2 * LINES);
    let sql = "select count(*), count(distinct id), sum(total_ms), min(source), max(source) from events";
    let all = 2 * LINES;
    let expected = serde_json::json!([[all, all], [(all * (all - 1) / 2) as f64], ["syslog-ng", "syslog-ng"]]);
    let found = &server.query(sql)[0];
    assert_eq!(serde_json::json!([found[..2], found[2..3], found[3..]]), expected);
    let counted = "select sum(count) from cells_minute where metric = 'requests' and slice = 'total'";
    assert_eq!(server.query(counted), [[all]]);
}

fn wait(server: &Server, events: u64) {
    wait_for("lines of the log", || (server.get("/api/v1/status")["events"].as_u64()? >= events).then_some(()));
}

fn append(folder: &Path, from: u64) {
    let mut file = OpenOptions::new().create(true).append(true).open(folder.join("app.log")).unwrap();
    for line in from..from + LINES {
        let time = START_MS + line * 100;
        writeln!(file, r#"{{"time":{time},"id":"line-{line}","outcome":"ok","total_ms":{line}}}"#).unwrap();
    }
}

fn configuration(version: &str, log: &str, address: &str) -> String {
    format!(
        r#"@version: {version}
options {{ stats-freq(0); time-reopen(1); }};
source app {{ file("{log}" flags(no-parse) follow-freq(0.1)); }};
destination hark {{
    http(
        url("http://{address}/api/v1/events") method("POST")
        headers("content-type: application/json", "x-hark-source: syslog-ng")
        body("$MESSAGE") delimiter("\n") batch-lines(100) batch-timeout(100)
    );
}};
log {{ source(app); destination(hark); flags(flow-control); }};
"#
    )
}
