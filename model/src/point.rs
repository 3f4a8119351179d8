//! One step of one series: what was seen and what was expected.

use serde::{Deserialize, Serialize};

use crate::Step;

/// `value` is `None` where the step held no request: a gap, never a silent zero.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    pub step: Step,
    pub value: Option<f64>,
    /// Requests behind the value.
    pub count: u64,
    /// What the detector expected before it saw the step, and the band the value should lie in; `None` while it learns.
    pub expected: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
}
