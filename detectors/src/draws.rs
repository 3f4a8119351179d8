//! Chance without a clock or a generator's state: numbers that follow from what they are asked for.

/// SplitMix64 (Steele, Lea & Flood, "Fast splittable pseudorandom number generators", 2014), keyed by whole numbers.
#[derive(Debug, Clone)]
pub(crate) struct Draws(u64);

impl Draws {
    pub(crate) fn of(keys: &[u64]) -> Self {
        Self(keys.iter().fold(0x9e37_79b9_7f4a_7c15, |state, key| mix(state ^ mix(*key))))
    }

    /// Between 0 and 1, the latter never.
    pub(crate) fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        (mix(self.0) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A whole number below `end`, each as likely as any other up to one in 2^53.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.unit() * end as f64) as usize
    }

    /// How many came where `mean` come on average (Poisson).
    pub(crate) fn count(&mut self, mean: f64) -> u64 {
        /// Beyond this the bell curve is as good and costs no more for more.
        const BELL_FROM: f64 = 60.0;
        if mean >= BELL_FROM {
            return (mean + mean.sqrt() * self.bell()).round().max(0.0) as u64;
        }
        let floor = (-mean).exp();
        let (mut product, mut count) = (self.unit(), 0);
        while product > floor {
            product *= self.unit();
            count += 1;
        }
        count
    }

    /// A standard normal number (Box & Muller).
    pub(crate) fn bell(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_even_and_follow_from_their_keys() {
        let mean = |keys: &[u64]| {
            let mut draws = Draws::of(keys);
            (0..10_000).map(|_| draws.unit()).sum::<f64>() / 1e4
        };
        // Four standard errors of the mean of ten thousand uniform numbers.
        assert!((mean(&[1, 2]) - 0.5).abs() < 4.0 * 0.2887 / 100.0);
        assert_eq!(mean(&[1, 2]).to_bits(), mean(&[1, 2]).to_bits());
        assert_ne!(mean(&[1, 2]).to_bits(), mean(&[2, 1]).to_bits());
    }

    #[test]
    fn counts_have_the_mean_and_variance_of_poisson() {
        for mean in [0.3, 7.0, 400.0] {
            let mut draws = Draws::of(&[9]);
            let counts: Vec<f64> = (0..4000).map(|_| draws.count(mean) as f64).collect();
            let average = counts.iter().sum::<f64>() / 4000.0;
            let variance = counts.iter().map(|count| (count - average).powi(2)).sum::<f64>() / 4000.0;
            assert!((average - mean).abs() < 4.0 * (mean / 4000.0).sqrt(), "{mean}: {average}");
            assert!((variance / mean - 1.0).abs() < 0.15, "{mean}: {variance}");
        }
    }
}
