//! Windows of values and the time of day they end at: how badly a network that squeezes them through a few numbers makes
//! the newest one up again.

use std::collections::VecDeque;

use hark_networks::{Autoencoder, Plain, Scaling, Shape, Training, Windows};

use crate::breakdown::{Breakdown, MadeOf, Term};
use crate::calibrated::{Calibrated, Scorer};
use crate::detector::{Row, Settings};
use crate::list::{Entry, Family, Judges, Unmoved};
use crate::units::Units;

pub(crate) const AUTOENCODER: Entry = Entry {
    name: "autoencoder",
    looks_for: "a window of 24 rows, and the time of day it ends at, that a trained network does not make up again; each metric has one that is trained on its own hours",
    family: Family::Network,
    unmoved_by: Unmoved { shift: true, scale: true },
    judges: Judges::Series(|settings| Box::new(Calibrated::new(scorer(settings), settings))),
};

const WINDOW: usize = 24;
/// The time of day on the clock's face: its two coordinates, so that midnight is no jump.
const CLOCK: usize = 2;
const CLOCK_NAMES: [&str; CLOCK] = ["time of day, up and down", "time of day, left and right"];
const INPUTS: usize = WINDOW + CLOCK;
const SHAPE: Shape = Shape::Dense { time: 1, columns: INPUTS, hidden: 16, code: 4 };
/// What is trained on: the newest rows. Half a year of hours, two weeks of five minutes.
const ROWS_KEPT: usize = 4_000;
/// It is trained anew after twice as many rows, and at the latest after so many more.
const FIRST_TRAINING: usize = 4 * WINDOW;
const TRAINING_ROWS: usize = 1_000;
/// From drawn weights, and from those it has: what a row costs is mostly this.
const STEPS_FIRST: usize = 200;
const STEPS_MORE: usize = 60;
/// In usual deviations: what lies further off is learned as if it lay here, so that one spike is not most of the loss.
const LEARNED_MAX: f64 = 6.0;
/// Judged it may lie so far off: squares of it are still floats.
const JUDGED_MAX: f64 = 1e12;
/// Of a normal distribution, the deviation is so many times the median distance from the median.
const DEVIATION_OF_MEDIAN: f64 = 1.482_602_218_505_602;
/// Further off than so many of its first moves a value is not.
const UNITS_MAX: f64 = 1e60;
const DAY_MS: i64 = 86_400_000;

#[derive(Debug, Clone, Copy)]
struct Kept {
    value: f64,
    clock: [f32; CLOCK],
}

#[derive(Debug)]
struct Windowed {
    rows: VecDeque<Kept>,
    /// Rows since the first one, or since the last rewinding.
    seen: usize,
    /// Of the window that grows: after a rewinding it begins anew.
    in_window: usize,
    units: Units,
    next_training: usize,
    network: Option<Autoencoder>,
    fitted: Option<Fitted>,
    is_fixed: bool,
    seed: u64,
}

#[derive(Debug)]
struct Fitted {
    level: f64,
    deviation: f64,
    network: Plain,
}

pub(crate) fn scorer(settings: Settings) -> impl Scorer {
    Windowed::new(settings)
}

impl Windowed {
    fn new(settings: Settings) -> Self {
        Self {
            rows: VecDeque::new(),
            seen: 0,
            in_window: 0,
            units: Units::default(),
            next_training: FIRST_TRAINING,
            network: None,
            fitted: None,
            is_fixed: false,
            seed: settings.seed,
        }
    }

    fn train(&mut self) {
        let Some((level, deviation)) = self.usual() else { return };
        let rows: Vec<Kept> = self.rows.iter().copied().collect();
        let mut values = Vec::with_capacity(rows.len() * INPUTS);
        for window in rows.windows(WINDOW) {
            let learned = window.iter().map(|row| (row.value - level) / deviation);
            values.extend(learned.map(|value| value.clamp(-LEARNED_MAX, LEARNED_MAX) as f32));
            values.extend(window[WINDOW - 1].clock);
        }
        let training = Training {
            steps_max: if self.network.is_some() { STEPS_MORE } else { STEPS_FIRST },
            batch: 64,
            rate: 3e-3,
            ask_every: 20,
            patience: 3,
            seed: self.seed.wrapping_add(self.seen as u64),
        };
        let made = || -> Result<(Autoencoder, Plain), hark_networks::Error> {
            let windows = Windows::new(1, INPUTS, values)?;
            let drawn = || Autoencoder::new(SHAPE, Scaling::none(INPUTS), self.seed);
            let mut network = self.network.take().map_or_else(drawn, Ok)?;
            network.learn(&windows, training)?;
            let plain = Plain::new(&network)?;
            Ok((network, plain))
        };
        // Where it can't be trained, what was trained before goes on judging.
        if let Ok((network, plain)) = made() {
            self.network = Some(network);
            self.fitted = Some(Fitted { level, deviation, network: plain });
        }
    }

    /// Median, and deviation by the median distance from it; none of a series that does not move.
    fn usual(&self) -> Option<(f64, f64)> {
        let middle = |mut values: Vec<f64>| -> Option<f64> {
            let at = values.len() / 2;
            (at > 0).then(|| *values.select_nth_unstable_by(at, f64::total_cmp).1)
        };
        let level = middle(self.rows.iter().map(|row| row.value).collect())?;
        let off = || self.rows.iter().map(|row| (row.value - level).abs());
        let deviation = DEVIATION_OF_MEDIAN * middle(off().collect())?;
        // More than half of the values are alike: then by the mean distance.
        let deviation = if deviation > 0.0 { deviation } else { off().sum::<f64>() / self.rows.len() as f64 };
        (deviation > 0.0 && deviation.is_finite()).then_some((level, deviation))
    }

