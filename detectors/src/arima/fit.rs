//! An ARIMA model fitted by maximum likelihood, and what it expects.

use super::filter::{Filter, Sums};
use super::minimum::minimum;
use super::polynomial::{Arma, Orders};

/// Fewer values for each coefficient say nothing of it.
const VALUES_PER_COEFFICIENT: usize = 3;
const VALUES_MIN: usize = 8;
/// Partial autocorrelations from which the search for the best coefficients may begin, one for each kind of them.
const STARTS: [f64; 3] = [0.0, -0.5, 0.5];

/// A series of one value a row, as the filter takes it.
#[derive(Debug, Clone)]
pub(super) struct Series {
    orders: Orders,
    differencing: Vec<f64>,
    /// Before the first row, the newest first; empty where differences are taken outside the filter.
    last: Vec<f64>,
    rows: Vec<Option<[f64; 2]>>,
    values: usize,
    /// Values were divided by this.
    unit: f64,
}

/// A model whose coefficients are known.
#[derive(Debug, Clone)]
pub struct Fitted {
    pub orders: Orders,
    pub(super) arma: Arma,
    pub(super) free: Vec<f64>,
    /// Of the differenced series.
    pub mean: f64,
    /// Of the innovations.
    pub variance: f64,
    pub log_likelihood: f64,
    /// That the likelihood is of.
    pub values: usize,
}

impl Series {
    /// `None` if there are too few values to say anything by these orders.
    pub(super) fn new(values: &[Option<f64>], orders: Orders) -> Option<Self> {
        let lost = orders.lost();
        // Differences need as many values in a row to begin with.
        let begins =
            (0..values.len().checked_sub(lost)?).find(|at| values[*at..*at + lost].iter().all(Option::is_some))?;
        let skipped = begins + lost;
        let (before, rows) = (&values[begins..skipped], &values[skipped..]);
        let seen = rows.iter().flatten().count();
        if seen < VALUES_MIN.max(VALUES_PER_COEFFICIENT * (orders.coefficients() + 1)) {
            return None;
        }
        let differencing = orders.differencing();
        let unit = unit(before, rows, &differencing)?;
        let is_whole = seen == rows.len();
        let mut one = vec![0.0; lost];
        let mut scaled: Vec<f64> = before.iter().rev().map(|value| value.unwrap_or(0.0) / unit).collect();
        let known = scaled.clone();
        let rows = rows.iter().map(|value| {
            let by = |lags: &[f64]| differencing.iter().zip(lags).map(|(a, b)| a * b).sum::<f64>();
            if is_whole {
                let value = value.unwrap_or(0.0) / unit;
                let difference = value - by(&scaled);
                push(&mut scaled, value);
                return Some([difference, 1.0]);
            }
            let mean = 1.0 + by(&one);
            push(&mut one, mean);
            value.map(|value| [value / unit, mean])
        });
        let rows = rows.collect();
        let (differencing, last) = if is_whole { (Vec::new(), Vec::new()) } else { (differencing, known) };
        Some(Self { orders, differencing, last, rows, values: seen, unit })
    }

    fn sums(&self, arma: &Arma) -> Sums {
        let zeros = vec![0.0; self.last.len()];
        let mut filter = Filter::new(arma, self.differencing.clone(), [&self.last, &zeros]);
        let mut sums = Sums::default();
        for row in &self.rows {
            // Without a mean its column stays zero, and costs nothing but a little time.
            let row = row.map(|[value, mean]| [value, if self.orders.has_mean { mean } else { 0.0 }]);
            if let Some(innovation) = filter.take(row) {
                sums.add(innovation);
            }
        }
        sums
    }

    /// Minus the log-likelihood by the value.
    fn cost(&self, free: &[f64]) -> f64 {
        let cost = -self.sums(&self.orders.arma(free)).log_likelihood() / self.values as f64;
        if cost.is_finite() { cost } else { f64::INFINITY }
    }

