//! The cells of one metric: open minutes of every slice, closed steps packed away, and what late events add to these.

use std::collections::BTreeMap;

use hark_model::{Cell, Metric, Minute, Slice, Step, UserMark, Users};
use serde::{Deserialize, Serialize};

use crate::clock::LATENESS_HORIZON_MINUTES;
use crate::groups::Groups;
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
    pub counted: Counted,
}

/// What the requests of a cell came to, and how many users sent them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Counted {
    pub cell: Cell,
    pub users: Users,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MetricCells {
    empty: Counted,
    sets: Vec<WatchSet>,
    slices: Vec<Slice>,
    closed: BTreeMap<Step, Packed>,
    /// What late events added to steps that were closed and packed.
    amended: BTreeMap<(Step, SliceIndex), Counted>,
    /// What late events added since the last step closed: (set, number, minute).
    late: BTreeMap<(usize, u32, Minute), Counted>,
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
    /// The minutes that events still come for, few and in order.
    minutes: Vec<(Minute, Counted)>,
}

/// The cells of one closed step, one after the other, each behind its length: some eight bytes for a thin slice.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Packed {
    /// Where each block of cells begins in `bytes`.
    starts: Vec<u32>,
    bytes: Vec<u8>,
}

/// To find a cell those of its block before it are stepped over.
const BLOCK: usize = 16;
/// The length of a cell that does not fit into the byte before it: it follows in four.
const LONG: u8 = u8::MAX;

/// The rows of a batch that one metric counts, all of them in open minutes.
pub(crate) struct Rows<'a> {
    /// Positions in `numbers`, `minutes` and whatever `add` looks at.
    pub(crate) positions: &'a [u32],
    /// By set of the fold and position: the slice's number.
    pub(crate) numbers: &'a [Vec<u32>],
    pub(crate) minutes: &'a [Minute],
    /// By set: the rows in order of their cells, where that is known. Others than those of `positions` are among them.
    pub(crate) groups: &'a [Option<Groups>],
    /// By position: whether it is one of `positions`.
    pub(crate) is_counted: &'a [bool],
}

impl Counted {
    pub(crate) fn count_user(&mut self, user: Option<UserMark>) {
        if let Some(user) = user {
            self.users.add(user);
        }
    }

    pub fn merge(&mut self, other: &Self) {
        self.cell.merge(&other.cell);
        self.users.merge(&other.users);
    }
}

impl MetricCells {
    /// `sets` are positions among the fold's. `None` for a composite, which has no cells.
    pub(crate) fn new(metric: &Metric, sets: impl IntoIterator<Item = usize>) -> Option<Self> {
        Some(Self {
            empty: Counted { cell: Cell::empty(&metric.kind)?, users: Users::default() },
            sets: sets.into_iter().map(|set| WatchSet { set, slices: Vec::new() }).collect(),
            slices: Vec::new(),
            closed: BTreeMap::new(),
            amended: BTreeMap::new(),
            late: BTreeMap::new(),
        })
    }

    /// All of the same metric's cells, in a fold where its watched sets have other positions.
    pub(crate) fn take_over(&mut self, old: Self) {
        let positions: Vec<usize> = self.sets.iter().map(|set| set.set).collect();
        *self = old;
        self.sets.iter_mut().zip(positions).for_each(|(set, position)| set.set = position);
    }

    pub fn slices(&self) -> impl Iterator<Item = (SliceIndex, &Slice)> {
        self.slices.iter().enumerate().map(|(at, slice)| (SliceIndex(at), slice))
    }

    pub fn slice(&self, index: SliceIndex) -> &Slice {
        &self.slices[index.0]
    }

    /// Adds rows to the cell of every watched slice that they lie in. Set by set, so that a set's cells stay near.
    pub(crate) fn add(&mut self, rows: &Rows<'_>, add: impl Fn(&mut Counted, usize)) {
        for set in &mut self.sets {
            if let Some(groups) = &rows.groups[set.set] {
                set.add_groups(groups, rows.is_counted, &self.empty, &add);
                continue;
            }
            let numbers = &rows.numbers[set.set];
            for &position in rows.positions {
                let position = position as usize;
                let number = numbers[position];
                if number == NO_SLICE {
                    continue;
                }
                add(set.open(number, rows.minutes[position], &self.empty), position);
            }
        }
    }

