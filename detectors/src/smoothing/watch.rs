//! The detector that a smoothing model makes: how far each row is from what is expected of it, in the deviations of that.

use std::collections::VecDeque;

use crate::arima::seasons::Seasons;
use crate::breakdown::{Breakdown, Term};
use crate::calibrated::{Calibrated, Scorer};
use crate::detector::{Detector, Row, Settings};
use crate::middle::{deviations, middle_and_deviation};
use crate::values::scale::Scale;

use super::ets::Ets;

/// The newest rows are kept, to fit to: 48 kB.
const HISTORY: usize = 2_048;
/// The first fit; each later one comes after twice as many rows, and at the latest after so many more.
const FIRST_FIT: usize = 48;
const FIT_ROWS: usize = 1_024;
/// A value further off than so many deviations is learned from as if it were there.
const CLIP_DEVIATIONS: f64 = 4.0;
/// A longer hole in the times is taken for one of so many rows: by then all but the seasons is forgotten.
const MISSING_MAX: i64 = HISTORY as i64;

#[derive(Debug, Clone)]
struct Watch {
    seasons: Seasons,
    scale: Scale,
    /// Of the values on their scale.
    middle: (f64, f64),
    /// Cleaned values on no scale, and when they were; rows that never came are gaps.
    history: VecDeque<(i64, Option<f64>)>,
    model: Option<Ets>,
    last_time_ms: Option<i64>,
    position: usize,
    next_fit: usize,
    is_clipped: bool,
    /// Fitted on a whole series: what is learned stays.
    is_trained: bool,
}

/// The detector of a model.
pub(super) fn detector(settings: Settings) -> Box<dyn Detector> {
    Box::new(Calibrated::new(scorer(settings), settings))
}

pub(crate) fn scorer(settings: Settings) -> impl Scorer {
    Watch::new(settings)
}

impl Watch {
    fn new(settings: Settings) -> Self {
        Self {
            seasons: Seasons::new(settings.period_rows, false),
            scale: Scale::Plain,
            middle: (0.0, 1.0),
            history: VecDeque::new(),
            model: None,
            last_time_ms: None,
            position: 0,
            next_fit: FIRST_FIT,
            is_clipped: false,
            is_trained: false,
        }
    }

    fn fit_to_history(&mut self) {
        let known: Vec<f64> = self.history.iter().filter_map(|(_, value)| *value).collect();
        let scale = Scale::fitting(known.iter().copied());
        let scaled: Vec<f64> = known.iter().map(|value| scale.of(*value)).collect();
        let Some(middle) = middle_and_deviation(&scaled) else { return };
        let seen = |value: f64| deviations(scale.of(value), middle);
        let rows: Vec<(i64, Option<f64>)> = self.history.iter().map(|(time, value)| (*time, value.map(seen))).collect();
        let mut seasons = self.seasons.clone();
        seasons.fit(&rows);
        let left = rows.iter().map(|(time, value)| value.map(|value| value - seasons.of(*time)));
        let values = filled(left);
        if let Some(model) = Ets::fit(&values) {
            (self.model, self.scale, self.middle, self.seasons) = (Some(model), scale, middle, seasons);
        }
    }

    /// The row that never came is a gap.
    fn miss_until(&mut self, time_ms: i64) {
        let (Some(last), Some(step)) = (self.last_time_ms.replace(time_ms), self.seasons.step_ms()) else { return };
        // To the nearest row: times may waver.
        let missing = ((time_ms - last + step / 2) / step - 1).clamp(0, MISSING_MAX);
        for at in 1..=missing {
            self.learn(last + at * step, None, None);
        }
    }

    fn learn(&mut self, time_ms: i64, cleaned: Option<f64>, kept: Option<f64>) {
        if let Some(model) = &mut self.model {
            model.take(cleaned);
        }
        self.position += 1;
        if self.is_trained {
            return;
        }
        self.history.push_back((time_ms, kept));
        if self.history.len() > HISTORY {
            self.history.pop_front();
        }
        if self.position >= self.next_fit {
            self.next_fit = (2 * self.position).min(self.position + FIT_ROWS);
            self.fit_to_history();
        }
    }
}

impl Scorer for Watch {
    fn strangeness(&mut self, row: Row) -> Option<f64> {
        self.seasons.observe(row.time_ms());
        self.miss_until(row.time_ms());
        let season = self.seasons.of(row.time_ms());
        let value = row.value().map(|value| deviations(self.scale.of(value), self.middle) - season);
        let mut cleaned = value;
        let mut strangeness = None;
        if let (Some(value), Some(model)) = (value, &self.model) {
            let (expected, wide) = (model.expected(), CLIP_DEVIATIONS * model.deviation());
            let off = (value - expected).abs();
            strangeness = Some(off / model.deviation()).filter(|off| off.is_finite());
            // One row may be an outlier; with a second one the world is elsewhere.
            let is_far = off > wide;
            if is_far && !self.is_clipped {
                cleaned = Some(value.clamp(expected - wide, expected + wide));
            }
            self.is_clipped = is_far && !self.is_clipped;
        }
        let kept = if cleaned == value {
            row.value()
        } else {
            let (middle, deviation) = self.middle;
            cleaned.map(|cleaned| self.scale.back(middle + deviation * (cleaned + season)))
        };
        self.learn(row.time_ms(), cleaned, kept);
        strangeness
    }

