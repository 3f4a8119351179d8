//! Leaves from CSV, row by row: what is kept grows with the leaves and not with the rows.

use std::io::Read;

use csv::ByteRecord;
use rustc_hash::FxHashMap;

use super::table::{Fold, LeafTable, TableError, check_dimensions};

/// Combinations kept at most, which take about a gigabyte; a file with more is refused with the advice to leave out a dimension.
pub const LEAVES_MAX: usize = 12_000_000;
/// Bytes of all values' text together; more is refused likewise.
pub const TEXT_BYTES_MAX: usize = 256 << 20;
/// Column names shown where one is missing, and characters of a cell that is no number.
const SHOWN_MAX: usize = 20;
const SHOWN_CHARACTERS_MAX: usize = 40;

/// Which columns are what.
#[derive(Debug, Clone, PartialEq)]
pub struct Columns {
    pub actual: String,
    pub expected: String,
    /// All others where none are named.
    pub dimensions: Option<Vec<String>>,
}

#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("{name} has no column `{wanted}`; its first line names {named}")]
    NoColumn { name: String, wanted: String, named: String },
    #[error("{name} has two columns `{column}`; give one of them another name")]
    RepeatedColumn { name: String, column: String },
    #[error("column `{column}` of {name} is asked for twice; actual, expected and dimensions are columns of their own")]
    UsedTwice { name: String, column: String },
    #[error("{name} is empty; its first line should name the columns")]
    Empty { name: String },
    #[error("{name} has a first line and no rows after it")]
    NoRows { name: String },
    #[error("line {line} of {name} has {found} cells, and the first line names {wanted}")]
    Ragged { name: String, line: u64, found: usize, wanted: usize },
    #[error("line {line} of {name}, column `{column}`: {problem}")]
    Cell { name: String, line: u64, column: String, problem: String },
    #[error("{name} has more than {LEAVES_MAX} combinations at line {line}; leave out a dimension by --dims")]
    TooManyLeaves { name: String, line: u64 },
    #[error("the values of {name} are more than {} MiB of text at line {line}; leave out a dimension by --dims", TEXT_BYTES_MAX >> 20)]
    TooMuchText { name: String, line: u64 },
    #[error("{name} cannot be read as CSV")]
    Csv {
        name: String,
        #[source]
        source: csv::Error,
    },
    #[error("the answer about {name} cannot be written as JSON")]
    Json {
        name: String,
        #[source]
        source: serde_json::Error,
    },
    #[error("{name}: {source}")]
    Table { name: String, source: TableError },
}

/// What was read, and from how many rows.
#[derive(Debug, Clone, PartialEq)]
pub struct FileRead {
    pub table: LeafTable,
    pub rows: u64,
}

/// Rows of the same combination are added together. `name` is what errors call the file.
pub fn read_leaves(input: impl Read, name: &str, columns: &Columns) -> Result<FileRead, ReadError> {
    let source = |source: csv::Error| ReadError::Csv { name: name.to_owned(), source };
    let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(input);
    let mut record = ByteRecord::new();
    if !reader.read_byte_record(&mut record).map_err(source)? || record.iter().all(<[u8]>::is_empty) {
        return Err(ReadError::Empty { name: name.to_owned() });
    }
    let header = Header::read(&record, name, columns)?;
    let mut dictionaries: Vec<Dictionary> = header.dimensions.iter().map(|_| Dictionary::default()).collect();
    let mut fold = Fold::new(header.dimensions.len());
    let mut codes = vec![0; header.dimensions.len()];
    let (mut rows, mut text_bytes) = (0_u64, 0_usize);
    while reader.read_byte_record(&mut record).map_err(source)? {
        let line = record.position().map_or(0, csv::Position::line);
        header.check_length(&record, line)?;
        let actual = header.number(&record, header.actual, line)?;
        let expected = header.number(&record, header.expected, line)?;
        if expected < 0.0 {
            let problem = format!("{expected} is expected, and an expectation cannot be negative");
            return Err(header.problem(header.expected, line, problem));
        }
        for ((code, dictionary), &column) in codes.iter_mut().zip(&mut dictionaries).zip(&header.dimensions) {
            let value = record[column].trim_ascii();
            *code = match dictionary.get(value) {
                Some(code) => code,
                None => {
                    text_bytes += value.len();
                    let text = std::str::from_utf8(value);
                    let text = text.map_err(|_| header.problem(column, line, "this is not UTF-8 text".to_owned()))?;
                    dictionary.add(text)
                }
            };
        }
        fold.add(&codes, actual, expected);
        rows += 1;
        if fold.len() > LEAVES_MAX {
            return Err(ReadError::TooManyLeaves { name: name.to_owned(), line });
        }
        if text_bytes > TEXT_BYTES_MAX {
            return Err(ReadError::TooMuchText { name: name.to_owned(), line });
        }
    }
    if rows == 0 {
        return Err(ReadError::NoRows { name: name.to_owned() });
    }
    let dimensions = header.dimensions.iter().map(|&column| header.names[column].clone()).collect();
    let values = dictionaries.into_iter().map(|dictionary| dictionary.names).collect();
    let table = fold.into_table(dimensions, values);
    table.map(|table| FileRead { table, rows }).map_err(|source| ReadError::Table { name: name.to_owned(), source })
}

