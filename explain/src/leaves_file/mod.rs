//! Root-cause slices of a file of leaves, each with an actual and an expected value.
//!
//! Pure but for the reader: a table of leaves in, a typed answer out. Each leaf's deviation is weighed against the noise
//! that the file itself shows (`noise.rs`), the evidence of leaves is added up over all cells of up to four dimensions
//! (`sweep.rs`), and the cells that pay the price of having been one of many are named (`choose.rs`) and sized (`answer.rs`).

mod answer;
mod at_once;
pub(crate) mod choose;
mod command;
pub(crate) mod contenders;
pub(crate) mod draws;
pub(crate) mod evidence;
pub(crate) mod exact_sum;
mod leaf;
pub mod made_up;
pub mod measure;
pub(crate) mod noise;
mod overall;
pub(crate) mod quick_math;
mod read;
mod report;
pub(crate) mod scan;
mod search;
mod sweep;
mod table;
mod text;

pub use answer::{Answer, Everywhere, NamedSlice, Rest, ShareOf, Tested, Verdict};
pub use command::{Format, explain_slices};
pub use read::{Columns, FileRead, LEAVES_MAX, ReadError, TEXT_BYTES_MAX, read_leaves};
pub use report::{TUNED_ON, injected, report};
pub use search::root_causes;
pub use table::{DIMENSIONS_MAX, LeafTable, RawLeaf, TableError};
