//! OTLP's JSON, rewritten as Protocol Buffers: then one decoder reads both, within the same bounds.
//!
//! The tables name what is read; other keys are passed over, as the specification asks. Whole numbers may be texts,
//! numbers that JSON cannot write are "NaN" and "Infinity", and null is absent.

use std::fmt;

use serde::Deserializer;
use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::wire::WireError;
use crate::wire::traces::from_hex;

/// The keys of a message, the numbers of their fields, and what is in them.
pub(super) struct Shape(&'static [(&'static str, u32, Kind)]);

enum Kind {
    Text,
    /// `bytes` of a trace's or a span's id, which are not base64 like others.
    Hex,
    Flag,
    /// `int64`, `uint64`, `uint32` and enumerations.
    Varint,
    /// `sint32`
    Zigzag,
    /// `fixed64` and `sfixed64`
    Fixed,
    Double,
    Varints,
    Fixeds,
    Doubles,
    Message(&'static Shape),
    Messages(&'static Shape),
    /// Only that it is there matters.
    Unread,
}

pub(super) static LOGS: Shape = Shape(&[("resourceLogs", 1, Kind::Messages(&RESOURCE_LOGS))]);
static RESOURCE_LOGS: Shape =
    Shape(&[("resource", 1, Kind::Message(&RESOURCE)), ("scopeLogs", 2, Kind::Messages(&SCOPE_LOGS))]);
static SCOPE_LOGS: Shape =
    Shape(&[("scope", 1, Kind::Message(&SCOPE)), ("logRecords", 2, Kind::Messages(&LOG_RECORD))]);
static LOG_RECORD: Shape = Shape(&[
    ("timeUnixNano", 1, Kind::Fixed),
    ("severityNumber", 2, Kind::Varint),
    ("severityText", 3, Kind::Text),
    ("body", 5, Kind::Message(&ANY_VALUE)),
    ("attributes", 6, Kind::Messages(&KEY_VALUE)),
    ("traceId", 9, Kind::Hex),
    ("spanId", 10, Kind::Hex),
    ("observedTimeUnixNano", 11, Kind::Fixed),
    ("eventName", 12, Kind::Text),
]);
static RESOURCE: Shape = Shape(&[("attributes", 1, Kind::Messages(&KEY_VALUE))]);
static SCOPE: Shape =
    Shape(&[("name", 1, Kind::Text), ("version", 2, Kind::Text), ("attributes", 3, Kind::Messages(&KEY_VALUE))]);
static KEY_VALUE: Shape = Shape(&[("key", 1, Kind::Text), ("value", 2, Kind::Message(&ANY_VALUE))]);
static ANY_VALUE: Shape = Shape(&[
    ("stringValue", 1, Kind::Text),
    ("boolValue", 2, Kind::Flag),
    ("intValue", 3, Kind::Varint),
    ("doubleValue", 4, Kind::Double),
    ("arrayValue", 5, Kind::Unread),
    ("kvlistValue", 6, Kind::Message(&KEY_VALUE_LIST)),
    ("bytesValue", 7, Kind::Unread),
]);
static KEY_VALUE_LIST: Shape = Shape(&[("values", 1, Kind::Messages(&KEY_VALUE))]);

pub(super) static METRICS: Shape = Shape(&[("resourceMetrics", 1, Kind::Messages(&RESOURCE_METRICS))]);
static RESOURCE_METRICS: Shape =
    Shape(&[("resource", 1, Kind::Message(&RESOURCE)), ("scopeMetrics", 2, Kind::Messages(&SCOPE_METRICS))]);
static SCOPE_METRICS: Shape = Shape(&[("scope", 1, Kind::Message(&SCOPE)), ("metrics", 2, Kind::Messages(&METRIC))]);
static METRIC: Shape = Shape(&[
    ("name", 1, Kind::Text),
    ("unit", 3, Kind::Text),
    ("gauge", 5, Kind::Message(&NUMBERS)),
    ("sum", 7, Kind::Message(&NUMBERS)),
    ("histogram", 9, Kind::Message(&HISTOGRAM)),
    ("exponentialHistogram", 10, Kind::Message(&EXPONENTIAL_HISTOGRAM)),
    ("summary", 11, Kind::Message(&SUMMARY)),
]);
static NUMBERS: Shape = Shape(&[
    ("dataPoints", 1, Kind::Messages(&NUMBER_POINT)),
    ("aggregationTemporality", 2, Kind::Varint),
    ("isMonotonic", 3, Kind::Flag),
]);
static HISTOGRAM: Shape =
    Shape(&[("dataPoints", 1, Kind::Messages(&HISTOGRAM_POINT)), ("aggregationTemporality", 2, Kind::Varint)]);
static EXPONENTIAL_HISTOGRAM: Shape =
    Shape(&[("dataPoints", 1, Kind::Messages(&EXPONENTIAL_POINT)), ("aggregationTemporality", 2, Kind::Varint)]);
static SUMMARY: Shape = Shape(&[("dataPoints", 1, Kind::Messages(&NOTHING))]);
static NUMBER_POINT: Shape = Shape(&[
    ("startTimeUnixNano", 2, Kind::Fixed),
    ("timeUnixNano", 3, Kind::Fixed),
    ("asDouble", 4, Kind::Double),
    ("exemplars", 5, Kind::Messages(&EXEMPLAR)),
    ("asInt", 6, Kind::Fixed),
    ("attributes", 7, Kind::Messages(&KEY_VALUE)),
    ("flags", 8, Kind::Varint),
]);
static HISTOGRAM_POINT: Shape = Shape(&[
    ("startTimeUnixNano", 2, Kind::Fixed),
    ("timeUnixNano", 3, Kind::Fixed),
    ("count", 4, Kind::Fixed),
    ("sum", 5, Kind::Double),
    ("bucketCounts", 6, Kind::Fixeds),
    ("explicitBounds", 7, Kind::Doubles),
    ("exemplars", 8, Kind::Messages(&EXEMPLAR)),
    ("attributes", 9, Kind::Messages(&KEY_VALUE)),
    ("flags", 10, Kind::Varint),
    ("min", 11, Kind::Double),
    ("max", 12, Kind::Double),
]);
static EXPONENTIAL_POINT: Shape = Shape(&[
    ("attributes", 1, Kind::Messages(&KEY_VALUE)),
    ("startTimeUnixNano", 2, Kind::Fixed),
    ("timeUnixNano", 3, Kind::Fixed),
    ("count", 4, Kind::Fixed),
    ("sum", 5, Kind::Double),
    ("scale", 6, Kind::Zigzag),
    ("zeroCount", 7, Kind::Fixed),
    ("positive", 8, Kind::Message(&BUCKETS)),
    ("negative", 9, Kind::Message(&BUCKETS)),
    ("flags", 10, Kind::Varint),
    ("exemplars", 11, Kind::Messages(&EXEMPLAR)),
    ("zeroThreshold", 14, Kind::Double),
]);
static BUCKETS: Shape = Shape(&[("offset", 1, Kind::Zigzag), ("bucketCounts", 2, Kind::Varints)]);
static EXEMPLAR: Shape = Shape(&[
    ("timeUnixNano", 2, Kind::Fixed),
    ("asDouble", 3, Kind::Double),
    ("spanId", 4, Kind::Hex),
    ("traceId", 5, Kind::Hex),
    ("asInt", 6, Kind::Fixed),
]);
static NOTHING: Shape = Shape(&[]);

/// The body as Protocol Buffers. It is hardly ever larger, and at most five times as large: a `0` in a list takes nine
/// bytes. Objects may be nested as deep as serde_json allows, 128 levels.
pub(super) fn to_protobuf(body: &[u8], shape: &'static Shape) -> Result<Vec<u8>, WireError> {
    let mut out = Vec::with_capacity(body.len());
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = Object { shape, out: &mut out }.deserialize(&mut json).and_then(|()| json.end());
    read.map_err(|error| WireError::Broken { format: "OTLP JSON", problem: error.to_string() })?;
    Ok(out)
}

/// A message's length is written once it is known, into as many bytes as the longest needs.
const LENGTH_BYTES: usize = 4;

fn push_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn push_tag(out: &mut Vec<u8>, number: u32, wire_type: u64) {
    push_varint(out, u64::from(number) << 3 | wire_type);
}

fn push_bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    push_tag(out, number, 2);
    push_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Runs `write` and puts the length of what it wrote before it.
fn push_message<E: de::Error>(
    out: &mut Vec<u8>,
    number: u32,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    push_tag(out, number, 2);
    let at = out.len();
    out.extend_from_slice(&[0; LENGTH_BYTES]);
    write(out)?;
    let length = out.len() - at - LENGTH_BYTES;
    if length >= 1 << (7 * LENGTH_BYTES) {
        return Err(E::custom("an object is too large"));
    }
    for (digit, byte) in out[at..at + LENGTH_BYTES].iter_mut().enumerate() {
        let more = if digit + 1 < LENGTH_BYTES { 0x80 } else { 0 };
        *byte = (length >> (7 * digit) & 0x7f) as u8 | more;
    }
    Ok(())
}

/// One object, written as the fields of one message.
struct Object<'o> {
    shape: &'static Shape,
    out: &'o mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(known) = map.next_key_seed(Key(self.shape))? {
            match known {
                Some((_, number, kind)) => map.next_value_seed(Entry { number: *number, kind, out: &mut *self.out })?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

struct Key(&'static Shape);

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Option<&'static (&'static str, u32, Kind)>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Option<&'static (&'static str, u32, Kind)>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }
    fn visit_str<E: de::Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.0.iter().find(|known| known.0 == key))
    }
}

