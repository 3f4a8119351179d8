//! Where a residual stands among those before it, whatever their distribution.

use std::collections::VecDeque;

/// So many of the newest residuals are compared with.
const KEPT: usize = 2_000;
/// A residual is compared with only after so many more: those of a change that has just begun are not yet usual.
const HELD_BACK: usize = 24;
/// The tail is fitted to the largest tenth, and to no more than so many.
const TAIL_MAX: usize = 60;
/// Fewer say nothing of a tail.
const TAIL_MIN: usize = 8;
/// What is believed of a tail before it is seen: an index of four, worth so many residuals.
const PRIOR_INDEX: f64 = 4.0;
const PRIOR_WEIGHT: f64 = 2.0;

#[derive(Debug, Clone, Default)]
pub(super) struct Ranks {
    held_back: VecDeque<f64>,
    in_order: VecDeque<f64>,
    sorted: Vec<f64>,
    magnitudes: Vec<f64>,
}

impl Ranks {
    pub(super) fn len(&self) -> usize {
        self.sorted.len()
    }

    /// The share of residuals below this one, ties in halves; between zero and one, both excluded.
    pub(super) fn share_below(&self, residual: f64) -> f64 {
        let below = self.sorted.partition_point(|known| *known < residual);
        let up_to = self.sorted.partition_point(|known| *known <= residual);
        (0.5 * (below + up_to) as f64 + 0.5) / (self.sorted.len() + 1) as f64
    }

    /// How probable a residual at least this large (in either direction) is: counted within what was seen, and beyond
    /// it by a Pareto tail.
    pub(super) fn chance_beyond(&self, residual: f64) -> f64 {
        let (size, known) = (residual.abs(), &self.magnitudes);
        let n = known.len();
        let beyond = n - known.partition_point(|magnitude| *magnitude < size);
        let counted = (beyond + 1) as f64 / (n + 1) as f64;
        let k = (n / 10).min(TAIL_MAX);
        if beyond > 0 || k < TAIL_MIN {
            return counted;
        }
        let threshold = known[n - k - 1];
        if threshold <= 0.0 {
            // Nothing ever moved: the largest that did is all there is to go by.
            return counted;
        }
        // Logarithms of excesses over a threshold are exponential where the tail is Pareto's. With a gamma prior on the
        // index the next excess has this chance, which pays for how little a few excesses say of their index.
        let logs: f64 = known[n - k..].iter().map(|magnitude| (magnitude / threshold).ln()).sum();
        let (seen, sum) = (k as f64 + PRIOR_WEIGHT, logs + PRIOR_WEIGHT / PRIOR_INDEX);
        (k as f64 / n as f64) * (1.0 + (size / threshold).ln() / sum).powf(-seen)
    }

    /// The usual size of a residual: the median of their magnitudes, as a normal deviation.
    pub(super) fn deviation(&self) -> f64 {
        self.magnitudes.get(self.magnitudes.len() / 2).map_or(0.0, |median| median * 1.4826)
    }

    pub(super) fn add(&mut self, residual: f64) {
        self.held_back.push_back(residual);
        // While there is little to go by, all of it is.
        let held = HELD_BACK.min(self.len() / 4);
        while self.held_back.len() > held {
            let Some(next) = self.held_back.pop_front() else { return };
            self.insert(next);
        }
    }

    /// Forgets those held back: they were part of a change.
    pub(super) fn drop_held_back(&mut self) {
        self.held_back.clear();
    }

    fn insert(&mut self, residual: f64) {
        if self.in_order.len() == KEPT
            && let Some(oldest) = self.in_order.pop_front()
        {
            remove(&mut self.sorted, oldest);
            remove(&mut self.magnitudes, oldest.abs());
        }
        self.in_order.push_back(residual);
        insert(&mut self.sorted, residual);
        insert(&mut self.magnitudes, residual.abs());
    }
}

fn insert(sorted: &mut Vec<f64>, value: f64) {
    let at = sorted.partition_point(|known| *known < value);
    sorted.insert(at, value);
}

fn remove(sorted: &mut Vec<f64>, value: f64) {
    let at = sorted.partition_point(|known| *known < value);
    if sorted.get(at) == Some(&value) {
        sorted.remove(at);
    }
}

/// The value that a standard normal variable is below with this probability (Acklam's approximation, relative error
/// below 1.2e-9).
pub(super) fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 5] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 4] =
        [7.784_695_709_041_462e-3, 3.224_671_290_700_398e-1, 2.445_134_137_142_996, 3.754_408_661_907_416];
    let series = |coefficients: &[f64], x: f64| coefficients.iter().fold(0.0, |sum, c| sum * x + c);
    let tail = |p: f64| {
        let q = (-2.0 * p.ln()).sqrt();
        series(&C, q) / (series(&D, q) * q + 1.0)
    };
    if p < 0.024_25 {
        tail(p)
    } else if p > 1.0 - 0.024_25 {
        -tail(1.0 - p)
    } else {
        let q = p - 0.5;
        let r = q * q;
        series(&A, r) * q / (series(&B, r) * r + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_the_normal_distribution() {
        for (p, expected) in [(0.5, 0.0), (0.975, 1.959_963_985), (0.001, -3.090_232_306), (1e-9, -5.997_807_015)] {
            assert!((normal_quantile(p) - expected).abs() < 1e-6, "{p}");
        }
    }

    #[test]
    fn ranks_are_among_what_was_added_before_the_newest() {
        let mut ranks = Ranks::default();
        (0..300).for_each(|at| ranks.add(f64::from(at % 100)));
        assert_eq!(ranks.len(), 300 - HELD_BACK);
        assert!((ranks.share_below(49.5) - 0.5).abs() < 0.05);
        assert!(ranks.share_below(1e9) < 1.0 && ranks.share_below(-1.0) > 0.0);
    }

    #[test]
    fn far_beyond_what_was_seen_is_rarer_than_once_in_it() {
        let mut ranks = Ranks::default();
        (0..500).for_each(|at| ranks.add(normal_quantile((f64::from(at * 173 % 500) + 0.5) / 500.0)));
        let chances = [2.0, 3.5, 6.0, 20.0].map(|size| ranks.chance_beyond(size));
        assert!((chances[0] - 0.046).abs() < 0.01, "{chances:?}");
        assert!(chances.windows(2).all(|pair| pair[1] < pair[0]), "{chances:?}");
        assert!(chances[3] < 1e-5, "{chances:?}");
    }

    #[test]
    fn old_residuals_are_forgotten() {
        let mut ranks = Ranks::default();
        (0..3 * KEPT).for_each(|at| ranks.add(at as f64));
        assert_eq!((ranks.len(), ranks.magnitudes.len()), (KEPT, KEPT));
        assert!(ranks.share_below(KEPT as f64) < 0.001);
    }
}
