//! NDJSON files: chunks of whole lines, each decoded as a body that came over the wire would be.

use std::path::{Path, PathBuf};

use crate::events::Decoded;
use crate::files::FileError;
use crate::files::body::Body;
use crate::wire::{self, Format, Reader};

pub(super) struct NdjsonChunks {
    path: PathBuf,
    body: Body,
    /// Lines before the next chunk.
    lines: u64,
}

impl NdjsonChunks {
    pub(super) fn new(path: &Path, body: Body) -> Self {
        Self { path: path.to_owned(), body, lines: 0 }
    }

    pub(super) fn position(&self) -> u64 {
        self.body.position()
    }

    /// The next chunk; without a reader it is passed over.
    pub(super) fn next(&mut self, reader: Option<&Reader<'_>>) -> Result<Option<Decoded>, FileError> {
        let last_end = |text: &[u8], ended: bool| match text.iter().rposition(|&byte| byte == b'\n') {
            _ if ended => Some(text.len()),
            at => at.map(|at| at + 1),
        };
        let end = self.body.fill_until(self.lines + 1, "is this NDJSON, one object a line?", last_end)?;
        let Some(end) = end else { return Ok(None) };
        let text = &self.body.text()[..end];
        let decoded = reader.map(|reader| wire::decode(Format::Ndjson, text, reader)).transpose();
        let mut decoded =
            decoded.map_err(|error| FileError::broken(&self.path, &error.to_string()))?.unwrap_or_default();
        decoded.rejected.iter_mut().for_each(|rejected| rejected.line += self.lines);
        self.lines += text.iter().filter(|&&byte| byte == b'\n').count() as u64;
        self.body.take(end);
        Ok(Some(decoded))
    }
}
