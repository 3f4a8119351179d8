//! Records that could not be folded, with the reason: put aside once, passed over from then on, never lost.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// A list beside the log, one JSON object a line. The records themselves stay in the log.
pub(super) struct SetAside {
    path: PathBuf,
    known: BTreeMap<u64, String>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    offset: u64,
    reason: String,
}

impl SetAside {
    pub(super) fn open(path: PathBuf) -> Result<Self> {
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            text => text.with_context(|| format!("{} cannot be read", path.display()))?,
        };
        // A line torn by a crash names no record; that record is tried again and put aside again.
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
        let known = lines.map(|line| (line.offset, line.reason)).collect();
        Ok(Self { path, known })
    }

    pub(super) fn holds(&self, offset: u64) -> bool {
        self.known.contains_key(&offset)
    }

    pub(super) fn len(&self) -> u64 {
        self.known.len() as u64
    }

    /// On disk when this returns: even a record that kills the process does so once.
    pub(super) fn put(&mut self, offset: u64, reason: &str) -> Result<()> {
        if self.holds(offset) {
            return Ok(());
        }
        let line = serde_json::to_string(&Line { offset, reason: reason.to_owned() })?;
        let write = || -> std::io::Result<()> {
            let mut file: File = OpenOptions::new().create(true).append(true).open(&self.path)?;
            writeln!(file, "{line}")?;
            file.sync_all()
        };
        write().with_context(|| format!("{} cannot be written", self.path.display()))?;
        self.known.insert(offset, reason.to_owned());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_aside_is_known_after_a_restart_and_a_torn_line_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("set-aside.ndjson");
        let mut aside = SetAside::open(path.clone()).unwrap();
        aside.put(7, "division by zero").unwrap();
        aside.put(7, "division by zero").unwrap();
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        write!(file, "{{\"offset\":9").unwrap();
        let aside = SetAside::open(path).unwrap();
        assert_eq!((aside.holds(7), aside.holds(9), aside.len()), (true, false, 1));
    }
}
