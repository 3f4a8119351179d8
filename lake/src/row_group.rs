//! One row group on its way to a file: codes as they come, everything else by the encoders of the parquet crate.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType, FieldRef, SchemaRef};
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;

use crate::coded::{CodedColumn, as_coded};

/// A group is closed when it has so many rows; a reader holds one in memory.
const ROWS_MAX: usize = 1 << 20;

/// A Parquet file in memory.
pub(crate) struct ParquetWriter {
    schema: SchemaRef,
    /// Level of the compression.
    level: i32,
    file: SerializedFileWriter<Vec<u8>>,
    factory: ArrowRowGroupWriterFactory,
    open: Option<RowGroup>,
    groups: usize,
}

struct RowGroup {
    columns: Vec<Column>,
    rows: usize,
}

/// One column of the schema, and the columns of the file that it is.
struct Column {
    field: FieldRef,
    /// `None` once the column is not coded.
    coded: Option<CodedColumn>,
    plain: Vec<ArrowColumnWriter>,
}

impl ParquetWriter {
    pub(crate) fn new(schema: &SchemaRef, properties: WriterProperties, level: i32) -> Result<Self, ParquetError> {
        let columns = ArrowSchemaConverter::new().with_coerce_types(properties.coerce_types()).convert(schema)?;
        let file = SerializedFileWriter::new(Vec::new(), columns.root_schema_ptr(), Arc::new(properties))?;
        let factory = ArrowRowGroupWriterFactory::new(&file, Arc::clone(schema));
        Ok(Self { schema: Arc::clone(schema), level, file, factory, open: None, groups: 0 })
    }

    /// The batch's columns are those of the schema, in its order; text may come as codes.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), ParquetError> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.begin()?,
        };
        for (column, array) in open.columns.iter_mut().zip(batch.columns()) {
            column.write(array, open.rows == 0)?;
        }
        open.rows += batch.num_rows();
        let is_full = open.rows >= ROWS_MAX;
        self.open = Some(open);
        if is_full { self.end() } else { Ok(()) }
    }

    /// Bytes in the file, as far as is known yet.
    pub(crate) fn size(&self) -> usize {
        self.file.bytes_written() + self.open.as_ref().map_or(0, RowGroup::size)
    }

    pub(crate) fn finish(mut self) -> Result<Vec<u8>, ParquetError> {
        self.end()?;
        self.file.into_inner()
    }

    fn begin(&self) -> Result<RowGroup, ParquetError> {
        let mut writers = self.factory.create_column_writers(self.groups)?.into_iter();
        let descriptor = self.file.schema_descr();
        let leaves = |root: usize| {
            (0..descriptor.num_columns()).filter(|leaf| descriptor.get_column_root_idx(*leaf) == root).count()
        };
        let columns = self.schema.fields().iter().enumerate().map(|(at, field)| Column {
            field: Arc::clone(field),
            coded: None,
            plain: writers.by_ref().take(leaves(at)).collect(),
        });
        Ok(RowGroup { columns: columns.collect(), rows: 0 })
    }

    fn end(&mut self) -> Result<(), ParquetError> {
        let Some(RowGroup { columns, .. }) = self.open.take() else { return Ok(()) };
        let descriptors = self.file.schema_descr().columns().to_vec();
        let mut group = self.file.next_row_group()?;
        let mut leaf = 0;
        for column in columns {
            let leaves = column.plain.len();
            match column.coded {
                Some(coded) => {
                    let chunk = coded.close(&descriptors[leaf], self.level)?;
                    group.append_column(&chunk.bytes, chunk.close)?;
                }
                None => {
                    column.plain.into_iter().try_for_each(|plain| plain.close()?.append_to_row_group(&mut group))?;
                }
            }
            leaf += leaves;
        }
        group.close()?;
        self.groups += 1;
        Ok(())
    }
}

impl RowGroup {
    fn size(&self) -> usize {
        let of_plain = |column: &Column| column.plain.iter().map(ArrowColumnWriter::get_estimated_total_bytes).sum();
        let of = |column: &Column| column.coded.as_ref().map_or_else(|| of_plain(column), CodedColumn::size);
        self.columns.iter().map(of).sum()
    }
}

impl Column {
    fn write(&mut self, array: &ArrayRef, is_first: bool) -> Result<(), ParquetError> {
        if is_first && *self.field.data_type() == DataType::Utf8 && as_coded(array).is_some() {
            self.coded = Some(CodedColumn::default());
        }
        match (&mut self.coded, as_coded(array)) {
            (Some(coded), Some((codes, texts))) => {
                coded.push(codes, texts);
                if coded.is_full() { self.go_plain() } else { Ok(()) }
            }
            (Some(_), None) => {
                self.go_plain()?;
                self.write_plain(array)
            }
            (None, _) => self.write_plain(array),
        }
    }

    fn go_plain(&mut self) -> Result<(), ParquetError> {
        self.coded.take().map_or(Ok(()), |coded| self.write_plain(&coded.into_plain()))
    }

    fn write_plain(&mut self, array: &ArrayRef) -> Result<(), ParquetError> {
        let wanted = self.field.data_type();
        let array = if array.data_type() == wanted { Arc::clone(array) } else { cast(array, wanted).map_err(arrow)? };
        let leaves = compute_leaves(&self.field, &array)?;
        self.plain.iter_mut().zip(&leaves).try_for_each(|(plain, leaf)| plain.write(leaf))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` hands it over")]
fn arrow(error: ArrowError) -> ParquetError {
    ParquetError::ArrowError(error.to_string())
}
