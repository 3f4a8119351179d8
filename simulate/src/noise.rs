//! What no calendar explains: slow, correlated wandering of volume and latency.

use rand::RngExt;
use rand_distr::StandardNormal;

use crate::population::{CLUSTERS, LOCALES};
use crate::random::{Random, Stream, stream};

/// A kind of wandering: how far (standard deviation of the logarithm) and for how long it is remembered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wander {
    pub(crate) sd: f64,
    pub(crate) memory_minutes: f64,
}

pub(crate) const VOLUME_SLOW: Wander = Wander { sd: 0.025, memory_minutes: 180.0 };
pub(crate) const VOLUME_FAST: Wander = Wander { sd: 0.02, memory_minutes: 6.0 };
pub(crate) const VOLUME_LOCALE: Wander = Wander { sd: 0.03, memory_minutes: 60.0 };
pub(crate) const LATENCY_GLOBAL: Wander = Wander { sd: 0.008, memory_minutes: 90.0 };
pub(crate) const LATENCY_CLUSTER: Wander = Wander { sd: 0.012, memory_minutes: 30.0 };

impl Wander {
    /// Variance that is left in the mean over this many minutes: about `2 memory / minutes` of it, at most all.
    pub(crate) fn variance_of_mean(self, minutes: f64) -> f64 {
        self.sd * self.sd * (2.0 * self.memory_minutes / minutes).min(1.0)
    }
}

/// The factors of one minute.
#[derive(Debug, Clone)]
pub(crate) struct NoiseAt {
    pub(crate) volume: f64,
    pub(crate) locale_volume: [f64; LOCALES.len()],
    pub(crate) cluster_latency: [f64; CLUSTERS.len()],
}

impl NoiseAt {
    /// No noise: what is expected.
    pub(crate) fn none() -> Self {
        Self { volume: 1.0, locale_volume: [1.0; LOCALES.len()], cluster_latency: [1.0; CLUSTERS.len()] }
    }
}

#[derive(Debug)]
pub(crate) struct Noise {
    random: Random,
    volume_slow: Walk,
    volume_fast: Walk,
    locale_volume: [Walk; LOCALES.len()],
    latency: Walk,
    cluster_latency: [Walk; CLUSTERS.len()],
}

impl Noise {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = stream(seed, Stream::Noise);
        let mut walk = |wander| Walk::new(wander, &mut random);
        let volume_slow = walk(VOLUME_SLOW);
        let volume_fast = walk(VOLUME_FAST);
        let locale_volume = std::array::from_fn(|_| walk(VOLUME_LOCALE));
        let latency = walk(LATENCY_GLOBAL);
        let cluster_latency = std::array::from_fn(|_| walk(LATENCY_CLUSTER));
        Self { random, volume_slow, volume_fast, locale_volume, latency, cluster_latency }
    }

    pub(crate) fn next_minute(&mut self) -> NoiseAt {
        let random = &mut self.random;
        let latency = self.latency.step(random);
        NoiseAt {
            volume: self.volume_slow.step(random) * self.volume_fast.step(random),
            locale_volume: std::array::from_fn(|locale| self.locale_volume[locale].step(random)),
            cluster_latency: std::array::from_fn(|cluster| latency * self.cluster_latency[cluster].step(random)),
        }
    }
}

/// An AR(1) process on the logarithm, started from its own long-run distribution.
#[derive(Debug)]
struct Walk {
    sd: f64,
    keep: f64,
    push: f64,
    value: f64,
}

impl Walk {
    fn new(wander: Wander, random: &mut Random) -> Self {
        let keep = (-1.0 / wander.memory_minutes).exp();
        let start: f64 = random.sample(StandardNormal);
        Self { sd: wander.sd, keep, push: wander.sd * (1.0 - keep * keep).sqrt(), value: wander.sd * start }
    }

    /// The next factor; its mean is one.
    fn step(&mut self, random: &mut Random) -> f64 {
        let push: f64 = random.sample(StandardNormal);
        self.value = self.keep * self.value + self.push * push;
        (self.value - self.sd * self.sd / 2.0).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wanders_as_far_as_it_says_and_remembers() {
        let mut random = stream(3, Stream::Noise);
        let mut walk = Walk::new(VOLUME_LOCALE, &mut random);
        let factors: Vec<f64> = (0..200_000).map(|_| walk.step(&mut random)).collect();
        let mean = factors.iter().sum::<f64>() / factors.len() as f64;
        let variance = |lag: usize| {
            let pairs = factors.len() - lag;
            (0..pairs).map(|at| (factors[at] - mean) * (factors[at + lag] - mean)).sum::<f64>() / pairs as f64
        };
        assert!((mean - 1.0).abs() < 0.005, "{mean}");
        assert!((variance(0).sqrt() / VOLUME_LOCALE.sd - 1.0).abs() < 0.1);
        let remembered = variance(60) / variance(0);
        assert!((remembered - (-1.0_f64).exp()).abs() < 0.1, "{remembered}");
    }
}