    /// Adds one late row. Detectors and history hear of it when the next step closes.
    pub(crate) fn add_late(
        &mut self,
        position: usize,
        numbers: &[Vec<u32>],
        minute: Minute,
        add: impl Fn(&mut Counted, usize),
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
        let mut closed = vec![self.empty.clone(); self.slices.len()];
        let end = step.next().first_minute();
        for slice in self.sets.iter_mut().flat_map(|set| &mut set.slices) {
            let Some(index) = slice.index else { continue };
            for (minute, counted) in slice.minutes.extract_if(.., |(minute, _)| *minute < end) {
                closed[index.0].merge(&counted);
                minutes.push(MinuteCell { slice: index, minute, counted });
            }
        }
        self.closed.insert(step, Packed::new(&closed));
        for ((at, number, minute), counted) in std::mem::take(&mut self.late) {
            let Some(index) = self.sets[at].slices[number as usize].index else { continue };
            self.amended
                .entry((minute.step(), index))
                .and_modify(|amended| amended.merge(&counted))
                .or_insert_with(|| counted.clone());
            minutes.push(MinuteCell { slice: index, minute, counted });
        }
        let oldest = Step(step.0 - KEPT_STEPS);
        self.closed = self.closed.split_off(&oldest);
        self.amended = self.amended.split_off(&(oldest, SliceIndex(0)));
        closed.into_iter().map(|counted| counted.cell).collect()
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
        let packed = self.closed.get(&step).and_then(|packed| packed.cell(index, &self.empty.cell));
        let mut cell = packed.unwrap_or_else(|| self.empty.cell.clone());
        if let Some(amended) = self.amended.get(&(step, index)) {
            cell.merge(&amended.cell);
        }
        cell
    }

    /// The users of a slice in the closed steps of `from..to`; `None` where its requests name none.
    pub fn users(&self, index: SliceIndex, from: Step, to: Step) -> Option<u64> {
        let mut users = Users::default();
        let closed =
            self.closed.range(from..to.max(from)).filter_map(|(_, packed)| packed.counted(index, &self.empty.cell));
        closed.for_each(|counted| users.merge(&counted.users));
        let amended = self.amended.range((from, SliceIndex(0))..(to.max(from), SliceIndex(0)));
        amended.filter(|((_, of), _)| *of == index).for_each(|(_, counted)| users.merge(&counted.users));
        (!users.is_empty()).then(|| users.estimate())
    }

    /// Minutes that are still open, and late additions not handed out yet: what history does not hold.
    pub fn unclosed(&self) -> impl Iterator<Item = (usize, u32, Minute, &Counted)> {
        let open = self.sets.iter().flat_map(|set| {
            let slices = set.slices.iter().enumerate();
            let set = set.set;
            slices.flat_map(move |(number, slice)| {
                slice.minutes.iter().map(move |(minute, counted)| (set, number as u32, *minute, counted))
            })
        });
        let late =
            self.late.iter().map(|((at, number, minute), counted)| (self.sets[*at].set, *number, *minute, counted));
        open.chain(late)
    }
}

impl WatchSet {
    /// The cell of a minute that is open.
    fn open(&mut self, number: u32, minute: Minute, empty: &Counted) -> &mut Counted {
        let number = number as usize;
        if number >= self.slices.len() {
            self.slices.resize_with(number + 1, OpenSlice::default);
        }
        let open = &mut self.slices[number].minutes;
        let at = open.iter().rposition(|(open, _)| *open == minute).unwrap_or_else(|| {
            // A handful of minutes is open; doubling would leave nearly half of the memory unused.
            open.reserve_exact(1);
            let at = open.partition_point(|(open, _)| *open < minute);
            open.insert(at, (minute, empty.clone()));
            at
        });
        &mut open[at].1
    }

