//! Windows of several metrics, and what a model says of them.

use candle_core::{Device, Tensor};

use crate::error::{Error, Result};

/// Values of a window, at most: a larger one is refused. At 16,384 the weights of one layer of 64 are 4 MB.
pub(crate) const VALUES_MAX: usize = 16_384;

/// Windows alike in size, one after the other; within one the columns (metrics) of a time stand together. All are finite.
#[derive(Debug, Clone, PartialEq)]
pub struct Windows {
    time: usize,
    columns: usize,
    values: Vec<f32>,
}

impl Windows {
    pub fn new(time: usize, columns: usize, values: Vec<f32>) -> Result<Self> {
        let size = sized(time, columns)?;
        if !values.len().is_multiple_of(size) {
            return Err(Error::Uneven { given: values.len(), time, columns });
        }
        match values.iter().position(|value| !value.is_finite()) {
            Some(at) => Err(Error::NotFinite { window: at / size }),
            None => Ok(Self { time, columns, values }),
        }
    }

    /// Every window of so many rows that a table of rows has, the first one first.
    pub fn sliding(rows: &[f32], columns: usize, time: usize) -> Result<Self> {
        let size = sized(time, columns)?;
        let values = rows.windows(size).step_by(columns).flatten().copied().collect();
        Self::new(time, columns, values)
    }

    pub fn time(&self) -> usize {
        self.time
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Values of one window.
    pub fn size(&self) -> usize {
        self.time * self.columns
    }

    pub fn count(&self) -> usize {
        self.values.len() / self.size()
    }

    pub fn values(&self) -> &[f32] {
        &self.values
    }

    pub fn window(&self, at: usize) -> &[f32] {
        &self.values[at * self.size()..(at + 1) * self.size()]
    }

    pub(crate) fn range(&self, from: usize, to: usize) -> Self {
        let values = self.values[from * self.size()..to * self.size()].to_vec();
        Self { values, ..*self }
    }

    pub(crate) fn tensor(&self) -> candle_core::Result<Tensor> {
        Tensor::from_slice(&self.values, (self.count(), self.time, self.columns), &Device::Cpu)
    }

    pub(crate) fn check_size(&self, time: usize, columns: usize) -> Result<()> {
        if (self.time, self.columns) == (time, columns) {
            return Ok(());
        }
        Err(Error::OtherWindows { time, columns, given_time: self.time, given_columns: self.columns })
    }
}

pub(crate) fn sized(time: usize, columns: usize) -> Result<usize> {
    let size = time.checked_mul(columns).filter(|size| (1..=VALUES_MAX).contains(size));
    size.ok_or(Error::Size { time, columns, max: VALUES_MAX })
}

/// What a model says of windows. Of one that gives nothing but a score, `errors` and `reconstruction` are empty.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scores {
    /// One a window: the mean of its errors. The greater the stranger.
    pub scores: Vec<f32>,
    /// One a window and column: the squared error, the mean over the window's time. What each metric adds to the score is
    /// its error divided by their number.
    pub errors: Vec<f32>,
    /// As large as the windows, and in their units.
    pub reconstruction: Vec<f32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_slide_over_the_rows_of_a_table() {
        let rows: Vec<f32> = (0..10).map(|at| at as f32).collect();
        let windows = Windows::sliding(&rows, 2, 3).unwrap();
        assert_eq!(windows.count(), 3);
        assert_eq!(windows.window(1), [2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        assert_eq!(Windows::sliding(&rows[..4], 2, 3).unwrap().count(), 0);
    }

    #[test]
    fn what_is_no_window_is_refused_in_a_sentence() {
        let said = |made: Result<Windows>| made.unwrap_err().to_string();
        assert!(said(Windows::new(2, 2, vec![0.0; 5])).starts_with("5 values are no whole number of windows of 2 x 2"));
        assert!(said(Windows::new(1, 2, vec![0.0, 1.0, f32::NAN, 1.0])).starts_with("window 1 holds a value"));
        assert!(said(Windows::new(0, 2, Vec::new())).contains("outside of 1 to 16384"));
        assert!(said(Windows::new(usize::MAX, 2, Vec::new())).contains("outside of 1 to 16384"));
    }
}
