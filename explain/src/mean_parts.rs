//! How much each group of requests puts into the move of a mean or a ratio, split into how they fared and how many came.
//!
//! The two-player value of Shapley (1953) of "their mean changed" and "their share of the requests changed":
//! `(w0 + w1) / 2 (r1 - r0)` and `(w1 - w0) ((r0 + r1) / 2 - (R0 + R1) / 2)`. They add up to the move of the whole, without
//! a term for the two together that nobody can read.

use hark_model::Mix;

/// A group before and after: its requests and their mean; `None` where there are none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct GroupMean {
    pub(crate) requests: [f64; 2],
    pub(crate) means: [Option<f64>; 2],
}

/// The part of each group. `None` where a side has no requests.
pub(crate) fn mean_parts(groups: &[GroupMean]) -> Option<Vec<Mix>> {
    let all = [0, 1].map(|side| groups.iter().map(|group| group.requests[side]).sum::<f64>());
    if all.iter().any(|&all| all <= 0.0) {
        return None;
    }
    let whole = [0, 1].map(|side| {
        groups.iter().map(|group| group.requests[side] * group.means[side].unwrap_or(0.0)).sum::<f64>() / all[side]
    });
    let middle = (whole[0] + whole[1]) / 2.0;
    let part = |group: &GroupMean| {
        let [w0, w1] = [0, 1].map(|side| group.requests[side] / all[side]);
        // Who was not there before, or is no longer, is taken to have fared as all did.
        let [r0, r1] = [0, 1].map(|side| group.means[side].unwrap_or(whole[side]));
        Mix { within: (w0 + w1) / 2.0 * (r1 - r0), mix_shift: (w1 - w0) * ((r0 + r1) / 2.0 - middle) }
    };
    Some(groups.iter().map(part).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn group() -> impl Strategy<Value = GroupMean> {
        let side = || prop_oneof![1 => Just(0.0), 9 => 1.0..5000.0_f64];
        (side(), side(), 0.0..1.0_f64, 0.0..1.0_f64).prop_map(|(before, after, r0, r1)| GroupMean {
            requests: [before, after],
            means: [(before > 0.0).then_some(r0), (after > 0.0).then_some(r1)],
        })
    }

    fn whole(groups: &[GroupMean], side: usize) -> f64 {
        let all: f64 = groups.iter().map(|group| group.requests[side]).sum();
        groups.iter().map(|group| group.requests[side] * group.means[side].unwrap_or(0.0)).sum::<f64>() / all
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn parts_add_up_to_the_move(groups in prop::collection::vec(group(), 1..30)) {
            if let Some(parts) = mean_parts(&groups) {
                let sum: f64 = parts.iter().map(|part| part.within + part.mix_shift).sum();
                prop_assert!((sum - (whole(&groups, 1) - whole(&groups, 0))).abs() < 1e-9, "{sum}");
            }
        }
    }

    #[test]
    fn each_group_worse_and_the_whole_better_is_told_apart() {
        // Simpson's: everybody fails more often, and more come of those who rarely fail.
        let groups = [
            GroupMean { requests: [900.0, 300.0], means: [Some(0.20), Some(0.22)] },
            GroupMean { requests: [100.0, 700.0], means: [Some(0.02), Some(0.03)] },
        ];
        let parts = mean_parts(&groups).unwrap();
        assert!(parts.iter().all(|part| part.within > 0.0));
        assert!(whole(&groups, 1) < whole(&groups, 0));
        assert!(parts.iter().map(|part| part.mix_shift).sum::<f64>() < -0.05);
    }

    #[test]
    fn only_the_mix_or_only_the_rate() {
        let mix = [
            GroupMean { requests: [500.0, 200.0], means: [Some(0.1); 2] },
            GroupMean { requests: [500.0, 800.0], means: [Some(0.3); 2] },
        ];
        assert!(mean_parts(&mix).unwrap().iter().all(|part| part.within == 0.0));
        let rate = [
            GroupMean { requests: [500.0, 250.0], means: [Some(0.1), Some(0.2)] },
            GroupMean { requests: [500.0, 250.0], means: [Some(0.3); 2] },
        ];
        assert!(mean_parts(&rate).unwrap().iter().all(|part| part.mix_shift == 0.0));
    }
}
