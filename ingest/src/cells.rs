//! The cells of one metric: open minutes of every slice, closed steps packed away, and what late events add to these.

use std::collections::BTreeMap;

use hark_model::{Cell, Metric, Minute, Slice, Step};
use serde::{Deserialize, Serialize};

use crate::clock::LATENESS_HORIZON_MINUTES;
use crate::slice_set::{NO_SLICE, SliceSet};

/// Closed steps are kept a little longer than the lateness horizon, since a late event may still correct them.
const KEPT_STEPS: i64 = (LATENESS_HORIZON_MINUTES + 120) / hark_model::STEP_MINUTES;

/// Position of a slice among those of its metric, in the order in which steps with them closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SliceIndex(pub usize);

/// One minute of one slice, as it closed or as late events added to it since.
#[derive(Debug, Clone, PartialEq)]
pub struct MinuteCell {
    pub slice: SliceIndex,
    pub minute: Minute,
    pub cell: Cell,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MetricCells {
    empty: Cell,
    sets: Vec<WatchSet>,
    slices: Vec<Slice>,
    closed: BTreeMap<Step, Packed>,
    /// What late events added to steps that were closed and packed.
    amended: BTreeMap<(Step, SliceIndex), Cell>,
    /// What late events added since the last step closed: (set, number, minute).
    late: BTreeMap<(usize, u32, Minute), Cell>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct WatchSet {
    /// Position among the fold's sets.
    set: usize,
    /// By the slice's number in the set.
    slices: Vec<OpenSlice>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct OpenSlice {
    /// Given when the first step with it closes.
    index: Option<SliceIndex>,
    /// The minutes that events still come for, few and in no order.
    minutes: Vec<(Minute, Cell)>,
}

/// The cells of one closed step, one after the other: some thirty bytes for a thin slice.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Packed {
    /// Where each slice's cell ends in `bytes`; an empty cell takes none.
    ends: Vec<u32>,
    bytes: Vec<u8>,
}

/// The rows of a batch that one metric counts, all of them in open minutes.
pub(crate) struct Rows<'a> {
    /// Positions in `numbers`, `minutes` and whatever `add` looks at.
    pub(crate) positions: &'a [u32],
    /// By set of the fold and position: the slice's number.
    pub(crate) numbers: &'a [Vec<u32>],
    pub(crate) minutes: &'a [Minute],
}

impl MetricCells {
    /// `sets` are positions among the fold's. `None` for a composite, which has no cells.
    pub(crate) fn new(metric: &Metric, sets: impl IntoIterator<Item = usize>) -> Option<Self> {
        Some(Self {
            empty: Cell::empty(&metric.kind)?,
            sets: sets.into_iter().map(|set| WatchSet { set, slices: Vec::new() }).collect(),
            slices: Vec::new(),
            closed: BTreeMap::new(),
            amended: BTreeMap::new(),
            late: BTreeMap::new(),
        })
    }

    pub fn slices(&self) -> impl Iterator<Item = (SliceIndex, &Slice)> {
        self.slices.iter().enumerate().map(|(at, slice)| (SliceIndex(at), slice))
    }

    pub fn slice(&self, index: SliceIndex) -> &Slice {
        &self.slices[index.0]
    }

    /// Adds rows to the cell of every watched slice that they lie in. Set by set, so that a set's cells stay near.
    pub(crate) fn add(&mut self, rows: &Rows<'_>, add: impl Fn(&mut Cell, usize)) {
        for set in &mut self.sets {
            let numbers = &rows.numbers[set.set];
            for &position in rows.positions {
                let position = position as usize;
                let number = numbers[position];
                if number == NO_SLICE {
                    continue;
                }
                let number = number as usize;
                if number >= set.slices.len() {
                    set.slices.resize_with(number + 1, OpenSlice::default);
                }
                let open = &mut set.slices[number].minutes;
                let minute = rows.minutes[position];
                let at = open.iter().rposition(|(open, _)| *open == minute).unwrap_or_else(|| {
                    open.push((minute, self.empty.clone()));
                    open.len() - 1
                });
                add(&mut open[at].1, position);
            }
        }
    }

    /// Adds one late row. Detectors and history hear of it when the next step closes.
    pub(crate) fn add_late(
        &mut self,
        position: usize,
        numbers: &[Vec<u32>],
        minute: Minute,
        add: impl Fn(&mut Cell, usize),
    ) {
        for (at, set) in self.sets.iter().enumerate() {
            let number = numbers[set.set][position];
            if number != NO_SLICE {
                add(self.late.entry((at, number, minute)).or_insert_with(|| self.empty.clone()), position);
            }
        }
    }

