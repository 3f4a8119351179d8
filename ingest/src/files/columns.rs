//! The columns of one chunk on their way to [`Events`]: whole columns are put where they belong, and the rows that cannot be
//! taken are sorted out at the end, so that a good file is never looked at row by row.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::num::NonZeroU64;

use hark_model::Timestamp;
use hark_query::FieldKind;

use crate::builder::{check_time, fit_text, hash_id, wrong_kind};
use crate::events::{Column, Decoded, Events, NamedColumn, Packed, Rejected};
use crate::files::layout::{Place, Target};
use crate::files::texts::{Texts, flag_of, number_of};
use crate::numbered::Numbered;
use crate::wire::Reader;

pub(super) struct Columns<'r> {
    reader: &'r Reader<'r>,
    rows: usize,
    times: Vec<Option<Timestamp>>,
    ids: Vec<Option<NonZeroU64>>,
    users: Vec<Option<NonZeroU64>>,
    /// Those of the fields that metrics read, in their order.
    read: Vec<Option<Column>>,
    free: Vec<NamedColumn>,
    refused: Refused,
}

/// Rows that cannot be taken, and the first reason that each gave.
#[derive(Default)]
pub(super) struct Refused(BTreeMap<usize, String>);

impl Refused {
    /// Answers `absent`, to stand where the row's value would.
    pub(super) fn add<T>(&mut self, row: usize, reason: String, absent: T) -> T {
        self.0.entry(row).or_insert(reason);
        absent
    }
}

impl<'r> Columns<'r> {
    pub(super) fn new(reader: &'r Reader<'r>, rows: usize) -> Self {
        let read = reader.fields.iter().map(|_| None).collect();
        let (times, ids, users) = (vec![], vec![], vec![]);
        Self { reader, rows, times, ids, users, read, free: vec![], refused: Refused::default() }
    }

    pub(super) fn texts(&mut self, place: &Place, texts: &impl Texts) {
        let refused = &mut self.refused;
        let (name, users) = (&place.name, self.reader.users);
        match place.target {
            Target::Time => self.times = texts.convert(None, refused, |text| time_of(text).map(Some)),
            Target::Id => {
                let hash = |text: &str| Ok((!text.is_empty()).then(|| hash_id(text.as_bytes())));
                self.ids = texts.convert(None, refused, hash);
            }
            Target::User => {
                self.users = texts.convert(None, refused, |text| Ok((!text.is_empty()).then(|| users.hash(text))));
            }
            Target::Read { kind: FieldKind::Number, .. } => {
                let number = |text: &str| number_of(text).ok_or_else(|| wrong_kind(name, "text", FieldKind::Number));
                let numbers = texts.convert(Packed::ABSENT, refused, |text| number(text).map(Packed::new));
                self.put(place, Column::Number(numbers));
            }
            Target::Read { kind: FieldKind::Flag, .. } => {
                let flag = |text: &str| match text {
                    "1" => Some(true),
                    "0" => Some(false),
                    text => flag_of(text),
                };
                let wrong = || wrong_kind(name, "text", FieldKind::Flag);
                let flags = texts.convert(None, refused, |text| flag(text).ok_or_else(wrong).map(Some));
                self.put(place, Column::Flag(flags));
            }
            Target::Read { kind: FieldKind::Text, .. } | Target::Free => {
                let is_free = place.target == Target::Free;
                let mut codes = Numbered::default();
                let coded = texts.convert(0, refused, |text| Ok(codes.code(fit_text(name, text, is_free)?)));
                self.put(place, Column::Text { codes: coded, values: codes.into_values() });
            }
        }
    }

    /// Numbers of a field; times, ids and users have ways of their own.
    pub(super) fn numbers(&mut self, place: &Place, numbers: Vec<Packed>) {
        let column = match place.target {
            Target::Read { kind: FieldKind::Text, .. } => {
                // A build number such as 2382 is a dimension all the same.
                let mut codes = Numbered::default();
                let mut shown = String::new();
                let code = |number: Packed| number.get().map_or(0, |number| codes.code(show(&mut shown, number)));
                let coded = numbers.into_iter().map(code).collect();
                Column::Text { codes: coded, values: codes.into_values() }
            }
            Target::Read { kind: FieldKind::Flag, .. } => {
                for (row, _) in numbers.iter().enumerate().filter(|(_, number)| number.get().is_some()) {
                    self.refuse(row, wrong_kind(&place.name, "a number", FieldKind::Flag));
                }
                Column::Flag(vec![None; self.rows])
            }
            _ => Column::Number(numbers),
        };
        self.put(place, column);
    }

    pub(super) fn times(&mut self, times: Vec<Option<Timestamp>>) {
        self.times = times;
    }

    /// Flags of a field.
    pub(super) fn flags(&mut self, place: &Place, flags: Vec<Option<bool>>) {
        let column = match place.target {
            Target::Read { kind: FieldKind::Number, .. } => {
                let number = |flag: Option<bool>| Packed::from(flag.map(|flag| f64::from(u8::from(flag))));
                Column::Number(flags.into_iter().map(number).collect())
            }
            Target::Read { kind: FieldKind::Text, .. } => {
                let mut codes = Numbered::default();
                let code = |flag: Option<bool>| flag.map_or(0, |flag| codes.code(if flag { "true" } else { "false" }));
                let coded = flags.into_iter().map(code).collect();
                Column::Text { codes: coded, values: codes.into_values() }
            }
            _ => Column::Flag(flags),
        };
        self.put(place, column);
    }

