//! A log whose disk can be pulled out at any moment: what was synced stays, of the rest as much as the fault says.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Damage, IngestLog, LogError};

/// What goes wrong with one append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No room: nothing is written, the log goes on.
    Full,
    /// The sync fails; so many of the group's records have reached the disk all the same.
    Sync { survive: usize },
    /// The machine stops in the middle of the write; so many of the group's records are on disk.
    Crash { survive: usize },
}

/// What is on disk. It outlives the log, as a disk outlives a process.
#[derive(Debug, Clone, Default)]
pub struct SimulatedDisk(Arc<Mutex<Contents>>);

#[derive(Debug, Default)]
struct Contents {
    first: u64,
    records: Vec<Vec<u8>>,
}

pub struct SimulatedLog {
    disk: SimulatedDisk,
    /// For each append that is still to come, what goes wrong with it.
    faults: Box<dyn FnMut() -> Option<Fault> + Send>,
}

impl SimulatedLog {
    pub fn new(disk: SimulatedDisk, faults: impl FnMut() -> Option<Fault> + Send + 'static) -> Self {
        Self { disk, faults: Box::new(faults) }
    }
}

impl SimulatedDisk {
    fn contents(&self) -> std::sync::MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl IngestLog for SimulatedLog {
    fn next_offset(&self) -> u64 {
        let contents = self.disk.contents();
        contents.first + contents.records.len() as u64
    }

    fn append(&mut self, records: &[Vec<u8>]) -> Result<(), LogError> {
        let fault = (self.faults)();
        let survive = match fault {
            None => records.len(),
            Some(Fault::Full) => 0,
            Some(Fault::Sync { survive } | Fault::Crash { survive }) => survive.min(records.len()),
        };
        self.disk.contents().records.extend_from_slice(&records[..survive]);
        let source = || io::Error::other(format!("simulated {fault:?}"));
        match fault {
            None => Ok(()),
            Some(Fault::Full) => Err(LogError::Write { source: source() }),
            Some(_) => Err(LogError::Sync { source: source() }),
        }
    }

    fn read_from(&mut self, offset: u64, each: &mut dyn FnMut(u64, &[u8])) -> Result<(), LogError> {
        let (first, records) = {
            let contents = self.disk.contents();
            (contents.first, contents.records.clone())
        };
        (first..).zip(&records).filter(|(at, _)| *at >= offset).for_each(|(at, record)| each(at, record));
        Ok(())
    }

    fn truncate_before(&mut self, offset: u64) -> Result<(), LogError> {
        let mut contents = self.disk.contents();
        let forgotten = offset.saturating_sub(contents.first).min(contents.records.len() as u64);
        contents.records.drain(..forgotten as usize);
        contents.first += forgotten;
        Ok(())
    }

    fn damage(&self) -> &[Damage] {
        &[]
    }
}
