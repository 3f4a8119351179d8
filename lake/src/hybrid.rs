//! Parquet's hybrid of run lengths and bit packing, which holds the codes of a column and which of its rows are null.

/// A run shorter than this is packed with its neighbours: its header would cost as much.
const RUN_MIN: usize = 32;
/// Values are packed in groups of so many.
const GROUP: usize = 8;

/// Bits that the largest of `values` numbers, counted from 0, takes.
pub(crate) fn width_of(values: usize) -> u32 {
    usize::BITS - values.saturating_sub(1).leading_zeros()
}

/// Appends the values, each of which fits into `width` bits.
pub(crate) fn encode(values: &[u32], width: u32, into: &mut Vec<u8>) {
    let mut packed_from = 0;
    let mut at = 0;
    while at < values.len() {
        let value = values[at];
        let run = values[at..].iter().take_while(|other| **other == value).count();
        if run < RUN_MIN {
            at = (at + GROUP).min(values.len());
            continue;
        }
        pack(&values[packed_from..at], width, into);
        varint((run as u64) << 1, into);
        into.extend_from_slice(&value.to_le_bytes()[..width.div_ceil(8) as usize]);
        at += run;
        packed_from = at;
    }
    pack(&values[packed_from..], width, into);
}

/// The last group may be short, and is filled up: whoever reads knows how many values there are.
fn pack(values: &[u32], width: u32, into: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    varint(((values.len().div_ceil(GROUP) as u64) << 1) | 1, into);
    let (mut bits, mut filled) = (0_u64, 0);
    for group in values.chunks(GROUP) {
        for at in 0..GROUP {
            bits |= u64::from(group.get(at).copied().unwrap_or(0)) << filled;
            filled += width;
            while filled >= 8 {
                into.push(bits as u8);
                bits >>= 8;
                filled -= 8;
            }
        }
    }
}

fn varint(mut value: u64, into: &mut Vec<u8>) {
    while value >= 0x80 {
        into.push(value as u8 | 0x80);
        value >>= 7;
    }
    into.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The other direction, written from the format's description.
    fn decode(mut bytes: &[u8], width: u32, count: usize) -> Vec<u32> {
        let mut values = Vec::new();
        while values.len() < count {
            let mut header = 0_u64;
            for shift in (0..).step_by(7) {
                let (byte, rest) = bytes.split_first().unwrap();
                bytes = rest;
                header |= u64::from(byte & 0x7f) << shift;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            if header & 1 == 0 {
                let (value, rest) = bytes.split_at(width.div_ceil(8) as usize);
                bytes = rest;
                let value = value.iter().rev().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
                values.extend(std::iter::repeat_n(value, (header >> 1) as usize));
            } else {
                let (packed, rest) = bytes.split_at((header >> 1) as usize * width as usize);
                bytes = rest;
                let bit = |at: usize| u32::from(packed[at / 8] >> (at % 8) & 1);
                let value = |at: usize| (0..width as usize).map(|of| bit(at * width as usize + of) << of).sum::<u32>();
                values.extend((0..(header >> 1) as usize * GROUP).map(value));
            }
        }
        assert!(bytes.is_empty());
        values.truncate(count);
        values
    }

    #[test]
    fn values_come_back() {
        for width in 0..=20 {
            let most = (1_u64 << width) as u32;
            for (runs, length) in [(1, 1), (7, 3), (40, 5), (1, 31), (1, 32), (3, 33), (2, 1000), (300, 1)] {
                let value = |run: u32| run.wrapping_mul(2_654_435_761) % most;
                let mut values: Vec<u32> = (0..runs).flat_map(|run| std::iter::repeat_n(value(run), length)).collect();
                values.extend((0..17).map(value));
                let mut bytes = Vec::new();
                encode(&values, width, &mut bytes);
                assert_eq!(decode(&bytes, width, values.len()), values, "{width} bits, {runs} runs of {length}");
            }
        }
    }

    #[test]
    fn as_many_bits_as_needed() {
        assert_eq!([0, 1, 2, 3, 4, 5, 256, 257].map(width_of), [0, 0, 1, 2, 2, 3, 8, 9]);
    }
}
