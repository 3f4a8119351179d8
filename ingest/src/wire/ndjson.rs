//! NDJSON: one flat JSON object a line. Only the fields that some metric reads are kept; the rest is skipped unread.

use std::fmt;

use hark_query::{FieldKind, Fields};
use rustc_hash::FxHashMap;
use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use xxhash_rust::xxh3::xxh3_64;

use hark_model::Timestamp;

use crate::events::{Column, Events, Rejected};

/// A longer line is refused: an event is a few hundred bytes.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// A longer value of a dimension is refused: nobody slices by a novel.
const TEXT_BYTES_MAX: usize = 256;
/// Times before 2000 and after 2100 are wrong units or wrong clocks.
const TIME_MIN: Timestamp = Timestamp::from_millis(946_684_800_000);
const TIME_MAX: Timestamp = Timestamp::from_millis(4_102_444_800_000);

#[derive(Debug, Default)]
pub struct Decoded {
    pub events: Events,
    pub rejected: Vec<Rejected>,
}

/// Decodes a whole body. A line that cannot be taken is named and leaves no trace in the columns.
pub fn decode(body: &[u8], fields: &Fields) -> Decoded {
    let mut decoder = Decoder::new(fields);
    let mut rejected = Vec::new();
    for (at, line) in body.split(|&byte| byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        if let Err(reason) = decoder.line(line) {
            rejected.push(Rejected { line: at as u64 + 1, reason });
        }
    }
    Decoded { events: decoder.finish(), rejected }
}

struct Decoder<'a, 'f> {
    targets: FxHashMap<&'f str, Target>,
    /// The keys of the last line in their order: senders repeat it, which saves a lookup a key.
    order: Vec<(String, Target)>,
    columns: Vec<(&'f str, Builder<'a>)>,
    times: Vec<Timestamp>,
    ids: Vec<Option<u64>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Time,
    Id,
    Column(usize),
    Ignored,
}

enum Builder<'a> {
    Text { codes: Vec<Option<i32>>, dictionary: Vec<String>, known: FxHashMap<std::borrow::Cow<'a, str>, i32> },
    Number(Vec<Option<f64>>),
    Flag(Vec<Option<bool>>),
}

impl<'a, 'f> Decoder<'a, 'f> {
    fn new(fields: &'f Fields) -> Self {
        let mut targets = FxHashMap::default();
        let mut columns = Vec::new();
        for (at, (name, kind)) in fields.iter().enumerate() {
            targets.insert(name, Target::Column(at));
            columns.push((name, Builder::new(kind)));
        }
        targets.insert("time", Target::Time);
        targets.insert("id", Target::Id);
        Self { targets, order: Vec::new(), columns, times: Vec::new(), ids: Vec::new() }
    }

    fn line(&mut self, line: &'a [u8]) -> Result<(), String> {
        if line.len() > LINE_BYTES_MAX {
            return Err(format!("the line is longer than {LINE_BYTES_MAX} bytes; an event is one short object"));
        }
        let row = self.times.len();
        let text = std::str::from_utf8(line)
            .map_err(|error| format!("not valid UTF-8 from byte {} on", error.valid_up_to() + 1))?;
        let mut json = serde_json::Deserializer::from_str(text);
        let mut seen = Row { decoder: self, time: None, id: None };
        let read = de::Deserializer::deserialize_map(&mut json, &mut seen).and_then(|()| json.end());
        let (time, id) = (seen.time, seen.id);
        let outcome = match read {
            Err(error) => Err(json_problem(&error)),
            Ok(()) => check_time(time),
        };
        match outcome {
            Ok(time) => {
                self.times.push(time);
                self.ids.push(id);
                self.columns.iter_mut().for_each(|(_, column)| column.pad(row + 1));
                Ok(())
            }
            Err(reason) => {
                self.columns.iter_mut().for_each(|(_, column)| column.truncate(row));
                Err(reason)
            }
        }
    }

    fn target(&mut self, position: usize, key: &str) -> Target {
        if let Some((known, target)) = self.order.get(position)
            && known == key
        {
            return *target;
        }
        let target = self.targets.get(key).copied().unwrap_or(Target::Ignored);
        // Past this many keys an object is unusual, and remembering it would cost more than it saves.
        const REMEMBERED_KEYS_MAX: usize = 64;
        if position < REMEMBERED_KEYS_MAX && key.len() <= TEXT_BYTES_MAX {
            self.order.truncate(position);
            if self.order.len() == position {
                self.order.push((key.to_owned(), target));
            }
        }
        target
    }

    fn finish(self) -> Events {
        let columns = self.columns.into_iter().map(|(_, builder)| builder.finish()).collect();
        Events { times: self.times, ids: self.ids, columns }
    }
}

fn check_time(time: Option<Timestamp>) -> Result<Timestamp, String> {
    match time {
        None => Err("`time` is missing; every event needs it, as RFC 3339 or epoch milliseconds".to_owned()),
        Some(time) if (TIME_MIN..TIME_MAX).contains(&time) => Ok(time),
        Some(time) => Err(format!("`time` is {time}, outside 2000 to 2100; epoch times are in milliseconds")),
    }
}

