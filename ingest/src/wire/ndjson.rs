//! NDJSON: one flat JSON object a line. Every field is kept; what is nested under a key is skipped unread.

use std::fmt;
use std::num::NonZeroU64;

use hark_model::Timestamp;
use hark_query::FieldKind;
use rustc_hash::FxHashMap;
use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::builder::{EventsBuilder, Row, Slot, hash_id};
use crate::events::{Decoded, Rejected};
use crate::user_key::UserKey;
use crate::wire::Reader;
use crate::wire::flat_json::{FlatObject, Plain};

/// A longer line is refused: an event is a few hundred bytes.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// Past this many keys an object is unusual, and remembering their order would cost more than it saves.
const REMEMBERED_KEYS_MAX: usize = 64;
const REMEMBERED_KEY_BYTES_MAX: usize = 256;

/// Decodes a whole body. A line that cannot be taken is named and leaves no trace in the columns.
pub(crate) fn decode(body: &[u8], reader: &Reader<'_>) -> Decoded {
    let mut decoder = Decoder::new(reader);
    let mut rejected = Vec::new();
    let ends = memchr::memchr_iter(b'\n', body).chain([body.len()]);
    let mut start = 0;
    for (at, end) in ends.enumerate() {
        let line = body[start..end].trim_ascii();
        start = end + 1;
        if line.is_empty() {
            continue;
        }
        if let Err(reason) = decoder.line(line) {
            rejected.push(Rejected { line: at as u64 + 1, reason });
        }
    }
    Decoded { events: decoder.builder.finish(), rejected }
}

struct Decoder<'r> {
    users: &'r UserKey,
    builder: EventsBuilder,
    targets: FxHashMap<String, Target>,
    /// The keys of the last line in their order: senders repeat it, which saves a lookup a key.
    order: Vec<(String, Target)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Time,
    Id,
    User,
    Field(Slot),
}

impl<'r> Decoder<'r> {
    fn new(reader: &Reader<'r>) -> Self {
        let special = [("time", Target::Time), ("id", Target::Id), ("user", Target::User)];
        let targets = special.into_iter().map(|(name, target)| (name.to_owned(), target)).collect();
        Self { users: reader.users, builder: EventsBuilder::new(reader.fields), targets, order: Vec::new() }
    }

    fn line(&mut self, line: &[u8]) -> Result<(), String> {
        if line.len() > LINE_BYTES_MAX {
            return Err(format!("the line is longer than {LINE_BYTES_MAX} bytes; an event is one short object"));
        }
        let text = std::str::from_utf8(line)
            .map_err(|error| format!("not valid UTF-8 from byte {} on", error.valid_up_to() + 1))?;
        if let Some(row) = self.plain_line(text) {
            return self.builder.commit(row);
        }
        self.builder.abandon();
        let mut json = serde_json::Deserializer::from_str(text);
        let mut object = Object { decoder: self, row: Row::default() };
        let read = de::Deserializer::deserialize_map(&mut json, &mut object).and_then(|()| json.end());
        let row = object.row;
        match read {
            Ok(()) => self.builder.commit(row),
            Err(error) => {
                self.builder.abandon();
                Err(json_problem(&error))
            }
        }
    }

    /// The usual line the short way; `None` leaves it to the long one.
    fn plain_line(&mut self, text: &str) -> Option<Row> {
        let mut object = FlatObject::new(text)?;
        let mut row = Row::default();
        for position in 0.. {
            let key = object.key(self.order.get(position).map(|(key, _)| key.as_str()))?;
            let target = self.target(position, key);
            match (target, object.value()?) {
                (Target::Time, Plain::Text(time)) => row.time = Some(time.parse().ok()?),
                (Target::Time, Plain::Whole(millis)) => row.time = Some(Timestamp::from_millis(millis)),
                (Target::Id, Plain::Text(id)) => row.id = (!id.is_empty()).then(|| hash_id(id.as_bytes())),
                (Target::User, Plain::Text(user)) => row.user = (!user.is_empty()).then(|| self.users.hash(user)),
                (Target::Field(slot), Plain::Text(text)) => self.builder.text(slot, text).ok()?,
                (Target::Field(slot), Plain::Whole(number)) => self.builder.number(slot, number as f64).ok()?,
                (Target::Field(slot), Plain::Number(number)) => self.builder.number(slot, number).ok()?,
                (Target::Field(slot), Plain::Flag(flag)) => self.builder.flag(slot, flag).ok()?,
                (Target::Field(slot), Plain::Null) => self.builder.clear(slot),
                (Target::Time | Target::Id | Target::User, _) => return None,
            }
            if !object.has_more()? {
                return Some(row);
            }
        }
        None
    }

