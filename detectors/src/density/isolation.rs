//! `isolation_forest` on plain series: windows that a few random cuts set apart are strange.

use linfa::DatasetBase;
use linfa::ParamGuard;
use linfa::traits::Fit;
use ndarray::ArrayView2;

use super::windows::{WIDTH, WindowModel, Windows, calibrated, detector};
use crate::calibrated::Calibrated;
use crate::detector::Settings;
use crate::forest::{IsolationForest, IsolationForestParams};
use crate::list::{Entry, Family, Judges, Unmoved};

pub const ISOLATION_FOREST: Entry = Entry {
    name: "isolation_forest",
    looks_for: "short windows that a few random cuts set apart from the usual ones; each metric has one that is trained on its own hours",
    family: Family::Isolation,
    unmoved_by: Unmoved { shift: true, scale: true },
    judges: Judges::Series(detector::<Isolation>),
};

const TREES: usize = 50;

/// Of short windows, as one of several.
pub(crate) type ForestOfWindows = Calibrated<Windows<Isolation>>;

pub(crate) fn isolation_forest(settings: Settings) -> ForestOfWindows {
    calibrated::<Isolation>(settings)
}

#[derive(Clone)]
pub(crate) struct Isolation(IsolationForest);

impl WindowModel for Isolation {
    fn fit(windows: ArrayView2<'_, f64>, seed: u64) -> Option<Self> {
        let params = IsolationForestParams::default().trees(TREES).seed(seed).threads(1);
        params.check_ref().ok()?.fit(&DatasetBase::from(windows)).ok().map(Self)
    }

    fn strangeness(&self, window: &[f64; WIDTH]) -> f64 {
        let row = window.map(|value| value as f32);
        self.0.score_of_length(self.0.mean_path_length(&row))
    }
}
