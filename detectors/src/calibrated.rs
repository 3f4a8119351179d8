//! From how strange a row is, on whatever scale, to how rare that is, and to alarms that keep the promised rate.

use crate::breakdown::Breakdown;
use crate::detector::{Detector, Row, Scored, Settings};
use crate::values::ranks::Ranks;

/// Before so many rows nothing is said.
const KNOWN_MIN: usize = 12;
/// A chance below this is as good as none, and its logarithm is still finite.
const CHANCE_MIN: f64 = 1e-300;

/// What says of each row how strange it is. [`Calibrated`] makes a detector of it.
pub trait Scorer: Send {
    /// How strange the row is by the rows before it: not negative, greater is stranger; `None` of a gap, and while too
    /// little is known. Then it is learned from.
    fn strangeness(&mut self, row: Row) -> Option<f64>;

    /// What the strangeness of the next row would be made of, as [`Detector::breakdown`] has it.
    fn breakdown(&self, _row: Row) -> Option<Breakdown> {
        None
    }

    /// The same rows will come again, from the first one on: what was learned stays.
    fn rewind(&mut self);

    /// Learns from rows that are known as a whole.
    fn fit(&mut self, rows: &[Row]) {
        for row in rows {
            self.strangeness(*row);
        }
        self.rewind();
    }
}

/// How rare a strangeness is among up to two thousand before it, and by a Pareto tail beyond what was seen. Some 100 kB.
#[derive(Debug, Clone, Default)]
pub(crate) struct Calibration(Ranks);

impl Calibration {
    /// The chance of one as great as this, which is added to those known.
    pub(crate) fn chance(&mut self, strangeness: f64) -> f64 {
        let chance = self.chance_of(strangeness);
        self.0.add(bounded(strangeness));
        chance
    }

    /// The chance of one as great as this, which is forgotten.
    pub(crate) fn chance_of(&self, strangeness: f64) -> f64 {
        if self.0.len() < KNOWN_MIN { 1.0 } else { self.0.chance_beyond(bounded(strangeness)) }
    }
}

fn bounded(strangeness: f64) -> f64 {
    if strangeness.is_finite() { strangeness.max(0.0) } else { f64::MAX.sqrt() }
}

/// A scorer, with p-values and alarms.
#[derive(Debug, Clone)]
pub struct Calibrated<S> {
    scorer: S,
    calibration: Calibration,
    budget: f64,
}

impl<S: Scorer> Calibrated<S> {
    pub fn new(scorer: S, settings: Settings) -> Self {
        Self { scorer, calibration: Calibration::default(), budget: settings.budget() }
    }

    fn judge(&mut self, row: Row) -> Scored {
        let Some(strangeness) = self.scorer.strangeness(row) else { return Scored::NOTHING };
        by_chance(self.calibration.chance(strangeness), self.budget)
    }
}

impl<S: Scorer> Detector for Calibrated<S> {
    fn fit(&mut self, rows: &[Row]) {
        self.scorer.fit(rows);
        // How strange rows usually are is known as well, once they have been seen by what was fitted.
        self.score(rows);
        self.scorer.rewind();
    }

    fn score(&mut self, rows: &[Row]) -> Vec<Scored> {
        rows.iter().map(|row| self.judge(*row)).collect()
    }

    fn breakdown(&self, row: Row) -> Option<Breakdown> {
        self.scorer.breakdown(row)
    }
}

/// A verdict by the chance alone.
pub(crate) fn by_chance(chance: f64, budget: f64) -> Scored {
    let p_value = chance.clamp(CHANCE_MIN, 1.0);
    Scored { score: -p_value.log10(), p_value, is_anomaly: p_value <= budget }
}
