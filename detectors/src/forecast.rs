//! What a plain series will be: the rows ahead of its last one, each between two values that hold with the probability
//! that is asked for.
//!
//! The newest rows are put on an even grid, on which rows that never came are gaps. Long seasons are taken off as waves,
//! as the detectors `arima` and `ets` do; what is left is fitted once, with a wider search than while rows come.

use thiserror::Error;

use crate::arima::seasons::Seasons;
use crate::arima::{Ahead, Limits, Orders, Running, choose, fit};
use crate::detector::Row;
use crate::middle::middle_and_deviation;
use crate::smoothing::{Ets, Trend, filled};
use crate::values::ranks::normal_quantile;
use crate::values::scale::Scale;

/// So many of the newest rows are fitted to, gaps with them.
const ROWS_MAX: usize = 2_048;
/// Orders of a season are fitted up to so many rows; longer seasons are taken off as waves.
const PERIOD_IN_MODEL_MAX: usize = 12;
/// What the search for orders may cost: seconds.
const LIMITS: Limits = Limits { order_max: 5, seasonal_max: 2, models_max: 40 };

/// What goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Arima,
    Ets,
}

#[derive(Debug, Clone, Copy)]
pub struct Asked {
    pub kind: Kind,
    /// Ahead of the last one.
    pub rows: usize,
    /// That the value lies between low and high.
    pub probability: f64,
    /// The season in rows; a day and a week of the timestamps are found without.
    pub period_rows: Option<usize>,
}

#[derive(Debug, Clone)]
pub struct Forecast {
    pub ahead: Vec<Ahead>,
    /// From row to row.
    pub step_ms: i64,
    pub model: Model,
    pub log_likelihood: f64,
    /// That the likelihood is of.
    pub values: usize,
    /// The model is one of the values' logarithms, and so is its likelihood.
    pub is_of_logarithms: bool,
    /// A day, a week or the period that was given is taken off as waves before the model sees the values.
    pub has_waves: bool,
}

