//! Steps put together: what they were all in all.

use hark_model::{Cell, STEP_MINUTES, Statistic, Step};

use crate::track::{Track, value};

/// A 95 % interval on either side.
pub(super) const DEVIATIONS: f64 = 1.96;

pub(super) fn merge(from: Step, to: Step, cell_of: &impl Fn(Step) -> Cell) -> Option<Cell> {
    (from.0..=to.0).map(|step| cell_of(Step(step))).reduce(|mut all, cell| {
        all.merge(&cell);
        all
    })
}

/// The first and last step of the longest run without a request, and of runs as long the newest.
pub(super) fn longest_silence(from: Step, to: Step, cell_of: &impl Fn(Step) -> Cell) -> Option<[Step; 2]> {
    let steps: Vec<(Step, bool)> = (from.0..=to.0).map(|step| (Step(step), cell_of(Step(step)).is_empty())).collect();
    let silent = steps.chunk_by(|(_, one), (_, next)| one == next).filter(|run| run[0].1);
    let longest = silent.max_by_key(|run| run.len())?;
    Some([longest[0].0, longest[longest.len() - 1].0])
}

/// The value over several steps; a count becomes requests a minute.
pub(super) fn mean_value(statistic: Statistic, merged: &Cell, from: Step, to: Step) -> Option<f64> {
    let steps = (to.0 - from.0 + 1) as f64;
    value(statistic, merged).map(|value| if matches!(merged, Cell::Count(_)) { value / steps } else { value })
}

/// 95 % interval of the value since the onset: a quantile's ranks, a share's binomial and a count's Poisson error, each
/// widened by the series' own dispersion.
pub(super) fn interval(track: &Track, merged: &Cell, from: Step, to: Step, after: f64) -> [f64; 2] {
    let count = merged.count().max(1) as f64;
    match (merged, track.statistic.quantile()) {
        (Cell::Latency(sketch), Some(q)) => {
            let half = DEVIATIONS * (q * (1.0 - q) * track.dispersion() / count).sqrt();
            [q - half, q + half].map(|rank| sketch.quantile(rank).unwrap_or(after))
        }
        (Cell::Count(_), _) => {
            let minutes = (to.0 - from.0 + 1) as f64 * STEP_MINUTES as f64;
            let half = DEVIATIONS * (count * track.dispersion()).sqrt() / minutes;
            [(after - half).max(0.0), after + half]
        }
        _ => {
            let half = DEVIATIONS * ((after * (1.0 - after)).abs() * track.dispersion() / count).sqrt();
            [after - half, after + half]
        }
    }
}
