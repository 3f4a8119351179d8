//! Sums that do not depend on the order of what is added.

/// A sum with the rounding error of each step kept beside it (Knuth's two-sum): 106 bits, so that what is rounded to 53 in
/// the end does not tell in which order it was added, unless the numbers lie more than fifteen digits apart.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct ExactSum {
    high: f64,
    low: f64,
}

impl ExactSum {
    pub(crate) fn add(&mut self, value: f64) {
        let (high, error) = two_sum(self.high, value);
        let (high, low) = two_sum(high, self.low + error);
        *self = Self { high, low };
    }

    pub(crate) fn value(self) -> f64 {
        self.high + self.low
    }
}

impl FromIterator<f64> for ExactSum {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut sum = Self::default();
        values.into_iter().for_each(|value| sum.add(value));
        sum
    }
}

fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let b_part = sum - a;
    (sum, (a - (sum - b_part)) + (b - b_part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_does_not_show() {
        let values: Vec<f64> = (1..2000).map(|i| f64::from(i * 7919 % 1009) / 10.0 - 40.03).collect();
        let forwards = values.iter().copied().collect::<ExactSum>().value();
        let backwards = values.iter().rev().copied().collect::<ExactSum>().value();
        assert_eq!(forwards.to_bits(), backwards.to_bits());
        assert_eq!([1.0, 1e16, 1.0, -1e16].into_iter().collect::<ExactSum>().value(), 2.0);
    }
}
