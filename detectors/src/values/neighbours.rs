//! How far the newest rows are from the most alike rows before them: exact nearest neighbours in what is remembered.

use crate::units::Units;

/// So many of the newest values are compared with.
pub(super) const KEPT: usize = 4_096;
/// Rows of a run count by half for every so many rows that they lie back.
const HALF_LIFE_ROWS: f64 = 16.0;
/// A run is not compared with itself a little earlier.
const APART: usize = 32;
/// Of so many runs beside each other the most alike one counts: they share most of their rows.
const BLOCK: usize = 64;
/// What came once before is still new: it is the third most alike block that counts.
const NEIGHBOUR: usize = 3;
/// At the same time of day is within this share of a day.
const SAME_TIME: f64 = 0.03;
/// A day of fewer rows has no times of day.
const DAY_ROWS_MIN: f64 = 8.0;
const DAY_MS: f64 = 24.0 * 60.0 * 60_000.0;
/// The step is the median of so many.
const STEPS: usize = 23;
/// In units; values further off are as far off as this, so that fading sums of squares stay finite.
const UNITS_MAX: f64 = 1e18;
/// Minima are taken side by side, which the processor does at once.
const LANES: usize = 8;

/// Squared distances in units of the series' own; what there is nothing yet to compare with is missing.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Distances {
    /// Of the newest value alone.
    pub value: Option<f32>,
    /// Of the run of rows that ends with it.
    pub run: Option<f32>,
    /// Of the run among those that end at the same time of day.
    pub run_of_day: Option<f32>,
}

#[derive(Debug, Clone)]
pub(super) struct Neighbours {
    /// The newest comes first, from `head` on.
    values: Vec<f32>,
    head: usize,
    /// By how many rows two runs lie apart, less one: the fading sum of squared differences of their values.
    apart: Vec<f32>,
    fade: f32,
    units: Units,
    /// Of the first rows, until their step is known.
    times: Vec<i64>,
    /// Rows of a day, or of the season that the user has given.
    day_rows: Option<f64>,
}

impl Neighbours {
    pub(super) fn new(period_rows: Option<usize>) -> Self {
        Self {
            values: Vec::new(),
            head: 0,
            apart: Vec::new(),
            fade: (-1.0 / HALF_LIFE_ROWS).exp2() as f32,
            units: Units::default(),
            times: Vec::new(),
            day_rows: period_rows.map(|rows| rows as f64),
        }
    }

    pub(super) fn observe(&mut self, time_ms: i64, value: f64) -> Distances {
        self.find_step(time_ms);
        // Small numbers do for distances.
        let value = self.units.of(value, UNITS_MAX) as f32;
        let known = &self.values[self.head..];
        let known = &known[..known.len().min(KEPT)];
        // The run that lies one row further back has begun.
        if self.apart.len() < known.len() {
            self.apart.push(0.0);
        }
        let mut nearest = f32::INFINITY;
        let mut runs = [f32::INFINITY; NEIGHBOUR];
        for (at, (apart, known)) in self.apart.chunks_mut(BLOCK).zip(known.chunks(BLOCK)).enumerate() {
            nearest = lesser(nearest, compare(apart, known, value, self.fade));
            let others = if at == 0 { apart.get(APART - 1..).unwrap_or_default() } else { apart };
            keep_least(&mut runs, least(others));
        }
        let distances = Distances {
            value: Some(nearest).filter(|square| square.is_finite()),
            run: Some(runs[NEIGHBOUR - 1]).filter(|square| square.is_finite()),
            run_of_day: self.of_same_time(),
        };
        self.remember(value);
        distances
    }

    fn of_same_time(&self) -> Option<f32> {
        let day = self.day_rows.filter(|rows| *rows >= DAY_ROWS_MIN)?;
        let mut nearest = f32::INFINITY;
        for days in 1..=(self.apart.len() as f64 / day) as usize {
            let (center, around) = (days as f64 * day, SAME_TIME * day);
            let (from, to) = ((center - around).round() as usize, (center + around).round() as usize);
            // Apart by one row is the first.
            let Some(same_time) = self.apart.get(from - 1..to) else { break };
            nearest = lesser(nearest, least(same_time));
        }
        Some(nearest).filter(|square| square.is_finite())
    }

