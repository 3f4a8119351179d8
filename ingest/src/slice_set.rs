//! The slices of one watched set of dimensions, numbered in the order they were first seen. All metrics share them.

use hark_model::Slice;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::dictionary::Dictionary;
use crate::heavy::Heavy;

/// A set keeps so many slices; all others share "(other)", which still adds up to the total.
pub(crate) const SLICES_MAX: usize = 2000;
/// So many get a series of their own as they come. The rest of the places goes to slices that have shown to be frequent
/// among those that have none, so that a flood of values that come once cannot take them all.
const FREE_SLICES_MAX: usize = 1000;
/// One row in so many makes a slice frequent: no more than these can be at once.
const FREQUENT_SHARE: u64 = 2000;
/// Fewer rows say nothing about how frequent a slice is.
const FREQUENT_ROWS_MIN: u64 = 50;
/// A row that lacks one of the set's dimensions lies in none of its slices.
pub(crate) const NO_SLICE: u32 = u32::MAX;
/// No number has been given to this code yet.
const UNKNOWN: u32 = u32::MAX - 1;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SliceSet {
    names: Vec<String>,
    /// Of the plan's schema.
    columns: Vec<usize>,
    /// Of a set of one dimension: the number of each code.
    by_code: Vec<u32>,
    /// Of any other set: the number of each combination of codes, sixteen bits a code.
    by_key: FxHashMap<u64, u32>,
    slices: Vec<Slice>,
    other: Option<u32>,
    /// Of the slices in "(other)".
    heavy: Heavy,
}

impl SliceSet {
    pub(crate) fn new(names: Vec<String>, columns: Vec<usize>) -> Self {
        let total = if columns.is_empty() { vec![Slice::total()] } else { Vec::new() };
        Self {
            names,
            columns,
            by_code: Vec::new(),
            by_key: FxHashMap::default(),
            slices: total,
            other: None,
            heavy: Heavy::default(),
        }
    }

    pub(crate) fn is_of(&self, columns: &[usize]) -> bool {
        self.columns == columns
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// The slices and numbers of a set of the same dimensions, whose columns may lie elsewhere.
    pub(crate) fn take_over(&mut self, old: &Self) {
        let columns = std::mem::take(&mut self.columns);
        *self = Self { columns, ..old.clone() };
    }

    pub(crate) fn slice(&self, number: u32) -> &Slice {
        &self.slices[number as usize]
    }

    /// The number of each row's slice, in the order of `rows`. `codes` are those of every column.
    pub(crate) fn number(
        &mut self,
        rows: &[u32],
        codes: &[Vec<u16>],
        dictionaries: &[Dictionary],
        numbers: &mut Vec<u32>,
    ) {
        numbers.clear();
        match *self.columns.as_slice() {
            [] => numbers.resize(rows.len(), 0),
            [column] => {
                let codes = &codes[column];
                numbers.extend(rows.iter().map(|&row| self.by_code(codes[row as usize], dictionaries)));
            }
            _ => numbers.extend(rows.iter().map(|&row| self.by_key(row as usize, codes, dictionaries))),
        }
    }

    fn by_code(&mut self, code: u16, dictionaries: &[Dictionary]) -> u32 {
        match self.by_code.get(usize::from(code)).copied() {
            Some(number) if number != UNKNOWN => number,
            _ if code == 0 => NO_SLICE,
            _ if !self.is_admitted(u64::from(code)) => self.other(),
            _ => {
                let number = self.begin(&[code], dictionaries);
                if self.by_code.len() <= usize::from(code) {
                    self.by_code.resize(usize::from(code) + 1, UNKNOWN);
                    self.by_code[0] = NO_SLICE;
                }
                self.by_code[usize::from(code)] = number;
                number
            }
        }
    }

    fn by_key(&mut self, row: usize, codes: &[Vec<u16>], dictionaries: &[Dictionary]) -> u32 {
        let mut key = 0_u64;
        for &column in &self.columns {
            let code = codes[column][row];
            if code == 0 {
                return NO_SLICE;
            }
            key = (key << 16) | u64::from(code);
        }
        if let Some(&number) = self.by_key.get(&key) {
            return number;
        }
        if !self.is_admitted(key) {
            return self.other();
        }
        let own: Vec<u16> = self.columns.iter().map(|&column| codes[column][row]).collect();
        let number = self.begin(&own, dictionaries);
        self.by_key.insert(key, number);
        number
    }

    /// Whether a combination without a slice of its own gets one now.
    fn is_admitted(&mut self, key: u64) -> bool {
        if self.slices.len() < FREE_SLICES_MAX {
            return true;
        }
        let (count, seen) = self.heavy.count(key);
        let is_frequent = count >= FREQUENT_ROWS_MIN && count * FREQUENT_SHARE >= seen;
        let is_admitted = is_frequent && self.slices.len() < SLICES_MAX;
        if is_admitted {
            self.heavy.forget(key);
        }
        is_admitted
    }

    /// The slice that all others share.
    fn other(&mut self) -> u32 {
        if let Some(other) = self.other {
            return other;
        }
        let named = self.names.iter().map(|name| (name.clone(), Dictionary::OTHER.to_owned()));
        let slice = named.collect();
        *self.other.insert(push(&mut self.slices, slice))
    }

    fn begin(&mut self, codes: &[u16], dictionaries: &[Dictionary]) -> u32 {
        let named = self.names.iter().zip(&self.columns).zip(codes);
        let named = named.map(|((name, &column), &code)| (name.clone(), dictionaries[column].value(code).to_owned()));
        let slice = named.collect();
        push(&mut self.slices, slice)
    }
}

fn push(slices: &mut Vec<Slice>, slice: Slice) -> u32 {
    slices.push(slice);
    slices.len() as u32 - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers the values given, each a row, of a set of one dimension.
    fn numbered(set: &mut SliceSet, values: &[u32]) -> Vec<String> {
        let mut dictionary = Dictionary::new();
        let codes = vec![values.iter().map(|value| dictionary.code(&value.to_string())).collect::<Vec<u16>>()];
        let rows: Vec<u32> = (0..values.len() as u32).collect();
        let mut numbers = Vec::new();
        set.number(&rows, &codes, &[dictionary], &mut numbers);
        numbers.iter().map(|&number| set.slice(number).to_string()).collect()
    }

    #[test]
    fn a_flood_of_values_shares_other_and_a_frequent_one_among_them_does_not() {
        let mut set = SliceSet::new(vec!["build".to_owned()], vec![0]);
        // Each once, and every tenth row the same late-comer.
        let values: Vec<u32> = (0..40_000).map(|row| if row > 5000 && row % 10 == 0 { 99_999 } else { row }).collect();
        let slices = numbered(&mut set, &values);
        assert_eq!(slices[999], "build:999");
        assert_eq!(slices[1001], "build:(other)");
        assert_eq!(slices.last().unwrap(), "build:(other)");
        assert_eq!(slices[39_990], "build:99999");
        let first = slices.iter().position(|slice| slice == "build:99999").unwrap();
        assert!(first < 7000, "it took until row {first}");
        assert!(set.slices.len() < 1010, "{}", set.slices.len());
    }

    #[test]
    fn no_set_grows_past_its_bound() {
        let mut set = SliceSet::new(vec!["build".to_owned()], vec![0]);
        let values: Vec<u32> = (0..200).flat_map(|_| 0..3000).collect();
        let slices = numbered(&mut set, &values);
        assert!(set.slices.len() <= SLICES_MAX + 1, "{}", set.slices.len());
        assert!(slices[599_000..].iter().any(|slice| slice == "build:(other)"));
    }
}
