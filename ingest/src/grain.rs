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

    pub(crate) fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// The open leaves of a grain of the same dimensions, whose columns may lie elsewhere.
    pub(crate) fn take_over(&mut self, old: &Self) {
        self.open = old.open.clone();
    }

    /// The number of each row's leaf in its step; meaningless for rows of steps before `next`, which have closed. `codes`
    /// are those of every column.
    pub(crate) fn number(
        &mut self,
        rows: &[u32],
        steps: &[Step],
        codes: &[Vec<u16>],
        next: Step,
        numbers: &mut Vec<u32>,
    ) {
        let mut keys = vec![Key::default(); rows.len()];
        for (at, &column) in self.columns.iter().enumerate() {
            for (key, &row) in keys.iter_mut().zip(rows) {
                key[at / 4] |= u64::from(codes[column][row as usize]) << (16 * (at % 4));
            }
        }
        numbers.clear();
        let mut keys = keys.as_slice();
        for steps in steps.chunk_by(Step::eq) {
            let (step, own) = (steps[0], keys.split_off(..steps.len()).unwrap_or_default());
            if step < next {
                numbers.extend(own.iter().map(|_| ALL_ABSENT));
            } else {
                // Nothing but look-ups in a row: the processor waits for several of them at a time.
                let leaves = self.open.entry(step).or_insert_with(Leaves::new);
                numbers.extend(own.iter().map(|key| leaves.number(key)));
            }
        }
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

    #[inline]
    fn number(&mut self, key: &Key) -> u32 {
        if self.keys.len() > ROWS_PER_STEP_MAX {
            return self.numbers.get(key).copied().unwrap_or(ALL_ABSENT);
        }
        *self.numbers.entry(*key).or_insert_with(|| {
            self.keys.push(*key);
            self.keys.len() as u32 - 1
        })
    }
}
