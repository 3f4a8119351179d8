//! From path lengths to scores: contributions on one scale, told on another.

/// Contributions to what a score is made of, told as contributions to the score.
#[derive(Debug, Clone, PartialEq)]
pub struct Converted {
    pub base: f64,
    pub score: f64,
    pub contributions: Vec<f64>,
}

impl Converted {
    /// `score_of` is what is shown, `base` and `contributions` share out what it is a function of. The slope of the
    /// secant between base and sum turns one into the other, so that the parts still add up exactly.
    pub fn of(base: f64, contributions: &[f64], score_of: impl Fn(f64) -> f64) -> Self {
        let moved: f64 = contributions.iter().sum();
        let (from, to) = (score_of(base), score_of(base + moved));
        // Where nothing moved on the whole, the curve's own slope there.
        let slope = if moved.abs() > STILL * base.abs().max(1.0) {
            (to - from) / moved
        } else {
            let step = STILL.sqrt() * base.abs().max(1.0);
            (score_of(base + step) - score_of(base - step)) / (2.0 * step)
        };
        let contributions = contributions.iter().map(|contribution| contribution * slope).collect();
        Self { base: from, score: to, contributions }
    }
}

/// A move smaller than this beside the base is lost in rounding.
const STILL: f64 = 1e-10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_on_the_other_scale() {
        let score_of = |length: f64| (-length / 10.0).exp2();
        for contributions in [&[-3.0, 0.5, -0.25][..], &[1.0, -1.0], &[1e-13, 0.0], &[]] {
            let converted = Converted::of(8.0, contributions, score_of);
            let sum: f64 = converted.contributions.iter().sum();
            assert!((converted.base + sum - converted.score).abs() < 1e-12, "{contributions:?}");
            assert!(converted.contributions.iter().all(|one| one.is_finite()));
        }
        let converted = Converted::of(8.0, &[-3.0, 0.5], score_of);
        assert!(converted.contributions[0] > 0.0 && converted.contributions[1] < 0.0);
    }
}
