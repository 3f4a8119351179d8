//! Windows of a plain series as points in space, and the detector that a model of such points makes.

use std::collections::VecDeque;
use std::marker::PhantomData;

use ndarray::{Array2, ArrayView2};

use super::shares::shares;
use crate::breakdown::{Breakdown, Sum, Term};
use crate::calibrated::{Calibrated, Scorer};
use crate::detector::{Detector, Row, Settings};
use crate::middle::{deviations, middle_and_deviation};

/// Rows of a window.
pub(super) const WIDTH: usize = 8;
/// Values that are kept, the newest: 16 kB.
const VALUES_KEPT: usize = 2_048;
/// A model is fitted to at most so many windows, evenly over the values that are kept.
const WINDOWS_MAX: usize = 384;
/// There is no model before so many rows.
const ROWS_MIN: usize = 8 * WIDTH;
/// It is fitted anew when there are half as many rows more, later after so many.
const REFIT_ROWS: usize = 1_024;
/// Windows that one is compared with to tell its parts, evenly over the values that are kept.
const USUAL_WINDOWS: usize = 16;

/// What is usual among windows. Their values are in deviations from the series' median.
pub(crate) trait WindowModel: Sized + Send {
    /// `None` where the windows say nothing, such as those of a constant series.
    fn fit(windows: ArrayView2<'_, f64>, seed: u64) -> Option<Self>;

    /// Not negative; greater is stranger.
    fn strangeness(&self, window: &[f64; WIDTH]) -> f64;
}

#[derive(Clone)]
struct Fitted<M> {
    middle: (f64, f64),
    model: M,
}

#[derive(Clone)]
pub(crate) struct Windows<M> {
    seed: u64,
    values: VecDeque<f64>,
    /// The newest values since the series began, at most a window.
    window: VecDeque<f64>,
    fitted: Option<Fitted<M>>,
    rows: usize,
    next_fit: usize,
    model: PhantomData<M>,
}

/// The detector of a model.
pub(super) fn detector<M: WindowModel + 'static>(settings: Settings) -> Box<dyn Detector> {
    Box::new(calibrated::<M>(settings))
}

pub(super) fn calibrated<M: WindowModel>(settings: Settings) -> Calibrated<Windows<M>> {
    Calibrated::new(Windows::new(settings.seed), settings)
}

impl<M: WindowModel> Windows<M> {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            values: VecDeque::new(),
            window: VecDeque::new(),
            fitted: None,
            rows: 0,
            next_fit: ROWS_MIN,
            model: PhantomData,
        }
    }

    fn refit(&mut self) {
        self.next_fit = self.rows + (self.rows / 2).min(REFIT_ROWS);
        let values = self.values.make_contiguous();
        let Some(middle) = middle_and_deviation(values) else { return };
        let count = values.len() + 1 - WIDTH;
        let taken = count.min(WINDOWS_MAX);
        // The newest window is always among them.
        let start = |at: usize| (at + 1) * count / taken - 1;
        let windows = Array2::from_shape_fn((taken, WIDTH), |(at, row)| deviations(values[start(at) + row], middle));
        if let Some(model) = M::fit(windows.view(), self.seed) {
            self.fitted = Some(Fitted { middle, model });
        }
    }
}

impl<M: WindowModel> Scorer for Windows<M> {
    fn strangeness(&mut self, row: Row) -> Option<f64> {
        let value = row.value()?;
        push(&mut self.window, value, WIDTH);
        let judged = self.fitted.as_ref().filter(|_| self.window.len() == WIDTH).map(|fitted| {
            let mut window = [0.0; WIDTH];
            for (into, value) in window.iter_mut().zip(&self.window) {
                *into = deviations(*value, fitted.middle);
            }
            fitted.model.strangeness(&window)
        });
        push(&mut self.values, value, VALUES_KEPT);
        self.rows += 1;
        if self.rows >= self.next_fit {
            self.refit();
        }
        judged
    }

    fn breakdown(&self, row: Row) -> Option<Breakdown> {
        let Fitted { middle, model } = self.fitted.as_ref()?;
        let mut values = self.window.clone();
        push(&mut values, row.value()?, WIDTH);
        if values.len() < WIDTH {
            return None;
        }
        let window = std::array::from_fn(|at| deviations(values[at], *middle));
        let (usual, shares) = shares(&window, &self.usual(*middle), |window| model.strangeness(window));
        let value =
            |(at, amount): (usize, &f64)| Term { values_back: Some(WIDTH - 1 - at), ..Term::new("value", *amount) };
        let mut terms: Vec<Term> = shares.iter().enumerate().map(value).collect();
        terms.sort_by(|a, b| b.amount.total_cmp(&a.amount));
        terms.insert(0, Term::new("windows before, as they are", usual));
        Some(Breakdown { forecast: None, sums: vec![Sum::of_terms("strangeness", terms)] })
    }

    fn rewind(&mut self) {
        self.window.clear();
    }
}

impl<M> Windows<M> {
    fn usual(&self, middle: (f64, f64)) -> Vec<[f64; WIDTH]> {
        // Once something is fitted, there are more than these.
        let starts = self.values.len() + 1 - WIDTH;
        let window = |number: usize| {
            let start = number * starts / USUAL_WINDOWS;
            std::array::from_fn(|at| deviations(self.values[start + at], middle))
        };
        (0..USUAL_WINDOWS).map(window).collect()
    }
}

fn push(values: &mut VecDeque<f64>, value: f64, kept: usize) {
    if values.len() == kept {
        values.pop_front();
    }
    values.push_back(value);
}