/// The value of a known key, or one entry of its list.
struct Entry<'o> {
    number: u32,
    kind: &'static Kind,
    out: &'o mut Vec<u8>,
}

impl Entry<'_> {
    fn whole<E: de::Error>(self, number: u64) -> Result<(), E> {
        match self.kind {
            Kind::Varint | Kind::Varints => {
                push_tag(self.out, self.number, 0);
                push_varint(self.out, number);
            }
            Kind::Zigzag => {
                let number = number.cast_signed();
                push_tag(self.out, self.number, 0);
                push_varint(self.out, (number << 1 ^ number >> 63).cast_unsigned());
            }
            _ => {
                push_tag(self.out, self.number, 1);
                self.out.extend_from_slice(&number.to_le_bytes());
            }
        }
        Ok(())
    }

    fn double<E: de::Error>(self, number: f64) -> Result<(), E> {
        if matches!(self.kind, Kind::Double | Kind::Doubles) {
            push_tag(self.out, self.number, 1);
            self.out.extend_from_slice(&number.to_le_bytes());
            return Ok(());
        }
        // Some writers know no whole numbers.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if number.fract() == 0.0 && number.abs() <= EXACT {
            return self.whole((number as i64).cast_unsigned());
        }
        Err(E::invalid_type(de::Unexpected::Float(number), &self))
    }
}

