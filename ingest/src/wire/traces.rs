//! Which trace a log record or an exemplar belongs to, so that whoever looks at one request finds the rest of it.

use hark_model::Timestamp;

use crate::builder::{Slot, check_time};
use crate::wire::attributes::{Rows, from_nanos};
use crate::wire::protobuf::{Broken, Field, Message};

#[derive(Debug, Clone, Copy)]
pub(super) struct TraceFields {
    trace: Slot,
    span: Slot,
    value: Slot,
}

/// Ids as they were sent.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Trace<'a> {
    pub(super) trace: Id<'a>,
    pub(super) span: Id<'a>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Id<'a> {
    /// One that is not as long as the specification says, or all zeros, is none.
    Bytes(&'a [u8]),
    /// In whatever form the sender writes it.
    Text(&'a str),
}

impl Default for Id<'_> {
    fn default() -> Self {
        Self::Bytes(&[])
    }
}

/// One request among those that a data point counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exemplar<'a> {
    pub(super) value: f64,
    pub(super) time: Option<Timestamp>,
    pub(super) trace: Trace<'a>,
    /// The part of the point that counts it.
    pub(super) part: i32,
}

/// When the request was, which may be long before its data point says how many there have been.
const EXEMPLAR_TIME: &str = "exemplar_time";
const TRACE_BYTES: usize = 16;
const SPAN_BYTES: usize = 8;

impl<'a> Exemplar<'a> {
    /// What it was beside its value, and which attributes the point leaves out, is passed over. `None` without a value.
    pub(super) fn read(message: &'a [u8]) -> Result<Option<Self>, Broken> {
        let (mut value, mut time, mut trace) = (None, None, Trace::default());
        for field in Message::new(message) {
            match field? {
                (2, Field::Fixed64(nanos)) => time = from_nanos(nanos),
                (3, Field::Fixed64(bits)) => value = Some(f64::from_bits(bits)),
                (6, Field::Fixed64(bits)) => value = Some(bits.cast_signed() as f64),
                (4, Field::Bytes(id)) => trace.span = Id::Bytes(id),
                (5, Field::Bytes(id)) => trace.trace = Id::Bytes(id),
                _ => {}
            }
        }
        Ok(value.filter(|value| value.is_finite()).map(|value| Self { value, time, trace, part: 0 }))
    }

    /// Says of each which part of its point counts it.
    pub(super) fn assign(exemplars: &mut [Self], part_of: impl Fn(f64) -> i32) {
        exemplars.iter_mut().for_each(|exemplar| exemplar.part = part_of(exemplar.value));
    }
}

impl<'a> Rows<'a> {
    pub(super) fn trace_fields(&mut self) -> TraceFields {
        let [trace, span, value] = ["trace_id", "span_id", "exemplar_value"].map(|name| self.builder.slot(name));
        TraceFields { trace, span, value }
    }

    /// A field that means something else to a metric keeps what it has: a trace is never worth a row.
    pub(super) fn put_trace(&mut self, fields: TraceFields, ids: Trace<'_>) {
        for (slot, id, length) in [(fields.trace, ids.trace, TRACE_BYTES), (fields.span, ids.span, SPAN_BYTES)] {
            match id {
                Id::Bytes(id) if id.len() == length && id.iter().any(|byte| *byte != 0) => {
                    let _ = self.builder.text(slot, &hex(id));
                }
                Id::Text(id) if !id.is_empty() => {
                    let _ = self.builder.text(slot, id);
                }
                Id::Bytes(_) | Id::Text(_) => {}
            }
        }
    }

    /// The last exemplar of a part, whose value is exact where the part's own is a bucket's middle.
    pub(super) fn put_exemplar(&mut self, fields: TraceFields, exemplars: &[Exemplar<'a>], part: i32) {
        if let Some(exemplar) = exemplars.iter().rev().find(|exemplar| exemplar.part == part) {
            self.put_trace(fields, exemplar.trace);
            let _ = self.builder.number(fields.value, exemplar.value);
            if let Ok(time) = check_time(exemplar.time) {
                let slot = self.builder.slot(EXEMPLAR_TIME);
                let _ = self.builder.text(slot, &time.to_string());
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// The bytes that a text of hexadecimal digits stands for.
pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_goes_there_and_back() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(from_hex(&hex(&bytes)), Some(bytes));
        assert_eq!(from_hex("A0ff"), Some(vec![0xa0, 0xff]));
        assert_eq!(["abc", "zz", "é"].map(from_hex), [None, None, None]);
    }
}
