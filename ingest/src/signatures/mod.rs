//! Error texts told apart by their signature: what they have in common once numbers and names are masked.
//!
//! A tree of fixed depth after P. He, J. Zhu, Z. Zheng and M. R. Lyu, "Drain: An Online Log Parsing Approach with Fixed
//! Depth Tree" (2017): texts meet by their number of words and their first word, and join the template that they differ
//! least from. Everything is bounded, also on text that never repeats, and depends on the order of events alone.

mod mask;

use std::collections::BTreeMap;

use hark_model::{STEP_MINUTES, Step};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use self::mask::{WILD, WORDS_MAX, mask};

/// A failure without a text.
pub(crate) const NO_TEXT: u32 = 0;
/// What came when there was no room for another signature.
const OTHER: u32 = 1;
const FIRST: u32 = 2;

/// So many signatures are told apart at a time; what is new beyond that is [`OTHER`] until the next hour makes room.
const TEMPLATES_MAX: usize = 1000;
/// So many masked texts of an hour are remembered with their signature. While this is full nothing new is learned.
const TEXTS_MAX: usize = 10_000;
/// So many first words texts of one length are filed by; what begins otherwise is filed together.
const FIRST_WORDS_MAX: usize = 100;
/// Texts that differ in more than this part of their words are not alike.
const FIXED_MIN: f64 = 0.6;
const EXAMPLES_MAX: usize = 3;
const HOUR_STEPS: i64 = 60 / STEP_MINUTES;
/// A signature that nobody counts any more: a day longer than counts are kept.
const KEPT_STEPS: i64 = 9 * 24 * HOUR_STEPS;
/// Seen so often or less it may have been chance that it came at all; such go first.
const RARE_MAX: u64 = 2;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Signatures {
    /// How many ids were given; none is given twice.
    given: u32,
    templates: BTreeMap<u32, Template>,
    /// By number of words and first word.
    groups: FxHashMap<(u8, String), Vec<u32>>,
    /// Masked texts of this hour and of the one before, with their signature.
    texts: FxHashMap<String, u32>,
    older_texts: FxHashMap<String, u32>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Template {
    words: Vec<String>,
    /// Words that were the same for all when it began.
    fixed_first: usize,
    count: u64,
    last: Step,
    /// Masked texts that it stands for.
    examples: Vec<String>,
}

/// What a signature stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The words that all its texts share, with `<*>` for what varies.
    pub text: String,
    /// Some of its texts, masked, where they differ in more than what is masked.
    pub examples: Vec<String>,
    /// No text at all, or any for which there was no room.
    pub is_rest: bool,
}

impl Signatures {
    /// The signature of a text, which is counted.
    pub(crate) fn number(&mut self, text: &str, step: Step) -> u32 {
        let words = mask(text);
        if words.is_empty() {
            return NO_TEXT;
        }
        let masked = words.join(" ");
        let known = self.texts.get(&masked).copied().or_else(|| self.remembered(&masked));
        let is_known = |id: &u32| *id == OTHER || self.templates.contains_key(id);
        let id = known.filter(is_known).unwrap_or_else(|| {
            let is_full = self.texts.len() >= TEXTS_MAX;
            let id = self.place(words, &masked, step, is_full);
            if !is_full {
                self.texts.insert(masked, id);
            }
            id
        });
        self.count(id, step);
        id
    }

    /// One more text of a signature that [`Self::number`] gave since the last closing.
    pub(crate) fn count(&mut self, id: u32, step: Step) {
        if let Some(template) = self.templates.get_mut(&id) {
            template.count += 1;
            template.last = template.last.max(step);
        }
    }

    pub(crate) fn signature(&self, id: u32) -> Signature {
        let text = match (id, self.templates.get(&id)) {
            (_, Some(template)) => {
                let is_more = |example: &&String| **example != template.words.join(" ");
                let examples = template.examples.iter().filter(is_more).cloned().collect();
                return Signature { text: template.words.join(" "), examples, is_rest: false };
            }
            (NO_TEXT, None) => "(no text)",
            (_, None) => "(other)",
        };
        Signature { text: text.to_owned(), examples: Vec::new(), is_rest: true }
    }

