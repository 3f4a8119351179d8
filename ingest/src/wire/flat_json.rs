//! The usual line, read without a general parser: one flat object of plain texts, short numbers, booleans and nulls.
//!
//! Whatever is not that (an escape, an exponent, something nested, a mistake) is left to serde_json, which reads the line
//! from its beginning and says what is wrong with it. So this may give up at any point, and must never take what
//! serde_json would refuse or read otherwise; a property test holds the two against each other.

/// A value as it stands in the line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Plain<'a> {
    Text(&'a str),
    Whole(i64),
    Number(f64),
    Flag(bool),
    Null,
}

/// Ten to the power of its index; all of them are exact.
const POWERS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
/// So many digits are below 2^53, so that they and their division by a power of ten are exact but for one rounding.
const DIGITS_MAX: usize = 15;

pub(super) struct FlatObject<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> FlatObject<'a> {
    /// `text` has no blanks around it.
    pub(super) fn new(text: &'a str) -> Option<Self> {
        let mut object = Self { text, at: 0 };
        object.expect(b'{')?;
        object.blanks();
        // An empty object, or a key.
        Some(object)
    }

    /// The next key. `guess` is what it most likely is.
    pub(super) fn key(&mut self, guess: Option<&str>) -> Option<&'a str> {
        self.expect(b'"')?;
        if let Some(guess) = guess {
            let end = self.at + guess.len();
            let bytes = self.text.as_bytes();
            if bytes.get(end) == Some(&b'"') && bytes[self.at..end] == *guess.as_bytes() {
                let key = &self.text[self.at..end];
                self.at = end + 1;
                return self.colon().map(|()| key);
            }
        }
        let key = self.rest_of_text()?;
        self.colon().map(|()| key)
    }

    pub(super) fn value(&mut self) -> Option<Plain<'a>> {
        match *self.text.as_bytes().get(self.at)? {
            b'"' => {
                self.at += 1;
                self.rest_of_text().map(Plain::Text)
            }
            b't' => self.word("true", Plain::Flag(true)),
            b'f' => self.word("false", Plain::Flag(false)),
            b'n' => self.word("null", Plain::Null),
            _ => self.number(),
        }
    }

    /// Whether another key follows; `Some(false)` at the end of the object and the line.
    pub(super) fn has_more(&mut self) -> Option<bool> {
        self.blanks();
        let bytes = self.text.as_bytes();
        match bytes.get(self.at)? {
            b',' => {
                self.at += 1;
                self.blanks();
                Some(true)
            }
            b'}' if self.at + 1 == bytes.len() => Some(false),
            _ => None,
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.text.as_bytes().get(self.at) == Some(&byte)).then(|| self.at += 1)
    }

    fn colon(&mut self) -> Option<()> {
        self.blanks();
        self.expect(b':')?;
        self.blanks();
        Some(())
    }

    fn blanks(&mut self) {
        while matches!(self.text.as_bytes().get(self.at), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    fn word(&mut self, word: &str, value: Plain<'a>) -> Option<Plain<'a>> {
        let is_word = self.text.as_bytes()[self.at..].starts_with(word.as_bytes());
        self.at += word.len();
        is_word.then_some(value)
    }

    /// From behind the opening quote up to the closing one.
    fn rest_of_text(&mut self) -> Option<&'a str> {
        let start = self.at;
        let end = start + plain_length(&self.text.as_bytes()[start..])?;
        self.at = end + 1;
        // The quote is one byte of its own, so these are bounds of characters.
        self.text.get(start..end)
    }

    fn number(&mut self) -> Option<Plain<'a>> {
        let bytes = self.text.as_bytes();
        let is_negative = bytes[self.at] == b'-';
        let start = self.at + usize::from(is_negative);
        let mut at = start;
        let mut digits = 0_i64;
        while let Some(digit) = bytes.get(at).filter(|byte| byte.is_ascii_digit()) {
            digits = digits.wrapping_mul(10).wrapping_add(i64::from(digit - b'0'));
            at += 1;
        }
        let whole = at - start;
        if whole == 0 || whole > DIGITS_MAX || (whole > 1 && bytes[start] == b'0') {
            return None;
        }
        if bytes.get(at) != Some(&b'.') {
            if matches!(bytes.get(at), Some(b'e' | b'E')) || (is_negative && digits == 0) {
                return None;
            }
            self.at = at;
            return Some(Plain::Whole(if is_negative { -digits } else { digits }));
        }
        at += 1;
        let point = at;
        while let Some(digit) = bytes.get(at).filter(|byte| byte.is_ascii_digit()) {
            digits = digits.wrapping_mul(10).wrapping_add(i64::from(digit - b'0'));
            at += 1;
        }
        let decimals = at - point;
        if decimals == 0 || whole + decimals > DIGITS_MAX || matches!(bytes.get(at), Some(b'e' | b'E')) {
            return None;
        }
        self.at = at;
        let value = digits as f64 / POWERS[decimals];
        Some(Plain::Number(if is_negative { -value } else { value }))
    }
}

