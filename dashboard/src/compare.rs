//! Two sides of a metric held against each other, in the shapes of the API: what is different, and where.

use hark_model::{Slice, Statistic, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// Requests of one slice in one span of time.
#[derive(Debug, Clone, PartialEq)]
pub struct SideQuestion {
    pub slice: Slice,
    pub from: Timestamp,
    pub to: Timestamp,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CompareQuestion {
    pub metric: String,
    /// The metric's headline where none is named.
    pub statistic: Option<Statistic>,
    pub during: SideQuestion,
    /// The same hours of the days before, in the same slice, where it is `None`.
    pub before: Option<SideQuestion>,
    /// A latency above this is a bad one; the statistic of the side before where it is `None`.
    pub bad_above: Option<f64>,
    /// Dimensions, and `hour`, on which both sides are made alike before they are compared.
    pub matched: Vec<String>,
}

/// What was compared.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ComparedSides {
    pub metric: String,
    pub statistic: Statistic,
    pub unit: String,
    /// What is counted as bad, in words; null where requests themselves are counted.
    pub bad: Option<String>,
    /// The latency that bad requests are above.
    pub bad_above: Option<f64>,
    pub before: ComparedSide,
    pub during: ComparedSide,
    /// Requests before are worth so many: both spans may differ in length. For counts of requests, values are so scaled.
    pub before_to_during: f64,
    /// Why there is nothing to compare; null where there is.
    pub reason: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ComparedSide {
    pub slice: Slice,
    pub from: Timestamp,
    pub to: Timestamp,
    /// So many spans of a day each lie between the two; 1 is one without a break.
    pub spans: u32,
    pub requests: u64,
    pub bad: u64,
}

/// Per dimension, which values are hit: the most telling dimension first.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DriversAnswer {
    pub compared: ComparedSides,
    /// Bad requests beyond what was usual (of counts: requests), all values together.
    pub excess: f64,
    pub dimensions: Vec<DimensionDrivers>,
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DimensionDrivers {
    pub dimension: String,
    /// How far the excess lies elsewhere than the traffic, 0 to 1: 0 is spread as the traffic is.
    pub explained: f64,
    /// Most of the excess first.
    pub values: Vec<DriverValue>,
    /// The rest of the values added up; null where all are listed.
    pub others: Option<DriverValue>,
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DriverValue {
    /// Empty where requests have no value.
    pub value: String,
    pub requests_before: u64,
    pub requests: u64,
    /// Of the requests with this value, the share that was bad; of counts, the share of all requests that have it.
    pub share_before: Option<f64>,
    pub share_during: Option<f64>,
    pub excess: f64,
    /// Of the dimension's excess, the part with this value: all values together make 1. Null where there is none.
    pub contribution: Option<f64>,
}

/// Two dimensions against each other; null is a combination without requests.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct HeatMapAnswer {
    pub compared: ComparedSides,
    pub rows: String,
    pub columns: String,
    pub row_values: Vec<String>,
    pub column_values: Vec<String>,
    pub cells: Vec<Vec<Option<DriverValue>>>,
    /// Values that are not drawn, of either dimension.
    pub left_out: u64,
    /// Every dimension that could be drawn.
    pub dimensions: Vec<String>,
}

/// All requests by their size: the share in each bin, before and during.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DistributionAnswer {
    pub compared: ComparedSides,
    /// One more than bins; each bin is a fifth wider than the one before it.
    pub edges: Vec<f64>,
    pub before: Vec<f64>,
    pub during: Vec<f64>,
    pub quantiles: Vec<QuantilePair>,
    /// Time beyond what as many requests used to take, all together, in seconds; null where the unit is no time.
    pub seconds_lost: Option<f64>,
    pub matched: Option<Matched>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct QuantilePair {
    pub quantile: f64,
    pub before: Option<f64>,
    pub during: Option<f64>,
}

/// How both sides were made alike.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Matched {
    pub on: Vec<String>,
    /// Of each side's requests, the share that has a counterpart on the other and was compared.
    pub kept_before: f64,
    pub kept_during: f64,
}
