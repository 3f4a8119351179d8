//! Rows to columns: where every wire format puts its values, so that all of them are bounded and refused alike.

use std::num::NonZeroU64;

use hark_model::Timestamp;
use hark_query::{FieldKind, Fields};
use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::xxh3_64;

use crate::events::{Column, Events, NamedColumn, Packed, Weight};
use crate::numbered::Numbered;

/// A longer value of a field that metrics read is refused: nobody slices by a novel.
pub(crate) const TEXT_BYTES_MAX: usize = 256;
/// A longer value of any other field is cut: error texts can be long.
const FREE_TEXT_BYTES_MAX: usize = 1024;
/// A batch keeps so many fields beyond those that metrics read; values of later ones are dropped. With
/// [`ROWS_MAX`] this bounds what a small, hostile body can grow to.
pub(crate) const FREE_COLUMNS_MAX: usize = 64;
/// Rows of one batch; those beyond are refused.
pub const ROWS_MAX: usize = 250_000;
/// Times before 2000 and after 2100 are wrong units or wrong clocks.
const TIME_MIN: Timestamp = Timestamp::from_millis(946_684_800_000);
const TIME_MAX: Timestamp = Timestamp::from_millis(4_102_444_800_000);

/// Builds [`Events`] row by row: set any number of values, then `commit` or `abandon` the row.
pub struct EventsBuilder {
    times: Vec<Timestamp>,
    ids: Vec<Option<NonZeroU64>>,
    users: Vec<Option<NonZeroU64>>,
    weights: Vec<Weight>,
    columns: Vec<Builder>,
    slots: FxHashMap<String, Slot>,
    /// So many columns are those of the fields that metrics read.
    read_by_metrics: usize,
    /// Room is made for so many rows in all.
    expected: usize,
}

/// Where the values of a field go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot(u32);

impl Slot {
    /// The value is dropped: the batch has too many fields.
    const NOWHERE: Self = Self(u32::MAX);
}

/// What a row is besides its columns.
#[derive(Debug, Clone, Copy, Default)]
pub struct Row {
    pub time: Option<Timestamp>,
    pub id: Option<NonZeroU64>,
    pub user: Option<NonZeroU64>,
    /// `None` is one request.
    pub weight: Option<Weight>,
}

struct Builder {
    name: String,
    values: Values,
}

enum Values {
    /// No value has come yet that says what it is.
    Unknown,
    Text {
        codes: Vec<u32>,
        texts: Numbered,
    },
    Number(Vec<Packed>),
    Flag(Vec<Option<bool>>),
}

/// The hash of an idempotency key.
pub fn hash_id(id: &[u8]) -> NonZeroU64 {
    NonZeroU64::new(xxh3_64(id)).unwrap_or(NonZeroU64::MIN)
}

impl EventsBuilder {
    /// The first columns are those of `fields`, in their order and of their kinds.
    pub fn new(fields: &Fields) -> Self {
        let mut columns = Vec::new();
        let mut slots = FxHashMap::default();
        for (name, kind) in fields.iter() {
            slots.insert(name.to_owned(), Slot(columns.len() as u32));
            columns.push(Builder { name: name.to_owned(), values: Values::of(kind) });
        }
        let read_by_metrics = columns.len();
        Self {
            times: vec![],
            ids: vec![],
            users: vec![],
            weights: vec![],
            columns,
            slots,
            read_by_metrics,
            expected: 0,
        }
    }

    /// At least about so many rows will come: room for them is made at once, in each column when its first value comes.
    pub(crate) fn expect(&mut self, more: usize) {
        self.expected = ROWS_MAX.min(self.times.len() + more);
        let more = self.expected - self.times.len();
        self.times.reserve(more);
        self.ids.reserve(more);
        self.users.reserve(more);
    }

    /// Rows committed so far.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Where the values of `field` go; the same for the whole batch.
    pub fn slot(&mut self, field: &str) -> Slot {
        if let Some(&slot) = self.slots.get(field) {
            return slot;
        }
        if self.columns.len() >= self.read_by_metrics + FREE_COLUMNS_MAX || field.len() > TEXT_BYTES_MAX {
            return Slot::NOWHERE;
        }
        let slot = Slot(self.columns.len() as u32);
        self.columns.push(Builder { name: field.to_owned(), values: Values::Unknown });
        self.slots.insert(field.to_owned(), slot);
        slot
    }

    /// The last value that a row sets for a field stands. An error says why the row must be abandoned.
    pub fn text(&mut self, slot: Slot, text: &str) -> Result<(), String> {
        let (row, expected) = (self.times.len(), self.expected);
        let is_free = slot.0 as usize >= self.read_by_metrics;
        let Some(column) = self.columns.get_mut(slot.0 as usize) else { return Ok(()) };
        let text = fit_text(&column.name, text, is_free)?;
        if is_free && !matches!(column.values, Values::Text { .. }) {
            column.values.become_text(row);
        }
        match &mut column.values {
            Values::Text { codes, texts } => {
                set(codes, row, texts.code(text), 0, expected);
                Ok(())
            }
            values => Err(wrong_kind(&column.name, "text", values.kind().unwrap_or(FieldKind::Text))),
        }
    }

