//! Discords: how unlike in shape the newest window is to the most alike window before it (a left matrix profile, kept up row
//! by row as in Yeh and others, "Matrix profile I", 2016, and Zhu and others, "Matrix profile II", 2016).

use crate::breakdown::{Breakdown, MadeOf, Sum, Term};
use crate::calibrated::{Calibrated, Scorer};
use crate::detector::Row;
use crate::list::{Entry, Family, Judges, Unmoved};

pub(crate) const DISCORD: Entry = Entry {
    name: "discord",
    looks_for: "a window of 32 rows whose shape is unlike that of every window before it",
    family: Family::Neighbours,
    unmoved_by: Unmoved { shift: true, scale: true },
    judges: Judges::Series(|settings| Box::new(Calibrated::new(Discord::new(), settings))),
};

#[cfg(test)]
pub(crate) fn scorer() -> impl Scorer {
    Discord::new()
}

/// Rows of a window.
pub(crate) const WINDOW: usize = 32;
/// A window is compared with those that end so many rows before it, and no further back. Some 130 kB.
const KEPT: usize = 4_096;
/// Windows flatter than this share of the usual deviation are compared as if they had that much: noise in them is no shape.
const FLAT: f64 = 0.1;
/// Values further off than so many usual deviations count as if they were there: products stay exact.
const UNITS_MAX: f64 = 1e4;
/// Windows that are known before anything is said.
const WINDOWS_MIN: usize = 3 * WINDOW;

#[derive(Debug, Clone, Default)]
struct Discord {
    /// From the first value on, the newest last.
    values: Vec<f64>,
    /// Of the window that ends with each value: its mean, and one over its deviation.
    means: Vec<f64>,
    inverse: Vec<f64>,
    /// By how many rows two windows lie apart: the sum of products of their values.
    products: Vec<f64>,
    first: Option<f64>,
    sum: f64,
    squares: f64,
    rows: f64,
    since_exact: usize,
}

impl Discord {
    fn new() -> Self {
        Self::default()
    }

    /// From the first value on, within bounds that follow the usual deviation.
    fn centered(&mut self, value: f64) -> f64 {
        let off = value - *self.first.get_or_insert(value);
        let off = off.clamp(-f64::MAX.sqrt(), f64::MAX.sqrt());
        let usual = self.usual();
        let most = if usual > 0.0 { UNITS_MAX * usual } else { f64::MAX.sqrt() };
        let off = off.clamp(-most, most);
        self.rows = (self.rows + 1.0).min(KEPT as f64);
        self.sum += (off - self.sum) / self.rows;
        // Nothing of the difference overflows when it is squared.
        let square = (off - self.sum).powi(2).min(f64::MAX.sqrt());
        self.squares += (square - self.squares) / self.rows;
        off
    }

    fn usual(&self) -> f64 {
        self.squares.sqrt()
    }

    fn add(&mut self, value: f64) -> Option<f64> {
        self.values.push(value);
        if self.values.len() > 2 * KEPT + WINDOW {
            let gone = self.values.len() - KEPT - WINDOW;
            [&mut self.values, &mut self.means, &mut self.inverse]
                .into_iter()
                .for_each(|all| drop(all.drain(..gone.min(all.len()))));
        }
        let newest = self.values.len() - 1;
        let (mean, inverse) = self.window_ending(newest);
        self.means.push(mean);
        self.inverse.push(inverse);
        self.follow(newest);
        self.nearest(newest, mean, inverse).map(|(distance, _)| distance)
    }

    fn window_ending(&self, at: usize) -> (f64, f64) {
        let window = &self.values[(at + 1).saturating_sub(WINDOW)..=at];
        let n = window.len() as f64;
        let mean = window.iter().sum::<f64>() / n;
        let variance = window.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n;
        let deviation = (variance + (FLAT * self.usual()).powi(2)).sqrt();
        (mean, if deviation > 0.0 { 1.0 / deviation } else { 0.0 })
    }

    /// Sums of products move on by one row; now and then they are built anew, so that rounding can't add up.
    fn follow(&mut self, newest: usize) {
        let lags = newest.min(KEPT);
        self.products.resize(lags + 1, 0.0);
        self.since_exact += 1;
        if self.since_exact >= KEPT {
            self.since_exact = 0;
            for lag in WINDOW..=lags {
                let length = WINDOW.min(newest + 1 - lag);
                let own = &self.values[newest + 1 - length..=newest];
                let other = &self.values[newest + 1 - lag - length..=newest - lag];
                self.products[lag] = own.iter().zip(other).map(|(a, b)| a * b).sum();
            }
            return;
        }
        let value = self.values[newest];
        let known = self.values[newest - lags..newest].iter().rev();
        self.products[1..].iter_mut().zip(known).for_each(|(product, other)| *product += value * other);
        if newest >= WINDOW {
            let left = self.values[newest - WINDOW];
            let gone = self.values[..newest - WINDOW].iter().rev();
            self.products[1..].iter_mut().zip(gone).for_each(|(product, other)| *product -= left * other);
        }
    }

