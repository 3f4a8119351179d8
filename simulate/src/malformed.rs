//! Lines that no reader can take, as real clients send them: cut, without a time, or not JSON at all.

use rand::RngExt;

use crate::random::{Random, one_of};

/// What stands where the time should be. Numbers would be taken for epoch milliseconds.
const WRONG_TIMES: [&str; 6] = ["null", "true", "\"yesterday\"", "\"2026-02-30T25:61:00Z\"", "{\"seconds\":12}", "[]"];
const GARBAGE: [&str; 5] = [
    "<html><body>502 Bad Gateway</body></html>",
    "GET /api/v1/events HTTP/1.1",
    "[1,2,3]",
    "\"event\"",
    "{\"time\":\"2026-03-02T00:00:00.000Z\" \"id\":}",
];

/// Turns the well-formed line that starts at `start` into one that isn't; it stays one line of ASCII.
pub(crate) fn spoil(out: &mut Vec<u8>, start: usize, random: &mut Random) {
    // `{"time":"2026-05-01T12:00:00.123Z",`: the first value begins after eight bytes and is 26 long.
    let (key, value) = (start + 1, start + 8..start + 34);
    match random.random_range(0..8) {
        0..4 => {
            // Never the whole line: without its closing brace no object is complete.
            let length = out.len() - start;
            let keep = random.random_range(1..length - 2);
            out.truncate(start + keep);
            out.push(b'\n');
        }
        4 => drop(out.drain(key..value.end + 1)),
        5 | 6 => drop(out.splice(value, one_of(random, &WRONG_TIMES).bytes())),
        _ => {
            out.truncate(start);
            out.extend_from_slice(one_of(random, &GARBAGE).as_bytes());
            out.push(b'\n');
        }
    }
}
