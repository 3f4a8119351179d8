//! The durable log: records as they were accepted, in order, each on disk before it is acknowledged.

mod segments;
mod simulated;

use std::io;
use std::path::PathBuf;

pub use segments::{SegmentLog, read_log};
pub use simulated::{Fault, SimulatedDisk, SimulatedLog};

/// Records by offset, from some first one to the newest, without a gap but for damage.
pub trait IngestLog: Send {
    /// The offset that the next record will get.
    fn next_offset(&self) -> u64;

    /// Writes all records and syncs once. When this returns they survive a crash.
    ///
    /// After [`LogError::Write`] none of them is in the log and the next append may go well. After any other error the
    /// state of the disk is not known: the caller must stop and recover.
    fn append(&mut self, records: &[Vec<u8>]) -> Result<(), LogError>;

    /// The records from `offset` on, in order. A damaged one is passed over and named in [`IngestLog::damage`].
    fn read_from(&mut self, offset: u64, each: &mut dyn FnMut(u64, &[u8])) -> Result<(), LogError>;

    /// May forget the records before `offset`: what they held is safe elsewhere.
    fn truncate_before(&mut self, offset: u64) -> Result<(), LogError>;

    /// What could not be read, as far as has been looked.
    fn damage(&self) -> &[Damage];
}

/// Bytes of the log that hold no whole record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    pub file: PathBuf,
    pub byte: u64,
    /// Offsets of the records that were there, where those around tell: from, and up to but not including.
    pub offsets: (u64, u64),
    /// At the very end: a record that was being written when hark was killed, and so was never acknowledged.
    pub is_torn_end: bool,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (from, to) = self.offsets;
        let (file, byte) = (self.file.display(), self.byte);
        if self.is_torn_end {
            return write!(f, "{file} ends in the middle of record {from} at byte {byte}: it was being written");
        }
        match to - from {
            0 => write!(f, "{file} is damaged at byte {byte}; no record is missing"),
            1 => write!(f, "{file} is damaged at byte {byte}: record {from} cannot be read"),
            _ => write!(f, "{file} is damaged at byte {byte}: records {from} to {} cannot be read", to - 1),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("the ingest log in {path} cannot be opened: {source}; check its permissions")]
    Open { path: PathBuf, source: io::Error },
    #[error("{path} is not a log of this hark's: {problem}")]
    Foreign { path: PathBuf, problem: String },
    #[error(
        "the ingest log cannot be written: {source}; nothing of this was acknowledged, send it again once there is room"
    )]
    Write { source: io::Error },
    #[error(
        "the ingest log could not be synced to disk: {source}; what was not acknowledged may be lost, start hark again"
    )]
    Sync { source: io::Error },
    #[error("{path} cannot be read: {source}")]
    Read { path: PathBuf, source: io::Error },
}
