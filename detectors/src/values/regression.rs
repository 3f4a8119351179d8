//! Least squares with a little ridge, for a handful of features, from sums that rows are added to and taken off.

/// A feature each, and what they explain behind them.
pub(crate) const FEATURES: usize = 20;
const WIDTH: usize = FEATURES + 1;

/// Features of a row, and behind them what they should explain.
pub(crate) type Numbers = [f64; WIDTH];

/// Sums over rows of the products of all pairs, from which coefficients follow.
#[derive(Debug, Clone)]
pub(crate) struct Sums {
    /// The upper triangle counts.
    products: [[f64; WIDTH]; WIDTH],
}

impl Sums {
    pub(crate) const fn new() -> Self {
        Self { products: [[0.0; WIDTH]; WIDTH] }
    }

    /// Adds a row, or takes it off with a weight of minus one.
    pub(crate) fn add(&mut self, numbers: &Numbers, weight: f64) {
        for (at, &a) in numbers.iter().enumerate() {
            if a != 0.0 {
                let a = weight * a;
                self.products[at][at..].iter_mut().zip(&numbers[at..]).for_each(|(sum, b)| *sum += a * b);
            }
        }
    }

    pub(crate) fn add_all(&mut self, other: &Self) {
        let both = self.products.as_flattened_mut().iter_mut().zip(other.products.as_flattened());
        both.for_each(|(sum, more)| *sum += more);
    }

    /// How many rows there are: the first feature is always one.
    pub(crate) fn rows(&self) -> f64 {
        self.products[0][0]
    }

    /// The sum of what is explained.
    pub(crate) fn total(&self) -> f64 {
        self.products[0][FEATURES]
    }

    /// The sum of squares of what is explained.
    pub(crate) fn squares(&self) -> f64 {
        self.products[FEATURES][FEATURES]
    }

    /// Goes about the features named, in this order. It ends early before one that says nothing new.
    pub(crate) fn solve(&self, used: &[usize], ridge: f64) -> Solved {
        let mut lower = [[0.0; FEATURES]; FEATURES];
        let mut half = [0.0; FEATURES];
        let mut order = [0; FEATURES];
        let mut count = 0;
        // Cholesky: L L' = X'X + ridge, and L half = X'y.
        for (i, &feature) in used.iter().enumerate() {
            let mut own = [0.0; FEATURES];
            for j in 0..i {
                let known: f64 = own[..j].iter().zip(&lower[j][..j]).map(|(a, b)| a * b).sum();
                let other = used[j];
                own[j] = (self.products[feature.min(other)][feature.max(other)] - known) / lower[j][j];
            }
            let square = self.products[feature][feature];
            let left = square + ridge * (square + 1e-12) - own[..i].iter().map(|a| a * a).sum::<f64>();
            if left.is_nan() || left <= 0.0 {
                break;
            }
            own[i] = left.sqrt();
            let known: f64 = own[..i].iter().zip(&half[..i]).map(|(a, b)| a * b).sum();
            half[i] = (self.products[feature][FEATURES] - known) / own[i];
            lower[i] = own;
            order[i] = feature;
            count = i + 1;
        }
        Solved { order, count, lower, half, squares: self.squares() }
    }
}

/// What some features explain.
#[derive(Debug, Clone)]
pub(crate) struct Solved {
    order: [usize; FEATURES],
    count: usize,
    lower: [[f64; FEATURES]; FEATURES],
    half: [f64; FEATURES],
    squares: f64,
}

impl Solved {
    /// How many features were gone about.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The sum of squares that the first so many features leave unexplained.
    pub(crate) fn left(&self, count: usize) -> f64 {
        (self.squares - self.half[..count].iter().map(|part| part * part).sum::<f64>()).max(0.0)
    }