    /// Every full hour: forgets texts of the hour before last, and signatures where room is short.
    pub(crate) fn close(&mut self, step: Step) {
        if step.0 % HOUR_STEPS != 0 {
            return;
        }
        self.older_texts = std::mem::take(&mut self.texts);
        let templates = self.templates.len();
        self.templates.retain(|_, template| step.0 - template.last.0 <= KEPT_STEPS);
        if self.templates.len() > TEMPLATES_MAX / 2 {
            self.templates.retain(|_, one| one.count > RARE_MAX || step.0 - one.last.0 < HOUR_STEPS);
        }
        if self.templates.len() >= TEMPLATES_MAX {
            let mut by_age: Vec<(Step, u64, u32)> =
                self.templates.iter().map(|(&id, one)| (one.last, one.count, id)).collect();
            by_age.sort_unstable();
            by_age[..TEMPLATES_MAX / 4].iter().for_each(|(_, _, id)| drop(self.templates.remove(id)));
        }
        if self.templates.len() < templates {
            for ids in self.groups.values_mut() {
                ids.retain(|id| self.templates.contains_key(id));
            }
            self.groups.retain(|_, ids| !ids.is_empty());
        }
    }

    /// A text of the hour before stays what it was.
    fn remembered(&mut self, masked: &str) -> Option<u32> {
        if self.texts.len() >= TEXTS_MAX {
            return self.older_texts.get(masked).copied();
        }
        let (text, id) = self.older_texts.remove_entry(masked)?;
        self.texts.insert(text, id);
        Some(id)
    }

    /// The template that the words differ least from, made wide enough to hold them; a new one if they are like none.
    fn place(&mut self, words: Vec<String>, masked: &str, step: Step, is_frozen: bool) -> u32 {
        let group = self.group(&words);
        let ids = self.groups.get(&group).map(Vec::as_slice).unwrap_or_default();
        let fits = ids.iter().filter_map(|id| Some((self.templates.get(id)?.distance(&words)?, *id)));
        if let Some((distance, id)) = fits.min() {
            if is_frozen {
                return if distance == 0 { id } else { OTHER };
            }
            if let Some(template) = self.templates.get_mut(&id) {
                template.widen(&words, masked);
            }
            return id;
        }
        if is_frozen || self.templates.len() >= TEMPLATES_MAX {
            return OTHER;
        }
        let id = FIRST + self.given;
        self.given += 1;
        let fixed_first = words.iter().filter(|word| *word != WILD).count();
        let examples = vec![masked.to_owned()];
        self.templates.insert(id, Template { words, fixed_first, count: 0, last: step, examples });
        self.groups.entry(group).or_default().push(id);
        id
    }

    fn group(&self, words: &[String]) -> (u8, String) {
        const _: () = assert!(WORDS_MAX <= u8::MAX as usize);
        let length = words.len() as u8;
        let group = (length, words.first().cloned().unwrap_or_default());
        let is_full = || self.groups.keys().filter(|(other, _)| *other == length).count() >= FIRST_WORDS_MAX;
        if group.1.contains(WILD) || (!self.groups.contains_key(&group) && is_full()) {
            return (length, WILD.to_owned());
        }
        group
    }
}

impl Template {
    /// In how many words it would have to vary more to hold these; `None` if they are not alike.
    fn distance(&self, words: &[String]) -> Option<usize> {
        let fixed = self.words.iter().filter(|word| *word != WILD).count();
        let differing = self.words.iter().zip(words).filter(|(mine, theirs)| *mine != WILD && mine != theirs).count();
        let is_alike = (fixed - differing) as f64 >= FIXED_MIN * self.fixed_first as f64;
        (self.words.len() == words.len() && is_alike).then_some(differing)
    }