/// How far it is to the closing quote; `None` if an escape or a control character comes first, or none of them. Eight
/// bytes at a time (H. S. Warren, "Hacker's Delight", 6-1: finding a byte in a word).
fn plain_length(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let has_zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let mut at = 0;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let quote = has_zero(word ^ (ONES * u64::from(b'"')));
        let escape = has_zero(word ^ (ONES * u64::from(b'\\')));
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let found = quote | escape | control;
        if found != 0 {
            // Only the lowest mark is exact: a borrow may have set those above it.
            let first = found.trailing_zeros() as usize / 8;
            return (bytes[at + first] == b'"').then_some(at + first);
        }
        at += 8;
    }
    let rest = bytes[at..].iter().position(|&byte| byte == b'"' || byte == b'\\' || byte < 0x20)?;
    (bytes[at + rest] == b'"').then_some(at + rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// All keys and values, or `None` where it gives up.
    fn read(text: &str) -> Option<Vec<(String, Plain<'_>)>> {
        let mut object = FlatObject::new(text)?;
        let mut pairs = Vec::new();
        loop {
            let key = object.key(Some("time"))?.to_owned();
            pairs.push((key, object.value()?));
            if !object.has_more()? {
                return Some(pairs);
            }
        }
    }

    fn agrees(text: &str) -> bool {
        let Some(pairs) = read(text) else { return true };
        let Ok(Value::Object(object)) = serde_json::from_str::<Value>(text) else { return false };
        // A key that comes twice keeps its last value.
        let last: std::collections::BTreeMap<_, _> = pairs.iter().cloned().collect();
        last.len() == object.len()
            && last.iter().all(|(key, plain)| match (plain, &object[key]) {
                (Plain::Text(mine), Value::String(theirs)) => mine == theirs,
                (Plain::Whole(mine), theirs) => theirs.as_i64() == Some(*mine),
                (Plain::Number(mine), theirs) => {
                    theirs.as_f64().is_some_and(|theirs| theirs.to_bits() == mine.to_bits())
                }
                (Plain::Flag(mine), Value::Bool(theirs)) => mine == theirs,
                (Plain::Null, Value::Null) => true,
                _ => false,
            })
    }

    #[test]
    fn the_usual_line_is_read_and_the_unusual_is_left_alone() {
        let usual = r#"{"time":"2026-05-01T12:00:00.123Z", "n":-517.25 ,"k":12,"b":true,"x":null,"ü":"Zoë"}"#;
        let pairs = read(usual).unwrap();
        assert_eq!(pairs.len(), 6);
        assert_eq!(pairs[1].1, Plain::Number(-517.25));
        for unusual in [
            r#"{"a":"\n"}"#,
            r#"{"a":1e5}"#,
            r#"{"a":[1]}"#,
            r#"{"a":01}"#,
            r#"{"a":1.}"#,
            r#"{"a":1}x"#,
            r#"{"a":1"#,
            r#"{"a":tru}"#,
            r#"{"a" 1}"#,
            "{\"a\":\"\u{1}\"}",
            r#"{"a":12345678901234567890}"#,
            r#"{"a":-0}"#,
            r#"{}"#,
            r#"[1]"#,
        ] {
            assert_eq!(read(unusual), None, "{unusual}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        #[test]
        fn numbers_are_read_to_the_bit(whole in 0_u64..10_000_000, decimals in "[0-9]{0,9}", sign in "-?") {
            let text = if decimals.is_empty() { format!("{{\"a\":{sign}{whole}}}") } else { format!("{{\"a\":{sign}{whole}.{decimals}}}") };
            prop_assert!(agrees(&text), "{}", text);
        }

        #[test]
        fn what_is_taken_is_what_serde_reads(text in r#"\{("[a-z"\\ü]{0,10}" ?: ?("[ -~ü]{0,20}"|-?[0-9.e]{1,9}|true|null|[\[\]{}]{1,2}),? ?){0,4}\}"#) {
            prop_assert!(agrees(&text), "{}", text);
        }

        #[test]
        fn a_mangled_line_is_read_as_serde_reads_it(at in 0_usize..80, byte in any::<u8>(), cut in 2_usize..90) {
            let line = br#"{"time":"2026-05-01T12:00:00.123Z","id":"a","total_ms":517.5,"ok":true,"x":null}"#;
            let mut bytes = line.to_vec();
            let length = bytes.len();
            bytes[at % length] = byte;
            bytes.truncate(cut);
            if let Ok(text) = std::str::from_utf8(&bytes) {
                prop_assert!(agrees(text), "{}", text);
            }
        }
    }
}
