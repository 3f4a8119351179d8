//! The events that are sent: those of `hark simulate`, whose shape is that of CONTRACT.md, counted independently of hark.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::bench::server::hark;
use crate::process;

const SEED: &str = "42";
pub(crate) const MINUTES_A_DAY: u64 = 1440;
const DAY_MS: u64 = MINUTES_A_DAY * 60_000;
/// Where `{"time":"2026-03-02T12:00:00.123Z",` has the time of day.
const TIME_OF_DAY: std::ops::Range<usize> = 20..32;

const ERROR_TEXT: &[u8] = b"\"error\":\"";

pub(crate) struct Events {
    pub(crate) path: PathBuf,
    pub(crate) bytes: Vec<u8>,
    pub(crate) count: Count,
}

/// What is in the file. Clients send a few events twice, and so does the simulator.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) lines: u64,
    /// Events with an id of their own.
    pub(crate) distinct: u64,
}

impl Events {
    /// A day of traffic with about so many events and nothing planted in it, squeezed into so many minutes: sent in
    /// seconds, a whole day would have hours of it on the way at once, and most of it late. Lines that no reader can take
    /// are left out, for one of the peers gives up on them.
    pub(crate) fn simulate(binary: &Path, folder: &Path, about: u64, minutes: u64) -> Result<Self> {
        let rate = (about as f64 / MINUTES_A_DAY as f64).max(1.0);
        let simulated = folder.join("simulated");
        let mut command = hark(binary, folder);
        command.args(["simulate", "--seed", SEED, "--days", "1", "--incidents", "0"]);
        process::run(command.args(["--rate", &rate.to_string()]).arg("--out").arg(&simulated))?;
        let raw = simulated.join("events.ndjson");
        let raw = fs::read(&raw).with_context(|| format!("{} cannot be read", raw.display()))?;
        let (mut bytes, count) = well_formed(&raw);
        squeeze(&mut bytes, minutes);
        put_an_error_first(&mut bytes);
        check(&simulated.join("truth.json"), count)?;
        let path = folder.join("events.ndjson");
        let unwritable = || format!("{} cannot be written: free some space", path.display());
        fs::write(&path, &bytes).with_context(unwritable)?;
        fs::remove_dir_all(&simulated).with_context(unwritable)?;
        Ok(Self { path, bytes, count })
    }

    pub(crate) fn bodies(&self, lines: usize) -> Vec<&[u8]> {
        cut(&self.bytes, lines)
    }

    /// Each event as JSON, read as it is asked for.
    pub(crate) fn parsed(&self) -> impl Iterator<Item = Value> {
        self.bytes.split_inclusive(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok())
    }
}

fn well_formed(raw: &[u8]) -> (Vec<u8>, Count) {
    let mut bytes = Vec::with_capacity(raw.len());
    let (mut lines, mut ids) = (0, HashSet::new());
    for line in raw.split_inclusive(|&byte| byte == b'\n') {
        let Ok(event) = serde_json::from_slice::<Value>(line) else { continue };
        let (Some(_), Some(id)) = (time_ms(&event), event["id"].as_str()) else { continue };
        lines += 1;
        ids.insert(id.to_owned());
        bytes.extend_from_slice(line);
    }
    (bytes, Count { lines, distinct: ids.len() as u64 })
}

/// Every event comes sooner after midnight by the same factor.
fn squeeze(bytes: &mut [u8], minutes: u64) {
    for line in bytes.split_mut(|&byte| byte == b'\n').filter(|line| line.len() > TIME_OF_DAY.end) {
        let digits =
            |from: usize, to: usize| line[from..to].iter().fold(0, |all, byte| all * 10 + u64::from(byte - b'0'));
        let [hour, minute, second] = [20, 23, 26].map(|at| digits(at, at + 2));
        let millis = ((hour * 60 + minute) * 60 + second) * 1000 + digits(29, 32);
        let millis = millis * (minutes * 60_000) / DAY_MS;
        let (seconds, millis) = (millis / 1000, millis % 1000);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let time = format!("{hour:02}:{minute:02}:{second:02}.{millis:03}");
        line[TIME_OF_DAY].copy_from_slice(time.as_bytes());
    }
}

/// Polars takes the type of a column from the first hundred lines, and gives up where a text comes in one that was null
/// so far. The first event with an error goes to the front, before others of the same minute.
fn put_an_error_first(bytes: &mut [u8]) {
    let mut begin = 0;
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let end = begin + line.len();
        if line.windows(ERROR_TEXT.len()).any(|window| window == ERROR_TEXT) {
            bytes[..end].rotate_left(begin);
            return;
        }
        begin = end;
    }
}

