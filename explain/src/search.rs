//! The search for slices, by each level beyond which a value may be called bad.

use hark_model::{Direction, Leaves, Slice};

use crate::baseline::Baseline;
use crate::leaf_evidence::{Evidence, bad_share, evidence_of};
use crate::leaves_file::scan::score_min;
use crate::levels;
use crate::slices::{Located, Question, inside, locate_by};
use crate::verdict::MIX_MIN;

/// By the level of the statistic itself; where no slice stands out by that, and it is not who came, by the higher one that
/// tells most, which pays for being one of several. The evidence is that of the level that told.
pub(crate) fn search(
    leaves: &Leaves,
    question: Question,
    scope: &Slice,
    direction: Direction,
) -> (Vec<Evidence>, Located) {
    let locate = |evidence: &[Evidence]| locate_by(leaves, evidence, question, scope);
    if question.is_count() || direction == Direction::Down || leaves.values_in_bins.is_empty() {
        let evidence = evidence_of(leaves, question);
        let located = locate(&evidence);
        return (evidence, located);
    }
    let baseline = Baseline::new(leaves);
    let evidence = bad_share(&baseline, leaves, &levels::usual(leaves));
    let located = locate(&evidence);
    let is_mix = located.split.is_some_and(|split| split.mix_part() >= MIX_MIN);
    let mut best = (evidence, located);
    if is_mix || !best.1.causes.is_empty() {
        return best;
    }
    let levels = levels::higher(leaves, &inside(leaves, scope));
    let price = (levels.len() as f64).ln();
    let mut contenders = best.1.contenders.clone();
    let score = |located: &Located| located.causes.first().map_or(f64::NEG_INFINITY, |named| named.score);
    for bad in levels {
        let evidence = bad_share(&baseline, leaves, &bad);
        let mut located = locate(&evidence);
        located.causes.retain_mut(|named| {
            named.score -= price;
            named.score >= score_min()
        });
        contenders.extend(located.contenders.iter().map(|(slice, score)| (slice.clone(), score - price)));
        if score(&located) > score(&best.1) {
            best = (evidence, Located { split: best.1.split, ..located });
        }
    }
    best.1.contenders = contenders;
    best
}

#[cfg(test)]
mod tests {
    use hark_model::{BinCount, Leaf};

    use super::*;

    const TAIL: Question = Question::BadShare { usual: 0.05 };
    const USUAL_LEVEL: i16 = 600;

    /// 4 x 3 x 3 leaves with requests at ten levels; in `slow`, so much of the requests now take far longer.
    fn leaves(slow: impl Fn(&[u16]) -> f64) -> Leaves {
        let sizes = [4_u16, 3, 3];
        let values = |at: usize| {
            let named = (1..=sizes[at]).map(|code| format!("{}{code}", ["a", "b", "c"][at]));
            std::iter::once(String::new()).chain(named).collect()
        };
        let (mut leaves, mut values_in_bins) = (Vec::new(), Vec::new());
        for (a, b, c) in (1..=4).flat_map(|a| (1..=3).flat_map(move |b| (1..=3).map(move |c| (a, b, c)))) {
            let codes = vec![a, b, c];
            let own = slow(&codes);
            let mut leaf = Leaf { codes, before: 0.0, bad_before: 0.0, after: 0.0, bad_after: 0.0 };
            // Each level is passed by half of those that pass the one before: a twentieth lies beyond the usual one.
            let mut add = |class: i16, share: f64, moved: f64| {
                let [before, after] = [1_400.0 * share, 200.0 * ((1.0 - own) * share + moved)].map(f64::round);
                leaf.before += before;
                leaf.after += after;
                if class > USUAL_LEVEL {
                    leaf.bad_before += before;
                    leaf.bad_after += after;
                }
                values_in_bins.push(BinCount { leaf: leaves.len() as u32, class, before, after });
            };
            add(500, 0.95, 0.0);
            for (class, share) in [(610, 0.02), (630, 0.015), (650, 0.01), (670, 0.005)] {
                add(class, share, 0.0);
            }
            add(800, 0.0, own);
            leaves.push(leaf);
        }
        Leaves {
            dimensions: ["a", "b", "c"].map(str::to_owned).to_vec(),
            values: (0..3).map(values).collect(),
            leaves,
            values_in_bins,
            before_to_after: 7.0,
        }
    }

    fn found(leaves: &Leaves, direction: Direction) -> Vec<String> {
        let (_, located) = search(leaves, TAIL, &Slice::total(), direction);
        located.causes.iter().map(|named| named.cause.slice.to_string()).collect()
    }

    #[test]
    fn a_tail_that_grew_long_is_told_beyond_a_higher_level() {
        let leaves = leaves(|codes| if codes[0] == 2 { 0.025 } else { 0.0 });
        let evidence = evidence_of(&leaves, TAIL);
        let by_usual = locate_by(&leaves, &evidence, TAIL, &Slice::total());
        assert!(by_usual.causes.is_empty(), "{:?}", by_usual.causes);
        assert_eq!(found(&leaves, Direction::Up), ["a:a2"]);
        assert_eq!(found(&leaves, Direction::Down), [""; 0], "what got faster has no longer tail");
    }

    #[test]
    fn what_stands_out_by_the_level_itself_is_told_by_that_and_nothing_by_none() {
        let much = leaves(|codes| if codes[1] == 3 { 0.1 } else { 0.0 });
        assert_eq!(found(&much, Direction::Up), ["b:b3"]);
        assert_eq!(found(&leaves(|_| 0.0), Direction::Up), [""; 0]);
    }

    #[test]
    fn levels_are_passed_by_fewer_and_fewer() {
        let leaves = leaves(|_| 0.0);
        let sum = |bad: &levels::Bad| bad.iter().map(|bad| bad[0]).sum::<f64>();
        let usual = sum(&levels::usual(&leaves));
        let higher: Vec<f64> = levels::higher(&leaves, &vec![true; leaves.leaves.len()]).iter().map(sum).collect();
        assert!(higher.len() == 2 && higher[0] <= usual / 3.0 && higher[1] <= usual / 9.0, "{usual} {higher:?}");
        let without_values = Leaves { values_in_bins: Vec::new(), ..leaves };
        assert!(levels::higher(&without_values, &vec![true; without_values.leaves.len()]).is_empty());
    }
}
