//! Chunks that were read before and are wanted again: the log points to them, and a restart folds them anew.

use std::path::Path;

use crate::files::{Chunks, EventFile, FileError};
use crate::record::{EventsRecord, FileChunk};
use crate::wire::Reader;

/// Keeps the file at hand open, since its chunks are wanted one after the other.
pub struct ChunkReader<'r> {
    reader: Reader<'r>,
    open: Option<Open<'r>>,
}

struct Open<'r> {
    path: String,
    fingerprint: u64,
    chunks: Chunks<'r>,
    /// The number of the chunk that comes next.
    next: u64,
}

impl<'r> ChunkReader<'r> {
    pub fn new(reader: Reader<'r>) -> Self {
        Self { reader, open: None }
    }

    /// The events of a chunk as they were folded. An error where the file is gone, or another one lies in its place.
    pub fn read(&mut self, wanted: &FileChunk) -> Result<EventsRecord, FileError> {
        let is_at_hand = |open: &Open<'_>| {
            open.path == wanted.path && open.fingerprint == wanted.fingerprint && open.next == wanted.number
        };
        let mut open = match self.open.take().filter(is_at_hand) {
            Some(open) => open,
            None => self.open(wanted)?,
        };
        let chunk = open.chunks.next().transpose()?.ok_or_else(|| changed(wanted))?;
        open.next += 1;
        self.open = Some(open);
        Ok(wanted.record(chunk.decoded))
    }

    fn open(&self, wanted: &FileChunk) -> Result<Open<'r>, FileError> {
        let file = EventFile::open(Path::new(&wanted.path))?;
        if file.fingerprint() != wanted.fingerprint {
            return Err(changed(wanted));
        }
        let chunks = file.chunks(self.reader, wanted.number)?;
        let FileChunk { path, fingerprint, number, .. } = wanted.clone();
        Ok(Open { path, fingerprint, chunks, next: number })
    }
}

fn changed(wanted: &FileChunk) -> FileError {
    FileError::Changed { path: wanted.path.clone().into() }
}

#[cfg(test)]
mod tests {
    use hark_query::Fields;

    use super::*;
    use crate::user_key::UserKey;

    #[test]
    fn chunks_come_again_in_any_order_and_another_file_does_not_pass_for_theirs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.ndjson");
        let line = |number: u64| format!("{{\"time\":{},\"id\":\"{number}\"}}\n", 1_800_000_000_000 + number);
        // More than one chunk of four megabytes.
        std::fs::write(&path, (0..150_000).map(line).collect::<String>()).unwrap();
        let (fields, users) = (Fields::default(), UserKey::new([1; 16]));
        let reader = Reader { fields: &fields, users: &users };
        let file = EventFile::open(&path).unwrap();
        let chunk = |number| FileChunk {
            path: path.display().to_string(),
            fingerprint: file.fingerprint(),
            number,
            is_judged: false,
        };
        let (zero, one) = (chunk(0), chunk(1));
        let first: Vec<_> = file.chunks(reader, 0).unwrap().map(|chunk| chunk.unwrap().decoded).collect();
        let expected: Vec<_> =
            [&zero, &one].into_iter().zip(first).map(|(chunk, events)| chunk.record(events)).collect();
        let mut again = ChunkReader::new(reader);
        assert_eq!(again.read(&one).unwrap(), expected[1]);
        assert_eq!([again.read(&zero).unwrap(), again.read(&one).unwrap()], expected[..]);
        assert_ne!(expected[0].id, expected[1].id);
        assert!(matches!(again.read(&FileChunk { number: 2, ..zero.clone() }), Err(FileError::Changed { .. })));

        std::fs::write(&path, line(1)).unwrap();
        let problem = ChunkReader::new(reader).read(&zero).unwrap_err().to_string();
        assert!(problem.contains("is no longer the file that was imported"), "{problem}");
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(ChunkReader::new(reader).read(&zero), Err(FileError::Open { .. })));
    }
}
