//! Windows of rows as points: how much of the newest window the usual ways in which windows differ can't make up
//! (principal components of sub-sequences).

use std::collections::VecDeque;

use crate::breakdown::{Breakdown, MadeOf, Term};
use crate::calibrated::{Calibrated, Scorer};
use crate::detector::Row;
use crate::list::{Entry, Family, Judges, Unmoved};
use crate::units::Units;

pub(crate) const SUBSEQUENCE_PCA: Entry = Entry {
    name: "subsequence_pca",
    looks_for: "a window of 24 rows that the usual components of windows do not make up",
    family: Family::Projection,
    unmoved_by: Unmoved { shift: true, scale: true },
    judges: Judges::Series(|settings| Box::new(Calibrated::new(scorer(), settings))),
};

const WINDOW: usize = 24;
const SQUARE: usize = WINDOW * WINDOW;
/// Windows are forgotten by and by: so many count.
const WINDOWS_MAX: f64 = 4_000.0;
/// Components are found anew after twice as many windows, and at the latest after so many more.
const FIRST_FIT: usize = 4 * WINDOW;
const FIT_ROWS: usize = 1_000;
/// As many components as make up so much of what windows differ by.
const MADE_UP: f64 = 0.9;
/// A window so many times the usual distance off counts by less: it is no usual one.
const USUAL_TIMES: f64 = 4.0;
/// What is left over is never less than this share of all: behind a series without noise there is rounding.
const LEFT_MIN: f64 = 1e-12;
/// Further off than so many of its first moves a value is not.
const UNITS_MAX: f64 = 1e60;
const SWEEPS_MAX: usize = 12;

type Matrix = Box<[f64; SQUARE]>;

#[derive(Debug, Clone)]
struct SubsequencePca {
    window: VecDeque<f64>,
    units: Units,
    mean: [f64; WINDOW],
    covariance: Matrix,
    windows: f64,
    rows: usize,
    next_fit: usize,
    fitted: Option<Fitted>,
    /// Of what is left over of a window, usually.
    usual: f64,
    is_trained: bool,
}

#[derive(Debug, Clone)]
struct Fitted {
    mean: [f64; WINDOW],
    /// One a row, the strongest first.
    components: Vec<[f64; WINDOW]>,
    floor: f64,
}

pub(crate) fn scorer() -> impl Scorer {
    SubsequencePca::new()
}

impl SubsequencePca {
    fn new() -> Self {
        Self {
            window: VecDeque::new(),
            units: Units::default(),
            mean: [0.0; WINDOW],
            covariance: Box::new([0.0; SQUARE]),
            windows: 0.0,
            rows: 0,
            next_fit: FIRST_FIT,
            fitted: None,
            usual: 0.0,
            is_trained: false,
        }
    }

    fn learn(&mut self, window: &[f64; WINDOW], weight: f64) {
        self.windows = (self.windows + weight).min(WINDOWS_MAX);
        let share = weight / self.windows;
        let mut off = [0.0; WINDOW];
        for at in 0..WINDOW {
            off[at] = window[at] - self.mean[at];
            self.mean[at] += share * off[at];
        }
        // Welford's way: by how far off it was before and is after.
        for (at, row) in self.covariance.chunks_mut(WINDOW).enumerate() {
            let own = (1.0 - share) * off[at];
            row.iter_mut().zip(&off).for_each(|(one, off)| *one += share * (own * off - *one));
        }
    }

    fn fit_components(&mut self) {
        let (values, vectors) = eigen(self.covariance.clone());
        let mut order: Vec<usize> = (0..WINDOW).collect();
        order.sort_by(|a, b| values[*b].total_cmp(&values[*a]));
        let total: f64 = values.iter().sum();
        if total.is_nan() || total <= 0.0 || total.is_infinite() {
            return;
        }
        let mut made_up = 0.0;
        let mut components = Vec::new();
        for at in order {
            if made_up >= MADE_UP * total || components.len() + 1 == WINDOW {
                break;
            }
            made_up += values[at];
            components.push(std::array::from_fn(|row| vectors[row * WINDOW + at]));
        }
        self.fitted = Some(Fitted { mean: self.mean, components, floor: (LEFT_MIN * total).sqrt() });
    }
}

impl Fitted {
    /// What is left of a window when all components have made up what they can.
    fn left(&self, window: &[f64; WINDOW]) -> f64 {
        let left = self.errors(window).iter().map(|one| one * one).sum::<f64>().sqrt();
        if left > self.floor { left } else { 0.0 }
    }

    /// Value by value.
    fn errors(&self, window: &[f64; WINDOW]) -> [f64; WINDOW] {
        let mut off: [f64; WINDOW] = std::array::from_fn(|at| window[at] - self.mean[at]);
        for component in &self.components {
            let along: f64 = component.iter().zip(&off).map(|(a, b)| a * b).sum();
            off.iter_mut().zip(component).for_each(|(off, component)| *off -= along * component);
        }
        off
    }
}

