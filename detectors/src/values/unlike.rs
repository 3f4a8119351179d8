//! Novelty alone: a row, or the run of rows that ends with it, that is unlike all before it.

use super::novelty::Novelty;
use crate::breakdown::Breakdown;
use crate::calibrated::{Calibration, by_chance};
use crate::detector::{Detector, Row, Scored, Settings};
use crate::list::{Entry, Family, Judges, Unmoved};

pub(crate) const NOVELTY: Entry = Entry {
    name: "novelty",
    looks_for: "values and runs of values unlike the most alike of the last 4,096, told once",
    family: Family::Neighbours,
    unmoved_by: Unmoved { shift: true, scale: true },
    judges: Judges::Series(|settings| Box::new(Unlike::new(settings))),
};

struct Unlike {
    novelty: Novelty,
    calibration: Calibration,
    budget: f64,
}

impl Unlike {
    fn new(settings: Settings) -> Self {
        let novelty = Novelty::new(settings.period_rows);
        Self { novelty, calibration: Calibration::default(), budget: settings.budget() }
    }

    fn judge(&mut self, row: &Row) -> Scored {
        let Some(value) = row.value() else { return Scored::NOTHING };
        let (score, strangeness) = self.novelty.score_and_strangeness(row.time_ms(), value);
        let chance = strangeness.map_or(1.0, |strangeness| self.calibration.chance(strangeness));
        Scored { score, ..by_chance(chance, self.budget) }
    }
}

impl Detector for Unlike {
    fn fit(&mut self, rows: &[Row]) {
        self.score(rows);
        self.novelty.rewind();
    }

    fn score(&mut self, rows: &[Row]) -> Vec<Scored> {
        rows.iter().map(|row| self.judge(row)).collect()
    }

    fn breakdown(&self, row: Row) -> Option<Breakdown> {
        self.novelty.breakdown(row.time_ms(), row.value()?)
    }
}