    fn target(&mut self, position: usize, key: &str) -> Target {
        if let Some((known, target)) = self.order.get(position)
            && known == key
        {
            return *target;
        }
        let builder = &mut self.builder;
        let target = self.targets.get(key).copied().unwrap_or_else(|| Target::Field(builder.slot(key)));
        if position < REMEMBERED_KEYS_MAX && key.len() <= REMEMBERED_KEY_BYTES_MAX {
            self.order.truncate(position);
            if self.order.len() == position {
                self.order.push((key.to_owned(), target));
            }
        }
        target
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
struct Object<'d, 'r> {
    decoder: &'d mut Decoder<'r>,
    row: Row,
}

impl<'de> Visitor<'de> for &mut Object<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one flat JSON object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let mut position = 0;
        while let Some(target) = map.next_key_seed(Key { decoder: self.decoder, position })? {
            position += 1;
            match target {
                Target::Time => self.row.time = map.next_value::<Option<Timestamp>>()?.or(self.row.time),
                Target::Id => {
                    self.row.id =
                        map.next_value_seed(Hashed { name: "id", hash: |id: &str| hash_id(id.as_bytes()) })?;
                }
                Target::User => {
                    let users = self.decoder.users;
                    self.row.user =
                        map.next_value_seed(Hashed { name: "user", hash: |user: &str| users.hash(user) })?;
                }
                Target::Field(slot) => map.next_value_seed(Cell { builder: &mut self.decoder.builder, slot })?,
            }
        }
        Ok(())
    }
}

struct Key<'d, 'r> {
    decoder: &'d mut Decoder<'r>,
    position: usize,
}

impl<'de> DeserializeSeed<'de> for Key<'_, '_> {
    type Value = Target;
    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Target, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_, '_> {
    type Value = Target;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }
    fn visit_str<E: de::Error>(self, key: &str) -> Result<Target, E> {
        Ok(self.decoder.target(self.position, key))
    }
}

/// An id or a user: a text or a whole number, of which only a hash is kept.
struct Hashed<H> {
    name: &'static str,
    hash: H,
}

