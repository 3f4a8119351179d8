//! One plain series, row by row: how unlike the rows before it each value is, and whether that is worth an alarm.

mod forecast;
mod neighbours;
mod novelty;
pub(crate) mod ranks;
pub(crate) mod regression;
pub(crate) mod scale;
mod shifts;
mod together;
mod unlike;

use std::collections::VecDeque;

use forecast::Forecast;
pub use forecast::PERIOD_ROWS_MAX;
use novelty::Novelty;
use ranks::{Ranks, normal_quantile};
use scale::Scale;
use shifts::{Shifts, evidence};
pub(crate) use together::ENSEMBLE;
pub(crate) use unlike::NOVELTY;

use crate::breakdown::{Breakdown, Sum, Term};
use crate::detector::{Detector, Row, Scored, Settings};
use crate::list::{Entry, Family, Judges, Unmoved};

/// Before so many residuals nothing is said.
const RESIDUALS_MIN: usize = 12;
/// The onset of a change is looked for this far back.
const RECENT: usize = 1_000;
/// So much of the budget is for single rows, the rest for changes that stay.
const SPIKES_SHARE: f64 = 0.15;
/// Whether logarithms fit better is asked after so many rows, and settled with the last time.
const SETTLING_AT: [usize; 3] = [24, 100, SETTLED_AT];
const SETTLED_AT: usize = 400;
/// Evidence that reaches a threshold mostly leaps over it, so that fewer alarms come than the bound allows: by about so
/// much, as measured on series without change (docs/figures.md).
const OVERSHOOT: f64 = 1.9;
/// What a row is off by counts for the score by so much of its decades, and no further than so many deviations: by size
/// alone no row gets as far as one that is new.
const SIZE_SHARE: f64 = 0.5;
const SIZE_MAX: f64 = 100.0;
/// What an alarm may be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A move that stays.
    Shift,
    /// A row that is far off by itself.
    Spike,
    /// Both, within one budget.
    Both,
}

pub(crate) const SHIFT: Entry = Entry {
    name: "shift",
    looks_for: "a move that stays, beyond its season and what the values just before explain",
    family: Family::Sequential,
    unmoved_by: Unmoved { shift: false, scale: true },
    judges: Judges::Series(|settings| Box::new(ValueWatch::new(Kind::Shift, settings))),
};

pub(crate) const SPIKE: Entry = Entry {
    name: "spike",
    looks_for: "single values further off than the tail of those before explains",
    family: Family::Forecast,
    unmoved_by: Unmoved { shift: false, scale: true },
    judges: Judges::Series(|settings| Box::new(ValueWatch::new(Kind::Spike, settings))),
};

/// Judges one series. What it knows is what rows before have told it.
#[derive(Debug, Clone)]
pub struct ValueWatch {
    kind: Kind,
    settings: Settings,
    scale: Scale,
    /// The first rows, until the scale is settled.
    first: Vec<(i64, f64)>,
    judge: Judge,
    novelty: Novelty,
}

/// The state on one scale.
#[derive(Debug, Clone)]
struct Judge {
    kind: Kind,
    settings: Settings,
    forecast: Forecast,
    ranks: Ranks,
    shifts: Shifts,
    /// Newest last: what each row said, and by how much it was off.
    recent: VecDeque<(f64, f64)>,
}

impl ValueWatch {
    pub fn new(kind: Kind, settings: Settings) -> Self {
        let novelty = Novelty::new(settings.period_rows);
        Self { kind, settings, scale: Scale::Plain, first: Vec::new(), judge: Judge::new(kind, settings), novelty }
    }

    /// Takes a finite value.
    pub fn observe(&mut self, time_ms: i64, value: f64) -> Scored {
        let mut scored = self.judge.observe(time_ms, self.scale.of(value));
        scored.score += self.novelty.score(time_ms, value, scored.p_value);
        if self.first.len() < SETTLED_AT {
            self.first.push((time_ms, value));
            if SETTLING_AT.contains(&self.first.len()) {
                self.settle();
            }
        }
        scored
    }

    /// Another scale may fit better: then the first rows are learned from anew.
    fn settle(&mut self) {
        let scale = Scale::fitting(self.first.iter().map(|(_, value)| *value));
        if scale != self.scale {
            self.scale = scale;
            self.judge = Judge::new(self.kind, self.settings);
            for &(time_ms, value) in &self.first {
                self.judge.observe(time_ms, self.scale.of(value));
            }
        }
    }
}

impl Detector for ValueWatch {
    fn fit(&mut self, rows: &[Row]) {
        self.score(rows);
        self.novelty.rewind();
    }

    fn score(&mut self, rows: &[Row]) -> Vec<Scored> {
        let judge = |row: &Row| row.value().map(|value| self.observe(row.time_ms(), value));
        rows.iter().map(judge).map(|scored| scored.unwrap_or(Scored::NOTHING)).collect()
    }