/// serde_json says "… at line 1 column 12"; the line is known here and would only confuse.
fn json_problem(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let problem = text.rsplit_once(" at line ").map_or(text.as_str(), |(problem, _)| problem);
    match error.classify() {
        serde_json::error::Category::Data => problem.to_owned(),
        _ => format!("not valid JSON at column {}: {problem}", error.column()),
    }
}

/// One line being read into the columns.
struct Row<'d, 'a, 'f> {
    decoder: &'d mut Decoder<'a, 'f>,
    time: Option<Timestamp>,
    id: Option<u64>,
}

impl<'a> Visitor<'a> for &mut Row<'_, 'a, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one flat JSON object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        let row = self.decoder.times.len();
        let mut position = 0;
        while let Some(target) = map.next_key_seed(Key { decoder: self.decoder, position })? {
            position += 1;
            match target {
                Target::Time => self.time = map.next_value::<Option<Timestamp>>()?.or(self.time),
                Target::Id => self.id = map.next_value_seed(Id)?,
                Target::Ignored => drop(map.next_value::<IgnoredAny>()?),
                Target::Column(at) => {
                    let (name, column) = &mut self.decoder.columns[at];
                    map.next_value_seed(Cell { name, column, row })?;
                }
            }
        }
        Ok(())
    }
}

struct Key<'d, 'a, 'f> {
    decoder: &'d mut Decoder<'a, 'f>,
    position: usize,
}

impl<'de> DeserializeSeed<'de> for Key<'_, '_, '_> {
    type Value = Target;
    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Target, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_, '_, '_> {
    type Value = Target;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }
    fn visit_str<E: de::Error>(self, key: &str) -> Result<Target, E> {
        Ok(self.decoder.target(self.position, key))
    }
}

struct Id;

impl<'de> DeserializeSeed<'de> for Id {
    type Value = Option<u64>;
    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Option<u64>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Id {
    type Value = Option<u64>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`id` to be a text or a whole number")
    }
    fn visit_str<E: de::Error>(self, id: &str) -> Result<Option<u64>, E> {
        Ok((!id.is_empty()).then(|| xxh3_64(id.as_bytes())))
    }
    fn visit_u64<E: de::Error>(self, id: u64) -> Result<Option<u64>, E> {
        Ok(Some(xxh3_64(id.to_string().as_bytes())))
    }
    fn visit_i64<E: de::Error>(self, id: i64) -> Result<Option<u64>, E> {
        Ok(Some(xxh3_64(id.to_string().as_bytes())))
    }
    fn visit_unit<E: de::Error>(self) -> Result<Option<u64>, E> {
        Ok(None)
    }
}

/// One value on its way into its column; a key that comes twice keeps its last value, as in JSON at large.
struct Cell<'b, 'a> {
    name: &'b str,
    column: &'b mut Builder<'a>,
    row: usize,
}

impl<'a> DeserializeSeed<'a> for Cell<'_, 'a> {
    type Value = ();
    fn deserialize<D: de::Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Cell<'_, 'a> {
    fn wrong<E: de::Error>(&self, found: &str) -> E {
        let wanted = self.column.kind();
        E::custom(format_args!("`{}` is {found}; the metrics read it as {wanted}", self.name))
    }

    fn text<E: de::Error>(self, text: &str, borrowed: Option<&'a str>) -> Result<(), E> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(E::custom(format_args!("`{}` is longer than {TEXT_BYTES_MAX} bytes", self.name)));
        }
        let row = self.row;
        match self.column {
            Builder::Text { codes, dictionary, known } => {
                let code = match known.get(text) {
                    Some(&code) => code,
                    None => {
                        let code = i32::try_from(dictionary.len()).map_err(E::custom)?;
                        dictionary.push(text.to_owned());
                        known.insert(borrowed.map_or_else(|| text.to_owned().into(), Into::into), code);
                        code
                    }
                };
                set(codes, row, code);
                Ok(())
            }
            _ => Err(self.wrong("text")),
        }
    }

    fn number<E: de::Error>(self, number: f64, as_text: impl FnOnce() -> String) -> Result<(), E> {
        let row = self.row;
        match self.column {
            Builder::Number(values) => set(values, row, number),
            // A build number such as 2382 is a dimension all the same.
            Builder::Text { .. } => return self.text(&as_text(), None),
            Builder::Flag(_) => return Err(self.wrong("a number")),
        }
        Ok(())
    }
}

