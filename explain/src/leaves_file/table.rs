//! The leaves of a file: each combination of values once, with what was seen and what was expected there.

use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;

use super::exact_sum::ExactSum;

/// All combinations of up to four of so many dimensions are searched; 16 of them have 2,516.
pub const DIMENSIONS_MAX: usize = 16;

/// Dictionary-encoded leaves in one order, whatever order they came in, so that the same leaves give the same answer.
#[derive(Debug, Clone, PartialEq)]
pub struct LeafTable {
    dimensions: Vec<String>,
    /// `values[d][code]`, in order of their text.
    values: Vec<Vec<String>>,
    /// `codes[d][leaf]`.
    codes: Vec<Vec<u32>>,
    actual: Vec<f64>,
    expected: Vec<f64>,
}

/// One leaf as it was read; `codes` are places in the lists of values handed over with it.
#[derive(Debug, Clone, PartialEq)]
pub struct RawLeaf {
    pub codes: Vec<u32>,
    pub actual: f64,
    pub expected: f64,
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TableError {
    #[error("there are no dimensions to search; name at least one column that is neither actual nor expected")]
    NoDimensions,
    #[error("{0} dimensions are more than the {DIMENSIONS_MAX} that can be searched together; choose some")]
    TooManyDimensions(usize),
    #[error("dimension `{0}` is named twice")]
    RepeatedDimension(String),
    #[error("there are no leaves")]
    Empty,
    #[error("leaf {leaf} has {found} values where there are {wanted} dimensions")]
    Ragged { leaf: usize, found: usize, wanted: usize },
    #[error("leaf {leaf} has value number {code} of dimension `{dimension}`, which has no such value")]
    UnknownValue { leaf: usize, dimension: String, code: u32 },
    #[error("leaf {leaf} has {what} {value}; a finite number is needed")]
    NotFinite { leaf: usize, what: &'static str, value: f64 },
    #[error("leaf {leaf} expects {value}; an expectation cannot be negative")]
    NegativeExpected { leaf: usize, value: f64 },
}

impl LeafTable {
    /// Leaves of the same combination are added together.
    pub fn new(
        dimensions: Vec<String>,
        values: Vec<Vec<String>>,
        leaves: impl IntoIterator<Item = RawLeaf>,
    ) -> Result<Self, TableError> {
        check_dimensions(&dimensions)?;
        let mut fold = Fold::new(dimensions.len());
        for (at, leaf) in leaves.into_iter().enumerate() {
            let (found, wanted) = (leaf.codes.len(), dimensions.len());
            if found != wanted {
                return Err(TableError::Ragged { leaf: at, found, wanted });
            }
            for (dimension, &code) in leaf.codes.iter().enumerate() {
                if values[dimension].get(code as usize).is_none() {
                    let dimension = dimensions[dimension].clone();
                    return Err(TableError::UnknownValue { leaf: at, dimension, code });
                }
            }
            for (what, value) in [("actual", leaf.actual), ("expected", leaf.expected)] {
                if !value.is_finite() {
                    return Err(TableError::NotFinite { leaf: at, what, value });
                }
            }
            if leaf.expected < 0.0 {
                return Err(TableError::NegativeExpected { leaf: at, value: leaf.expected });
            }
            fold.add(&leaf.codes, leaf.actual, leaf.expected);
        }
        fold.into_table(dimensions, values)
    }

    pub fn len(&self) -> usize {
        self.actual.len()
    }

    pub fn is_empty(&self) -> bool {
        self.actual.is_empty()
    }

    pub fn dimensions(&self) -> &[String] {
        &self.dimensions
    }

    pub fn values(&self, dimension: usize) -> &[String] {
        &self.values[dimension]
    }

    pub(crate) fn codes(&self, dimension: usize) -> &[u32] {
        &self.codes[dimension]
    }

    pub(crate) fn actual(&self) -> &[f64] {
        &self.actual
    }

    pub(crate) fn expected(&self) -> &[f64] {
        &self.expected
    }

    /// Each leaf's values in order of dimension, what was seen, and what was expected.
    pub fn rows(&self) -> impl Iterator<Item = (Vec<&str>, f64, f64)> {
        let value = move |leaf: usize| {
            let codes = self.codes.iter().zip(&self.values);
            codes.map(|(codes, values)| values[codes[leaf] as usize].as_str()).collect()
        };
        (0..self.len()).map(move |leaf| (value(leaf), self.actual[leaf], self.expected[leaf]))
    }

    /// The same leaves without those that `keep` refuses, and without the values that no leaf has any more.
    #[must_use]
    pub fn filtered(&self, keep: impl Fn(usize) -> bool) -> Option<Self> {
        let kept = (0..self.len()).filter(|&leaf| keep(leaf));
        let raw = kept.map(|leaf| RawLeaf {
            codes: self.codes.iter().map(|codes| codes[leaf]).collect(),
            actual: self.actual[leaf],
            expected: self.expected[leaf],
        });
        Self::new(self.dimensions.clone(), self.values.clone(), raw).ok()
    }
}

pub(crate) fn check_dimensions(dimensions: &[String]) -> Result<(), TableError> {
    if dimensions.is_empty() {
        return Err(TableError::NoDimensions);
    }
    if dimensions.len() > DIMENSIONS_MAX {
        return Err(TableError::TooManyDimensions(dimensions.len()));
    }
    match dimensions.iter().enumerate().find(|(at, name)| dimensions[..*at].contains(name)) {
        Some((_, name)) => Err(TableError::RepeatedDimension(name.clone())),
        None => Ok(()),
    }
}

/// Rows on their way to leaves. A combination is found value by value, as in a tree, so that any number of dimensions
/// needs no key longer than one word.
#[derive(Debug, Default)]
pub(crate) struct Fold {
    /// For each dimension after the first: number of the combination so far and the next code -> number of the longer one.
    branches: Vec<FxHashMap<u64, u32>>,
    codes: Vec<Vec<u32>>,
    actual: Vec<ExactSum>,
    expected: Vec<ExactSum>,
    /// With one dimension there is nothing to branch on: code -> leaf.
    single: FxHashMap<u32, u32>,
}

impl Fold {
    pub(crate) fn new(dimensions: usize) -> Self {
        let branches = (1..dimensions).map(|_| FxHashMap::default()).collect();
        Self { branches, codes: vec![Vec::new(); dimensions], ..Self::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.actual.len()
    }

    pub(crate) fn add(&mut self, codes: &[u32], actual: f64, expected: f64) {
        let next = self.actual.len() as u32;
        let leaf = match self.branches.split_last_mut() {
            None => *self.single.entry(codes[0]).or_insert(next),
            Some((last, inner)) => {
                let mut at = codes[0];
                for (branch, &code) in inner.iter_mut().zip(&codes[1..]) {
                    let fresh = branch.len() as u32;
                    at = *branch.entry(key(at, code)).or_insert(fresh);
                }
                match last.entry(key(at, codes[codes.len() - 1])) {
                    Entry::Occupied(found) => *found.get(),
                    Entry::Vacant(free) => *free.insert(next),
                }
            }
        };
        if leaf == next {
            self.codes.iter_mut().zip(codes).for_each(|(column, &code)| column.push(code));
            self.actual.push(ExactSum::default());
            self.expected.push(ExactSum::default());
        }
        self.actual[leaf as usize].add(actual);
        self.expected[leaf as usize].add(expected);
    }

    /// Values and leaves get the order of their text, and values without a leaf go.
    pub(crate) fn into_table(
        self,
        dimensions: Vec<String>,
        mut values: Vec<Vec<String>>,
    ) -> Result<LeafTable, TableError> {
        let Self { mut codes, actual, expected, branches, .. } = self;
        drop(branches);
        if actual.is_empty() {
            return Err(TableError::Empty);
        }
        for (column, names) in codes.iter_mut().zip(&mut values) {
            order_by_text(column, names);
        }
        let order = order_of(&codes, &values);
        for column in &mut codes {
            *column = order.iter().map(|&leaf| column[leaf as usize]).collect();
        }
        let sums = |sums: Vec<ExactSum>| order.iter().map(|&leaf| sums[leaf as usize].value()).collect::<Vec<f64>>();
        Ok(LeafTable { dimensions, values, actual: sums(actual), expected: sums(expected), codes })
    }
}

fn key(at: u32, code: u32) -> u64 {
    (u64::from(at) << 32) | u64::from(code)
}

/// Renumbers a column by the text of its values. The same text under two codes becomes one value only where the reader
/// has seen to it; here each code is a value of its own.
fn order_by_text(column: &mut [u32], names: &mut Vec<String>) {
    let mut is_used = vec![false; names.len()];
    column.iter().for_each(|&code| is_used[code as usize] = true);
    let mut order: Vec<u32> = (0..names.len() as u32).filter(|&code| is_used[code as usize]).collect();
    order.sort_by(|&a, &b| names[a as usize].cmp(&names[b as usize]));
    let mut renumbered = vec![0; names.len()];
    for (to, &from) in order.iter().enumerate() {
        renumbered[from as usize] = to as u32;
    }
    column.iter_mut().for_each(|code| *code = renumbered[*code as usize]);
    *names = order.iter().map(|&code| std::mem::take(&mut names[code as usize])).collect();
}

/// Leaves in order of their codes, by one word each where all dimensions fit into it.
fn order_of(codes: &[Vec<u32>], values: &[Vec<String>]) -> Vec<u32> {
    let leaves = codes[0].len();
    let mut order: Vec<u32> = (0..leaves as u32).collect();
    let combinations = values.iter().try_fold(1_u64, |product, names| product.checked_mul(names.len().max(1) as u64));
    if combinations.is_some() {
        let word = |leaf: u32| {
            codes
                .iter()
                .zip(values)
                .fold(0_u64, |word, (column, names)| word * names.len() as u64 + u64::from(column[leaf as usize]))
        };
        let mut words: Vec<(u64, u32)> = order.iter().map(|&leaf| (word(leaf), leaf)).collect();
        words.sort_unstable();
        words.into_iter().map(|(_, leaf)| leaf).collect()
    } else {
        let compare = |a: &u32, b: &u32| {
            let differing = codes.iter().map(|column| column[*a as usize].cmp(&column[*b as usize]));
            differing.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
        };
        order.sort_unstable_by(compare);
        order
    }
}
