//! The slices of one watched set of dimensions, numbered in the order they were first seen. All metrics share them.

use hark_model::Slice;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::dictionary::Dictionary;

/// A set keeps so many slices; what comes later shares "(other)", which still adds up to the total.
pub(crate) const SLICES_MAX: usize = 2000;
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
}

impl SliceSet {
    pub(crate) fn new(names: Vec<String>, columns: Vec<usize>) -> Self {
        let total = if columns.is_empty() { vec![Slice::total()] } else { Vec::new() };
        Self { names, columns, by_code: Vec::new(), by_key: FxHashMap::default(), slices: total, other: None }
    }

    pub(crate) fn is_of(&self, columns: &[usize]) -> bool {
        self.columns == columns
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
        match self.by_code.get(usize::from(code)) {
            Some(&number) if number != UNKNOWN => number,
            _ if code == 0 => NO_SLICE,
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
        let own: Vec<u16> = self.columns.iter().map(|&column| codes[column][row]).collect();
        let number = self.begin(&own, dictionaries);
        self.by_key.insert(key, number);
        number
    }

    /// A combination that was not there before: a slice of its own, or "(other)" where the set is full.
    fn begin(&mut self, codes: &[u16], dictionaries: &[Dictionary]) -> u32 {
        let is_full = self.slices.len() >= SLICES_MAX;
        if let (true, Some(other)) = (is_full, self.other) {
            return other;
        }
        let number = self.slices.len() as u32;
        if is_full {
            self.other = Some(number);
        }
        let named = self.names.iter().zip(&self.columns).zip(codes).map(|((name, &column), &code)| {
            let value = if is_full { Dictionary::OTHER } else { dictionaries[column].value(code) };
            (name.clone(), value.to_owned())
        });
        self.slices.push(named.collect());
        number
    }
}
