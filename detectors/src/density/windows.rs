//! Windows of a plain series as points in space, and the detector that a model of such points makes.

use std::collections::VecDeque;
use std::marker::PhantomData;

use ndarray::{Array2, ArrayView2};

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
    fn new(seed: u64) -> Self {
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

    fn rewind(&mut self) {
        self.window.clear();
    }
}

fn push(values: &mut VecDeque<f64>, value: f64, kept: usize) {
    if values.len() == kept {
        values.pop_front();
    }
    values.push_back(value);
}
