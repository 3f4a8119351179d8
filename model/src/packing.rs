//! Whole numbers in as few bytes as they need: seven bits a byte, the lowest first.

pub fn put(into: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        into.push(number as u8 | 0x80);
        number >>= 7;
    }
    into.push(number as u8);
}

/// Small numbers of either sign take few bytes.
pub(crate) fn put_signed(into: &mut Vec<u8>, number: i64) {
    put(into, ((number << 1) ^ (number >> 63)).cast_unsigned());
}

pub(crate) fn put_wide(into: &mut Vec<u8>, number: u128) {
    put(into, number as u64);
    put(into, (number >> 64) as u64);
}

/// `None` where the bytes end before the number does.
pub fn take(from: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for (at, &byte) in from.iter().enumerate().take(10) {
        number |= u64::from(byte & 0x7f) << (7 * at);
        if byte < 0x80 {
            *from = &from[at + 1..];
            return Some(number);
        }
    }
    None
}

pub(crate) fn take_signed(from: &mut &[u8]) -> Option<i64> {
    take(from).map(|number| (number >> 1).cast_signed() ^ -(number & 1).cast_signed())
}

pub(crate) fn take_wide(from: &mut &[u8]) -> Option<u128> {
    let low = take(from)?;
    Some(u128::from(take(from)?) << 64 | u128::from(low))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn small_numbers_take_one_byte_and_cut_ones_are_none() {
        let mut bytes = Vec::new();
        put(&mut bytes, 127);
        put_signed(&mut bytes, -64);
        assert_eq!(bytes.len(), 2);
        assert_eq!(take(&mut &[0x80, 0x80][..]), None);
        assert_eq!(take(&mut &[][..]), None);
    }

    proptest! {
        #[test]
        fn numbers_come_back(number: u64, signed: i64, wide: u128) {
            let mut bytes = Vec::new();
            put(&mut bytes, number);
            put_signed(&mut bytes, signed);
            put_wide(&mut bytes, wide);
            let mut left = bytes.as_slice();
            prop_assert_eq!(take(&mut left), Some(number));
            prop_assert_eq!(take_signed(&mut left), Some(signed));
            prop_assert_eq!(take_wide(&mut left), Some(wide));
            prop_assert!(left.is_empty());
        }
    }
}
