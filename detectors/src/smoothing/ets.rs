//! `ets`: far from what a level, and perhaps a trend, both smoothed, lead one to expect.

use augurs_core::{Fit, Predict};
use augurs_ets::AutoETS;
use augurs_ets::model::TrendComponent;

use super::recursion::{Recursion, Trend};
use super::watch::detector;
use crate::list::{Entry, Family, Judges, Unmoved};

pub const ETS: Entry = Entry {
    name: "ets",
    looks_for: "values far from the forecast of exponential smoothing that is fitted as rows come",
    family: Family::Forecast,
    unmoved_by: Unmoved { shift: false, scale: true },
    judges: Judges::Series(detector),
};

/// Additive errors, any trend, no season: augurs has no seasonal ETS.
const KINDS: &str = "AZN";
/// The newest so many rows are fitted to: what smoothing remembers of those before is nothing.
const ROWS_MAX: usize = 512;

#[derive(Debug, Clone)]
pub(crate) struct Ets {
    recursion: Recursion,
    trend: Trend,
    rows: usize,
}

impl Ets {
    /// To evenly spaced values without gaps; it then stands before the row behind them.
    pub(crate) fn fit(values: &[f64]) -> Option<Self> {
        let values = &values[values.len().saturating_sub(ROWS_MAX)..];
        let fitted = AutoETS::new(1, KINDS).ok()?.fit(values).ok()?;
        let expected = fitted.predict_in_sample(None::<f64>).ok()?.point;
        let next = *fitted.predict(1, None::<f64>).ok()?.point.first()?;
        let model = fitted.model();
        let trend = match (model.model_type().trend, model.damped()) {
            (TrendComponent::None, _) => Trend::None,
            (_, false) => Trend::Straight,
            (_, true) => Trend::Damped,
        };
        let recursion = Recursion::read(values, &expected, next, trend)?;
        Some(Self { recursion, trend, rows: values.len() })
    }

    pub(crate) fn trend(&self) -> Trend {
        self.trend
    }

    /// That it was fitted to.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn level_and_trend(&self) -> [f64; 2] {
        self.recursion.level_and_trend()
    }

    pub(crate) fn expected(&self) -> f64 {
        self.recursion.expected()
    }

    pub(crate) fn deviation(&self) -> f64 {
        self.recursion.deviation()
    }

    pub(crate) fn take(&mut self, value: Option<f64>) {
        self.recursion.take(value);
    }

    /// The same series comes again, from its first row on.
    pub(crate) fn rewind(&mut self) {
        self.recursion.rewind();
    }
}
