//! Files of events: history from NDJSON, CSV, Parquet and Arrow IPC, chunk after chunk.
//!
//! Where chunks are cut depends on the content alone: NDJSON and CSV every 4 MiB at a line end, Parquet and Arrow every 65,536
//! rows of a row group or record batch. So an import that stopped can go on at the chunk it stopped at.

mod again;
mod arrow;
mod batch;
mod body;
mod columns;
mod csv;
mod error;
mod format;
mod layout;
mod messages;
mod ndjson;
mod parquet;
mod records;
mod texts;

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3Default;

pub use self::again::ChunkReader;
pub use self::error::FileError;

use self::arrow::ArrowChunks;
use self::body::Body;
use self::csv::CsvChunks;
use self::format::{Format, check_magic};
use self::layout::Layout;
use self::messages::ArrowFile;
use self::ndjson::NdjsonChunks;
use self::parquet::{ParquetChunks, ParquetFile};
use crate::events::Decoded;
use crate::wire::Reader;

/// Rows of a chunk of Parquet or Arrow.
const CHUNK_ROWS: u64 = 65_536;
/// So much of the beginning and of the end tells a file from others.
const FINGERPRINT_BYTES: u64 = 64 * 1024;

/// A file of events that has been opened and is what its name says.
pub struct EventFile {
    size: u64,
    fingerprint: u64,
    path: PathBuf,
    content: Content,
}

enum Content {
    Ndjson(NdjsonChunks),
    Csv(CsvChunks),
    Parquet(ParquetFile),
    Arrow(ArrowFile),
}

/// Some rows of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Chunk {
    /// From 0.
    pub number: u64,
    /// Bytes of the file that are done with it, of [`EventFile::size`].
    pub done: u64,
    /// Rejected rows have their number in the file: the line in NDJSON and CSV, the row, from 1, in Parquet and Arrow.
    pub decoded: Decoded,
}

impl EventFile {
    /// The name tells the format: .ndjson, .jsonl, .json or .csv, each perhaps with .gz or .zst after it; .parquet; .arrow,
    /// .feather or .ipc. The first bytes have to agree.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let cannot = |source| FileError::Open { path: path.to_owned(), source };
        let about = std::fs::metadata(path).map_err(cannot)?;
        if !about.is_file() {
            return Err(FileError::NotAFile { path: path.to_owned() });
        }
        let (format, packing) = format::by_name(path)?;
        let mut file = File::open(path).map_err(cannot)?;
        let size = about.len();
        if size == 0 {
            return Err(FileError::Empty { path: path.to_owned() });
        }
        let cannot = |source| FileError::Read { path: path.to_owned(), source };
        let (fingerprint, head) = fingerprint(&mut file, size).map_err(cannot)?;
        file.seek(SeekFrom::Start(0)).map_err(cannot)?;
        check_magic(path, format, packing, &head)?;
        let content = match format {
            Format::Ndjson => Content::Ndjson(NdjsonChunks::new(path, Body::open(path, file, format, packing)?)),
            Format::Csv => Content::Csv(CsvChunks::new(path, Body::open(path, file, format, packing)?)?),
            Format::Parquet => Content::Parquet(ParquetFile::open(path, file)?),
            Format::Arrow => Content::Arrow(ArrowFile::open(path, file, size)?),
        };
        Ok(Self { size, fingerprint, path: path.to_owned(), content })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// In bytes, as it lies on the disk.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Tells whether a file is one that was read before, whatever it is called now: a hash over its size, its beginning and
    /// its end. A change in the middle that keeps the size is not seen in plain text, which nobody edits in place; Parquet
    /// and Arrow keep offsets at their end, and gzip a checksum.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The chunks from number `from` on, up to the end or the first error. In Parquet and Arrow those before are not read; in
    /// NDJSON and CSV they are, and passed over. An error here: what metrics read is in a column of a type that cannot hold it.
    pub fn chunks(self, reader: Reader<'_>, from: u64) -> Result<Chunks<'_>, FileError> {
        let source = match self.content {
            Content::Ndjson(chunks) => Source::Ndjson(chunks),
            Content::Csv(chunks) => Source::Csv(chunks.layout(&reader)?, chunks),
            Content::Parquet(file) => {
                let (rows, layout) = (file.rows(), file.layout(&reader)?);
                Source::Parquet(rows, Box::new(ParquetChunks::new(file, layout, from)))
            }
            Content::Arrow(file) => {
                let (rows, layout) = (file.rows(), file.layout(&reader)?);
                Source::Arrow(rows, Box::new(ArrowChunks::new(file, layout, from)))
            }
        };
        let pass_over = if matches!(source, Source::Ndjson(_) | Source::Csv(..)) { from } else { 0 };
        Ok(Chunks { reader, size: self.size, source, pass_over, next: from, has_ended: false })
    }
}

/// Reads a file chunk by chunk.
pub struct Chunks<'r> {
    reader: Reader<'r>,
    size: u64,
    source: Source,
    /// Chunks to be read and not decoded before the next one.
    pass_over: u64,
    next: u64,
    has_ended: bool,
}

enum Source {
    Ndjson(NdjsonChunks),
    Csv(Layout, CsvChunks),
    /// With the rows of the whole file.
    Parquet(u64, Box<ParquetChunks>),
    Arrow(u64, Box<ArrowChunks>),
}

impl Chunks<'_> {
    fn read(&mut self) -> Result<Option<Chunk>, FileError> {
        while self.pass_over > 0 {
            let passed = match &mut self.source {
                Source::Ndjson(chunks) => chunks.next(None)?,
                Source::Csv(_, chunks) => chunks.next(None)?,
                Source::Parquet(..) | Source::Arrow(..) => None,
            };
            if passed.is_none() {
                return Ok(None);
            }
            self.pass_over -= 1;
        }
        let decoded = match &mut self.source {
            Source::Ndjson(chunks) => chunks.next(Some(&self.reader))?,
            Source::Csv(layout, chunks) => chunks.next(Some((layout, &self.reader)))?,
            Source::Parquet(_, chunks) => chunks.next(&self.reader)?,
            Source::Arrow(_, chunks) => chunks.next(&self.reader)?,
        };
        let Some(decoded) = decoded else { return Ok(None) };
        let share = |rows: u64, all: u64| (self.size as f64 * rows as f64 / all.max(1) as f64) as u64;
        let done = match &self.source {
            Source::Ndjson(chunks) => chunks.position(),
            Source::Csv(_, chunks) => chunks.position(),
            Source::Parquet(all, chunks) => share(chunks.rows_done(), *all),
            Source::Arrow(all, chunks) => share(chunks.rows_done(), *all),
        };
        self.next += 1;
        Ok(Some(Chunk { number: self.next - 1, done: done.min(self.size), decoded }))
    }
}

impl Iterator for Chunks<'_> {
    type Item = Result<Chunk, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let chunk = self.read();
        self.has_ended = !matches!(chunk, Ok(Some(_)));
        chunk.transpose()
    }
}

/// With the beginning of the file, which is at hand here.
fn fingerprint(file: &mut File, size: u64) -> std::io::Result<(u64, Vec<u8>)> {
    let mut hash = Xxh3Default::new();
    hash.update(&size.to_le_bytes());
    let mut head = Vec::new();
    file.by_ref().take(FINGERPRINT_BYTES).read_to_end(&mut head)?;
    hash.update(&head);
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(size.saturating_sub(FINGERPRINT_BYTES)))?;
    file.by_ref().take(FINGERPRINT_BYTES).read_to_end(&mut tail)?;
    hash.update(&tail);
    Ok((hash.digest(), head))
}
