//! The durable log: bodies as they were accepted, in order, each on disk before it is acknowledged.

use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

/// Group commit is what counts: one fsync carries all the bodies that waited for it.
pub struct Log {
    database: Database,
    bodies: Keyspace,
    next: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("the ingest log at {path} could not be opened; is another hark using this folder?")]
    Open { path: String, source: fjall::Error },
    #[error("the ingest log could not be written; nothing was acknowledged, and a restart recovers what was")]
    Append(#[source] fjall::Error),
    #[error("the ingest log could not be read")]
    Read(#[source] fjall::Error),
}

impl Log {
    pub fn open(path: &Path) -> Result<Self, LogError> {
        let open = || -> Result<Self, fjall::Error> {
            let database = Database::builder(path).open()?;
            let bodies = database.keyspace("bodies", KeyspaceCreateOptions::default)?;
            let last = bodies.last_key_value().map(fjall::Guard::key).transpose()?;
            let next = last.map_or(0, |key| offset_of(&key) + 1);
            Ok(Self { database, bodies, next })
        };
        open().map_err(|source| LogError::Open { path: path.display().to_string(), source })
    }

    /// The offset that the next body will get.
    pub fn next_offset(&self) -> u64 {
        self.next
    }

    /// Writes all bodies and syncs once. When this returns they survive a crash. On an error nothing may be retried:
    /// after a failed fsync the kernel may have dropped the pages, so the caller exits and recovers.
    pub fn append<'a>(&mut self, bodies: impl IntoIterator<Item = &'a [u8]>) -> Result<(), LogError> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        for body in bodies {
            batch.insert(&self.bodies, self.next.to_be_bytes(), body);
            self.next += 1;
        }
        batch.commit().map_err(LogError::Append)
    }

    /// The bodies from `offset` on, in order.
    pub fn read_from(&self, offset: u64) -> impl Iterator<Item = Result<(u64, Vec<u8>), LogError>> {
        self.bodies.range(offset.to_be_bytes()..).map(|entry| {
            let (key, value) = entry.into_inner().map_err(LogError::Read)?;
            Ok((offset_of(&key), value.to_vec()))
        })
    }

    /// Forgets the bodies before `offset`: what they held is safe elsewhere.
    pub fn truncate_before(&mut self, offset: u64) -> Result<(), LogError> {
        // The newest body stays, so that offsets go on from it after a restart.
        let end = offset.min(self.next.saturating_sub(1));
        let mut batch = self.database.batch();
        for entry in self.bodies.range(..end.to_be_bytes()) {
            batch.remove(&self.bodies, entry.key().map_err(LogError::Read)?);
        }
        batch.commit().map_err(LogError::Append)
    }
}

fn offset_of(key: &[u8]) -> u64 {
    let bytes = key.try_into().unwrap_or_else(|_| unreachable!("keys are written by append, eight bytes each"));
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_appended_is_there_after_reopening() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::open(folder.path()).unwrap();
        log.append([b"one".as_slice(), b"two"]).unwrap();
        log.append([b"three".as_slice()]).unwrap();
        drop(log);
        let mut log = Log::open(folder.path()).unwrap();
        let read = |log: &Log, from| -> Vec<(u64, Vec<u8>)> { log.read_from(from).map(Result::unwrap).collect() };
        assert_eq!(read(&log, 1), [(1, b"two".to_vec()), (2, b"three".to_vec())]);
        log.truncate_before(2).unwrap();
        log.append([b"four".as_slice()]).unwrap();
        assert_eq!(read(&log, 0), [(2, b"three".to_vec()), (3, b"four".to_vec())]);
    }

    #[test]
    fn truncating_everything_keeps_the_count() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::open(folder.path()).unwrap();
        log.append([b"one".as_slice(), b"two"]).unwrap();
        log.truncate_before(99).unwrap();
        drop(log);
        assert_eq!(Log::open(folder.path()).unwrap().next_offset(), 2);
    }
}