    fn judge(&self) -> Option<f64> {
        let fitted = self.fitted.as_ref()?;
        let newest = self.rows.range(self.rows.len() - WINDOW..).copied();
        let window = fitted.seen(newest);
        Some(fitted.network.score(&window).sqrt())
    }
}

impl Fitted {
    /// As many rows as a window has, in their usual deviations, and the clock of the newest.
    fn seen(&self, rows: impl Iterator<Item = Kept>) -> [f32; INPUTS] {
        let mut window = [0.0_f32; INPUTS];
        for (at, row) in rows.enumerate() {
            window[at] = ((row.value - self.level) / self.deviation).clamp(-JUDGED_MAX, JUDGED_MAX) as f32;
            window[WINDOW..].copy_from_slice(&row.clock);
        }
        window
    }
}

impl Scorer for Windowed {
    fn strangeness(&mut self, row: Row) -> Option<f64> {
        // A gap is passed over: the window goes on behind it.
        let value = self.units.of(row.value()?, UNITS_MAX);
        self.rows.push_back(Kept { value, clock: clock(row.time_ms()) });
        if self.rows.len() > ROWS_KEPT {
            self.rows.pop_front();
        }
        self.in_window += 1;
        if self.in_window < WINDOW {
            return None;
        }
        let strangeness = self.judge();
        if !self.is_fixed {
            self.seen += 1;
            if self.seen >= self.next_training {
                self.next_training = (2 * self.seen).min(self.seen + TRAINING_ROWS);
                self.train();
            }
        }
        strangeness
    }

    fn breakdown(&self, row: Row) -> Option<Breakdown> {
        let fitted = self.fitted.as_ref()?;
        if self.in_window + 1 < WINDOW {
            return None;
        }
        let value = self.units.clone().of(row.value()?, UNITS_MAX);
        let newest = Kept { value, clock: clock(row.time_ms()) };
        let before = self.rows.range(self.rows.len() + 1 - WINDOW..).copied();
        let window = fitted.seen(before.chain([newest]));
        let errors = fitted.network.errors(&window).into_iter().enumerate();
        let term = |(at, (error, made_up)): (usize, (f64, f64))| {
            let made_of = Some(MadeOf::Error { seen: f64::from(window[at]), made_up });
            let values_back = (at < WINDOW).then(|| WINDOW - 1 - at);
            let name = if at < WINDOW { "value" } else { CLOCK_NAMES[at - WINDOW] };
            Term { values_back, made_of, ..Term::new(name, error) }
        };
        Some(Breakdown::of_errors(errors.map(term).collect()))
    }

    fn rewind(&mut self) {
        if !self.is_fixed && self.rows.len() >= 2 * WINDOW {
            self.train();
        }
        self.is_fixed = self.fitted.is_some();
        self.in_window = 0;
    }
}

fn clock(time_ms: i64) -> [f32; CLOCK] {
    let angle = time_ms.rem_euclid(DAY_MS) as f64 / DAY_MS as f64 * std::f64::consts::TAU;
    [angle.sin() as f32, angle.cos() as f32]
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;
    const SETTINGS: Settings = Settings { false_alarms: 0.1, period_rows: None, seed: 1 };

    fn noise(at: usize) -> f64 {
        (at as f64 * 0.618_033_988_749_895 + (at * at) as f64 * 0.414_213_562_373_095).fract() - 0.5
    }

    fn daily(at: usize) -> f64 {
        (at as f64 / 24.0 * std::f64::consts::TAU).sin() + 0.2 * noise(at)
    }

    fn strangeness(values: impl Iterator<Item = f64>) -> Vec<Option<f64>> {
        let mut scorer = Windowed::new(SETTINGS);
        values.enumerate().map(|(at, value)| scorer.strangeness(Row::new(at as i64 * HOUR_MS, value))).collect()
    }

    #[test]
    fn usual_values_at_an_unusual_time_of_day_are_strange() {
        // From row 1,500 on a day begins eight hours early.
        let found = strangeness((0..1_530).map(|at| daily(if at < 1_500 { at } else { at + 8 })));
        let most =
            |rows: std::ops::Range<usize>| found[rows].iter().flatten().fold(0.0_f64, |most, one| most.max(*one));
        assert!(most(1_500..1_530) > 1.5 * most(1_000..1_500), "{} {}", most(1_500..1_530), most(1_000..1_500));
    }

    #[test]
    fn a_spike_in_what_is_learned_from_does_not_hide_the_next_one() {
        let value = |at: usize| daily(at) + if matches!(at, 300 | 301 | 1_200) { 30.0 } else { 0.0 };
        let found = strangeness((0..1_201).map(value));
        let usual = found[1_000..1_200].iter().flatten().fold(0.0_f64, |most, one| most.max(*one));
        assert!(found[1_200].unwrap() > 3.0 * usual, "{:?} {usual}", found[1_200]);
    }

    #[test]
    fn nothing_is_said_before_it_was_trained_nor_of_a_gap() {
        let mut scorer = Windowed::new(SETTINGS);
        let early = (0..FIRST_TRAINING).all(|at| scorer.strangeness(Row::new(at as i64, daily(at))).is_none());
        assert!(early);
        assert_eq!(scorer.strangeness(Row::gap(0)), None);
    }
}
