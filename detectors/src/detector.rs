//! The one shape of all detectors of plain series: configure, fit, score. Rows in, verdicts out.

use crate::breakdown::Breakdown;

/// False alarms are promised for so many rows.
pub(crate) const ROWS_OF_BUDGET: f64 = 1_000.0;

/// Times lie within some 30,000 years of 1970, so that differences and sums of a few can't overflow.
const TIME_MS_MAX: i64 = 1_000_000_000_000_000;

/// A row of a plain series. Its value is finite, or there is none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    time_ms: i64,
    value: Option<f64>,
}

impl Row {
    /// What is no number, or none that is finite, is a gap.
    pub fn new(time_ms: i64, value: f64) -> Self {
        Self { value: Some(value).filter(|value| value.is_finite()), ..Self::gap(time_ms) }
    }

    pub fn gap(time_ms: i64) -> Self {
        Self { time_ms: time_ms.clamp(-TIME_MS_MAX, TIME_MS_MAX), value: None }
    }

    pub fn time_ms(&self) -> i64 {
        self.time_ms
    }

    pub fn value(&self) -> Option<f64> {
        self.value
    }
}

/// What is asked of a detector. It needs nothing else: neither a threshold nor the share of anomalies.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The probability of any false alarm within a thousand rows.
    pub false_alarms: f64,
    /// The season in rows; a day and a week of the timestamps are found without.
    pub period_rows: Option<usize>,
    /// Where a detector takes chances, the same seed gives the same answer.
    pub seed: u64,
}

impl Settings {
    /// The chance of a false alarm that each row may take.
    pub(crate) fn budget(&self) -> f64 {
        -(-self.false_alarms).ln_1p() / ROWS_OF_BUDGET
    }
}

/// What is said of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// For ranking the rows of a series, in decimal logarithms of how rare a row is: the greater the stranger.
    pub score: f64,
    /// The chance of a row as strange as this, were nothing unusual.
    pub p_value: f64,
    /// Whether it is worth an alarm, so that false ones stay within what was asked for.
    pub is_anomaly: bool,
}

impl Scored {
    /// What is said of a gap, and of a row while nothing is known.
    pub const NOTHING: Self = Self { score: 0.0, p_value: 1.0, is_anomaly: false };
}

/// Judges one series. Of a new detector only what is here is asked, and `tests/conformance/` asks it.
pub trait Detector: Send {
    /// Learns from rows that are known as a whole. Afterwards `score` begins at a first row again.
    fn fit(&mut self, rows: &[Row]);

    /// One verdict a row, in order. A row is judged by what was fitted, by the rows before it and by itself; then it is
    /// learned from. How the rows are cut into batches changes nothing.
    fn score(&mut self, rows: &[Row]) -> Vec<Scored>;

    /// What the verdict of the next row would be made of, in parts that add up; `None` of a detector that has no such parts,
    /// of a gap, and while too little is known. The row is not learned from.
    fn breakdown(&self, _row: Row) -> Option<Breakdown> {
        None
    }
}
