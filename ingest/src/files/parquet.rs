//! Parquet files: a chunk is a run of rows of one row group, so that reading can begin at any of them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Encoding;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};

use crate::events::Decoded;
use crate::files::error::guarded;
use crate::files::layout::Layout;
use crate::files::{CHUNK_ROWS, FileError, batch};
use crate::wire::Reader;

pub(super) struct ParquetFile {
    path: PathBuf,
    file: File,
    metadata: Arc<ParquetMetaData>,
    schema: SchemaRef,
}

impl ParquetFile {
    pub(super) fn open(path: &Path, file: File) -> Result<Self, FileError> {
        guarded(path, || {
            let options = ArrowReaderOptions::new();
            let read = ArrowReaderMetadata::load(&file, options).map_err(|error| problem(path, &error))?;
            let metadata = Arc::clone(read.metadata());
            let schema = Arc::clone(read.schema());
            Layout::check_time(path, schema.fields().iter().map(|field| field.name().as_str()))?;
            if metadata.row_groups().iter().any(|group| group.num_rows() < 0) {
                return Err(FileError::broken(path, "a row group has fewer than no rows"));
            }
            Ok(Self { path: path.to_owned(), file, metadata, schema })
        })
    }

    pub(super) fn rows(&self) -> u64 {
        (0..self.metadata.num_row_groups()).map(|group| self.rows_in(group)).fold(0, u64::saturating_add)
    }

    fn rows_in(&self, group: usize) -> u64 {
        u64::try_from(self.metadata.row_group(group).num_rows()).unwrap_or(0)
    }

    pub(super) fn layout(&self, reader: &Reader<'_>) -> Result<Layout, FileError> {
        let columns = self.schema.fields().iter().map(|field| (field.name().as_str(), Some(field.data_type())));
        Layout::new(&self.path, columns, reader.fields)
    }

    /// Reads the columns of `layout` alone, the rows of `group` from `offset` on.
    fn open_group(&self, layout: &Layout, group: usize, offset: u64) -> Result<ParquetRecordBatchReader, ParquetError> {
        let hinted = ArrowReaderOptions::new().with_schema(self.hinted_schema(group));
        let metadata = Arc::clone(&self.metadata);
        let read = ArrowReaderMetadata::try_new(Arc::clone(&metadata), hinted)
            .or_else(|_| ArrowReaderMetadata::try_new(metadata, ArrowReaderOptions::new()))?;
        let columns = layout.places.iter().map(|place| place.column);
        let mask = ProjectionMask::roots(self.metadata.file_metadata().schema_descr(), columns);
        ParquetRecordBatchReaderBuilder::new_with_metadata(self.file.try_clone()?, read)
            .with_projection(mask)
            .with_row_groups(vec![group])
            .with_offset(usize::try_from(offset).unwrap_or(usize::MAX))
            .with_batch_size(CHUNK_ROWS as usize)
            .build()
    }

    /// The file's schema with another form of text: codes where the row group holds nothing but codes, which are then taken
    /// over as they are, and views elsewhere, which copy nothing. Ids are all different, and only hashed.
    fn hinted_schema(&self, group: usize) -> SchemaRef {
        let parquet = self.metadata.file_metadata().schema_descr();
        let mut leaf_of = vec![None; self.schema.fields().len()];
        for leaf in 0..parquet.num_columns() {
            if let Some(of_root) = leaf_of.get_mut(parquet.get_column_root_idx(leaf)) {
                *of_root = Some(leaf);
            }
        }
        let group = self.metadata.row_group(group);
        let hinted = self.schema.fields().iter().zip(leaf_of).map(|(field, leaf)| {
            let is_coded = leaf.and_then(|leaf| group.columns().get(leaf)).is_some_and(holds_codes);
            match text_type(field, is_coded && field.name() != "id") {
                Some(data_type) => Arc::new(field.as_ref().clone().with_data_type(data_type)),
                None => Arc::clone(field),
            }
        });
        let fields: Vec<_> = hinted.collect();
        Arc::new(Schema::new_with_metadata(fields, self.schema.metadata().clone()))
    }
}

