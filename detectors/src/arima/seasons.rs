//! Long seasons as waves beside the model: a day and a week of the timestamps, or a period that is given (dynamic harmonic
//! regression).

use crate::breakdown::Term;
use crate::values::regression::{FEATURES, Sums};

const DAY_MS: i64 = 24 * 60 * 60_000;
const WEEK_MS: i64 = 7 * DAY_MS;
/// Of the shorter season and the longer one.
const HARMONICS: [usize; 2] = [6, 3];
const _: () = assert!(2 * (HARMONICS[0] + HARMONICS[1]) < FEATURES);
/// A season has to have come so often.
const PERIODS_MIN: f64 = 2.0;
/// A period of fewer rows has no waves.
const PERIOD_ROWS_MIN: i64 = 4;
/// The step is the median of so many.
const STEPS: usize = 23;
const RIDGE: f64 = 1e-9;

#[derive(Debug, Clone)]
pub(crate) struct Seasons {
    period_rows: Option<usize>,
    /// The model itself knows the season.
    is_none: bool,
    times: Vec<i64>,
    step_ms: Option<i64>,
    /// Of those that may be there, the shorter first.
    periods_ms: Vec<i64>,
    /// Of the waves alone, in the order of `waves`.
    coefficients: [f64; FEATURES],
    used: usize,
}

impl Seasons {
    pub(crate) fn new(period_rows: Option<usize>, is_none: bool) -> Self {
        Self {
            period_rows,
            is_none,
            times: Vec::new(),
            step_ms: None,
            periods_ms: Vec::new(),
            coefficients: [0.0; FEATURES],
            used: 1,
        }
    }

    /// Finds the step from the first times.
    pub(crate) fn observe(&mut self, time_ms: i64) {
        if self.is_none || self.times.len() > STEPS {
            return;
        }
        self.times.push(time_ms);
        if self.times.len() <= STEPS {
            return;
        }
        let mut steps: Vec<i64> =
            self.times.windows(2).map(|pair| pair[1] - pair[0]).filter(|step| *step > 0).collect();
        steps.sort_unstable();
        let Some(&step) = steps.get(steps.len() / 2) else { return };
        self.step_ms = Some(step);
        let periods = match self.period_rows {
            Some(rows) => vec![rows as i64 * step],
            None => vec![DAY_MS, WEEK_MS],
        };
        self.periods_ms = periods.into_iter().filter(|period| period / step >= PERIOD_ROWS_MIN).collect();
    }

    /// The usual time from row to row, once it is known.
    pub(crate) fn step_ms(&self) -> Option<i64> {
        self.step_ms
    }

    /// Whether any was found.
    pub(crate) fn are_there(&self) -> bool {
        self.used > 1
    }

    /// What the seasons say of a time; nothing before the first fit.
    pub(crate) fn of(&self, time_ms: i64) -> f64 {
        if self.used <= 1 {
            return 0.0;
        }
        let waves = self.waves(time_ms);
        waves[1..self.used].iter().zip(&self.coefficients[1..self.used]).map(|(a, b)| a * b).sum()
    }

    /// The same, season by season.
    pub(crate) fn terms(&self, time_ms: i64) -> Vec<Term> {
        let (waves, mut from) = (self.waves(time_ms), 1);
        let mut terms = Vec::new();
        for (which, period_ms) in self.periods_ms.iter().enumerate() {
            let to = from + 2 * self.harmonics(which);
            if to <= self.used {
                let both = waves[from..to].iter().zip(&self.coefficients[from..to]);
                terms.push(Term::new(season_name(*period_ms), both.map(|(a, b)| a * b).sum()));
            }
            from = to;
        }
        terms
    }