#[derive(Debug, Clone)]
pub enum Model {
    Arima {
        orders: Orders,
        /// From lag one on, seasonal ones multiplied out.
        ar: Vec<f64>,
        ma: Vec<f64>,
        /// Of the differenced series.
        mean: f64,
        /// Of the innovations.
        variance: f64,
    },
    Ets {
        trend: Trend,
        variance: f64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ForecastError {
    #[error("its timestamps never go forward; give at least two rows, in the order of their times")]
    NoStep,
    #[error("no model can be fitted to its newest {0} values: give more of them, and such that are not all alike")]
    NotFitted(usize),
}

/// Forecasts the rows ahead of these.
pub fn forecast(rows: &[Row], asked: Asked) -> Result<Forecast, ForecastError> {
    let step_ms = step_ms(rows).ok_or(ForecastError::NoStep)?;
    let series = Even::new(rows, step_ms);
    let made = match asked.kind {
        Kind::Arima => series.by_arima(asked),
        Kind::Ets => series.by_ets(asked),
    };
    let is_finite = |ahead: &Ahead| [ahead.low, ahead.expected, ahead.high].iter().all(|one| one.is_finite());
    made.filter(|made| made.ahead.iter().all(is_finite)).ok_or(ForecastError::NotFitted(series.known().count()))
}

/// The usual time from row to row.
fn step_ms(rows: &[Row]) -> Option<i64> {
    let mut steps: Vec<i64> =
        rows.windows(2).map(|pair| pair[1].time_ms() - pair[0].time_ms()).filter(|step| *step > 0).collect();
    let middle = steps.len() / 2;
    (!steps.is_empty()).then(|| *steps.select_nth_unstable(middle).1)
}

/// A series on an even grid.
struct Even {
    rows: Vec<(i64, Option<f64>)>,
    step_ms: i64,
    scale: Scale,
}

impl Even {
    fn new(rows: &[Row], step_ms: i64) -> Self {
        let mut newest_first: Vec<(i64, Option<f64>)> = Vec::new();
        for row in rows.iter().rev() {
            if let Some((after, _)) = newest_first.last().copied() {
                // To the nearest row: times may waver. A row at the time of the one before it, or earlier, just follows it.
                let missing = ((after - row.time_ms() + step_ms / 2) / step_ms - 1).clamp(0, ROWS_MAX as i64);
                newest_first.extend((1..=missing).map(|at| (after - at * step_ms, None)));
            }
            newest_first.push((row.time_ms(), row.value()));
            if newest_first.len() >= ROWS_MAX {
                break;
            }
        }
        newest_first.truncate(ROWS_MAX);
        newest_first.reverse();
        let values: Vec<f64> = newest_first.iter().filter_map(|(_, value)| *value).collect();
        Self { rows: newest_first, step_ms, scale: Scale::fitting(values.iter().copied()) }
    }

    fn known(&self) -> impl Iterator<Item = f64> {
        self.rows.iter().filter_map(|(_, value)| value.map(|value| self.scale.of(value)))
    }

    /// What is left of the values, on their scale and in units of their own, where the seasons are taken off.
    fn left(&self, seasons: &mut Seasons, unit: (f64, f64)) -> Vec<Option<f64>> {
        let seen = |value: f64| (self.scale.of(value) - unit.0) / unit.1;
        let rows: Vec<(i64, Option<f64>)> = self.rows.iter().map(|(time, value)| (*time, value.map(seen))).collect();
        rows.iter().for_each(|(time, _)| seasons.observe(*time));
        seasons.fit(&rows);
        rows.iter().map(|(time, value)| value.map(|value| value - seasons.of(*time))).collect()
    }

    fn by_arima(&self, asked: Asked) -> Option<Forecast> {
        let in_model = asked.period_rows.filter(|period| *period <= PERIOD_IN_MODEL_MAX);
        let mut seasons = Seasons::new(asked.period_rows, in_model.is_some());
        let left = self.left(&mut seasons, (0.0, 1.0));
        let chosen = choose(&left, in_model, LIMITS)?;
        // Orders were compared by a quick search for their coefficients each.
        let thorough = fit(&left, chosen.orders).filter(|fitted| fitted.log_likelihood > chosen.log_likelihood);
        let fitted = thorough.unwrap_or(chosen);
        let (ar, ma) = fitted.coefficients();
        let model = Model::Arima {
            orders: fitted.orders,
            ar: ar.to_vec(),
            ma: ma.to_vec(),
            mean: fitted.mean,
            variance: fitted.variance,
        };
        let (log_likelihood, values) = (fitted.log_likelihood, fitted.values);
        let mut running = Running::new(fitted);
        left.iter().for_each(|value| running.take(*value));
        let ahead = running.ahead(asked.rows, asked.probability);
        Some(self.made(ahead, &seasons, (0.0, 1.0), model, (log_likelihood, values)))
    }

    fn by_ets(&self, asked: Asked) -> Option<Forecast> {
        let unit = middle_and_deviation(&self.known().collect::<Vec<f64>>())?;
        let mut seasons = Seasons::new(asked.period_rows, false);
        let mut left = self.left(&mut seasons, unit);
        // Gaps at the end are rows ahead already.
        let behind = left.iter().rev().take_while(|value| value.is_none()).count();
        left.truncate(left.len() - behind);
        let mut ets = Ets::fit(&filled(left.iter().copied()))?;
        // It was fitted to gaps that were filled. How far off it is counts where there are values alone.
        ets.rewind();
        let (mut off, mut spreads, mut values) = (0.0, 0.0, 0_u32);
        for value in &left[left.len() - ets.rows()..] {
            if let Some(value) = value {
                off += ((value - ets.expected()) / ets.deviation()).powi(2);
                spreads += ets.deviation().ln();
                values += 1;
            }
            ets.take(*value);
        }
        let by = (off / f64::from(values)).sqrt();
        let variance = (by * unit.1 * ets.deviation()).powi(2);
        // Of normal surprises, at the variance that they have.
        let of_one = 1.0 + std::f64::consts::TAU.ln() + 2.0 * (by * unit.1).ln();
        let log_likelihood = -0.5 * f64::from(values) * of_one - spreads;
        let model = Model::Ets { trend: ets.trend(), variance };
        (0..behind).for_each(|_| ets.take(None));
        let wide = by * normal_quantile(0.5 + asked.probability / 2.0);
        let ahead = (0..asked.rows).map(|_| {
            let (expected, wide) = (ets.expected(), wide * ets.deviation());
            ets.take(None);
            Ahead { expected, low: expected - wide, high: expected + wide }
        });
        let ahead = ahead.collect();
        Some(self.made(ahead, &seasons, unit, model, (log_likelihood, values as usize)))
    }

    /// Back in the series' own units, with its seasons.
    fn made(
        &self,
        mut ahead: Vec<Ahead>,
        seasons: &Seasons,
        (middle, unit): (f64, f64),
        model: Model,
        (log_likelihood, values): (f64, usize),
    ) -> Forecast {
        let last = self.rows.last().map_or(0, |(time, _)| *time);
        for (row, at) in ahead.iter_mut().zip(1..) {
            let season = seasons.of(last + at * self.step_ms);
            for one in [&mut row.expected, &mut row.low, &mut row.high] {
                *one = self.scale.back(middle + unit * (*one + season));
            }
        }
        Forecast {
            ahead,
            step_ms: self.step_ms,
            model,
            log_likelihood,
            values,
            is_of_logarithms: self.scale != Scale::Plain,
            has_waves: seasons.are_there(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::Draws;

    const HOUR_MS: i64 = 3_600_000;
    const AHEAD: usize = 12;

    fn asked(kind: Kind, period_rows: Option<usize>) -> Asked {
        Asked { kind, rows: AHEAD, probability: 0.95, period_rows }
    }

    fn rows(values: impl IntoIterator<Item = f64>) -> Vec<Row> {
        (0..).zip(values).map(|(at, value)| Row::new(at * HOUR_MS, value)).collect()
    }

    /// ARIMA(1, 1, 1): differences that remember, and a level that keeps what they were.
    fn wandering(count: usize, seed: u64) -> Vec<f64> {
        let mut draws = Draws::of(&[41, seed]);
        let (mut level, mut moved, mut before) = (0.0, 0.0, 0.0);
        let mut next = || {
            let noise = draws.bell();
            moved = 0.5 * moved + noise + 0.3 * before;
            before = noise;
            level += moved;
            level
        };
        (0..count).map(|_| next()).collect()
    }

    /// The truth of simulated series lies in intervals of 95 % about so often, near and far, by either model.
    #[test]
    fn intervals_hold_the_truth_as_often_as_they_say() {
        const SERIES: u64 = 32;
        const KNOWN: usize = 150;
        for kind in [Kind::Arima, Kind::Ets] {
            let mut inside = [0_u32; 2];
            for seed in 0..SERIES {
                let values = wandering(KNOWN + AHEAD, seed);
                let made = forecast(&rows(values[..KNOWN].iter().copied()), asked(kind, None)).unwrap();
                for (inside, at) in inside.iter_mut().zip([0, AHEAD - 1]) {
                    let Ahead { low, high, .. } = made.ahead[at];
                    *inside += u32::from((low..=high).contains(&values[KNOWN + at]));
                }
            }
            // 28 of 32 are three standard errors less than 95 %; what is fitted and not known takes part of that.
            assert!(inside.iter().all(|inside| *inside >= 27), "{kind:?} {inside:?}");
            // Intervals that always hold are too wide: half as wide ones hold about two in three.
            let values = wandering(KNOWN + AHEAD, 1);
            let narrow = Asked { probability: 0.5, ..asked(kind, None) };
            let [wide, narrow] = [asked(kind, None), narrow].map(|asked| {
                let made = forecast(&rows(values[..KNOWN].iter().copied()), asked).unwrap();
                made.ahead[0].high - made.ahead[0].low
            });
            assert!((narrow / wide - 0.674_5 / 1.96).abs() < 1e-3, "{kind:?} {narrow} {wide}");
        }
    }

    #[test]
    fn a_day_goes_on_over_rows_that_never_came() {
        let mut draws = Draws::of(&[43]);
        let day = |at: i64| 100.0 + 20.0 * (at as f64 / 24.0 * std::f64::consts::TAU).sin();
        let all: Vec<Row> = (0..24 * 20).map(|at| Row::new(at * HOUR_MS, day(at) + draws.bell())).collect();
        let left: Vec<Row> = all.into_iter().filter(|row| !(200..215).contains(&(row.time_ms() / HOUR_MS))).collect();
        for kind in [Kind::Arima, Kind::Ets] {
            let made = forecast(&left, asked(kind, None)).unwrap();
            assert!(made.has_waves && made.step_ms == HOUR_MS, "{made:?}");
            for (at, ahead) in (24 * 20..).zip(&made.ahead) {
                assert!((ahead.expected - day(at)).abs() < 3.0, "{kind:?} {at} {ahead:?} {}", day(at));
                assert!(ahead.low < ahead.expected && ahead.expected < ahead.high && ahead.high - ahead.low < 9.0);
            }
        }
    }

    #[test]
    fn gaps_at_the_end_are_rows_ahead_that_are_not_told() {
        let mut values = wandering(300, 9);
        for kind in [Kind::Arima, Kind::Ets] {
            let known = forecast(&rows(values[..294].iter().copied()), asked(kind, None)).unwrap();
            values[294..].fill(f64::NAN);
            let behind = forecast(&rows(values.iter().copied()), asked(kind, None)).unwrap();
            for (a, b) in known.ahead[6..].iter().zip(&behind.ahead) {
                let wide = a.high - a.low;
                assert!((a.expected - b.expected).abs() < 0.02 * wide, "{kind:?} {a:?} {b:?}");
                assert!((wide / (b.high - b.low) - 1.0).abs() < 0.02, "{kind:?} {a:?} {b:?}");
            }
        }
    }

    #[test]
    fn what_says_nothing_of_what_comes_is_refused() {
        let hourly = |values: &[f64]| rows(values.iter().copied());
        for kind in [Kind::Arima, Kind::Ets] {
            let of = |rows: &[Row]| forecast(rows, asked(kind, None)).map(|made| made.ahead).unwrap_err();
            assert_eq!(of(&[]), ForecastError::NoStep);
            assert_eq!(of(&[Row::new(0, 1.0)]), ForecastError::NoStep);
            assert_eq!(of(&[Row::new(5, 1.0); 60]), ForecastError::NoStep);
            assert_eq!(of(&hourly(&[7.0; 60])), ForecastError::NotFitted(60));
            assert_eq!(of(&hourly(&[1.0, 2.0, 1.5])), ForecastError::NotFitted(3));
            assert_eq!(of(&hourly(&[f64::NAN; 60])), ForecastError::NotFitted(0));
        }
    }
}
