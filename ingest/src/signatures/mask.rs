//! What varies from one error text to the next of its kind is masked: numbers, ids, addresses, quoted words. So is what
//! could name a person.

/// What stands for something that varies.
pub(crate) const WILD: &str = "<*>";

/// A text is read so far; a signature is in its first words.
const TEXT_BYTES_MAX: usize = 400;
pub(crate) const WORDS_MAX: usize = 24;
/// A quotation longer than this is an apostrophe that found a partner.
const QUOTED_CHARS_MAX: usize = 200;
/// Runs of letters and digits this long are no words: base64 and the like.
const WORD_CHARS_MAX: usize = 24;
/// Hexadecimal runs without a digit; shorter ones may be words such as `feedface`.
const HEX_CHARS_MIN: usize = 12;
/// What stands behind these, as in `user=alice`, names somebody.
const PRIVATE_KEYS: [&str; 14] = [
    "user", "user_id", "userid", "uid", "username", "name", "email", "mail", "account", "account_id", "phone", "token",
    "session", "device_id",
];

/// The text in words, each with what varies replaced by [`WILD`]; empty for a text of blanks.
pub(crate) fn mask(text: &str) -> Vec<String> {
    let text = first_bytes(text);
    // A bare status code is all there is to say.
    if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return vec![text.to_owned()];
    }
    let unquoted = mask_quoted(text);
    let words = unquoted.split(|letter: char| letter.is_whitespace() || letter.is_control());
    words.filter(|word| !word.is_empty()).take(WORDS_MAX).map(mask_word).collect()
}

fn first_bytes(text: &str) -> &str {
    let text = text.trim();
    let mut end = text.len().min(TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Quoted words are what somebody said or called something.
fn mask_quoted(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut masked = String::with_capacity(text.len());
    let mut at = 0;
    while at < letters.len() {
        match closing(&letters, at) {
            Some(end) => {
                masked.push(letters[at]);
                masked.push_str(WILD);
                masked.push(letters[end]);
                at = end + 1;
            }
            None => {
                masked.push(letters[at]);
                at += 1;
            }
        }
    }
    masked
}

/// Where the quotation ends that begins at `start`, if one does.
fn closing(letters: &[char], start: usize) -> Option<usize> {
    let end = match letters[start] {
        quote @ ('"' | '\'' | '`') => quote,
        '“' => '”',
        '«' => '»',
        _ => return None,
    };
    let is_in_word = |at: usize| letters.get(at).is_some_and(|letter| letter.is_alphanumeric());
    // As in `don't`.
    if start > 0 && is_in_word(start - 1) {
        return None;
    }
    let within = letters.iter().enumerate().skip(start + 1).take(QUOTED_CHARS_MAX);
    within.filter(|(at, letter)| **letter == end && !is_in_word(at + 1)).map(|(at, _)| at).find(|at| *at > start + 1)
}

fn mask_word(word: &str) -> String {
    if let Some((scheme, rest)) = word.split_once("://") {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let path = if host.len() < rest.len() { "/<*>" } else { "" };
        // What stands before an `@` is a name and a password.
        let host = host.rsplit('@').next().unwrap_or_default();
        return format!("{}://{}{path}", mask_runs(scheme), mask_runs(host));
    }
    let names_somebody = |(before, after): (&str, &str)| ends_in_letter(before) && starts_with_letter(after);
    if word.split_once('@').is_some_and(names_somebody) || is_uuid(word) {
        return WILD.to_owned();
    }
    if let Some((key, value)) = word.split_once(['=', ':']).filter(|(_, value)| !value.is_empty()) {
        let key_alone = key.rsplit(|letter: char| !letter.is_alphanumeric() && letter != '_').next().unwrap_or(key);
        if starts_with_letter(value) && PRIVATE_KEYS.contains(&key_alone.to_lowercase().as_str()) {
            return format!("{}{}{WILD}", mask_runs(key), &word[key.len()..=key.len()]);
        }
    }
    mask_runs(word)
}

fn ends_in_letter(text: &str) -> bool {
    text.chars().next_back().is_some_and(char::is_alphanumeric)
}

fn starts_with_letter(text: &str) -> bool {
    text.chars().next().is_some_and(char::is_alphanumeric)
}

/// Eight, four, four, four and twelve hexadecimal digits, whatever stands around them.
fn is_uuid(word: &str) -> bool {
    let inner = word.trim_matches(|letter: char| !letter.is_alphanumeric());
    let parts: Vec<&str> = inner.split('-').collect();
    let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12]) && parts.into_iter().all(is_hex)
}