impl<'de, H: Fn(&str) -> NonZeroU64> DeserializeSeed<'de> for Hashed<H> {
    type Value = Option<NonZeroU64>;
    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<H: Fn(&str) -> NonZeroU64> Visitor<'_> for Hashed<H> {
    type Value = Option<NonZeroU64>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` to be a text or a whole number", self.name)
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok((!text.is_empty()).then(|| (self.hash)(text)))
    }
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some((self.hash)(&number.to_string())))
    }
    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some((self.hash)(&number.to_string())))
    }
    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// One value on its way into its column; a key that comes twice keeps its last value, as in JSON at large.
struct Cell<'b> {
    builder: &'b mut EventsBuilder,
    slot: Slot,
}

impl<'de> DeserializeSeed<'de> for Cell<'_> {
    type Value = ();
    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Cell<'_> {
    /// A field that metrics read must be flat; any other may hold what it likes, and is passed over.
    fn nested<E: de::Error>(&self, found: &str) -> Result<(), E> {
        match self.builder.kind(self.slot) {
            None => Ok(()),
            Some(kind) => {
                let name = self.builder.name(self.slot);
                Err(E::custom(format_args!("`{name}` is {found}; the metrics read it as {kind}, for events are flat")))
            }
        }
    }
}

impl<'de> Visitor<'de> for Cell<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.builder.kind(self.slot).unwrap_or(FieldKind::Text);
        write!(f, "`{}` to be {kind}", self.builder.name(self.slot))
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        self.builder.text(self.slot, text).map_err(E::custom)
    }
    fn visit_f64<E: de::Error>(self, number: f64) -> Result<(), E> {
        self.builder.number(self.slot, number).map_err(E::custom)
    }
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<(), E> {
        self.builder.number(self.slot, number as f64).map_err(E::custom)
    }
    fn visit_i64<E: de::Error>(self, number: i64) -> Result<(), E> {
        self.builder.number(self.slot, number as f64).map_err(E::custom)
    }
    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<(), E> {
        self.builder.flag(self.slot, flag).map_err(E::custom)
    }
    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        self.builder.clear(self.slot);
        Ok(())
    }
    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        self.nested("an object")?;
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }
    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<(), S::Error> {
        self.nested("a list")?;
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use hark_model::Definitions;
    use hark_query::Plan;
    use proptest::prelude::*;

    use super::*;
    use crate::events::Column;

    fn decoded(lines: &[&str]) -> Decoded {
        let fields = Plan::compile(&Definitions::built_in()).unwrap().fields;
        decode(lines.join("\n").as_bytes(), &Reader { fields: &fields, users: &UserKey::new([7; 16]) })
    }

    fn numbers(decoded: &Decoded, name: &str) -> Vec<Option<f64>> {
        let Some(Column::Number(values)) = decoded.events.column(name) else { panic!("{name} is a number") };
        values.iter().map(|value| value.get()).collect()
    }

    fn reasons(lines: &[&str]) -> Vec<String> {
        decoded(lines).rejected.into_iter().map(|rejected| format!("{}: {}", rejected.line, rejected.reason)).collect()
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
        let events = decoded(&lines).events;
        assert_eq!(events.len(), 2);
        assert!(events.columns.iter().all(|column| match &column.column {
            Column::Text { codes, .. } => codes.len() == 2,
            Column::Number(values) => values.len() == 2,
            Column::Flag(flags) => flags.len() == 2,
        }));
        insta::assert_snapshot!(reasons(&lines).join("\n"));
    }

    #[test]
    fn a_refused_line_leaves_no_value_behind() {
        let lines = [r#"{"total_ms":7,"platform":"iOS"}"#, r#"{"time":1777636800123,"outcome":"ok"}"#];
        assert_eq!(numbers(&decoded(&lines), "total_ms"), [None]);
    }

    #[test]
    fn keys_in_another_order_find_their_columns() {
        let lines = [
            r#"{"time":1777636800123,"outcome":"ok","total_ms":1}"#,
            r#"{"total_ms":2,"outcome":"error","time":1777636800123}"#,
            r#"{"time":1777636800123,"total_ms":3}"#,
        ];
        assert_eq!(numbers(&decoded(&lines), "total_ms"), [Some(1.0), Some(2.0), Some(3.0)]);
    }

    #[test]
    fn fields_that_no_metric_reads_are_kept_and_users_only_as_hashes() {
        let lines = [
            r#"{"time":1777636800123,"user":"31188","asr_ms":274.5,"error":"no speech","nested":{"a":1}}"#,
            r#"{"time":1777636800123,"user":31188,"asr_ms":"slow","beta":true}"#,
        ];
        let decoded = decoded(&lines);
        assert_eq!(decoded.rejected, []);
        let key = UserKey::new([7; 16]);
        assert_eq!(decoded.events.users, [Some(key.hash("31188")); 2]);
        let asr = Column::Text { codes: vec![1, 2], values: vec!["274.5".to_owned(), "slow".to_owned()] };
        assert_eq!(decoded.events.column("asr_ms"), Some(&asr));
        assert_eq!(decoded.events.column("beta"), Some(&Column::Flag(vec![None, Some(true)])));
        assert_eq!(decoded.events.column("nested"), None);
        assert!(!format!("{:?}", decoded.events).contains("31188"));
    }

    proptest! {
        #[test]
        fn anything_is_taken_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let text = String::from_utf8_lossy(&bytes);
            decoded(&[text.as_ref()]);
        }

        #[test]
        fn a_mangled_line_is_taken_or_refused(at in 0_usize..150, byte in any::<u8>(), cut in 0_usize..150) {
            let line = r#"{"time":"2026-05-01T12:00:00.123Z","id":"a","platform":"iOS","outcome":"ok","total_ms":517.5,"x":[1,{}]}"#;
            let mut bytes = line.as_bytes().to_vec();
            let length = bytes.len();
            bytes[at % length] = byte;
            bytes.truncate(cut.max(1));
            decoded(&[String::from_utf8_lossy(&bytes).as_ref()]);
        }
    }

    #[test]
    fn a_hostile_body_stays_small() {
        let many: Vec<String> = (0..10_000).map(|field| format!("\"f{field}\":1")).collect();
        let wide = format!("{{\"time\":1777636800123,{}}}", many.join(","));
        assert!(reasons(&[&wide])[0].contains("longer than"));
        let deep = format!("{{\"time\":1777636800123,\"x\":{}1{}}}", "[".repeat(20_000), "]".repeat(20_000));
        assert_eq!(decoded(&[&deep]).events.len(), 1, "what is nested is passed over, however deep");
        let lines: Vec<String> = (0..3000).map(|n| format!("{{\"time\":1777636800123,\"f{n}\":{n}}}")).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let decoded = decoded(&lines);
        assert_eq!(decoded.events.len(), 3000);
        assert!(decoded.events.columns.len() < 100, "{}", decoded.events.columns.len());
        let long = format!("{{\"time\":1777636800123,\"platform\":\"{}\"}}", "x".repeat(10_000_000));
        assert!(reasons(&[&long])[0].contains("longer than"));
    }
}
