//! What OTLP and remote write share: attributes become fields, and records are counted, taken, or named as refused.

use std::borrow::Cow;
use std::num::NonZeroU64;

use hark_model::Timestamp;
use hark_query::FieldKind;
use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::builder::{EventsBuilder, ROWS_MAX, Row, Slot, hash_id};
use crate::events::{Decoded, Rejected};
use crate::numbered::is_same;
use crate::user_key::UserKey;
use crate::wire::protobuf::{Broken, Field, Message, short_bytes, text};
use crate::wire::{Reader, WireError};

/// More attributes of a resource, a scope, a data point or a series are refused: they are held while its rows are made.
pub(super) const ATTRIBUTES_MAX: usize = 1024;
/// So many keys of a body are remembered; later ones are looked up anew each time.
const KEYS_MAX: usize = 4096;
/// The fields of a `KeyValue`, both with a length behind.
const KEY_TAG: u8 = 1 << 3 | 2;
const VALUE_TAG: u8 = 2 << 3 | 2;
/// Those of an `AnyValue` that nearly all values are.
const TEXT_TAG: u8 = 1 << 3 | 2;
const FLAG_TAG: u8 = 2 << 3;
const INT_TAG: u8 = 3 << 3;
const DOUBLE_TAG: u8 = 4 << 3 | 1;
/// The user goes by these names in OpenTelemetry's conventions. None of them is ever a field.
const USER_KEYS: [&str; 4] = ["user", "user.id", "enduser.id", "enduser.pseudo.id"];

/// Where the values of a key go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Time,
    Id,
    User,
    Field(Slot),
    Nowhere,
}

/// A value in place. Only texts, numbers and flags can be fields.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'a> {
    Absent,
    Text(&'a str),
    Int(i64),
    Double(f64),
    Flag(bool),
    /// Keys and values, unread.
    Entries(&'a [u8]),
    List,
    Bytes,
}

pub(super) type Attribute<'a> = (Target, Value<'a>);

/// How an attribute began, and where its value went: the next one that begins so goes there too.
#[derive(Debug, Clone, Copy)]
struct Familiar<'a> {
    /// The key with tag and length, as the first field of its `KeyValue`. Empty after one of another shape: what begins
    /// with its value has no key, and goes nowhere.
    head: &'a [u8],
    target: Target,
}

/// What a body has given so far.
pub(super) struct Rows<'a> {
    pub(super) builder: EventsBuilder,
    users: &'a UserKey,
    /// The target of each key as sent.
    targets: FxHashMap<&'a [u8], Target>,
    /// By position: what the last record had there. An exporter sends the same keys in the same order.
    familiar: Vec<Familiar<'a>>,
    rejected: Vec<Rejected>,
    /// Of the record at hand, from 1.
    ordinal: u64,
    /// What the format calls its records.
    what: &'static str,
    /// The last row of a data point, for those of its rows that are alike.
    pub(super) row: Row,
}

impl<'a> Rows<'a> {
    /// Of events, which have an id and may carry their time among the attributes.
    pub(super) fn of_events(reader: &Reader<'a>, what: &'static str) -> Self {
        Self::new(reader, what, [("time", Target::Time), ("id", Target::Id), ("log.record.uid", Target::Id)])
    }

    /// Of data points: one of them may be many rows, so that an id would make all but the first a repetition.
    pub(super) fn of_points(reader: &Reader<'a>, what: &'static str) -> Self {
        Self::new(reader, what, ["time", "id", "log.record.uid"].map(|key| (key, Target::Nowhere)))
    }

