//! Rows of a run in order of slice and minute: where many rows share a cell, it is looked up once for all of them, and its
//! memory stays near while they are added.

use hark_model::Minute;

use crate::slice_set::NO_SLICE;

/// Below this a group has too few rows to be worth the sorting.
const ROWS_PER_GROUP_MIN: usize = 4;
const ROWS_MIN: usize = 512;
/// Minutes that a run is sorted by; one with more of them is full of wrong clocks.
const MINUTES_MAX: usize = 64;
/// The row is late, or its minute is one too many.
const NO_SLOT: u8 = u8::MAX;

/// The minutes that the open rows of a run lie in.
#[derive(Default)]
pub(crate) struct Slots {
    minutes: Vec<Minute>,
    /// By position: which of these minutes.
    slots: Vec<u8>,
}

/// The rows of a run that lie in a slice of one set.
#[derive(Default)]
pub(crate) struct Groups {
    /// Positions, those of a group one after the other.
    order: Vec<u32>,
    groups: Vec<Group>,
}

#[derive(Clone, Copy)]
struct Group {
    number: u32,
    minute: Minute,
    /// Where it ends in `order`.
    end: u32,
}

impl Slots {
    /// `None` where sorting is not worth its while.
    pub(crate) fn of(minutes: &[Minute], is_open: impl Fn(usize) -> bool) -> Option<Self> {
        if minutes.len() < ROWS_MIN {
            return None;
        }
        let mut known: Vec<Minute> = Vec::new();
        let mut slots = Vec::with_capacity(minutes.len());
        let mut last = 0;
        for (position, minute) in minutes.iter().enumerate() {
            if !is_open(position) {
                slots.push(NO_SLOT);
                continue;
            }
            if known.get(last) != Some(minute) {
                last = known.iter().position(|known| known == minute).unwrap_or(known.len());
                if last == known.len() {
                    known.push(*minute);
                }
                if last >= MINUTES_MAX {
                    return None;
                }
            }
            slots.push(last as u8);
        }
        Some(Self { minutes: known, slots })
    }

    /// Sorts the positions by the number of their slice and their minute. `None` where most groups would be tiny.
    pub(crate) fn group(&self, numbers: &[u32]) -> Option<Groups> {
        let minutes = self.minutes.len();
        let slices = numbers.iter().filter(|number| **number != NO_SLICE).max().map_or(0, |most| *most as usize + 1);
        if slices * minutes * ROWS_PER_GROUP_MIN > numbers.len() {
            return None;
        }
        let key = |(&number, &slot): (&u32, &u8)| {
            (number != NO_SLICE && slot != NO_SLOT).then(|| number as usize * minutes + usize::from(slot))
        };
        let keys = || numbers.iter().zip(&self.slots).map(key);
        let mut starts = vec![0_u32; slices * minutes];
        keys().flatten().for_each(|key| starts[key] += 1);
        let mut groups = Vec::new();
        let mut end = 0;
        for (key, start) in starts.iter_mut().enumerate() {
            let count = std::mem::replace(start, end);
            end += count;
            if count > 0 {
                groups.push(Group { number: (key / minutes) as u32, minute: self.minutes[key % minutes], end });
            }
        }
        let mut order = vec![0_u32; end as usize];
        for (position, key) in keys().enumerate() {
            let Some(key) = key else { continue };
            order[starts[key] as usize] = position as u32;
            starts[key] += 1;
        }
        Some(Groups { order, groups })
    }
}

impl Groups {
    /// Slice, minute and positions of each group.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, Minute, &[u32])> {
        let mut start = 0;
        self.groups.iter().map(move |group| {
            let from = std::mem::replace(&mut start, group.end as usize);
            (group.number, group.minute, &self.order[from..group.end as usize])
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_open_row_is_in_its_group_and_in_order(
            rows in prop::collection::vec((0_u32..9, 0_i64..4, any::<bool>()), ROWS_MIN..3 * ROWS_MIN),
        ) {
            let number = |number: u32| if number == 8 { NO_SLICE } else { number };
            let numbers: Vec<u32> = rows.iter().map(|row| number(row.0)).collect();
            let minutes: Vec<Minute> = rows.iter().map(|row| Minute(row.1)).collect();
            let mut expected: BTreeMap<(u32, Minute), Vec<u32>> = BTreeMap::new();
            for (position, &(_, _, is_open)) in rows.iter().enumerate() {
                if is_open && numbers[position] != NO_SLICE {
                    expected.entry((numbers[position], minutes[position])).or_default().push(position as u32);
                }
            }
            let slots = Slots::of(&minutes, |position| rows[position].2).unwrap();
            let groups = slots.group(&numbers).unwrap();
            let found: BTreeMap<_, _> =
                groups.iter().map(|(number, minute, order)| ((number, minute), order.to_vec())).collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn few_rows_and_many_minutes_are_left_as_they_are() {
        let minutes =
            |count: usize, different: i64| (0..count as i64).map(|at| Minute(at % different)).collect::<Vec<_>>();
        assert!(Slots::of(&minutes(ROWS_MIN - 1, 1), |_| true).is_none());
        assert!(Slots::of(&minutes(9 * ROWS_MIN, 65), |_| true).is_none());
        let slots = Slots::of(&minutes(ROWS_MIN, 2), |_| true).unwrap();
        assert!(slots.group(&(0..ROWS_MIN as u32).collect::<Vec<_>>()).is_none());
        assert!(slots.group(&[NO_SLICE; ROWS_MIN]).is_some_and(|groups| groups.iter().next().is_none()));
    }
}