    /// Learns the waves that pay by the Bayesian information criterion: of neither season, the shorter, or both.
    pub(crate) fn fit(&mut self, rows: &[(i64, Option<f64>)]) {
        self.used = 1;
        let (Some((first, _)), Some((last, _))) = (rows.first(), rows.last()) else { return };
        let known =
            self.periods_ms.iter().filter(|period| (last - first) as f64 >= PERIODS_MIN * **period as f64).count();
        let mean = rows.iter().filter_map(|(_, value)| *value).sum::<f64>() / rows.len().max(1) as f64;
        let mut sums = Sums::new();
        for (time_ms, value) in rows {
            if let Some(value) = value {
                let mut numbers = [0.0; FEATURES + 1];
                numbers[..FEATURES].copy_from_slice(&self.waves(*time_ms));
                numbers[FEATURES] = value - mean;
                sums.add(&numbers, 1.0);
            }
        }
        let order: [usize; FEATURES] = std::array::from_fn(|at| at);
        let n = sums.rows();
        let [first, second] = [0, 1].map(|at| self.harmonics(at));
        let ends = [1, 1 + 2 * first, 1 + 2 * (first + second)];
        let solved = sums.solve(&order[..ends[known.min(2)]], RIDGE);
        let mut best = f64::INFINITY;
        for &end in ends.iter().take(known + 1).filter(|end| **end <= solved.count()) {
            let criterion = n * (solved.left(end) / n).max(1e-300).ln() + end as f64 * n.ln();
            if criterion < best {
                (best, self.used) = (criterion, end);
            }
        }
        let coefficients = sums.solve(&order[..self.used], RIDGE).coefficients(0, |_| ());
        if coefficients.iter().all(|one| one.is_finite()) {
            self.coefficients = coefficients;
        } else {
            self.used = 1;
        }
    }

    /// Of a period of few rows no more waves than can be told apart.
    fn harmonics(&self, which: usize) -> usize {
        let rows = self.periods_ms.get(which).zip(self.step_ms).map_or(0, |(period, step)| (period / step) as usize);
        HARMONICS[which].min(rows.saturating_sub(1) / 2)
    }

    /// One, then sines and cosines of each period and its parts.
    fn waves(&self, time_ms: i64) -> [f64; FEATURES] {
        let mut waves = [0.0; FEATURES];
        waves[0] = 1.0;
        let mut at = 1;
        for (which, period) in self.periods_ms.iter().enumerate() {
            let phase = time_ms.rem_euclid(*period) as f64 / *period as f64;
            let (sin, cos) = (std::f64::consts::TAU * phase).sin_cos();
            let (mut s, mut c) = (sin, cos);
            for _ in 0..self.harmonics(which) {
                (waves[at], waves[at + 1]) = (s, c);
                (s, c) = (s * cos + c * sin, c * cos - s * sin);
                at += 2;
            }
        }
        waves
    }
}

/// By how long it lasts.
pub(crate) fn season_name(period_ms: i64) -> &'static str {
    match period_ms {
        DAY_MS => "time of day",
        WEEK_MS => "time of week",
        _ => "time of the season",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    fn noise(at: i64) -> f64 {
        (at as f64 * 0.618_033_988_749_895 + (at * at) as f64 * 0.414_213_562_373_095).fract() - 0.5
    }

    fn fitted(value: impl Fn(i64) -> f64) -> Seasons {
        let mut seasons = Seasons::new(None, false);
        let rows: Vec<(i64, Option<f64>)> =
            (0..400).map(|at| (at * HOUR_MS, Some(value(at)).filter(|_| at % 9 != 4))).collect();
        rows.iter().for_each(|(time, _)| seasons.observe(*time));
        seasons.fit(&rows);
        seasons
    }

    #[test]
    fn a_short_season_has_as_many_waves_as_can_be_told_apart() {
        let mut seasons = Seasons::new(Some(7), false);
        let value = |at: i64| if at % 7 >= 5 { 4.0 } else { 10.0 };
        let rows: Vec<(i64, Option<f64>)> = (0..140).map(|at| (at * HOUR_MS, Some(value(at) + noise(at)))).collect();
        rows.iter().for_each(|(time, _)| seasons.observe(*time));
        seasons.fit(&rows);
        assert_eq!(seasons.periods_ms, [7 * seasons.step_ms.unwrap()]);
        let apart = |at: i64| seasons.of(at * HOUR_MS) - seasons.of(0);
        assert!((0..14).all(|at| (apart(at) - (value(at) - value(0))).abs() < 0.3));
    }

    #[test]
    fn a_day_is_found_and_noise_has_none() {
        let day = |at: i64| 3.0 * (at as f64 / 24.0 * std::f64::consts::TAU).sin();
        let seasons = fitted(|at| 100.0 + day(at) + noise(at));
        assert!((0..24).all(|at| (seasons.of(at * HOUR_MS) - day(at)).abs() < 0.3));
        assert_eq!(fitted(noise).of(5 * HOUR_MS), 0.0);
    }
}
