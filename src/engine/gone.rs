//! What an import pointed to and is gone.

use std::collections::BTreeMap;

use hark_ingest::{FileChunk, FileError};

/// Imported files that the log points to and that are no longer there, with their first and last part.
#[derive(Default)]
pub(super) struct Gone(BTreeMap<u64, (u64, u64, String)>);

impl Gone {
    pub(super) fn note(&mut self, chunk: &FileChunk, problem: &FileError) {
        let gone = self.0.entry(chunk.fingerprint).or_insert((chunk.number, chunk.number, problem.to_string()));
        gone.1 = gone.1.max(chunk.number);
    }

    pub(super) fn into_sentences(self) -> Vec<String> {
        let sentence = |(first, last, problem): (u64, u64, String)| {
            format!(
                "parts {} to {} of an imported file are missing in charts and cells: {problem}",
                first + 1,
                last + 1
            )
        };
        self.0.into_values().map(sentence).collect()
    }
}