/// The simulator has counted too.
fn check(truth: &Path, count: Count) -> Result<()> {
    let text = fs::read_to_string(truth).with_context(|| format!("{} cannot be read", truth.display()))?;
    let truth: Value = serde_json::from_str(&text).context("truth.json is no JSON")?;
    let written =
        |key: &str| truth["written"][key].as_u64().with_context(|| format!("truth.json has no written.{key}"));
    let written = Count { distinct: written("events")?, lines: written("events")? + written("duplicates")? };
    if written != count {
        bail!("the simulator says that it wrote {written:?}, and the file holds {count:?}");
    }
    Ok(())
}

/// The lines in bodies of so many each, the last one shorter.
pub(crate) fn cut(bytes: &[u8], lines: usize) -> Vec<&[u8]> {
    let mut bodies = Vec::new();
    let (mut begin, mut inside) = (0, 0);
    for (at, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
        inside += 1;
        if inside == lines {
            bodies.push(&bytes[begin..=at]);
            (begin, inside) = (at + 1, 0);
        }
    }
    bodies.extend((begin < bytes.len()).then_some(&bytes[begin..]));
    bodies
}

/// The time of an event in epoch milliseconds; `None` unless it is written as `2026-05-01T12:00:00.123Z`.
pub(crate) fn time_ms(event: &Value) -> Option<i64> {
    let text = event["time"].as_str().filter(|text| text.len() == 24 && text.is_ascii() && text.ends_with('Z'))?;
    let part = |from: usize, to: usize| text[from..to].parse::<i64>().ok();
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    let (hour, minute, second, millis) = (part(11, 13)?, part(14, 16)?, part(17, 19)?, part(20, 23)?);
    let is_time = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 60;
    let seconds = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    is_time.then_some(seconds * 1000 + millis)
}

/// Hinnant's `days_from_civil`: years begin in March, so that the odd day comes last. For years from 1970 on.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bodies_end_where_lines_end_and_lose_nothing() {
        let bytes = b"1\n22\n333\n4444\n55555\n";
        let bodies = cut(bytes, 2);
        assert_eq!(bodies, [&b"1\n22\n"[..], b"333\n4444\n", b"55555\n"]);
        assert_eq!(bodies.concat(), bytes);
        assert_eq!(cut(b"1\n2\n", 2), [b"1\n2\n"]);
        assert_eq!(cut(b"1\n2", 1), [&b"1\n"[..], b"2"]);
        assert!(cut(b"", 2).is_empty());
    }

    #[test]
    fn times_are_what_other_programs_make_of_them() {
        let of = |text: &str| time_ms(&json!({ "time": text }));
        // date -u -d 2026-05-01T12:00:00 +%s, and the same for the others.
        assert_eq!(of("2026-05-01T12:00:00.123Z"), Some(1_777_636_800_123));
        assert_eq!(of("1970-01-01T00:00:00.000Z"), Some(0));
        assert_eq!(of("2000-02-29T23:59:59.999Z"), Some(951_868_799_999));
        assert_eq!([of("2026-05-01T25:00:00.123Z"), of("yesterday"), of("2026-05-01T12:00:00.123+0")], [None; 3]);
        assert_eq!(time_ms(&json!({ "time": 5 })), None);
    }

    #[test]
    fn a_day_becomes_an_hour() {
        let of = |time: &str| format!("{{\"time\":\"2026-03-02T{time}Z\",\"id\":\"a\"}}\n");
        let mut bytes = (of("00:00:00.000") + &of("12:00:00.240") + &of("23:59:59.999")).into_bytes();
        squeeze(&mut bytes, 60);
        assert_eq!(bytes, (of("00:00:00.000") + &of("00:30:00.010") + &of("00:59:59.999")).into_bytes());
        let whole = bytes.clone();
        squeeze(&mut bytes, MINUTES_A_DAY);
        assert_eq!(bytes, whole);
    }

    #[test]
    fn the_first_error_goes_to_the_front_and_nothing_is_lost() {
        let mut bytes = *b"{\"error\":null}\n{\"error\":null,\"x\":1}\n{\"error\":\"e\"}\n{\"error\":\"f\"}\n";
        put_an_error_first(&mut bytes);
        let expected = b"{\"error\":\"e\"}\n{\"error\":null}\n{\"error\":null,\"x\":1}\n{\"error\":\"f\"}\n";
        assert_eq!(&bytes, expected);
    }

    #[test]
    fn broken_lines_are_left_out_and_repetitions_counted_once() {
        let good = r#"{"time":"2026-05-01T12:00:00.123Z","id":"a"}"#;
        let raw = format!("{good}\n{{\"time\":null,\"id\":\"b\"}}\n{good}\n{{\"time\n");
        let (bytes, count) = well_formed(raw.as_bytes());
        assert_eq!(bytes, format!("{good}\n{good}\n").as_bytes());
        assert_eq!(count, Count { lines: 2, distinct: 1 });
    }
}
