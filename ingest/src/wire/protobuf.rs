//! Protocol Buffers read in place: one field of a message after the other, texts and messages as slices of the body.
//!
//! Building the messages first would let two bytes of a hostile body become two hundred of memory. Nothing is built:
//! a message is entered no deeper than its reader asks for, and the formats put values straight into the columns.

/// What is wrong with a message, as the end of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken(pub(super) &'static str);

const CUT_SHORT: Broken = Broken("it is cut short");

/// One field's value; the number before it says what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    /// A text, a message, or numbers packed together.
    Bytes(&'a [u8]),
}

impl From<Broken> for String {
    fn from(Broken(problem): Broken) -> Self {
        format!("it cannot be read: {problem}")
    }
}

/// The fields that are left of a message. After an error there are none.
#[derive(Debug)]
pub(super) struct Message<'a>(&'a [u8]);

impl<'a> Message<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next field, if it is a short text or message with this number, which must be below 16. Fields that are
    /// repeated come one after the other.
    #[inline(always)]
    pub(super) fn bytes_of(&mut self, number: u8) -> Option<&'a [u8]> {
        let (tag, rest) = self.0.split_first()?;
        if *tag != number << 3 | 2 {
            return None;
        }
        let (bytes, rest) = short_bytes(rest)?;
        self.0 = rest;
        Some(bytes)
    }

    /// Nearly all fields have a number below 16, and nearly all texts and messages are shorter than 128 bytes.
    #[inline(always)]
    fn field(&mut self) -> Result<(u32, Field<'a>), Broken> {
        if let [tag @ 8..0x80, rest @ ..] = self.0 {
            let number = u32::from(tag >> 3);
            match tag & 7 {
                0 if let [byte @ ..0x80, rest @ ..] = rest => {
                    self.0 = rest;
                    return Ok((number, Field::Varint(u64::from(*byte))));
                }
                1 if let Some((bits, rest)) = rest.split_first_chunk() => {
                    self.0 = rest;
                    return Ok((number, Field::Fixed64(u64::from_le_bytes(*bits))));
                }
                2 if let Some((bytes, rest)) = short_bytes(rest) => {
                    self.0 = rest;
                    return Ok((number, Field::Bytes(bytes)));
                }
                _ => {}
            }
        }
        self.any_field()
    }

    #[inline(never)]
    fn any_field(&mut self) -> Result<(u32, Field<'a>), Broken> {
        let tag = varint(&mut self.0)?;
        let number =
            u32::try_from(tag >> 3).ok().filter(|number| *number > 0).ok_or(Broken("a field has no number"))?;
        let field = match tag & 7 {
            0 => Field::Varint(varint(&mut self.0)?),
            1 => Field::Fixed64(u64::from_le_bytes(take(&mut self.0)?)),
            2 => {
                let length = usize::try_from(varint(&mut self.0)?).map_err(|_| CUT_SHORT)?;
                let (bytes, rest) = self.0.split_at_checked(length).ok_or(CUT_SHORT)?;
                self.0 = rest;
                Field::Bytes(bytes)
            }
            5 => Field::Fixed32(u32::from_le_bytes(take(&mut self.0)?)),
            _ => return Err(Broken("a field is of a kind that no longer exists")),
        };
        Ok((number, field))
    }
}

