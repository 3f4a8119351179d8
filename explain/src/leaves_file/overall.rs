//! Whether the leaves moved together: then no slice is the reason.

use super::exact_sum::ExactSum;
use super::leaf::Leaf;
use super::noise::quantile;

/// Fewer leaves do not show whether they lie around their middle alike on both sides.
const LEAVES_MIN: usize = 20;
/// How many of its own standard errors the middle must lie off.
const SURE: f64 = 5.0;
/// A bias smaller than this is left as it is.
const CORRECTED_FROM: f64 = 0.004;
/// The distances of quantiles below and above the middle agree to this factor where all leaves moved alike. A slice
/// that moved stretches one side.
const ALIKE: f64 = 1.3;

/// The factor by which all leaves moved, if they moved together.
pub(crate) fn common_factor(leaves: &[Leaf], handful: f64) -> Option<f64> {
    let mut deviations = deviations_of_large(leaves, handful);
    if deviations.len() < LEAVES_MIN {
        return None;
    }
    let [q10, q25, middle, q75, q90] = [0.1, 0.25, 0.5, 0.75, 0.9].map(|part| quantile(&mut deviations, part));
    let error = standard_error(q75 - q25, deviations.len());
    let is_alike = |below: f64, above: f64| below <= ALIKE * above && above <= ALIKE * below;
    let moved = middle.abs() > SURE * error && middle != 0.0;
    (moved && is_alike(middle - q10, q90 - middle) && is_alike(middle - q25, q75 - middle)).then(|| factor_of(middle))
}

/// The factor by which the middle leaf moved off `from`, where it surely did.
pub(crate) fn corrected_factor(leaves: &[Leaf], handful: f64, from: f64) -> Option<f64> {
    let mut deviations = deviations_of_large(leaves, handful);
    if deviations.len() < LEAVES_MIN {
        return None;
    }
    let [q25, middle, q75] = [0.25, 0.5, 0.75].map(|part| quantile(&mut deviations, part));
    let error = standard_error(q75 - q25, deviations.len());
    let factor = factor_of(middle);
    let off = (factor / from - 1.0).abs();
    (off > SURE * error && off > CORRECTED_FROM).then_some(factor)
}

/// Of a median, from the width of the middle half (exact for normal deviations).
fn standard_error(middle_half: f64, leaves: usize) -> f64 {
    1.25 * middle_half / 1.35 / (leaves as f64).sqrt()
}

/// The factor by which the middle leaf moved, or all together where nearly all are small.
pub(crate) fn middle_factor(leaves: &[Leaf], handful: f64) -> f64 {
    let mut deviations = deviations_of_large(leaves, handful);
    if deviations.len() >= LEAVES_MIN.min(leaves.len()) {
        return factor_of(quantile(&mut deviations, 0.5));
    }
    let actual = leaves.iter().map(|leaf| leaf.actual).collect::<ExactSum>().value();
    let expected = leaves.iter().map(|leaf| leaf.expected).collect::<ExactSum>().value();
    if expected > 0.0 { actual / expected } else { 1.0 }
}

/// Small leaves come in pieces, and lie askew for that alone.
fn deviations_of_large(leaves: &[Leaf], handful: f64) -> Vec<f64> {
    const HANDFULS_MIN: f64 = 30.0;
    let large = leaves.iter().filter(|leaf| leaf.expected > 0.0 && leaf.expected >= HANDFULS_MIN * handful);
    large.map(Leaf::deviation).collect()
}

/// Falls are counted as parts of what was expected, rises as parts of what was seen.
fn factor_of(deviation: f64) -> f64 {
    if deviation >= 0.0 { 1.0 - deviation } else { 1.0 / (1.0 + deviation).max(1e-6) }
}
