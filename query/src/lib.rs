//! SQL expressions over event fields, compiled once and evaluated on batches.
//!
//! The only crate that knows DataFusion. A metric's `where`, `value` and `numerator` are SQL; their fields and the
//! types of these fields are read off the expressions themselves ([`Fields`]), because events carry no schema.

mod compile;
mod error;
mod fields;
mod formula;
mod plan;

pub use compile::{Measure, Predicate, Value};
pub use error::QueryError;
pub use fields::{FieldKind, Fields};
pub use formula::{Formula, FormulaTerm};
pub use plan::{MetricPlan, Plan};
