//! Which part of a move is a change of who came, and how sure that is.

use hark_model::{Leaves, MixShare};

use crate::faring::{Fared, group_means};
use crate::groups::Groups;
use crate::mean_parts::mean_parts;

const Z95: f64 = 1.96;
/// Two-sided 95 % of Student's t by its degrees of freedom, from two on; of more it is as of the last.
const T95: [f64; 5] = [4.303, 3.182, 2.776, 2.571, 2.447];
/// Fewer days say nothing of how they differ.
const DAYS_MIN: usize = 3;

/// What one leaf had on one of the days before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LeafDay {
    pub leaf: u32,
    pub day: usize,
    pub requests: f64,
    pub bad: f64,
}

/// `whole` is the move in the metric's unit, `(within, mix)`. How far either may be off is known of the shares of bad requests,
/// by the chance of requests that come each by itself, or by how much the days before differ from each other where that is
/// more; and is told in the proportion in which the move of that share is the move of the statistic.
pub(crate) fn mix_share(
    leaves: &Leaves,
    by_day: &[LeafDay],
    rows: &[u32],
    groups: &Groups,
    whole: (f64, f64),
    size: f64,
) -> Option<MixShare> {
    let (within, mix) = (whole.0.abs(), whole.1.abs());
    if within + mix <= 0.0 {
        return None;
    }
    let (moved, variances) = errors(leaves, rows, groups)?;
    // Of one unit of the share in units of the statistic.
    let scale = if moved.abs() > 0.0 { (size / moved).abs() } else { return None };
    let between = between_days(by_day, groups).unwrap_or_default();
    let half = |part: usize| scale * (Z95 * variances[part].sqrt()).max(between[part]);
    Some(MixShare { share: share(within, mix), interval: interval([within, mix], [half(0), half(1)]) })
}

fn share(within: f64, mix: f64) -> f64 {
    if within + mix > 0.0 { mix / (within + mix) } else { 0.5 }
}

/// By each part at the ends of its own interval: a part that may be nothing leaves the other all of the move, which no
/// straight line through the best estimate says.
fn interval([within, mix]: [f64; 2], [half_within, half_mix]: [f64; 2]) -> [f64; 2] {
    let best = share(within, mix);
    let less = |part: f64, half: f64| (part - half).max(0.0);
    let up = [share(less(within, half_within), mix), share(within, mix + half_mix)];
    let down = [share(within + half_within, mix), share(within, less(mix, half_mix))];
    let far = |ends: [f64; 2]| (ends[0] - best).hypot(ends[1] - best);
    [(best - far(down)).max(0.0), (best + far(up)).min(1.0)]
}

/// How far what lies within, and what is mix, is from nothing in 95 of 100 days like those before, in shares of bad requests:
/// each day is held against the others as the time that is explained is against all of them.
fn between_days(by_day: &[LeafDay], groups: &Groups) -> Option<[f64; 2]> {
    let days = by_day.iter().map(|own| own.day + 1).max().unwrap_or(0);
    if days < DAYS_MIN {
        return None;
    }
    let mut sums = vec![vec![[0.0; 2]; groups.of.len()]; days];
    let mut all = vec![[0.0; 2]; groups.of.len()];
    for LeafDay { leaf, day, requests, bad } in by_day {
        for own in [&mut sums[*day][*leaf as usize], &mut all[*leaf as usize]] {
            *own = [own[0] + requests, own[1] + bad];
        }
    }
    let mut squares = [0.0; 2];
    for day in &sums {
        let fared = |((own, all), group): ((&[f64; 2], &[f64; 2]), &Option<u32>)| {
            let [requests, sums] = [0, 1].map(|at| [all[at] - own[at], own[at]]);
            group.map(|group| (group as usize, Fared { requests, sums }))
        };
        let leaves: Vec<_> = day.iter().zip(&all).zip(&groups.of).filter_map(fared).collect();
        let parts = mean_parts(&group_means(groups.blocks.len(), &leaves))?;
        let [within, mix] = [0, 1].map(|at| parts.iter().map(|part| [part.within, part.mix_shift][at]).sum::<f64>());
        squares = [squares[0] + within * within, squares[1] + mix * mix];
    }
    // A day against one less than all: the mean of those is less sure than that of all.
    let count = days as f64;
    let times = T95[(days - DAYS_MIN).min(T95.len() - 1)] * (1.0 - 1.0 / (count * count)).sqrt();
    Some(squares.map(|sum| times * (sum / count).sqrt()))
}

