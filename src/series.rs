//! The points of every series as the detectors saw them, for charts.

use hark_model::{FrozenChart, Point, STEP_MINUTES, Slice, Statistic, Step};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// Charts look back five weeks.
const KEPT_STEPS: usize = (35 * 24 * 60 / STEP_MINUTES) as usize;
/// All series together: 320 MB. Of more than some 2,000 series each keeps less than five weeks.
const POINTS_MAX: usize = 20_000_000;

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SeriesKey {
    pub metric: String,
    pub statistic: Statistic,
    pub slice: Slice,
}

/// Position of a series in its store: what the pipeline holds, so that no name is hashed a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesId(usize);

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SeriesStore {
    ids: FxHashMap<SeriesKey, SeriesId>,
    columns: Vec<Column>,
}

/// One entry a step from `first`, without holes: a step without requests is an entry without a value.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Column {
    first: Step,
    points: Vec<Packed>,
}

/// A point in 16 bytes. Not-a-number stands for "none" in here and nowhere else.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Packed {
    value: f32,
    expected: f32,
    /// How far the band reaches below and above what is expected.
    below: Short,
    above: Short,
    count: u32,
}

/// The upper half of a single-precision number: 0.4 % of the width of a band.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Short(u16);

impl SeriesStore {
    /// The series of that name, made where there is none yet.
    pub fn id(&mut self, key: SeriesKey) -> SeriesId {
        let next = SeriesId(self.columns.len());
        let id = *self.ids.entry(key).or_insert(next);
        if id == next {
            self.columns.push(Column { first: Step(i64::MIN), points: Vec::new() });
        }
        id
    }

    pub fn find(&self, key: &SeriesKey) -> Option<SeriesId> {
        self.ids.get(key).copied()
    }

    /// The slices that a metric has a series of this statistic in, in order.
    pub fn slices(&self, metric: &str, statistic: Statistic) -> Vec<Slice> {
        let own = self.ids.keys().filter(|key| key.metric == metric && key.statistic == statistic);
        let mut slices: Vec<Slice> = own.map(|key| key.slice.clone()).collect();
        slices.sort_unstable();
        slices
    }

    /// Drops the series of a metric. Their places stay, empty, since others are known by their position.
    pub fn forget(&mut self, metric: &str) {
        for (_, id) in self.ids.extract_if(|key, _| key.metric == metric) {
            self.columns[id.0].points = Vec::new();
        }
    }

    pub fn push(&mut self, id: SeriesId, point: Point) {
        let kept = KEPT_STEPS.min(POINTS_MAX / self.columns.len());
        self.columns[id.0].push(point, kept);
    }

    /// A late event has changed what was seen in a step; what was expected of it stays.
    pub fn correct(&mut self, id: SeriesId, step: Step, value: Option<f64>, count: u64) {
        let column = &mut self.columns[id.0];
        if let Some(packed) = column.position(step).and_then(|at| column.points.get_mut(at)) {
            packed.value = pack(value);
            packed.count = u32::try_from(count).unwrap_or(u32::MAX);
        }
    }

    pub fn point(&self, id: SeriesId, step: Step) -> Option<Point> {
        let column = &self.columns[id.0];
        column.points.get(column.position(step)?).map(|packed| packed.unpack(step))
    }

    /// Every point in `from..to` that is kept.
    pub fn range(&self, id: SeriesId, from: Step, to: Step) -> Vec<Point> {
        let column = &self.columns[id.0];
        let at = |step: Step| (step.0.saturating_sub(column.first.0)).clamp(0, column.points.len() as i64) as usize;
        let (start, end) = (at(from), at(to));
        let points = column.points.get(start..end).unwrap_or_default().iter().enumerate();
        points.map(|(at, packed)| packed.unpack(Step(column.first.0 + (start + at) as i64))).collect()
    }

    /// How many requests the newest week of a series holds.
    pub fn requests(&self, id: SeriesId) -> u64 {
        const WEEK_STEPS: usize = (7 * 24 * 60 / STEP_MINUTES) as usize;
        self.columns[id.0].points.iter().rev().take(WEEK_STEPS).map(|packed| u64::from(packed.count)).sum()
    }

    pub fn chart(&self, slice: &Slice, id: SeriesId, from: Step, to: Step) -> FrozenChart {
        let points = self.range(id, from, to);
        FrozenChart {
            slice: slice.clone(),
            start: points.first().map_or(from, |point| point.step).start(),
            step_seconds: STEP_MINUTES as u32 * 60,
            value: points.iter().map(|point| point.value).collect(),
            expected: points.iter().map(|point| point.expected).collect(),
            low: points.iter().map(|point| point.low).collect(),
            high: points.iter().map(|point| point.high).collect(),
        }
    }
}

impl Column {
    fn push(&mut self, point: Point, kept: usize) {
        if self.points.is_empty() {
            self.first = point.step;
        }
        let at = (point.step.0 - self.first.0).max(0) as usize;
        if at >= self.points.capacity() {
            // Doubling would leave half of the memory unused.
            let more = at + 1 - self.points.len() + self.points.len() / 8;
            self.points.reserve_exact(more);
        }
        self.points.resize(at, Packed::GAP);
        self.points.push(Packed::from(point));
        // Cutting off in large pieces keeps the cost of moving the rest small.
        if self.points.len() > kept + kept / 8 {
            let cut = self.points.len() - kept;
            self.points.drain(..cut);
            self.points.shrink_to(kept + kept / 8 + 1);
            self.first.0 += cut as i64;
        }
    }

