//! What a series looks like at a step, as one row of numbers that a forest can split: level, slope, residuals, spread,
//! traffic and the time of day, of an hour of points.

use hark_model::{Point, STEP_MINUTES, Statistic, Step};

/// A row describes so many steps, an hour; what is new in it are the newest three.
pub const ROW_STEPS: i64 = 12;
pub(super) const NEWEST: usize = 3;
/// A band reaches so many deviations; the points have the band alone.
const BAND_DEVIATIONS: f64 = crate::track::BAND_DEVIATIONS;
/// Beyond this a residual is just very large: one wild step should not stretch a column that trees cut at random.
const DEVIATIONS_MAX: f64 = 30.0;
const DAY_STEPS: i64 = 24 * 60 / STEP_MINUTES;

/// An hour of a series.
#[derive(Debug, Clone)]
pub struct Hour<'a> {
    /// The last step.
    pub step: Step,
    pub statistics: &'a [Statistic],
    /// The points of each statistic, oldest first.
    pub points: &'a [Vec<Point>],
    /// Requests of the series in this hour and the same one a day before, and the same of the whole metric.
    pub requests: [f64; 2],
    pub all_requests: [f64; 2],
}

/// The steps of the hour that ends with `step`, and of the same hour a day before.
pub fn hours(step: Step) -> [(Step, Step); 2] {
    let of = |last: i64| (Step(last - ROW_STEPS + 1), Step(last + 1));
    [of(step.0), of(step.0 - DAY_STEPS)]
}

/// What the columns are called in evidence.
pub fn columns(statistics: &[Statistic]) -> Vec<String> {
    let residuals = statistics.iter().map(|statistic| format!("{statistic}_residual"));
    let headline = statistics.first().map(ToString::to_string).unwrap_or_default();
    let others = [
        format!("{headline}_level"),
        format!("{headline}_slope"),
        "spread".to_owned(),
        "traffic".to_owned(),
        "traffic_share".to_owned(),
        "hour_of_day".to_owned(),
    ];
    residuals.chain(others).collect()
}

/// What a regression by so many deviations adds to each of [`columns`], when it has gone on for a quarter of an hour.
pub fn regression(statistics: &[Statistic], deviations: f32) -> Vec<f32> {
    let mut added = vec![0.0; columns(statistics).len()];
    // Every statistic of a series moves, and the headline more than it did before.
    added[..statistics.len()].fill(deviations);
    added[statistics.len() + 1] = deviations;
    added
}

/// One number for each of [`columns`]; `None` where the series is still being learned, or the newest steps are gaps.
pub fn row(hour: &Hour<'_>) -> Option<Vec<f32>> {
    let residuals: Vec<Vec<Option<f64>>> =
        hour.points.iter().map(|points| points.iter().map(deviations).collect()).collect();
    let newest = |residuals: &Vec<Option<f64>>| mean(residuals.iter().rev().take(NEWEST));
    let mut row: Vec<f64> = residuals.iter().map(newest).collect::<Option<_>>()?;
    let headline = residuals.first()?;
    let before = mean(headline.iter().rev().skip(NEWEST));
    row.push(level(hour.points.first()?));
    row.push(newest(headline)? - before.unwrap_or(0.0));
    row.push(spread(hour, headline));
    let change = |[now, before]: [f64; 2]| ((now + 0.5) / (before + 0.5)).ln();
    row.push(change(hour.requests));
    row.push(change(hour.requests) - change(hour.all_requests));
    row.push(hour.step.start().hour_of_day());
    Some(row.into_iter().map(|value| value as f32).collect())
}

/// How far a point lies off, in deviations of its band.
pub(super) fn deviations(point: &Point) -> Option<f64> {
    let (value, expected) = (point.value?, point.expected?);
    let reach = if value >= expected { point.high? - expected } else { expected - point.low? };
    let off = BAND_DEVIATIONS * (value - expected) / reach.max(1e-9);
    Some(off.clamp(-DEVIATIONS_MAX, DEVIATIONS_MAX))
}

