//! How much each group of requests puts into the move of a quantile, split into how they fared and how many came.
//!
//! Let `t` be the level, `w` a group's share of the requests and `F` its distribution, 0 before and 1 after. The quantile
//! of the mixture that is the part `u` on its way from before to after solves `sum (1-u) w0 (F0 - t) + u w1 (F1 - t) = 0`.
//! Along that way (the price of Aumann and Shapley 1974) a group puts in
//! `integral from q0 to q1 of D_s / D dx` with `D_s = w1 (F1 - t) - w0 (F0 - t)` and `D` their sum. The parts add up to
//! `q1 - q0`. Without the centring by `t`, a group that only grew at the common distribution would get a part.
//! `D_s` is `(w1 - w0) ((F0 + F1) / 2 - t)`, its share of the mix, and `(w0 + w1) / 2 (F1 - F0)`, what lies within it.

use hark_model::Mix;

use crate::histograms::{Histograms, value_at};

/// Nodes and weights of Gauss and Legendre's rule on 0 to 1.
const NODES: [(f64, f64); 4] = [
    (0.069_431_844_202_973_71, 0.173_927_422_568_726_93),
    (0.330_009_478_207_571_87, 0.326_072_577_431_273_07),
    (0.669_990_521_792_428_1, 0.326_072_577_431_273_07),
    (0.930_568_155_797_026_3, 0.173_927_422_568_726_93),
];
/// Where nothing lies between the quantiles on one side `D` may vanish at an end, and the parts would be endless. So much
/// of a share is added to it, given to the groups as their parts are on average.
const BENEATH: f64 = 1e-6;

/// The part of each group. `None` where a side has no requests.
pub(crate) fn quantile_parts(histograms: &Histograms, level: f64) -> Option<Vec<Mix>> {
    let q0 = histograms.quantile(0, level)?;
    let q1 = histograms.quantile(1, level)?;
    let mut sweep = Sweep::new(histograms, level);
    let (low, high) = if q0.position <= q1.position { (q0, q1) } else { (q1, q0) };
    let sign = if q0.position <= q1.position { 1.0 } else { -1.0 };
    sweep.between(low.position, high.position, |sweep, _| sweep.average());
    sweep.settle();
    sweep.between(low.position, high.position, |sweep, width| sweep.add(sign * width));
    Some(sweep.parts)
}

/// The same for a benchmark: rows of group, bin, and requests before and after, in any order of groups. Gives the quantile
/// before and after, and the parts.
pub fn part_quantile(groups: usize, rows: &[(usize, i16, [f64; 2])], level: f64) -> Option<([f64; 2], Vec<Mix>)> {
    let histograms = Histograms::new(groups, rows);
    let before = histograms.quantile(0, level)?.value;
    let after = histograms.quantile(1, level)?.value;
    Some(([before, after], quantile_parts(&histograms, level)?))
}

/// The state of the walk over the bins.
struct Sweep<'a> {
    histograms: &'a Histograms,
    level: f64,
    /// Of each group its share of the requests, before and after.
    weights: Vec<[f64; 2]>,
    /// Of each group the distribution at the place reached; of all together where the group has no requests.
    within: Vec<f64>,
    mix: Vec<f64>,
    total: f64,
    /// What each group is given of `BENEATH`.
    typical: Vec<Mix>,
    typical_total: f64,
    parts: Vec<Mix>,
}

impl<'a> Sweep<'a> {
    fn new(histograms: &'a Histograms, level: f64) -> Self {
        let groups = histograms.groups();
        let all = histograms.totals();
        let weight = |group: usize| {
            let own = histograms.requests(group);
            [own[0] / all[0], own[1] / all[1]]
        };
        Self {
            histograms,
            level,
            weights: (0..groups).map(weight).collect(),
            within: vec![0.0; groups],
            mix: vec![0.0; groups],
            total: 0.0,
            typical: vec![Mix::default(); groups],
            typical_total: 0.0,
            parts: vec![Mix::default(); groups],
        }
    }

