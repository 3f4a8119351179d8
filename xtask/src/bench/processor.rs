//! What a process has used, by Linux's own books: processor time and memory out of `/proc`.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};

use crate::process;

/// Fields of `/proc/PID/stat` behind the name, which may hold spaces and so is cut off first (see proc(5), from field 3 on).
const OWN: [usize; 2] = [11, 12];
const ENDED_CHILDREN: [usize; 2] = [13, 14];
const SELF: &str = "self";

/// Reads processor times, which come in ticks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Processor {
    ticks_per_second: f64,
}

impl Processor {
    pub(crate) fn new() -> Result<Self> {
        let said = process::stdout_of(process::program("getconf").arg("CLK_TCK"))?;
        let ticks_per_second = said.trim().parse().context("`getconf CLK_TCK` wrote no number")?;
        Ok(Self { ticks_per_second })
    }

    /// Seconds of all threads of a running process, in its own code and in the kernel's.
    pub(crate) fn of(self, pid: u32) -> Result<f64> {
        self.seconds(&pid.to_string(), OWN)
    }

    /// Seconds of this process, which makes the load.
    pub(crate) fn own(self) -> Result<f64> {
        self.seconds(SELF, OWN)
    }

    /// Seconds of all children that have ended and been waited for. What one of them used in all its life is the
    /// difference before and after.
    pub(crate) fn of_ended_children(self) -> Result<f64> {
        self.seconds(SELF, ENDED_CHILDREN)
    }

    /// Seconds of a running process by the names of its threads, the busiest first.
    pub(crate) fn by_thread(self, pid: u32) -> Result<Vec<(String, f64)>> {
        let tasks = format!("/proc/{pid}/task");
        let mut all = BTreeMap::<String, u64>::new();
        for task in fs::read_dir(&tasks).with_context(|| format!("{tasks} cannot be read"))? {
            // A thread may end at any time; what it used is then missing from the list, and not from the sum.
            let Ok(stat) = task.and_then(|task| fs::read_to_string(task.path().join("stat"))) else { continue };
            let name = stat.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')')).map_or("", |(name, _)| name);
            *all.entry(name.to_owned()).or_default() += ticks(&stat, OWN).unwrap_or_default();
        }
        let mut all: Vec<_> =
            all.into_iter().map(|(name, ticks)| (name, ticks as f64 / self.ticks_per_second)).collect();
        all.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        Ok(all)
    }

    fn seconds(self, process: &str, fields: [usize; 2]) -> Result<f64> {
        let path = format!("/proc/{process}/stat");
        let stat = fs::read_to_string(&path).with_context(|| format!("{path} cannot be read: this needs Linux"))?;
        let ticks = ticks(&stat, fields).with_context(|| format!("{path} has another shape than in proc(5)"))?;
        Ok(ticks as f64 / self.ticks_per_second)
    }
}

fn ticks(stat: &str, fields: [usize; 2]) -> Option<u64> {
    let behind_name = &stat[stat.rfind(')')? + 1..];
    let all: Vec<&str> = behind_name.split_ascii_whitespace().collect();
    let field = |at: usize| all.get(at)?.parse::<u64>().ok();
    Some(field(fields[0])? + field(fields[1])?)
}

/// Bytes of memory of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) now: u64,
    pub(crate) peak: u64,
}

impl Memory {
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let path = format!("/proc/{pid}/status");
        let status = fs::read_to_string(&path).with_context(|| format!("{path} cannot be read: this needs Linux"))?;
        let of = |key| kibibytes(&status, key).with_context(|| format!("{path} names no {key}"));
        Ok(Self { now: of("VmRSS")? * 1024, peak: of("VmHWM")? * 1024 })
    }

    pub(crate) fn of_machine() -> Option<u64> {
        kibibytes(&fs::read_to_string("/proc/meminfo").ok()?, "MemTotal").map(|total| total * 1024)
    }
}

fn kibibytes(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_any_name() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194304 90 0 0 0 250 50 1200 300 20 0 4 0 100 0 0";
        assert_eq!((ticks(stat, OWN), ticks(stat, ENDED_CHILDREN)), (Some(300), Some(1500)));
        assert_eq!(ticks("7 (a) S 1", OWN), None);
    }

    #[test]
    fn this_very_test_is_among_the_threads() {
        let threads = Processor::new().unwrap().by_thread(std::process::id()).unwrap();
        assert!(!threads.is_empty() && threads.is_sorted_by(|(_, one), (_, next)| one >= next), "{threads:?}");
        assert!(threads.iter().all(|(name, _)| !name.is_empty()));
    }

    #[test]
    fn memory_is_found_by_its_key() {
        let status = "Name:\thark\nVmHWM:\t  2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!((kibibytes(status, "VmHWM"), kibibytes(status, "VmRSS")), (Some(2048), Some(1024)));
        assert_eq!(kibibytes(status, "VmSwap"), None);
    }
}
