//! `gaussian_mixture`: windows usually lie in a few clouds; what lies where these are thin is strange.

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_clustering::GaussianMixtureModel;
use ndarray::ArrayView2;

use super::windows::{WIDTH, WindowModel, detector};
use crate::list::{Entry, Family, Judges, Unmoved};

pub const GAUSSIAN_MIXTURE: Entry = Entry {
    name: "gaussian_mixture",
    looks_for: "short windows where the few clouds of usual ones are thin",
    family: Family::Density,
    unmoved_by: Unmoved { shift: true, scale: true },
    judges: Judges::Series(detector::<Clouds>),
};

const CLOUDS: usize = 3;
const STEPS_MAX: u64 = 30;
const CLOSE_ENOUGH: f64 = 1e-2;
/// Added to each variance, in squared deviations: a cloud never shrinks to a point.
const VARIANCE_MIN: f64 = 1e-3;

pub(super) struct Clouds(Vec<Cloud>);

struct Cloud {
    /// Of the density at its middle.
    log_peak: f64,
    mean: [f64; WIDTH],
    precision: [[f64; WIDTH]; WIDTH],
}

impl WindowModel for Clouds {
    fn fit(windows: ArrayView2<'_, f64>, _seed: u64) -> Option<Self> {
        let dataset = DatasetBase::from(windows);
        // Few distinct windows may leave a cloud empty: then fewer clouds will do.
        let fitted = (1..=CLOUDS).rev().find_map(|clouds| {
            let params = GaussianMixtureModel::params(clouds)
                .n_runs(1)
                .max_n_iterations(STEPS_MAX)
                .tolerance(CLOSE_ENOUGH)
                .reg_covariance(VARIANCE_MIN);
            params.fit(&dataset).ok()
        })?;
        let cloud = |(at, weight): (usize, &f64)| {
            let precision =
                std::array::from_fn(|row| std::array::from_fn(|column| fitted.precisions()[[at, row, column]]));
            Some(Cloud {
                log_peak: weight.ln() + log_determinant(&precision)? / 2.0,
                mean: std::array::from_fn(|column| fitted.means()[[at, column]]),
                precision,
            })
        };
        let clouds: Vec<Cloud> = fitted.weights().iter().enumerate().filter_map(cloud).collect();
        let is_sound =
            clouds.iter().all(|cloud| cloud.log_peak.is_finite() && cloud.mean.iter().all(|at| at.is_finite()));
        (!clouds.is_empty() && is_sound).then_some(Self(clouds))
    }

    /// How much thinner it is here than at the densest place, as a logarithm.
    fn strangeness(&self, window: &[f64; WIDTH]) -> f64 {
        let logs: Vec<f64> = self.0.iter().map(|cloud| cloud.log_peak - cloud.squared_distance(window) / 2.0).collect();
        let densest = self.0.iter().map(|cloud| cloud.log_peak).fold(f64::NEG_INFINITY, f64::max);
        let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let log_density = top + logs.iter().map(|log| (log - top).exp()).sum::<f64>().ln();
        (densest - log_density).max(0.0)
    }
}

impl Cloud {
    fn squared_distance(&self, window: &[f64; WIDTH]) -> f64 {
        let off: [f64; WIDTH] = std::array::from_fn(|at| window[at] - self.mean[at]);
        let along = |row: &[f64; WIDTH]| row.iter().zip(&off).map(|(a, b)| a * b).sum::<f64>();
        self.precision.iter().zip(&off).map(|(row, off)| off * along(row)).sum::<f64>().max(0.0)
    }
}

/// By Cholesky's way; `None` of a matrix that is not positive definite.
fn log_determinant(matrix: &[[f64; WIDTH]; WIDTH]) -> Option<f64> {
    let mut lower = [[0.0; WIDTH]; WIDTH];
    let mut log = 0.0;
    for row in 0..WIDTH {
        for column in 0..=row {
            let known: f64 = (0..column).map(|at| lower[row][at] * lower[column][at]).sum();
            let left = matrix[row][column] - known;
            if row == column {
                if left <= 0.0 {
                    return None;
                }
                lower[row][row] = left.sqrt();
                log += left.ln();
            } else {
                lower[row][column] = left / lower[column][column];
            }
        }
    }
    Some(log)
}
