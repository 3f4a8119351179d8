//! Values from the first one on, in units of the first move: then neither shift nor scale is seen.

#[derive(Debug, Clone, Default)]
pub(crate) struct Units {
    first: Option<f64>,
    /// Zero until something has moved.
    unit: f64,
}

impl Units {
    /// Values that are further off are `most` units off, so that squares and their sums stay finite.
    pub(crate) fn of(&mut self, value: f64, most: f64) -> f64 {
        let off = (value - *self.first.get_or_insert(value)).clamp(f64::MIN, f64::MAX);
        if self.unit == 0.0 {
            self.unit = off.abs();
        }
        if off == 0.0 { 0.0 } else { (off / self.unit).clamp(-most, most) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(values: &[f64]) -> Vec<f64> {
        let mut units = Units::default();
        values.iter().map(|value| units.of(*value, 1e6)).collect()
    }

    #[test]
    fn the_first_move_is_one() {
        assert_eq!(all(&[5.0, 5.0, 7.0, 1.0]), [0.0, 0.0, 1.0, -2.0]);
        assert_eq!(all(&[105.0, 105.0, 305.0, -295.0]), [0.0, 0.0, 1.0, -2.0]);
    }

    #[test]
    fn however_far_off_it_is_finite() {
        assert_eq!(all(&[0.0, f64::MIN_POSITIVE, f64::MAX]), [0.0, 1.0, 1e6]);
        assert_eq!(all(&[f64::MIN, f64::MAX, f64::MIN]), [0.0, 1.0, 0.0]);
    }
}
