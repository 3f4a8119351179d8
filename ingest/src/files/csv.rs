//! CSV files: the first line names the columns. Cells are text; what a column holds is seen from its cells.
//!
//! A column that metrics read is what they read it as. Any other is numbers in a chunk if every cell there that is not empty
//! is one, else flags if every such cell is `true` or `false`, else text.

use std::path::{Path, PathBuf};

use crate::events::{Decoded, Packed, Rejected};
use crate::files::FileError;
use crate::files::body::Body;
use crate::files::columns::{Columns, Refused};
use crate::files::layout::{Layout, Target};
use crate::files::records::{Table, first_record, header};
use crate::files::texts::{Texts, flag_of, number_of};
use crate::wire::Reader;

/// A chunk ends after so many records if it does not end before.
const RECORDS_MAX: usize = 65_536;
const HINT: &str = "is this CSV, with every quote closed?";

pub(super) struct CsvChunks {
    path: PathBuf,
    body: Body,
    names: Vec<String>,
    /// Lines before the next chunk.
    lines: u64,
}

impl CsvChunks {
    pub(super) fn new(path: &Path, mut body: Body) -> Result<Self, FileError> {
        let mut named = |text: &[u8], ended: bool| {
            let (end, record) = first_record(text, ended)?;
            Some((end, line_ends(&text[..end]), names(record)))
        };
        let header = body.fill_until(1, HINT, &mut named)?;
        let Some((end, lines, names)) = header else { return Err(FileError::Empty { path: path.to_owned() }) };
        let names = names.map_err(|problem| FileError::NotAsNamed {
            path: path.to_owned(),
            expected: "CSV",
            found: format!("its first line, which should name the columns, {problem}; write it again"),
        })?;
        Layout::check_time(path, names.iter().map(String::as_str))?;
        body.take(end);
        Ok(Self { path: path.to_owned(), body, names, lines })
    }

    pub(super) fn position(&self) -> u64 {
        self.body.position()
    }

    /// The next chunk; without a layout it is passed over.
    pub(super) fn next(&mut self, into: Option<(&Layout, &Reader<'_>)>) -> Result<Option<Decoded>, FileError> {
        let (width, lines) = (self.names.len(), self.lines);
        let read = |text: &[u8], ended: bool| {
            let records = Records::read(text, ended, width, lines, into.is_some());
            (records.bytes > 0).then_some(records)
        };
        let Some(records) = self.body.fill_until(self.lines + 1, HINT, read)? else { return Ok(None) };
        self.body.take(records.bytes);
        self.lines = records.lines;
        match into {
            None => Ok(Some(Decoded::default())),
            Some((layout, reader)) => Ok(Some(decode(&records.table, records.rejected, layout, reader))),
        }
    }

    pub(super) fn layout(&self, reader: &Reader<'_>) -> Result<Layout, FileError> {
        Layout::new(&self.path, self.names.iter().map(|name| (name.as_str(), None)), reader.fields)
    }
}

fn names(record: &[u8]) -> Result<Vec<String>, &'static str> {
    let record = std::str::from_utf8(record).map_err(|_| "is not UTF-8")?;
    header(record).map_err(|_| "opens a quote and never closes it")
}

fn line_ends(text: &[u8]) -> u64 {
    text.iter().filter(|&&byte| byte == b'\n').count() as u64
}

/// The records of one chunk.
struct Records {
    table: Table,
    rejected: Vec<Rejected>,
    /// How much text they take up.
    bytes: usize,
    /// Lines of the file up to their end.
    lines: u64,
}

impl Records {
    fn read(text: &[u8], ended: bool, width: usize, lines: u64, keep: bool) -> Self {
        let mut records = Self { table: Table::new(width), rejected: Vec::new(), bytes: 0, lines };
        let mut count = 0;
        while count < RECORDS_MAX && records.bytes < text.len() {
            let rest = &text[records.bytes..];
            let Some((end, record)) = first_record(rest, ended) else { break };
            let line = records.lines + 1;
            records.bytes += end;
            records.lines += line_ends(&rest[..end]);
            if record.is_empty() {
                continue;
            }
            count += 1;
            if keep && let Err(reason) = records.table.add(record, line) {
                records.rejected.push(Rejected { line, reason });
            }
        }
        records
    }
}

fn decode(table: &Table, rejected: Vec<Rejected>, layout: &Layout, reader: &Reader<'_>) -> Decoded {
    let mut columns = Columns::new(reader, table.len());
    for place in &layout.places {
        let cells = Cells { table, column: place.column };
        if place.target != Target::Free {
            columns.texts(place, &cells);
        } else if let Some(numbers) = cells.all(number_of) {
            let numbers = numbers.into_iter().map(|number| number.map_or(Packed::ABSENT, Packed::new));
            columns.numbers(place, numbers.collect());
        } else if let Some(flags) = cells.all(flag_of) {
            columns.flags(place, flags);
        } else {
            columns.texts(place, &cells);
        }
    }
    let mut decoded = columns.finish(|row| table.lines[row]);
    if !rejected.is_empty() {
        decoded.rejected.extend(rejected);
        decoded.rejected.sort_by_key(|rejected| rejected.line);
    }
    decoded
}

/// One column of a table.
struct Cells<'t> {
    table: &'t Table,
    column: usize,
}

impl Cells<'_> {
    /// Every cell as `read` reads it, if it can read every one that is not empty.
    fn all<T>(&self, read: impl Fn(&str) -> Option<T>) -> Option<Vec<Option<T>>> {
        let cells = (0..self.table.len()).map(|row| self.table.cell(row, self.column));
        cells.map(|cell| cell.map_or(Some(None), |cell| read(cell).map(Some))).collect()
    }
}

impl Texts for Cells<'_> {
    fn convert<T: Copy>(
        &self,
        absent: T,
        refused: &mut Refused,
        mut convert: impl FnMut(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let one = |row| match self.table.cell(row, self.column).map(&mut convert) {
            None => absent,
            Some(Ok(value)) => value,
            Some(Err(reason)) => refused.add(row, reason, absent),
        };
        (0..self.table.len()).map(one).collect()
    }
}
