//! Which error signatures came more often than usual, of as many requests.

use std::collections::BTreeMap;

use hark_model::ErrorSignature;

/// So many are listed, those with the largest excess.
const LISTED_MAX: usize = 5;
/// Log-likelihood ratio that a signature must exceed by itself; the number of signatures looked at is paid for on top.
/// Failures come in clumps, so this is more than independent ones would need.
const EVIDENCE_MIN: f64 = 6.0;
/// Less than this part of the excess is no news.
const SHARE_MIN: f64 = 0.05;
/// Fewer requests are none.
const AFTER_MIN: u64 = 3;

/// Requests that said this, in the time before and since the onset.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SignatureCounts {
    pub text: String,
    pub examples: Vec<String>,
    pub before: u64,
    pub after: u64,
    /// Failures without a text, or of texts there was no room for: they are counted, and listed only beside others.
    pub is_rest: bool,
}

/// The signatures that came significantly more often, the largest excess first. `before` and `after` are all requests
/// of the two times.
pub fn changed_signatures(counts: Vec<SignatureCounts>, before: u64, after: u64) -> Vec<ErrorSignature> {
    let mut by_text: BTreeMap<String, SignatureCounts> = BTreeMap::new();
    // Two templates may have become the same words.
    for one in counts {
        let all = by_text.entry(one.text.clone()).or_default();
        all.before += one.before;
        all.after += one.after;
        all.is_rest = one.is_rest;
        all.examples.extend(one.examples);
    }
    if before == 0 || after == 0 || by_text.values().all(|counts| counts.is_rest) {
        return Vec::new();
    }
    let ratio = after as f64 / before as f64;
    let excess = |counts: &SignatureCounts| counts.after as f64 - counts.before as f64 * ratio;
    let all_excess: f64 = by_text.values().map(|counts| excess(counts).max(0.0)).sum();
    let price = (by_text.len() as f64).ln();
    let has_risen = |counts: &SignatureCounts| {
        counts.after >= AFTER_MIN
            && excess(counts) >= SHARE_MIN * all_excess
            && evidence(counts.before as f64, counts.after as f64, ratio) >= EVIDENCE_MIN + price
    };
    let mut risen: Vec<(String, SignatureCounts)> =
        by_text.into_iter().filter(|(_, counts)| has_risen(counts)).collect();
    risen.sort_by(|a, b| excess(&b.1).total_cmp(&excess(&a.1)).then_with(|| a.0.cmp(&b.0)));
    risen.truncate(LISTED_MAX);
    let listed = |(signature, counts): (String, SignatureCounts)| ErrorSignature {
        share: excess(&counts) / all_excess,
        before: (counts.before as f64 * ratio).round() as u64,
        after: counts.after,
        new: counts.before == 0,
        examples: counts.examples,
        signature,
    };
    risen.into_iter().map(listed).collect()
}

/// Log-likelihood ratio of two Poisson rates against one, for exposures `1` and `ratio`; nothing for a fall.
fn evidence(before: f64, after: f64, ratio: f64) -> f64 {
    let all = before + after;
    let expected = all * ratio / (1.0 + ratio);
    if after <= expected {
        return 0.0;
    }
    let term = |seen: f64, expected: f64| if seen > 0.0 { seen * (seen / expected).ln() } else { 0.0 };
    term(after, expected) + term(before, all - expected)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counts(text: &str, before: u64, after: u64) -> SignatureCounts {
        SignatureCounts { text: text.to_owned(), before, after, ..SignatureCounts::default() }
    }

    #[test]
    fn what_rose_is_listed_with_what_was_usual() {
        let all = vec![counts("usual", 240, 11), counts("timeout", 60, 512), counts("new", 0, 40)];
        let listed = changed_signatures(all, 40_000, 2_000);
        let told: Vec<_> = listed.iter().map(|one| (one.signature.as_str(), one.before, one.after, one.new)).collect();
        assert_eq!(told, [("timeout", 3, 512, false), ("new", 0, 40, true)]);
        assert!((listed[0].share - 509.0 / 549.0).abs() < 1e-9);
    }

    #[test]
    fn nothing_is_listed_where_nothing_rose() {
        assert_eq!(changed_signatures(vec![counts("usual", 240, 15), counts("fallen", 300, 2)], 40_000, 2_000), []);
        assert_eq!(changed_signatures(vec![counts("any", 0, 90)], 0, 100), []);
        let no_text = SignatureCounts { is_rest: true, ..counts("(no text)", 3, 900) };
        assert_eq!(changed_signatures(vec![no_text], 40_000, 2_000), [], "that says nothing");
    }

    proptest! {
        #[test]
        fn shares_are_parts_and_order_does_not_matter(
            counted in prop::collection::vec((0_usize..9, 0_u64..500, 0_u64..500), 0..30),
            before in 0_u64..100_000,
            after in 0_u64..100_000,
        ) {
            let all: Vec<_> = counted.iter().map(|(text, b, a)| counts(&format!("t{text}"), *b, *a)).collect();
            let listed = changed_signatures(all.clone(), before, after);
            prop_assert!(listed.len() <= LISTED_MAX);
            prop_assert!(listed.iter().map(|one| one.share).sum::<f64>() <= 1.0 + 1e-9);
            prop_assert_eq!(changed_signatures(all.into_iter().rev().collect(), before, after), listed);
        }
    }
}
