//! An event as the line that a client sends: JSON written by hand, because there are many.

use crate::failures::FAMILIES;
use crate::random::hash;
use crate::request::{Dimension, ErrorText, Event, Stage};
use crate::slice::Names;

/// Crockford's alphabet: no I, L, O, U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Odd, so that multiplication permutes the 50 bits of the second half of an id.
const SERIAL_FACTOR: u64 = 0x2_5b7e_1516_28af;
const HALF_BITS: u32 = 50;

#[derive(Debug)]
pub(crate) struct EventLines {
    names: Names,
    salt: u64,
}

impl EventLines {
    pub(crate) fn new(names: Names, seed: u64) -> Self {
        Self { names, salt: hash(seed) }
    }

    /// Appends the line with its line feed.
    pub(crate) fn write(&self, event: &Event, out: &mut Vec<u8>) {
        let request = &event.request;
        out.extend_from_slice(b"{\"time\":\"");
        write_time(event.time_ms, out);
        out.extend_from_slice(b"\",\"id\":\"");
        self.write_id(event, out);
        for dimension in Dimension::ALL {
            out.extend_from_slice(b"\",\"");
            out.extend_from_slice(dimension.name().as_bytes());
            out.extend_from_slice(b"\":\"");
            out.extend_from_slice(self.names.of(dimension, request.dims.index(dimension)).as_bytes());
        }
        out.extend_from_slice(b"\",\"user\":\"");
        write_number(u64::from(request.user), out);
        out.extend_from_slice(b"\",\"outcome\":\"");
        out.extend_from_slice(request.outcome.name().as_bytes());
        out.extend_from_slice(b"\",\"error\":");
        write_error(request.error, out);
        // Tenths of a millisecond are whole numbers here: the printed parts add up to the printed total exactly.
        let tenths = request.stages_ms.map(|ms| (ms * 10.0).round() as u64);
        out.extend_from_slice(b",\"total_ms\":");
        write_tenths(tenths.iter().sum(), out);
        for (stage, tenths) in Stage::ALL.into_iter().zip(tenths) {
            out.extend_from_slice(b",\"");
            out.extend_from_slice(stage.field().as_bytes());
            out.extend_from_slice(b"\":");
            write_tenths(tenths, out);
        }
        out.extend_from_slice(b"}\n");
    }

    /// Ten characters of time, then ten of the serial number, shuffled: unique, and sorted by time.
    fn write_id(&self, event: &Event, out: &mut Vec<u8>) {
        let shuffled = event.serial.wrapping_add(self.salt).wrapping_mul(SERIAL_FACTOR);
        for half in [event.time_ms as u64, shuffled] {
            let mut shift = HALF_BITS;
            while shift > 0 {
                shift -= 5;
                out.push(ALPHABET[(half >> shift) as usize & 31]);
            }
        }
    }
}

fn write_error(error: Option<ErrorText>, out: &mut Vec<u8>) {
    let Some(ErrorText { family, numbers }) = error else {
        out.extend_from_slice(b"null");
        return;
    };
    let family = &FAMILIES[usize::from(family)];
    let [first, second, third] = family.pieces;
    out.push(b'"');
    out.extend_from_slice(family.code.as_bytes());
    out.extend_from_slice(first.as_bytes());
    write_number(u64::from(numbers[0]), out);
    out.extend_from_slice(second.as_bytes());
    if family.has_second() {
        write_number(u64::from(numbers[1]), out);
        out.extend_from_slice(third.as_bytes());
    }
    out.push(b'"');
}

/// 2026-05-01T12:00:00.123Z
fn write_time(time_ms: i64, out: &mut Vec<u8>) {
    let (year, month, day) = date_of(time_ms.div_euclid(86_400_000));
    let ms = time_ms.rem_euclid(86_400_000) as u64;
    write_padded(year, 4, out);
    out.push(b'-');
    write_padded(month, 2, out);
    out.push(b'-');
    write_padded(day, 2, out);
    out.push(b'T');
    write_padded(ms / 3_600_000, 2, out);
    out.push(b':');
    write_padded(ms / 60_000 % 60, 2, out);
    out.push(b':');
    write_padded(ms / 1_000 % 60, 2, out);
    out.push(b'.');
    write_padded(ms % 1_000, 3, out);
    out.push(b'Z');
}

/// Year, month and day of a day since 1970, by Hinnant's `civil_from_days`: years begin in March, eras last 400 of
/// them. For days from 1970 on.
fn date_of(days: i64) -> (u64, u64, u64) {
    let shifted = days as u64 + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

fn write_padded(number: u64, digits: usize, out: &mut Vec<u8>) {
    let mut rest = number;
    let mut text = [b'0'; 4];
    for digit in text[..digits].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(&text[..digits]);
}

fn write_number(number: u64, out: &mut Vec<u8>) {
    let mut rest = number;
    let mut text = [0; 20];
    let mut at = text.len();
    loop {
        at -= 1;
        text[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&text[at..]);
}

fn write_tenths(tenths: u64, out: &mut Vec<u8>) {
    write_number(tenths / 10, out);
    out.push(b'.');
    out.push(b'0' + (tenths % 10) as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{Dims, Outcome, Request};
    use chrono::{DateTime, SecondsFormat};

    #[test]
    fn times_are_what_chrono_prints() {
        for time_ms in [0, 951_782_399_999, 1_772_409_600_123, 1_709_164_800_000, 4_107_542_399_001, 7_258_118_400_000]
        {
            let mut out = Vec::new();
            write_time(time_ms, &mut out);
            let expected = DateTime::from_timestamp_millis(time_ms).expect("in range");
            assert_eq!(String::from_utf8_lossy(&out), expected.to_rfc3339_opts(SecondsFormat::Millis, true));
        }
    }

    #[test]
    fn a_line_has_the_shape_of_the_contract() {
        let request = Request {
            dims: Dims::new([0, 0, 0, 1, 2, 0, 0, 2]),
            user: 31_188,
            stages_ms: [53.94, 1213.0, 0.0, 0.0, 0.0],
            outcome: Outcome::Timeout,
            error: Some(ErrorText { family: 4, numbers: [1213, 1] }),
        };
        let event = Event { time_ms: 1_777_636_800_123, serial: 7, request };
        let mut out = Vec::new();
        EventLines::new(Names::new(), 1).write(&event, &mut out);
        let line = String::from_utf8(out).expect("text");
        let id = &line[41..61];
        assert!(id.bytes().all(|letter| ALPHABET.contains(&letter)), "{line}");
        let expected = r#"{"time":"2026-05-01T12:00:00.123Z","id":"#.to_owned()
            + &format!(r#""{id}","platform":"iOS","os_version":"26.1","build":"23B"#);
        assert!(line.starts_with(&expected), "{line}");
        let rest =
            r#","device":"iPhone17,1","locale":"de_DE","feature":"timers","network":"wifi","cluster":"eu-central-1","#
                .to_owned()
                + r#""user":"31188","outcome":"timeout","error":"ASR_TIMEOUT: recognizer deadline exceeded after 1213 ms","#
                + r#""total_ms":1266.9,"network_ms":53.9,"asr_ms":1213.0,"nlu_ms":0.0,"fulfil_ms":0.0,"tts_ms":0.0}"#
                + "\n";
        assert!(line.ends_with(&rest), "{line}");
    }
}
