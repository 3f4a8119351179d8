//! The messages of an Arrow IPC file, of the file form or the stream form.
//!
//! arrow-ipc takes the lengths in a file as true and sets memory aside for them, which for a damaged length ends the process.
//! So the messages are found here, every length is held against the file's, and only the decoding is arrow-ipc's.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_ipc::convert::fb_to_schema;
use arrow_ipc::{Block, Message, MessageHeader, MetadataVersion, root_as_footer, root_as_message};
use arrow_schema::{Schema, SchemaRef};

use crate::files::FileError;
use crate::files::error::guarded;
use crate::files::layout::Layout;
use crate::wire::Reader;

const MAGIC: &[u8] = b"ARROW1";
/// No buffer of a record batch may unpack to more. It is what text with 32-bit offsets can hold at most.
const BUFFER_BYTES_MAX: i64 = 2 * 1024 * 1024 * 1024;

pub(super) struct ArrowFile {
    pub(super) path: PathBuf,
    file: File,
    size: u64,
    pub(super) schema: SchemaRef,
    pub(super) version: MetadataVersion,
    /// In the order in which they are to be read.
    pub(super) parts: Vec<Part>,
}

#[derive(Clone, Copy)]
pub(super) struct Part {
    pub(super) block: Block,
    /// `None`: a dictionary that later batches refer to.
    pub(super) rows: Option<u64>,
}

impl ArrowFile {
    pub(super) fn open(path: &Path, file: File, size: u64) -> Result<Self, FileError> {
        guarded(path, || {
            let mut found = Self {
                path: path.to_owned(),
                file,
                size,
                schema: Arc::new(Schema::empty()),
                version: MetadataVersion::V5,
                parts: Vec::new(),
            };
            let mut head = [0; 8];
            found.read_at(0, &mut head)?;
            if head.starts_with(MAGIC) {
                found.find_by_footer()?;
            } else {
                found.find_one_by_one()?;
            }
            Layout::check_time(path, found.schema.fields().iter().map(|field| field.name().as_str()))?;
            Ok(found)
        })
    }

    pub(super) fn rows(&self) -> u64 {
        self.parts.iter().filter_map(|part| part.rows).fold(0, u64::saturating_add)
    }

    pub(super) fn layout(&self, reader: &Reader<'_>) -> Result<Layout, FileError> {
        let columns = self.schema.fields().iter().map(|field| (field.name().as_str(), Some(field.data_type())));
        Layout::new(&self.path, columns, reader.fields)
    }

    /// The file form ends in a list of its messages.
    fn find_by_footer(&mut self) -> Result<(), FileError> {
        let mut tail = [0; 10];
        let end = self.size.saturating_sub(tail.len() as u64);
        self.read_at(end, &mut tail)?;
        let (length, magic) = tail.split_at(4);
        let length = u64::from(u32::from_le_bytes([length[0], length[1], length[2], length[3]]));
        if magic != MAGIC || length > end {
            return Err(self.broken("it does not end as an Arrow file ends"));
        }
        let footer = self.bytes(end - length, length)?;
        let footer = root_as_footer(&footer).map_err(|error| self.broken(&error.to_string()))?;
        let schema = footer.schema().ok_or_else(|| self.broken("it has no schema"))?;
        self.set_schema(schema, footer.version())?;
        for block in footer.dictionaries().iter().flatten() {
            self.parts.push(Part { block: *block, rows: None });
        }
        for block in footer.recordBatches().iter().flatten() {
            let metadata = self.bytes(self.offset(block)?, self.metadata_length(block)?)?;
            let rows = self.batch_rows(self.message(&metadata)?)?;
            self.parts.push(Part { block: *block, rows: Some(rows) });
        }
        Ok(())
    }

    /// The stream form is message after message: the schema, then dictionaries and batches.
    fn find_one_by_one(&mut self) -> Result<(), FileError> {
        let mut offset = 0;
        // Each begins with four bytes of ones and its length; a length of zero, or the end of the file, is the end.
        while offset + 8 <= self.size {
            let mut head = [0; 8];
            self.read_at(offset, &mut head)?;
            let length = u64::from(u32::from_le_bytes([head[4], head[5], head[6], head[7]]));
            if head[..4] != [0xff; 4] {
                return Err(self.broken("a message does not begin as one"));
            }
            if length == 0 {
                break;
            }
            let metadata = self.bytes(offset, length + 8)?;
            let message = self.message(&metadata)?;
            let length = i32::try_from(length + 8).map_err(|_| self.broken("a message is too long"))?;
            let start = i64::try_from(offset).map_err(|_| self.broken("it is too long"))?;
            let block = Block::new(start, length, message.bodyLength());
            match message.header_type() {
                MessageHeader::Schema => {
                    let schema = message.header_as_schema().ok_or_else(|| self.broken("it has no schema"))?;
                    self.set_schema(schema, message.version())?;
                }
                MessageHeader::DictionaryBatch => self.parts.push(Part { block, rows: None }),
                _ => {
                    let rows = self.batch_rows(message)?;
                    self.parts.push(Part { block, rows: Some(rows) });
                }
            }
            offset = self.end(&block)?;
        }
        Ok(())
    }

