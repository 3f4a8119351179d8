//! Seeded chance: one independent stream per purpose, weighted choices, and hashes of ids.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub(crate) type Random = ChaCha8Rng;

/// The purposes. Each draws from its own stream, so that drawing more for one leaves the others as they were.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stream {
    Rollouts = 1,
    Noise,
    Requests,
    Arrival,
    Changes,
    Schedule,
    Plan,
    IncidentDraws,
}

pub(crate) fn stream(seed: u64, purpose: Stream) -> Random {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(purpose as u64);
    random
}

/// The stream of one step of a purpose: what was drawn in other steps has no bearing on it.
pub(crate) fn stream_at(seed: u64, purpose: Stream, step: u64) -> Random {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream((step + 1) << 8 | purpose as u64);
    random
}

pub(crate) fn between(random: &mut Random, low: f64, high: f64) -> f64 {
    low + (high - low) * random.random::<f64>()
}

/// One of a non-empty list.
pub(crate) fn one_of<'a, T>(random: &mut Random, list: &'a [T]) -> &'a T {
    &list[random.random_range(0..list.len())]
}

/// The finalizer of SplitMix64 (Steele, Lea and Flood 2014): neighbouring ids become unrelated bits.
pub(crate) fn hash(id: u64) -> u64 {
    let mut bits = id.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// The top 53 bits as a number in [0, 1).
pub(crate) fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// A weighted choice among a handful, by cumulated weights that end at one.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    cumulated: Vec<f64>,
}

impl Choice {
    /// The weights need not add up to one; at least one of them is positive.
    pub(crate) fn new(weights: impl IntoIterator<Item = f64>) -> Self {
        let mut sum = 0.0;
        let mut cumulated: Vec<f64> = weights
            .into_iter()
            .map(|weight| {
                sum += weight;
                sum
            })
            .collect();
        for value in &mut cumulated {
            *value /= sum;
        }
        Self { cumulated }
    }

    /// The index that a uniform number in [0, 1) falls on; those with weight zero are never chosen.
    pub(crate) fn pick(&self, uniform: f64) -> u16 {
        let index = self.cumulated.iter().take_while(|&&edge| edge <= uniform).count();
        index.min(self.cumulated.len() - 1) as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_follows_its_weights() {
        let choice = Choice::new([1.0, 0.0, 3.0]);
        let picked: Vec<u16> = [0.0, 0.24, 0.25, 0.99].map(|uniform| choice.pick(uniform)).to_vec();
        assert_eq!(picked, [0, 0, 2, 2]);
    }

    #[test]
    fn streams_of_one_seed_differ() {
        let first: u64 = stream(7, Stream::Noise).random();
        let second: u64 = stream(7, Stream::Requests).random();
        assert_ne!(first, second);
        assert_eq!(first, stream(7, Stream::Noise).random::<u64>());
    }
}
