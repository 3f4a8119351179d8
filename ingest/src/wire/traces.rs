//! Which trace a log record or an exemplar belongs to, so that whoever looks at one request finds the rest of it.

use crate::builder::Slot;
use crate::wire::attributes::Rows;
use crate::wire::protobuf::{Broken, Field, Message};

#[derive(Debug, Clone, Copy)]
pub(super) struct TraceFields {
    trace: Slot,
    span: Slot,
    value: Slot,
}

/// Ids as they were sent; those that are not as long as the specification says, or all zeros, are none.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Trace<'a> {
    pub(super) trace: &'a [u8],
    pub(super) span: &'a [u8],
}

/// One request among those that a data point counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exemplar<'a> {
    value: f64,
    trace: Trace<'a>,
    /// The part of the point that counts it.
    part: i32,
}

const TRACE_BYTES: usize = 16;
const SPAN_BYTES: usize = 8;

impl<'a> Exemplar<'a> {
    /// What it was beside its value, and which attributes the point leaves out, is passed over. `None` without a value.
    pub(super) fn read(message: &'a [u8]) -> Result<Option<Self>, Broken> {
        let (mut value, mut trace) = (None, Trace::default());
        for field in Message::new(message) {
            match field? {
                (3, Field::Fixed64(bits)) => value = Some(f64::from_bits(bits)),
                (6, Field::Fixed64(bits)) => value = Some(bits.cast_signed() as f64),
                (4, Field::Bytes(id)) => trace.span = id,
                (5, Field::Bytes(id)) => trace.trace = id,
                _ => {}
            }
        }
        Ok(value.filter(|value| value.is_finite()).map(|value| Self { value, trace, part: 0 }))
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
            if id.len() == length && id.iter().any(|byte| *byte != 0) {
                let _ = self.builder.text(slot, &hex(id));
            }
        }
    }

    /// The last exemplar of a part, whose value is exact where the part's own is a bucket's middle.
    pub(super) fn put_exemplar(&mut self, fields: TraceFields, exemplars: &[Exemplar<'a>], part: i32) {
        if let Some(exemplar) = exemplars.iter().rev().find(|exemplar| exemplar.part == part) {
            self.put_trace(fields, exemplar.trace);
            let _ = self.builder.number(fields.value, exemplar.value);
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
