//! Whether a series is seen as it is or by its logarithms: where values multiply, the latter are even.

/// Logarithms are taken where they are less skewed by so much.
const GAIN_MIN: f64 = 0.5;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scale {
    Plain,
    /// Of the value and so much more, which is nothing unless there are zeros.
    Log {
        more: f64,
    },
}

impl Scale {
    pub(crate) fn fitting(values: impl Iterator<Item = f64> + Clone) -> Self {
        let least = values.clone().fold(f64::INFINITY, f64::min);
        if !(0.0..f64::INFINITY).contains(&least) {
            return Self::Plain;
        }
        let least_above_zero = values.clone().filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
        let more = if least > 0.0 { 0.0 } else { least_above_zero / 2.0 };
        let log = Self::Log { more };
        let plain = skewness(&values).abs();
        let logarithmic = skewness(&values.map(|value| log.of(value))).abs();
        if more.is_finite() && logarithmic + GAIN_MIN < plain { log } else { Self::Plain }
    }

    pub(crate) fn of(self, value: f64) -> f64 {
        match self {
            Self::Plain => value,
            Self::Log { more } => (value + more).max(f64::MIN_POSITIVE.sqrt()).ln(),
        }
    }

    /// The value that is seen as this.
    pub(crate) fn back(self, seen: f64) -> f64 {
        match self {
            Self::Plain => seen,
            Self::Log { more } => (seen.exp() - more).clamp(f64::MIN, f64::MAX),
        }
    }
}

fn skewness(values: &(impl Iterator<Item = f64> + Clone)) -> f64 {
    let n = values.clone().count().max(1) as f64;
    let mean = values.clone().sum::<f64>() / n;
    let moment = |power: i32| values.clone().map(|value| (value - mean).powi(power)).sum::<f64>() / n;
    let variance = moment(2);
    if variance > 0.0 { moment(3) / variance.powf(1.5) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::ranks::normal_quantile;

    fn normal() -> impl Iterator<Item = f64> + Clone {
        (0..100).map(|at| normal_quantile((f64::from(at) + 0.5) / 100.0))
    }

    #[test]
    fn what_multiplies_is_seen_by_its_logarithms() {
        assert_eq!(Scale::fitting(normal().map(f64::exp)), Scale::Log { more: 0.0 });
        assert_eq!(Scale::fitting(normal()), Scale::Plain);
        assert_eq!(Scale::fitting(normal().map(|value| 100.0 + value)), Scale::Plain);
        assert_eq!(Scale::fitting(normal().map(|value| value.exp().floor())), Scale::Log { more: 0.5 });
        assert_eq!(Scale::fitting([0.0; 50].into_iter()), Scale::Plain);
    }

    #[test]
    fn a_logarithm_is_always_finite() {
        let log = Scale::Log { more: 0.0 };
        assert!([0.0, -5.0, f64::MAX, f64::MIN].map(|value| log.of(value)).iter().all(|log| log.is_finite()));
    }
}
