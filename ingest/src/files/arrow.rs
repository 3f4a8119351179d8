//! Arrow IPC files: a chunk is a run of rows of one record batch.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_ipc::Block;
use arrow_ipc::reader::FileDecoder;
use arrow_schema::ArrowError;

use crate::events::Decoded;
use crate::files::error::guarded;
use crate::files::layout::Layout;
use crate::files::messages::ArrowFile;
use crate::files::{CHUNK_ROWS, FileError, batch};
use crate::wire::Reader;

pub(super) struct ArrowChunks {
    file: ArrowFile,
    layout: Layout,
    decoder: FileDecoder,
    part: usize,
    /// Rows of the part, and of the file, before the next chunk.
    rows_of_part: u64,
    rows: u64,
    open: Option<RecordBatch>,
    /// Chunks still to be passed over.
    skip: u64,
}

impl ArrowChunks {
    pub(super) fn new(file: ArrowFile, layout: Layout, from: u64) -> Self {
        let columns = layout.places.iter().map(|place| place.column).collect();
        let decoder = FileDecoder::new(Arc::clone(&file.schema), file.version).with_projection(columns);
        Self { file, layout, decoder, part: 0, rows_of_part: 0, rows: 0, open: None, skip: from }
    }

    pub(super) fn rows_done(&self) -> u64 {
        self.rows
    }

    pub(super) fn next(&mut self, reader: &Reader<'_>) -> Result<Option<Decoded>, FileError> {
        while let Some(&part) = self.file.parts.get(self.part) {
            let Some(rows) = part.rows else {
                self.read_dictionary(&part.block)?;
                self.part += 1;
                continue;
            };
            if self.rows_of_part == 0 && self.skip >= rows.div_ceil(CHUNK_ROWS) {
                self.skip -= rows.div_ceil(CHUNK_ROWS);
                self.rows = self.rows.saturating_add(rows);
                self.part += 1;
                continue;
            }
            let first = self.rows_of_part + std::mem::take(&mut self.skip) * CHUNK_ROWS;
            let count = CHUNK_ROWS.min(rows.saturating_sub(first));
            if count == 0 {
                (self.part, self.rows_of_part, self.open) = (self.part + 1, 0, None);
                continue;
            }
            let batch = self.batch(&part.block, rows)?;
            self.rows += first - self.rows_of_part;
            let first_row = self.rows + 1;
            self.rows_of_part = first + count;
            self.rows += count;
            let decoded = guarded(&self.file.path, || {
                let chunk = batch.slice(first as usize, count as usize);
                batch::decode(&chunk, &self.layout, reader, first_row)
                    .map_err(|error| self.file.broken(&error.to_string()))
            });
            return decoded.map(Some);
        }
        Ok(None)
    }

    fn read_dictionary(&mut self, block: &Block) -> Result<(), FileError> {
        let (file, decoder) = (&self.file, &mut self.decoder);
        guarded(&file.path, || {
            let bytes = file.whole_message(block)?;
            decoder.read_dictionary(block, &bytes.into()).map_err(|error| file.broken(&error.to_string()))
        })
    }

    fn batch(&mut self, block: &Block, rows: u64) -> Result<RecordBatch, FileError> {
        let file = &self.file;
        if let Some(open) = &self.open {
            return Ok(open.clone());
        }
        let batch = guarded(&file.path, || {
            let bytes = file.whole_message(block)?;
            let read = self.decoder.read_record_batch(block, &bytes.into());
            let read = read.and_then(|batch| batch.ok_or_else(|| ArrowError::IpcError("it holds no rows".to_owned())));
            read.map_err(|error| file.broken(&error.to_string()))
        })?;
        if batch.num_rows() as u64 != rows {
            return Err(file.broken("a record batch has fewer rows than it says"));
        }
        self.open = Some(batch.clone());
        Ok(batch)
    }
}
