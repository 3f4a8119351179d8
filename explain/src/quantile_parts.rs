//! How much each group of requests puts into the move of a quantile, split into how they fared and who came.
//!
//! Let `t` be the level, `w` a group's share of the requests and `F` its distribution, 0 before and 1 after. The quantile
//! of the mixture that is the part `u` on its way from before to after solves `sum (1-u) w0 (F0 - t) + u w1 (F1 - t) = 0`.
//! Along that way (the price of Aumann and Shapley 1974) a group puts in
//! `integral from q0 to q1 of D_s / D dx` with `D_s = w1 (F1 - t) - w0 (F0 - t)` and `D` their sum. The parts add up to
//! `q1 - q0`. Without the centring by `t`, a group that only grew at the common distribution would get a part.
//! `D_s` is `(w1 - w0) ((F0 + F1) / 2 - t)`, its share of the mix, and `(w0 + w1) / 2 (F1 - F0)`, what lies within it.

use hark_model::Mix;

use crate::faring::{Fared, group_means};
use crate::histograms::{Histograms, ValueRow, value_at};
use crate::mean_parts::parts_around;

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

/// The part of each group of histograms, `group_of` by their number. `None` where a side has no requests.
///
/// `D` is how far the distributions of all groups together lie apart, so the integral of one over it is known before any
/// group is looked at; and `F` of a group at a place is the sum of its requests in the bins below. So a group's integral
/// is a sum over its requests, each with the weight of its bin, and the groups cost one look at each of their bins.
pub(crate) fn quantile_parts(
    histograms: &Histograms,
    groups: usize,
    group_of: impl Fn(usize) -> usize,
    level: f64,
) -> Option<Vec<Mix>> {
    let q0 = histograms.quantile(0, level)?;
    let q1 = histograms.quantile(1, level)?;
    let (low, high, sign) = if q0.position <= q1.position { (q0, q1, 1.0) } else { (q1, q0, -1.0) };
    let (weights, whole) = weights(&stretches(histograms, low.position, high.position), histograms.places());
    let sums = histograms.weighted(&weights);
    let all = histograms.totals();
    let common = histograms.bins().fold([0.0; 2], |sum: [f64; 2], (place, _, counts)| {
        [0, 1].map(|side| sum[side] + weights[place] * counts[side] / all[side])
    });
    let fared = sums.into_iter().zip(histograms.requests()).enumerate();
    let fared = fared.map(|(at, (sums, &requests))| (group_of(at), Fared { requests, sums })).collect::<Vec<_>>();
    let parts = parts_around(&group_means(groups, &fared), all, common, level * whole).into_iter();
    Some(parts.map(|part| Mix { within: sign * part.within, mix_shift: sign * part.mix_shift }).collect())
}

/// The same for a benchmark. Gives the quantile before and after, and the parts.
pub fn part_quantile(groups: usize, rows: Vec<ValueRow>, level: f64) -> Option<([f64; 2], Vec<Mix>)> {
    let histograms = Histograms::new(groups, rows);
    let before = histograms.quantile(0, level)?.value;
    let after = histograms.quantile(1, level)?.value;
    Some(([before, after], quantile_parts(&histograms, groups, |group| group, level)?))
}

/// A part of the way from one quantile to the other on which the distributions are straight: a bin, or a part of one, or
/// what lies between two.
struct Stretch {
    /// The place of the bin, where it is one; else of the last before it.
    place: usize,
    is_bin: bool,
    nodes: Vec<Node>,
}

struct Node {
    /// How much of the bin lies below.
    part: f64,
    /// What the node stands for, in the metric's unit.
    width: f64,
    /// How far the distributions of all groups together lie apart here.
    apart: f64,
}

fn stretches(histograms: &Histograms, low: f64, high: f64) -> Vec<Stretch> {
    let all = histograms.totals();
    let mut stretches = Vec::new();
    let mut below = [0.0; 2];
    let mut last: Option<(usize, f64)> = None;
    for (place, start, counts) in histograms.bins() {
        let apart = |part: f64| {
            let [before, after] = [0, 1].map(|side| (below[side] + part * counts[side]) / all[side]);
            after - before
        };
        // Between two bins that hold something the distributions are flat.
        if let Some((place, end)) = last {
            let (from, to) = (end.max(low), start.min(high));
            if to > from {
                let node = Node { part: 0.0, width: value_at(to) - value_at(from), apart: apart(0.0) };
                stretches.push(Stretch { place, is_bin: false, nodes: vec![node] });
            }
        }
        let end = start + 1.0;
        let (from, to) = (start.max(low), end.min(high));
        if to > from {
            let node = |(node, weight): (f64, f64)| {
                let at = from + node * (to - from);
                Node { part: at - start, width: weight * (to - from) * slope_at(at), apart: apart(at - start) }
            };
            stretches.push(Stretch { place, is_bin: true, nodes: NODES.map(node).into() });
        }
        if end >= high {
            break;
        }
        below = [below[0] + counts[0], below[1] + counts[1]];
        last = Some((place, end));
    }
    stretches
}

