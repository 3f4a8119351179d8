//! Orders of an ARIMA model, its polynomials multiplied out, and parameters that can't leave the stationary region.

/// What a seasonal ARIMA model is made of: (p, d, q)(P, D, Q) and the season in rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Orders {
    pub ar: usize,
    pub differences: usize,
    pub ma: usize,
    pub seasonal_ar: usize,
    pub seasonal_differences: usize,
    pub seasonal_ma: usize,
    /// Rows until the season comes again; without seasonal orders it says nothing.
    pub period_rows: usize,
    /// Whether the differenced series has a mean of its own: a level without differences, a drift with one.
    pub has_mean: bool,
}

/// w_t = sum of ar_i w_(t-i) + e_t + sum of ma_j e_(t-j), multiplied out; both begin with lag one.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Arma {
    pub ar: Vec<f64>,
    pub ma: Vec<f64>,
}

impl Orders {
    pub(crate) fn coefficients(&self) -> usize {
        self.ar + self.ma + self.seasonal_ar + self.seasonal_ma
    }

    /// So many values does differencing cost.
    pub(crate) fn lost(&self) -> usize {
        self.differences + self.seasonal_differences * self.period_rows
    }

    /// Coefficients of y_t = sum of d_i y_(t-i) + w_t, from lag one on.
    pub(crate) fn differencing(&self) -> Vec<f64> {
        let mut polynomial = vec![1.0];
        for _ in 0..self.differences {
            polynomial = product(&polynomial, &with_lags(&[-1.0], 1));
        }
        for _ in 0..self.seasonal_differences {
            polynomial = product(&polynomial, &with_lags(&[-1.0], self.period_rows));
        }
        polynomial[1..].iter().map(|coefficient| -coefficient).collect()
    }

    /// The model of free parameters: in the order ar, ma, seasonal ar, seasonal ma.
    pub(crate) fn arma(&self, free: &[f64]) -> Arma {
        let (ar, rest) = free.split_at(self.ar);
        let (ma, rest) = rest.split_at(self.ma);
        let (seasonal_ar, seasonal_ma) = rest.split_at(self.seasonal_ar);
        let negated = |coefficients: Vec<f64>| coefficients.into_iter().map(|one| -one).collect::<Vec<f64>>();
        let both = |plain: &[f64], seasonal: &[f64]| {
            let plain = with_lags(&negated(stationary(plain)), 1);
            let product = product(&plain, &with_lags(&negated(stationary(seasonal)), self.period_rows.max(1)));
            product[1..].to_vec()
        };
        Arma { ar: negated(both(ar, seasonal_ar)), ma: both(ma, seasonal_ma) }
    }
}

/// Coefficients of a stationary autoregression from any numbers, by way of partial autocorrelations (Barndorff-Nielsen
/// and Schou 1973; Monahan 1984).
pub(crate) fn stationary(free: &[f64]) -> Vec<f64> {
    let mut coefficients: Vec<f64> = Vec::with_capacity(free.len());
    for free in free {
        let partial = free / (1.0 + free * free).sqrt();
        let before = coefficients.clone();
        for (at, coefficient) in coefficients.iter_mut().enumerate() {
            *coefficient -= partial * before[before.len() - 1 - at];
        }
        coefficients.push(partial);
    }
    coefficients
}

/// One, then the coefficients at multiples of the lag.
fn with_lags(coefficients: &[f64], lag: usize) -> Vec<f64> {
    let mut polynomial = vec![0.0; coefficients.len() * lag + 1];
    polynomial[0] = 1.0;
    coefficients.iter().enumerate().for_each(|(at, one)| polynomial[(at + 1) * lag] = *one);
    polynomial
}

fn product(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut product = vec![0.0; a.len() + b.len() - 1];
    for (i, a) in a.iter().enumerate().filter(|(_, a)| **a != 0.0) {
        b.iter().enumerate().for_each(|(j, b)| product[i + j] += a * b);
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_multiply() {
        let orders = Orders { differences: 1, seasonal_differences: 1, period_rows: 4, ..Orders::default() };
        assert_eq!(orders.differencing(), [1.0, 0.0, 0.0, 1.0, -1.0]);
        assert_eq!(orders.lost(), 5);
    }

    #[test]
    fn seasonal_and_plain_coefficients_multiply() {
        let orders = Orders { ar: 1, ma: 1, seasonal_ar: 1, seasonal_ma: 1, period_rows: 3, ..Orders::default() };
        let partial = |partial: f64| partial / (1.0 - partial * partial).sqrt();
        let arma = orders.arma(&[partial(0.5), partial(-0.4), partial(0.2), partial(-0.3)]);
        // (1 - 0.5 B)(1 - 0.2 B^3) and (1 + 0.4 B)(1 + 0.3 B^3).
        for (found, expected) in arma.ar.iter().zip([0.5, 0.0, 0.2, -0.1]) {
            assert!((found - expected).abs() < 1e-12, "{:?}", arma.ar);
        }
        for (found, expected) in arma.ma.iter().zip([0.4, 0.0, 0.3, 0.12]) {
            assert!((found - expected).abs() < 1e-12, "{:?}", arma.ma);
        }
    }

    #[test]
    fn no_numbers_leave_the_stationary_region() {
        // Of two lags the region is a triangle.
        for a in [-50.0, -1.0, 0.3, 9.0] {
            for b in [-50.0, -0.4, 0.0, 30.0] {
                let found = stationary(&[a, b]);
                assert!(found[1].abs() < 1.0 && found[0].abs() < 1.0 - found[1] + 1e-12, "{found:?}");
            }
        }
    }
}
