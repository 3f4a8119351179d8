//! What it could be as well: slices that the evidence does not rule out, each with a probability.

use std::collections::BTreeMap;

use hark_model::{Lead, Leaves, Slice};

use crate::measure::Measure;
use crate::slices::{Located, inside};

/// So many are told.
const LEADS_MAX: usize = 3;
/// Less likely ones are not.
const PROBABILITY_MIN: f64 = 0.02;
/// Evidence counts for half of what it says: leaves do not move by one severity, as it takes for granted. By how often what
/// was told with which probability was so on simulated seeds 421 to 440; `hark bench explain --traffic` prints that.
const SOFTENED: f64 = 2.0;
/// What "none of these" has for it, by the same.
const SOMETHING_ELSE: f64 = 3.0;

/// The likeliest slices beside those that are named. A slice of the same requests as another, such as a build and its platform, is
/// none of its own.
pub(crate) fn leads(located: &Located, leaves: &Leaves, measure: &Measure<'_>) -> Vec<Lead> {
    let rows = |slice: &Slice| -> Vec<u32> {
        let is_inside = inside(leaves, slice);
        (0..leaves.leaves.len() as u32).filter(|&row| is_inside[row as usize]).collect()
    };
    let mut others: Vec<(Slice, f64)> =
        probabilities(located).into_iter().filter(|(_, probability)| *probability >= PROBABILITY_MIN).collect();
    others.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.len().cmp(&b.0.len())).then_with(|| a.0.cmp(&b.0)));
    let mut told: Vec<Vec<u32>> = located.causes.iter().map(|named| rows(&named.cause.slice)).collect();
    let mut leads = Vec::new();
    for (slice, probability) in others {
        let rows = rows(&slice);
        if leads.len() == LEADS_MAX || told.contains(&rows) {
            continue;
        }
        let requests = rows.iter().map(|&row| leaves.leaves[row as usize].after).sum::<f64>() as u64;
        let [before, after] = measure.of_rows(&rows);
        leads.push(Lead { slice, probability, before, after, requests });
        told.push(rows);
    }
    leads
}

/// Of the named slice and all that contend with it.
fn probabilities(located: &Located) -> BTreeMap<Slice, f64> {
    let mut scores: BTreeMap<Slice, f64> = BTreeMap::new();
    let named = located.causes.first().map(|named| (named.cause.slice.clone(), named.score));
    for (slice, score) in located.contenders.iter().cloned().chain(named) {
        let best = scores.entry(slice).or_insert(f64::NEG_INFINITY);
        *best = best.max(score);
    }
    let highest = scores.values().copied().fold(SOMETHING_ELSE, f64::max);
    let odds = |score: f64| ((score - highest) / SOFTENED).exp();
    let all = odds(SOMETHING_ELSE) + scores.values().map(|score| odds(*score)).sum::<f64>();
    scores.into_iter().map(|(slice, score)| (slice, odds(score) / all)).collect()
}

#[cfg(test)]
mod tests {
    use hark_model::{Cause, Leaf, Statistic};

    use super::*;
    use crate::leaf_evidence::evidence_of;
    use crate::slices::{Named, Question};

    fn slice(text: &str) -> Slice {
        text.parse().unwrap()
    }

    fn located(named: Option<(&str, f64)>, contenders: &[(&str, f64)]) -> Located {
        let cause = |(text, score): (&str, f64)| Named {
            cause: Cause { slice: slice(text), ..Cause::default() },
            score,
            ..Named::default()
        };
        let contenders = contenders.iter().map(|(text, score)| (slice(text), *score)).collect();
        Located { causes: named.map(cause).into_iter().collect(), contenders, ..Located::default() }
    }

    #[test]
    fn what_is_likely_follows_from_half_of_the_evidence_and_leaves_room_for_something_else() {
        // The same slice by several levels counts once, by the best of them.
        let found = probabilities(&located(None, &[("a:a1", 5.0), ("a:a1", 1.0), ("b:b1", 3.0)]));
        let [first, second] = ["a:a1", "b:b1"].map(|text| found[&slice(text)]);
        assert!((first / second - 1_f64.exp()).abs() < 1e-12, "{first} {second}");
        // Something else is as likely as the second.
        assert!((first + 2.0 * second - 1.0).abs() < 1e-12, "{first} {second}");
        let sure = probabilities(&located(Some(("a:a1", 900.0)), &[("a:a1,b:b1", 880.0)]));
        assert!(sure[&slice("a:a1")] > 0.999);
    }

    #[test]
    fn what_is_the_same_requests_is_told_once() {
        // Each build has one platform.
        let leaf = |build: u16, platform: u16| Leaf {
            codes: vec![build, platform],
            before: 70.0,
            bad_before: 7.0,
            after: 10.0,
            bad_after: 1.0,
        };
        let values = |prefix: &str| ["".to_owned(), format!("{prefix}1"), format!("{prefix}2")].to_vec();
        let leaves = Leaves {
            dimensions: ["build", "platform"].map(str::to_owned).to_vec(),
            values: vec![values("b"), values("p")],
            leaves: vec![leaf(1, 1), leaf(2, 1), leaf(2, 2)],
            before_to_after: 7.0,
            ..Leaves::default()
        };
        let question = Question::BadShare { usual: 0.1 };
        let evidence = evidence_of(&leaves, question);
        let measure = Measure::new(&leaves, &evidence, question, Statistic::Rate, true, 60.0);
        let contenders = [("build:b1,platform:p1", 9.5), ("build:b2", 8.0), ("platform:p1", 8.0), ("platform:p2", 2.0)];
        let found = leads(&located(Some(("build:b1", 10.0)), &contenders), &leaves, &measure);
        let told: Vec<String> = found.iter().map(|lead| lead.slice.to_string()).collect();
        assert_eq!(told, ["build:b2", "platform:p1"], "{found:?}");
        assert_eq!((found[0].requests, found[0].after), (20, Some(0.1)));
    }
}
