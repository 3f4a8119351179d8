//! Numbers drawn from a seed, for made-up cases: the same seed gives the same cases everywhere.

use std::f64::consts::TAU;

/// SplitMix64 (Steele, Lea & Flood 2014).
#[derive(Debug, Clone)]
pub(crate) struct Draws(u64);

impl Draws {
    pub(crate) fn new(seed: u64) -> Self {
        let mut draws = Self(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
        draws.word();
        draws
    }

    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Above 0 and at most 1.
    pub(crate) fn part(&mut self) -> f64 {
        ((self.word() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn between(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * self.part()
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.word() % end as u64) as usize
    }

    pub(crate) fn normal(&mut self) -> f64 {
        (-2.0 * self.part().ln()).sqrt() * (TAU * self.part()).cos()
    }

    /// Student's t with so many degrees of freedom.
    pub(crate) fn student(&mut self, degrees: usize) -> f64 {
        let squares: f64 = (0..degrees).map(|_| self.normal().powi(2)).sum();
        self.normal() / (squares / degrees as f64).sqrt()
    }

    pub(crate) fn poisson(&mut self, mean: f64) -> f64 {
        const COUNTED_UP_TO: f64 = 50.0;
        if mean > COUNTED_UP_TO {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0);
        }
        let (limit, mut product, mut count) = ((-mean).exp(), self.part(), 0.0);
        while product > limit {
            product *= self.part();
            count += 1.0;
        }
        count
    }
}
