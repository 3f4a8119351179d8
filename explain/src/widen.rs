//! A slice that stands out may only be where a change shows most: the slow feature when everything got slower. What lies
//! beside it tells: if that moved alike, the cause is wider.

use hark_model::{Leaves, Slice};

use crate::leaf_evidence::Evidence;
use crate::measure::Measure;
use crate::slices::{Located, Question, inside, sized};

/// Widens causes, condition by condition, as long as what the wider slice has beside them moved alike; one that would take in
/// a stronger one by that is none. What lies
/// `elsewhere`, in slices that share no requests with the cause, has its own reasons to move and says nothing.
pub(crate) fn widen(
    located: &mut Located,
    leaves: &Leaves,
    evidence: &[Evidence],
    question: Question,
    scope: &Slice,
    measure: &Measure<'_>,
    elsewhere: &[Slice],
) {
    let mut at = 0;
    while at < located.causes.len() {
        let slice = &located.causes[at].cause.slice;
        let mut says_nothing = vec![false; leaves.leaves.len()];
        // What a wider slice that is named, too, has left lies beside; what others have that stand out has its own reasons.
        let others = located.causes.iter().enumerate();
        let others = others.filter(|(other, named)| *other == at || !named.cause.slice.contains(slice));
        others.flat_map(|(_, named)| &named.rows).for_each(|&row| says_nothing[row as usize] = true);
        for apart in elsewhere.iter().filter(|apart| !apart.overlaps(slice)) {
            says_nothing.iter_mut().zip(inside(leaves, apart)).for_each(|(nothing, is_apart)| *nothing |= is_apart);
        }
        let rows_of = |wider: &Slice| -> Vec<u32> {
            let inside = inside(leaves, wider);
            (0..leaves.leaves.len() as u32).filter(|&row| inside[row as usize]).collect()
        };
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let without = |left_out: &str| slice.iter().filter(|(name, _)| *name != left_out).map(owned).collect::<Slice>();
        let wider = slice.iter().map(|(name, _)| without(name));
        let alike = |wider: Slice| {
            let rows = rows_of(&wider);
            let beside: Vec<u32> = rows.iter().copied().filter(|&row| !says_nothing[row as usize]).collect();
            let part = measure.moved_beside(&located.causes[at].rows, &beside)?;
            Some((part, wider, rows))
        };
        let best = wider.filter_map(alike).max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(&a.1)));
        let score = located.causes[at].score;
        match best.and_then(|(_, wider, rows)| sized(leaves, evidence, question, scope, wider, rows, score)) {
            // A little of everything beside a cause does not undo it.
            Some(wider) if located.causes[..at].iter().any(|named| wider.cause.slice.contains(&named.cause.slice)) => {
                located.causes.remove(at);
                located.untold += 1;
            }
            Some(wider) => {
                located.causes.retain(|named| !wider.cause.slice.contains(&named.cause.slice));
                at = at.min(located.causes.len());
                located.causes.insert(at, wider);
            }
            None => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use hark_model::{BinCount, Leaf, Statistic};

    use super::*;
    use crate::leaf_evidence::evidence_of;
    use crate::slices::locate_by;

    const TAIL: Question = Question::BadShare { usual: 0.05 };
    const BEFORE: f64 = 6_000.0;
    const AFTER: f64 = 600.0;

    /// Feature `f2` of three is twice as slow as the others, which come in each of four places. `moved` says by how many
    /// bins a feature in a place got slower.
    fn leaves(moved: impl Fn(u16, u16) -> i16) -> Leaves {
        let named = |prefix: &str, count: u16| {
            std::iter::once(String::new()).chain((1..=count).map(|code| format!("{prefix}{code}"))).collect()
        };
        let mut leaves = Leaves {
            dimensions: ["feature", "place"].map(str::to_owned).to_vec(),
            values: vec![named("f", 3), named("p", 4)],
            leaves: Vec::new(),
            values_in_bins: Vec::new(),
            before_to_after: BEFORE / AFTER,
        };
        // The level above which one in twenty lies before.
        let middle = |feature: u16| if feature == 2 { 640 } else { 576 };
        let share = |bin: i16, middle: i16| (-0.5 * (f64::from(bin - middle) / 24.0).powi(2)).exp() / (24.0 * 2.5066);
        let all_before = |level: i16| -> f64 {
            let above = |middle: i16| (level..900).map(|bin| share(bin, middle)).sum::<f64>();
            (2.0 * above(576) + above(640)) / 3.0
        };
        let level = (576..900).find(|&level| all_before(level) <= 0.05).unwrap();
        for feature in 1..=3 {
            for place in 1..=4 {
                let at = leaves.leaves.len() as u32;
                let slow = |all: f64, by: i16| {
                    (level..900).map(|bin| all * share(bin, middle(feature) + by)).sum::<f64>().round()
                };
                let by = moved(feature, place);
                for class in 400..900 {
                    let [before, after] =
                        [(BEFORE, 0), (AFTER, by)].map(|(all, by)| all * share(class, middle(feature) + by));
                    if before + after > 1e-3 {
                        leaves.values_in_bins.push(BinCount { leaf: at, class, before, after });
                    }
                }
                leaves.leaves.push(Leaf {
                    codes: vec![feature, place],
                    before: BEFORE,
                    bad_before: slow(BEFORE, 0),
                    after: AFTER,
                    bad_after: slow(AFTER, by),
                });
            }
        }
        leaves
    }

    fn named(leaves: &Leaves) -> [Vec<String>; 2] {
        named_beside(leaves, &[])
    }

    fn named_beside(leaves: &Leaves, elsewhere: &[Slice]) -> [Vec<String>; 2] {
        let evidence = evidence_of(leaves, TAIL);
        let measure = Measure::new(leaves, &evidence, TAIL, Statistic::Quantile(950), true, 60.0);
        let mut located = locate_by(leaves, &evidence, TAIL, &Slice::total());
        let told = |located: &Located| located.causes.iter().map(|named| named.cause.slice.to_string()).collect();
        let first = told(&located);
        widen(&mut located, leaves, &evidence, TAIL, &Slice::total(), &measure, elsewhere);
        [first, told(&located)]
    }

    #[test]
    fn where_all_got_slower_the_slow_feature_is_not_the_cause() {
        let [first, widened] = named(&leaves(|_, _| 30));
        assert_eq!(first, ["feature:f2"], "what the tail alone shows");
        assert_eq!(widened, ["total"]);
    }

    #[test]
    fn a_place_is_not_taken_for_its_slow_feature() {
        let [_, widened] = named(&leaves(|_, place| if place == 3 { 40 } else { 0 }));
        assert_eq!(widened, ["place:p3"]);
    }

    #[test]
    fn a_slice_and_what_it_lies_in_are_one_cause_where_both_moved_alike() {
        let leaves = leaves(|_, place| if place == 3 { 40 } else { 0 });
        let evidence = evidence_of(&leaves, TAIL);
        let measure = Measure::new(&leaves, &evidence, TAIL, Statistic::Quantile(950), true, 60.0);
        let named = |slice: &str, from: &dyn Fn(u16) -> bool| {
            let rows = (0..leaves.leaves.len() as u32).filter(|&row| {
                let codes = &leaves.leaves[row as usize].codes;
                codes[1] == 3 && from(codes[0])
            });
            sized(&leaves, &evidence, TAIL, &Slice::total(), slice.parse().unwrap(), rows.collect(), 9.0).unwrap()
        };
        let causes =
            vec![named("feature:f2,place:p3", &|feature| feature == 2), named("place:p3", &|feature| feature != 2)];
        let mut located = Located { causes, ..Located::default() };
        widen(&mut located, &leaves, &evidence, TAIL, &Slice::total(), &measure, &[]);
        let told: Vec<_> = located.causes.iter().map(|named| named.cause.slice.to_string()).collect();
        assert_eq!(told, ["place:p3"]);
    }

    /// All wandered a little, and one place got much slower.
    #[test]
    fn what_wanders_beside_a_cause_does_not_undo_it() {
        let leaves = leaves(|_, place| if place == 3 { 40 } else { 6 });
        let evidence = evidence_of(&leaves, TAIL);
        let measure = Measure::new(&leaves, &evidence, TAIL, Statistic::Quantile(950), true, 60.0);
        let named = |slice: &str, place: u16, score: f64| {
            let of_place = |row: &u32| leaves.leaves[*row as usize].codes[1] == place;
            let rows = (0..leaves.leaves.len() as u32).filter(of_place).collect();
            sized(&leaves, &evidence, TAIL, &Slice::total(), slice.parse().unwrap(), rows, score).unwrap()
        };
        let causes = vec![named("place:p3", 3, 90.0), named("place:p1", 1, 9.0)];
        let mut located = Located { causes, ..Located::default() };
        widen(&mut located, &leaves, &evidence, TAIL, &Slice::total(), &measure, &[]);
        let told: Vec<_> = located.causes.iter().map(|named| named.cause.slice.to_string()).collect();
        assert_eq!((told, located.untold), (vec!["place:p3".to_owned()], 1));
    }

    #[test]
    fn what_is_narrow_stays_narrow() {
        let [first, widened] = named(&leaves(|feature, _| if feature == 2 { 40 } else { 0 }));
        assert_eq!((&first, &widened), (&vec!["feature:f2".to_owned()], &vec!["feature:f2".to_owned()]));
        let [first, widened] = named(&leaves(|feature, place| if (feature, place) == (2, 4) { 40 } else { 0 }));
        assert_eq!((&first, &widened), (&vec!["feature:f2,place:p4".to_owned()], &first));
    }

    #[test]
    fn what_is_known_to_move_elsewhere_widens_nothing() {
        let elsewhere = ["feature:f1", "feature:f3"].map(|slice| slice.parse::<Slice>().unwrap());
        // All features got slower: without the word of others that is one cause.
        let leaves = leaves(|_, _| 30);
        assert_eq!(named(&leaves)[1], ["total"]);
        assert_eq!(named_beside(&leaves, &elsewhere)[1], ["feature:f2"]);
    }
}
