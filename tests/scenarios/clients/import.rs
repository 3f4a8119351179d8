//! Files that pyarrow wrote: each format gives all of its events, once however often it is imported or killed.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::{printed, script};
use crate::support::{HARK, Server, hark};

const ROWS: &str = "200000";
/// Milliseconds after the first chunk is known to be on the disk; each kill is followed by another import.
const KILLS_AFTER_MS: [u64; 3] = [0, 40, 110];

#[test]
fn csv_is_imported_once() {
    imports("events.csv");
}

#[test]
fn parquet_is_imported_once() {
    imports("events.parquet");
}

#[test]
fn arrow_is_imported_once() {
    imports("events.arrow");
}

fn imports(name: &str) {
    let Some(mut writer) = script("write_events.py") else { return };
    let folder = tempfile::tempdir().unwrap();
    let written = printed(writer.arg(folder.path()).args(["--rows", ROWS]));
    let file = folder.path().join(name);

    let whole = folder.path().join("whole");
    let said = import(&file, &whole);
    assert!(said.contains(&format!("{ROWS} events, 0 duplicates, 0 late, 0 rejected")), "{said}");
    check(&whole, &written);
    // Under another name it is the same file.
    let copy = folder.path().join(format!("copy-of-{name}"));
    fs::copy(&file, &copy).unwrap();
    for again in [&file, &copy] {
        let said = import(again, &whole);
        assert!(said.contains("was imported before"), "{said}");
    }
    check(&whole, &written);

    let killed = folder.path().join("killed");
    let kills = KILLS_AFTER_MS.iter().filter(|&&after_ms| import_and_kill(&file, &killed, after_ms)).count();
    assert!(kills > 0, "every import was done before it could be killed");
    eprintln!("{name}: {kills} imports killed; then {}", import(&file, &killed).trim_end());
    check(&killed, &written);
}

fn import(file: &Path, data: &Path) -> String {
    let output = hark(&["import", file.to_str().unwrap(), "--data", data.to_str().unwrap()]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    said
}

/// Whether the kill came before the end.
fn import_and_kill(file: &Path, data: &Path, after_ms: u64) -> bool {
    let journal = data.join("imports.ndjson");
    let lines = || fs::read_to_string(&journal).map_or(0, |text| text.lines().count());
    let before = lines();
    let mut command = Command::new(HARK);
    command.args(["import", file.to_str().unwrap(), "--data", data.to_str().unwrap()]).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    while lines() == before && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(Duration::from_millis(after_ms));
    child.kill().unwrap();
    !child.wait().unwrap().success()
}

/// All that was written is in the tables and in the cells.
fn check(data: &Path, written: &Value) {
    let sql = r#"select count(*), count(distinct id), count(distinct "user"),
                        sum(case when outcome = 'error' then 1 else 0 end), count(device),
                        sum(case when is_retry then 1 else 0 end), sum(attempt),
                        sum(case when platform = 'HomePod, 2nd' then 1 else 0 end), min(time), sum(total_ms)
                 from events"#;
    let output = hark(&["query", sql, "--json", "--listen", "127.0.0.1:1", "--data", data.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = answer["rows"][0].as_array().unwrap();
    let of = |name: &str| written[name].clone();
    let rows = written["rows"].as_u64().unwrap();
    let wanted = [of("rows"), of("rows"), of("users"), of("errors"), of("with_device"), of("retries")];
    assert_eq!(found[..6], wanted);
    assert_eq!(found[6].as_f64(), of("attempts").as_f64());
    assert_eq!(found[7..9], [json!(rows / 3), json!("2026-05-01T12:00:00Z")]);
    // Sums of doubles in another order: off by rounding alone.
    assert!((found[9].as_f64().unwrap() / of("total_ms").as_f64().unwrap() - 1.0).abs() < 1e-9, "{}", found[9]);

    let server = Server::start(data);
    let sql = "select metric, sum(count) from cells_minute where slice = 'total'
               and metric in ('requests', 'response_time') group by metric order by metric";
    let in_time = rows - written["errors"].as_u64().unwrap();
    assert_eq!(json!(server.query(sql)), json!([["requests", rows], ["response_time", in_time]]));
    assert_eq!(server.stop(), Some(0));
}