    fn new(reader: &Reader<'a>, what: &'static str, special: [(&'static str, Target); 3]) -> Self {
        let users = USER_KEYS.map(|key| (key, Target::User));
        let targets = special.into_iter().chain(users).map(|(key, target)| (key.as_bytes(), target)).collect();
        let builder = EventsBuilder::new(reader.fields);
        Self {
            builder,
            users: reader.users,
            targets,
            familiar: Vec::new(),
            rejected: Vec::new(),
            ordinal: 0,
            what,
            row: Row::default(),
        }
    }

    /// Call it before each record. The error is for a body that must be sent in parts: what it holds in refused records
    /// is bounded as well.
    pub(super) fn begin(&mut self) -> Result<(), WireError> {
        self.ordinal += 1;
        if self.ordinal > ROWS_MAX as u64 {
            return Err(WireError::TooMany { what: self.what, limit: ROWS_MAX });
        }
        Ok(())
    }

    pub(super) fn ordinal(&self) -> u64 {
        self.ordinal
    }

    /// Names the record if it could not be taken, and forgets the values set for it. Answers whether it could.
    pub(super) fn end(&mut self, taken: Result<(), String>) -> bool {
        taken.map_err(|reason| self.reject(self.ordinal, reason)).is_ok()
    }

    pub(super) fn reject(&mut self, ordinal: u64, reason: String) {
        self.builder.abandon();
        self.rejected.push(Rejected { line: ordinal, reason });
    }

    pub(super) fn finish(mut self) -> Decoded {
        self.rejected.sort_by_key(|rejected| rejected.line);
        Decoded { events: self.builder.finish(), rejected: self.rejected }
    }

    #[inline]
    pub(super) fn target(&mut self, key: &'a [u8]) -> Result<Target, Broken> {
        match self.targets.get(key) {
            Some(&target) => Ok(target),
            None => self.new_target(key),
        }
    }

    fn new_target(&mut self, key: &'a [u8]) -> Result<Target, Broken> {
        let name = field_name(text(key)?);
        let target = if name.is_empty() { Target::Nowhere } else { Target::Field(self.builder.slot(&name)) };
        if self.targets.len() < KEYS_MAX {
            self.targets.insert(key, target);
        }
        Ok(target)
    }

    /// The attribute at position `at` of a record: a `KeyValue`, with its key as sent.
    #[inline]
    pub(super) fn attribute(&mut self, at: usize, bytes: &'a [u8]) -> Result<(&'a [u8], Attribute<'a>), Broken> {
        match self.familiar(at, bytes) {
            Some((Familiar { head, target }, value)) => {
                Ok((head.get(2..).unwrap_or_default(), (target, any_value(value)?)))
            }
            None => self.unfamiliar(at, bytes),
        }
    }

    /// The same, put into the row at hand. What most attributes are goes straight into its column.
    #[inline]
    pub(super) fn put_attribute(&mut self, row: &mut Row, at: usize, bytes: &'a [u8]) -> Result<(), String> {
        if let Some((Familiar { target: Target::Field(slot), .. }, value)) = self.familiar(at, bytes) {
            match value {
                [TEXT_TAG, words @ ..] if let Some((words, [])) = short_bytes(words) => {
                    if self.builder.known_text(slot, words) {
                        return Ok(());
                    }
                    return self.builder.text(slot, text(words)?);
                }
                [DOUBLE_TAG, bits @ ..] if let Some((bits, [])) = bits.split_first_chunk() => {
                    let number = f64::from_le_bytes(*bits);
                    if number.is_finite() {
                        return self.builder.number(slot, number);
                    }
                }
                _ => {}
            }
        }
        let (_, attribute) = self.attribute(at, bytes)?;
        self.put(row, attribute)
    }

    /// What was at this position before, and the value that is there now, if it has the same key.
    #[inline(always)]
    fn familiar(&self, at: usize, bytes: &'a [u8]) -> Option<(Familiar<'a>, &'a [u8])> {
        let familiar = *self.familiar.get(at)?;
        let (head, rest) = bytes.split_at_checked(familiar.head.len())?;
        match rest {
            [VALUE_TAG, value @ ..] if is_same(head, familiar.head) => match short_bytes(value)? {
                (value, []) => Some((familiar, value)),
                _ => None,
            },
            _ => None,
        }
    }

    #[inline(never)]
    fn unfamiliar(&mut self, at: usize, bytes: &'a [u8]) -> Result<(&'a [u8], Attribute<'a>), Broken> {
        let (key, value) = pair(bytes)?;
        let target = self.target(key)?;
        let familiar = match bytes {
            // A key may be sent twice, and then the last one counts.
            [KEY_TAG, length @ ..0x80, rest @ ..] if rest.starts_with(key) && usize::from(*length) == key.len() => {
                Familiar { head: &bytes[..2 + key.len()], target }
            }
            _ => Familiar { head: &[], target: Target::Nowhere },
        };
        match self.familiar.get_mut(at) {
            Some(last) => *last = familiar,
            None => self.familiar.push(familiar),
        }
        Ok((key, (target, value)))
    }

    /// Puts one value of the row at hand. An error says why the record must be refused.
    #[inline]
    pub(super) fn put(&mut self, row: &mut Row, (target, value): Attribute<'a>) -> Result<(), String> {
        match target {
            Target::Field(slot) => self.put_field(slot, value),
            Target::User => {
                let users = self.users;
                row.user = hashed("user", value, |user| users.hash(user))?.or(row.user);
                Ok(())
            }
            Target::Id => {
                row.id = hashed("id", value, |id| hash_id(id.as_bytes()))?.or(row.id);
                Ok(())
            }
            Target::Time => {
                row.time = time(value)?.or(row.time);
                Ok(())
            }
            Target::Nowhere => Ok(()),
        }
    }

    pub(super) fn put_all(&mut self, row: &mut Row, attributes: &[Attribute<'a>]) -> Result<(), String> {
        attributes.iter().try_for_each(|&attribute| self.put(row, attribute))
    }

    pub(super) fn put_field(&mut self, slot: Slot, value: Value<'_>) -> Result<(), String> {
        let found = match value {
            Value::Absent => return Ok(()),
            Value::Text(text) => return self.builder.text(slot, text),
            // As a number a long one would lose its last digits, and a dimension is what was sent.
            Value::Int(number) if self.builder.kind(slot) == Some(FieldKind::Text) => {
                return self.builder.text(slot, &number.to_string());
            }
            Value::Int(number) => return self.builder.number(slot, number as f64),
            Value::Double(number) if number.is_finite() => return self.builder.number(slot, number),
            Value::Double(_) => {
                self.builder.clear(slot);
                return Ok(());
            }
            Value::Flag(flag) => return self.builder.flag(slot, flag),
            nested => nested.kind(),
        };
        match self.builder.kind(slot) {
            None => Ok(()),
            Some(kind) => {
                let name = self.builder.name(slot);
                Err(format!("`{name}` is {found}; the metrics read it as {kind}, for events are flat"))
            }
        }
    }

    /// Reads the attributes that `number` holds in a message, those of a resource or a scope for all of its records.
    pub(super) fn attributes(
        &mut self,
        message: &'a [u8],
        number: u32,
        into: &mut Vec<Attribute<'a>>,
    ) -> Result<(), Broken> {
        for field in Message::new(message) {
            if let (found, Field::Bytes(bytes)) = field?
                && found == number
            {
                let (key, value) = pair(bytes)?;
                let target = self.target(key)?;
                add(into, (target, value))?;
            }
        }
        Ok(())
    }
}

pub(super) fn add<'a>(attributes: &mut Vec<Attribute<'a>>, attribute: Attribute<'a>) -> Result<(), Broken> {
    check_attributes(attributes.len())?;
    attributes.push(attribute);
    Ok(())
}

/// Whether one more may come.
pub(super) fn check_attributes(so_far: usize) -> Result<(), Broken> {
    if so_far >= ATTRIBUTES_MAX {
        return Err(Broken("it has more than 1024 attributes"));
    }
    Ok(())
}

impl Value<'_> {
    fn kind(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Text(_) => "text",
            Self::Int(_) | Self::Double(_) => "a number",
            Self::Flag(_) => "a flag",
            Self::Entries(_) => "an object",
            Self::List => "a list",
            Self::Bytes => "bytes",
        }
    }

