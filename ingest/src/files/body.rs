//! The text of a file, unpacked, a piece at a time. Where the pieces end depends on the content alone.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::files::FileError;
use crate::files::format::{Format, Packing, check_text};

/// So many bytes of text make a chunk, which is cut at the last line end in them.
pub(super) const CHUNK_BYTES: usize = 4 * 1024 * 1024;
/// A longer line ends the reading: a file of such lines is something else, or a quote in it is never closed.
pub(super) const LINE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// What is looked at to tell one kind of text from another.
const HEAD_BYTES: usize = 4096;
const BYTE_ORDER_MARK: &[u8] = &[0xef, 0xbb, 0xbf];

pub(super) struct Body {
    path: PathBuf,
    input: Box<dyn Read + Send>,
    /// How far the file on the disk has been read.
    position: Arc<AtomicU64>,
    text: Vec<u8>,
    /// So much of `text` has been taken.
    taken: usize,
    ended: bool,
}

impl Body {
    pub(super) fn open(path: &Path, file: File, format: Format, packing: Packing) -> Result<Self, FileError> {
        let position = Arc::new(AtomicU64::new(0));
        let counted = Counted { file, position: Arc::clone(&position) };
        let input: Box<dyn Read + Send> = match packing {
            Packing::Plain => Box::new(counted),
            Packing::Gzip => Box::new(flate2::read::MultiGzDecoder::new(counted)),
            Packing::Zstd => {
                let decoder = zstd::Decoder::new(counted);
                Box::new(decoder.map_err(|source| FileError::Read { path: path.to_owned(), source })?)
            }
        };
        let mut body = Self { path: path.to_owned(), input, position, text: Vec::new(), taken: 0, ended: false };
        body.fill(HEAD_BYTES)?;
        check_text(path, format, body.text())?;
        if body.text().starts_with(BYTE_ORDER_MARK) {
            body.take(BYTE_ORDER_MARK.len());
        }
        Ok(body)
    }

    /// Bytes of the file on the disk that have been read.
    pub(super) fn position(&self) -> u64 {
        self.position.load(Ordering::Relaxed)
    }

    /// What has been read and not taken.
    pub(super) fn text(&self) -> &[u8] {
        &self.text[self.taken..]
    }

    pub(super) fn take(&mut self, bytes: usize) {
        self.taken += bytes;
    }

    /// Reads on until `bytes` are here, or the end is.
    fn fill(&mut self, bytes: usize) -> Result<(), FileError> {
        self.text.drain(..self.taken);
        self.taken = 0;
        let wanted = bytes.saturating_sub(self.text.len());
        let read = self.input.by_ref().take(wanted as u64).read_to_end(&mut self.text);
        let read = read.map_err(|source| FileError::Read { path: self.path.clone(), source })?;
        self.ended |= read < wanted;
        Ok(())
    }

    /// Fills until `end_of` finds an end in the text. `None`: nothing is left.
    pub(super) fn fill_until<T>(
        &mut self,
        line: u64,
        hint: &'static str,
        mut end_of: impl FnMut(&[u8], bool) -> Option<T>,
    ) -> Result<Option<T>, FileError> {
        let mut bytes = CHUNK_BYTES;
        loop {
            self.fill(bytes)?;
            if self.text().is_empty() {
                return Ok(None);
            }
            if let Some(end) = end_of(self.text(), self.ended) {
                return Ok(Some(end));
            }
            if self.ended || self.text().len() >= LINE_BYTES_MAX {
                return Err(FileError::LongLine { path: self.path.clone(), line, limit: LINE_BYTES_MAX, hint });
            }
            bytes += CHUNK_BYTES;
        }
    }
}

struct Counted {
    file: File,
    position: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        self.position.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