    /// The best coefficients, looked for from the best few of some starts; or from those that are handed in.
    pub(super) fn fit(&self, near: Option<&[f64]>) -> Option<Fitted> {
        let starts = match near {
            Some(near) if near.len() == self.orders.coefficients() => vec![near.to_vec()],
            _ => self.starts(),
        };
        let found = starts.iter().map(|start| minimum(|free| self.cost(free), start));
        let (free, _) = found.min_by(|a, b| a.1.total_cmp(&b.1))?;
        let fitted = self.with(free);
        fitted.log_likelihood.is_finite().then_some(fitted)
    }

    /// From the best of the starts alone: to compare models with each other it does.
    pub(super) fn fit_quickly(&self) -> Option<Fitted> {
        let start = self.starts().into_iter().next()?;
        self.fit(Some(&start))
    }

    fn with(&self, free: Vec<f64>) -> Fitted {
        let arma = self.orders.arma(&free);
        let sums = self.sums(&arma);
        Fitted {
            orders: self.orders,
            arma,
            free,
            mean: if self.orders.has_mean { sums.mean() * self.unit } else { 0.0 },
            variance: sums.noise_variance() * self.unit * self.unit,
            log_likelihood: sums.log_likelihood() - self.values as f64 * self.unit.ln(),
            values: self.values,
        }
    }

    /// The two best of those on a coarse grid.
    fn starts(&self) -> Vec<Vec<f64>> {
        let Orders { ar, ma, seasonal_ar, seasonal_ma, .. } = self.orders;
        let kinds = [ar, ma, seasonal_ar, seasonal_ma];
        let mut starts = vec![Vec::new()];
        for count in kinds.into_iter().filter(|count| *count > 0) {
            let longer = |start: &Vec<f64>| {
                let start = start.clone();
                STARTS.map(|partial| {
                    let mut longer = start.clone();
                    longer.push(partial / (1.0_f64 - partial * partial).sqrt());
                    longer.resize(start.len() + count, 0.0);
                    longer
                })
            };
            starts = starts.iter().flat_map(longer).collect();
        }
        let mut costs: Vec<(f64, Vec<f64>)> = starts.into_iter().map(|start| (self.cost(&start), start)).collect();
        costs.sort_by(|a, b| a.0.total_cmp(&b.0));
        costs.truncate(2);
        costs.into_iter().map(|(_, start)| start).collect()
    }
}

fn push(lags: &mut [f64], value: f64) {
    if !lags.is_empty() {
        lags.rotate_right(1);
        lags[0] = value;
    }
}

/// How large differences usually are; `None` if there is nothing in them.
fn unit(before: &[Option<f64>], rows: &[Option<f64>], differencing: &[f64]) -> Option<f64> {
    let all: Vec<Option<f64>> = before.iter().chain(rows).copied().collect();
    let difference = |at: usize| {
        let lags = differencing.iter().enumerate().filter(|(_, one)| **one != 0.0);
        lags.map(|(lag, one)| Some(one * all[at - 1 - lag]?)).try_fold(all[at]?, |left, lag| Some(left - lag?))
    };
    let differences: Vec<f64> = (before.len()..all.len()).filter_map(difference).collect();
    let n = differences.len() as f64;
    let mean = differences.iter().map(|one| one / n).sum::<f64>();
    let unit = differences.iter().map(|one| (one - mean).powi(2) / n).sum::<f64>().sqrt();
    let most = all.iter().flatten().fold(0.0_f64, |most, value| most.max(value.abs()));
    // What is left is rounding, or too large to be squared.
    (unit > 1e-12 * most && unit > 1e-140 && most < 1e140).then_some(unit)
}

impl Fitted {
    /// Akaike's criterion, corrected for few values (Hurvich and Tsai 1989): less is better.
    pub fn criterion(&self) -> f64 {
        let parameters = (self.orders.coefficients() + usize::from(self.orders.has_mean) + 1) as f64;
        let left = self.values as f64 - parameters - 1.0;
        if left <= 0.0 {
            return f64::INFINITY;
        }
        2.0 * (parameters - self.log_likelihood) + 2.0 * parameters * (parameters + 1.0) / left
    }

