//! Orders found by themselves: how often to difference by tests, the rest step by step by Akaike's criterion (Hyndman and
//! Khandakar, "Automatic time series forecasting: the forecast package for R", 2008).

use super::fit::{Fitted, Series};
use super::polynomial::Orders;

/// Of the test of a level that stays (Kwiatkowski, Phillips, Schmidt and Shin 1992), at five in a hundred.
const LEVEL_STAYS: f64 = 0.463;
/// A season of so much of what is left of the trend is differenced by (Wang, Smith and Hyndman 2006; the threshold is that
/// of the forecast package).
const SEASON_STRONG: f64 = 0.64;
const DIFFERENCES_MAX: usize = 2;
/// A season has to have come so often.
const SEASONS_MIN: usize = 3;
/// A model whose partial autocorrelation is nearer to one is no model of what comes again.
const PARTIAL_MAX: f64 = 0.999;

/// How far the search goes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Of ar and ma each.
    pub order_max: usize,
    /// Of the seasonal ones each.
    pub seasonal_max: usize,
    /// So many models are fitted at most: what is best by then is taken.
    pub models_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { order_max: 5, seasonal_max: 2, models_max: 94 }
    }
}

/// The model with the least criterion that the search comes to; `None` if nothing can be fitted.
pub fn choose(values: &[Option<f64>], period_rows: Option<usize>, limits: Limits) -> Option<Fitted> {
    let whole = interpolated(values);
    let period = period_rows.filter(|period| *period > 1 && whole.len() >= SEASONS_MIN * period);
    let seasonal_differences =
        usize::from(period.is_some_and(|period| season_strength(&whole, period) > SEASON_STRONG));
    let mut left = whole;
    if let (1, Some(period)) = (seasonal_differences, period) {
        left = differences(&left, period);
    }
    let mut plain = 0;
    while plain < DIFFERENCES_MAX && level_wanders(&left) {
        left = differences(&left, 1);
        plain += 1;
    }
    let base = Orders {
        differences: plain,
        seasonal_differences,
        period_rows: period.unwrap_or(0),
        has_mean: plain + seasonal_differences <= 1,
        ..Orders::default()
    };
    Search { values, limits, seen: Vec::new(), best: None }.from(base, period.is_some())
}

struct Search<'a> {
    values: &'a [Option<f64>],
    limits: Limits,
    seen: Vec<Orders>,
    best: Option<(f64, Fitted)>,
}

impl Search<'_> {
    fn from(mut self, base: Orders, is_seasonal: bool) -> Option<Fitted> {
        let seasonal = usize::from(is_seasonal);
        let starts = [(2, 2, 1, 1), (0, 0, 0, 0), (1, 0, 1, 0), (0, 1, 0, 1)];
        for (ar, ma, seasonal_ar, seasonal_ma) in starts {
            let most = self.limits.order_max;
            self.consider(Orders {
                ar: ar.min(most),
                ma: ma.min(most),
                seasonal_ar: seasonal_ar * seasonal,
                seasonal_ma: seasonal_ma * seasonal,
                ..base
            });
        }
        // Where the best has neighbours that are better, it goes on from the best of them.
        while let Some(around) = self.best.as_ref().map(|(_, fitted)| fitted.orders) {
            let better = neighbours(around, is_seasonal)
                .into_iter()
                .map(|orders| self.consider(orders))
                .fold(false, |a, b| a | b);
            if !better {
                break;
            }
        }
        self.best.map(|(_, fitted)| fitted)
    }

    /// True if it is better than all before.
    fn consider(&mut self, orders: Orders) -> bool {
        let Limits { order_max, seasonal_max, models_max } = self.limits;
        let is_within =
            orders.ar.max(orders.ma) <= order_max && orders.seasonal_ar.max(orders.seasonal_ma) <= seasonal_max;
        if !is_within || self.seen.contains(&orders) || self.seen.len() >= models_max {
            return false;
        }
        self.seen.push(orders);
        let Some(fitted) = Series::new(self.values, orders).and_then(|series| series.fit_quickly()) else {
            return false;
        };
        let is_sound = fitted.free.iter().all(|free| free.abs() / (1.0 + free * free).sqrt() < PARTIAL_MAX);
        let criterion = fitted.criterion();
        let is_better = is_sound && self.best.as_ref().is_none_or(|(best, _)| criterion < *best);
        if is_better {
            self.best = Some((criterion, fitted));
        }
        is_better
    }
}

fn neighbours(orders: Orders, is_seasonal: bool) -> Vec<Orders> {
    let moved = |order: usize, by: isize| order.checked_add_signed(by);
    let mut found = Vec::new();
    let mut push = |ar: isize, ma: isize, seasonal_ar: isize, seasonal_ma: isize| {
        let all =
            [(orders.ar, ar), (orders.ma, ma), (orders.seasonal_ar, seasonal_ar), (orders.seasonal_ma, seasonal_ma)];
        if let [Some(ar), Some(ma), Some(seasonal_ar), Some(seasonal_ma)] = all.map(|(order, by)| moved(order, by)) {
            found.push(Orders { ar, ma, seasonal_ar, seasonal_ma, ..orders });
        }
    };
    for by in [-1, 1] {
        push(by, 0, 0, 0);
        push(0, by, 0, 0);
        push(by, by, 0, 0);
        if is_seasonal {
            push(0, 0, by, 0);
            push(0, 0, 0, by);
            push(0, 0, by, by);
        }
    }
    if orders.differences + orders.seasonal_differences <= 1 {
        found.push(Orders { has_mean: !orders.has_mean, ..orders });
    }
    found
}