    /// Calls `visit` at every node between two places, with the width in the metric's unit that the node stands for.
    fn between(&mut self, low: f64, high: f64, mut visit: impl FnMut(&mut Self, f64)) {
        let histograms = self.histograms;
        let mut below: Vec<[f64; 2]> = vec![[0.0; 2]; histograms.groups()];
        let mut end_of_last = f64::NEG_INFINITY;
        for bin in 0..histograms.bins() {
            let start = histograms.start(bin);
            // Between two bins that hold something the distributions are flat.
            if end_of_last > f64::NEG_INFINITY {
                let (from, to) = (end_of_last.max(low), start.min(high));
                if to > from {
                    self.place(&below, None, 0.0);
                    visit(self, value_at(to) - value_at(from));
                }
            }
            let end = start + 1.0;
            let (from, to) = (start.max(low), end.min(high));
            if to > from {
                for (node, weight) in NODES {
                    let at = from + node * (to - from);
                    self.place(&below, Some(bin), at - start);
                    visit(self, weight * (to - from) * slope_at(at));
                }
            }
            if end >= high {
                return;
            }
            for (group, below) in below.iter_mut().enumerate() {
                let own = histograms.counts(bin, group);
                *below = [below[0] + own[0], below[1] + own[1]];
            }
            end_of_last = end;
        }
    }

    /// Works out every group's `D_s` at a place: what is below it, and a part of a bin.
    fn place(&mut self, below: &[[f64; 2]], bin: Option<usize>, part: f64) {
        let all = self.histograms.totals();
        let mut seen = [0.0; 2];
        let mut own = |group: usize| {
            let of_bin = bin.map_or([0.0; 2], |bin| self.histograms.counts(bin, group));
            let own = [below[group][0] + part * of_bin[0], below[group][1] + part * of_bin[1]];
            seen = [seen[0] + own[0], seen[1] + own[1]];
            own
        };
        let owns: Vec<[f64; 2]> = (0..self.weights.len()).map(&mut own).collect();
        let common = [seen[0] / all[0], seen[1] / all[1]];
        self.total = 0.0;
        for (group, own) in owns.into_iter().enumerate() {
            let requests = self.histograms.requests(group);
            let [before, after] =
                [0, 1].map(|side| if requests[side] > 0.0 { own[side] / requests[side] } else { common[side] });
            let [w0, w1] = self.weights[group];
            self.within[group] = (w0 + w1) / 2.0 * (after - before);
            self.mix[group] = (w1 - w0) * ((before + after) / 2.0 - self.level);
            self.total += self.within[group] + self.mix[group];
        }
    }

    fn average(&mut self) {
        for (typical, (within, mix)) in self.typical.iter_mut().zip(self.within.iter().zip(&self.mix)) {
            *typical = Mix { within: typical.within + within, mix_shift: typical.mix_shift + mix };
        }
        self.typical_total += self.total;
    }

    /// The average parts become shares of one.
    fn settle(&mut self) {
        let whole = self.typical_total;
        let share = |part: f64| if whole.abs() > f64::MIN_POSITIVE { part / whole } else { 0.0 };
        self.typical.iter_mut().for_each(|part| {
            *part = Mix { within: share(part.within), mix_shift: share(part.mix_shift) };
        });
    }

    fn add(&mut self, width: f64) {
        let beneath = if self.typical_total < 0.0 { -BENEATH } else { BENEATH };
        let whole = self.total + beneath;
        if whole.abs() < f64::MIN_POSITIVE {
            return;
        }
        for (group, part) in self.parts.iter_mut().enumerate() {
            let typical = self.typical[group];
            part.within += width * (self.within[group] + beneath * typical.within) / whole;
            part.mix_shift += width * (self.mix[group] + beneath * typical.mix_shift) / whole;
        }
    }
}