    fn widen(&mut self, words: &[String], masked: &str) {
        for (mine, theirs) in self.words.iter_mut().zip(words) {
            if mine != theirs {
                WILD.clone_into(mine);
            }
        }
        if self.examples.len() < EXAMPLES_MAX && self.examples.iter().all(|example| example != masked) {
            self.examples.push(masked.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(signatures: &mut Signatures, texts: &[&str]) -> Vec<String> {
        let ids: Vec<u32> = texts.iter().map(|text| signatures.number(text, Step(1))).collect();
        ids.into_iter().map(|id| signatures.signature(id).text).collect()
    }

    #[test]
    fn texts_that_differ_in_numbers_or_a_word_share_a_signature() {
        let mut signatures = Signatures::default();
        let found = texts(
            &mut signatures,
            &[
                "ASR_TIMEOUT: recognizer deadline exceeded after 1300 ms",
                "voice asset anna is not installed",
                "ASR_TIMEOUT: recognizer deadline exceeded after 1291 ms",
                "voice asset petra is not installed",
                "ASR_GRAMMAR: grammar 7 is broken",
                "",
            ],
        );
        assert_eq!(found[0], "ASR_TIMEOUT: recognizer deadline exceeded after <*> ms");
        assert_eq!(found[2], found[0]);
        assert_eq!(
            (found[1].as_str(), found[3].as_str()),
            ("voice asset <*> is not installed", "voice asset <*> is not installed")
        );
        assert_eq!(found[4], "ASR_GRAMMAR: grammar <*> is broken");
        assert_eq!(found[5], "(no text)");
        let id = signatures.number("voice asset petra is not installed", Step(1));
        let examples = signatures.signature(id).examples;
        assert_eq!(examples, ["voice asset anna is not installed", "voice asset petra is not installed"]);
    }

    #[test]
    fn a_flood_of_texts_that_never_repeat_makes_room_again() {
        let mut signatures = Signatures::default();
        let word = |number: u64| {
            let digits = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            (0..8).map(|at| char::from(b'g' + (digits >> (at * 8)) as u8 % 20)).collect::<String>()
        };
        for number in 0..30_000 {
            signatures.number(&format!("{} {} broke", word(number), word(number + 77)), Step(12));
        }
        assert!(signatures.templates.len() <= TEMPLATES_MAX);
        assert!(signatures.texts.len() <= TEXTS_MAX);
        let other = signatures.number("FULFIL_AUTH: account token expired", Step(12));
        assert_eq!(signatures.signature(other).text, "(other)");
        (13..=36).for_each(|step| signatures.close(Step(step)));
        let known = signatures.number("FULFIL_AUTH: account token expired", Step(37));
        assert_eq!(signatures.signature(known).text, "FULFIL_AUTH: account token expired");
        assert!(signatures.groups.values().flatten().all(|id| signatures.templates.contains_key(id)));
    }

    proptest! {
        #[test]
        fn any_texts_are_bounded_and_come_back_from_a_snapshot(
            sent in prop::collection::vec(("(a|b|c|[ -~]{0,9}) (x|y|[a-z]{0,5}) (\\PC{0,12})", 0_i64..200), 0..80),
        ) {
            let mut signatures = Signatures::default();
            let mut restored = Signatures::default();
            let mut last = 0;
            for (text, ahead) in &sent {
                let step = last + ahead % 7;
                (last..step).for_each(|step| signatures.close(Step(step)));
                (last..step).for_each(|step| restored.close(Step(step)));
                last = step;
                prop_assert_eq!(signatures.number(text, Step(step)), restored.number(text, Step(step)));
                let bytes = postcard::to_stdvec(&signatures).unwrap();
                restored = postcard::from_bytes(&bytes).unwrap();
            }
            prop_assert!(signatures.templates.len() <= sent.len());
        }
    }
}