    /// Sets a text that a row before had in this field, and so need not be looked at again; `false` if none had it.
    /// It must be shorter than any that is refused or cut.
    #[inline]
    pub(crate) fn known_text(&mut self, slot: Slot, text: &[u8]) -> bool {
        debug_assert!(text.len() < TEXT_BYTES_MAX.min(FREE_TEXT_BYTES_MAX), "{} bytes", text.len());
        let (row, expected) = (self.times.len(), self.expected);
        let Some(Builder { values: Values::Text { codes, texts }, .. }) = self.columns.get_mut(slot.0 as usize) else {
            return false;
        };
        let Some(code) = texts.known(text) else { return false };
        set(codes, row, code, 0, expected);
        true
    }

    pub fn number(&mut self, slot: Slot, number: f64) -> Result<(), String> {
        let (row, expected) = (self.times.len(), self.expected);
        let Some(column) = self.columns.get_mut(slot.0 as usize) else { return Ok(()) };
        match &mut column.values {
            values @ Values::Unknown => {
                let mut numbers = Vec::new();
                set(&mut numbers, row, Packed::new(number), Packed::ABSENT, expected);
                *values = Values::Number(numbers);
            }
            Values::Number(values) => set(values, row, Packed::new(number), Packed::ABSENT, expected),
            // A build number such as 2382 is a dimension all the same.
            Values::Text { .. } => return self.text(slot, &number.to_string()),
            Values::Flag(_) if slot.0 as usize >= self.read_by_metrics => return self.text(slot, &number.to_string()),
            Values::Flag(_) => return Err(wrong_kind(&column.name, "a number", FieldKind::Flag)),
        }
        Ok(())
    }

    pub fn flag(&mut self, slot: Slot, flag: bool) -> Result<(), String> {
        let (row, expected) = (self.times.len(), self.expected);
        let Some(column) = self.columns.get_mut(slot.0 as usize) else { return Ok(()) };
        match &mut column.values {
            values @ Values::Unknown => {
                let mut flags = Vec::new();
                set(&mut flags, row, Some(flag), None, expected);
                *values = Values::Flag(flags);
            }
            Values::Flag(flags) => set(flags, row, Some(flag), None, expected),
            Values::Number(values) => {
                set(values, row, Packed::new(f64::from(u8::from(flag))), Packed::ABSENT, expected);
            }
            Values::Text { .. } => return self.text(slot, if flag { "true" } else { "false" }),
        }
        Ok(())
    }

    /// Begins a row with all values of the row before it, for those that differ in little.
    pub fn begin_alike(&mut self) {
        let row = self.times.len();
        self.columns.iter_mut().for_each(|column| column.values.repeat(row));
    }

    /// Takes a value of this row back: a key that comes twice, the second time as null.
    pub fn clear(&mut self, slot: Slot) {
        let row = self.times.len();
        if let Some(column) = self.columns.get_mut(slot.0 as usize) {
            column.values.truncate(row);
        }
    }

    /// Whether the field's values must be nothing but this kind, for the sake of the metrics that read it.
    pub fn kind(&self, slot: Slot) -> Option<FieldKind> {
        let at = slot.0 as usize;
        (at < self.read_by_metrics).then(|| self.columns[at].values.kind()).flatten()
    }

    pub fn name(&self, slot: Slot) -> &str {
        self.columns.get(slot.0 as usize).map_or("", |column| &column.name)
    }

    /// Keeps the row; an error says why it cannot be, and then it has been abandoned.
    pub fn commit(&mut self, row: Row) -> Result<(), String> {
        let time = match check_time(row.time) {
            Ok(time) if self.times.len() < ROWS_MAX => time,
            Ok(_) => {
                self.abandon();
                return Err(format!("a body holds at most {ROWS_MAX} events; send smaller batches"));
            }
            Err(reason) => {
                self.abandon();
                return Err(reason);
            }
        };
        if let Some(weight) = row.weight {
            set(&mut self.weights, self.times.len(), weight, Weight::Requests(1), self.expected);
        }
        self.times.push(time);
        self.ids.push(row.id);
        self.users.push(row.user);
        Ok(())
    }

    /// Forgets the values set since the last commit.
    pub fn abandon(&mut self) {
        let rows = self.times.len();
        self.columns.iter_mut().for_each(|column| column.values.truncate(rows));
    }

