//! The cells of one metric: a minute's worth for each slice of each watched set.

use std::collections::BTreeMap;

use hark_model::{Cell, Metric, Minute, Slice, Step};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::clock::LATENESS_HORIZON_MINUTES;
use crate::dictionary::Dictionary;

/// A metric keeps so many series; the slices that come later share "(other)", which still adds up to the total.
const SLICES_MAX: usize = 2000;
/// Cells are kept a little longer than the lateness horizon, since a late event may still correct them.
const KEPT_MINUTES: i64 = LATENESS_HORIZON_MINUTES + 120;

/// Position of a slice among those of its metric, in the order they were first seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SliceIndex(pub usize);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MetricCells {
    empty: Cell,
    sets: Vec<WatchSet>,
    slices: Vec<SliceCells>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct WatchSet {
    /// Names of the set's dimensions and their positions among the metric's.
    names: Vec<String>,
    positions: Vec<usize>,
    by_key: FxHashMap<u64, SliceIndex>,
    other: Option<SliceIndex>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct SliceCells {
    slice: Slice,
    /// The minutes that events still come for, few and in no order: found faster here than in the map.
    open: Vec<(Minute, Cell)>,
    closed: BTreeMap<Minute, Cell>,
}

impl MetricCells {
    /// `None` for a composite, which has no cells.
    pub(crate) fn new(metric: &Metric) -> Option<Self> {
        let sets = metric.watch.iter().map(|names| WatchSet {
            names: names.clone(),
            positions: names.iter().filter_map(|name| metric.dimensions.iter().position(|d| d == name)).collect(),
            by_key: FxHashMap::default(),
            other: None,
        });
        Some(Self { empty: Cell::empty(&metric.kind)?, sets: sets.collect(), slices: Vec::new() })
    }

    pub fn slices(&self) -> impl Iterator<Item = (SliceIndex, &Slice)> {
        self.slices.iter().enumerate().map(|(at, cells)| (SliceIndex(at), &cells.slice))
    }

    pub fn slice(&self, index: SliceIndex) -> &Slice {
        &self.slices[index.0].slice
    }

    /// Adds one event to the cell of every watched slice that it lies in. `codes` are those of the metric's dimensions.
    pub(crate) fn add(
        &mut self,
        minute: Minute,
        is_closed: bool,
        codes: &[u16],
        values: &[&Dictionary],
        mut add: impl FnMut(&mut Cell),
    ) {
        for at in 0..self.sets.len() {
            let Some(index) = self.find(at, codes, values) else { continue };
            let empty = &self.empty;
            let cells = &mut self.slices[index.0];
            if is_closed {
                add(cells.closed.entry(minute).or_insert_with(|| empty.clone()));
                continue;
            }
            let position = cells.open.iter().rposition(|(open, _)| *open == minute).unwrap_or_else(|| {
                cells.open.push((minute, empty.clone()));
                cells.open.len() - 1
            });
            add(&mut cells.open[position].1);
        }
    }

    /// The slice of watched set `at` that the event lies in; `None` where it lacks one of the set's dimensions.
    fn find(&mut self, at: usize, codes: &[u16], values: &[&Dictionary]) -> Option<SliceIndex> {
        let set = &mut self.sets[at];
        let mut key = 0_u64;
        for &position in &set.positions {
            let code = codes[position];
            if code == 0 {
                return None;
            }
            key = (key << 16) | u64::from(code);
        }
        if let Some(&index) = set.by_key.get(&key) {
            return Some(index);
        }
        let is_full = self.slices.len() >= SLICES_MAX;
        let index = match set.other {
            Some(other) if is_full => other,
            _ => SliceIndex(self.slices.len()),
        };
        if is_full {
            set.other = Some(index);
        }
        if index.0 == self.slices.len() {
            let named = set.positions.iter().zip(&set.names).map(|(&position, name)| {
                let value = if is_full { "(other)" } else { values[position].value(codes[position]) };
                (name.clone(), value.to_owned())
            });
            let slice = named.collect();
            self.slices.push(SliceCells { slice, open: Vec::new(), closed: BTreeMap::new() });
        }
        set.by_key.insert(key, index);
        Some(index)
    }

    /// Closes the minutes of a step and forgets those that no event may correct any more.
    pub(crate) fn close(&mut self, step: Step) {
        let oldest_kept = Minute(step.first_minute().0 - KEPT_MINUTES);
        let end = step.next().first_minute();
        for cells in &mut self.slices {
            for (minute, cell) in cells.open.extract_if(.., |(minute, _)| *minute < end) {
                cells.closed.entry(minute).and_modify(|closed| closed.merge(&cell)).or_insert(cell);
            }
            while cells.closed.first_key_value().is_some_and(|(minute, _)| *minute < oldest_kept) {
                cells.closed.pop_first();
            }
        }
    }

    /// The closed minutes of a step merged into one cell.
    pub fn step_cell(&self, index: SliceIndex, step: Step) -> Cell {
        let mut merged = self.empty.clone();
        let range = step.first_minute()..step.next().first_minute();
        self.slices[index.0].closed.range(range).for_each(|(_, cell)| merged.merge(cell));
        merged
    }
}

#[cfg(test)]
mod tests {
    use hark_model::Definitions;

    use super::*;

    #[test]
    fn slices_past_the_limit_add_up_in_other() {
        let yaml = "metrics: [{name: a, kind: count, dimensions: [user_kind], watch: [[], [user_kind]]}]";
        let definitions = Definitions::parse(yaml).unwrap();
        let mut cells = MetricCells::new(definitions.get("a").unwrap()).unwrap();
        let mut dictionary = Dictionary::new();
        for number in 0..5000 {
            let code = dictionary.code(&number.to_string());
            cells.add(Minute(10), false, &[code], &[&dictionary], |cell| cell.merge(&Cell::Count(1)));
        }
        cells.close(Minute(10).step());
        let counts: Vec<_> = cells
            .slices()
            .map(|(index, slice)| (slice.to_string(), cells.step_cell(index, Minute(10).step()).count()))
            .collect();
        assert_eq!(counts[0], ("total".to_owned(), 5000));
        assert_eq!(counts.len(), SLICES_MAX + 1);
        assert_eq!(counts.last().unwrap().0, "user_kind:(other)");
        assert_eq!(counts[1..].iter().map(|(_, count)| count).sum::<u64>(), 5000);
    }
}
