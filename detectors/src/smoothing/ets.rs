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

#[derive(Debug)]
pub(super) struct Ets(Recursion);

impl Ets {
    /// To evenly spaced values without gaps; it then stands before the row behind them.
    pub(super) fn fit(values: &[f64]) -> Option<Self> {
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
        Recursion::read(values, &expected, next, trend).map(Self)
    }

    pub(super) fn expected(&self) -> f64 {
        self.0.expected()
    }

    pub(super) fn deviation(&self) -> f64 {
        self.0.deviation()
    }

    pub(super) fn take(&mut self, value: Option<f64>) {
        self.0.take(value);
    }

    /// The same series comes again, from its first row on.
    pub(super) fn rewind(&mut self) {
        self.0.rewind();
    }
}
