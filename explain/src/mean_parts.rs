//! How much each group of requests puts into the move of a mean or a ratio, split into how they fared and who came.
//!
//! The two-player value of Shapley (1953) of "their mean changed" and "their share of the requests changed":
//! `(w0 + w1) / 2 (r1 - r0)` and `(w1 - w0) ((r0 + r1) / 2 - (R0 + R1) / 2)`. They add up to the move of the whole, without
//! a term for the two together that nobody can read. Of the first, `(w0 + w1) / 2 (r - r0)` is who came as well, where `r`
//! is the mean before of those of the group who came after.

use hark_model::Mix;

use crate::faring::GroupMean;

/// The part of each group. `None` where a side has no requests.
pub(crate) fn mean_parts(groups: &[GroupMean]) -> Option<Vec<Mix>> {
    let all = [0, 1].map(|side| groups.iter().map(|group| group.requests[side]).sum::<f64>());
    if all.iter().any(|&all| all <= 0.0) {
        return None;
    }
    let whole = [0, 1].map(|side| {
        groups.iter().map(|group| group.requests[side] * group.means[side].unwrap_or(0.0)).sum::<f64>() / all[side]
    });
    Some(parts_around(groups, all, whole, (whole[0] + whole[1]) / 2.0))
}

/// The same where `all` requests have the mean `whole`, and growing at `middle` is no part of the move.
pub(crate) fn parts_around(groups: &[GroupMean], all: [f64; 2], whole: [f64; 2], middle: f64) -> Vec<Mix> {
    let moved = moved_within(groups);
    let part = |group: &GroupMean| {
        let [w0, w1] = [0, 1].map(|side| group.requests[side] / all[side]);
        // Who was not there before is taken to have fared as all did, and who no longer comes to have moved as all did.
        let r0 = group.means[0].unwrap_or(whole[0]);
        let r1 = group.means[1].unwrap_or(r0 + moved);
        let as_before = group.as_before.map_or(r0, |came| came.mean);
        let w = (w0 + w1) / 2.0;
        let how_many = (w1 - w0) * ((r0 + r1) / 2.0 - middle);
        Mix { within: w * (r1 - as_before), mix_shift: w * (as_before - r0) + how_many }
    };
    groups.iter().map(part).collect()
}

/// How far the mean of those who came is from what it would have been before.
fn moved_within(groups: &[GroupMean]) -> f64 {
    let compared = groups.iter().filter_map(|group| Some((group.requests[1], group.means[1]? - group.as_before?.mean)));
    let (came, moved) = compared.fold((0.0, 0.0), |sum, (came, moved)| (sum.0 + came, sum.1 + came * moved));
    if came > 0.0 { moved / came } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::faring::{Fared, group_means};

    fn leaf() -> impl Strategy<Value = (usize, Fared)> {
        let side = || prop_oneof![1 => Just(0.0), 9 => 1.0..5000.0_f64];
        (0..10_usize, side(), side(), 0.0..1.0_f64, 0.0..1.0_f64).prop_map(|(group, before, after, r0, r1)| {
            (group, Fared { requests: [before, after], sums: [before * r0, after * r1] })
        })
    }

    fn group(requests: [f64; 2], means: [f64; 2]) -> GroupMean {
        let sums = [0, 1].map(|side| requests[side] * means[side]);
        group_means(1, &[(0, Fared { requests, sums })])[0]
    }

    fn whole(groups: &[GroupMean], side: usize) -> f64 {
        let all: f64 = groups.iter().map(|group| group.requests[side]).sum();
        groups.iter().map(|group| group.requests[side] * group.means[side].unwrap_or(0.0)).sum::<f64>() / all
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn parts_add_up_to_the_move(leaves in prop::collection::vec(leaf(), 1..30)) {
            let groups = group_means(10, &leaves);
            if let Some(parts) = mean_parts(&groups) {
                let sum: f64 = parts.iter().map(|part| part.within + part.mix_shift).sum();
                prop_assert!((sum - (whole(&groups, 1) - whole(&groups, 0))).abs() < 1e-9, "{sum}");
            }
        }
    }

    #[test]
    fn each_group_worse_and_the_whole_better_is_told_apart() {
        // Simpson's: everybody fails more often, and more come of those who rarely fail.
        let groups = [group([900.0, 300.0], [0.20, 0.22]), group([100.0, 700.0], [0.02, 0.03])];
        let parts = mean_parts(&groups).unwrap();
        assert!(parts.iter().all(|part| part.within > 0.0));
        assert!(whole(&groups, 1) < whole(&groups, 0));
        assert!(parts.iter().map(|part| part.mix_shift).sum::<f64>() < -0.05);
    }

    #[test]
    fn only_the_mix_or_only_the_rate() {
        let mix = [group([500.0, 200.0], [0.1; 2]), group([500.0, 800.0], [0.3; 2])];
        assert!(mean_parts(&mix).unwrap().iter().all(|part| part.within == 0.0));
        let rate = [group([500.0, 250.0], [0.1, 0.2]), group([500.0, 250.0], [0.3; 2])];
        assert!(mean_parts(&rate).unwrap().iter().all(|part| part.mix_shift == 0.0));
    }

    #[test]
    fn who_came_of_a_group_and_who_no_longer_comes_is_the_mix() {
        let like = |group, before: f64, after: f64, mean| {
            (group, Fared { requests: [before, after], sums: [before * mean, after * mean] })
        };
        // Those of the first group who fail often are more, and the second is gone.
        let leaves = [like(0, 400.0, 40.0, 0.1), like(0, 100.0, 60.0, 0.3), like(1, 200.0, 0.0, 0.05)];
        let parts = mean_parts(&group_means(2, &leaves)).unwrap();
        assert!(parts.iter().all(|part| part.within.abs() < 1e-12), "{parts:?}");
        let moved = 0.22 - 80.0 / 700.0;
        assert!((parts.iter().map(|part| part.mix_shift).sum::<f64>() - moved).abs() < 1e-12, "{parts:?}");
    }

    /// All fail a tenth more often, and of the third group, as good as all, nobody comes any more.
    #[test]
    fn who_no_longer_comes_takes_nothing_of_what_befell_the_rest() {
        let moved = |group, before: f64, after: f64, mean| {
            (group, Fared { requests: [before, after], sums: [before * mean, after * (mean + 0.1)] })
        };
        let leaves = [moved(0, 400.0, 60.0, 0.1), moved(1, 400.0, 60.0, 0.3), moved(2, 200.0, 0.0, 0.2)];
        let parts = mean_parts(&group_means(3, &leaves)).unwrap();
        assert!(parts.iter().map(|part| part.mix_shift).sum::<f64>().abs() < 1e-12, "{parts:?}");
    }
}
