//! `extended_isolation_forest` on plain series: as the plain one, by planes in any direction, so that an unusual sum or
//! difference of a window's values is set apart as fast as an unusual value.

use linfa::DatasetBase;
use linfa::ParamGuard;
use linfa::traits::Fit;
use ndarray::ArrayView2;

use super::windows::{WIDTH, WindowModel, detector};
use crate::forest::{ExtendedForest, ExtendedForestParams};
use crate::list::{Entry, Family, Judges, Unmoved};

pub const EXTENDED_ISOLATION_FOREST: Entry = Entry {
    name: "extended_isolation_forest",
    looks_for: "short windows that a few random cuts in any direction set apart from the usual ones",
    family: Family::Isolation,
    unmoved_by: Unmoved { shift: true, scale: true },
    judges: Judges::Series(detector::<Isolation>),
};

const TREES: usize = 50;

pub(super) struct Isolation(ExtendedForest);

impl WindowModel for Isolation {
    fn fit(windows: ArrayView2<'_, f64>, seed: u64) -> Option<Self> {
        let params = ExtendedForestParams::default().trees(TREES).seed(seed).threads(1);
        params.check_ref().ok()?.fit(&DatasetBase::from(windows)).ok().map(Self)
    }

    fn strangeness(&self, window: &[f64; WIDTH]) -> f64 {
        self.0.score_of(&window.map(|value| value as f32))
    }
}
