//! The points of every series as the detectors saw them, for charts.

use hark_model::{FrozenChart, Point, STEP_MINUTES, Slice, Statistic, Step, Timestamp};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// Charts look back five weeks.
const KEPT_STEPS: usize = (35 * 24 * 60 / STEP_MINUTES) as usize;

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SeriesKey {
    pub metric: String,
    pub statistic: Statistic,
    pub slice: Slice,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SeriesStore {
    series: FxHashMap<SeriesKey, Column>,
}

/// One entry a step from `first`, without holes: a step without requests is an entry without a value.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Column {
    first: Step,
    points: Vec<Packed>,
}

/// A point in 20 bytes. Not-a-number stands for "none" in here and nowhere else.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Packed {
    value: f32,
    expected: f32,
    low: f32,
    high: f32,
    count: u32,
}

impl SeriesStore {
    pub fn push(&mut self, key: SeriesKey, point: Point) {
        let column = self.series.entry(key).or_insert_with(|| Column { first: point.step, points: Vec::new() });
        let at = (point.step.0 - column.first.0).max(0) as usize;
        column.points.resize(at, Packed::GAP);
        column.points.push(Packed::from(point));
        // Cutting off in large pieces keeps the cost of moving the rest small.
        if column.points.len() > KEPT_STEPS + KEPT_STEPS / 8 {
            let cut = column.points.len() - KEPT_STEPS;
            column.points.drain(..cut);
            column.first.0 += cut as i64;
        }
    }

    /// A late event has changed what was seen in a step; what was expected of it stays.
    pub fn correct(&mut self, key: &SeriesKey, step: Step, value: Option<f64>, count: u64) {
        let Some(column) = self.series.get_mut(key) else { return };
        let Ok(at) = usize::try_from(step.0 - column.first.0) else { return };
        if let Some(packed) = column.points.get_mut(at) {
            packed.value = pack(value);
            packed.count = u32::try_from(count).unwrap_or(u32::MAX);
        }
    }

    pub fn point(&self, key: &SeriesKey, step: Step) -> Option<Point> {
        let column = self.series.get(key)?;
        let at = usize::try_from(step.0 - column.first.0).ok()?;
        column.points.get(at).map(|packed| packed.unpack(step))
    }

    pub fn contains(&self, key: &SeriesKey) -> bool {
        self.series.contains_key(key)
    }

    /// Every point in `from..to` that is kept.
    pub fn range(&self, key: &SeriesKey, from: Step, to: Step) -> Vec<Point> {
        let Some(column) = self.series.get(key) else { return Vec::new() };
        let start = from.max(column.first);
        let end = to.min(Step(column.first.0 + column.points.len() as i64));
        (start.0..end.0.max(start.0))
            .map(|step| column.points[(step - column.first.0) as usize].unpack(Step(step)))
            .collect()
    }

    pub fn chart(&self, key: &SeriesKey, from: Step, to: Step) -> FrozenChart {
        let points = self.range(key, from, to);
        FrozenChart {
            slice: key.slice.clone(),
            start: points.first().map_or(from, |point| point.step).start(),
            step_seconds: STEP_MINUTES as u32 * 60,
            value: points.iter().map(|point| point.value).collect(),
            expected: points.iter().map(|point| point.expected).collect(),
            low: points.iter().map(|point| point.low).collect(),
            high: points.iter().map(|point| point.high).collect(),
        }
    }
}

impl Packed {
    const GAP: Self = Self { value: f32::NAN, expected: f32::NAN, low: f32::NAN, high: f32::NAN, count: 0 };

    fn unpack(self, step: Step) -> Point {
        Point {
            step,
            value: unpack(self.value),
            count: u64::from(self.count),
            expected: unpack(self.expected),
            low: unpack(self.low),
            high: unpack(self.high),
        }
    }
}

impl From<Point> for Packed {
    fn from(point: Point) -> Self {
        Self {
            value: pack(point.value),
            expected: pack(point.expected),
            low: pack(point.low),
            high: pack(point.high),
            count: u32::try_from(point.count).unwrap_or(u32::MAX),
        }
    }
}

fn pack(value: Option<f64>) -> f32 {
    value.map_or(f32::NAN, |value| value as f32)
}

/// Seven digits are what single precision holds; more would be noise on a chart and in a snapshot.
fn unpack(value: f32) -> Option<f64> {
    (!value.is_nan()).then(|| {
        let digits = 6 - (f64::from(value).abs().max(1e-30)).log10().floor() as i32;
        let scale = 10_f64.powi(digits.clamp(-30, 30));
        (f64::from(value) * scale).round() / scale
    })
}

/// Several steps drawn as one: the mean weighted by requests, and a gap where all are gaps.
pub fn coarsen(points: &[Point], steps: usize) -> Vec<Point> {
    let first = |chunk: &[Point]| chunk[0].step;
    points
        .chunk_by(|a, b| a.step.0.div_euclid(steps as i64) == b.step.0.div_euclid(steps as i64))
        .map(|chunk| Point {
            step: first(chunk),
            value: weighted(chunk, |point| point.value),
            count: chunk.iter().map(|point| point.count).sum(),
            expected: weighted(chunk, |point| point.expected),
            low: weighted(chunk, |point| point.low),
            high: weighted(chunk, |point| point.high),
        })
        .collect()
}

fn weighted(points: &[Point], of: impl Fn(&Point) -> Option<f64>) -> Option<f64> {
    let known = || points.iter().filter_map(|point| of(point).map(|value| (value, point.count.max(1) as f64)));
    let weight: f64 = known().map(|(_, weight)| weight).sum();
    (weight > 0.0).then(|| known().map(|(value, weight)| value * weight).sum::<f64>() / weight)
}

/// The step that holds an instant, for turning a query's times into positions.
pub fn step_at(time: Timestamp) -> Step {
    time.step()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(step: i64, value: Option<f64>) -> Point {
        Point { step: Step(step), value, count: 10, expected: Some(1.5), low: None, high: None }
    }

    fn key() -> SeriesKey {
        SeriesKey { metric: "a".to_owned(), statistic: Statistic::P95, slice: Slice::total() }
    }

    #[test]
    fn points_come_back_and_holes_are_gaps() {
        let mut store = SeriesStore::default();
        store.push(key(), point(10, Some(812.3)));
        store.push(key(), point(12, None));
        let values: Vec<_> = store.range(&key(), Step(0), Step(99)).iter().map(|point| point.value).collect();
        assert_eq!(values, [Some(812.3), None, None]);
        store.correct(&key(), Step(12), Some(7.0), 3);
        assert_eq!(store.point(&key(), Step(12)).unwrap().value, Some(7.0));
    }

    #[test]
    fn old_points_are_cut_off() {
        let mut store = SeriesStore::default();
        (0..2 * KEPT_STEPS as i64).for_each(|step| store.push(key(), point(step, Some(step as f64))));
        let kept = store.range(&key(), Step(0), Step(i64::MAX));
        assert!(kept.len() <= KEPT_STEPS + KEPT_STEPS / 8);
        assert_eq!(kept.last().unwrap().value, Some(2.0 * KEPT_STEPS as f64 - 1.0));
    }

    #[test]
    fn coarser_points_are_weighted_means() {
        let points = [point(0, Some(1.0)), point(1, None), point(2, Some(4.0)), point(3, None)];
        let coarse: Vec<_> = coarsen(&points, 2).iter().map(|point| (point.step.0, point.value)).collect();
        assert_eq!(coarse, [(0, Some(1.0)), (2, Some(4.0))]);
    }
}
