//! The middle of values and how far they usually lie from it, whatever a few of them do.

/// The median and the median distance from it, as a deviation; where half of all values are the same, the standard
/// deviation. `None` where all are.
pub(crate) fn middle_and_deviation(values: &[f64]) -> Option<(f64, f64)> {
    if values.is_empty() {
        return None;
    }
    let middle = median(&mut values.to_vec());
    let apart = median(&mut values.iter().map(|value| (value - middle).abs()).collect::<Vec<f64>>());
    // Of a normal distribution, half lies within 0.6745 deviations.
    let deviation = if apart > 0.0 {
        apart / 0.674_5
    } else {
        let furthest = values.iter().map(|value| (value - middle).abs()).fold(0.0, f64::max);
        let squares: f64 = values.iter().map(|value| ((value - middle) / furthest).powi(2)).sum();
        furthest * (squares / values.len() as f64).sqrt()
    };
    (deviation > 0.0 && deviation.is_finite()).then_some((middle, deviation))
}

/// The upper of two; of no values it is zero.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// The median; between the two of an even number. Of no values it is zero.
pub(crate) fn middle(values: Vec<f64>) -> f64 {
    weighted_middle(values.into_iter().map(|value| (value, 1.0)).collect())
}

/// Half of the weight lies on either side of it.
pub(crate) fn weighted_middle(mut values: Vec<(f64, f64)>) -> f64 {
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = values.iter().map(|(_, weight)| weight).sum::<f64>() / 2.0;
    let mut below = 0.0;
    for (at, (value, weight)) in values.iter().enumerate() {
        below += weight;
        if below > half {
            return *value;
        }
        if below == half
            && let Some((next, _)) = values.get(at + 1)
        {
            return (value + next) / 2.0;
        }
    }
    0.0
}

/// In deviations from the middle. Beyond a million it is just far; squares of it stay finite.
pub(crate) fn deviations(value: f64, (middle, deviation): (f64, f64)) -> f64 {
    ((value - middle) / deviation).clamp(-1e6, 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_far_values_change_little_and_equal_ones_have_no_deviation() {
        let mut values: Vec<f64> = (0..101).map(f64::from).collect();
        let (middle, deviation) = middle_and_deviation(&values).unwrap();
        assert_eq!((middle, deviation), (50.0, 25.0 / 0.674_5));
        values[100] = 1e300;
        assert_eq!(middle_and_deviation(&values), Some((50.0, 25.0 / 0.674_5)));
        assert_eq!(middle_and_deviation(&[4.0; 9]), None);
        assert_eq!(middle_and_deviation(&[]), None);
        assert_eq!(middle_and_deviation(&[f64::MAX, f64::MIN, f64::MAX, f64::MIN]), None);
        // Of four values three are zero: the deviation is that of all.
        assert_eq!(middle_and_deviation(&[0.0, 0.0, 0.0, 2.0]), Some((0.0, 1.0)));
    }

    #[test]
    fn the_middle_of_an_even_number_lies_between_two() {
        assert_eq!([vec![], vec![3.0], vec![5.0, 1.0], vec![9.0, 1.0, 2.0]].map(middle), [0.0, 3.0, 3.0, 2.0]);
        assert_eq!(weighted_middle(vec![(1.0, 1.0), (2.0, 1.0), (7.0, 3.0)]), 7.0);
    }

    #[test]
    fn far_is_bounded() {
        assert_eq!(deviations(f64::MAX, (f64::MIN, 1.0)), 1e6);
        assert_eq!(deviations(3.0, (1.0, 4.0)), 0.5);
    }
}