/// Masks each run of letters and digits for itself; runs that vary and hang together become one.
fn mask_runs(word: &str) -> String {
    let mut masked = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(first) = rest.chars().next() {
        let is_run = first.is_alphanumeric();
        let end = rest.find(|letter: char| letter.is_alphanumeric() != is_run).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        rest = after;
        match varying(run) {
            Some(kept) if is_run => push_wild(&mut masked, kept),
            _ => masked.push_str(run),
        }
    }
    masked
}

/// The part of a run that stays, if the rest of it varies: `asr` of `asr2`, nothing of `4711`.
fn varying(run: &str) -> Option<&str> {
    let length = run.chars().count();
    let Some(digit) = run.find(char::is_numeric) else {
        let is_hex = length >= HEX_CHARS_MIN && run.bytes().all(|byte| byte.is_ascii_hexdigit());
        return (is_hex || length > WORD_CHARS_MAX).then_some("");
    };
    let (letters, digits) = run.split_at(digit);
    let is_name_with_number = digits.chars().all(char::is_numeric) && letters.chars().count() <= WORD_CHARS_MAX;
    let is_hex = length >= 6 && run.bytes().all(|byte| byte.is_ascii_hexdigit());
    Some(if is_name_with_number && !is_hex { letters } else { "" })
}

/// Numbers with nothing but signs between them are one thing: an address, a time, a version.
fn push_wild(masked: &mut String, kept: &str) {
    let joints = ['.', ':', '-', '/', '_', ',', '+'];
    let before = masked.trim_end_matches(joints).len();
    if kept.is_empty() && masked[..before].ends_with(WILD) {
        masked.truncate(before);
    } else {
        masked.push_str(kept);
        masked.push_str(WILD);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn masked(text: &str) -> String {
        mask(text).join(" ")
    }

    #[test]
    fn what_varies_is_masked_and_what_says_something_stays() {
        for (text, expected) in [
            (
                "ASR_TIMEOUT: recognizer deadline exceeded after 1321 ms",
                "ASR_TIMEOUT: recognizer deadline exceeded after <*> ms",
            ),
            (
                "NET_RESET: connection reset after 812 bytes (errno 54)",
                "NET_RESET: connection reset after <*> bytes (errno <*>)",
            ),
            ("connect to 10.0.12.7:8443 failed, asr2 is away", "connect to <*> failed, asr<*> is away"),
            ("id 550e8400-e29b-41d4-abcd-446655440000.", "id <*>"),
            ("request deadbeefdeadbeef, trace 7f3a9c0e12", "request <*>, trace <*>"),
            ("at 2026-05-01T12:00:00.123Z it broke", "at <*> it broke"),
            ("GET https://api.example.com/v1/users/31188?q=a gave 503", "GET https://api.example.com/<*> gave <*>"),
            ("   ", ""),
            ("503", "503"),
        ] {
            assert_eq!(masked(text), expected, "{text}");
        }
    }

    #[test]
    fn nobody_is_named() {
        for (text, expected) in [
            ("no account for anna.b@example.org here", "no account for <*> here"),
            ("user=alice user:31188 uid=7 not found", "user=<*> user:<*> uid=<*> not found"),
            ("intent \"call my mother\" isn't known", "intent \"<*>\" isn't known"),
            ("ftp://anna:secret@host/home", "ftp://host/<*>"),
            ("call +49 170 1234567 failed", "call +<*> <*> <*> failed"),
        ] {
            assert_eq!(masked(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_bounded_and_keeps_no_digit(text in "\\PC{0,600}|[ -~]{0,600}|(.|\\n){0,300}") {
            let words = mask(&text);
            prop_assert!(words.len() <= WORDS_MAX);
            let bare = words.len() == 1 && words[0].len() == 3;
            let has_digit = words.iter().any(|word| word.chars().any(char::is_numeric));
            prop_assert!(bare || !has_digit, "{:?}", words);
            prop_assert!(words.iter().map(String::len).sum::<usize>() <= 4 * TEXT_BYTES_MAX);
        }
    }
}