fn mean<'a>(values: impl Iterator<Item = &'a Option<f64>>) -> Option<f64> {
    let known: Vec<f64> = values.copied().flatten().collect();
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}

/// The logarithm of how many times what was expected the hour had; nothing where that has no sign of its own.
fn level(points: &[Point]) -> f64 {
    let both = points.iter().filter_map(|point| Some((point.value?, point.expected?)));
    let (value, expected) = both.fold((0.0, 0.0), |sums, one| (sums.0 + one.0, sums.1 + one.1));
    if value > 0.0 && expected > 0.0 { (value / expected).ln() } else { 0.0 }
}

/// Of quantiles, how much further apart the last and the first lie than expected; of all else, how restless the hour was.
fn spread(hour: &Hour<'_>, headline: &[Option<f64>]) -> f64 {
    let apart = || {
        let quantiles = hour.statistics.iter().zip(hour.points).filter(|(statistic, _)| statistic.quantile().is_some());
        let levels: Vec<f64> =
            quantiles.map(|(_, points)| level(&points[points.len().saturating_sub(NEWEST)..])).collect();
        (levels.len() > 1).then(|| levels[levels.len() - 1] - levels[0])
    };
    let restless = || {
        let middle = mean(headline.iter())?;
        let squares: Vec<Option<f64>> = headline.iter().map(|off| off.map(|off| (off - middle).powi(2))).collect();
        mean(squares.iter()).map(f64::sqrt)
    };
    apart().or_else(restless).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(value: impl Fn(i64) -> Option<f64>) -> Vec<Point> {
        let point = |at| Point {
            step: Step(at),
            value: value(at),
            count: 10,
            expected: Some(100.0),
            low: Some(90.0),
            high: Some(120.0),
        };
        (0..ROW_STEPS).map(point).collect()
    }

    fn of(points: &[Vec<Point>]) -> Option<Vec<f32>> {
        let statistics = [Statistic::P50, Statistic::P95];
        let requests = [120.0, 120.0];
        row(&Hour { step: Step(ROW_STEPS - 1), statistics: &statistics, points, requests, all_requests: [1e3, 2e3] })
    }

    #[test]
    fn a_rise_in_the_newest_steps_is_residual_slope_and_spread() {
        let risen = |at| Some(if at >= 9 { 120.0 } else { 100.0 });
        let found = of(&[points(|_| Some(100.0)), points(risen)]).unwrap();
        let named = columns(&[Statistic::P50, Statistic::P95]);
        let value = |name: &str| found[named.iter().position(|known| known == name).unwrap()];
        assert_eq!(named.len(), found.len());
        let worse = regression(&[Statistic::P50, Statistic::P95], 5.0);
        let moved: Vec<&str> =
            named.iter().zip(&worse).filter(|(_, by)| **by > 0.0).map(|(name, _)| name.as_str()).collect();
        assert_eq!(moved, ["p50_residual", "p95_residual", "p50_slope"]);
        assert_eq!((value("p50_residual"), value("p50_slope"), value("p50_level")), (0.0, 0.0, 0.0));
        assert_eq!(value("p95_residual"), BAND_DEVIATIONS as f32);
        assert!((value("spread") - 1.2_f32.ln()).abs() < 1e-6);
        // As much traffic as the day before, while everything has half.
        assert!((value("traffic_share") - 2.0_f32.ln()).abs() < 1e-3 && value("traffic") == 0.0);
    }

    #[test]
    fn gaps_are_passed_over_unless_nothing_is_left() {
        let gaps = |at| (at % 2 == 0).then_some(95.0);
        let found = of(&[points(gaps), points(gaps)]).unwrap();
        assert!((f64::from(found[0]) + BAND_DEVIATIONS / 2.0).abs() < 1e-6, "{found:?}");
        assert_eq!(of(&[points(|at| (at < 9).then_some(100.0)), points(gaps)]), None);
    }

    #[test]
    fn the_hour_of_a_day_before_is_the_same_hour() {
        let [now, before] = hours(Step(1_000));
        assert_eq!(now, (Step(989), Step(1_001)));
        assert_eq!(before, (Step(701), Step(713)));
    }
}