    /// How many rows before it the run lies that counts for the newest one.
    pub(super) fn run_lag(&self) -> Option<usize> {
        let blocks = self.apart.chunks(BLOCK).enumerate();
        let least = |(number, block): (usize, &[f32])| {
            let lags = block.iter().enumerate().map(|(at, apart)| (*apart, number * BLOCK + at + 1));
            lags.filter(|(_, lag)| *lag >= APART).min_by(|a, b| a.0.total_cmp(&b.0))
        };
        let mut least: Vec<(f32, usize)> = blocks.filter_map(least).collect();
        least.sort_by(|a, b| a.0.total_cmp(&b.0));
        least.get(NEIGHBOUR - 1).map(|(_, lag)| *lag)
    }

    /// The same of runs at the same time of day.
    pub(super) fn run_of_day_lag(&self) -> Option<usize> {
        let distance = self.of_same_time()?;
        let day = self.day_rows?;
        let is_same_time = |lag: usize| {
            let days = (lag as f64 / day).round();
            let (from, to) = ((days * day - SAME_TIME * day).round(), (days * day + SAME_TIME * day).round());
            days >= 1.0 && (from..=to).contains(&(lag as f64))
        };
        let lags = self.apart.iter().zip(1..).filter(|(apart, lag)| **apart == distance && is_same_time(*lag));
        lags.map(|(_, lag)| lag).next()
    }

    /// From the newest value backwards, by how much each adds to the distance from the run that lies `lag` rows before: its
    /// weight, and the square.
    pub(super) fn parts(&self, lag: usize) -> Vec<(f64, f64)> {
        let values = &self.values[self.head..];
        let fade = (-1.0 / HALF_LIFE_ROWS).exp2();
        let square = |(own, other): (&f32, &f32)| f64::from((own - other) * (own - other));
        let squares = values.iter().zip(values.get(lag..).unwrap_or_default()).map(square);
        squares.enumerate().map(|(back, square)| (fade.powi(back as i32), square)).collect()
    }

    fn find_step(&mut self, time_ms: i64) {
        if self.times.len() > STEPS {
            return;
        }
        self.times.push(time_ms);
        if self.times.len() > STEPS && self.day_rows.is_none() {
            let steps = self.times.windows(2).map(|pair| pair[1].saturating_sub(pair[0]));
            let mut steps: Vec<i64> = steps.filter(|step| *step > 0).collect();
            steps.sort_unstable();
            self.day_rows = steps.get(steps.len() / 2).map(|step| DAY_MS / *step as f64);
        }
    }

    fn remember(&mut self, value: f32) {
        if self.head == 0 {
            // Room for as many again, so that all is moved once in so many rows.
            self.values.truncate(KEPT);
            self.values.splice(0..0, [0.0; KEPT]);
            self.head = KEPT;
        }
        self.head -= 1;
        self.values[self.head] = value;
    }
}

/// Lets the sums fade and adds the newest difference to each; the least of these differences is returned.
fn compare(apart: &mut [f32], known: &[f32], value: f32, fade: f32) -> f32 {
    let mut nearest = [f32::INFINITY; LANES];
    let mut one = |lane: usize, apart: &mut f32, known: f32| {
        let square = (value - known) * (value - known);
        *apart = *apart * fade + square;
        nearest[lane] = lesser(nearest[lane], square);
    };
    let (mut apart, mut known) = (apart.chunks_exact_mut(LANES), known.chunks_exact(LANES));
    for (apart, known) in (&mut apart).zip(&mut known) {
        for lane in 0..LANES {
            one(lane, &mut apart[lane], known[lane]);
        }
    }
    for (apart, known) in apart.into_remainder().iter_mut().zip(known.remainder()) {
        one(0, apart, *known);
    }
    nearest.into_iter().fold(f32::INFINITY, lesser)
}

fn least(squares: &[f32]) -> f32 {
    let mut found = [f32::INFINITY; LANES];
    let lanes = squares.chunks_exact(LANES);
    let rest = lanes.remainder().iter().copied().fold(f32::INFINITY, lesser);
    for squares in lanes {
        for lane in 0..LANES {
            found[lane] = lesser(found[lane], squares[lane]);
        }
    }
    found.into_iter().fold(rest, lesser)
}