    fn add_groups(
        &mut self,
        groups: &Groups,
        is_counted: &[bool],
        empty: &Counted,
        add: &impl Fn(&mut Counted, usize),
    ) {
        for (number, minute, positions) in groups.iter() {
            // A cell is begun by the first row that the metric counts.
            let mut counted =
                positions.iter().map(|&position| position as usize).filter(|&at| is_counted[at]).peekable();
            if counted.peek().is_some() {
                let cell = self.open(number, minute, empty);
                counted.for_each(|position| add(cell, position));
            }
        }
    }
}

impl Packed {
    fn new(cells: &[Counted]) -> Self {
        let mut packed = Self { starts: Vec::with_capacity(cells.len().div_ceil(BLOCK)), bytes: Vec::new() };
        let mut cell = Vec::new();
        for (at, counted) in cells.iter().enumerate() {
            if at % BLOCK == 0 {
                packed.starts.push(packed.bytes.len() as u32);
            }
            cell.clear();
            if !counted.cell.is_empty() {
                counted.cell.pack(&mut cell);
                counted.users.pack(&mut cell);
            }
            match u8::try_from(cell.len()) {
                Ok(length) if length < LONG => packed.bytes.push(length),
                _ => {
                    packed.bytes.push(LONG);
                    packed.bytes.extend((cell.len() as u32).to_le_bytes());
                }
            }
            packed.bytes.extend(&cell);
        }
        packed.bytes.shrink_to_fit();
        packed
    }

    /// `None` where the slice's cell was empty or the slice did not exist yet.
    fn bytes(&self, index: SliceIndex) -> Option<&[u8]> {
        let mut left = self.bytes.get(*self.starts.get(index.0 / BLOCK)? as usize..)?;
        (0..index.0 % BLOCK).try_for_each(|_| take_cell(&mut left).map(|_| ()))?;
        take_cell(&mut left).filter(|bytes| !bytes.is_empty())
    }

    /// The cell, alike to an `empty` one, and the users of its requests.
    fn counted(&self, index: SliceIndex, empty: &Cell) -> Option<Counted> {
        let mut bytes = self.bytes(index)?;
        let cell = empty.unpack_alike(&mut bytes).unwrap_or_else(not_written_here);
        Some(Counted { cell, users: Users::unpack(bytes).unwrap_or_else(not_written_here) })
    }

    /// The users that lie behind it are not unpacked.
    fn cell(&self, index: SliceIndex, empty: &Cell) -> Option<Cell> {
        Some(empty.unpack_alike(&mut self.bytes(index)?).unwrap_or_else(not_written_here))
    }
}

fn take_cell<'a>(left: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (&length, rest) = left.split_first()?;
    let (length, rest) = if length == LONG {
        let (length, rest) = rest.split_first_chunk()?;
        (u32::from_le_bytes(*length) as usize, rest)
    } else {
        (usize::from(length), rest)
    };
    let (cell, rest) = rest.split_at_checked(length)?;
    *left = rest;
    Some(cell)
}

fn not_written_here<T>() -> T {
    unreachable!("what `Packed::new` wrote can be read: snapshots are checked before they are used")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_cells_come_back() {
        let of = |count: u64, users: u64| {
            let mut counted = Counted { cell: Cell::Count(count), users: Users::default() };
            let mark = |user: u64| UserMark::of(user.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            (1..=users).for_each(|user| counted.users.add(mark(user)));
            counted
        };
        // Short and long ones, empty ones among them, over more than one block.
        let cells: Vec<Counted> = (0..40).map(|at| of(at % 3 * 70_000, (at % 3) * at * 7)).collect();
        let packed = Packed::new(&cells);
        let empty = Cell::Count(0);
        for (at, cell) in cells.iter().enumerate() {
            let expected = Some(cell.clone()).filter(|counted| !counted.cell.is_empty());
            assert_eq!(packed.counted(SliceIndex(at), &empty), expected, "{at}");
            assert_eq!(packed.cell(SliceIndex(at), &empty), expected.map(|counted| counted.cell), "{at}");
        }
        assert_eq!(packed.counted(SliceIndex(40), &empty), None);
        assert_eq!(packed.counted(SliceIndex(64), &empty), None);
    }
}