    /// The coefficients by feature, zero for those not used. The last ones may be moved by `correct` before the others
    /// are fitted beside them.
    pub(crate) fn coefficients(&self, last: usize, correct: impl Fn(&mut [f64])) -> [f64; FEATURES] {
        let mut solved = [0.0; FEATURES];
        for i in (0..self.count).rev() {
            let known: f64 = (i + 1..self.count).map(|k| self.lower[k][i] * solved[k]).sum();
            solved[i] = (self.half[i] - known) / self.lower[i][i];
            if last > 0 && i + last == self.count {
                correct(&mut solved[i..self.count]);
            }
        }
        let mut coefficients = [0.0; FEATURES];
        self.order[..self.count].iter().zip(solved).for_each(|(&feature, value)| coefficients[feature] = value);
        coefficients
    }

    /// The variance of what is expected of a row, in variances of what is left unexplained: how unlike it is the rows
    /// learned from, and how few those are.
    pub(crate) fn leverage(&self, numbers: &Numbers) -> f64 {
        let mut parts = [0.0; FEATURES];
        for i in 0..self.count {
            let known: f64 = self.lower[i][..i].iter().zip(&parts[..i]).map(|(a, b)| a * b).sum();
            parts[i] = (numbers[self.order[i]] - known) / self.lower[i][i];
        }
        parts[..self.count].iter().map(|part| part * part).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(features: &[f64], explained: f64) -> Numbers {
        let mut numbers = [0.0; WIDTH];
        numbers[..features.len()].copy_from_slice(features);
        numbers[FEATURES] = explained;
        numbers
    }

    fn plane() -> Sums {
        let mut sums = Sums::new();
        for row in 0..50 {
            let (a, b) = (f64::from(row % 7), f64::from(row % 5));
            sums.add(&numbers(&[1.0, a, b], 4.0 - 2.0 * a + 0.5 * b), 1.0);
        }
        sums
    }

    #[test]
    fn a_plane_is_found_and_a_feature_may_be_left_out() {
        let solved = plane().solve(&[0, 1, 2], 1e-12);
        let found = solved.coefficients(0, |_| ());
        for (found, expected) in found.iter().zip([4.0, -2.0, 0.5, 0.0]) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
        assert!(solved.left(3) < 1e-6 && (plane().rows() - 50.0).abs() < 1e-9);
        let without = plane().solve(&[0, 2], 1e-12);
        assert!(without.coefficients(0, |_| ())[1] == 0.0 && without.left(2) > 1.0);
        // What the first features leave is what they would leave alone.
        assert!((plane().solve(&[0, 2, 1], 1e-12).left(2) - without.left(2)).abs() < 1e-9);
    }

    #[test]
    fn a_coefficient_that_is_set_is_paid_for_by_the_others() {
        let found = plane().solve(&[0, 2, 1], 1e-12).coefficients(1, |last| last[0] = 0.0);
        let alone = plane().solve(&[0, 2], 1e-12).coefficients(0, |_| ());
        assert!((found[0] - alone[0]).abs() < 1e-9 && (found[2] - alone[2]).abs() < 1e-9, "{found:?} {alone:?}");
    }

    #[test]
    fn a_row_taken_off_leaves_no_trace() {
        let mut sums = plane();
        sums.add(&numbers(&[1.0, 30.0, -4.0], 99.0), 1.0);
        sums.add(&numbers(&[1.0, 30.0, -4.0], 99.0), -1.0);
        let found = sums.solve(&[0, 1, 2], 1e-12).coefficients(0, |_| ());
        assert!((found[1] + 2.0).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn leverage_is_that_of_a_mean_and_grows_with_distance() {
        let solved = plane().solve(&[0], 1e-12);
        assert!((solved.leverage(&numbers(&[1.0], 0.0)) - 1.0 / 50.0).abs() < 1e-9);
        let solved = plane().solve(&[0, 1], 1e-12);
        let at = |a: f64| solved.leverage(&numbers(&[1.0, a], 0.0));
        assert!(at(3.0) < 0.021 && at(30.0) > 1.0, "{} {}", at(3.0), at(30.0));
    }

    #[test]
    fn equal_columns_do_not_break_it() {
        let mut sums = Sums::new();
        (0..20).for_each(|row| sums.add(&numbers(&[1.0, 1.0], f64::from(row % 2)), 1.0));
        let found = sums.solve(&[0, 1], 1e-9).coefficients(0, |_| ());
        assert!((found.iter().sum::<f64>() - 0.5).abs() < 1e-3);
    }
}
