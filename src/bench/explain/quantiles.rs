//! How long it takes to part the move of a quantile among a thousand slices, and how exactly the parts add up.

use hark_explain::{ValueRow, part_quantile};

use crate::bench::dice::Dice;
use crate::bench::stopwatch;

const SLICES: usize = 1000;
const REPETITIONS: u64 = 21;

pub(super) fn print() {
    let mut milliseconds = Vec::new();
    let mut worst: f64 = 0.0;
    let mut bins_between = 0;
    for seed in 0..REPETITIONS {
        let rows = made_up(seed);
        let watch = stopwatch();
        let parted = part_quantile(SLICES, rows, 0.95);
        milliseconds.push(watch.elapsed().as_secs_f64() * 1e3);
        let Some((move_, parts)) = parted else { continue };
        let sum: f64 = parts.iter().map(|part| part.within + part.mix_shift).sum();
        worst = worst.max((sum - (move_[1] - move_[0])).abs() / (move_[1] - move_[0]).abs());
        bins_between = ((move_[1] / move_[0]).log2().abs() * 64.0) as usize;
    }
    milliseconds.sort_unstable_by(f64::total_cmp);
    let median = milliseconds[milliseconds.len() / 2];
    println!(
        "p95 of {SLICES} slices, some {bins_between} bins moved: median {median:.2} ms, least {:.2}, with the histograms; parts add up to {worst:.0e}",
        milliseconds[0]
    );
}

/// A thousand slices of different speed and size, a tenth of them half as slow again after.
fn made_up(seed: u64) -> Vec<ValueRow> {
    let mut rows = Vec::new();
    for slice in 0..SLICES {
        let mut dice = Dice::of(&[seed, slice as u64]);
        let (middle, size) = (540.0 + 20.0 * dice.normal(), (4.0 + dice.normal()).exp());
        let moved = if slice % 10 == 0 { 37 } else { 0 };
        for bin in -120_i16..200 {
            let share = |by: i16| (-0.5 * (f64::from(bin - by) / 50.0).powi(2)).exp() / 125.0;
            let counts = [(size * 7.0 * share(0)).round(), (size * share(moved)).round()];
            if counts != [0.0, 0.0] {
                rows.push((slice as u32, middle as i16 + bin, counts));
            }
        }
    }
    rows
}
