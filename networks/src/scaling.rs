//! Each column from its mean, in its standard deviations.

use serde::{Deserialize, Serialize};

use crate::windows::Windows;

/// A column that hardly moves is divided by this share of its size, so that the last digit of a float is no news.
const STILL: f64 = 1e-6;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    pub(crate) means: Vec<f32>,
    pub(crate) deviations: Vec<f32>,
}

impl Scaling {
    pub fn of(windows: &Windows) -> Self {
        let columns = windows.columns();
        let rows = (windows.values().len() / columns).max(1) as f64;
        let sum = |column: usize, of: &dyn Fn(f64) -> f64| {
            windows.values().iter().skip(column).step_by(columns).map(|value| of(f64::from(*value))).sum::<f64>() / rows
        };
        let (mut means, mut deviations) = (Vec::new(), Vec::new());
        for column in 0..columns {
            let mean = sum(column, &|value| value);
            let deviation = sum(column, &|value| (value - mean).powi(2)).sqrt();
            let least = STILL * mean.abs();
            means.push(mean as f32);
            deviations.push(if deviation > least { deviation as f32 } else { least.max(1.0) as f32 });
        }
        Self { means, deviations }
    }

    /// For values that are scaled already.
    pub fn none(columns: usize) -> Self {
        Self { means: vec![0.0; columns], deviations: vec![1.0; columns] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_scaled_each_by_itself_and_a_still_one_is_not_blown_up() {
        let windows = Windows::new(2, 2, vec![1.0, 5.0, 3.0, 5.0]).unwrap();
        let scaling = Scaling::of(&windows);
        assert_eq!(scaling.means, [2.0, 5.0]);
        assert_eq!(scaling.deviations, [1.0, 1.0]);
    }
}
