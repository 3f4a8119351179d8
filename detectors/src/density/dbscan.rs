//! `dbscan`: windows usually have many like them; what lies away from all clusters is strange.

use linfa::ParamGuard;
use linfa::traits::Transformer;
use linfa_clustering::Dbscan;
use ndarray::{Array1, ArrayView2};

use super::windows::{WIDTH, WindowModel, detector};
use crate::list::{Entry, Family, Judges, Unmoved};

pub const DBSCAN: Entry = Entry {
    name: "dbscan",
    looks_for: "short windows away from every cluster of usual ones",
    family: Family::Density,
    unmoved_by: Unmoved { shift: true, scale: true },
    judges: Judges::Series(detector::<Clusters>),
};

/// A window with so many near it is in a cluster.
const NEAR_MIN: usize = 5;
/// Near is what nine in ten windows have that many others within.
const NEAR_SHARE: f64 = 0.9;
/// Windows of clusters that distances are measured to, evenly over all.
const KEPT_MAX: usize = 256;

pub(super) struct Clusters {
    clustered: Vec<[f64; WIDTH]>,
    near: f64,
}

impl WindowModel for Clusters {
    fn fit(windows: ArrayView2<'_, f64>, _seed: u64) -> Option<Self> {
        let rows: Vec<[f64; WIDTH]> = windows.rows().into_iter().map(|row| std::array::from_fn(|at| row[at])).collect();
        let near = near(&rows)?;
        let params = Dbscan::params::<f64>(NEAR_MIN).tolerance(near).check().ok()?;
        let clusters: Array1<Option<usize>> = params.transform(&windows);
        let clustered: Vec<[f64; WIDTH]> =
            rows.iter().zip(&clusters).filter(|(_, cluster)| cluster.is_some()).map(|(row, _)| *row).collect();
        let kept = clustered.len().min(KEPT_MAX);
        let evenly = (0..kept).map(|at| clustered[at * clustered.len() / kept]);
        (kept > 0).then(|| Self { clustered: evenly.collect(), near })
    }

    /// The distance to the nearest window of a cluster, by what counts as near.
    fn strangeness(&self, window: &[f64; WIDTH]) -> f64 {
        let nearest = self.clustered.iter().map(|other| squared(window, other)).fold(f64::INFINITY, f64::min);
        nearest.sqrt() / self.near
    }
}

fn near(rows: &[[f64; WIDTH]]) -> Option<f64> {
    // Every third row says as much of how far the next few lie, in a ninth of the time.
    let some: Vec<&[f64; WIDTH]> = rows.iter().step_by(3).collect();
    let mut distances: Vec<f64> = some
        .iter()
        .map(|row| {
            let mut distances: Vec<f64> = rows.iter().map(|other| squared(row, other)).collect();
            // The row itself is the first.
            let at = NEAR_MIN.min(distances.len() - 1);
            *distances.select_nth_unstable_by(at, f64::total_cmp).1
        })
        .collect();
    let at = ((distances.len() - 1) as f64 * NEAR_SHARE) as usize;
    let near = distances.select_nth_unstable_by(at, f64::total_cmp).1.sqrt();
    (near > 0.0).then_some(near)
}

fn squared(a: &[f64; WIDTH], b: &[f64; WIDTH]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}
