//! Whether requests that a slice lacks went to another slice of its kind: people ask for something else, and nothing is
//! lost.

use hark_model::{Point, Slice};

/// The other slice must have grown by this part: all slices wander a little.
const GROWN_MIN: f64 = 0.25;
/// And have gained this part of what is missing.
const GAINED_MIN: f64 = 0.5;

/// The slice that gained the most of what the points of `lacking` lack, if that accounts for it.
pub(crate) fn moved_to(lacking: &[Point], others: impl Iterator<Item = (Slice, Vec<Point>)>) -> Option<Slice> {
    let missing = -gained(lacking).0;
    others
        .filter_map(|(slice, points)| {
            let (gain, expected) = gained(&points);
            (gain >= GROWN_MIN * expected && gain >= GAINED_MIN * missing && missing > 0.0).then_some((slice, gain))
        })
        .max_by(|a, b| a.1.total_cmp(&b.1).then_with(|| b.0.cmp(&a.0)))
        .map(|(slice, _)| slice)
}

/// What came beyond what was expected, and what was expected.
fn gained(points: &[Point]) -> (f64, f64) {
    let known = points.iter().filter_map(|point| Some((point.value?, point.expected?)));
    known.fold((0.0, 0.0), |sum, (value, expected)| (sum.0 + value - expected, sum.1 + expected))
}

#[cfg(test)]
mod tests {
    use hark_model::Step;

    use super::*;

    fn points(value: f64, expected: f64) -> Vec<Point> {
        let point = |step| Point {
            step: Step(step),
            value: Some(value),
            count: 1,
            expected: Some(expected),
            low: None,
            high: None,
        };
        (0..6).map(point).collect()
    }

    #[test]
    fn what_one_lacks_another_must_have_gained() {
        let slice = |name: &str| -> Slice { name.parse().unwrap() };
        let lacking = points(60.0, 100.0);
        let to = |others: Vec<(&str, f64, f64)>| {
            let others = others.into_iter().map(|(name, value, expected)| (slice(name), points(value, expected)));
            moved_to(&lacking, others).map(|slice| slice.to_string())
        };
        let grown = ("feature:search", 190.0, 100.0);
        assert_eq!(to(vec![grown, ("feature:home", 60.0, 100.0)]), Some("feature:search".to_owned()));
        assert_eq!(to(vec![("feature:home", 100.0, 100.0)]), None, "it is lost");
        assert_eq!(to(vec![("feature:home", 10.0, 4.0)]), None, "a small one cannot hold it");
        assert_eq!(to(vec![("feature:home", 1030.0, 1000.0)]), None, "a large one wanders that far");
        assert_eq!(moved_to(&points(100.0, 100.0), std::iter::once((slice("a:b"), points(9.0, 1.0)))), None);
    }
}
