//! Where a residual stands among those before it, whatever their distribution.

use std::collections::VecDeque;

/// So many of the newest residuals are compared with.
const KEPT: usize = 2_000;
/// Whether a residual is a spike is asked without the newest so many: those of a burst are not yet usual.
const HELD_BACK: usize = 24;
/// A residual further off than so many deviations counts in the mean as if it were there.
const CLIP_DEVIATIONS: f64 = 4.0;
/// A residual so many times the sum that it is taken off leaves rounding behind that could be seen.
const SUM_AGAIN_FROM: f64 = 1e6;
/// The tail is fitted to the largest tenth, and to no more than so many.
const TAIL_MAX: usize = 60;
/// Fewer say nothing of a tail.
const TAIL_MIN: usize = 8;
/// What is believed of a tail before it is seen: an index of four, worth so many residuals.
const PRIOR_INDEX: f64 = 4.0;
const PRIOR_WEIGHT: f64 = 2.0;

#[derive(Debug, Clone, Default)]
pub(crate) struct Ranks {
    held_back: VecDeque<Known>,
    in_order: VecDeque<Known>,
    sorted: Vec<f64>,
    /// Of all that are clipped, held back or not.
    sum: f64,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    residual: f64,
    /// No further off than a few deviations, so that outliers do not make the mean.
    clipped: f64,
}

impl Ranks {
    pub(crate) fn len(&self) -> usize {
        self.in_order.len() + self.held_back.len()
    }

    /// The share of residuals below this one, ties in halves; between zero and one, both excluded.
    pub(super) fn share_below(&self, residual: f64) -> f64 {
        let residual = residual + self.lean();
        let below = self.sorted.partition_point(|known| *known < residual);
        let equal = self.sorted[below..].iter().take_while(|known| **known <= residual).count();
        let newest = self.held_back.iter().map(|known| &known.residual);
        let newest = newest.map(|known| f64::from(*known < residual) + f64::from(*known <= residual)).sum::<f64>();
        (below as f64 + 0.5 * (equal as f64 + newest) + 0.5) / (self.len() + 1) as f64
    }

    /// The mean of the residuals, which is zero but for chance and for a change that has begun: ranks are taken as if it
    /// were. No more is taken for chance than one standard error: what is left beyond it is how the series is.
    fn lean(&self) -> f64 {
        let rows = self.len().max(1) as f64;
        let error = self.deviation() / rows.sqrt();
        let mean = self.sum / rows;
        if mean.is_finite() { mean.clamp(-error, error) } else { 0.0 }
    }

    /// How probable a residual at least this large (in either direction) is: counted within what was seen, and beyond
    /// it by a Pareto tail.
    pub(crate) fn chance_beyond(&self, residual: f64) -> f64 {
        let (size, known) = (residual.abs(), &self.sorted);
        let n = known.len();
        let beyond = n - known.partition_point(|known| *known < size) + known.partition_point(|known| *known <= -size);
        let counted = (beyond + 1) as f64 / (n + 1) as f64;
        let k = (n / 10).min(TAIL_MAX);
        if beyond > 0 || k < TAIL_MIN {
            return counted;
        }
        let (mut low, mut high) = (known.iter(), known.iter());
        // The magnitudes from the largest down, which are at both ends.
        let (mut lowest, mut highest) = (low.next(), high.next_back());
        let mut largest = || {
            let (down, up) = (lowest.map_or(0.0, |value| -value), highest.map_or(0.0, |value| *value));
            if down > up {
                lowest = low.next();
            } else {
                highest = high.next_back();
            }
            down.max(up)
        };
        let mut tail = [0.0; TAIL_MAX];
        tail[..k].fill_with(&mut largest);
        let threshold = largest();
        if threshold <= 0.0 {
            // Nothing ever moved: the largest that did is all there is to go by.
            return counted;
        }
        // Logarithms of excesses over a threshold are exponential where the tail is Pareto's. With a gamma prior on the
        // index the next excess has this chance, which pays for how little a few excesses say of their index.
        let logs: f64 = tail[..k].iter().map(|magnitude| (magnitude / threshold).ln()).sum();
        let (seen, sum) = (k as f64 + PRIOR_WEIGHT, logs + PRIOR_WEIGHT / PRIOR_INDEX);
        (k as f64 / n as f64) * (1.0 + (size / threshold).ln() / sum).powf(-seen)
    }

