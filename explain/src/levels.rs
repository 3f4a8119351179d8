//! Beyond which level a value is bad: the one that the statistic had, or a higher one. A tail that grew long is told from
//! chance far better by what lies where hardly anything lay before.

use hark_model::Leaves;

/// So many levels, each of which a third of the values before pass that pass the one below it.
const LEVELS: i32 = 2;
const FEWER: f64 = 1.0 / 3.0;

/// Of each leaf the bad requests, before and after.
pub(crate) type Bad = Vec<[f64; 2]>;

/// As the leaves have it.
pub(crate) fn usual(leaves: &Leaves) -> Bad {
    leaves.leaves.iter().map(|leaf| [leaf.bad_before, leaf.bad_after]).collect()
}

/// By higher and higher levels; none where the leaves hold no values.
pub(crate) fn higher(leaves: &Leaves, inside: &[bool]) -> Vec<Bad> {
    let own = || leaves.leaves.iter().zip(inside).filter(|(_, inside)| **inside).map(|(leaf, _)| leaf);
    let usual: f64 = own().map(|leaf| leaf.bad_before).sum();
    let bins = leaves.values_in_bins.iter().filter(|bin| inside[bin.leaf as usize] && bin.before > 0.0);
    let mut before: Vec<(i16, f64)> = bins.map(|bin| (bin.class, bin.before)).collect();
    before.sort_unstable_by_key(|(class, _)| std::cmp::Reverse(*class));
    let mut classes = Vec::new();
    let mut beyond = 0.0;
    for same in before.chunk_by(|a, b| a.0 == b.0) {
        let count: f64 = same.iter().map(|(_, count)| count).sum();
        classes.push((same[0].0, beyond));
        beyond += count;
    }
    let level = |number: i32| {
        let most = usual * FEWER.powi(number);
        classes.iter().rev().find(|(_, beyond)| *beyond <= most).map(|(class, _)| *class)
    };
    let mut levels: Vec<i16> = (1..=LEVELS).filter_map(level).collect();
    levels.dedup();
    levels.into_iter().map(|level| beyond_level(leaves, level)).collect()
}

fn beyond_level(leaves: &Leaves, level: i16) -> Bad {
    let mut bad = vec![[0.0; 2]; leaves.leaves.len()];
    for bin in leaves.values_in_bins.iter().filter(|bin| bin.class > level) {
        let own = &mut bad[bin.leaf as usize];
        *own = [own[0] + bin.before, own[1] + bin.after];
    }
    bad
}
