//! A fitted model at work: what it expects of the next row, of what parts, and of rows further ahead.

use super::filter::Filter;
use super::fit::Fitted;
use crate::breakdown::Term;
use crate::values::ranks::normal_quantile;

/// A share of the terms that is no more than their rounding.
const ROUNDING: f64 = 1e-12;

/// What is expected of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    pub parts: Parts,
    pub deviation: f64,
}

/// Where an expectation comes from; they add up to it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Parts {
    /// The mean or the drift, and the values just before where the series is differenced.
    pub level: f64,
    /// The values of a season before, where it is differenced by season.
    pub season: f64,
    /// What the autoregression remembers.
    pub memory: f64,
    /// What earlier surprises leave behind.
    pub shocks: f64,
}

/// A row ahead.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ahead {
    pub expected: f64,
    /// Between these with the probability asked for.
    pub low: f64,
    pub high: f64,
}

/// A model and what it has seen. Rows come one by one.
#[derive(Debug, Clone)]
pub struct Running {
    fitted: Fitted,
    differencing: Vec<f64>,
    /// `None` until as many values in a row have come as differencing needs.
    filter: Option<Filter>,
    /// Values less the mean's part, before the filter begins; the newest first.
    first: Vec<f64>,
    /// What a mean of one of the differences has come to, the newest first.
    mean: Vec<f64>,
    /// Differenced values, or what was expected of them, the newest first.
    differenced: Vec<f64>,
    /// What the noise of each row is taken for, by how far off the row was; the newest first.
    surprises: Vec<f64>,
}

impl Running {
    pub fn new(fitted: Fitted) -> Self {
        let differencing = fitted.orders.differencing();
        let (mean, differenced) = (vec![0.0; differencing.len()], vec![0.0; fitted.arma.ar.len()]);
        let surprises = vec![0.0; fitted.arma.ma.len()];
        let mut running = Self { fitted, differencing, filter: None, first: Vec::new(), mean, differenced, surprises };
        running.begin();
        running
    }

    pub fn fitted(&self) -> &Fitted {
        &self.fitted
    }

    /// `None` while there is nothing to take differences from.
    pub fn expected(&mut self) -> Option<Expected> {
        let (mean, differenced) = (self.next_mean(), self.difference());
        let filter = self.filter.as_mut()?;
        let deviation = (filter.variance() * self.fitted.variance).sqrt();
        let ar = self.fitted.arma.ar.iter().zip(&self.differenced);
        let memory: f64 = ar.map(|(ar, before)| ar * before).sum();
        let [near, far] = differenced?;
        let shocks = filter.expected(0) - near - far - memory;
        let parts = Parts { level: self.fitted.mean * mean + near, season: far, memory, shocks };
        Some(Expected { parts, deviation })
    }