    /// The usual size of a residual: the median of their magnitudes, as a normal deviation.
    pub(super) fn deviation(&self) -> f64 {
        let (known, wanted) = (&self.sorted, self.sorted.len() / 2 + 1);
        if known.is_empty() {
            return 0.0;
        }
        // The smallest magnitudes stand side by side: where they begin is found by halving.
        let (mut from, mut to) = (0, known.len() - wanted);
        while from < to {
            let middle = usize::midpoint(from, to);
            if -known[middle] > known[middle + wanted] { from = middle + 1 } else { to = middle }
        }
        known[from].abs().max(known[from + wanted - 1].abs()) * 1.4826
    }

    pub(crate) fn add(&mut self, residual: f64) {
        let deviation = self.deviation();
        let most = if deviation > 0.0 { CLIP_DEVIATIONS * deviation } else { f64::INFINITY };
        let clipped = residual.clamp(-most, most);
        self.held_back.push_back(Known { residual, clipped });
        self.sum += clipped;
        // While there is little to go by, all of it is.
        let held = HELD_BACK.min(self.in_order.len() / 4);
        while self.held_back.len() > held {
            let Some(next) = self.held_back.pop_front() else { return };
            self.insert(next);
        }
    }

    /// Forgets those held back: they were part of a change.
    pub(super) fn drop_held_back(&mut self) {
        self.held_back.clear();
        self.sum_anew();
    }

    fn sum_anew(&mut self) {
        self.sum = self.in_order.iter().chain(&self.held_back).map(|known| known.clipped).sum();
    }

    fn insert(&mut self, next: Known) {
        let residual = next.residual;
        let at = self.sorted.partition_point(|known| *known < residual);
        self.in_order.push_back(next);
        if self.in_order.len() <= KEPT {
            self.sorted.insert(at, residual);
            return;
        }
        let Some(Known { residual: oldest, clipped }) = self.in_order.pop_front() else { return };
        self.sum -= clipped;
        if !self.sum.is_finite() || clipped.abs() > SUM_AGAIN_FROM * self.sum.abs() {
            self.sum_anew();
        }
        let gone = self.sorted.partition_point(|known| *known < oldest);
        // Those between the place that falls free and the one that is needed move over by one.
        if gone < at {
            self.sorted.copy_within(gone + 1..at, gone);
            self.sorted[at - 1] = residual;
        } else {
            self.sorted.copy_within(at..gone, at + 1);
            self.sorted[at] = residual;
        }
    }
}

/// The value that a standard normal variable is below with this probability (Acklam's approximation, relative error
/// below 1.2e-9).
pub(crate) fn normal_quantile(p: f64) -> f64 {
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
    fn ranks_are_among_all_that_was_added() {
        let mut ranks = Ranks::default();
        (0..300).for_each(|at| ranks.add(f64::from(at % 100)));
        assert_eq!((ranks.len(), ranks.sorted.len()), (300, 300 - HELD_BACK));
        assert!((ranks.share_below(49.5) - 0.5).abs() < 0.05);
        assert!(ranks.share_below(1e9) < 1.0 && ranks.share_below(-1.0) > 0.0);
    }

    #[test]
    fn the_middle_is_where_residuals_are_zero_on_average() {
        // All of them lean by a tenth, which is within what chance does to a hundred.
        let mut ranks = Ranks::default();
        (0..100).for_each(|at| ranks.add(0.05 + normal_quantile((f64::from(at * 37 % 100) + 0.5) / 100.0)));
        assert!((ranks.share_below(0.0) - 0.5).abs() < 0.02, "{}", ranks.share_below(0.0));
        // So much is no chance.
        let mut ranks = Ranks::default();
        (0..100).for_each(|at| ranks.add(1.0 + normal_quantile((f64::from(at * 37 % 100) + 0.5) / 100.0)));
        assert!(ranks.share_below(0.0) < 0.25, "{}", ranks.share_below(0.0));
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
        assert_eq!((ranks.in_order.len(), ranks.sorted.len()), (KEPT, KEPT));
        assert!(ranks.share_below(KEPT as f64) < 0.001);
    }

    #[test]
    fn what_is_kept_is_in_order_and_the_median_is_that_of_magnitudes() {
        let mut ranks = Ranks::default();
        for at in 0..2 * KEPT as u64 + 77 {
            ranks.add((at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / 1e6 - 5.0);
            assert!(ranks.sorted.is_sorted());
            if at % 97 == 0 && ranks.len() > 0 {
                let mut magnitudes: Vec<f64> = ranks.in_order.iter().map(|known| known.residual.abs()).collect();
                magnitudes.sort_by(f64::total_cmp);
                assert_eq!(ranks.deviation(), magnitudes[magnitudes.len() / 2] * 1.4826, "{at}");
            }
        }
    }
}
