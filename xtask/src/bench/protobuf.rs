//! Protocol Buffers, written by hand: a handful of field kinds is all that the bodies here need.

/// A message while it is written. Fields come out in the order in which they are put.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Message(Vec<u8>);

const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const LENGTH_DELIMITED: u64 = 2;

impl Message {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn varint(mut self, field: u64, value: u64) -> Self {
        self.tag(field, VARINT);
        push_varint(&mut self.0, value);
        self
    }

    /// A signed number as `sint32` and `sint64` have it: small ones stay short, whatever their sign.
    pub(crate) fn zigzag(self, field: u64, value: i64) -> Self {
        self.varint(field, ((value << 1) ^ (value >> 63)).cast_unsigned())
    }

    pub(crate) fn fixed64(mut self, field: u64, value: u64) -> Self {
        self.tag(field, FIXED64);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub(crate) fn double(self, field: u64, value: f64) -> Self {
        self.fixed64(field, value.to_bits())
    }

    pub(crate) fn text(self, field: u64, value: &str) -> Self {
        self.bytes(field, value.as_bytes())
    }

    pub(crate) fn message(self, field: u64, value: &Self) -> Self {
        self.bytes(field, &value.0)
    }

    pub(crate) fn packed_varints(self, field: u64, values: &[u64]) -> Self {
        let mut packed = Vec::with_capacity(values.len());
        values.iter().for_each(|value| push_varint(&mut packed, *value));
        self.bytes(field, &packed)
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn bytes(mut self, field: u64, bytes: &[u8]) -> Self {
        self.tag(field, LENGTH_DELIMITED);
        push_varint(&mut self.0, bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    fn tag(&mut self, field: u64, kind: u64) {
        push_varint(&mut self.0, (field << 3) | kind);
    }
}

fn push_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_the_bytes_that_the_encoding_guide_gives() {
        // protobuf.dev/programming-guides/encoding: 150 in field 1, "testing" in field 2, 3 270 86942 packed in field 6.
        assert_eq!(Message::new().varint(1, 150).into_bytes(), [0x08, 0x96, 0x01]);
        assert_eq!(Message::new().text(2, "testing").into_bytes(), b"\x12\x07testing");
        let packed = Message::new().packed_varints(6, &[3, 270, 86942]);
        assert_eq!(packed.into_bytes(), [0x32, 0x06, 0x03, 0x8e, 0x02, 0x9e, 0xa7, 0x05]);
        let inner = Message::new().varint(1, 150);
        assert_eq!(Message::new().message(3, &inner).into_bytes(), [0x1a, 0x03, 0x08, 0x96, 0x01]);
    }

    #[test]
    fn numbers_keep_their_signs_and_bits() {
        let zigzags = [0, -1, 1, -2].map(|value| Message::new().zigzag(1, value).into_bytes()[1]);
        assert_eq!(zigzags, [0, 1, 2, 3]);
        assert_eq!(Message::new().double(4, 1.0).into_bytes(), [0x21, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
        assert_eq!(Message::new().varint(16, u64::MAX).into_bytes().len(), 2 + 10);
    }
}