    /// The distance of the shapes of windows, each less its mean and by its deviation; and with which value the other ends.
    fn nearest(&self, newest: usize, mean: f64, inverse: f64) -> Option<(f64, usize)> {
        if newest < WINDOWS_MIN + WINDOW {
            return None;
        }
        let lags = self.products.len() - 1;
        let n = WINDOW as f64;
        let from = newest.saturating_sub(lags).max(WINDOW - 1);
        // Windows that overlap are alike because they share values.
        let ends = from..=newest - WINDOW;
        let products = self.products[WINDOW..=newest - from].iter();
        let others = self.means[ends.clone()].iter().zip(&self.inverse[ends]).rev();
        let alike = products.zip(others).map(|(product, (other, by))| (product / n - mean * other) * by);
        let best = (f64::NEG_INFINITY, 0);
        let (most, lag) =
            alike.enumerate().fold(best, |best, (at, alike)| if alike > best.0 { (alike, at) } else { best });
        let most = most * inverse;
        if !most.is_finite() {
            return None;
        }
        Some(((2.0 * n * (1.0 - most)).max(0.0).sqrt(), newest - WINDOW - lag))
    }

    /// The shape of the window that ends there: each value less the mean, by the deviation.
    fn shape(&self, at: usize) -> impl Iterator<Item = f64> {
        let (mean, inverse) = (self.means[at], self.inverse[at]);
        self.values[at + 1 - WINDOW..=at].iter().map(move |value| (value - mean) * inverse)
    }
}

impl Scorer for Discord {
    fn strangeness(&mut self, row: Row) -> Option<f64> {
        // A gap is passed over: the window goes on behind it.
        let value = self.centered(row.value()?);
        self.add(value)
    }

    /// Squares of what is between the values of both shapes. A window that is nearly flat has little shape: what it lacks of
    /// that counts as unlike, too.
    fn breakdown(&self, row: Row) -> Option<Breakdown> {
        let mut with_it = self.clone();
        let value = with_it.centered(row.value()?);
        with_it.add(value)?;
        let newest = with_it.values.len() - 1;
        let (_, other) = with_it.nearest(newest, with_it.means[newest], with_it.inverse[newest])?;
        let shapes = || with_it.shape(newest).zip(with_it.shape(other));
        let error = |(at, (seen, made_up)): (usize, (f64, f64))| Term {
            values_back: Some(WINDOW - 1 - at),
            made_of: Some(MadeOf::Error { seen, made_up }),
            ..Term::new("value", (seen - made_up).powi(2))
        };
        let mut terms: Vec<Term> = shapes().enumerate().map(error).collect();
        terms.sort_by(|a, b| b.amount.total_cmp(&a.amount));
        let size: f64 = shapes().map(|(own, other)| own * own + other * other).sum();
        terms.push(Term::new("flat windows have less shape", 2.0 * WINDOW as f64 - size));
        Some(Breakdown {
            forecast: None,
            sums: vec![Sum::of_terms("squared distance to the most alike window", terms)],
        })
    }

    fn rewind(&mut self) {
        // The same rows are no copies of themselves.
        let (first, sum, squares, rows) = (self.first, self.sum, self.squares, self.rows);
        *self = Self { first, sum, squares, rows, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(at: usize) -> f64 {
        (at as f64 * 0.618_033_988_749_895 + (at * at) as f64 * 0.414_213_562_373_095).fract() - 0.5
    }

    /// Window against window, without any sums carried along.
    fn plainly(discord: &Discord, newest: usize) -> f64 {
        let n = WINDOW as f64;
        let normed = |at: usize| {
            let window = &discord.values[at + 1 - WINDOW..=at];
            let (mean, inverse) = (discord.means[at], discord.inverse[at]);
            window.iter().map(|value| (value - mean) * inverse).collect::<Vec<f64>>()
        };
        let own = normed(newest);
        let alike = |at: usize| own.iter().zip(normed(at)).map(|(a, b)| a * b).sum::<f64>() / n;
        let most = (WINDOW - 1..=newest - WINDOW).map(alike).fold(f64::NEG_INFINITY, f64::max);
        (2.0 * n * (1.0 - most)).max(0.0).sqrt()
    }

    #[test]
    fn carried_sums_find_what_comparing_all_windows_finds() {
        let mut discord = Discord::new();
        for at in 0..700 {
            let value = (at as f64 / 7.0).sin() + noise(at);
            let found = discord.strangeness(Row::new(at as i64, 100.0 + value));
            if at % 90 == 50 && at > 300 {
                let expected = plainly(&discord, at);
                assert!((found.unwrap() - expected).abs() < 1e-6, "{at}: {found:?} {expected}");
            }
        }
    }

    #[test]
    fn a_shape_that_never_came_is_strange() {
        let mut discord = Discord::new();
        let wave = |at: usize| (at as f64 / 5.0).sin() + 0.1 * noise(at);
        let found: Vec<Option<f64>> = (0..3 * KEPT)
            .map(|at| {
                discord.strangeness(Row::new(at as i64, if (9_000..9_020).contains(&at) { 0.3 } else { wave(at) }))
            })
            .collect();
        let usual = found[8_000..9_000].iter().flatten().fold(0.0_f64, |most, one| most.max(*one));
        let strange = found[9_000..9_040].iter().flatten().fold(0.0_f64, |most, one| most.max(*one));
        assert!(strange > 2.0 * usual, "{strange} {usual}");
        assert!(discord.values.len() <= 2 * KEPT + WINDOW && discord.products.len() <= KEPT + 1);
    }
}