/// How far the share of bad requests moved, and the variances of what lies within and of the mix.
fn errors(leaves: &Leaves, rows: &[u32], groups: &Groups) -> Option<(f64, [f64; 2])> {
    let mut sums = Fared::default();
    let fared = |row: &u32| {
        let (leaf, group) = (&leaves.leaves[*row as usize], groups.of[*row as usize]?);
        let own = Fared { requests: [leaf.before, leaf.after], sums: [leaf.bad_before, leaf.bad_after] };
        Some((group as usize, own))
    };
    let fared: Vec<_> = rows.iter().filter_map(fared).inspect(|(_, own)| sums.add(own)).collect();
    let moved = sums.mean(1)? - sums.mean(0)?;
    let mut within = 0.0;
    // Of each side the weighted sum of how leaves fare, and of its squares.
    let mut means = [(0.0, 0.0); 2];
    for group in group_means(groups.blocks.len(), &fared) {
        let share = |side: usize| {
            (group.means[side].unwrap_or(0.0) * group.requests[side] + 0.5) / (group.requests[side] + 1.0)
        };
        let middle = (share(0) + share(1)) / 2.0;
        let weights = [0, 1].map(|side| group.requests[side] / sums.requests[side]);
        let weight = (weights[0] + weights[1]) / 2.0;
        let compared = [group.as_before.map_or(group.requests[0], |came| came.requests), group.requests[1]];
        let squares = middle * middle + group.as_before.map_or(0.0, |came| came.variance);
        for side in [0, 1] {
            within += weight.powi(2) * share(side) * (1.0 - share(side)) / compared[side].max(1.0);
            means[side].0 += weights[side] * middle;
            means[side].1 += weights[side] * squares;
        }
    }
    let mix = [0, 1].map(|side| (means[side].1 - means[side].0.powi(2)).max(0.0) / sums.requests[side]);
    Some((moved, [within, mix[0] + mix[1]]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leaves_file::draws::Draws;

    #[test]
    fn a_part_that_may_be_nothing_leaves_the_other_all_of_it() {
        assert_eq!(interval([1.0, 9.0], [1.5, 0.5])[1], 1.0);
        assert_eq!(interval([9.0, 1.0], [0.5, 1.5])[0], 0.0);
        let [low, high] = interval([5.0, 5.0], [1.0, 1.0]);
        assert!(low > 0.4 && low < 0.46 && high > 0.54 && high < 0.6, "{low} {high}");
        assert_eq!(interval([3.0, 1.0], [0.0; 2]), [0.25; 2]);
    }

    /// Days that wander together differ by more than requests do by chance: of all traffic, and of one group.
    #[test]
    fn the_days_before_say_how_far_a_day_wanders() {
        let mut draws = Draws::new(3);
        let groups = Groups { of: vec![Some(0), Some(1)], blocks: vec![0, 0], thin: 0, is_capped: false };
        let wander = 0.02;
        let mut holds = 0;
        for _ in 0..1_000 {
            let mut day = |day: usize| {
                let share = 0.2 + wander * draws.normal();
                [(0, 700.0, share), (1, 300.0, share + 0.1)].map(|(leaf, requests, share)| LeafDay {
                    leaf,
                    day,
                    requests,
                    bad: requests * share,
                })
            };
            let by_day: Vec<LeafDay> = (0..7).flat_map(&mut day).collect();
            let [within, mix] = between_days(&by_day, &groups).unwrap();
            assert!(mix < 1e-12, "the same came every day: {mix}");
            let bad = |days: &[LeafDay]| days.iter().map(|own| own.bad).sum::<f64>() / (days.len() / 2) as f64 / 1000.0;
            let off = bad(&day(7)) - bad(&by_day);
            holds += usize::from(off.abs() <= within);
        }
        // Four standard errors of a thousand times 95 in a hundred.
        assert!((922..978).contains(&holds), "{holds}");
        assert!(between_days(&[], &groups).is_none());
    }
}
