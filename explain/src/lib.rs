//! Why a series moved: the slices that carry the move, mix against rate, and the changes that fit.
//!
//! Pure: leaves, shifts and changes in, an explanation out. The search for slices is a bounded likelihood-ratio scan
//! over all combinations of up to three dimensions; each combination pays for having been one of many.

mod baseline;
mod cube;
mod evidence;
pub mod leaves_file;
mod signatures;
mod similar;
mod slices;
mod stages;
mod suspects;

pub use signatures::{SignatureCounts, changed_signatures};
pub use similar::{Brief, kind_name, similar};
pub use slices::{Located, Question, Split, locate};
pub use stages::{GAP, GROUPS, Moved, StageSums, waterfall};
pub use suspects::suspects;
