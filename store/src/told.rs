//! What is told of an alert, as one text, and the words that somebody looks for in it.
//!
//! Both are folded to small letters here rather than by the databases, which do not agree on how that is done.

use hark_model::{Alert, Direction, FindingKind, Severity};

use crate::documents::replace_nul;
use crate::{Acts, StoreError};

/// What is told of an alert is cut at so many bytes: an index has a copy of it, and SQLite keeps an entry of up to 1000
/// bytes in one piece.
pub const TOLD_BYTES_MAX: usize = 700;
/// Words that can be looked for at once.
pub const WORDS_MAX: usize = 8;
/// The longest text that words are taken from.
pub const WORDS_BYTES_MAX: usize = 200;
/// Of causes, suspects and error texts, so many of each are told.
const FIRST: usize = 3;
/// They join the names in a headline, as in "response time on iOS in de_DE", and every alert counts as having them.
const JOINING: [&str; 8] = ["across", "by", "for", "in", "is", "on", "over", "where"];

/// What the pipeline says of an alert: the names first, which are short, then what it was explained with.
pub(crate) fn told(alert: &Alert) -> String {
    let slice = if alert.slice.is_total() { "all traffic".to_owned() } else { alert.slice.to_string() };
    let mut pieces = vec![
        alert.id.0.clone(),
        alert.metric.clone(),
        alert.statistic.to_string(),
        slice,
        moved(alert).to_owned(),
        severity(alert.severity).to_owned(),
        alert.owner.clone().unwrap_or_default(),
        alert.incident_id.clone(),
    ];
    pieces.extend(
        alert.causes.iter().filter(|cause| !cause.slice.is_total()).take(FIRST).map(|cause| cause.slice.to_string()),
    );
    pieces.extend(alert.suspects.iter().take(FIRST).map(|suspect| suspect.title.clone()));
    pieces.extend(alert.errors.iter().take(FIRST).map(|error| error.signature.clone()));
    if let Some(label) = &alert.label {
        pieces.extend([label.category.clone(), label.component.clone()]);
    }
    let mut text = String::new();
    for piece in pieces {
        if !text.contains(&piece) {
            text.push(' ');
            text.push_str(&piece);
        }
    }
    text
}

/// The same with what people did to it, as it is kept.
pub(crate) fn told_with(acts: &Acts, status: &str, told: &str) -> String {
    let mut text = replace_nul(&small(&format!("{status} {}{told}", acts.assignee().unwrap_or_default())));
    text.truncate(text.floor_char_boundary(TOLD_BYTES_MAX));
    text
}

fn moved(alert: &Alert) -> &'static str {
    match (alert.kind, alert.direction) {
        (FindingKind::NoData, _) => "stopped coming in",
        (FindingKind::Stuck, _) => "stands still",
        (FindingKind::Regression, Direction::Up) => "rose",
        (FindingKind::Regression, Direction::Down) => "fell",
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

/// The words of a text, each once; none where it names none.
pub(crate) fn words(text: &str) -> Result<Vec<String>, StoreError> {
    if text.len() > WORDS_BYTES_MAX || text.contains('\0') {
        let problem =
            format!("what is looked for has more than {WORDS_BYTES_MAX} bytes or a NUL among them; give a few words");
        return Err(StoreError::Query(problem));
    }
    let mut words: Vec<String> = Vec::new();
    for word in small(text).split_whitespace() {
        if !JOINING.contains(&word) && !words.iter().any(|known| known == word) {
            words.push(word.to_owned());
        }
    }
    if words.len() > WORDS_MAX {
        let problem = format!("{} words are looked for at once; give {WORDS_MAX} at most", words.len());
        return Err(StoreError::Query(problem));
    }
    Ok(words)
}

/// Letter by letter, so that a part of a word is folded as it is within the word.
fn small(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_small_and_each_once() {
        let found = |text: &str| words(text).expect("words").join("|");
        assert_eq!(found("  P95 \t ÄRGER p95  on iOS "), "p95|ärger|ios");
        assert_eq!(found("on"), "");
        assert_eq!(found("100% _a' \"b\" ΟΔΟΣ"), "100%|_a'|\"b\"|οδοσ");
    }

    #[test]
    fn too_much_is_refused() {
        let problem = |text: &str| words(text).expect_err("refused").to_string();
        assert!(problem("a b c d e f g h i").contains("9 words"), "{}", problem("a b c d e f g h i"));
        assert!(problem(&"é".repeat(101)).contains("more than 200 bytes"));
        assert!(problem("a\0").contains("NUL"));
    }

    #[test]
    fn what_is_told_is_cut_between_letters() {
        let text = told_with(&Acts::default(), "firing", &"é".repeat(TOLD_BYTES_MAX));
        assert!((TOLD_BYTES_MAX - 1..=TOLD_BYTES_MAX).contains(&text.len()), "{}", text.len());
    }
}
