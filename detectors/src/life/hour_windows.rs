//! An hour of a series as a window for a network: how far each statistic lies off at each step, in deviations of its band.

use hark_model::{Point, Statistic};

use super::feature_rows::{NEWEST, ROW_STEPS, deviations};

/// Steps of a window.
pub const STEPS: usize = ROW_STEPS as usize;
/// What lies further off is taken to lie here, so that one wild step is neither most of what is learned nor as strange as a whole hour.
const DEVIATIONS_MAX: f32 = 6.0;

/// The window of an hour, the oldest step first and in it a value for each statistic; the points of each are oldest first. A gap is as
/// expected. `None` where the series is still being learned, or the newest steps are gaps.
pub fn window(points: &[Vec<Point>]) -> Option<Vec<f32>> {
    let off: Vec<Vec<Option<f64>>> = points.iter().map(|points| points.iter().map(deviations).collect()).collect();
    let is_known = |off: &Vec<Option<f64>>| off.len() == STEPS && off.iter().rev().take(NEWEST).any(Option::is_some);
    if off.is_empty() || !off.iter().all(is_known) {
        return None;
    }
    Some((0..STEPS).flat_map(|step| off.iter().map(move |off| off[step].unwrap_or(0.0) as f32)).collect())
}

/// What a regression by so many deviations adds to a window, when it has gone on for a quarter of an hour.
pub fn regression(statistics: usize, deviations: f32) -> Vec<f32> {
    let mut added = vec![0.0; STEPS * statistics];
    added[(STEPS - NEWEST) * statistics..].fill(deviations);
    added
}

/// What of a window's values is told together: each statistic in the newest quarter of an hour, and before.
pub fn features(statistics: &[Statistic]) -> Vec<String> {
    let of = |when: &str| statistics.iter().map(|statistic| format!("{statistic}_{when}")).collect::<Vec<_>>();
    [of("newest"), of("before")].concat()
}

/// For each of [`features`] how far off it was, the mean over its steps, and the sum of its errors.
pub fn told(window: &[f32], errors: &[f64]) -> Vec<(f64, f64)> {
    let (statistics, newest) = (window.len() / STEPS, STEPS - NEWEST);
    let of = |statistic: usize, steps: std::ops::Range<usize>| {
        let at = || steps.clone().map(|step| step * statistics + statistic);
        let off = at().map(|at| f64::from(window[at])).sum::<f64>() / steps.len() as f64;
        (off, at().map(|at| errors[at]).sum())
    };
    let both = [newest..STEPS, 0..newest].into_iter();
    both.flat_map(|steps| (0..statistics).map(move |statistic| of(statistic, steps.clone()))).collect()
}

pub(super) fn bounded(values: &[f32]) -> Vec<f32> {
    values.iter().map(|value| value.clamp(-DEVIATIONS_MAX, DEVIATIONS_MAX)).collect()
}

#[cfg(test)]
mod tests {
    use hark_model::Step;

    use super::*;

    fn points(value: impl Fn(usize) -> Option<f64>) -> Vec<Point> {
        let point = |at| Point {
            step: Step(at as i64),
            value: value(at),
            count: 10,
            expected: Some(100.0),
            low: Some(90.0),
            high: Some(120.0),
        };
        (0..STEPS).map(point).collect()
    }

    #[test]
    fn a_window_holds_an_hour_of_each_statistic_and_what_is_told_of_it_adds_up() {
        let statistics = [Statistic::P50, Statistic::P95];
        let risen = |at| Some(if at >= STEPS - NEWEST { 120.0 } else { 100.0 });
        let found = window(&[points(|_| Some(100.0)), points(risen)]).unwrap();
        let put_in = regression(1, crate::track::BAND_DEVIATIONS as f32);
        assert!(found.chunks(2).zip(put_in).all(|(values, risen)| values == [0.0, risen]));
        let errors: Vec<f64> = (0..found.len()).map(|at| at as f64).collect();
        let told = told(&found, &errors);
        assert_eq!(features(&statistics), ["p50_newest", "p95_newest", "p50_before", "p95_before"]);
        assert_eq!(told.len(), 4);
        assert!((told[1].0 - crate::track::BAND_DEVIATIONS).abs() < 1e-6);
        assert_eq!((told[0].0, told[2].0, told[3].0), (0.0, 0.0, 0.0));
        assert_eq!(told.iter().map(|(_, error)| error).sum::<f64>(), errors.iter().sum::<f64>());
    }

    #[test]
    fn gaps_are_as_expected_unless_the_newest_steps_are() {
        let gaps = |at| (at % 2 == 0).then_some(95.0);
        let found = window(&[points(gaps)]).unwrap();
        assert!(found[0] < 0.0 && found[1] == 0.0, "{found:?}");
        assert_eq!(window(&[points(|at| (at < STEPS - NEWEST).then_some(100.0))]), None);
        assert_eq!(window(&[points(gaps)[1..].to_vec()]), None, "an hour that is not whole");
        assert_eq!(window(&[]), None);
    }
}
