//! The detector: how far each row is from what an ARIMA model of the rows before it expects, in deviations.

use std::collections::VecDeque;

use super::orders::{Limits, choose};
use super::running::Running;
use super::seasons::Seasons;
use crate::arima::fit::Series;
use crate::breakdown::Breakdown;
use crate::calibrated::{Calibrated, Scorer};
use crate::detector::{Row, Settings};
use crate::list::{Entry, Family, Judges, Unmoved};
use crate::values::scale::Scale;

pub(crate) const ARIMA: Entry = Entry {
    name: "arima",
    looks_for: "values far from the forecast of an ARIMA model that is fitted as rows come",
    family: Family::Forecast,
    unmoved_by: Unmoved { shift: false, scale: true },
    judges: Judges::Series(|settings| Box::new(Calibrated::new(scorer(settings), settings))),
};

/// So many of the newest rows are fitted to.
const HISTORY: usize = 960;
/// The first fit; each later one comes after twice as many rows, and at the latest after so many more.
const FIRST_FIT: usize = 48;
const FIT_ROWS: usize = 4_000;
/// Orders of a season are fitted up to so many rows; longer seasons are taken off as waves.
const PERIOD_IN_MODEL_MAX: usize = 12;
/// A value further off than so many deviations is learned from as if it were there.
const CLIP_DEVIATIONS: f64 = 4.0;
/// What a fit may cost while rows come.
const LIMITS: Limits = Limits { order_max: 2, seasonal_max: 1, models_max: 9 };

#[derive(Debug)]
struct Watch {
    period_in_model: Option<usize>,
    seasons: Seasons,
    scale: Scale,
    /// Cleaned values on no scale, and when they were.
    history: VecDeque<(i64, Option<f64>)>,
    running: Option<Running>,
    rows: usize,
    next_fit: usize,
    is_clipped: bool,
    /// Fitted on a whole series: what is learned stays.
    is_trained: bool,
}

pub(crate) fn scorer(settings: Settings) -> impl Scorer {
    Watch::new(settings)
}

impl Watch {
    fn new(settings: Settings) -> Self {
        let (short, long) = match settings.period_rows {
            Some(period) if period <= PERIOD_IN_MODEL_MAX => (Some(period), None),
            other => (None, other),
        };
        Self {
            period_in_model: short,
            seasons: Seasons::new(long, short.is_some()),
            scale: Scale::Plain,
            history: VecDeque::new(),
            running: None,
            rows: 0,
            next_fit: FIRST_FIT,
            is_clipped: false,
            is_trained: false,
        }
    }

    fn fit_to_history(&mut self, is_thorough: bool) {
        let seen = || self.history.iter().filter_map(|(_, value)| *value);
        self.scale = Scale::fitting(seen().collect::<Vec<f64>>().iter().copied());
        let scaled = |value: f64| self.scale.of(value);
        let rows: Vec<(i64, Option<f64>)> =
            self.history.iter().map(|(time, value)| (*time, value.map(scaled))).collect();
        self.seasons.fit(&rows);
        let left: Vec<Option<f64>> =
            rows.iter().map(|(time, value)| value.map(|value| value - self.seasons.of(*time))).collect();
        // Orders stay once the history is full; coefficients follow.
        let before = self.running.as_ref().map(|running| running.fitted().clone()).filter(|_| !is_thorough);
        let again = before.and_then(|before| Series::new(&left, before.orders)?.fit(Some(&before.free)));
        let fitted = again.or_else(|| choose(&left, self.period_in_model, LIMITS));
        self.running = fitted.map(|fitted| {
            let mut running = Running::new(fitted);
            left.iter().for_each(|value| running.take(*value));
            running
        });
    }

    fn is_due(&mut self) -> bool {
        self.rows += 1;
        if self.is_trained || self.rows < self.next_fit {
            return false;
        }
        self.next_fit = (2 * self.rows).min(self.rows + FIT_ROWS);
        true
    }

    fn remember(&mut self, time_ms: i64, value: Option<f64>) {
        self.history.push_back((time_ms, value));
        if self.history.len() > HISTORY {
            self.history.pop_front();
        }
    }
}

