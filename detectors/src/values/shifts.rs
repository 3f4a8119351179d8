//! Evidence that a series has moved, from how far each row is off: a Shiryaev-Roberts e-detector over a few shifts.

use std::sync::LazyLock;

use super::ranks::normal_quantile;

const KINDS: usize = 3;
/// Shifts that are looked for, in deviations, in both directions.
const SHIFTS: [f64; KINDS] = [0.45, 0.9, 2.1];
/// Of each in the average.
const WEIGHTS: [f64; KINDS] = [0.3, 0.3, 0.4];
/// So that nothing overflows.
const MOST: f64 = 1e280;
/// Ranks among more are as good as normal.
const RANKED_MAX: usize = 2_048;
const RANKED_GROWTH: f64 = 1.05;

/// Among how many is ranked, and the logarithm of what a row is evidence of on average, without any change. A rank among
/// few is never far off, so that the evidence for a large shift is too small, by this.
static MEANS: LazyLock<Vec<(usize, [f64; KINDS])>> = LazyLock::new(|| {
    let sizes = std::iter::successors(Some(8_usize), |size| Some((*size as f64 * RANKED_GROWTH) as usize + 1));
    let mean = |size: usize, shift: f64| {
        let ranks = (0..=size).map(|rank| normal_quantile((rank as f64 + 0.5) / (size + 1) as f64));
        (ranks.map(|z| evidence(z, shift).exp()).sum::<f64>() / (size + 1) as f64).ln()
    };
    sizes.take_while(|size| *size <= RANKED_MAX).map(|size| (size, SHIFTS.map(|shift| mean(size, shift)))).collect()
});

/// R, one a shift and direction.
#[derive(Debug, Clone)]
pub(super) struct Shifts {
    up: [f64; KINDS],
    down: [f64; KINDS],
    /// Where in the means it stands.
    size: usize,
}

impl Shifts {
    pub(super) fn new() -> Self {
        Self { up: [0.0; KINDS], down: [0.0; KINDS], size: 0 }
    }

    /// Adds a row that is `z` deviations off by its rank among so many: normal, were nothing to have changed.
    pub(super) fn add(&mut self, z: f64, ranked: usize) {
        let means = &*MEANS;
        while self.size + 1 < means.len() && means[self.size].0 < ranked {
            self.size += 1;
        }
        for (at, shift) in SHIFTS.into_iter().enumerate() {
            let next = |r: f64, evidence: f64| ((1.0 + r) * (evidence - means[self.size].1[at]).exp()).min(MOST);
            self.up[at] = next(self.up[at], evidence(z, shift));
            self.down[at] = next(self.down[at], evidence(z, -shift));
        }
    }

    /// The averaged R.
    pub(super) fn mean(&self) -> f64 {
        let both = self.up.iter().zip(&self.down).map(|(up, down)| (up + down) / 2.0);
        both.zip(WEIGHTS).map(|(both, weight)| weight * both).sum()
    }

    /// What each shift adds to that average, the size of the move in deviations.
    pub(super) fn terms(&self) -> impl Iterator<Item = (f64, f64)> {
        let signed = |all: [f64; KINDS], sign: f64| {
            let own = move |at: usize| (sign * SHIFTS[at], WEIGHTS[at] * all[at] / 2.0);
            (0..KINDS).map(own)
        };
        signed(self.down, -1.0).chain(signed(self.up, 1.0))
    }

    /// The shift that fits best.
    pub(super) fn best(&self) -> f64 {
        let signed = |all: [f64; KINDS], sign: f64| all.into_iter().zip(SHIFTS.map(|shift| sign * shift));
        let all = signed(self.up, 1.0).chain(signed(self.down, -1.0));
        all.max_by(|a, b| a.0.total_cmp(&b.0)).map_or(0.0, |(_, shift)| shift)
    }
}

/// Logarithm of how much likelier a row is if the series has moved by `shift`.
pub(super) fn evidence(z: f64, shift: f64) -> f64 {
    shift * z - shift * shift / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R after one row is the evidence of that row: over all ranks it has to be one on average, however few they are.
    #[test]
    fn without_a_change_a_row_is_no_evidence_on_average() {
        for ranked in [12, 40, 500, 2_000] {
            let after = |rank: usize| {
                let mut shifts = Shifts::new();
                shifts.add(normal_quantile((rank as f64 + 0.5) / (ranked + 1) as f64), ranked);
                shifts.mean()
            };
            let mean = (0..=ranked).map(after).sum::<f64>() / (ranked + 1) as f64;
            assert!((0.98..1.001).contains(&mean), "{ranked}: {mean}");
        }
    }

    #[test]
    fn the_shift_that_is_there_fits_best_and_no_evidence_overflows() {
        let mut shifts = Shifts::new();
        (0..10_000).for_each(|_| shifts.add(-2.0, 500));
        assert!(shifts.best() == -2.1 && shifts.mean().is_finite(), "{shifts:?}");
    }
}