    fn put(&mut self, place: &Place, column: Column) {
        match place.target {
            Target::Read { at, .. } => self.read[at] = Some(column),
            _ => self.free.push(NamedColumn { name: place.name.clone(), column }),
        }
    }

    pub(super) fn refuse(&mut self, row: usize, reason: String) {
        self.refused.add(row, reason, ());
    }

    /// `line` says what number a row has in its file.
    pub(super) fn finish(mut self, line: impl Fn(usize) -> u64) -> Decoded {
        let rows = self.rows;
        let times = self.checked_times();
        self.ids.resize(rows, None);
        self.users.resize(rows, None);
        let read = self.read.len();
        let named = self.reader.fields.iter().zip(self.read).map(|((name, kind), column)| NamedColumn {
            name: name.to_owned(),
            column: column.unwrap_or_else(|| absent(kind, rows)),
        });
        let mut columns: Vec<NamedColumn> = named.collect();
        columns.append(&mut self.free);
        let mut events = Events { times, ids: self.ids, users: self.users, weights: vec![], columns };
        let refused = self.refused.0;
        if !refused.is_empty() {
            let mut is_kept = vec![true; rows];
            refused.keys().for_each(|&row| is_kept[row] = false);
            keep(&mut events, &is_kept);
        }
        let mut at = 0..;
        events.columns.retain(|named| at.next().is_some_and(|at| at < read) || named.column.has_any());
        let rejected = refused.into_iter().map(|(row, reason)| Rejected { line: line(row), reason });
        Decoded { events, rejected: rejected.collect() }
    }

    /// The times of all rows; where one is missing or cannot be, the row is refused.
    fn checked_times(&mut self) -> Vec<Timestamp> {
        self.times.resize(self.rows, None);
        let refused = &mut self.refused;
        let check =
            |(row, time)| check_time(time).unwrap_or_else(|reason| refused.add(row, reason, Timestamp::default()));
        std::mem::take(&mut self.times).into_iter().enumerate().map(check).collect()
    }
}

fn show(shown: &mut String, number: impl std::fmt::Display) -> &str {
    shown.clear();
    // Writing to a string cannot fail.
    let _ = write!(shown, "{number}");
    shown
}

/// RFC 3339 or epoch milliseconds. A zone may also be +0200 or +02, as Polars and DuckDB write it.
fn time_of(text: &str) -> Result<Timestamp, String> {
    let text = text.trim_ascii();
    if let Ok(millis) = text.parse() {
        return Ok(Timestamp::from_millis(millis));
    }
    let zone = text.rfind(['+', '-']).filter(|&at| at >= "2026-05-01T12:00:00".len());
    let digits = zone.map_or("", |at| &text[at + 1..]);
    let (hours, minutes) = match digits.len() {
        2 => (digits, "00"),
        4 => digits.split_at_checked(2).unwrap_or((digits, "")),
        _ => return parsed(text),
    };
    parsed(&format!("{}{hours}:{minutes}", &text[..text.len() - digits.len()]))
}

fn parsed(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|error: hark_model::ParseTimestampError| error.to_string())
}

fn absent(kind: FieldKind, rows: usize) -> Column {
    match kind {
        FieldKind::Text => Column::Text { codes: vec![0; rows], values: vec![] },
        FieldKind::Number => Column::Number(vec![Packed::ABSENT; rows]),
        FieldKind::Flag => Column::Flag(vec![None; rows]),
    }
}

fn keep(events: &mut Events, is_kept: &[bool]) {
    fn filter<T>(values: &mut Vec<T>, is_kept: &[bool]) {
        let mut kept = is_kept.iter();
        values.retain(|_| kept.next().is_some_and(|&kept| kept));
    }
    filter(&mut events.times, is_kept);
    filter(&mut events.ids, is_kept);
    filter(&mut events.users, is_kept);
    for named in &mut events.columns {
        match &mut named.column {
            Column::Text { codes, .. } => filter(codes, is_kept),
            Column::Number(numbers) => filter(numbers, is_kept),
            Column::Flag(flags) => filter(flags, is_kept),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_other_programs_write_them() {
        let noon = Timestamp::from_millis(1_777_636_800_000);
        let spellings = [
            "2026-05-01T12:00:00Z",
            "2026-05-01 12:00:00.000000Z",
            "2026-05-01 12:00:00+00",
            "2026-05-01T14:00:00.000000+0200",
            "2026-05-01T06:30:00-05:30",
            " 1777636800000 ",
        ];
        for text in spellings {
            assert_eq!(time_of(text), Ok(noon), "{text}");
        }
        for text in ["2026-05-01", "2026-05-01T12:00:00", "2026-05-01 12:00:00+é", "noon", "", "1e12"] {
            assert!(time_of(text).is_err(), "{text}");
        }
    }
}
