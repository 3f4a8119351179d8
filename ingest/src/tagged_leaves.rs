//! Sums by leaf and tag, step by step: what a latency's stages took by class of latency, what failures said by error
//! signature.
//!
//! Whole numbers that only grow: adding them up gives the same bits in any order. Beside `LeafStore`, which counts
//! alone, because few metrics have stages and few requests fail.

use std::collections::BTreeMap;

use hark_model::packing::{put, take};
use hark_model::{DIMENSIONS_MAX, Step};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::grain::{ALL_ABSENT, Grain};

/// As far as attribution looks back.
const KEPT_STEPS: i64 = 8 * 24 * 60 / hark_model::STEP_MINUTES;
/// A step keeps so many rows; what comes later is added to rows whose dimensions are all absent, one a tag.
const ROWS_PER_STEP_MAX: usize = 20_000;
/// All closed steps of a metric together take so much; the oldest go first. A row takes some 25 bytes.
const BYTES_MAX: usize = 64 << 20;
/// The sums of one row: requests, the value, and stages.
pub(crate) const SUMS_MAX: usize = 2 + hark_model::STAGES_MAX;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TaggedLeaves {
    dimensions: usize,
    sums: usize,
    open: BTreeMap<Step, Open>,
    closed: BTreeMap<Step, Vec<u8>>,
    bytes: usize,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Open {
    /// By leaf and tag: see [`key`].
    places: FxHashMap<u64, u32>,
    /// In the order in which rows began.
    keys: Vec<u64>,
    /// Those of one row after those of the other.
    sums: Vec<u64>,
}

/// One leaf and tag in one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaggedRow<'a> {
    pub step: Step,
    pub codes: &'a [u16],
    pub tag: u32,
    pub sums: &'a [u64],
}

impl TaggedLeaves {
    /// Rows over so many dimensions, with so many sums each.
    pub(crate) fn new(dimensions: usize, sums: usize) -> Self {
        debug_assert!(dimensions <= DIMENSIONS_MAX && sums <= SUMS_MAX, "both are checked where metrics are defined");
        Self { dimensions, sums, open: BTreeMap::new(), closed: BTreeMap::new(), bytes: 0 }
    }

    /// Adds to the row of an open step's leaf and tag.
    pub(crate) fn add(&mut self, step: Step, leaf: u32, tag: u32, sums: &[u64]) {
        let width = self.sums;
        self.open.entry(step).or_default().add(leaf, tag, width, sums);
    }

    /// A late event: one more row, since finding its like would need the map that closing has dropped.
    pub(crate) fn add_late(&mut self, step: Step, codes: &[u16], tag: u32, sums: &[u64]) {
        let block = self.closed.entry(step).or_default();
        let before = block.len();
        pack(block, codes, tag, sums);
        self.bytes += block.len() - before;
    }

    pub(crate) fn close(&mut self, step: Step, grain: &Grain) {
        while self.open.first_key_value().is_some_and(|(open, _)| *open <= step) {
            let Some((closing, open)) = self.open.pop_first() else { break };
            let block = self.closed.entry(closing).or_default();
            let before = block.len();
            for (&key, sums) in open.keys.iter().zip(open.sums.chunks(self.sums)) {
                let codes = grain.codes(closing, (key >> 32) as u32);
                pack(block, &codes[..self.dimensions], key as u32, sums);
            }
            block.shrink_to_fit();
            self.bytes += block.len() - before;
        }
        let is_old = |oldest: Step, bytes: usize| oldest.0 < step.0 - KEPT_STEPS || bytes > BYTES_MAX;
        while self.closed.first_key_value().is_some_and(|(oldest, _)| is_old(*oldest, self.bytes)) {
            self.bytes -= self.closed.pop_first().map_or(0, |(_, block)| block.len());
        }
    }

    /// Hands out the rows of the closed steps in `from..to`, one leaf and tag perhaps more than once.
    pub fn each(&self, from: Step, to: Step, mut take_row: impl FnMut(TaggedRow<'_>)) {
        let (mut codes, mut sums) = ([0; DIMENSIONS_MAX], [0; SUMS_MAX]);
        let (codes, sums) = (&mut codes[..self.dimensions], &mut sums[..self.sums]);
        for (&step, block) in self.closed.range(from..to.max(from)) {
            let mut left = block.as_slice();
            while !left.is_empty() {
                let Some(tag) = unpack(&mut left, codes, sums) else {
                    unreachable!("what `pack` wrote can be read: snapshots are checked before they are used")
                };
                take_row(TaggedRow { step, codes, tag, sums });
            }
        }
    }

    /// What the rows of a closed step take up.
    pub fn bytes(&self, step: Step) -> usize {
        self.closed.get(&step).map_or(0, Vec::len)
    }

    /// The oldest step that is still kept.
    pub fn oldest(&self) -> Option<Step> {
        self.closed.first_key_value().map(|(step, _)| *step)
    }
}

impl Open {
    #[inline]
    fn add(&mut self, leaf: u32, tag: u32, width: usize, sums: &[u64]) {
        let own = key(leaf, tag);
        let place = match self.places.get(&own) {
            Some(&place) => place,
            None if self.keys.len() < ROWS_PER_STEP_MAX => self.begin(own, width),
            None => {
                let folded = key(ALL_ABSENT, tag);
                self.places.get(&folded).copied().unwrap_or_else(|| self.begin(folded, width))
            }
        };
        let start = place as usize * width;
        for (sum, more) in self.sums[start..start + width].iter_mut().zip(sums) {
            *sum = sum.saturating_add(*more);
        }
    }