/// By place what a request in that bin counts in the integral of `F` over `D`, and the integral of one.
fn weights(stretches: &[Stretch], places: usize) -> (Vec<f64>, f64) {
    let sum = |of: &dyn Fn(&Node) -> f64| stretches.iter().flat_map(|stretch| &stretch.nodes).map(of).sum::<f64>();
    let typical = sum(&|node| node.apart);
    let beneath = if typical < 0.0 { -BENEATH } else { BENEATH };
    let share = |node: &Node| {
        let whole = node.apart + beneath;
        if whole.abs() < f64::MIN_POSITIVE { 0.0 } else { node.width / whole }
    };
    let given = if typical.abs() > f64::MIN_POSITIVE { beneath * sum(&share) / typical } else { 0.0 };
    let of = |node: &Node| share(node) + given;
    let mut weights = vec![0.0; places];
    // What every bin below a place counts for the stretch that begins there.
    let mut steps = vec![0.0; places + 1];
    for Stretch { place, is_bin, nodes } in stretches {
        steps[place + usize::from(!is_bin)] += nodes.iter().map(of).sum::<f64>();
        weights[*place] += nodes.iter().map(|node| of(node) * node.part).sum::<f64>();
    }
    let mut above = 0.0;
    for place in (0..places).rev() {
        above += steps[place + 1];
        weights[place] += above;
    }
    (weights, sum(&of))
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
    use crate::histograms::Taken;

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

    fn rows(group: usize, made: &Made) -> Vec<ValueRow> {
        let density = |bin: i16, middle: f64| {
            let z = (f64::from(bin) + 0.5 - middle) / made.width;
            (-0.5 * z * z).exp() / (made.width * std::f64::consts::TAU.sqrt())
        };
        let row = |bin: i16| {
            let counts =
                [made.sizes[0] * density(bin, made.middle), made.sizes[1] * density(bin, made.middle + made.moved)];
            (group as u32, bin, counts)
        };
        (300..860).map(row).filter(|(_, _, counts)| counts[0] + counts[1] > 1e-3).collect()
    }

    fn histograms(groups: &[Made]) -> Histograms {
        let rows: Vec<_> = groups.iter().enumerate().flat_map(|(at, made)| rows(at, made)).collect();
        Histograms::new(groups.len(), rows)
    }

    /// Each a group by itself.
    fn parts(histograms: &Histograms, level: f64) -> Option<Vec<Mix>> {
        quantile_parts(histograms, histograms.requests().len(), |group| group, level)
    }

    fn sum(parts: &[Mix]) -> f64 {
        parts.iter().map(|part| part.within + part.mix_shift).sum()
    }

    fn moved(histograms: &Histograms, level: f64) -> f64 {
        histograms.quantile(1, level).unwrap().value - histograms.quantile(0, level).unwrap().value
    }

    /// The integral as it is written above, by the middles of many short stretches.
    fn integral(groups: &[Made], level: f64) -> Vec<f64> {
        const STEPS: u32 = 4_000;
        let all = histograms(groups);
        let [q0, q1] = [0, 1].map(|side| all.quantile(side, level).unwrap());
        let step = (q1.position - q0.position) / f64::from(STEPS);
        let each: Vec<Histograms> = groups.iter().map(|one| Histograms::new(1, rows(0, one))).collect();
        let mut parts = vec![0.0; groups.len()];
        for at in (0..STEPS).map(|step_at| q0.position + (f64::from(step_at) + 0.5) * step) {
            let centred = |one: &Histograms| {
                let below = one.bins().fold([0.0; 2], |sum: [f64; 2], (_, start, counts)| {
                    [0, 1].map(|side| sum[side] + counts[side] * (at - start).clamp(0.0, 1.0))
                });
                let side = |side: usize| (below[side] - level * one.totals()[side]) / all.totals()[side];
                side(1) - side(0)
            };
            let whole = centred(&all);
            let width = slope_at(at) * step;
            parts.iter_mut().zip(&each).for_each(|(part, one)| *part += width * centred(one) / whole);
        }
        parts
    }

    #[test]
    fn the_parts_are_their_integral() {
        let mut runner = TestRunner::deterministic();
        for _ in 0..20 {
            let groups = prop::collection::vec(made(), 2..5).new_tree(&mut runner).unwrap().current();
            let parts = parts(&histograms(&groups), 0.9).unwrap();
            let slow = integral(&groups, 0.9);
            let size: f64 = slow.iter().map(|part| part.abs()).sum();
            for (part, slow) in parts.iter().zip(&slow) {
                let gap = (part.within + part.mix_shift - slow).abs() / size;
                assert!(gap < 1e-3, "{part:?}, and not {slow}");
            }
        }
    }

    /// Shapley's value by its definition, over every set of groups that are as they are after.
    fn shapley(histograms: &Histograms, level: f64) -> Vec<f64> {
        let groups = histograms.requests().len();
        let all = histograms.totals();
        let value = |set: usize| {
            let taken = |group: usize| match set >> group & 1 {
                1 => Taken { after: 1.0 / all[1], ..Taken::default() },
                _ => Taken { before: 1.0 / all[0], ..Taken::default() },
            };
            histograms.quantile_of(level, taken).map_or(0.0, |place| place.value)
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
            let parts = parts(&histograms, level).unwrap();
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
            let whole = parts(&histograms(&groups), 0.95).unwrap();
            let rows: Vec<_> = groups.iter().enumerate().flat_map(|(at, made)| rows(at, made)).collect();
            let parted = rows.iter().flat_map(|&(group, bin, [before, after])| {
                let of = |group, part: f64| (group, bin, [part * before, part * after]);
                if group == 0 { vec![of(0, part), of(groups.len() as u32, 1.0 - part)] } else { vec![of(group, 1.0)] }
            });
            let parted = Histograms::new(groups.len() + 1, parted.collect());
            let parts = parts(&parted, 0.95).unwrap();
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
                let parts = parts(&histograms, level).unwrap();
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
        let parts = parts(&histograms, 0.95).unwrap();
        assert!(moved(&histograms, 0.95) > 10.0);
        assert!(parts.iter().all(|part| part.within.abs() < 1e-9), "{parts:?}");
    }

    #[test]
    fn nor_where_only_the_mix_within_a_group_does() {
        let histograms = histograms(&[group(500.0, [1000.0, 600.0], 0.0), group(560.0, [500.0, 900.0], 0.0)]);
        let part = quantile_parts(&histograms, 1, |_| 0, 0.95).unwrap()[0];
        assert!((part.mix_shift - moved(&histograms, 0.95)).abs() < 1e-9 && part.within.abs() < 1e-9, "{part:?}");
    }

    #[test]
    fn growing_at_the_common_distribution_is_no_part() {
        // The third group is as all others together are, on either side, and doubles.
        let others = [group(500.0, [1000.0, 1000.0], 30.0), group(560.0, [1000.0, 1000.0], 10.0)];
        let mut all: Vec<_> = others.iter().enumerate().flat_map(|(at, made)| rows(at, made)).collect();
        for (_, bin, [before, after]) in all.clone() {
            all.push((2, bin, [0.5 * before, after]));
        }
        let histograms = Histograms::new(3, all);
        let parts = parts(&histograms, 0.95).unwrap();
        let share = sum(&parts[2..]) / moved(&histograms, 0.95);
        // It moved as all did: its part is its share of the requests, the mean of before and after, and nothing of it mix.
        assert!((share - 0.5 * (1.0 / 3.0 + 0.5)).abs() < 0.02, "{share}");
        assert!(parts[2].mix_shift.abs() < 0.05 * moved(&histograms, 0.95), "{parts:?}");
    }

    #[test]
    fn a_fall_is_the_mirror_of_a_rise() {
        let made = [group(500.0, [1000.0, 700.0], 25.0), group(540.0, [500.0, 900.0], 5.0)];
        let rise = histograms(&made);
        let turned = made.iter().enumerate().flat_map(|(at, made)| rows(at, made));
        let turned = turned.map(|(group, bin, [before, after])| (group, bin, [after, before])).collect();
        let fall = Histograms::new(2, turned);
        let [up, down] = [&rise, &fall].map(|histograms| parts(histograms, 0.95).unwrap());
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
        let histograms = Histograms::new(3, rows.to_vec());
        for level in [0.05, 0.5, 0.9, 0.95] {
            let parts = parts(&histograms, level).unwrap();
            assert!(parts.iter().all(|part| part.within.is_finite() && part.mix_shift.is_finite()), "{parts:?}");
            let move_ = moved(&histograms, level);
            assert!((sum(&parts) - move_).abs() <= 1e-9 * move_.abs().max(1.0), "{level}: {parts:?} {move_}");
        }
    }

    #[test]
    fn one_empty_side_has_no_parts() {
        assert_eq!(parts(&Histograms::new(1, vec![(0, 400, [10.0, 0.0])]), 0.5), None);
    }
}
