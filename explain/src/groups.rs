//! Like with like: leaves put together into groups that are large enough on both sides to be compared.
//!
//! A leaf of few requests has no rate. From the whole downwards each group is parted by the dimension whose values differ
//! most in how they fare, as long as what comes of it is large enough; values of few requests stay together. The groups
//! are cells of different depths, and every leaf lies in one.

use hark_model::Leaves;

/// A group has at least so many requests on either side, but for what is left over of its values.
const REQUESTS_MIN: f64 = 30.0;
/// Values must differ by so many deviations of what they would by chance, or parting by them tells nothing.
const DEVIATIONS_MIN: f64 = 2.0;
/// More groups are not made: what is parted no further is compared as a whole.
pub(crate) const GROUPS_MAX: usize = 1000;

/// For each leaf the number of its group.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Groups {
    pub(crate) of: Vec<Option<u32>>,
    /// For each group the block it is of.
    pub(crate) blocks: Vec<usize>,
    /// Groups that are too small to be compared by themselves.
    pub(crate) thin: usize,
    pub(crate) is_capped: bool,
}

/// Parts each block of leaves into groups; a group never reaches over two blocks.
pub(crate) fn groups(leaves: &Leaves, blocks: &[Vec<u32>]) -> Groups {
    let mut made = Groups { of: vec![None; leaves.leaves.len()], ..Groups::default() };
    // Level by level, so that where the groups run out all are told apart about as finely.
    let mut waiting: Vec<(usize, Vec<u32>, Vec<usize>)> = Vec::new();
    for (block, rows) in blocks.iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
        waiting.push((block, rows.clone(), (0..leaves.dimensions.len()).collect()));
    }
    let mut next = 0;
    while next < waiting.len() {
        let (block, rows, dimensions) = std::mem::take(&mut waiting[next]);
        let unmade = waiting.len() - next;
        next += 1;
        let room = GROUPS_MAX.saturating_sub(made.blocks.len() + unmade);
        match best_parting(leaves, &rows, &dimensions) {
            Some((dimension, parts)) if parts.len() <= room + 1 => {
                let left: Vec<usize> = dimensions.iter().copied().filter(|&at| at != dimension).collect();
                waiting.extend(parts.into_iter().map(|rows| (block, rows, left.clone())));
            }
            parting => {
                made.is_capped |= parting.is_some();
                made.add(leaves, block, &rows);
            }
        }
    }
    made
}

impl Groups {
    fn add(&mut self, leaves: &Leaves, block: usize, rows: &[u32]) {
        let group = self.blocks.len() as u32;
        rows.iter().for_each(|&row| self.of[row as usize] = Some(group));
        self.blocks.push(block);
        self.thin += usize::from(!Sums::of(leaves, rows).is_large());
    }
}

/// The dimension whose values differ most, and the rows of each value; those of small values come last and together.
fn best_parting(leaves: &Leaves, rows: &[u32], dimensions: &[usize]) -> Option<(usize, Vec<Vec<u32>>)> {
    let mut best: Option<(f64, usize)> = None;
    for &dimension in dimensions {
        let Some(surprise) = surprise(leaves, rows, dimension) else { continue };
        if surprise >= DEVIATIONS_MIN && best.is_none_or(|(most, _)| surprise > most) {
            best = Some((surprise, dimension));
        }
    }
    let (_, dimension) = best?;
    let sums = sums_by_value(leaves, rows, dimension);
    let mut parts: Vec<Vec<u32>> = vec![Vec::new(); sums.len()];
    let mut rest = Vec::new();
    for &row in rows {
        let code = usize::from(leaves.leaves[row as usize].codes[dimension]);
        if sums[code].is_large() { parts[code].push(row) } else { rest.push(row) }
    }
    parts.push(rest);
    parts.retain(|part| !part.is_empty());
    Some((dimension, parts))
}

/// How many deviations of chance the values of a dimension differ by; `None` where fewer than two can be compared.
fn surprise(leaves: &Leaves, rows: &[u32], dimension: usize) -> Option<f64> {
    let sums = sums_by_value(leaves, rows, dimension);
    let mut rest = Sums::default();
    let mut parts: Vec<Sums> = Vec::new();
    for sum in sums {
        if sum.is_large() { parts.push(sum) } else { rest.add(&sum) }
    }
    if rest.requests[0] + rest.requests[1] > 0.0 {
        parts.push(rest);
    }
    if parts.len() < 2 {
        return None;
    }
    let (all, bad) = parts.iter().fold((0.0, 0.0), |sum, part| (sum.0 + part.all(), sum.1 + part.bad));
    let share = bad / all;
    let chance = share * (1.0 - share);
    if chance <= 0.0 {
        return None;
    }
    let chi: f64 = parts.iter().map(|part| part.all() * (part.bad / part.all() - share).powi(2) / chance).sum();
    let free = (parts.len() - 1) as f64;
    Some((chi - free) / (2.0 * free).sqrt())
}

/// Requests on either side, and how many of both are bad.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    requests: [f64; 2],
    bad: f64,
}

impl Sums {
    fn of(leaves: &Leaves, rows: &[u32]) -> Self {
        let mut sums = Self::default();
        for &row in rows {
            let leaf = &leaves.leaves[row as usize];
            sums.add(&Self { requests: [leaf.before, leaf.after], bad: leaf.bad_before + leaf.bad_after });
        }
        sums
    }

    fn add(&mut self, other: &Self) {
        self.requests = [self.requests[0] + other.requests[0], self.requests[1] + other.requests[1]];
        self.bad += other.bad;
    }

    fn all(&self) -> f64 {
        self.requests[0] + self.requests[1]
    }

    fn is_large(&self) -> bool {
        self.requests.iter().all(|&requests| requests >= REQUESTS_MIN)
    }
}

fn sums_by_value(leaves: &Leaves, rows: &[u32], dimension: usize) -> Vec<Sums> {
    let mut sums = vec![Sums::default(); leaves.values[dimension].len().max(1)];
    for &row in rows {
        let leaf = &leaves.leaves[row as usize];
        let own = Sums { requests: [leaf.before, leaf.after], bad: leaf.bad_before + leaf.bad_after };
        sums[usize::from(leaf.codes[dimension])].add(&own);
    }
    sums
}
