//! Leaves of real cases made pure: the same kinds of requests fare as before and others come, or the other way round. Nothing
//! wanders beside, so that all of the move is one of the two.

use hark_model::{BinCount, Leaf, Leaves};

/// What the new traffic would be had each leaf's requests fared as they did before. Leaves that were not there before are left out.
pub(super) fn only_mix(leaves: &Leaves) -> Leaves {
    let grown = |leaf: &Leaf| if leaf.before > 0.0 { leaf.after / leaf.before } else { 0.0 };
    made(leaves, |leaf| [leaf.before, leaf.bad_before], |bin| bin.before, grown)
}

/// What it would be had just the same come, each leaf as many as before, who fare as they do now. Leaves of which nobody came
/// are left out.
pub(super) fn only_rate(leaves: &Leaves) -> Leaves {
    let same = |leaf: &Leaf| leaf.before / leaves.before_to_after.max(f64::MIN_POSITIVE);
    let grown = |leaf: &Leaf| if leaf.after > 0.0 { same(leaf) / leaf.after } else { 0.0 };
    let mut made = made(leaves, |leaf| [leaf.after, leaf.bad_after], |bin| bin.after, grown);
    // How the requests of a leaf that nobody came of would fare now is not known, so it is left out before, too.
    for (leaf, own) in made.leaves.iter_mut().zip(&leaves.leaves) {
        if own.after <= 0.0 {
            (leaf.before, leaf.bad_before) = (0.0, 0.0);
        }
    }
    made.values_in_bins.iter_mut().for_each(|bin| {
        if leaves.leaves[bin.leaf as usize].after <= 0.0 {
            bin.before = 0.0;
        }
    });
    made
}

/// The same before; after is what is taken of each leaf and of each of its bins, so many times.
fn made(
    leaves: &Leaves,
    of_leaf: impl Fn(&Leaf) -> [f64; 2],
    of_bin: impl Fn(&BinCount) -> f64,
    times: impl Fn(&Leaf) -> f64,
) -> Leaves {
    let leaf = |leaf: &Leaf| {
        let [after, bad_after] = of_leaf(leaf).map(|requests| times(leaf) * requests);
        Leaf { after, bad_after, ..leaf.clone() }
    };
    let bin = |bin: &BinCount| BinCount { after: times(&leaves.leaves[bin.leaf as usize]) * of_bin(bin), ..*bin };
    Leaves {
        leaves: leaves.leaves.iter().map(leaf).collect(),
        values_in_bins: leaves.values_in_bins.iter().map(bin).collect(),
        ..leaves.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traffic_is_that_of_one_side_and_faring_that_of_the_other() {
        let leaf = |before: f64, bad_before: f64, after: f64, bad_after: f64| Leaf {
            codes: vec![1],
            before,
            bad_before,
            after,
            bad_after,
        };
        let bin = |leaf: u32, before: f64, after: f64| BinCount { leaf, class: 5, before, after };
        let leaves = Leaves {
            leaves: vec![leaf(70.0, 7.0, 20.0, 10.0), leaf(0.0, 0.0, 5.0, 1.0), leaf(14.0, 7.0, 0.0, 0.0)],
            values_in_bins: vec![bin(0, 35.0, 15.0), bin(1, 0.0, 5.0), bin(2, 14.0, 0.0)],
            before_to_after: 7.0,
            ..Leaves::default()
        };
        let of = |leaves: &Leaves| {
            let counts = |leaf: &Leaf| [leaf.before, leaf.bad_before, leaf.after, leaf.bad_after];
            let bins: Vec<_> = leaves.values_in_bins.iter().map(|bin| [bin.before, bin.after]).collect();
            (leaves.leaves.iter().map(counts).collect::<Vec<_>>(), bins)
        };
        let (mix, bins) = of(&only_mix(&leaves));
        assert_eq!(mix, [[70.0, 7.0, 20.0, 2.0], [0.0; 4], [14.0, 7.0, 0.0, 0.0]]);
        assert_eq!(bins, [[35.0, 10.0], [0.0, 0.0], [14.0, 0.0]]);
        let (rate, bins) = of(&only_rate(&leaves));
        assert_eq!(rate, [[70.0, 7.0, 10.0, 5.0], [0.0; 4], [0.0; 4]]);
        assert_eq!(bins, [[35.0, 7.5], [0.0, 0.0], [0.0, 0.0]]);
    }
}
