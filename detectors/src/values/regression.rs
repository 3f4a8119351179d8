//! Least squares with a little ridge, for a handful of features.

/// Sums over rows, from which coefficients follow.
#[derive(Debug, Clone)]
pub(super) struct Sums {
    features: usize,
    /// Upper triangle of X'X, row by row, and X'y behind each row.
    products: Vec<f64>,
    squares: f64,
    rows: f64,
}

impl Sums {
    pub(super) fn new(features: usize) -> Self {
        Self { features, products: vec![0.0; features * (features + 1)], squares: 0.0, rows: 0.0 }
    }

    pub(super) fn add(&mut self, x: &[f64], y: f64) {
        let width = self.features + 1;
        for (row, &a) in x.iter().enumerate().filter(|(_, a)| **a != 0.0) {
            let into = &mut self.products[row * width..(row + 1) * width];
            for (sum, b) in into[row..].iter_mut().zip(x[row..].iter().chain(std::iter::once(&y))) {
                *sum += a * b;
            }
        }
        self.squares += y * y;
        self.rows += 1.0;
    }

    /// The coefficients over the features that `is_used` names, zeros for the others, and what they leave unexplained
    /// (a sum of squares). `None` without rows.
    pub(super) fn solve(&self, is_used: &dyn Fn(usize) -> bool, ridge: f64) -> Option<(Vec<f64>, f64)> {
        let used: Vec<usize> = (0..self.features).filter(|&feature| is_used(feature)).collect();
        let (n, width) = (used.len(), self.features + 1);
        let product = |a: usize, b: usize| self.products[a.min(b) * width + a.max(b)];
        // Cholesky: L L' = X'X + ridge.
        let mut lower = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                let mut sum = product(used[i], used[j]);
                if i == j {
                    sum += ridge * (sum.abs() + 1e-12);
                }
                sum -= (0..j).map(|k| lower[i * n + k] * lower[j * n + k]).sum::<f64>();
                if i == j {
                    if sum <= 0.0 {
                        return None;
                    }
                    lower[i * n + i] = sum.sqrt();
                } else {
                    lower[i * n + j] = sum / lower[j * n + j];
                }
            }
        }
        let target = |feature: usize| self.products[feature * width + self.features];
        let mut half = vec![0.0; n];
        for i in 0..n {
            let known: f64 = (0..i).map(|k| lower[i * n + k] * half[k]).sum();
            half[i] = (target(used[i]) - known) / lower[i * n + i];
        }
        let mut solved = vec![0.0; n];
        for i in (0..n).rev() {
            let known: f64 = (i + 1..n).map(|k| lower[k * n + i] * solved[k]).sum();
            solved[i] = (half[i] - known) / lower[i * n + i];
        }
        let explained: f64 = half.iter().map(|part| part * part).sum();
        let mut coefficients = vec![0.0; self.features];
        used.iter().zip(&solved).for_each(|(&feature, &value)| coefficients[feature] = value);
        Some((coefficients, (self.squares - explained).max(0.0)))
    }

    pub(super) fn rows(&self) -> f64 {
        self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plane_is_found_and_a_feature_may_be_left_out() {
        let mut sums = Sums::new(3);
        for row in 0..50 {
            let (a, b) = (f64::from(row % 7), f64::from(row % 5));
            sums.add(&[1.0, a, b], 4.0 - 2.0 * a + 0.5 * b);
        }
        let (found, left) = sums.solve(&|_| true, 1e-12).unwrap();
        for (found, expected) in found.iter().zip([4.0, -2.0, 0.5]) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
        assert!(left < 1e-6 && (sums.rows() - 50.0).abs() < 1e-9);
        let (without, left) = sums.solve(&|feature| feature != 1, 1e-12).unwrap();
        assert!(without[1] == 0.0 && left > 1.0);
    }

    #[test]
    fn equal_columns_do_not_break_it() {
        let mut sums = Sums::new(2);
        (0..20).for_each(|row| sums.add(&[1.0, 1.0], f64::from(row % 2)));
        let (found, _) = sums.solve(&|_| true, 1e-9).unwrap();
        assert!((found.iter().sum::<f64>() - 0.5).abs() < 1e-3);
    }
}
