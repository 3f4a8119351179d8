//! `pca_reconstruction`: windows usually lie near a plane of few dimensions; what lies off it, or far out on it, is strange.

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_reduction::Pca;
use ndarray::ArrayView2;

use super::windows::{WIDTH, WindowModel, detector};
use crate::list::{Entry, Family, Judges, Unmoved};

pub const PCA_RECONSTRUCTION: Entry = Entry {
    name: "pca_reconstruction",
    looks_for: "short windows that the few usual shapes, added up, can't make",
    family: Family::Projection,
    unmoved_by: Unmoved { shift: true, scale: true },
    judges: Judges::Series(detector::<Plane>),
};

/// Shapes that a window is made of: level, slope and bend are the first three of most series.
const SHAPES: usize = 3;
/// Below this a direction is constant, and a distance along it means nothing.
const VARIANCE_MIN: f64 = 1e-9;

struct Plane {
    mean: [f64; WIDTH],
    shapes: Vec<[f64; WIDTH]>,
    /// Along each shape, and of what is left over.
    variances: Vec<f64>,
    rest: f64,
}

impl WindowModel for Plane {
    fn fit(windows: ArrayView2<'_, f64>, _seed: u64) -> Option<Self> {
        let rows = windows.nrows() as f64;
        let pca = Pca::params(SHAPES).fit(&DatasetBase::from(windows)).ok()?;
        let row = |values: ndarray::ArrayView1<'_, f64>| -> [f64; WIDTH] { std::array::from_fn(|at| values[at]) };
        let mut plane = Self {
            mean: row(pca.mean().view()),
            shapes: pca.components().rows().into_iter().map(row).collect(),
            variances: pca.singular_values().iter().map(|value| (value * value / rows).max(VARIANCE_MIN)).collect(),
            rest: VARIANCE_MIN,
        };
        let is_sound = plane.shapes.iter().flatten().all(|value| value.is_finite());
        let rest = windows.rows().into_iter().map(|window| plane.apart(&row(window)).1).sum::<f64>() / rows;
        plane.rest = (rest / (WIDTH - SHAPES) as f64).max(VARIANCE_MIN);
        (is_sound && rest.is_finite()).then_some(plane)
    }

    /// Squared distances, each by what is usual along its direction (Jackson & Mudholkar 1979: T squared and Q).
    fn strangeness(&self, window: &[f64; WIDTH]) -> f64 {
        let (along, rest) = self.apart(window);
        let out: f64 = along.iter().zip(&self.variances).map(|(along, variance)| along * along / variance).sum();
        (out + rest / self.rest).sqrt()
    }
}

impl Plane {
    /// How far out along each shape, and the squared distance from the plane.
    fn apart(&self, window: &[f64; WIDTH]) -> (Vec<f64>, f64) {
        let off: [f64; WIDTH] = std::array::from_fn(|at| window[at] - self.mean[at]);
        let dot = |shape: &[f64; WIDTH]| shape.iter().zip(&off).map(|(a, b)| a * b).sum::<f64>();
        let along: Vec<f64> = self.shapes.iter().map(dot).collect();
        let squared = off.iter().map(|value| value * value).sum::<f64>();
        let rest = squared - along.iter().map(|value| value * value).sum::<f64>();
        (along, rest.max(0.0))
    }
}