    /// The same for the same key and value, whatever was sent around them.
    pub(super) fn hash_with(self, key: &[u8]) -> u64 {
        let seed = xxh3_64(key);
        match self {
            Self::Text(text) => xxh3_64_with_seed(text.as_bytes(), seed),
            Self::Int(number) => xxh3_64_with_seed(&number.to_le_bytes(), seed ^ 1),
            Self::Double(number) => xxh3_64_with_seed(&number.to_bits().to_le_bytes(), seed ^ 2),
            Self::Flag(flag) => xxh3_64_with_seed(&[u8::from(flag)], seed ^ 3),
            Self::Entries(bytes) => xxh3_64_with_seed(bytes, seed ^ 4),
            Self::Absent | Self::List | Self::Bytes => seed,
        }
    }
}

/// The key and the value of a `KeyValue`.
#[inline]
pub(super) fn pair(bytes: &[u8]) -> Result<(&[u8], Value<'_>), Broken> {
    let (mut key, mut value): (&[u8], _) = (&[], Value::Absent);
    for field in Message::new(bytes) {
        match field? {
            (1, Field::Bytes(bytes)) => key = bytes,
            (2, Field::Bytes(bytes)) => value = any_value(bytes)?,
            _ => {}
        }
    }
    Ok((key, value))
}