/// How fast the value grows from one place to the next.
fn slope_at(position: f64) -> f64 {
    value_at(position) * std::f64::consts::LN_2 / Histograms::BINS_PER_OCTAVE
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    use super::*;

    const CASES: u32 = 10_000;

    /// A group: middle, width and size before, and what each is after.
    #[derive(Debug, Clone)]
    struct Made {
        middle: f64,
        width: f64,
        sizes: [f64; 2],
        moved: f64,
    }

    fn made() -> impl Strategy<Value = Made> {
        let sizes = (200.0..3000.0_f64, 0.6..1.6_f64);
        (480.0..620.0_f64, 30.0..60.0_f64, sizes, -4.0..24.0_f64).prop_map(|(middle, width, (size, grown), moved)| {
            Made { middle, width, sizes: [size, size * grown], moved }
        })
    }

    fn rows(group: usize, made: &Made) -> Vec<(usize, i16, [f64; 2])> {
        let density = |bin: i16, middle: f64| {
            let z = (f64::from(bin) + 0.5 - middle) / made.width;
            (-0.5 * z * z).exp() / (made.width * std::f64::consts::TAU.sqrt())
        };
        let row = |bin: i16| {
            let counts =
                [made.sizes[0] * density(bin, made.middle), made.sizes[1] * density(bin, made.middle + made.moved)];
            (group, bin, counts)
        };
        (300..860).map(row).filter(|(_, _, counts)| counts[0] + counts[1] > 1e-3).collect()
    }

    fn histograms(groups: &[Made]) -> Histograms {
        let rows: Vec<_> = groups.iter().enumerate().flat_map(|(at, made)| rows(at, made)).collect();
        Histograms::new(groups.len(), &rows)
    }

    fn sum(parts: &[Mix]) -> f64 {
        parts.iter().map(|part| part.within + part.mix_shift).sum()
    }

    fn moved(histograms: &Histograms, level: f64) -> f64 {
        histograms.quantile(1, level).unwrap().value - histograms.quantile(0, level).unwrap().value
    }

    /// Shapley's value by its definition, over every set of groups that are as they are after.
    fn shapley(histograms: &Histograms, level: f64) -> Vec<f64> {
        let groups = histograms.groups();
        let value = |set: usize| {
            let taken = |_: usize, group: usize, counts: [f64; 2]| counts[usize::from(set >> group & 1 == 1)];
            histograms.quantile_of_shares(level, taken)
        };
        let values: Vec<f64> = (0..1_usize << groups).map(value).collect();
        let factorial = |n: usize| (1..=n).map(|i| i as f64).product::<f64>();
        (0..groups)
            .map(|group| {
                let sets = (0..1_usize << groups).filter(|set| set >> group & 1 == 0);
                sets.map(|set| {
                    let others = set.count_ones() as usize;
                    let weight = factorial(others) * factorial(groups - 1 - others) / factorial(groups);
                    weight * (values[set | 1 << group] - values[set])
                })
                .sum()
            })
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(CASES))]

        #[test]
        fn parts_add_up_to_the_move(
            groups in prop::collection::vec(made(), 1..12),
            level in prop::sample::select(vec![0.5, 0.9, 0.95, 0.99]),
        ) {
            let histograms = histograms(&groups);
            let move_ = moved(&histograms, level);
            let parts = quantile_parts(&histograms, level).unwrap();
            prop_assert!((sum(&parts) - move_).abs() <= 1e-9 * move_.abs().max(1.0), "{} {move_}", sum(&parts));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn a_group_parted_by_chance_keeps_its_part(
            groups in prop::collection::vec(made(), 2..6),
            part in 0.1..0.9_f64,
        ) {
            let whole = quantile_parts(&histograms(&groups), 0.95).unwrap();
            let rows: Vec<_> = groups.iter().enumerate().flat_map(|(at, made)| rows(at, made)).collect();
            let parted = rows.iter().flat_map(|&(group, bin, [before, after])| {
                let of = |group, part: f64| (group, bin, [part * before, part * after]);
                if group == 0 { vec![of(0, part), of(groups.len(), 1.0 - part)] } else { vec![of(group, 1.0)] }
            });
            let parted = Histograms::new(groups.len() + 1, &parted.collect::<Vec<_>>());
            let parts = quantile_parts(&parted, 0.95).unwrap();
            let (together, before) = (sum(&[parts[0], parts[groups.len()]]), sum(&whole[..1]));
            prop_assert!((together - before).abs() < 1e-6 * (1.0 + before.abs()), "{together} {before}");
            prop_assert!((sum(&parts[..1]) - part * before).abs() < 1e-6 * (1.0 + before.abs()));
        }
    }

    /// The largest gap to Shapley's value in each of so many random cases, as a share of what moved, in order.
    fn gaps(cases: usize, groups: std::ops::Range<usize>) -> Vec<f64> {
        let mut runner = TestRunner::deterministic();
        let strategy = (prop::collection::vec(made(), groups), prop::sample::select(vec![0.5, 0.9, 0.95]));
        let mut gaps: Vec<f64> = (0..cases)
            .map(|_| {
                let (groups, level) = strategy.new_tree(&mut runner).unwrap().current();
                let histograms = histograms(&groups);
                let parts = quantile_parts(&histograms, level).unwrap();
                let exact = shapley(&histograms, level);
                let size: f64 = exact.iter().map(|part| part.abs()).sum();
                let gap = |(part, exact): (&Mix, &f64)| (part.within + part.mix_shift - exact).abs() / size;
                parts.iter().zip(&exact).map(gap).fold(0.0, f64::max)
            })
            .collect();
        gaps.sort_unstable_by(f64::total_cmp);
        gaps
    }

    #[test]
    fn the_parts_are_near_those_of_shapley() {
        // Where groups differ much in width and move far, the order in which they move matters, and the two ways of
        // sharing differ by more.
        let few = gaps(2_000, 2..5);
        let (usual, most) = (few[few.len() * 95 / 100], few[few.len() - 1]);
        assert!(usual < 0.015 && most < 0.05, "95 of 100 within {usual}, all within {most}");
        let many = gaps(20, 8..11);
        assert!(many[many.len() * 9 / 10] < 0.015, "{many:?}");
    }

    fn group(middle: f64, sizes: [f64; 2], moved: f64) -> Made {
        Made { middle, width: 20.0, sizes, moved }
    }

    #[test]
    fn where_only_the_mix_changes_nothing_lies_within() {
        let histograms = histograms(&[group(500.0, [1000.0, 600.0], 0.0), group(560.0, [500.0, 900.0], 0.0)]);
        let parts = quantile_parts(&histograms, 0.95).unwrap();
        assert!(moved(&histograms, 0.95) > 10.0);
        assert!(parts.iter().all(|part| part.within.abs() < 1e-9), "{parts:?}");
    }

    #[test]
    fn growing_at_the_common_distribution_is_no_part() {
        // The third group is as all others together are, on either side, and doubles.
        let others = [group(500.0, [1000.0, 1000.0], 30.0), group(560.0, [1000.0, 1000.0], 10.0)];
        let mut all: Vec<_> = others.iter().enumerate().flat_map(|(at, made)| rows(at, made)).collect();
        for (_, bin, [before, after]) in all.clone() {
            all.push((2, bin, [0.5 * before, after]));
        }
        let histograms = Histograms::new(3, &all);
        let parts = quantile_parts(&histograms, 0.95).unwrap();
        let share = sum(&parts[2..]) / moved(&histograms, 0.95);
        // It moved as all did: its part is its share of the requests, the mean of before and after, and nothing of it mix.
        assert!((share - 0.5 * (1.0 / 3.0 + 0.5)).abs() < 0.02, "{share}");
        assert!(parts[2].mix_shift.abs() < 0.05 * moved(&histograms, 0.95), "{parts:?}");
    }

    #[test]
    fn a_fall_is_the_mirror_of_a_rise() {
        let rise = histograms(&[group(500.0, [1000.0, 700.0], 25.0), group(540.0, [500.0, 900.0], 5.0)]);
        let turned: Vec<_> = (0..2)
            .flat_map(|group| (0..rise.bins()).map(move |bin| (group, bin)))
            .map(|(group, bin)| {
                let [before, after] = rise.counts(bin, group);
                (group, rise.start(bin) as i16, [after, before])
            })
            .collect();
        let fall = Histograms::new(2, &turned);
        let [up, down] = [&rise, &fall].map(|histograms| quantile_parts(histograms, 0.95).unwrap());
        assert!(moved(&fall, 0.95) < 0.0);
        for (up, down) in up.iter().zip(&down) {
            assert!((up.within + down.within).abs() < 1e-9 && (up.mix_shift + down.mix_shift).abs() < 1e-9);
        }
    }

    #[test]
    fn few_values_with_nothing_between_them_still_add_up() {
        let rows = [
            (0, 400, [10.0, 2.0]),
            (1, 400, [9.0, 3.0]),
            (0, 700, [0.0, 5.0]),
            (1, 950, [1.0, 8.0]),
            (2, 300, [0.0, 4.0]),
            (2, i16::MIN, [3.0, 0.0]),
        ];
        let histograms = Histograms::new(3, &rows);
        for level in [0.05, 0.5, 0.9, 0.95] {
            let parts = quantile_parts(&histograms, level).unwrap();
            assert!(parts.iter().all(|part| part.within.is_finite() && part.mix_shift.is_finite()), "{parts:?}");
            let move_ = moved(&histograms, level);
            assert!((sum(&parts) - move_).abs() <= 1e-9 * move_.abs().max(1.0), "{level}: {parts:?} {move_}");
        }
    }

    #[test]
    fn one_empty_side_has_no_parts() {
        assert_eq!(quantile_parts(&Histograms::new(1, &[(0, 400, [10.0, 0.0])]), 0.5), None);
    }
}
