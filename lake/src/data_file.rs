//! One Parquet file of a table: encoded in memory, named after its content, described to Delta.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, TimestampMicrosecondType};
use arrow_array::{Date32Array, RecordBatch, Scalar};
use arrow_schema::{Schema, SchemaRef};
use bytes::Bytes;
use chrono::{DateTime, Days, NaiveDate, SecondsFormat};
use datafusion::arrow::compute::{self, kernels::cmp};
use deltalake_core::kernel::Add;
use hark_model::Timestamp;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use xxhash_rust::xxh3::xxh3_128;

use crate::row_group::ParquetWriter;
use crate::table::{DAY, ID, TIME};

/// A file is closed when it has grown to this: large enough that a day has few, small enough to be encoded in memory.
pub(crate) const FILE_BYTES_MAX: usize = 128 << 20;
/// 3 is a third slower to write here for some percent of space.
const ZSTD_LEVEL: i32 = 1;
const SUFFIX: &str = ".zstd.parquet";

/// An encoded file that is not on the disk yet.
pub(crate) struct DataFile {
    pub(crate) add: Add,
    pub(crate) bytes: Bytes,
}

/// The hash in a file's name; `None` for a file that another program wrote.
///
/// parquet-rs cannot write page checksums, and a Delta log has no field for one that survives a checkpoint for sure.
/// The name does: whoever has the file can check it, with `xxh128sum` for example.
pub(crate) fn hash_in_name(path: &str) -> Option<u128> {
    let name = path.strip_suffix(SUFFIX)?;
    let hash = name.rsplit('-').next().filter(|hash| hash.len() == 32)?;
    u128::from_str_radix(hash, 16).ok()
}

/// The rows of aligned batches as files, at least one a day. The names depend on the content and on `stem` alone: what
/// is written again after a crash takes the place of what the crash left behind.
pub(crate) fn encode(schema: &SchemaRef, batches: &[RecordBatch], stem: &str) -> Result<Vec<DataFile>, ParquetError> {
    let schema = without_day(schema);
    let mut days: BTreeMap<i32, FileWriter> = BTreeMap::new();
    let mut files = Vec::new();
    for batch in batches {
        for (day, rows) in split_by_day(batch)? {
            let writer = days.entry(day).or_insert_with(|| FileWriter::new(SchemaRef::clone(&schema), day, stem));
            files.extend(writer.write(&rows)?);
        }
    }
    for writer in days.into_values() {
        files.extend(writer.finish()?);
    }
    Ok(files)
}

/// Delta keeps the day in its log and in the folder's name.
pub(crate) fn without_day(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().filter(|field| field.name() != DAY);
    Arc::new(Schema::new(fields.cloned().collect::<Vec<_>>()))
}

/// The batch's rows by day, without the column `day`.
fn split_by_day(batch: &RecordBatch) -> Result<Vec<(i32, RecordBatch)>, ParquetError> {
    let at = batch.schema().index_of(DAY)?;
    let days = batch.column(at).as_primitive::<Date32Type>();
    let kept: Vec<usize> = (0..batch.num_columns()).filter(|&column| column != at).collect();
    let rows = batch.project(&kept)?;
    let mut distinct: Vec<i32> = days.values().to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    if let [day] = distinct[..] {
        return Ok(vec![(day, rows)]);
    }
    let of_day = |day: i32| {
        let mask = cmp::eq(days, &Scalar::new(Date32Array::from(vec![day])))?;
        Ok((day, compute::filter_record_batch(&rows, &mask)?))
    };
    distinct.into_iter().map(of_day).collect()
}

/// Writes the rows of one day into files of bounded size.
pub(crate) struct FileWriter {
    schema: SchemaRef,
    day: String,
    stem: String,
    finished: usize,
    open: Option<OpenFile>,
}

struct OpenFile {
    parquet: ParquetWriter,
    rows: usize,
    first: i64,
    last: i64,
}

impl FileWriter {
    /// `day` counts from 1970-01-01; `schema` lacks it.
    pub(crate) fn new(schema: SchemaRef, day: i32, stem: &str) -> Self {
        Self { schema, day: date(day).to_string(), stem: stem.to_owned(), finished: 0, open: None }
    }

    /// Gives back the file that these rows filled.
    pub(crate) fn write(&mut self, rows: &RecordBatch) -> Result<Option<DataFile>, ParquetError> {
        let times = rows.column_by_name(TIME).and_then(|times| times.as_primitive_opt::<TimestampMicrosecondType>());
        let times = times.ok_or_else(|| ParquetError::General("the rows lack their time".to_owned()))?;
        let (Some(first), Some(last)) = (compute::min(times), compute::max(times)) else { return Ok(None) };
        let mut open = match self.open.take() {
            Some(open) => open,
            None => OpenFile { parquet: parquet_writer(&self.schema)?, rows: 0, first, last },
        };
        open.parquet.write(rows)?;
        open.rows += rows.num_rows();
        (open.first, open.last) = (open.first.min(first), open.last.max(last));
        let bytes = open.parquet.size();
        self.open = Some(open);
        if bytes < FILE_BYTES_MAX { Ok(None) } else { self.close() }
    }

    pub(crate) fn finish(mut self) -> Result<Option<DataFile>, ParquetError> {
        self.close()
    }

    fn close(&mut self) -> Result<Option<DataFile>, ParquetError> {
        let Some(open) = self.open.take() else { return Ok(None) };
        let bytes = Bytes::from(open.parquet.finish()?);
        let name = format!("{}-{}-{:032x}{SUFFIX}", self.stem, self.finished, xxh3_128(&bytes));
        self.finished += 1;
        let stats = serde_json::json!({
            "numRecords": open.rows,
            "minValues": { TIME: instant(open.first) },
            "maxValues": { TIME: instant(open.last) },
            "nullCount": { TIME: 0 },
        });
        let add = Add {
            path: format!("{DAY}={}/{name}", self.day),
            partition_values: HashMap::from([(DAY.to_owned(), Some(self.day.clone()))]),
            size: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
            modification_time: Timestamp::now().millis(),
            data_change: true,
            stats: Some(stats.to_string()),
            tags: None,
            deletion_vector: None,
            base_row_id: None,
            default_row_commit_version: None,
            clustering_provider: None,
        };
        Ok(Some(DataFile { add, bytes }))
    }
}

fn parquet_writer(schema: &SchemaRef) -> Result<ParquetWriter, ParquetError> {
    let compression = Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?);
    // Their values differ from row to row: looking each up in a dictionary is a tenth of the work, for nothing.
    let distinct = [TIME, ID].map(ColumnPath::from);
    let properties = WriterProperties::builder().set_compression(compression);
    let properties = distinct.into_iter().fold(properties, |properties, column| {
        properties
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED)
    });
    // Plain Parquet types for all readers, without Arrow's own copy of the schema.
    ParquetWriter::new(schema, properties.build(), ZSTD_LEVEL)
}

pub(crate) fn date(day: i32) -> NaiveDate {
    let days = Days::new(u64::from(day.unsigned_abs()));
    let date = if day < 0 { NaiveDate::default() - days } else { NaiveDate::default() + days };
    debug_assert!(NaiveDate::default().to_string() == "1970-01-01");
    date
}

fn instant(micros: i64) -> Option<String> {
    DateTime::from_timestamp_micros(micros).map(|time| time.to_rfc3339_opts(SecondsFormat::Micros, true))
}