impl<'a> Visitor<'a> for Cell<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` to be {}, for events are flat", self.name, self.column.kind())
    }
    fn visit_borrowed_str<E: de::Error>(self, text: &'a str) -> Result<(), E> {
        self.text(text, Some(text))
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        self.text(text, None)
    }
    fn visit_f64<E: de::Error>(self, number: f64) -> Result<(), E> {
        self.number(number, || number.to_string())
    }
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<(), E> {
        self.number(number as f64, || number.to_string())
    }
    fn visit_i64<E: de::Error>(self, number: i64) -> Result<(), E> {
        self.number(number as f64, || number.to_string())
    }
    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<(), E> {
        let row = self.row;
        match self.column {
            Builder::Flag(flags) => set(flags, row, flag),
            Builder::Number(values) => set(values, row, f64::from(u8::from(flag))),
            Builder::Text { .. } => return self.text(if flag { "true" } else { "false" }, None),
        }
        Ok(())
    }
    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        self.column.truncate(self.row);
        Ok(())
    }
}

fn set<T: Clone>(column: &mut Vec<Option<T>>, row: usize, value: T) {
    column.resize(row, None);
    column.push(Some(value));
}

impl Builder<'_> {
    fn new(kind: FieldKind) -> Self {
        match kind {
            FieldKind::Text => Self::Text { codes: Vec::new(), dictionary: Vec::new(), known: FxHashMap::default() },
            FieldKind::Number => Self::Number(Vec::new()),
            FieldKind::Flag => Self::Flag(Vec::new()),
        }
    }

    fn kind(&self) -> FieldKind {
        match self {
            Self::Text { .. } => FieldKind::Text,
            Self::Number(_) => FieldKind::Number,
            Self::Flag(_) => FieldKind::Flag,
        }
    }

    fn pad(&mut self, rows: usize) {
        match self {
            Self::Text { codes, .. } => codes.resize(rows, None),
            Self::Number(values) => values.resize(rows, None),
            Self::Flag(flags) => flags.resize(rows, None),
        }
    }

    fn truncate(&mut self, rows: usize) {
        match self {
            Self::Text { codes, .. } => codes.truncate(rows),
            Self::Number(values) => values.truncate(rows),
            Self::Flag(flags) => flags.truncate(rows),
        }
    }

    fn finish(self) -> Column {
        match self {
            Self::Text { codes, dictionary, .. } => Column::Text { codes, dictionary },
            Self::Number(values) => Column::Number(values),
            Self::Flag(flags) => Column::Flag(flags),
        }
    }
}

#[cfg(test)]
mod tests {
    use hark_model::Definitions;
    use hark_query::Plan;

    use super::*;

    fn fields() -> Fields {
        Plan::compile(&Definitions::built_in()).unwrap().fields
    }

    fn reasons(lines: &[&str]) -> Vec<String> {
        let decoded = decode(lines.join("\n").as_bytes(), &fields());
        decoded.rejected.into_iter().map(|rejected| format!("{}: {}", rejected.line, rejected.reason)).collect()
    }

    #[test]
    fn good_lines_become_rows_and_bad_ones_are_named() {
        let lines = [
            r#"{"time":"2026-05-01T12:00:00.123Z","id":"a","platform":"iOS","outcome":"ok","total_ms":517.5,"x":[1,{}]}"#,
            "",
            r#"{"time":1777636800123,"platform":null,"outcome":"ok","total_ms":3}"#,
            r#"{"time":"2026-05-01T12:00:00Z","platform":"iOS""#,
            r#"{"platform":"iOS"}"#,
            r#"{"time":"noon"}"#,
            r#"{"time":1777636800}"#,
            r#"{"time":"2026-05-01T12:00:00Z","total_ms":"fast"}"#,
            r#"{"time":"2026-05-01T12:00:00Z","platform":{"name":"iOS"}}"#,
            r#"["time"]"#,
            "nonsense",
            r#"{"time":"2026-05-01T12:00:00Z","total_ms":1e999}"#,
        ];
        let decoded = decode(lines.join("\n").as_bytes(), &fields());
        assert_eq!(decoded.events.len(), 2);
        assert!(decoded.events.columns.iter().all(|column| match column {
            Column::Text { codes, .. } => codes.len() == 2,
            Column::Number(values) => values.len() == 2,
            Column::Flag(flags) => flags.len() == 2,
        }));
        insta::assert_snapshot!(reasons(&lines).join("\n"));
    }

    #[test]
    fn a_refused_line_leaves_no_value_behind() {
        let text = "{\"total_ms\":7,\"platform\":\"iOS\"}\n{\"time\":1777636800123,\"outcome\":\"ok\"}";
        let decoded = decode(text.as_bytes(), &fields());
        let at = fields().iter().position(|(name, _)| name == "total_ms").unwrap();
        let Column::Number(values) = &decoded.events.columns[at] else { panic!("a number") };
        assert_eq!(values, &[None]);
    }

    #[test]
    fn keys_in_another_order_find_their_columns() {
        let text = "{\"time\":1777636800123,\"outcome\":\"ok\",\"total_ms\":1}\n\
                    {\"total_ms\":2,\"outcome\":\"error\",\"time\":1777636800123}\n\
                    {\"time\":1777636800123,\"total_ms\":3}";
        let decoded = decode(text.as_bytes(), &fields());
        let at = fields().iter().position(|(name, _)| name == "total_ms").unwrap();
        let Column::Number(values) = &decoded.events.columns[at] else { panic!("a number") };
        assert_eq!(values, &[Some(1.0), Some(2.0), Some(3.0)]);
    }
}