    pub fn finish(mut self) -> Events {
        let rows = self.times.len();
        if !self.weights.is_empty() {
            self.weights.resize(rows, Weight::Requests(1));
        }
        let columns = self.columns.into_iter().enumerate().filter_map(|(at, builder)| {
            let column = builder.values.finish(rows)?;
            let is_kept = at < self.read_by_metrics || column.has_any();
            is_kept.then_some(NamedColumn { name: builder.name, column })
        });
        let columns = columns.collect();
        Events { times: self.times, ids: self.ids, users: self.users, weights: self.weights, columns }
    }
}

pub(crate) fn check_time(time: Option<Timestamp>) -> Result<Timestamp, String> {
    match time {
        None => Err("`time` is missing; every event needs it, as RFC 3339 or epoch milliseconds".to_owned()),
        Some(time) if (TIME_MIN..TIME_MAX).contains(&time) => Ok(time),
        Some(time) => Err(format!("`time` is {time}, outside 2000 to 2100; epoch times are in milliseconds")),
    }
}

/// As much of a text as is kept. An error says why the row must be abandoned.
pub(crate) fn fit_text<'a>(name: &str, text: &'a str, is_free: bool) -> Result<&'a str, String> {
    if !is_free && text.len() > TEXT_BYTES_MAX {
        return Err(format!("`{name}` is longer than {TEXT_BYTES_MAX} bytes"));
    }
    Ok(if text.len() > FREE_TEXT_BYTES_MAX { &text[..text.floor_char_boundary(FREE_TEXT_BYTES_MAX)] } else { text })
}

pub(crate) fn wrong_kind(name: &str, found: &str, wanted: FieldKind) -> String {
    format!("`{name}` is {found}; the metrics read it as {wanted}")
}

/// Rows may have been committed since that had no value here: they are absent.
#[inline]
fn set<T: Copy>(column: &mut Vec<T>, row: usize, value: T, absent: T, expected: usize) {
    if column.len() == column.capacity() || column.len() != row {
        make_room(column, row, absent, expected);
    }
    column.push(value);
}

#[inline(never)]
fn make_room<T: Copy>(column: &mut Vec<T>, row: usize, absent: T, expected: usize) {
    column.reserve(expected.saturating_sub(column.len()));
    column.resize(row, absent);
}

impl Values {
    fn of(kind: FieldKind) -> Self {
        match kind {
            FieldKind::Text => Self::empty_text(),
            FieldKind::Number => Self::Number(Vec::new()),
            FieldKind::Flag => Self::Flag(Vec::new()),
        }
    }

    fn empty_text() -> Self {
        Self::Text { codes: Vec::new(), texts: Numbered::default() }
    }

    fn kind(&self) -> Option<FieldKind> {
        match self {
            Self::Unknown => None,
            Self::Text { .. } => Some(FieldKind::Text),
            Self::Number(_) => Some(FieldKind::Number),
            Self::Flag(_) => Some(FieldKind::Flag),
        }
    }

    /// A free field whose values are of several kinds is text, the kind that holds them all.
    fn become_text(&mut self, rows: usize) {
        let mut text = Self::empty_text();
        let Self::Text { codes, texts } = &mut text else { return };
        let mut push = |row: usize, shown: &str| set(codes, row, texts.code(shown), 0, rows);
        match self {
            Self::Unknown | Self::Text { .. } => {}
            Self::Number(numbers) => {
                for (row, number) in numbers.iter().take(rows).enumerate() {
                    number.get().into_iter().for_each(|number| push(row, &number.to_string()));
                }
            }
            Self::Flag(flags) => {
                for (row, flag) in flags.iter().take(rows).enumerate() {
                    flag.iter().for_each(|flag| push(row, if *flag { "true" } else { "false" }));
                }
            }
        }
        *self = text;
    }

    /// Gives row `row` the value of the one before it, if that one has any.
    fn repeat(&mut self, row: usize) {
        fn again<T: Copy>(values: &mut Vec<T>, row: usize) {
            if let (true, Some(&last)) = (values.len() == row, values.last()) {
                values.push(last);
            }
        }
        match self {
            Self::Unknown => {}
            Self::Text { codes, .. } => again(codes, row),
            Self::Number(values) => again(values, row),
            Self::Flag(flags) => again(flags, row),
        }
    }

    fn truncate(&mut self, rows: usize) {
        match self {
            Self::Unknown => {}
            Self::Text { codes, .. } => codes.truncate(rows),
            Self::Number(values) => values.truncate(rows),
            Self::Flag(flags) => flags.truncate(rows),
        }
    }

    fn finish(self, rows: usize) -> Option<Column> {
        Some(match self {
            Self::Unknown => return None,
            Self::Text { mut codes, texts } => {
                codes.resize(rows, 0);
                Column::Text { codes, values: texts.into_values() }
            }
            Self::Number(mut values) => {
                values.resize(rows, Packed::ABSENT);
                Column::Number(values)
            }
            Self::Flag(mut flags) => {
                flags.resize(rows, None);
                Column::Flag(flags)
            }
        })
    }
}