    fn begin(&mut self, key: u64, width: usize) -> u32 {
        let place = self.keys.len() as u32;
        self.places.insert(key, place);
        self.keys.push(key);
        self.sums.resize(self.sums.len() + width, 0);
        place
    }
}

fn key(leaf: u32, tag: u32) -> u64 {
    (u64::from(leaf) << 32) | u64::from(tag)
}

fn pack(into: &mut Vec<u8>, codes: &[u16], tag: u32, sums: &[u64]) {
    codes.iter().for_each(|&code| put(into, u64::from(code)));
    put(into, u64::from(tag));
    sums.iter().for_each(|&sum| put(into, sum));
}

/// The tag; codes and sums go where there is room for them. `None` if it is something else than [`pack`] wrote.
fn unpack(from: &mut &[u8], codes: &mut [u16], sums: &mut [u64]) -> Option<u32> {
    for code in codes {
        *code = u16::try_from(take(from)?).ok()?;
    }
    let tag = u32::try_from(take(from)?).ok()?;
    for sum in sums {
        *sum = take(from)?;
    }
    Some(tag)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn add(store: &mut TaggedLeaves, grain: &mut Grain, step: Step, codes: [u16; 2], tag: u32, sums: &[u64]) {
        let mut leaves = Vec::new();
        grain.number(&[0], &[step], &codes.map(|code| vec![code]), step, &mut leaves);
        store.add(step, leaves[0], tag, sums);
    }

    fn rows(store: &TaggedLeaves) -> BTreeMap<(Vec<u16>, u32), Vec<u64>> {
        let mut rows = BTreeMap::new();
        store.each(Step(0), Step(9), |row| {
            let sums = rows.entry((row.codes.to_vec(), row.tag)).or_insert_with(|| vec![0; row.sums.len()]);
            sums.iter_mut().zip(row.sums).for_each(|(sum, more)| *sum += more);
        });
        rows
    }

    proptest! {
        #[test]
        fn rows_come_back_whatever_the_order(
            added in prop::collection::vec(((0_u16..4, 0_u16..400), 0_u32..5, 0_u64..1 << 40, any::<bool>()), 0..60),
        ) {
            let fill = |order: &mut dyn Iterator<Item = &((u16, u16), u32, u64, bool)>| {
                let (mut store, mut grain) = (TaggedLeaves::new(2, 2), Grain::new(vec![0, 1]));
                let mut late = Vec::new();
                for ((a, b), tag, sum, is_late) in order {
                    if *is_late {
                        late.push(([*a, *b], *tag, *sum));
                    } else {
                        add(&mut store, &mut grain, Step(1), [*a, *b], *tag, &[1, *sum]);
                    }
                }
                store.close(Step(1), &grain);
                late.iter().for_each(|(codes, tag, sum)| store.add_late(Step(1), codes, *tag, &[1, *sum]));
                store
            };
            let store = fill(&mut added.iter());
            let mut expected = BTreeMap::new();
            for ((a, b), tag, sum, _) in &added {
                let sums = expected.entry((vec![*a, *b], *tag)).or_insert_with(|| vec![0, 0]);
                (sums[0], sums[1]) = (sums[0] + 1, sums[1] + sum);
            }
            prop_assert_eq!(&rows(&store), &expected);
            prop_assert_eq!(&rows(&fill(&mut added.iter().rev())), &expected);
            prop_assert_eq!(store.bytes, store.closed.values().map(Vec::len).sum::<usize>());
        }
    }

    #[test]
    fn a_full_step_adds_to_rows_without_dimensions() {
        let (mut store, mut grain) = (TaggedLeaves::new(2, 1), Grain::new(vec![0, 1]));
        let many = u16::try_from(ROWS_PER_STEP_MAX).unwrap() + 500;
        (0..many).for_each(|code| add(&mut store, &mut grain, Step(1), [code, 1], 7, &[1]));
        store.close(Step(1), &grain);
        let rows = rows(&store);
        assert_eq!(rows.values().flatten().sum::<u64>(), u64::from(many));
        assert!(rows[&(vec![0, 0], 7)][0] >= 500);
    }

    #[test]
    fn old_steps_are_forgotten() {
        let (mut store, mut grain) = (TaggedLeaves::new(2, 1), Grain::new(vec![0, 1]));
        for step in [Step(1), Step(2 + KEPT_STEPS)] {
            add(&mut store, &mut grain, step, [1, 1], 0, &[1]);
            store.close(step, &grain);
            grain.close(step);
        }
        assert_eq!(store.oldest(), Some(Step(2 + KEPT_STEPS)));
        assert_eq!(store.bytes, store.closed.values().map(Vec::len).sum::<usize>());
    }
}
