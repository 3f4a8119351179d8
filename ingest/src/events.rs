//! A batch of events in columns: what the wire formats produce, the log keeps and the fold consumes.

use std::num::NonZeroU64;
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int32Array, StringArray};
use hark_model::Timestamp;
use serde::{Deserialize, Serialize};

/// A line that could not be taken. The rest of its batch counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// From 1, in the body as it was sent.
    pub line: u64,
    pub reason: String,
}

/// What a wire format made of a body.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Decoded {
    pub events: Events,
    pub rejected: Vec<Rejected>,
}

/// One entry a row in `times`, `ids`, `users` and every column.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Events {
    pub times: Vec<Timestamp>,
    /// Hashed idempotency keys; `None` where the event carries none.
    pub ids: Vec<Option<NonZeroU64>>,
    /// Keyed hashes of pseudonymous users. The user as sent is nowhere.
    pub users: Vec<Option<NonZeroU64>>,
    /// Empty where every row is one request, which is what events are. Data points may stand for many.
    pub weights: Vec<Weight>,
    pub columns: Vec<NamedColumn>,
}

/// How many requests a row stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Weight {
    Requests(u64),
    /// A running total since `start`: the fold takes what came since the last one of the same stream and part.
    Total {
        /// Hash of everything that names the stream: metric, resource, attributes.
        stream: u64,
        /// Hash of what its parts mean: the bounds of its buckets. With another shape the parts cannot be compared.
        shape: u64,
        /// Which number of the stream it is: the bucket of a histogram.
        part: i32,
        /// When the total began, where the sender says so.
        start: Option<Timestamp>,
        total: u64,
    },
    /// What a classic histogram has counted up to a bound so far. The fold puts the buckets of a scrape together,
    /// which may come in several bodies, and makes rows of what came since the scrape before.
    Bucket {
        /// Hash of everything that names the histogram.
        stream: u64,
        bound: Bound,
        total: u64,
    },
    /// One request with this value, unless buckets of the same stream come: then it is the running sum of a histogram.
    UnlessBuckets {
        stream: u64,
    },
}

/// The upper bound of a bucket, in the order of its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Bound(i64);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NamedColumn {
    pub name: String,
    pub column: Column,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Column {
    /// Codes into `values`, counted from 1; 0 is absent.
    Text {
        codes: Vec<u32>,
        values: Vec<String>,
    },
    Number(Vec<Packed>),
    Flag(Vec<Option<bool>>),
}

/// A number or its absence in eight bytes: NaN, which no wire format lets through, stands for "none" in here alone.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Packed(f64);

impl Bound {
    pub const INFINITE: Self = Self(f64::INFINITY.to_bits().cast_signed());

    pub fn new(bound: f64) -> Self {
        // Zero has two signs, and one meaning.
        Self(flipped((bound + 0.0).to_bits().cast_signed()))
    }

    pub fn get(self) -> f64 {
        f64::from_bits(flipped(self.0).cast_unsigned())
    }
}

/// Bits of negative numbers rise as the numbers fall; turned around, all of them rise together. Twice is the same.
const fn flipped(bits: i64) -> i64 {
    bits ^ ((bits >> 63) & i64::MAX)
}

impl Packed {
    pub const ABSENT: Self = Self(f64::NAN);

    /// A value that is not finite counts as absent.
    pub fn new(value: f64) -> Self {
        if value.is_finite() { Self(value) } else { Self::ABSENT }
    }

    pub fn get(self) -> Option<f64> {
        (!self.0.is_nan()).then_some(self.0)
    }
}

impl PartialEq for Packed {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl From<Option<f64>> for Packed {
    fn from(value: Option<f64>) -> Self {
        value.map_or(Self::ABSENT, Self::new)
    }
}

impl Events {
    pub fn len(&self) -> usize {
        self.times.len()
    }

    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// The rows at these positions, in their order.
    pub fn select(&self, rows: &[u32]) -> Self {
        let pick = |column: &NamedColumn| NamedColumn { name: column.name.clone(), column: column.column.select(rows) };
        Self {
            times: select(&self.times, rows),
            ids: select(&self.ids, rows),
            users: select(&self.users, rows),
            weights: if self.weights.is_empty() { Vec::new() } else { select(&self.weights, rows) },
            columns: self.columns.iter().map(pick).collect(),
        }
    }

    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name).map(|column| &column.column)
    }
}

impl Column {
    pub fn has_any(&self) -> bool {
        match self {
            Self::Text { codes, .. } => codes.iter().any(|&code| code != 0),
            Self::Number(values) => values.iter().any(|value| value.get().is_some()),
            Self::Flag(flags) => flags.iter().any(Option::is_some),
        }
    }

    fn select(&self, rows: &[u32]) -> Self {
        match self {
            Self::Text { codes, values } => Self::Text { codes: select(codes, rows), values: values.clone() },
            Self::Number(numbers) => Self::Number(select(numbers, rows)),
            Self::Flag(flags) => Self::Flag(select(flags, rows)),
        }
    }

    /// Arrow's form of it: text stays dictionary-coded.
    pub fn to_arrow(&self) -> ArrayRef {
        match self {
            Self::Text { codes, values } => {
                let is_complete = codes.iter().all(|&code| code != 0);
                // Without gaps the copy is one that a processor does several values at a time.
                let keys: Int32Array = if is_complete {
                    codes.iter().map(|&code| code.wrapping_sub(1).cast_signed()).collect::<Vec<i32>>().into()
                } else {
                    codes.iter().map(|&code| code.checked_sub(1).map(u32::cast_signed)).collect()
                };
                let values = Arc::new(StringArray::from_iter_values(values));
                let array = DictionaryArray::try_new(keys, values);
                Arc::new(array.unwrap_or_else(|error| unreachable!("codes point into their dictionary: {error}")))
            }
            Self::Number(numbers) => {
                let is_complete = numbers.iter().all(|number| !number.0.is_nan());
                Arc::new(if is_complete {
                    numbers.iter().map(|number| number.0).collect::<Vec<f64>>().into()
                } else {
                    numbers.iter().map(|number| number.get()).collect::<Float64Array>()
                })
            }
            Self::Flag(values) => Arc::new(BooleanArray::from(values.clone())),
        }
    }
}

fn select<T: Copy>(values: &[T], rows: &[u32]) -> Vec<T> {
    rows.iter().map(|&row| values[row as usize]).collect()
}