    fn breakdown(&self, row: Row) -> Option<Breakdown> {
        let mut now = self.clone();
        now.seasons.observe(row.time_ms());
        now.miss_until(row.time_ms());
        let (model, (middle, unit)) = (now.model?, now.middle);
        let value = deviations(now.scale.of(row.value()?), now.middle);
        let [level, trend] = model.level_and_trend();
        let seasons = now.seasons.terms(row.time_ms());
        let season: f64 = seasons.iter().map(|term| term.amount).sum();
        let deviations = (value - season - model.expected()) / model.deviation();
        let mut terms = vec![Term::new("level", level), Term::new("trend", trend)];
        terms.extend(seasons);
        terms.iter_mut().for_each(|term| term.amount *= unit);
        terms[0].amount += middle;
        Breakdown::of_forecast(now.scale, terms, deviations)
    }

    fn rewind(&mut self) {
        if !self.is_trained {
            self.fit_to_history();
            self.is_trained = self.model.is_some();
        }
        if let Some(model) = &mut self.model {
            model.rewind();
        }
        self.history.clear();
        (self.last_time_ms, self.position, self.is_clipped) = (None, 0, false);
    }
}

/// Gaps are filled with the last value, or the first one.
pub(crate) fn filled(values: impl Iterator<Item = Option<f64>> + Clone) -> Vec<f64> {
    let mut last = values.clone().flatten().next().unwrap_or(0.0);
    let mut filled = |value: Option<f64>| {
        last = value.unwrap_or(last);
        last
    };
    values.map(&mut filled).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::Draws;
    use crate::list::{Entry, Judges};
    use crate::smoothing::ETS;

    const HOUR_MS: i64 = 3_600_000;

    fn scores(entry: &Entry, rows: &[Row], period_rows: Option<usize>) -> Vec<f64> {
        let Judges::Series(build) = entry.judges else { return Vec::new() };
        let verdicts = build(Settings { false_alarms: 0.1, period_rows, seed: 1 }).score(rows);
        verdicts.iter().map(|verdict| verdict.score).collect()
    }

    fn alarms(entry: &Entry, rows: &[Row], period_rows: Option<usize>) -> Vec<usize> {
        let Judges::Series(build) = entry.judges else { return Vec::new() };
        let verdicts = build(Settings { false_alarms: 0.1, period_rows, seed: 1 }).score(rows);
        (0..rows.len()).filter(|at| verdicts[*at].is_anomaly).collect()
    }

    #[test]
    fn what_wanders_is_followed_and_a_leap_of_it_is_found() {
        let mut draws = Draws::of(&[31]);
        let mut level = 0.0;
        let rows: Vec<Row> = (0..1_500)
            .map(|at| {
                level += draws.bell() + if at == 1_200 { 9.0 } else { 0.0 };
                Row::new(at * HOUR_MS, 500.0 + level)
            })
            .collect();
        let found = alarms(&ETS, &rows, None);
        assert!(found.contains(&1_200) && found.len() <= 2, "{found:?}");
    }

    #[test]
    fn a_short_season_is_known_by_its_rows_even_where_rows_never_came() {
        let mut draws = Draws::of(&[33]);
        let value = |at: i64| if at % 7 >= 5 { 40.0 } else { 100.0 };
        let rows: Vec<Row> = (0..900)
            .filter(|at| !(400..410).contains(at))
            .map(|at| Row::new(at * 24 * HOUR_MS, if at == 802 { 40.0 } else { value(at) } + draws.bell()))
            .collect();
        let scores = scores(&ETS, &rows, Some(7));
        // The first weeks are strange while the season is not known.
        let known = rows.iter().zip(&scores).filter(|(row, _)| row.time_ms() >= 450 * 24 * HOUR_MS);
        let strangest = known.max_by(|a, b| a.1.total_cmp(b.1)).map(|(row, _)| row.time_ms() / 24 / HOUR_MS);
        assert_eq!(strangest, Some(802));
    }

    #[test]
    fn gaps_are_filled_from_what_was_last() {
        let gaps = [None, Some(1.0), Some(2.0), None, None, Some(5.0)];
        assert_eq!(filled(gaps.into_iter()), [1.0, 1.0, 2.0, 2.0, 2.0, 5.0]);
    }
}