impl<'de> DeserializeSeed<'de> for Entry<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if let Kind::Unread = self.kind {
            push_bytes(self.out, self.number, &[]);
            return deserializer.deserialize_ignored_any(IgnoredAny).map(|_| ());
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Entry<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Text => "a text",
            Kind::Hex => "an id in hexadecimal",
            Kind::Flag => "true or false",
            Kind::Varint | Kind::Zigzag | Kind::Fixed => "a whole number",
            Kind::Double => "a number",
            Kind::Varints | Kind::Fixeds => "a list of whole numbers",
            Kind::Doubles => "a list of numbers",
            Kind::Message(_) => "an object",
            Kind::Messages(_) => "a list of objects",
            Kind::Unread => "anything",
        })
    }
    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<(), E> {
        let Kind::Flag = self.kind else { return Err(E::invalid_type(de::Unexpected::Bool(flag), &self)) };
        push_tag(self.out, self.number, 0);
        self.out.push(u8::from(flag));
        Ok(())
    }
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<(), E> {
        match self.kind {
            Kind::Double | Kind::Doubles => self.double(number as f64),
            Kind::Varint | Kind::Zigzag | Kind::Fixed | Kind::Varints | Kind::Fixeds => self.whole(number),
            _ => Err(E::invalid_type(de::Unexpected::Unsigned(number), &self)),
        }
    }
    fn visit_i64<E: de::Error>(self, number: i64) -> Result<(), E> {
        match self.kind {
            Kind::Double | Kind::Doubles => self.double(number as f64),
            Kind::Varint | Kind::Zigzag | Kind::Fixed => self.whole(number.cast_unsigned()),
            _ => Err(E::invalid_type(de::Unexpected::Signed(number), &self)),
        }
    }
    fn visit_f64<E: de::Error>(self, number: f64) -> Result<(), E> {
        match self.kind {
            Kind::Varint | Kind::Zigzag | Kind::Fixed | Kind::Double | Kind::Varints | Kind::Fixeds | Kind::Doubles => {
                self.double(number)
            }
            _ => Err(E::invalid_type(de::Unexpected::Float(number), &self)),
        }
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        let wrong = |entry: &Self| E::invalid_value(de::Unexpected::Str(text), entry);
        match self.kind {
            Kind::Text => {
                push_bytes(self.out, self.number, text.as_bytes());
                Ok(())
            }
            Kind::Hex => {
                push_bytes(self.out, self.number, &from_hex(text).ok_or_else(|| wrong(&self))?);
                Ok(())
            }
            Kind::Varint | Kind::Zigzag | Kind::Fixed | Kind::Varints | Kind::Fixeds => {
                let signed = || text.parse::<i64>().map(i64::cast_unsigned);
                let number = text.parse::<u64>().or_else(|_| signed()).map_err(|_| wrong(&self))?;
                self.whole(number)
            }
            // "NaN" and "Infinity" are among the texts that a number is read from.
            Kind::Double | Kind::Doubles => {
                let number = text.parse().map_err(|_| wrong(&self))?;
                self.double(number)
            }
            _ => Err(E::invalid_type(de::Unexpected::Str(text), &self)),
        }
    }
    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<(), M::Error> {
        let (Kind::Message(shape) | Kind::Messages(shape)) = self.kind else {
            return Err(de::Error::invalid_type(de::Unexpected::Map, &self));
        };
        push_message(self.out, self.number, |out| Object { shape, out }.visit_map(map))
    }
    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<(), S::Error> {
        if !matches!(self.kind, Kind::Messages(_) | Kind::Varints | Kind::Fixeds | Kind::Doubles) {
            return Err(de::Error::invalid_type(de::Unexpected::Seq, &self));
        }
        while list.next_element_seed(Entry { out: &mut *self.out, ..self })?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests;