    fn position(&self, step: Step) -> Option<usize> {
        usize::try_from(step.0.checked_sub(self.first.0)?).ok()
    }
}

impl Packed {
    const GAP: Self = Self { value: f32::NAN, expected: f32::NAN, below: Short::NONE, above: Short::NONE, count: 0 };

    fn unpack(self, step: Step) -> Point {
        let bound = |reach: Option<f32>, sign: f32| reach.and_then(|reach| unpack(self.expected + sign * reach));
        Point {
            step,
            value: unpack(self.value),
            count: u64::from(self.count),
            expected: unpack(self.expected),
            low: bound(self.below.get(), -1.0),
            high: bound(self.above.get(), 1.0),
        }
    }
}

impl From<Point> for Packed {
    fn from(point: Point) -> Self {
        let reach = |bound: Option<f64>| {
            Short::new(bound.zip(point.expected).map(|(bound, expected)| (bound - expected).abs()))
        };
        Self {
            value: pack(point.value),
            expected: pack(point.expected),
            below: reach(point.low),
            above: reach(point.high),
            count: u32::try_from(point.count).unwrap_or(u32::MAX),
        }
    }
}

impl Short {
    const NONE: Self = Self((f32::NAN.to_bits() >> 16) as u16);

    /// Takes what is not negative.
    fn new(value: Option<f64>) -> Self {
        const HALF_A_STEP: u32 = 1 << 15;
        let bits = |value: f64| (value as f32).to_bits().saturating_add(HALF_A_STEP) >> 16;
        value.filter(|value| value.is_finite()).map_or(Self::NONE, |value| Self(bits(value) as u16))
    }

    fn get(self) -> Option<f32> {
        let value = f32::from_bits(u32::from(self.0) << 16);
        (!value.is_nan()).then_some(value)
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
        let id = store.id(key());
        store.push(id, point(10, Some(812.3)));
        store.push(id, point(12, None));
        let values: Vec<_> = store.range(id, Step(0), Step(99)).iter().map(|point| point.value).collect();
        assert_eq!(values, [Some(812.3), None, None]);
        store.correct(id, Step(12), Some(7.0), 3);
        assert_eq!(store.point(id, Step(12)).unwrap().value, Some(7.0));
        assert_eq!((store.point(id, Step(9)), store.point(id, Step(13))), (None, None));
        assert_eq!((store.id(key()), store.find(&key())), (id, Some(id)));
    }

    #[test]
    fn bands_are_known_to_a_fraction_of_their_width() {
        let mut store = SeriesStore::default();
        let id = store.id(key());
        let bounds = [(0.9995, 0.999, 0.9999), (-3.0, -4.5, 0.0), (812.0, 700.0, 2_000.0), (0.0, 0.0, 1e-6)];
        for (step, (expected, low, high)) in (10..).zip(bounds) {
            let expected = Some(expected);
            store.push(id, Point { expected, low: Some(low), high: Some(high), ..point(step, None) });
            let kept = store.point(id, Step(step)).unwrap();
            let off = [(kept.low, low), (kept.high, high)].map(|(kept, bound)| (kept.unwrap() - bound).abs());
            assert!(off.iter().all(|off| *off <= 0.004 * (high - low)), "{kept:?}");
        }
    }

    #[test]
    fn old_points_are_cut_off() {
        let mut store = SeriesStore::default();
        let id = store.id(key());
        (0..2 * KEPT_STEPS as i64).for_each(|step| store.push(id, point(step, Some(step as f64))));
        let kept = store.range(id, Step(0), Step(i64::MAX));
        assert!(kept.len() <= KEPT_STEPS + KEPT_STEPS / 8);
        let last = kept.last().unwrap();
        assert_eq!((last.value, last.step), (Some(2.0 * KEPT_STEPS as f64 - 1.0), Step(2 * KEPT_STEPS as i64 - 1)));
    }

    #[test]
    fn many_series_share_what_may_be_kept() {
        let mut store = SeriesStore::default();
        let ids: Vec<SeriesId> = (0..POINTS_MAX / 100)
            .map(|at| store.id(SeriesKey { slice: format!("device:{at}").parse().unwrap(), ..key() }))
            .collect();
        (0..300).for_each(|step| store.push(ids[7], point(step, Some(1.0))));
        let kept = store.range(ids[7], Step(0), Step(i64::MAX));
        assert!((100..=113).contains(&kept.len()), "{}", kept.len());
        assert_eq!(kept.last().unwrap().step, Step(299));
    }

    #[test]
    fn coarser_points_are_weighted_means() {
        let points = [point(0, Some(1.0)), point(1, None), point(2, Some(4.0)), point(3, None)];
        let coarse: Vec<_> = coarsen(&points, 2).iter().map(|point| (point.step.0, point.value)).collect();
        assert_eq!(coarse, [(0, Some(1.0)), (2, Some(4.0))]);
    }
}