/// Nearly all values are one field and nothing else.
#[inline]
pub(super) fn any_value(bytes: &[u8]) -> Result<Value<'_>, Broken> {
    Ok(match bytes {
        [TEXT_TAG, rest @ ..] if let Some((words, [])) = short_bytes(rest) => Value::Text(text(words)?),
        [FLAG_TAG, flag @ ..0x80] => Value::Flag(*flag != 0),
        [INT_TAG, number @ ..0x80] => Value::Int(i64::from(*number)),
        [DOUBLE_TAG, rest @ ..] if let Some((bits, [])) = rest.split_first_chunk() => {
            Value::Double(f64::from_bits(u64::from_le_bytes(*bits)))
        }
        _ => of_many_fields(bytes)?,
    })
}

/// Of several fields the last one counts.
#[inline(never)]
fn of_many_fields(bytes: &[u8]) -> Result<Value<'_>, Broken> {
    let mut value = Value::Absent;
    for field in Message::new(bytes) {
        value = match field? {
            (1, Field::Bytes(bytes)) => Value::Text(text(bytes)?),
            (2, Field::Varint(flag)) => Value::Flag(flag != 0),
            (3, Field::Varint(number)) => Value::Int(number.cast_signed()),
            (4, Field::Fixed64(bits)) => Value::Double(f64::from_bits(bits)),
            (5, Field::Bytes(_)) => Value::List,
            (6, Field::Bytes(entries)) => Value::Entries(entries),
            (7, Field::Bytes(_)) => Value::Bytes,
            _ => continue,
        };
    }
    Ok(value)
}

/// A hash over attributes in any order.
pub(super) fn attributes_hash(message: &[u8], number: u32) -> Result<u64, Broken> {
    let mut sum = 0_u64;
    for field in Message::new(message) {
        if let (found, Field::Bytes(bytes)) = field?
            && found == number
        {
            let (key, value) = pair(bytes)?;
            sum = sum.wrapping_add(value.hash_with(key));
        }
    }
    Ok(sum)
}

/// Metrics name fields in SQL, and unquoted: what cannot stand there becomes `_`.
fn field_name(key: &str) -> Cow<'_, str> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    if key.chars().all(is_plain) {
        return Cow::Borrowed(key);
    }
    Cow::Owned(key.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).collect())
}

/// An id or a user: a text or a whole number, of which only a hash is kept.
fn hashed(name: &str, value: Value<'_>, hash: impl Fn(&str) -> NonZeroU64) -> Result<Option<NonZeroU64>, String> {
    match value {
        Value::Absent | Value::Text("") => Ok(None),
        Value::Text(text) => Ok(Some(hash(text))),
        Value::Int(number) => Ok(Some(hash(&number.to_string()))),
        other => Err(format!("`{name}` is {}; it must be a text or a whole number", other.kind())),
    }
}

fn time(value: Value<'_>) -> Result<Option<Timestamp>, String> {
    match value {
        Value::Absent => Ok(None),
        Value::Text(text) => text.parse().map(Some).map_err(|error: hark_model::ParseTimestampError| error.to_string()),
        Value::Int(millis) => Ok(Some(Timestamp::from_millis(millis))),
        other => Err(format!("`time` is {}; it must be RFC 3339 or epoch milliseconds", other.kind())),
    }
}

/// Times come in nanoseconds, where zero is none.
pub(super) fn from_nanos(nanos: u64) -> Option<Timestamp> {
    (nanos > 0).then(|| Timestamp::from_millis((nanos / 1_000_000).cast_signed()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_names_that_need_no_quotes() {
        let names = ["service.name", "http.response.status_code", "größe", "plain_1", "a-b c/d", ""].map(field_name);
        assert_eq!(names, ["service_name", "http_response_status_code", "gr__e", "plain_1", "a_b_c_d", ""]);
    }

    #[test]
    fn a_hash_tells_keys_values_and_kinds_apart() {
        let hashes = [
            Value::Text("1").hash_with(b"a"),
            Value::Text("1").hash_with(b"b"),
            Value::Text("2").hash_with(b"a"),
            Value::Int(1).hash_with(b"a"),
            Value::Flag(true).hash_with(b"a"),
            Value::Double(1.0).hash_with(b"a"),
        ];
        let distinct: std::collections::BTreeSet<u64> = hashes.into_iter().collect();
        assert_eq!(distinct.len(), hashes.len());
    }
}