/// Straight lines over gaps: for tests of the level and the season alone.
fn interpolated(values: &[Option<f64>]) -> Vec<f64> {
    let known: Vec<(usize, f64)> = values.iter().enumerate().filter_map(|(at, value)| Some((at, (*value)?))).collect();
    let mut whole = Vec::with_capacity(values.len());
    for pair in known.windows(2) {
        let [(from, a), (to, b)] = [pair[0], pair[1]];
        whole.extend((from..to).map(|at| a + (b - a) * (at - from) as f64 / (to - from) as f64));
    }
    whole.extend(known.last().map(|(_, value)| *value));
    whole
}

fn differences(values: &[f64], lag: usize) -> Vec<f64> {
    values.iter().zip(values.get(lag..).unwrap_or_default()).map(|(before, value)| value - before).collect()
}

/// Whether the sums of what is off the mean run further than those of noise with a short memory.
pub(super) fn level_wanders(values: &[f64]) -> bool {
    let n = values.len() as f64;
    let lags = (3.0 * n.sqrt() / 13.0) as usize;
    if values.len() < 2 * (lags + 2) {
        return false;
    }
    let mean = values.iter().sum::<f64>() / n;
    let off: Vec<f64> = values.iter().map(|value| value - mean).collect();
    let covariance = |lag: usize| off.iter().zip(&off[lag..]).map(|(a, b)| a * b).sum::<f64>() / n;
    let weight = |lag: usize| 1.0 - lag as f64 / (lags + 1) as f64;
    let long_run = covariance(0) + 2.0 * (1..=lags).map(|lag| weight(lag) * covariance(lag)).sum::<f64>();
    let (mut sum, mut squares) = (0.0, 0.0);
    for off in &off {
        sum += off;
        squares += sum * sum;
    }
    long_run > 0.0 && squares / (n * n * long_run) > LEVEL_STAYS
}

/// How much of what is left of the trend is the season, by moving averages and the means of each phase.
pub(super) fn season_strength(values: &[f64], period: usize) -> f64 {
    let half = period / 2;
    if values.len() < 2 * period + 1 {
        return 0.0;
    }
    let is_even = period.is_multiple_of(2);
    let trend = |at: usize| {
        let around = &values[at - half..=at + half];
        let ends = if is_even { (around[0] + around[2 * half]) / 2.0 } else { 0.0 };
        ends + if is_even { around[1..2 * half].iter().sum::<f64>() } else { around.iter().sum::<f64>() }
    };
    let without: Vec<(usize, f64)> =
        (half..values.len() - half).map(|at| (at % period, values[at] - trend(at) / period as f64)).collect();
    let mut phases = vec![(0.0, 0.0_f64); period];
    without.iter().for_each(|(phase, value)| {
        phases[*phase].0 += value;
        phases[*phase].1 += 1.0;
    });
    let of_phase = |phase: usize| phases[phase].0 / phases[phase].1.max(1.0);
    let both = variance(without.iter().map(|(_, value)| *value));
    let left = variance(without.iter().map(|(phase, value)| value - of_phase(*phase)));
    if both > 0.0 { (1.0 - left / both).max(0.0) } else { 0.0 }
}

fn variance(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let n = values.clone().count().max(1) as f64;
    let mean = values.clone().sum::<f64>() / n;
    values.map(|value| (value - mean).powi(2)).sum::<f64>() / n
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::Draws;
    use crate::values::ranks::normal_quantile;

    fn noise(rows: usize) -> Vec<f64> {
        let mut draws = Draws::of(&[5, rows as u64]);
        (0..rows).map(|_| normal_quantile(draws.unit().max(1e-12))).collect()
    }

    fn walk(rows: usize) -> Vec<f64> {
        noise(rows)
            .into_iter()
            .scan(0.0, |sum, step| {
                *sum += step;
                Some(*sum)
            })
            .collect()
    }

    fn chosen(values: &[f64], period: Option<usize>) -> Orders {
        let values: Vec<Option<f64>> = values.iter().map(|value| Some(*value)).collect();
        choose(&values, period, Limits::default()).unwrap().orders
    }

    #[test]
    fn what_wanders_is_differenced_and_noise_is_not() {
        assert!(!level_wanders(&noise(400)) && level_wanders(&walk(400)));
        assert_eq!((chosen(&noise(300), None).differences, chosen(&walk(300), None).differences), (0, 1));
    }

    #[test]
    fn a_strong_season_is_differenced_by() {
        let season: Vec<f64> =
            noise(120).iter().enumerate().map(|(at, noise)| 6.0 * ((at % 12) as f64 / 2.0).sin() + noise).collect();
        assert!(season_strength(&season, 12) > 0.9 && season_strength(&noise(120), 12) < SEASON_STRONG);
        assert_eq!(chosen(&season, Some(12)).seasonal_differences, 1);
    }

    #[test]
    fn a_memory_is_found() {
        let values: Vec<f64> = noise(600)
            .into_iter()
            .scan(0.0, |value, noise| {
                *value = 0.8 * *value + noise;
                Some(*value)
            })
            .collect();
        let found = chosen(&values, None);
        // The test of the level takes so long a memory for wandering at times; the rest makes up for it.
        assert!(found.ar + found.ma >= 1 && found.differences <= 1, "{found:?}");
    }

    #[test]
    fn gaps_and_nothing_do_not_break_it() {
        let holed: Vec<Option<f64>> =
            walk(200).into_iter().enumerate().map(|(at, value)| Some(value).filter(|_| at % 6 != 1)).collect();
        assert_eq!(choose(&holed, None, Limits::default()).unwrap().orders.differences, 1);
        assert!(choose(&[], None, Limits::default()).is_none());
        assert!(choose(&[Some(4.0); 100], Some(12), Limits::default()).is_none());
    }
}