    /// What is expected, term by term: the level first, which the others move.
    pub(crate) fn terms(&self) -> Option<Vec<Term>> {
        let filter = self.filter.as_ref()?;
        let mean = self.fitted.mean;
        let mut terms = Vec::new();
        let lags = || self.differencing.iter().enumerate().filter(|(_, one)| **one != 0.0);
        let value = |at: usize| filter.last()[at] + mean * self.mean[at];
        match lags().next() {
            None => terms.push(Term::new("mean", mean)),
            Some((first, _)) => {
                // The coefficients of differencing add up to one: the first lag is the level, the others lie off it.
                terms.push(Term::new(format!("value {}", before(first)), value(first)));
                let others = lags().filter(|(at, _)| *at != first);
                terms.extend(others.map(|(at, coefficient)| {
                    let name = format!("value {} from that {}", before(at), before(first));
                    Term::product(name, *coefficient, value(at) - value(first))
                }));
                if self.fitted.orders.has_mean {
                    terms.push(Term::new("drift", mean));
                }
            }
        }
        let (ar, ma) = self.fitted.coefficients();
        let lagged = |name: &'static str, coefficients: &[f64], of: &[f64]| {
            let both = coefficients.iter().copied().zip(of.iter().copied()).enumerate();
            let used = both.filter(|(_, (coefficient, _))| *coefficient != 0.0);
            used.map(|(at, (coefficient, of))| Term::product(format!("{name} {}", before(at)), coefficient, of))
                .collect::<Vec<Term>>()
        };
        let is_plain = self.differencing.is_empty();
        terms.extend(lagged(if is_plain { "off the mean" } else { "moved" }, ar, &self.differenced));
        terms.extend(lagged("surprise", ma, &self.surprises));
        // Behind gaps, and while the filter is young, it knows surprises of long ago better by now than when they came.
        let expected = filter.expected(0) + mean * self.next_mean();
        let left = expected - terms.iter().map(|term| term.amount).sum::<f64>();
        if left.abs() > ROUNDING * terms.iter().map(|term| term.amount.abs()).sum::<f64>() {
            terms.push(Term::new("earlier surprises, seen again", left));
        }
        Some(terms)
    }

    /// Takes a value, or a gap.
    pub fn take(&mut self, value: Option<f64>) {
        let mean = self.next_mean();
        let beside = value.map(|value| value - self.fitted.mean * mean);
        push(&mut self.mean, mean);
        let lags = self.difference().map(|[near, far]| near + far);
        match &mut self.filter {
            Some(filter) => {
                let seen = beside.unwrap_or_else(|| filter.expected(0));
                push(&mut self.differenced, seen - lags.unwrap_or(0.0));
                let innovation = filter.take(beside.map(|value| [value, 0.0]));
                push(&mut self.surprises, innovation.map_or(0.0, |one| one.by[0] / one.variance));
            }
            None => {
                match beside {
                    Some(value) => self.first.insert(0, value),
                    None => self.first.clear(),
                }
                self.begin();
            }
        }
    }

    /// So many rows ahead, each with an interval that holds with this probability.
    pub fn ahead(&self, rows: usize, probability: f64) -> Vec<Ahead> {
        let mut future = self.clone();
        let wide = normal_quantile(0.5 + probability / 2.0);
        let mut ahead = Vec::with_capacity(rows);
        for _ in 0..rows {
            let Some(next) = future.expected() else { break };
            let (expected, wide) = (next.parts.sum(), wide * next.deviation);
            ahead.push(Ahead { expected, low: expected - wide, high: expected + wide });
            future.take(None);
        }
        ahead
    }

    fn begin(&mut self) {
        if self.first.len() == self.differencing.len() {
            let nothing = vec![0.0; self.differencing.len()];
            self.filter = Some(Filter::new(&self.fitted.arma, self.differencing.clone(), [&self.first, &nothing]));
        }
    }

    fn next_mean(&self) -> f64 {
        1.0 + self.differencing.iter().zip(&self.mean).map(|(a, b)| a * b).sum::<f64>()
    }

    /// What values before say by differencing alone: those of less than a season before, and the others.
    fn difference(&self) -> Option<[f64; 2]> {
        let filter = self.filter.as_ref()?;
        let season =
            if self.fitted.orders.seasonal_differences > 0 { self.fitted.orders.period_rows } else { usize::MAX };
        let mut parts = [0.0; 2];
        for (at, (coefficient, before)) in self.differencing.iter().zip(filter.last()).enumerate() {
            parts[usize::from(at + 1 >= season)] += coefficient * before;
        }
        Some(parts)
    }
}

impl Parts {
    /// What is expected.
    pub fn sum(&self) -> f64 {
        self.level + self.season + self.memory + self.shocks
    }
}

fn before(at: usize) -> String {
    let rows = at + 1;
    if rows == 1 { "one row before".to_owned() } else { format!("{rows} rows before") }
}

