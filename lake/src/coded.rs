//! A column of text that comes as codes into a dictionary, written as such: the encoder of the parquet crate would look each
//! row's text up anew, which was a third of the time that a row took on its way to history.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, StringArray};
use bytes::Bytes;
use parquet::basic::{Compression, Encoding, PageType};
use parquet::column::page::{CompressedPage, Page, PageWriteSpec, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, OffsetIndexBuilder, PageEncodingStats};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use rustc_hash::FxHashMap;

use crate::hybrid::{encode, width_of};

/// Texts of a column chunk. With more of them it is written as plain text: codes would save nothing.
const TEXTS_MAX: usize = 1 << 16;
const TEXT_BYTES_MAX: usize = 1 << 20;
/// Rows of a page, which is what a reader unpacks at a time.
const PAGE_ROWS: usize = 1 << 16;
/// Longer ones say nothing about which files to read.
const LIMIT_BYTES_MAX: usize = 64;
const NULL: u32 = u32::MAX;

/// The column of one row group.
#[derive(Default)]
pub(crate) struct CodedColumn {
    texts: Vec<String>,
    numbers: FxHashMap<String, u32>,
    bytes: usize,
    codes: Vec<u32>,
}

/// A column chunk, ready to be put behind the others.
pub(crate) struct CodedChunk {
    pub(crate) bytes: Bytes,
    pub(crate) close: ColumnCloseResult,
}

/// Codes into text, which is what is written as it is.
pub(crate) fn as_coded(array: &ArrayRef) -> Option<(&DictionaryArray<Int32Type>, &StringArray)> {
    let codes = array.as_dictionary_opt::<Int32Type>()?;
    Some((codes, codes.values().as_string_opt::<i32>()?))
}

impl CodedColumn {
    pub(crate) fn push(&mut self, codes: &DictionaryArray<Int32Type>, texts: &StringArray) {
        let mut is_used = vec![false; texts.len()];
        codes.keys().iter().flatten().for_each(|key| is_used[key as usize] = true);
        let is_used = is_used.into_iter().enumerate();
        let numbers: Vec<u32> = is_used
            .map(|(at, is_used)| if is_used && texts.is_valid(at) { self.number(texts.value(at)) } else { NULL })
            .collect();
        let number = |key: i32| numbers[key as usize];
        match codes.keys().nulls() {
            None => self.codes.extend(codes.keys().values().iter().map(|key| number(*key))),
            Some(_) => self.codes.extend(codes.keys().iter().map(|key| key.map_or(NULL, number))),
        }
    }

    fn number(&mut self, text: &str) -> u32 {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = self.texts.len() as u32;
        self.texts.push(text.to_owned());
        self.numbers.insert(text.to_owned(), number);
        self.bytes += text.len() + size_of::<u32>();
        number
    }

    pub(crate) fn is_full(&self) -> bool {
        self.texts.len() > TEXTS_MAX || self.bytes > TEXT_BYTES_MAX
    }

    /// About what it will take in the file.
    pub(crate) fn size(&self) -> usize {
        self.bytes + self.codes.len() * width_of(self.texts.len()) as usize / 8
    }

    /// As plain text.
    pub(crate) fn into_plain(self) -> ArrayRef {
        let text = |code: u32| (code != NULL).then(|| self.texts[code as usize].as_str());
        Arc::new(self.codes.iter().map(|code| text(*code)).collect::<StringArray>())
    }

