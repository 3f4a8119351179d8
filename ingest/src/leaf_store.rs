//! The finest grain, kept for attribution: events counted by all dimensions and by class of outcome, step by step.

use std::collections::BTreeMap;

use hark_model::Step;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::grain::{ALL_ABSENT, Grain};

/// Attribution looks back a week and a day.
const KEPT_STEPS: i64 = 8 * 24 * 60 / hark_model::STEP_MINUTES;
/// A step keeps so many rows; what comes later is counted in a row whose dimensions are all absent, so that it adds up.
pub(crate) const ROWS_PER_STEP_MAX: usize = 20_000;
/// All steps of a metric together keep so many; the oldest steps go first.
const ROWS_MAX: usize = 4_000_000;

/// What one row counts: the same codes and the same class. The class is the bucket of a latency's sketch, 0 or 1 for
/// a ratio's miss or hit, and 0 for a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeafRow<'a> {
    pub codes: &'a [u16],
    pub class: i16,
    pub count: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LeafStore {
    dimensions: usize,
    /// By leaf and class: see [`key`].
    open: BTreeMap<Step, FxHashMap<u64, u32>>,
    closed: BTreeMap<Step, Block>,
    rows: usize,
}

/// A closed step: columns, so that a row costs its 16-bit codes and six bytes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Block {
    codes: Vec<u16>,
    classes: Vec<i16>,
    counts: Vec<u32>,
}

impl LeafStore {
    pub(crate) fn new(dimensions: usize) -> Self {
        Self { dimensions, open: BTreeMap::new(), closed: BTreeMap::new(), rows: 0 }
    }

    /// Counts requests of open steps: of each row its step, the number of its leaf in the grain, its class, and how many
    /// requests it stands for.
    pub(crate) fn add(&mut self, rows: impl Iterator<Item = (Step, u32, i16, u32)>) {
        let mut rows = rows.peekable();
        while let Some(&(step, ..)) = rows.peek() {
            let open = self.open.entry(step).or_default();
            while let Some((_, leaf, class, times)) = rows.next_if(|row| row.0 == step) {
                add(open, leaf, class, times);
            }
        }
    }

    /// A late event: one more row, since finding its like would need the map that closing has dropped.
    pub(crate) fn add_late(&mut self, step: Step, codes: &[u16], class: i16, times: u32) {
        self.closed.entry(step).or_default().push(codes, class, times);
        self.rows += 1;
    }

    pub(crate) fn close(&mut self, step: Step, grain: &Grain) {
        while self.open.first_key_value().is_some_and(|(open, _)| *open <= step) {
            let Some((closing, rows)) = self.open.pop_first() else { break };
            let block = self.closed.entry(closing).or_default();
            // The map's order is arbitrary. Counts are whole numbers and are added up, so it shows nowhere.
            for (&key, &count) in &rows {
                let codes = grain.codes(closing, (key >> 16) as u32);
                block.push(&codes[..self.dimensions], key as u16 as i16, count);
            }
            self.rows += rows.len();
        }
        let is_old = |oldest: Step, rows: usize| oldest.0 < step.0 - KEPT_STEPS || rows > ROWS_MAX;
        while self.closed.first_key_value().is_some_and(|(oldest, _)| is_old(*oldest, self.rows)) {
            self.rows -= self.closed.pop_first().map_or(0, |(_, block)| block.counts.len());
        }
    }

    /// The rows of the closed steps in `from..to`.
    pub fn rows(&self, from: Step, to: Step) -> impl Iterator<Item = LeafRow<'_>> {
        let dimensions = self.dimensions;
        self.closed.range(from..to.max(from)).flat_map(move |(_, block)| {
            (0..block.counts.len()).map(move |row| LeafRow {
                codes: &block.codes[row * dimensions..(row + 1) * dimensions],
                class: block.classes[row],
                count: block.counts[row],
            })
        })
    }

    /// The oldest step that is still kept.
    pub fn oldest(&self) -> Option<Step> {
        self.closed.first_key_value().map(|(step, _)| *step)
    }
}

#[inline]
fn add(rows: &mut FxHashMap<u64, u32>, leaf: u32, class: i16, times: u32) {
    let key_of_its_own = key(leaf, class);
    let count = if rows.len() < ROWS_PER_STEP_MAX {
        rows.entry(key_of_its_own).or_default()
    } else if let Some(count) = rows.get_mut(&key_of_its_own) {
        *count = count.saturating_add(times);
        return;
    } else {
        rows.entry(key(ALL_ABSENT, class)).or_default()
    };
    *count = count.saturating_add(times);
}

fn key(leaf: u32, class: i16) -> u64 {
    (u64::from(leaf) << 16) | u64::from(class as u16)
}

impl Block {
    fn push(&mut self, codes: &[u16], class: i16, count: u32) {
        self.codes.extend_from_slice(codes);
        self.classes.push(class);
        self.counts.push(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grain() -> Grain {
        Grain::new(vec![0, 1])
    }

    fn add(store: &mut LeafStore, grain: &mut Grain, step: Step, codes: [u16; 2]) {
        let mut leaves = Vec::new();
        grain.number(&[0], &[step], &codes.map(|code| vec![code]), step, &mut leaves);
        store.add(std::iter::once((step, leaves[0], 0, 1)));
    }

    #[test]
    fn rows_add_up_whatever_is_folded() {
        let (mut store, mut grain) = (LeafStore::new(2), grain());
        let many = u16::try_from(ROWS_PER_STEP_MAX).unwrap() + 500;
        (0..many).for_each(|code| add(&mut store, &mut grain, Step(1), [code, 1]));
        store.close(Step(1), &grain);
        store.add_late(Step(1), &[3, 1], 0, 1);
        let total: u32 = store.rows(Step(1), Step(2)).map(|row| row.count).sum();
        assert_eq!(total, u32::from(many) + 1);
        let folded: u32 = store.rows(Step(0), Step(9)).filter(|row| row.codes == [0, 0]).map(|row| row.count).sum();
        assert!((500..=502).contains(&folded), "{folded}");
    }

    #[test]
    fn old_steps_are_forgotten() {
        let (mut store, mut grain) = (LeafStore::new(2), grain());
        for step in [Step(1), Step(2 + KEPT_STEPS)] {
            add(&mut store, &mut grain, step, [1, 1]);
            store.close(step, &grain);
            grain.close(step);
        }
        assert_eq!((store.oldest(), store.rows), (Some(Step(2 + KEPT_STEPS)), 1));
    }
}
