//! What lies beside a slice and did not move: slices that differ from it in a single value.

use std::collections::BTreeMap;

use hark_model::{Beside, Leaf, Leaves, Slice};

use crate::measure::Measure;

/// So many are told, those of the most traffic.
const BESIDE_MAX: usize = 4;
/// A slice of fewer requests on either side would not convince.
const REQUESTS_MIN: f64 = 20.0;

pub(crate) fn beside(leaves: &Leaves, measure: &Measure<'_>, slice: &Slice) -> Vec<Beside> {
    let place = |(name, value): (&str, &str)| {
        let at = leaves.dimensions.iter().position(|known| known == name)?;
        let code = leaves.values[at].iter().position(|known| known == value)?;
        Some((at, code as u16))
    };
    let Some(conditions) = slice.iter().map(place).collect::<Option<Vec<(usize, u16)>>>() else { return Vec::new() };
    // In order, so that ties are always told alike.
    let mut found: BTreeMap<(usize, u16), Vec<u32>> = BTreeMap::new();
    for (row, leaf) in leaves.leaves.iter().enumerate() {
        if let Some(other) = the_other(leaf, &conditions) {
            found.entry(other).or_default().push(row as u32);
        }
    }
    let requests = |rows: &[u32]| {
        let own = rows.iter().map(|&row| &leaves.leaves[row as usize]);
        own.fold([0.0, 0.0], |sum, leaf| [sum[0] + leaf.before, sum[1] + leaf.after])
    };
    let mut sized: Vec<((usize, u16), Vec<u32>, f64)> = found
        .into_iter()
        .map(|(other, rows)| {
            let requests = requests(&rows);
            (other, rows, if requests[0] < REQUESTS_MIN { 0.0 } else { requests[1] })
        })
        .filter(|(_, _, after)| *after >= REQUESTS_MIN)
        .collect();
    sized.sort_by(|a, b| b.2.total_cmp(&a.2));
    sized.truncate(BESIDE_MAX);
    let told = |((at, code), rows, after): ((usize, u16), Vec<u32>, f64)| {
        let [Some(before), Some(now)] = measure.of_rows(&rows) else { return None };
        let value = leaves.values[at][usize::from(code)].clone();
        let slice = slice.clone().with(leaves.dimensions[at].clone(), value);
        Some(Beside { slice, before, after: now, requests: after as u64 })
    };
    sized.into_iter().filter_map(told).collect()
}

/// The one condition that a leaf does not meet, with the value it has there; absent values have no name.
fn the_other(leaf: &Leaf, conditions: &[(usize, u16)]) -> Option<(usize, u16)> {
    let mut unmet = conditions.iter().filter(|(at, code)| leaf.codes[*at] != *code);
    let (at, _) = unmet.next()?;
    let code = leaf.codes[*at];
    (unmet.next().is_none() && code != 0).then_some((*at, code))
}
