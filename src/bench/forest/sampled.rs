//! Sampled Shapley values beside exact ones, on a model of which nothing is known but its answers.

use anyhow::{Context, Result};
use hark_detectors::forest::ExtendedForestParams;
use hark_explain::sampled_shap::{Question, exact, local_surrogate, pairs_within, permutations};

use crate::bench::dice::Dice;
use crate::bench::stopwatch;

const COLUMNS: usize = 12;
const BACKGROUND: usize = 32;
const SETS: usize = 512;
/// Rows that are explained, half of them far off.
const EXPLAINED: usize = 40;

pub(super) fn compare() -> Result<()> {
    let mut dice = Dice::of(&[12]);
    let mut draw = |far: f64| -> Vec<f64> {
        let shared = dice.normal();
        (0..COLUMNS).map(|column| far * if column % 3 == 0 { 1.0 } else { 0.0 } + shared + dice.normal()).collect()
    };
    let normal: Vec<f64> = (0..1000).flat_map(|_| draw(0.0)).collect();
    let rows: Vec<Vec<f64>> = (0..EXPLAINED).map(|at| draw(if at % 2 == 0 { 4.0 } else { 0.0 })).collect();
    let forest = ExtendedForestParams::default().seed(3).fit_rows(&normal, COLUMNS)?;
    let model = |rows: &[f64]| forest.scores(rows).unwrap_or_default();
    let background = &normal[..BACKGROUND * COLUMNS];
    let (mut worst, mut covered, mut times, mut fidelity) = (Vec::new(), 0, [0.0; 2], Vec::new());
    for (seed, row) in rows.iter().enumerate() {
        let question = Question::of_columns(row, background)?;
        let started = stopwatch();
        let truth = exact(&question, model)?;
        times[0] += started.elapsed().as_secs_f64();
        let started = stopwatch();
        let pairs = pairs_within(SETS, COLUMNS);
        let drawn = permutations(&question, pairs, seed as u64, model)?;
        times[1] += started.elapsed().as_secs_f64();
        let off: Vec<f64> = drawn.contributions.iter().zip(&truth.contributions).map(|(a, b)| (a - b).abs()).collect();
        covered += off.iter().zip(&drawn.standard_errors).filter(|(off, error)| **off <= 1.96 * **error).count();
        worst.push(100.0 * off.iter().copied().fold(0.0, f64::max) / truth.value);
        fidelity.push(local_surrogate(&question, SETS * 4, seed as u64, model)?.fidelity);
    }
    worst.sort_by(f64::total_cmp);
    fidelity.sort_by(f64::total_cmp);
    let last = worst.last().context("nothing was explained")?;
    let milliseconds = times.map(|seconds| 1e3 * seconds / EXPLAINED as f64);
    println!(
        "sampled Shapley values of an extended forest's score, {COLUMNS} columns, {BACKGROUND} background rows, {EXPLAINED} rows explained"
    );
    println!(
        "largest error of a contribution at {SETS} sets, of the score: median {:.2} %, worst {last:.2} % (asked: 5 %)",
        worst[worst.len() / 2]
    );
    println!(
        "within 1.96 stated errors: {:.1} % of contributions (95 % would be exact)",
        100.0 * covered as f64 / (EXPLAINED * COLUMNS) as f64
    );
    println!("milliseconds a row: exact {:.1}, {SETS} sets {:.1} (asked: 50)", milliseconds[0], milliseconds[1]);
    println!("local surrogate's fidelity: median {:.2}, least {:.2}", fidelity[fidelity.len() / 2], fidelity[0]);
    Ok(())
}