    fn set_schema(&mut self, schema: arrow_ipc::Schema<'_>, version: MetadataVersion) -> Result<(), FileError> {
        if !schema.endianness().equals_to_target_endianness() {
            return Err(self.broken("its bytes are in the order of another kind of machine"));
        }
        self.schema = Arc::new(fb_to_schema(schema));
        self.version = version;
        Ok(())
    }

    fn message<'a>(&self, metadata: &'a [u8]) -> Result<Message<'a>, FileError> {
        // Files from before 2019 have the length alone in front.
        let start = if metadata.starts_with(&[0xff; 4]) { 8 } else { 4 };
        let message = metadata.get(start..).ok_or_else(|| self.broken("a message is cut short"))?;
        root_as_message(message).map_err(|error| self.broken(&error.to_string()))
    }

    fn batch_rows(&self, message: Message<'_>) -> Result<u64, FileError> {
        let batch = message.header_as_record_batch().ok_or_else(|| self.broken("a message is of an unknown kind"))?;
        u64::try_from(batch.length()).map_err(|_| self.broken("a record batch has fewer than no rows"))
    }

    fn offset(&self, block: &Block) -> Result<u64, FileError> {
        u64::try_from(block.offset()).map_err(|_| self.broken("a message begins before the file"))
    }

    fn metadata_length(&self, block: &Block) -> Result<u64, FileError> {
        u64::try_from(block.metaDataLength()).map_err(|_| self.broken("a message has a negative length"))
    }

    fn end(&self, block: &Block) -> Result<u64, FileError> {
        let body = u64::try_from(block.bodyLength()).map_err(|_| self.broken("a message has a negative length"))?;
        let end = self.offset(block)?.checked_add(self.metadata_length(block)?).and_then(|end| end.checked_add(body));
        end.filter(|&end| end <= self.size).ok_or_else(|| self.broken("a message goes on past the end of the file"))
    }

    pub(super) fn whole_message(&self, block: &Block) -> Result<Vec<u8>, FileError> {
        let offset = self.offset(block)?;
        let whole = self.bytes(offset, self.end(block)? - offset)?;
        self.check_unpacked(&whole, usize::try_from(self.metadata_length(block)?).unwrap_or(usize::MAX))?;
        Ok(whole)
    }

    /// Packed buffers say in front how long they are once unpacked.
    fn check_unpacked(&self, whole: &[u8], body: usize) -> Result<(), FileError> {
        let message = self.message(whole)?;
        let batch = match message.header_type() {
            MessageHeader::DictionaryBatch => message.header_as_dictionary_batch().and_then(|batch| batch.data()),
            _ => message.header_as_record_batch(),
        };
        let batch = batch.ok_or_else(|| self.broken("a message is of an unknown kind"))?;
        if batch.compression().is_none() {
            return Ok(());
        }
        for buffer in batch.buffers().iter().flatten().filter(|buffer| buffer.length() > 0) {
            let start = usize::try_from(buffer.offset()).ok().and_then(|offset| offset.checked_add(body));
            let said = start.and_then(|start| whole.get(start..start.checked_add(8)?)?.first_chunk());
            let said = said.ok_or_else(|| self.broken("a buffer goes on past the end of its message"))?;
            if i64::from_le_bytes(*said) > BUFFER_BYTES_MAX {
                return Err(self.broken(&format!("a buffer unpacks to more than {BUFFER_BYTES_MAX} bytes")));
            }
        }
        Ok(())
    }

    fn bytes(&self, offset: u64, length: u64) -> Result<Vec<u8>, FileError> {
        if offset.checked_add(length).is_none_or(|end| end > self.size) {
            return Err(self.broken("a message goes on past the end of the file"));
        }
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        self.read_at(offset, &mut bytes)?;
        Ok(bytes)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), FileError> {
        if offset.checked_add(into.len() as u64).is_none_or(|end| end > self.size) {
            return Err(self.broken("a message goes on past the end of the file"));
        }
        let mut file = &self.file;
        let read = file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(into));
        read.map_err(|source: io::Error| FileError::Read { path: self.path.clone(), source })
    }

    pub(super) fn broken(&self, problem: &str) -> FileError {
        FileError::broken(&self.path, problem)
    }
}