    /// Closes a step: the merged cell of every slice, those known before first, and the minutes behind them with what
    /// came late. Forgets what no event may correct any more.
    pub(crate) fn close(&mut self, step: Step, sets: &[SliceSet], minutes: &mut Vec<MinuteCell>) -> Vec<Cell> {
        self.name_new_slices(step, sets);
        let mut cells = vec![self.empty.clone(); self.slices.len()];
        let end = step.next().first_minute();
        for slice in self.sets.iter_mut().flat_map(|set| &mut set.slices) {
            let Some(index) = slice.index else { continue };
            for (minute, cell) in slice.minutes.extract_if(.., |(minute, _)| *minute < end) {
                cells[index.0].merge(&cell);
                minutes.push(MinuteCell { slice: index, minute, cell });
            }
        }
        self.closed.insert(step, Packed::new(&cells));
        for ((at, number, minute), cell) in std::mem::take(&mut self.late) {
            let Some(index) = self.sets[at].slices[number as usize].index else { continue };
            self.amended
                .entry((minute.step(), index))
                .and_modify(|amended| amended.merge(&cell))
                .or_insert_with(|| cell.clone());
            minutes.push(MinuteCell { slice: index, minute, cell });
        }
        let oldest = Step(step.0 - KEPT_STEPS);
        self.closed = self.closed.split_off(&oldest);
        self.amended = self.amended.split_off(&(oldest, SliceIndex(0)));
        cells
    }

    /// Slices get their index when their first step closes, in the order of sets and numbers: how a stream was cut
    /// into batches shows nowhere.
    fn name_new_slices(&mut self, step: Step, sets: &[SliceSet]) {
        let end = step.next().first_minute();
        for &(at, number, _) in self.late.keys() {
            let slices = &mut self.sets[at].slices;
            if slices.len() <= number as usize {
                slices.resize_with(number as usize + 1, OpenSlice::default);
            }
        }
        for (at, set) in self.sets.iter_mut().enumerate() {
            for (number, slice) in set.slices.iter_mut().enumerate().filter(|(_, slice)| slice.index.is_none()) {
                let number = number as u32;
                let first = (at, number, Minute(i64::MIN));
                let is_late = self.late.range(first..).next().is_some_and(|((a, n, _), _)| (*a, *n) == (at, number));
                if is_late || slice.minutes.iter().any(|(minute, _)| *minute < end) {
                    slice.index = Some(SliceIndex(self.slices.len()));
                    self.slices.push(sets[set.set].slice(number).clone());
                }
            }
        }
    }

    /// A closed step of a slice, with what late events added since.
    pub fn step_cell(&self, index: SliceIndex, step: Step) -> Cell {
        let mut cell =
            self.closed.get(&step).and_then(|packed| packed.get(index)).unwrap_or_else(|| self.empty.clone());
        if let Some(amended) = self.amended.get(&(step, index)) {
            cell.merge(amended);
        }
        cell
    }

    /// Minutes that are still open, and late additions not handed out yet: what history does not hold.
    pub fn unclosed(&self) -> impl Iterator<Item = (usize, u32, Minute, &Cell)> {
        let open = self.sets.iter().flat_map(|set| {
            let slices = set.slices.iter().enumerate();
            let set = set.set;
            slices.flat_map(move |(number, slice)| {
                slice.minutes.iter().map(move |(minute, cell)| (set, number as u32, *minute, cell))
            })
        });
        let late = self.late.iter().map(|((at, number, minute), cell)| (self.sets[*at].set, *number, *minute, cell));
        open.chain(late)
    }
}

impl Packed {
    fn new(cells: &[Cell]) -> Self {
        let mut packed = Self { ends: Vec::with_capacity(cells.len()), bytes: Vec::new() };
        for cell in cells {
            if !cell.is_empty() {
                packed.bytes = postcard::to_extend(cell, std::mem::take(&mut packed.bytes))
                    .unwrap_or_else(|error| unreachable!("a cell is numbers, which always serialise: {error}"));
            }
            packed.ends.push(packed.bytes.len() as u32);
        }
        packed.bytes.shrink_to_fit();
        packed
    }

    /// `None` where the slice's cell was empty or the slice did not exist yet.
    fn get(&self, index: SliceIndex) -> Option<Cell> {
        let end = *self.ends.get(index.0)? as usize;
        let start = index.0.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        let bytes = self.bytes.get(start..end).filter(|bytes| !bytes.is_empty())?;
        Some(postcard::from_bytes(bytes).unwrap_or_else(|error| unreachable!("written by `new`: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_cells_come_back() {
        let cells = [Cell::Count(3), Cell::Count(0), Cell::Count(70_000)];
        let packed = Packed::new(&cells);
        let found: Vec<_> = (0..4).map(|at| packed.get(SliceIndex(at))).collect();
        assert_eq!(found, [Some(Cell::Count(3)), None, Some(Cell::Count(70_000)), None]);
    }
}