impl Scorer for SubsequencePca {
    fn strangeness(&mut self, row: Row) -> Option<f64> {
        // A gap is passed over: the window goes on behind it.
        let value = self.units.of(row.value()?, UNITS_MAX);
        self.window.push_back(value);
        if self.window.len() > WINDOW {
            self.window.pop_front();
        }
        if self.window.len() < WINDOW {
            return None;
        }
        let mut window = [0.0; WINDOW];
        window.iter_mut().zip(&self.window).for_each(|(to, from)| *to = *from);
        let left = self.fitted.as_ref().map(|fitted| fitted.left(&window));
        let mut weight = 1.0;
        if let Some(left) = left {
            if left > USUAL_TIMES * self.usual && self.usual > 0.0 {
                weight = USUAL_TIMES * self.usual / left;
            }
            self.usual += (left.min(USUAL_TIMES * self.usual.max(left / USUAL_TIMES)) - self.usual) * 0.01;
        }
        if !self.is_trained {
            self.learn(&window, weight);
            self.rows += 1;
            if self.rows >= self.next_fit {
                self.next_fit = (2 * self.rows).min(self.rows + FIT_ROWS);
                self.fit_components();
            }
        }
        left.filter(|left| left.is_finite())
    }

    fn breakdown(&self, row: Row) -> Option<Breakdown> {
        let fitted = self.fitted.as_ref()?;
        let newest = self.units.clone().of(row.value()?, UNITS_MAX);
        let before = self.window.len().checked_sub(WINDOW - 1)?;
        let mut window = [newest; WINDOW];
        window.iter_mut().zip(self.window.range(before..)).for_each(|(to, from)| *to = *from);
        let errors = window.iter().zip(fitted.errors(&window)).enumerate().map(|(at, (seen, error))| Term {
            values_back: Some(WINDOW - 1 - at),
            made_of: Some(MadeOf::Error { seen: *seen, made_up: seen - error }),
            ..Term::new("value", error * error)
        });
        Some(Breakdown::of_errors(errors.collect()))
    }

    fn rewind(&mut self) {
        if self.rows >= WINDOW {
            self.fit_components();
        }
        self.is_trained = self.fitted.is_some();
        self.window.clear();
    }
}

/// Eigenvalues and, in columns, eigenvectors of a symmetric matrix, by Jacobi's rotations (Golub and Van Loan, "Matrix
/// computations", 2013, section 8.5).
fn eigen(mut matrix: Matrix) -> ([f64; WINDOW], Matrix) {
    let mut vectors: Matrix = Box::new([0.0; SQUARE]);
    (0..WINDOW).for_each(|at| vectors[at * WINDOW + at] = 1.0);
    let size = |matrix: &Matrix| (0..WINDOW).map(|at| matrix[at * WINDOW + at].abs()).sum::<f64>();
    for _ in 0..SWEEPS_MAX {
        let mut off = 0.0;
        for p in 0..WINDOW {
            for q in p + 1..WINDOW {
                let apq = matrix[p * WINDOW + q];
                off += apq.abs();
                if apq == 0.0 {
                    continue;
                }
                let turn = (matrix[q * WINDOW + q] - matrix[p * WINDOW + p]) / (2.0 * apq);
                let tangent = turn.signum() / (turn.abs() + (turn * turn + 1.0).sqrt());
                let cos = 1.0 / (tangent * tangent + 1.0).sqrt();
                let sin = tangent * cos;
                if !sin.is_finite() || sin == 0.0 {
                    continue;
                }
                for k in 0..WINDOW {
                    let (a, b) = (matrix[k * WINDOW + p], matrix[k * WINDOW + q]);
                    matrix[k * WINDOW + p] = cos * a - sin * b;
                    matrix[k * WINDOW + q] = sin * a + cos * b;
                }
                for k in 0..WINDOW {
                    let (a, b) = (matrix[p * WINDOW + k], matrix[q * WINDOW + k]);
                    matrix[p * WINDOW + k] = cos * a - sin * b;
                    matrix[q * WINDOW + k] = sin * a + cos * b;
                    let (a, b) = (vectors[k * WINDOW + p], vectors[k * WINDOW + q]);
                    vectors[k * WINDOW + p] = cos * a - sin * b;
                    vectors[k * WINDOW + q] = sin * a + cos * b;
                }
            }
        }
        if off <= 1e-13 * size(&matrix) {
            break;
        }
    }
    (std::array::from_fn(|at| matrix[at * WINDOW + at].max(0.0)), vectors)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(at: usize) -> f64 {
        (at as f64 * 0.618_033_988_749_895 + (at * at) as f64 * 0.414_213_562_373_095).fract() - 0.5
    }

    #[test]
    fn eigenvectors_make_the_matrix_up_again() {
        let matrix: Matrix = {
            let mut matrix = Box::new([0.0; SQUARE]);
            for window in 0..60 {
                for i in 0..WINDOW {
                    for j in 0..WINDOW {
                        matrix[i * WINDOW + j] += noise(window * 31 + i) * noise(window * 31 + j);
                    }
                }
            }
            matrix
        };
        let (values, vectors) = eigen(matrix.clone());
        for i in 0..WINDOW {
            for j in 0..WINDOW {
                let made: f64 =
                    (0..WINDOW).map(|k| values[k] * vectors[i * WINDOW + k] * vectors[j * WINDOW + k]).sum();
                assert!((made - matrix[i * WINDOW + j]).abs() < 1e-9, "{i} {j}");
            }
        }
    }

    #[test]
    fn a_window_that_no_component_makes_up_is_strange() {
        let mut pca = SubsequencePca::new();
        let value = |at: usize| (at as f64 / 6.0).sin() + 0.1 * noise(at) + if at == 2_000 { 1.2 } else { 0.0 };
        let found: Vec<Option<f64>> = (0..2_100).map(|at| pca.strangeness(Row::new(at as i64, value(at)))).collect();
        let usual = found[1_000..2_000].iter().flatten().fold(0.0_f64, |most, one| most.max(*one));
        assert!(found[2_000].unwrap() > 2.0 * usual, "{:?} {usual}", found[2_000]);
    }
}