impl Scorer for Watch {
    fn strangeness(&mut self, row: Row) -> Option<f64> {
        self.seasons.observe(row.time_ms());
        let season = self.seasons.of(row.time_ms());
        let expected = self.running.as_mut().and_then(Running::expected);
        let value = row.value().map(|value| self.scale.of(value) - season);
        let mut cleaned = value;
        let mut strangeness = None;
        if let (Some(value), Some(expected)) = (value, expected) {
            let (middle, wide) = (expected.parts.sum(), CLIP_DEVIATIONS * expected.deviation);
            let off = (value - middle).abs() / expected.deviation;
            strangeness = Some(off).filter(|off| off.is_finite());
            let is_far = (value - middle).abs() > wide;
            // One row may be an outlier; with a second one the world is elsewhere.
            if is_far && !self.is_clipped {
                cleaned = Some(value.clamp(middle - wide, middle + wide));
            }
            self.is_clipped = is_far && !self.is_clipped;
        }
        if let Some(running) = &mut self.running {
            running.take(cleaned);
        }
        let kept = match (cleaned, row.value()) {
            (Some(cleaned), Some(_)) if Some(cleaned) != value => Some(self.scale.back(cleaned + season)),
            (_, as_it_is) => as_it_is,
        };
        self.remember(row.time_ms(), kept);
        if self.is_due() {
            self.fit_to_history(self.rows <= HISTORY);
        }
        strangeness
    }

    fn breakdown(&self, row: Row) -> Option<Breakdown> {
        let value = self.scale.of(row.value()?);
        let mut terms = self.running.as_ref()?.terms()?;
        terms.extend(self.seasons.terms(row.time_ms()));
        let expected: f64 = terms.iter().map(|term| term.amount).sum();
        let deviation = self.running.clone()?.expected()?.deviation;
        Breakdown::of_forecast(self.scale, terms, (value - expected) / deviation)
    }

    fn rewind(&mut self) {
        self.is_trained = self.running.is_some();
        self.running = self.running.take().map(|running| Running::new(running.fitted().clone()));
        self.history.clear();
        self.is_clipped = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::Detector;
    use crate::draws::Draws;
    use crate::values::ranks::normal_quantile;

    const HOUR_MS: i64 = 3_600_000;

    /// A memory that a spike of three deviations of the series hides in, but not one of its innovations.
    #[test]
    fn what_the_memory_explains_is_taken_off() {
        let mut draws = Draws::of(&[21]);
        let mut carried = 0.0;
        let rows: Vec<Row> = (0..2_000)
            .map(|at| {
                carried = 0.95 * carried + normal_quantile(draws.unit().max(1e-12));
                Row::new(at * HOUR_MS, 50.0 + carried + if at == 1_500 { 7.0 } else { 0.0 })
            })
            .collect();
        let settings = Settings { false_alarms: 0.1, period_rows: None, seed: 1 };
        let verdicts = Calibrated::new(Watch::new(settings), settings).score(&rows);
        assert!(verdicts[1_500].is_anomaly, "{:?}", verdicts[1_500]);
        assert!(verdicts[..1_500].iter().filter(|scored| scored.is_anomaly).count() <= 1);
    }

    #[test]
    fn a_short_season_is_part_of_the_model() {
        let mut draws = Draws::of(&[22]);
        let mut noise = || normal_quantile(draws.unit().max(1e-12));
        let rows: Vec<Row> = (0..700)
            .map(|at: i64| {
                let usual = if at % 7 >= 5 { 40.0 } else { 100.0 } + noise();
                Row::new(at * 24 * HOUR_MS, if at == 605 { 40.0 } else { usual })
            })
            .collect();
        let settings = Settings { false_alarms: 0.1, period_rows: Some(7), seed: 1 };
        let verdicts = Calibrated::new(Watch::new(settings), settings).score(&rows);
        let found: Vec<usize> = (0..700).filter(|at| verdicts[*at].is_anomaly).collect();
        assert!(found.contains(&605) && found.len() <= 2, "{found:?}");
    }
}
