//! A block of rows, which of them meet which conditions of a leaf, and what they have picked up so far.

use super::boxes::LeafBox;

/// Rows that are worked on together.
pub(super) const ROWS: usize = 1024;
/// Leaves of more conditions are worked out row by row: their answers would rarely be alike.
const PACKED_MAX: usize = 12;
const PATTERNS: usize = 1 << PACKED_MAX;

#[derive(Debug)]
pub(super) struct Answers {
    columns: usize,
    rows: usize,
    /// Column after column, `ROWS` numbers each.
    values: Vec<f32>,
    sums: Vec<f64>,
    met: Box<[u32; ROWS]>,
    /// Which of the different answers each row gave.
    which: Box<[u16; ROWS]>,
    /// For each answer, the last leaf it was given to and its number there.
    known: Vec<(u32, u16)>,
    leaf: u32,
    /// For each condition, what each of the different answers puts into its column.
    shares: Vec<[f64; ROWS]>,
}

impl Answers {
    pub(super) fn new(columns: usize) -> Self {
        Self {
            columns,
            rows: 0,
            values: vec![0.0; columns * ROWS],
            sums: vec![0.0; columns * ROWS],
            met: Box::new([0; ROWS]),
            which: Box::new([0; ROWS]),
            known: vec![(0, 0); PATTERNS],
            leaf: 0,
            shares: vec![[0.0; ROWS]; PACKED_MAX],
        }
    }

    /// Begins with at most `ROWS` rows that have picked up nothing.
    pub(super) fn take(&mut self, rows: &[f32]) {
        self.rows = rows.len() / self.columns;
        self.sums.fill(0.0);
        for (at, row) in rows.chunks_exact(self.columns).enumerate() {
            for (column, value) in row.iter().enumerate() {
                self.values[column * ROWS + at] = *value;
            }
        }
    }

    /// Adds what a leaf puts into every row. `share_out` says it of one answer, a number for each condition.
    pub(super) fn add(&mut self, leaf: &LeafBox<'_>, share_out: impl Fn(u32, &mut [f64])) {
        let conditions = leaf.conditions.len();
        self.ask(leaf);
        let mut shared = [0.0; super::CONDITIONS_MAX];
        let shared = &mut shared[..conditions];
        if conditions > PACKED_MAX {
            for row in 0..self.rows {
                share_out(self.met[row], shared);
                for (condition, share) in leaf.conditions.iter().zip(&*shared) {
                    self.sums[condition.column * ROWS + row] += share;
                }
            }
            return;
        }
        self.leaf += 1;
        let mut different = 0;
        for row in 0..self.rows {
            let met = self.met[row];
            let known = &mut self.known[met as usize % PATTERNS];
            if known.0 != self.leaf {
                *known = (self.leaf, different);
                share_out(met, shared);
                for (shares, share) in self.shares.iter_mut().zip(&*shared) {
                    shares[usize::from(different)] = *share;
                }
                different += 1;
            }
            self.which[row] = known.1;
        }
        for (condition, shares) in leaf.conditions.iter().zip(&self.shares) {
            let sums = &mut self.sums[condition.column * ROWS..][..self.rows];
            for (sum, which) in sums.iter_mut().zip(self.which.iter()) {
                *sum += shares[usize::from(*which) % ROWS];
            }
        }
    }

    fn ask(&mut self, leaf: &LeafBox<'_>) {
        let met = &mut self.met[..self.rows];
        met.fill(0);
        for (at, condition) in leaf.conditions.iter().enumerate() {
            let values = &self.values[condition.column * ROWS..][..met.len()];
            for (met, value) in met.iter_mut().zip(values) {
                *met |= u32::from((condition.low < *value) & (*value <= condition.high)) << at;
            }
        }
    }

    /// What the rows have picked up, row after row.
    pub(super) fn give(&self, contributions: &mut [f64]) {
        for (at, row) in contributions.chunks_exact_mut(self.columns).enumerate() {
            for (column, contribution) in row.iter_mut().enumerate() {
                *contribution = self.sums[column * ROWS + at];
            }
        }
    }
}