fn text_type(field: &Field, coded: bool) -> Option<DataType> {
    let values = match field.data_type() {
        DataType::Dictionary(_, values) => values.as_ref(),
        data_type => data_type,
    };
    let is_text = matches!(values, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    let codes = || DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    is_text.then(|| if coded { codes() } else { DataType::Utf8View })
}

/// A writer begins with codes and goes over to plain text when there are too many of them; statistics say whether it did.
/// Without any, the presence of a dictionary has to do: the decoder can make codes of plain text, only more slowly.
fn holds_codes(column: &ColumnChunkMetaData) -> bool {
    let is_code = |encoding| matches!(encoding, Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY);
    if let Some(mask) = column.page_encoding_stats_mask() {
        return mask.encodings().all(is_code);
    }
    if let Some(stats) = column.page_encoding_stats() {
        let is_data = |page| page != parquet::basic::PageType::DICTIONARY_PAGE;
        return stats.iter().all(|stats| !is_data(stats.page_type) || is_code(stats.encoding));
    }
    column.dictionary_page_offset().is_some()
}

pub(super) struct ParquetChunks {
    file: ParquetFile,
    layout: Layout,
    group: usize,
    /// Rows of the group, and of the file, before the next chunk.
    rows_of_group: u64,
    rows: u64,
    open: Option<ParquetRecordBatchReader>,
}

impl ParquetChunks {
    pub(super) fn new(file: ParquetFile, layout: Layout, from: u64) -> Self {
        let mut chunks = Self { file, layout, group: 0, rows_of_group: 0, rows: 0, open: None };
        let mut chunks_left = from;
        while chunks.group < chunks.file.metadata.num_row_groups() {
            let rows = chunks.file.rows_in(chunks.group);
            let in_group = rows.div_ceil(CHUNK_ROWS);
            if chunks_left < in_group {
                chunks.rows_of_group = chunks_left * CHUNK_ROWS;
                chunks.rows += chunks.rows_of_group;
                break;
            }
            chunks_left -= in_group;
            chunks.rows = chunks.rows.saturating_add(rows);
            chunks.group += 1;
        }
        chunks
    }

    pub(super) fn rows_done(&self) -> u64 {
        self.rows
    }

    pub(super) fn next(&mut self, reader: &Reader<'_>) -> Result<Option<Decoded>, FileError> {
        while self.group < self.file.metadata.num_row_groups() {
            let left = self.file.rows_in(self.group).saturating_sub(self.rows_of_group);
            if left == 0 {
                (self.group, self.rows_of_group, self.open) = (self.group + 1, 0, None);
                continue;
            }
            let path = self.file.path.clone();
            let batch = guarded(&path, || self.next_batch(left))?;
            let first_row = self.rows + 1;
            self.rows += batch.num_rows() as u64;
            self.rows_of_group += batch.num_rows() as u64;
            let decoded = guarded(&path, || {
                batch::decode(&batch, &self.layout, reader, first_row)
                    .map_err(|error| FileError::broken(&path, &error.to_string()))
            });
            return decoded.map(Some);
        }
        Ok(None)
    }

    /// The next rows of the open group, of which `left` have not been read.
    fn next_batch(&mut self, left: u64) -> Result<RecordBatch, FileError> {
        let path = &self.file.path;
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self
                .file
                .open_group(&self.layout, self.group, self.rows_of_group)
                .map_err(|error| problem(path, &error))?,
        };
        let batch = open.next().transpose().map_err(|error| match error {
            arrow_schema::ArrowError::ParquetError(text) => FileError::broken(path, &text),
            error => FileError::broken(path, &error.to_string()),
        })?;
        let rows = batch.as_ref().map_or(0, |batch| batch.num_rows() as u64);
        match batch {
            Some(batch) if rows == left.min(CHUNK_ROWS) => {
                self.open = Some(open);
                Ok(batch)
            }
            _ => Err(FileError::broken(path, &format!("row group {} has fewer rows than it says", self.group + 1))),
        }
    }
}

fn problem(path: &Path, error: &ParquetError) -> FileError {
    match error {
        ParquetError::NYI(text) => FileError::Unsupported { path: path.to_owned(), problem: text.clone() },
        error if error.to_string().contains("Disabled feature") => {
            let problem = "it is packed in a way that hark does not read".to_owned();
            FileError::Unsupported { path: path.to_owned(), problem }
        }
        error => FileError::broken(path, &error.to_string()),
    }
}