    pub(crate) fn close(self, column: &ColumnDescPtr, level: i32) -> Result<CodedChunk, ParquetError> {
        let mut pages = Pages::new(level)?;
        let mut texts = Vec::with_capacity(self.bytes);
        for text in &self.texts {
            texts.extend((text.len() as u32).to_le_bytes());
            texts.extend(text.as_bytes());
        }
        let (num_values, encoding) = (self.texts.len() as u32, Encoding::PLAIN);
        pages.write(&texts, |buf| Page::DictionaryPage { buf, num_values, encoding, is_sorted: false })?;
        let width = width_of(self.texts.len());
        let mut offsets = OffsetIndexBuilder::new();
        let (mut data_page_offset, mut data_pages, mut plain) = (None, 0, Vec::new());
        for codes in self.codes.chunks(PAGE_ROWS) {
            plain.clear();
            if column.max_def_level() > 0 {
                write_levels(codes, &mut plain);
            }
            plain.push(width as u8);
            if codes.contains(&NULL) {
                let present: Vec<u32> = codes.iter().copied().filter(|code| *code != NULL).collect();
                encode(&present, width, &mut plain);
            } else {
                encode(codes, width, &mut plain);
            }
            let page = pages.write(&plain, |buf| Page::DataPage {
                buf,
                num_values: codes.len() as u32,
                encoding: Encoding::RLE_DICTIONARY,
                def_level_encoding: Encoding::RLE,
                rep_level_encoding: Encoding::RLE,
                statistics: None,
            })?;
            data_page_offset.get_or_insert(page.offset as i64);
            data_pages += 1;
            offsets.append_row_count(codes.len() as i64);
            offsets.append_offset_and_size(page.offset as i64, page.compressed_size as i32);
        }
        let rows = self.codes.len();
        let nulls = self.codes.iter().filter(|code| **code == NULL).count();
        let stats = |page_type, encoding, count| PageEncodingStats { page_type, encoding, count };
        let metadata = ColumnChunkMetaData::builder(Arc::clone(column))
            .set_compression(Compression::ZSTD(parquet::basic::ZstdLevel::try_new(level)?))
            .set_encodings(vec![Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY])
            .set_page_encoding_stats(vec![
                stats(PageType::DICTIONARY_PAGE, Encoding::PLAIN, 1),
                stats(PageType::DATA_PAGE, Encoding::RLE_DICTIONARY, data_pages),
            ])
            .set_total_compressed_size(pages.compressed as i64)
            .set_total_uncompressed_size(pages.uncompressed as i64)
            .set_num_values(rows as i64)
            .set_dictionary_page_offset(Some(0))
            .set_data_page_offset(data_page_offset.unwrap_or(0))
            .set_statistics(self.statistics(nulls as u64))
            .build()?;
        let close = ColumnCloseResult {
            bytes_written: pages.compressed as u64,
            rows_written: rows as u64,
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: Some(offsets.build()),
        };
        Ok(CodedChunk { bytes: pages.sink.into_inner()?.into(), close })
    }

    fn statistics(&self, nulls: u64) -> Statistics {
        let limit = |text: Option<&String>| {
            text.filter(|text| text.len() <= LIMIT_BYTES_MAX).map(|text| ByteArray::from(text.as_str()))
        };
        // The order of the bytes is that of the characters.
        let limits = limit(self.texts.iter().min()).zip(limit(self.texts.iter().max()));
        let (least, most) = limits.unzip();
        Statistics::byte_array(least, most, None, Some(nulls), false)
    }
}

