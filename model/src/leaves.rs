//! The finest grain that attribution works on: requests grouped by all dimensions, before and during.

/// One combination of values. `before` and `after` count requests; `bad_before` and `bad_after` those of them that
/// failed, were slower than the usual quantile, or whatever else the metric calls bad.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaf {
    /// One code a dimension, in the order of [`Leaves::dimensions`]; 0 is "absent".
    pub codes: Vec<u16>,
    pub before: f64,
    pub bad_before: f64,
    pub after: f64,
    pub bad_after: f64,
}

/// Requests of one leaf whose value falls into one bucket of the sketch ([`Magnitude::class`](crate::Magnitude::class)).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BinCount {
    /// Position in [`Leaves::leaves`].
    pub leaf: u32,
    pub class: i16,
    pub before: f64,
    pub after: f64,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Leaves {
    pub dimensions: Vec<String>,
    /// `values[d][code]`; code 0 is the empty string.
    pub values: Vec<Vec<String>>,
    /// In order of their codes, each combination once.
    pub leaves: Vec<Leaf>,
    /// The values of a latency, in order of leaf and bin; empty for all other metrics.
    pub values_in_bins: Vec<BinCount>,
    /// How many times longer the time before is than the time after, so that counts compare.
    pub before_to_after: f64,
}
