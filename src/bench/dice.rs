//! Chance for benchmarks: a seed gives the same numbers everywhere.

/// SplitMix64 (Steele, Lea and Flood 2014).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn from_state(state: u64) -> Self {
        Self(state)
    }

    /// Numbers that follow from what they are asked for.
    pub(super) fn of(keys: &[u64]) -> Self {
        Self(keys.iter().fold(0, |state, key| mixed(state.wrapping_add(GOLDEN) ^ mixed(*key))))
    }

    /// Between 0 and 1, never quite either.
    pub(super) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        ((mixed(self.0) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// Standard normal (Box and Muller 1958).
    pub(super) fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Nearly standard normal, and cheap: nothing lies beyond three deviations.
    pub(super) fn bell(&mut self) -> f64 {
        2.0 * (self.uniform() + self.uniform() + self.uniform() - 1.5)
    }

    /// How many came where `mean` come on average.
    pub(super) fn poisson(&mut self, mean: f64) -> u64 {
        /// Beyond this the bell curve is as good, and costs no more for more.
        const BELL_FROM: f64 = 60.0;
        if mean >= BELL_FROM {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0) as u64;
        }
        let floor = (-mean).exp();
        let (mut product, mut count) = (self.uniform(), 0);
        while product > floor {
            product *= self.uniform();
            count += 1;
        }
        count
    }
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_their_mean_and_variance() {
        for mean in [0.3, 4.0, 50.0, 200.0] {
            let mut dice = Dice::of(&[1, 2]);
            let counts: Vec<f64> = (0..20_000).map(|_| dice.poisson(mean) as f64).collect();
            let average = counts.iter().sum::<f64>() / 2e4;
            let variance = counts.iter().map(|count| (count - average).powi(2)).sum::<f64>() / 2e4;
            // Five standard errors of each.
            assert!((average - mean).abs() < 5.0 * (mean / 2e4).sqrt(), "{mean}: {average}");
            assert!((variance / mean - 1.0).abs() < 5.0 * ((2.0 + 1.0 / mean) / 2e4).sqrt(), "{mean}: {variance}");
        }
    }
}
