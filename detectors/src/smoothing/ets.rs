//! `ets`: far from what a level, and perhaps a trend, both smoothed, lead one to expect.

use augurs_core::{Fit, Predict};
use augurs_ets::AutoETS;
use augurs_ets::model::TrendComponent;

use super::recursion::{Recursion, Trend};
use super::watch::{Smoothing, detector};
use crate::list::{Entry, Family, Judges, Unmoved};

pub const ETS: Entry = Entry {
    name: "ets",
    looks_for: "values far from the forecast of exponential smoothing that is fitted as rows come",
    family: Family::Forecast,
    unmoved_by: Unmoved { shift: false, scale: true },
    judges: Judges::Series(detector::<Ets>),
};

/// Additive errors, any trend, no season: augurs has no seasonal ETS.
const KINDS: &str = "AZN";
/// The newest so many rows are fitted to: what smoothing remembers of those before is nothing.
const ROWS_MAX: usize = 512;

#[derive(Debug)]
pub(super) struct Ets(Recursion);

impl Smoothing for Ets {
    const KNOWS_SEASONS: bool = false;

    fn fit(values: &[f64], _periods_rows: &[usize], _position: usize) -> Option<Self> {
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

    fn expected(&self) -> f64 {
        self.0.expected()
    }

    fn deviation(&self) -> f64 {
        self.0.deviation()
    }

    fn take(&mut self, value: Option<f64>) {
        self.0.take(value);
    }

    fn rewind(&mut self) {
        self.0.rewind();
    }
}