/// `f32::min` asks for more than one instruction.
fn lesser(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

/// Puts one among the least so far, the least of which comes first.
fn keep_least(least: &mut [f32; NEIGHBOUR], one: f32) {
    let at = least.iter().take_while(|known| **known <= one).count();
    if at < NEIGHBOUR {
        least[at..].rotate_right(1);
        least[at] = one;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_MS: i64 = 60_000;

    /// Between zero and one, shuffled by golden-ratio steps.
    fn noise(at: usize) -> f64 {
        (at as f64 * 0.618_033_988_749_895 + (at * at) as f64 * 0.414_213_562_373_095).fract()
    }

    fn after(rows: usize, value: impl Fn(usize) -> f64) -> (Neighbours, Distances) {
        let mut neighbours = Neighbours::new(None);
        let mut distances = Distances::default();
        for at in 0..rows {
            distances = neighbours.observe(at as i64 * 10 * MINUTE_MS, value(at));
        }
        (neighbours, distances)
    }

    #[test]
    fn distances_are_those_of_their_definition() {
        let rows = 500;
        let (neighbours, distances) = after(rows, noise);
        let unit = (noise(1) - noise(0)).powi(2);
        let square = |a: usize, b: usize| (noise(a) - noise(b)).powi(2) / unit;
        let newest = rows - 1;
        let fade = (-1.0 / HALF_LIFE_ROWS).exp2();
        let apart = |lag: usize| -> f64 {
            (0..=newest - lag).map(|back| fade.powi(back as i32) * square(newest - back, newest - back - lag)).sum()
        };
        let is_close = |found: f32, expected: f64| (f64::from(found) - expected).abs() < 1e-4 * expected.max(1.0);
        assert_eq!(neighbours.apart.len(), newest);
        for lag in [1, 2, 63, 64, 65, 300, newest] {
            assert!(is_close(neighbours.apart[lag - 1], apart(lag)), "{lag}");
        }
        let nearest = (0..newest).map(|at| square(newest, at)).fold(f64::INFINITY, f64::min);
        assert!(is_close(distances.value.unwrap(), nearest));
        let lags: Vec<usize> = (1..=newest).collect();
        let mut blocks: Vec<f64> = lags
            .chunks(BLOCK)
            .map(|block| block.iter().filter(|lag| **lag >= APART).map(|lag| apart(*lag)).fold(f64::INFINITY, f64::min))
            .collect();
        blocks.sort_by(f64::total_cmp);
        assert!(is_close(distances.run.unwrap(), blocks[NEIGHBOUR - 1]));
        let same_time = (140..=148).chain(284..=292).chain(428..=436);
        assert!(is_close(distances.run_of_day.unwrap(), same_time.map(apart).fold(f64::INFINITY, f64::min)));
    }

    #[test]
    fn what_is_longer_ago_than_is_kept_is_new_again() {
        let distance = |rows_ago: usize| {
            let last = 2 * KEPT + 100;
            let value = |at: usize| if at == last || at + rows_ago == last { 7.0 } else { noise(at) };
            after(last + 1, value).1.value.unwrap()
        };
        assert_eq!(distance(KEPT), 0.0);
        assert!(distance(KEPT + 1) > 0.0);
    }

    #[test]
    fn a_night_at_noon_is_unlike_other_noons_only() {
        let daily = |at: usize| (at as f64 / 144.0 * std::f64::consts::TAU).sin() + 0.05 * noise(at);
        let usual = after(1_512, daily).1;
        // By now the turn itself has faded, and a day ago it had not come yet.
        let turned = after(1_512, |at| if at < 1_375 { daily(at) } else { daily(at + 72) }).1;
        assert!(usual.run_of_day.unwrap() < 4.0 * usual.run.unwrap(), "{usual:?}");
        assert!(turned.run_of_day.unwrap() > 100.0 * turned.run.unwrap(), "{turned:?}");
    }

    #[test]
    fn distances_are_finite_whatever_comes() {
        for wild in [[f64::MIN, f64::MAX], [0.0, f64::MIN_POSITIVE], [1e300, 1e-300]] {
            let mut neighbours = Neighbours::new(None);
            for at in 0..300 {
                let value = if at % 3 < 2 { wild[at % 3] } else { noise(at) };
                let Distances { value, run, .. } = neighbours.observe(at as i64 * MINUTE_MS, value);
                assert!([value, run].into_iter().flatten().all(f32::is_finite), "{wild:?} {at} {value:?} {run:?}");
            }
            assert!(neighbours.apart.iter().all(|square| square.is_finite()), "{wild:?}");
        }
    }

    #[test]
    fn nothing_is_compared_with_nothing() {
        assert_eq!(after(1, noise).1, Distances::default());
        let early = after(APART, noise).1;
        assert!(early.value.is_some() && early.run.is_none() && early.run_of_day.is_none(), "{early:?}");
        assert_eq!(after(300, |_| 3.0).1.value, Some(0.0));
    }
}
