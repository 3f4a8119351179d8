//! Quality and speed of the isolation forest on labelled sets, at scikit-learn's trees and samples.

use std::path::Path;

use anyhow::Result;
use hark_detectors::forest::IsolationForestParams;

use super::Spread;
use super::peer::{LabelledSet, Peer};
use crate::bench::stopwatch;

const TREES: usize = 100;

pub(super) fn compare(peer: &mut Peer, data: &Path, turns: u64) -> Result<()> {
    println!(
        "isolation forest, {TREES} trees of 256 rows, two threads: ROC-AUC (mean of {turns} seeds) and milliseconds to fit and score all rows"
    );
    println!(
        "set | rows x columns | hark | scikit-learn | difference, s.e. | most deviations (dumb) | hark ms | scikit-learn ms, the faster of 1 and 2 threads | times faster"
    );
    let (mut differences, mut speeds) = (Vec::new(), Vec::new());
    for set in peer.sets(data)? {
        let (mut ours, mut theirs, mut times) = (Vec::new(), Vec::new(), <[Vec<f64>; 3]>::default());
        for seed in 0..turns {
            let started = stopwatch();
            let forest = IsolationForestParams::default().trees(TREES).seed(seed).fit_rows(&set.rows, set.columns)?;
            let scores = forest.scores(&set.rows)?;
            times[0].push(1e3 * started.elapsed().as_secs_f64());
            ours.push(roc_auc(&scores, &set.labels));
            for threads in [1, 2] {
                let (seconds, scores) = peer.forest(&set, TREES, seed, threads)?;
                times[threads].push(1e3 * seconds);
                if threads == 1 {
                    theirs.push(roc_auc(&scores, &set.labels));
                }
            }
        }
        let [mine, one, two] = times.map(|times| Spread::of(&times));
        let peer_ms = if one.median < two.median { one } else { two };
        let faster = peer_ms.median / mine.median;
        let difference = mean(&ours) - mean(&theirs);
        let error = (variance(&ours) + variance(&theirs)).sqrt() / (turns as f64).sqrt();
        println!(
            "{} | {} x {} | {:.4} | {:.4} | {difference:+.4}, {error:.4} | {:.4} | {mine} | {peer_ms} | {faster:.1}",
            set.name,
            set.labels.len(),
            set.columns,
            mean(&ours),
            mean(&theirs),
            roc_auc(&most_deviations(&set), &set.labels)
        );
        differences.push(difference);
        speeds.push(faster);
    }
    let (worst, speeds) = (differences.iter().copied().fold(f64::INFINITY, f64::min), Spread::of(&speeds));
    println!(
        "mean difference {:+.4}, worst {worst:+.4} (asked: within 0.01); times faster {speeds} (asked: 5)\n",
        mean(&differences)
    );
    Ok(())
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() as f64 - 1.0).max(1.0)
}

/// What one would write in a line: how many deviations off the column that is most off lies.
fn most_deviations(set: &LabelledSet) -> Vec<f64> {
    let column = |column: usize| -> Vec<f64> { set.rows.iter().skip(column).step_by(set.columns).copied().collect() };
    let scales: Vec<(f64, f64)> = (0..set.columns)
        .map(|at| {
            let values = column(at);
            (mean(&values), variance(&values).sqrt().max(f64::MIN_POSITIVE))
        })
        .collect();
    let most = |row: &[f64]| {
        let off = row.iter().zip(&scales).map(|(value, (mean, deviation))| (value - mean).abs() / deviation);
        off.fold(0.0, f64::max)
    };
    set.rows.chunks_exact(set.columns).map(most).collect()
}

/// How likely a bad row scores above a good one; ties count half.
fn roc_auc(scores: &[f64], labels: &[bool]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    let (mut good_below, mut wins, mut bad) = (0.0, 0.0, 0.0);
    for same in order.chunk_by(|a, b| scores[*a] == scores[*b]) {
        let bad_here = same.iter().filter(|row| labels[**row]).count() as f64;
        let good_here = same.len() as f64 - bad_here;
        wins += bad_here * (good_below + good_here / 2.0);
        (good_below, bad) = (good_below + good_here, bad + bad_here);
    }
    wins / (bad * good_below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roc_auc_counts_pairs() {
        let labels = [false, true, false, true];
        assert_eq!(roc_auc(&[0.1, 0.9, 0.2, 0.8], &labels), 1.0);
        assert_eq!(roc_auc(&[0.5; 4], &labels), 0.5);
        assert_eq!(roc_auc(&[0.1, 0.9, 0.8, 0.2], &labels), 0.75);
    }
}
