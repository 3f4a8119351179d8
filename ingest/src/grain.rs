//! The leaves of a step: every combination of values of a list of dimensions, numbered. Metrics over the same
//! dimensions share them, so that a row's combination is looked up once.

use std::collections::BTreeMap;

use hark_model::{DIMENSIONS_MAX, Step};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::leaf_store::ROWS_PER_STEP_MAX;

/// The leaf that has none of the dimensions; those that come after a step is full are counted in it.
pub(crate) const ALL_ABSENT: u32 = 0;

const WORDS: usize = DIMENSIONS_MAX / 4;
/// Codes of all dimensions, four to a word, padded with "absent": hashing a few words is fast.
type Key = [u64; WORDS];

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Grain {
    /// Of the plan's schema.
    columns: Vec<usize>,
    open: BTreeMap<Step, Leaves>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Leaves {
    numbers: FxHashMap<Key, u32>,
    keys: Vec<Key>,
}

impl Grain {
    pub(crate) fn new(columns: Vec<usize>) -> Self {
        Self { columns, open: BTreeMap::new() }
    }

    pub(crate) fn is_of(&self, columns: &[usize]) -> bool {
        self.columns == columns
    }

    /// The number of the row's leaf in this step. `codes` are those of every column.
    pub(crate) fn leaf(&mut self, step: Step, row: usize, codes: &[Vec<u16>]) -> u32 {
        let mut key = [0; WORDS];
        for (at, &column) in self.columns.iter().enumerate() {
            key[at / 4] |= u64::from(codes[column][row]) << (16 * (at % 4));
        }
        let leaves = self.open.entry(step).or_insert_with(Leaves::new);
        let next = leaves.keys.len() as u32;
        if leaves.keys.len() > ROWS_PER_STEP_MAX {
            return leaves.numbers.get(&key).copied().unwrap_or(ALL_ABSENT);
        }
        *leaves.numbers.entry(key).or_insert_with(|| {
            leaves.keys.push(key);
            next
        })
    }

    pub(crate) fn codes(&self, step: Step, leaf: u32) -> [u16; DIMENSIONS_MAX] {
        let key = self.open.get(&step).and_then(|leaves| leaves.keys.get(leaf as usize)).copied().unwrap_or_default();
        std::array::from_fn(|at| (key[at / 4] >> (16 * (at % 4))) as u16)
    }

    pub(crate) fn close(&mut self, step: Step) {
        self.open = self.open.split_off(&step.next());
    }
}

impl Leaves {
    fn new() -> Self {
        let absent = [0; WORDS];
        Self { numbers: std::iter::once((absent, ALL_ABSENT)).collect(), keys: vec![absent] }
    }
}
