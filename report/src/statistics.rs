//! Intervals for small numbers: a share, a median, a rate.

/// Two-sided 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// Wilson's interval of `hits` of `of`; `None` of nothing.
///
/// E. B. Wilson, "Probable inference, the law of succession, and statistical inference" (1927): the shares that the
/// observed one does not lie 1.96 deviations from.
pub fn wilson(hits: u64, of: u64) -> Option<[f64; 2]> {
    if of == 0 {
        return None;
    }
    let (n, share) = (of as f64, hits as f64 / of as f64);
    let middle = share + Z * Z / (2.0 * n);
    let reach = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    Some([((middle - reach) / scale).max(0.0), ((middle + reach) / scale).min(1.0)])
}

/// The value at a share of the way through, between neighbours where it falls between them. `sorted` is in order.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let at = share * last as f64;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    Some(below + (above - below) * at.fract())
}

/// A 95 % interval of the median that asks nothing of the distribution: the narrowest pair of order statistics, equally
/// far from both ends, that holds the median often enough by the binomial law. `None` of fewer than six.
pub(crate) fn median_interval(sorted: &[f64]) -> Option<[f64; 2]> {
    let n = sorted.len();
    // P(fewer than k of n fall below the median), added up from the ends inwards.
    let mut probability = 0.5_f64.powi(i32::try_from(n).ok()?);
    let (mut tail, mut cut) = (0.0, 0);
    for k in 0..n {
        tail += probability;
        if tail > 0.025 {
            break;
        }
        cut = k + 1;
        probability *= (n - k) as f64 / (k + 1) as f64;
    }
    // With `cut` values left out at each end the median is outside with at most twice 2.5 %.
    (cut > 0 && 2 * cut <= n).then(|| [sorted[cut - 1], sorted[n - cut]])
}

/// The exact 95 % interval of a Poisson mean of which `count` were seen, by bisection on its tails.
pub(crate) fn poisson(count: u64) -> [f64; 2] {
    let high = bisect(count, |mean| at_most(count, mean) > 0.025);
    let low = if count == 0 { 0.0 } else { bisect(count, |mean| 1.0 - at_most(count - 1, mean) < 0.025) };
    [low, high]
}

fn bisect(count: u64, is_below: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 4.0 * count as f64 + 10.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if is_below(middle) { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

/// P(X <= count) of a Poisson mean.
fn at_most(count: u64, mean: f64) -> f64 {
    let (mut term, mut sum) = ((-mean).exp(), 0.0);
    for k in 0..=count {
        sum += term;
        term *= mean / (k + 1) as f64;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: [f64; 2], expected: [f64; 2]) {
        assert!((0..2).all(|at| (found[at] - expected[at]).abs() < 1e-3), "{found:?} is not {expected:?}");
    }

    #[test]
    fn wilson_as_worked_out_by_hand() {
        // 8 of 10: (0.8 + 0.19207) / 1.38415 -+ 1.95996 * sqrt(0.016 + 0.0096036) / 1.38415.
        close(wilson(8, 10).unwrap(), [0.4902, 0.9433]);
        close(wilson(0, 10).unwrap(), [0.0, 0.2775]);
        assert_eq!(wilson(0, 0), None);
    }

    #[test]
    fn the_median_of_six_lies_between_the_ends() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(quantile(&values, 0.5), Some(3.5));
        // 2 / 2^6 = 3 % is outside the ends; leaving out one more at each end would be 22 %.
        assert_eq!(median_interval(&values), Some([1.0, 6.0]));
        assert_eq!(median_interval(&values[..5]), None);
        // Of ten: 1 + 10 of 1024 are 1.07 % a side, 56 of 1024 would be 5.5 %.
        let ten: Vec<f64> = (1..=10).map(f64::from).collect();
        assert_eq!(median_interval(&ten), Some([2.0, 9.0]));
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn poisson_means_as_tabled() {
        close(poisson(0), [0.0, 3.6889]);
        close(poisson(1), [0.0253, 5.5716]);
        close(poisson(10), [4.7954, 18.3904]);
    }
}