    /// Coefficients from lag one on, seasonal ones multiplied out: of values before, and of innovations before.
    pub fn coefficients(&self) -> (&[f64], &[f64]) {
        (&self.arma.ar, &self.arma.ma)
    }
}

/// Fits a model of these orders to values, of which some may be missing; `None` if there are too few, or if nothing moves.
pub fn fit(values: &[Option<f64>], orders: Orders) -> Option<Fitted> {
    Series::new(values, orders)?.fit(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::Draws;
    use crate::values::ranks::normal_quantile;

    fn made(rows: usize, ar: f64, ma: f64) -> Vec<f64> {
        let mut draws = Draws::of(&[7, rows as u64]);
        let (mut value, mut before) = (0.0, 0.0);
        let mut next = || {
            let noise = normal_quantile(draws.unit().max(1e-12));
            value = ar * value + noise + ma * before;
            before = noise;
            value
        };
        (0..rows).map(|_| next()).collect()
    }

    #[test]
    fn coefficients_and_mean_are_found_again() {
        let values: Vec<Option<f64>> =
            made(4_000, 0.7, 0.4).into_iter().map(|value| Some(500.0 + 3.0 * value)).collect();
        let fitted = fit(&values, Orders { ar: 1, ma: 1, has_mean: true, ..Orders::default() }).unwrap();
        let (ar, ma) = fitted.coefficients();
        // Four standard errors: those of an autoregression and of a moving average of so many values.
        assert!((ar[0] - 0.7).abs() < 0.06 && (ma[0] - 0.4).abs() < 0.08, "{fitted:?}");
        assert!((fitted.mean - 500.0).abs() < 4.0 * 3.0 * 1.4 / 0.3 / 4_000_f64.sqrt(), "{fitted:?}");
        assert!((fitted.variance / 9.0 - 1.0).abs() < 4.0 * (2.0 / 4_000_f64).sqrt(), "{fitted:?}");
    }

    #[test]
    fn scale_and_units_change_the_likelihood_as_they_must() {
        let values = made(200, 0.5, 0.0);
        let fitted = |scale: f64, orders: Orders| {
            let values: Vec<Option<f64>> = values.iter().map(|value| Some(scale * value)).collect();
            fit(&values, orders).unwrap().log_likelihood
        };
        for orders in [
            Orders { ar: 1, has_mean: true, ..Orders::default() },
            Orders { differences: 1, ma: 1, ..Orders::default() },
        ] {
            let values = 200.0 - orders.lost() as f64;
            let moved = fitted(1.0, orders) - fitted(1e3, orders);
            assert!((moved - values * 1e3_f64.ln()).abs() < 1e-5, "{moved}");
        }
    }

    #[test]
    fn a_missing_value_costs_one_value() {
        let mut walk: Vec<Option<f64>> = made(300, 0.0, 0.0)
            .into_iter()
            .scan(0.0, |sum, step| {
                *sum += step;
                Some(Some(*sum))
            })
            .collect();
        let orders = Orders { differences: 1, ma: 1, has_mean: true, ..Orders::default() };
        let whole = fit(&walk, orders).unwrap();
        walk[150] = None;
        let holed = fit(&walk, orders).unwrap();
        assert_eq!((whole.values, holed.values), (299, 298));
        assert!((whole.log_likelihood - holed.log_likelihood).abs() < 6.0, "{whole:?} {holed:?}");
    }

    #[test]
    fn nothing_to_fit_is_no_model() {
        let orders = Orders { ar: 1, has_mean: true, ..Orders::default() };
        for values in
            [vec![], vec![Some(1.0)], vec![None; 50], vec![Some(5.0); 50], [Some(1e300), Some(-1e300)].repeat(20)]
        {
            assert!(fit(&values, orders).is_none(), "{values:?}");
        }
        let straight: Vec<Option<f64>> = (0..50).map(|at| Some(f64::from(at))).collect();
        assert!(fit(&straight, Orders { differences: 1, ..orders }).is_none());
    }
}