fn push(lags: &mut [f64], value: f64) {
    if !lags.is_empty() {
        lags.rotate_right(1);
        lags[0] = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arima::{Orders, fit};

    fn noise(at: usize) -> f64 {
        (at as f64 * 0.618_033_988_749_895 + (at * at) as f64 * 0.414_213_562_373_095).fract() - 0.5
    }

    fn seasonal(at: usize) -> f64 {
        40.0 + 0.2 * at as f64 + [5.0, -1.0, 0.0, -4.0][at % 4] + noise(at)
    }

    fn running(rows: usize) -> Running {
        let orders = Orders {
            ma: 1,
            seasonal_differences: 1,
            seasonal_ma: 1,
            ar: 1,
            period_rows: 4,
            has_mean: true,
            ..Orders::default()
        };
        let values: Vec<Option<f64>> = (0..rows).map(|at| Some(seasonal(at))).collect();
        let mut running = Running::new(fit(&values, orders).unwrap());
        values.iter().for_each(|value| running.take(*value));
        running
    }

    #[test]
    fn a_season_and_a_drift_go_on() {
        let ahead = running(120).ahead(12, 0.95);
        for (at, ahead) in (120..132).zip(&ahead) {
            let value = seasonal(at);
            assert!((ahead.expected - value).abs() < 1.0, "{at}: {ahead:?} {value}");
            assert!(ahead.low < ahead.expected && ahead.expected < ahead.high);
        }
        let width = |ahead: &Ahead| ahead.high - ahead.low;
        assert!(width(&ahead[11]) >= width(&ahead[0]), "{ahead:?}");
    }

    #[test]
    fn parts_add_up_to_what_is_expected_even_beside_gaps() {
        let mut running = running(80);
        for at in 80..110 {
            let expected = running.expected().unwrap();
            let Parts { level, season, memory, shocks } = expected.parts;
            assert!((level + season + memory + shocks - expected.parts.sum()).abs() < 1e-9);
            assert!((expected.parts.sum() - seasonal(at)).abs() < 1.5, "{at}: {expected:?}");
            running.take(Some(seasonal(at)).filter(|_| !(90..95).contains(&at)));
        }
    }

    /// By the equation of the model, with surprises as it makes them: they settle within a few rows.
    #[test]
    fn terms_are_those_of_the_equation() {
        let orders = Orders { ar: 1, differences: 1, ma: 1, has_mean: true, ..Orders::default() };
        let values: Vec<f64> = (0..200)
            .scan(0.0, |sum, at| {
                *sum += noise(at) + 0.1;
                Some(*sum)
            })
            .collect();
        let learned: Vec<Option<f64>> = values.iter().map(|value| Some(*value)).collect();
        let fitted = fit(&learned, orders).unwrap();
        let (drift, ar, ma) = (fitted.mean, fitted.coefficients().0[0], fitted.coefficients().1[0]);
        let mut running = Running::new(fitted);
        let mut surprise = 0.0;
        for (at, value) in values.iter().enumerate() {
            let terms = running.terms();
            let (Some(terms), 2..) = (terms, at) else {
                running.take(Some(*value));
                continue;
            };
            let off = values[at - 1] - values[at - 2] - drift;
            let equation = [values[at - 1], drift, ar * off, ma * surprise];
            surprise = value - equation.iter().sum::<f64>();
            if at >= 100 {
                let names: Vec<&str> = terms.iter().map(|term| term.name.as_str()).collect();
                assert_eq!(names, ["value one row before", "drift", "moved one row before", "surprise one row before"]);
                let is_it = |(term, own): (&Term, &f64)| (term.amount - own).abs() < 1e-9;
                assert!(terms.iter().zip(&equation).all(is_it), "{at}: {terms:?} {equation:?}");
            }
            running.take(Some(*value));
        }
    }

    #[test]
    fn intervals_hold_as_often_as_they_say() {
        let mut draws = crate::draws::Draws::of(&[3]);
        let mut value = 0.0;
        let values: Vec<f64> = (0..3_000)
            .map(|_| {
                value = 0.8 * value + normal_quantile(draws.unit().max(1e-12));
                value
            })
            .collect();
        let learned: Vec<Option<f64>> = values[..1_000].iter().map(|value| Some(*value)).collect();
        let mut running = Running::new(fit(&learned, Orders { ar: 1, has_mean: true, ..Orders::default() }).unwrap());
        learned.iter().for_each(|value| running.take(*value));
        let mut inside = 0;
        for at in 1_000..2_990 {
            // Three rows ahead.
            let third = running.ahead(3, 0.9)[2];
            inside += usize::from((third.low..third.high).contains(&values[at + 2]));
            running.take(Some(values[at]));
        }
        // Neighbouring intervals hold or miss together, so the standard error is about twice that of 1,990 coins.
        let share = f64::from(u32::try_from(inside).unwrap()) / 1_990.0;
        assert!((share - 0.9).abs() < 4.0 * 2.0 * (0.09_f64 / 1_990.0).sqrt(), "{share}");
    }
}