    fn breakdown(&self, row: Row) -> Option<Breakdown> {
        let value = row.value()?;
        let (mut judge, mut novelty) = (self.judge.clone(), self.novelty.clone());
        let broken = judge.breakdown(self.scale, row.time_ms(), self.scale.of(value));
        let scored = judge.observe(row.time_ms(), self.scale.of(value));
        let new = novelty.score(row.time_ms(), value, scored.p_value);
        let terms = vec![Term::new("how far off", scored.score), Term::new("how new", new)];
        let mut broken = broken?;
        broken.sums.push(Sum::of_terms("score", terms));
        Some(broken)
    }
}

impl Judge {
    fn new(kind: Kind, settings: Settings) -> Self {
        Self {
            kind,
            settings,
            forecast: Forecast::new(settings.period_rows),
            ranks: Ranks::default(),
            shifts: Shifts::new(),
            recent: VecDeque::new(),
        }
    }

    fn observe(&mut self, time_ms: i64, value: f64) -> Scored {
        let mut scored = Scored::NOTHING;
        let deviation = self.ranks.deviation();
        let outlook = self.forecast.outlook(time_ms);
        if let Some(expected) = outlook.expected {
            let residual = (value - expected) / outlook.widening;
            if self.ranks.len() >= RESIDUALS_MIN {
                scored = self.judge(residual);
            }
            self.ranks.add(residual);
        }
        if self.forecast.learn(&outlook, value, deviation) {
            // Another model has other residuals.
            self.ranks = Ranks::default();
            self.shifts = Shifts::new();
            self.recent.clear();
        }
        scored
    }

    /// What the row should be and, of a detector of moves, what its evidence of one is made of.
    fn breakdown(&self, scale: Scale, time_ms: i64, value: f64) -> Option<Breakdown> {
        let outlook = self.forecast.outlook(time_ms);
        let residual = (value - outlook.expected?) / outlook.widening;
        if self.ranks.len() < RESIDUALS_MIN {
            return None;
        }
        let deviations = residual / self.ranks.deviation();
        let mut broken = Breakdown::of_forecast(scale, self.forecast.terms(&outlook)?, deviations)?;
        if self.kind != Kind::Spike {
            let mut shifts = self.shifts.clone();
            shifts.add(normal_quantile(self.ranks.share_below(residual)), self.ranks.len());
            let term = |(size, amount): (f64, f64)| Term::new(format!("by {size:+} deviations"), amount);
            broken.sums.push(Sum::of_terms("evidence of a move that stays", shifts.terms().map(term).collect()));
        }
        Some(broken)
    }

    fn judge(&mut self, residual: f64) -> Scored {
        let z = normal_quantile(self.ranks.share_below(residual));
        self.shifts.add(z, self.ranks.len());
        self.recent.push_back((z, residual));
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
        let shift = if self.kind == Kind::Spike { 1.0 } else { 1.0 / self.shifts.mean() };
        let spike = if self.kind == Kind::Shift { 1.0 } else { self.ranks.chance_beyond(residual) };
        let budget = self.settings.budget();
        let (shifts, spikes) = if self.kind == Kind::Both { (1.0 - SPIKES_SHARE, SPIKES_SHARE) } else { (1.0, 1.0) };
        let is_shift = shift <= OVERSHOOT * shifts * budget;
        let is_spike = spike <= spikes * budget;
        if is_shift {
            self.accept_shift();
        }
        let p_value = (2.0 * spike.min(shift)).min(1.0);
        Scored { score: self.size(residual), p_value, is_anomaly: is_shift || is_spike }
    }

    fn size(&self, residual: f64) -> f64 {
        if residual == 0.0 {
            return 0.0;
        }
        SIZE_SHARE * (1.0 + residual.abs() / self.ranks.deviation()).min(SIZE_MAX).log10()
    }

