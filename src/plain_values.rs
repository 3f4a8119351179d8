//! Times and numbers as people write them in files of plain series.

use std::io::Read;

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use hark_model::Timestamp;

/// Milliseconds since 1970, or what to write instead.
pub(crate) fn read_time(text: &str) -> Result<i64> {
    time_ms(text).with_context(|| {
        let shown = text.escape_debug();
        format!("`{shown}` is not a time; write 2026-05-01 12:00:00, RFC 3339, or seconds since 1970")
    })
}

pub(crate) fn number(value: &str) -> Result<f64> {
    let number: f64 = match value.parse() {
        Ok(number) => number,
        Err(_) => bail!("`{}` is not a number; leave the value empty where there is none", value.escape_debug()),
    };
    ensure!(number.is_finite(), "`{value}` is no value to judge; leave it empty where there is none");
    Ok(number)
}

/// Times without a zone are taken as they stand: only the rhythm of day and week is read from them.
fn time_ms(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse::<i64>() {
        // Seconds, milliseconds, microseconds or nanoseconds: by how large the number of a time since 1970 is.
        return Some(match number.unsigned_abs() {
            0..100_000_000_000 => number * 1000,
            100_000_000_000..100_000_000_000_000 => number,
            100_000_000_000_000..100_000_000_000_000_000 => number / 1000,
            _ => number / 1_000_000,
        });
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.millis());
    }
    let formats = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"];
    let parsed = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let parsed = parsed.or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0));
    parsed.map(|time| time.and_utc().timestamp_millis())
}

/// Writes a time as another one of the same file is written.
pub(crate) fn write_time(time_ms: i64, like: &str) -> String {
    if let Ok(number) = like.parse::<i64>() {
        return match number.unsigned_abs() {
            0..100_000_000_000 => time_ms.div_euclid(1_000).to_string(),
            100_000_000_000..100_000_000_000_000 => time_ms.to_string(),
            100_000_000_000_000..100_000_000_000_000_000 => format!("{time_ms}000"),
            _ => format!("{time_ms}000000"),
        };
    }
    let Some(time) = DateTime::from_timestamp_millis(time_ms).map(|time| time.naive_utc()) else {
        return time_ms.to_string();
    };
    let is_date = like.len() == "2026-05-01".len() && time_ms.rem_euclid(86_400_000) == 0;
    let (between, zone) = (if like.contains(['T', 't']) { 'T' } else { ' ' }, if has_zone(like) { "Z" } else { "" });
    if is_date {
        time.format("%Y-%m-%d").to_string()
    } else {
        format!("{}{zone}", time.format(&format!("%Y-%m-%d{between}%H:%M:%S%.f")))
    }
}

/// RFC 3339 has one.
fn has_zone(time: &str) -> bool {
    time.parse::<Timestamp>().is_ok()
}

/// A file with a time and some named values in each row.
pub(crate) struct Table<R> {
    records: csv::StringRecordsIntoIter<R>,
    file: String,
    time: usize,
    columns: Vec<(usize, String)>,
}

pub(crate) struct TableRow {
    pub(crate) line: u64,
    pub(crate) time: String,
    /// `None` where nothing is written.
    pub(crate) values: Vec<Option<f64>>,
}

impl<R: Read> Table<R> {
    pub(crate) fn open(input: R, file: &str) -> Result<Self> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(input);
        let headers = reader.headers().with_context(|| format!("{file} cannot be read as CSV"))?;
        let is_time = |header: &str| header.trim_start_matches('\u{feff}').eq_ignore_ascii_case("timestamp");
        let time = headers.iter().position(is_time).with_context(|| {
            format!("{file} has no column `timestamp`; write that and a column for each of the series, with its name")
        })?;
        let named = headers.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).enumerate();
        let columns = named.filter(|(at, _)| *at != time).collect();
        Ok(Self { records: reader.into_records(), file: file.to_owned(), time, columns })
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(_, name)| name.as_str())
    }

    fn row(&self, record: csv::Result<csv::StringRecord>) -> Result<TableRow> {
        let record = record.with_context(|| format!("{} cannot be read as CSV", self.file))?;
        let line = record.position().map_or(0, csv::Position::line);
        let time = record.get(self.time).unwrap_or_default().to_owned();
        let value = |at: usize| record.get(at).filter(|text| !text.is_empty()).map(number).transpose();
        let values: Result<Vec<Option<f64>>> = self.columns.iter().map(|(at, _)| value(*at)).collect();
        let values = read_time(&time).and(values).with_context(|| format!("line {line} of {}", self.file))?;
        Ok(TableRow { line, time, values })
    }
}

impl<R: Read> Iterator for Table<R> {
    type Item = Result<TableRow>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = self.records.next()?;
        Some(self.row(record))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_however_it_is_usually_written() {
        let same = [
            "2014-04-01 00:00:00",
            "2014-04-01T00:00:00Z",
            "2014-04-01",
            "1396310400",
            "1396310400000",
            "2014-04-01 00:00",
        ];
        assert!(same.iter().all(|text| time_ms(text) == Some(1_396_310_400_000)), "{:?}", same.map(time_ms));
        for text in same {
            let written = write_time(1_396_310_400_000, text);
            assert_eq!(time_ms(&written), Some(1_396_310_400_000), "{text} {written}");
        }
        assert_eq!(write_time(1_396_314_000_000, "2014-04-01"), "2014-04-01 01:00:00");
        assert_eq!(write_time(1_396_310_400_250, "2014-04-01T02:00:00+02:00"), "2014-04-01T00:00:00.250Z");
        assert_eq!(write_time(1_396_314_000_000, "1396310400"), "1396314000");
        assert_eq!(["", "noon", "01/04/2014", "2014-13-01"].map(time_ms), [None; 4]);
    }
}