/// Which rows have a value: a run-length hybrid behind its own length.
fn write_levels(codes: &[u32], into: &mut Vec<u8>) {
    let start = into.len();
    into.extend([0; 4]);
    let levels: Vec<u32> = codes.iter().map(|code| u32::from(*code != NULL)).collect();
    encode(&levels, 1, into);
    let length = (into.len() - start - 4) as u32;
    into[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

struct Pages {
    sink: TrackedWrite<Vec<u8>>,
    zstd: zstd::bulk::Compressor<'static>,
    compressed: usize,
    uncompressed: usize,
}

impl Pages {
    fn new(level: i32) -> Result<Self, ParquetError> {
        let zstd = zstd::bulk::Compressor::new(level).map_err(|error| ParquetError::External(Box::new(error)))?;
        Ok(Self { sink: TrackedWrite::new(Vec::new()), zstd, compressed: 0, uncompressed: 0 })
    }

    fn write(&mut self, plain: &[u8], page: impl FnOnce(Bytes) -> Page) -> Result<PageWriteSpec, ParquetError> {
        let packed = self.zstd.compress(plain).map_err(|error| ParquetError::External(Box::new(error)))?;
        let page = CompressedPage::new(page(packed.into()), plain.len());
        let written = SerializedPageWriter::new(&mut self.sink).write_page(page)?;
        self.compressed += written.compressed_size;
        self.uncompressed += written.uncompressed_size;
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::RecordBatch;
    use arrow_schema::{DataType, Field, Schema};
    use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
    use parquet::file::metadata::PageIndexPolicy;

    use crate::data_file::FileWriter;
    use crate::table::TIME;

    use super::*;

    fn batch(texts: impl Fn(i64) -> Option<String>, rows: std::ops::Range<i64>, is_coded: bool) -> RecordBatch {
        let times = arrow_array::TimestampMicrosecondArray::from_iter_values(rows.clone()).with_timezone("UTC");
        let texts: Vec<Option<String>> = rows.map(texts).collect();
        let array: ArrayRef = if is_coded {
            Arc::new(texts.iter().map(|text| text.as_deref()).collect::<DictionaryArray<Int32Type>>())
        } else {
            Arc::new(texts.into_iter().collect::<StringArray>())
        };
        let columns = [(TIME, Arc::new(times) as ArrayRef, false), ("text", array, true)];
        RecordBatch::try_from_iter_with_nullable(columns).unwrap()
    }

    /// What a file of these batches reads back as, by the parquet crate's own reader.
    fn written(batches: &[RecordBatch]) -> (Vec<Option<String>>, Vec<bool>) {
        let field = |name: &str, of: DataType| Field::new(name, of, true);
        let time = batches[0].schema().field(0).data_type().clone();
        let schema = Arc::new(Schema::new(vec![field(TIME, time), field("text", DataType::Utf8)]));
        let mut writer = FileWriter::new(schema, 0, "part");
        let mut files: Vec<_> = batches.iter().flat_map(|batch| writer.write(batch).unwrap()).collect();
        files.extend(writer.finish().unwrap());
        let mut texts = Vec::new();
        let mut is_coded = Vec::new();
        for file in files {
            let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
            let metadata = ArrowReaderMetadata::load(&file.bytes, options).unwrap();
            for group in metadata.metadata().row_groups() {
                let pages = group.column(1).page_encoding_stats_mask().unwrap();
                is_coded.push(pages.is_only(Encoding::RLE_DICTIONARY));
            }
            let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file.bytes, metadata).build().unwrap();
            for batch in reader {
                let batch = batch.unwrap();
                texts.extend(batch.column(1).as_string::<i32>().iter().map(|text| text.map(str::to_owned)));
            }
        }
        (texts, is_coded)
    }

    fn of_few(row: i64) -> Option<String> {
        (row % 5 > 0).then(|| format!("value {}", row / 40 % 7))
    }

    #[test]
    fn codes_of_several_batches_come_back_as_text() {
        let batches = [batch(of_few, 0..70_000, true), batch(of_few, 70_000..150_001, true)];
        let (texts, is_coded) = written(&batches);
        assert_eq!(is_coded, [true]);
        assert_eq!(texts, (0..150_001).map(of_few).collect::<Vec<_>>());
    }

    #[test]
    fn one_text_and_none_are_columns_too() {
        for texts in [|_| Some("import".to_owned()), |_| None] {
            assert_eq!(written(&[batch(texts, 0..1000, true)]).0, (0..1000).map(texts).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_comes_plain_or_has_too_many_texts_is_written_plain() {
        let of_many = |row: i64| Some(format!("all different {row}"));
        let both = [batch(of_few, 0..500, true), batch(of_many, 500..900, false), batch(of_few, 900..1500, true)];
        let (texts, _) = written(&both);
        let expected = (0..1500).map(|row| if (500..900).contains(&row) { of_many(row) } else { of_few(row) });
        assert_eq!(texts, expected.collect::<Vec<_>>());
        let (texts, _) = written(&[batch(of_many, 0..80_000, true)]);
        assert_eq!(texts, (0..80_000).map(of_many).collect::<Vec<_>>());
    }

    #[test]
    fn statistics_are_those_of_the_texts_in_the_rows() {
        let whole = batch(of_few, 0..400, true);
        // A part of it still has the whole dictionary.
        let part = whole.slice(41, 30);
        let (codes, texts) = as_coded(part.column(1)).unwrap();
        let mut column = CodedColumn::default();
        column.push(codes, texts);
        let Statistics::ByteArray(statistics) = column.statistics(6) else { panic!("texts are bytes") };
        let limits =
            [statistics.min_opt(), statistics.max_opt()].map(|limit| limit.unwrap().as_utf8().unwrap().to_owned());
        assert_eq!(limits, ["value 1", "value 1"]);
    }
}