impl<'a> Iterator for Message<'a> {
    type Item = Result<(u32, Field<'a>), Broken>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

/// A text or a message behind a length of one byte, and what follows it.
#[inline(always)]
pub(super) fn short_bytes(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    match bytes {
        [length @ ..0x80, rest @ ..] => rest.split_at_checked(usize::from(*length)),
        _ => None,
    }
}

#[inline]
fn varint(bytes: &mut &[u8]) -> Result<u64, Broken> {
    if let [byte @ ..0x80, rest @ ..] = bytes {
        let value = u64::from(*byte);
        *bytes = rest;
        return Ok(value);
    }
    let mut value = 0_u64;
    for (at, &byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte < 0x80 {
            *bytes = &bytes[at + 1..];
            return Ok(value);
        }
    }
    Err(if bytes.len() < 10 { CUT_SHORT } else { Broken("a number has more than 64 bits") })
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], Broken> {
    let (taken, rest) = bytes.split_first_chunk::<N>().ok_or(CUT_SHORT)?;
    *bytes = rest;
    Ok(*taken)
}

#[inline]
pub(super) fn text(bytes: &[u8]) -> Result<&str, Broken> {
    std::str::from_utf8(bytes).map_err(|_| Broken("a text is not valid UTF-8"))
}

/// The numbers of `sint32` and `sint64`.
pub(super) fn zigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

/// A message may hold so many numbers in a row; no histogram that is in use comes near. Packed, a number takes one byte
/// on the wire and eight in memory.
const NUMBERS_MAX: usize = 16_384;

/// Adds the numbers of a repeated integer field, packed or one by one.
pub(super) fn push_varints(numbers: &mut Vec<u64>, field: Field<'_>) -> Result<(), Broken> {
    match field {
        Field::Varint(number) => push(numbers, number),
        // Counts are small, most of them: a byte each.
        Field::Bytes(packed) if packed.len() <= NUMBERS_MAX.saturating_sub(numbers.len()) && packed.is_ascii() => {
            numbers.extend(packed.iter().map(|&byte| u64::from(byte)));
            Ok(())
        }
        Field::Bytes(mut packed) => {
            while !packed.is_empty() {
                push(numbers, varint(&mut packed)?)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Adds the numbers of a repeated `fixed64` or, as bits, `double` field, packed or one by one.
pub(super) fn push_fixed64s(numbers: &mut Vec<u64>, field: Field<'_>) -> Result<(), Broken> {
    match field {
        Field::Fixed64(number) => push(numbers, number),
        Field::Bytes(mut packed) => {
            while !packed.is_empty() {
                push(numbers, u64::from_le_bytes(take(&mut packed)?))?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

pub(super) fn push_doubles(numbers: &mut Vec<f64>, field: Field<'_>) -> Result<(), Broken> {
    let mut bits = Vec::new();
    push_fixed64s(&mut bits, field)?;
    bits.into_iter().try_for_each(|bits| push(numbers, f64::from_bits(bits)))
}

fn push<T>(numbers: &mut Vec<T>, number: T) -> Result<(), Broken> {
    if numbers.len() >= NUMBERS_MAX {
        return Err(Broken("it holds more than 16384 numbers in a row"));
    }
    numbers.push(number);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, PartialEq, prost::Message)]
    struct Sample {
        #[prost(uint64, tag = "1")]
        varint: u64,
        #[prost(fixed64, tag = "2")]
        fixed: u64,
        #[prost(fixed32, tag = "3")]
        short: u32,
        #[prost(string, tag = "4")]
        text: String,
        #[prost(sint64, tag = "5")]
        signed: i64,
        #[prost(uint64, repeated, tag = "6")]
        many: Vec<u64>,
        #[prost(double, repeated, tag = "536870911")]
        doubles: Vec<f64>,
    }

    proptest! {
        #[test]
        fn what_prost_writes_is_read(
            varint in 1_u64.., fixed in 1_u64.., short in 1_u32.., words in ".{1,20}", signed: i64,
            many in prop::collection::vec(any::<u64>(), 1..20), double in -1e9..1e9,
        ) {
            let sample = Sample { varint, fixed, short, text: words, signed, many, doubles: vec![double] };
            let bytes = prost::Message::encode_to_vec(&sample);
            let mut read = Sample::default();
            for field in Message::new(&bytes) {
                match field.unwrap() {
                    (1, Field::Varint(number)) => read.varint = number,
                    (2, Field::Fixed64(number)) => read.fixed = number,
                    (3, Field::Fixed32(number)) => read.short = number,
                    (4, Field::Bytes(bytes)) => read.text = text(bytes).unwrap().to_owned(),
                    (5, Field::Varint(number)) => read.signed = zigzag(number),
                    (6, field) => push_varints(&mut read.many, field).unwrap(),
                    (536_870_911, field) => push_doubles(&mut read.doubles, field).unwrap(),
                    other => panic!("{other:?}"),
                }
            }
            prop_assert_eq!(read, sample);
        }

        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let fields: Vec<_> = Message::new(&bytes).collect();
            prop_assert!(fields.len() <= bytes.len());
            prop_assert!(fields.iter().rev().skip(1).all(Result::is_ok), "nothing follows an error");
        }
    }

    #[test]
    fn broken_messages_are_named() {
        let problem = |bytes: &[u8]| Message::new(bytes).find_map(Result::err).unwrap().0;
        assert_eq!(problem(&[0x0a, 5, 1]), "it is cut short");
        assert_eq!(problem(&[0x08]), "it is cut short");
        assert_eq!(
            problem(&[0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]),
            "a number has more than 64 bits"
        );
        assert_eq!(problem(&[0x0b]), "a field is of a kind that no longer exists");
        assert_eq!(problem(&[0x02, 0]), "a field has no number");
    }

    #[test]
    fn numbers_in_a_row_are_bounded() {
        let packed = vec![1_u8; NUMBERS_MAX + 1];
        assert!(push_varints(&mut Vec::new(), Field::Bytes(&packed)).is_err());
        assert!(push_varints(&mut Vec::new(), Field::Bytes(&packed[1..])).is_ok());
    }
}
