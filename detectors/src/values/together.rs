//! `ensemble`: moves that stay and single values, and beside them what an isolation forest makes of the newest window.
//!
//! The forest has a word in the score alone. Its p-value as evidence, averaged with that of moves and values, would keep
//! the promise too, but ranks worse on labelled data (docs/decisions/0034).

use super::{Kind, ValueWatch};
use crate::breakdown::{Breakdown, Term};
use crate::density::{ForestOfWindows, isolation_forest};
use crate::detector::{Detector, Row, Scored, Settings};
use crate::list::{Entry, Family, Judges, Unmoved};

pub(crate) const ENSEMBLE: Entry = Entry {
    name: "ensemble",
    looks_for: "moves that stay and single values far off, within one budget of false alarms; the score knows unusual windows, too",
    family: Family::Ensemble,
    unmoved_by: Unmoved { shift: false, scale: true },
    judges: Judges::Series(|settings| Box::new(Together::new(settings))),
};

/// What the forest's evidence counts for the score, of its decades: a tenth of them or half, as measured, ranks unusual
/// windows too often before values that are new (docs/decisions/0034).
const FOREST_SHARE: f64 = 0.05;

struct Together {
    values: ValueWatch,
    forest: ForestOfWindows,
}

impl Together {
    fn new(settings: Settings) -> Self {
        Self { values: ValueWatch::new(Kind::Both, settings), forest: isolation_forest(settings) }
    }
}

impl Detector for Together {
    fn fit(&mut self, rows: &[Row]) {
        self.values.fit(rows);
        self.forest.fit(rows);
    }

    fn score(&mut self, rows: &[Row]) -> Vec<Scored> {
        let mut verdicts = self.values.score(rows);
        for (verdict, of_window) in verdicts.iter_mut().zip(self.forest.score(rows)) {
            verdict.score += word_of(of_window);
        }
        verdicts
    }

    fn breakdown(&self, row: Row) -> Option<Breakdown> {
        let mut broken = self.values.breakdown(row)?;
        // Asked of a copy: to ask it is to have it learn.
        let of_window = self.forest.clone().score(&[row])[0];
        if let Some(score) = broken.sums.last_mut() {
            score.add(Term::new("how unusual a window", word_of(of_window)));
        }
        Some(broken)
    }
}

/// What the forest adds to the score.
fn word_of(of_window: Scored) -> f64 {
    FOREST_SHARE * evidence(of_window.p_value).log10().max(0.0)
}

/// How much a p-value is worth as evidence, at least whatever power is bet on: the mean of k p^(k-1) over all k between 0
/// and 1 (Vovk and Wang, "E-values: calibration, combination and applications", 2021).
fn evidence(p_value: f64) -> f64 {
    let log = p_value.ln();
    // There it is one half, and the formula is nothing by nothing.
    if log > -1e-6 { 0.5 } else { (1.0 - p_value + p_value * log) / (p_value * log * log) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::Draws;

    #[test]
    fn evidence_of_a_p_value_is_one_on_average() {
        // The integral over p from 0 to 1, by steps in its logarithm: what lies below e^-500 is worth 1/500.
        let steps = 500_000;
        let value = |at: i32| {
            let p = (-500.0 * (f64::from(at) + 0.5) / f64::from(steps)).exp();
            evidence(p) * p * 500.0 / f64::from(steps)
        };
        let sum = (0..steps).map(value).sum::<f64>();
        assert!((sum + 1.0 / 500.0 - 1.0).abs() < 1e-4, "{sum}");
        assert!((evidence(1.0) - 0.5).abs() < 1e-9 && (evidence(1.0 - 1e-5) - 0.5).abs() < 1e-3);
        assert!(evidence(1e-300).is_finite() && evidence(1e-3) > evidence(1e-2));
    }

    /// The values are as ever, in an order that never was: the score knows, and the alarms and their promise stay.
    #[test]
    fn a_window_without_a_new_value_is_scored_and_raises_no_more_alarms() {
        let mut draws = Draws::of(&[51]);
        let rows: Vec<Row> = (0..1_200_i64)
            .map(|at| {
                let up = if at % 2 == 0 && !(1_100..1_108).contains(&at) { 10.0 } else { 0.0 };
                Row::new(at * 3_600_000, up + draws.bell())
            })
            .collect();
        let settings = Settings { false_alarms: 0.1, period_rows: None, seed: 1 };
        let (together, alone) =
            (Together::new(settings).score(&rows), ValueWatch::new(Kind::Both, settings).score(&rows));
        let same =
            |(a, b): (&Scored, &Scored)| a.p_value.to_bits() == b.p_value.to_bits() && a.is_anomaly == b.is_anomaly;
        assert!(together.iter().zip(&alone).all(same));
        let more = |at: usize| together[at].score - alone[at].score;
        let most = |rows: std::ops::Range<usize>| rows.map(more).fold(0.0, f64::max);
        assert!(most(1_100..1_110) > most(900..1_100), "{} {}", most(1_100..1_110), most(900..1_100));
    }
}