    /// The shift has been told: the new level is what is usual from now on.
    fn accept_shift(&mut self) {
        let shift = self.shifts.best();
        let (mut sum, mut best, mut rows) = (0.0, f64::NEG_INFINITY, 0);
        for (at, (z, _)) in self.recent.iter().rev().enumerate() {
            sum += evidence(*z, shift);
            if sum > best {
                (best, rows) = (sum, at + 1);
            }
        }
        let mut since: Vec<f64> = self.recent.iter().rev().take(rows).map(|(_, residual)| *residual).collect();
        since.sort_unstable_by(f64::total_cmp);
        if let (Some(gain), Some(moved)) = (self.forecast.gain(), since.get(since.len() / 2)) {
            self.forecast.rebase(moved * gain);
        }
        self.ranks.drop_held_back();
        self.shifts = Shifts::new();
        self.recent.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;
    const START_MS: i64 = 1_777_593_600_000;

    /// Noise that looks normal and needs no dice: golden-ratio steps through the normal distribution, shuffled.
    fn noise(at: usize) -> f64 {
        let shuffled =
            (at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        normal_quantile(((shuffled >> 11) as f64 + 0.5) / (1_u64 << 53) as f64)
    }

    fn settings() -> Settings {
        Settings { false_alarms: 0.01, period_rows: None, seed: 1 }
    }

    /// The rows that are anomalies.
    fn alarms(settings: Settings, rows: usize, value: impl Fn(usize) -> f64) -> Vec<usize> {
        alarms_of(Kind::Both, settings, rows, value)
    }

    fn alarms_of(kind: Kind, settings: Settings, rows: usize, value: impl Fn(usize) -> f64) -> Vec<usize> {
        let mut watch = ValueWatch::new(kind, settings);
        let mut judge = |at: usize| watch.observe(START_MS + at as i64 * HOUR_MS, value(at)).is_anomaly;
        (0..rows).filter(|&at| judge(at)).collect()
    }

    fn daily(at: usize) -> f64 {
        100.0 + 8.0 * (at as f64 / 24.0 * std::f64::consts::TAU).sin() + noise(at)
    }

    #[test]
    fn a_quiet_series_raises_nothing() {
        assert_eq!(alarms(settings(), 3_000, noise), Vec::<usize>::new());
        assert_eq!(alarms(settings(), 3_000, daily), Vec::<usize>::new());
        assert_eq!(alarms(settings(), 500, |_| 7.0), Vec::<usize>::new());
    }

    #[test]
    fn a_step_is_told_once_soon_and_in_both_directions() {
        for size in [-1.5, 1.5] {
            let found = alarms(settings(), 1_500, |at| daily(at) + if at >= 700 { size } else { 0.0 });
            assert!(found.len() == 1 && (701..730).contains(&found[0]), "{size}: {found:?}");
        }
    }

    #[test]
    fn one_row_far_off_is_told_and_forgotten() {
        let found = alarms(settings(), 1_500, |at| daily(at) + if at == 900 { 40.0 } else { 0.0 });
        assert_eq!(found, [900]);
    }

    #[test]
    fn size_alone_scores_less_than_what_is_new() {
        let mut watch = ValueWatch::new(Kind::Both, settings());
        let value = |at: usize| daily(at) + if at == 900 || at == 910 { 40.0 } else { 0.0 };
        let scores: Vec<f64> = (0..1_000).map(|at| watch.observe(at as i64 * HOUR_MS, value(at)).score).collect();
        assert!(scores[900] > 3.0, "{}", scores[900]);
        assert!((0.4..=1.0).contains(&scores[910]), "told ten rows ago: {}", scores[910]);
        assert!(scores[880..900].iter().all(|score| *score < 0.4), "{:?}", &scores[880..900]);
    }

    #[test]
    fn each_detector_looks_for_its_own() {
        let spike = |at: usize| daily(at) + if at == 900 { 40.0 } else { 0.0 };
        let step = |at: usize| daily(at) + if at >= 900 { 1.5 } else { 0.0 };
        assert_eq!(alarms_of(Kind::Spike, settings(), 1_200, spike), [900]);
        assert_eq!(alarms_of(Kind::Shift, settings(), 1_200, spike), Vec::<usize>::new());
        assert_eq!(alarms_of(Kind::Spike, settings(), 1_200, step), Vec::<usize>::new());
        assert_eq!(alarms_of(Kind::Shift, settings(), 1_200, step).len(), 1);
    }

    #[test]
    fn values_that_multiply_are_judged_alike() {
        assert_eq!(alarms(settings(), 2_000, |at| noise(at).exp()), Vec::<usize>::new());
        let found = alarms(settings(), 1_500, |at| noise(at).exp() * if at >= 1_000 { 4.0 } else { 1.0 });
        assert!(found.first().is_some_and(|first| (1_001..1_030).contains(first)), "{found:?}");
    }

    #[test]
    fn a_season_may_be_given_in_rows() {
        let weekly = |at: usize| if at % 7 >= 5 { 40.0 } else { 100.0 } + noise(at);
        let given = Settings { period_rows: Some(7), ..settings() };
        assert_eq!(alarms(given, 700, weekly), Vec::<usize>::new());
        let lost = alarms(given, 700, |at| if at == 500 { 40.0 } else { weekly(at) });
        assert!(lost.contains(&500), "{lost:?}");
    }

    #[test]
    fn whatever_finite_comes_is_judged() {
        let wild = [f64::MAX, f64::MIN, 0.0, -0.0, f64::MIN_POSITIVE, 1e300, -1e300];
        let mut watch = ValueWatch::new(Kind::Both, settings());
        for at in 0..2_000 {
            let value = if at % 3 == 0 { wild[at % wild.len()] } else { noise(at) };
            // Times may stand still and go back.
            let scored = watch.observe(START_MS + (at as i64 * 7_919 % 500) * HOUR_MS, value);
            assert!(scored.score.is_finite() && (0.0..=1.0).contains(&scored.p_value), "{at}: {scored:?}");
        }
    }
}