struct Header<'a> {
    file: &'a str,
    names: Vec<String>,
    actual: usize,
    expected: usize,
    dimensions: Vec<usize>,
}

impl<'a> Header<'a> {
    fn read(record: &ByteRecord, file: &'a str, columns: &Columns) -> Result<Self, ReadError> {
        let name = |cell: &[u8]| String::from_utf8_lossy(cell).trim_start_matches('\u{feff}').trim().to_owned();
        let names: Vec<String> = record.iter().map(name).collect();
        let find = |wanted: &str| {
            let mut found = names.iter().enumerate().filter(|(_, name)| *name == wanted).map(|(at, _)| at);
            match (found.next(), found.next()) {
                (Some(at), None) => Ok(at),
                (Some(_), Some(_)) => {
                    Err(ReadError::RepeatedColumn { name: file.to_owned(), column: wanted.to_owned() })
                }
                (None, _) => {
                    let shown: Vec<&str> = names.iter().take(SHOWN_MAX).map(String::as_str).collect();
                    let named = shown.join(", ").escape_debug().to_string();
                    Err(ReadError::NoColumn { name: file.to_owned(), wanted: wanted.to_owned(), named })
                }
            }
        };
        let (actual, expected) = (find(&columns.actual)?, find(&columns.expected)?);
        let dimensions = match &columns.dimensions {
            Some(wanted) => wanted.iter().map(|wanted| find(wanted)).collect::<Result<Vec<usize>, ReadError>>()?,
            None => {
                let others = (0..names.len()).filter(|&at| at != actual && at != expected);
                others.map(|at| find(&names[at])).collect::<Result<Vec<usize>, ReadError>>()?
            }
        };
        let asked: Vec<usize> = [actual, expected].into_iter().chain(dimensions.iter().copied()).collect();
        if let Some((_, &twice)) = asked.iter().enumerate().find(|(at, column)| asked[..*at].contains(column)) {
            return Err(ReadError::UsedTwice { name: file.to_owned(), column: names[twice].clone() });
        }
        let chosen: Vec<String> = dimensions.iter().map(|&at| names[at].clone()).collect();
        check_dimensions(&chosen).map_err(|source| ReadError::Table { name: file.to_owned(), source })?;
        Ok(Self { file, names, actual, expected, dimensions })
    }

    fn check_length(&self, record: &ByteRecord, line: u64) -> Result<(), ReadError> {
        let (found, wanted) = (record.len(), self.names.len());
        if found == wanted {
            Ok(())
        } else {
            Err(ReadError::Ragged { name: self.file.to_owned(), line, found, wanted })
        }
    }

    fn number(&self, record: &ByteRecord, column: usize, line: u64) -> Result<f64, ReadError> {
        let cell = record[column].trim_ascii();
        let number = std::str::from_utf8(cell).ok().and_then(|text| text.parse::<f64>().ok());
        let problem = match number {
            Some(number) if number.is_finite() => return Ok(number),
            Some(_) => "is no finite number",
            None if cell.is_empty() => "is empty; write 0 where there was nothing, or leave the row out",
            None => "is not a number",
        };
        let shown: String = String::from_utf8_lossy(cell).chars().take(SHOWN_CHARACTERS_MAX).collect();
        Err(self.problem(column, line, format!("`{}` {problem}", shown.escape_debug())))
    }

    fn problem(&self, column: usize, line: u64, problem: String) -> ReadError {
        ReadError::Cell { name: self.file.to_owned(), line, column: self.names[column].clone(), problem }
    }
}

/// The values of one dimension by number, in the order they came.
#[derive(Default)]
struct Dictionary {
    numbers: FxHashMap<Box<[u8]>, u32>,
    names: Vec<String>,
    /// Rows often repeat the value of the row before.
    last: u32,
}

impl Dictionary {
    fn get(&mut self, value: &[u8]) -> Option<u32> {
        if self.names.get(self.last as usize).is_some_and(|last| last.as_bytes() == value) {
            return Some(self.last);
        }
        self.last = *self.numbers.get(value)?;
        Some(self.last)
    }

    fn add(&mut self, value: &str) -> u32 {
        self.last = self.names.len() as u32;
        self.numbers.insert(value.as_bytes().into(), self.last);
        self.names.push(value.to_owned());
        self.last
    }
}
