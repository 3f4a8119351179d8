//! Why a series moved: the slices that carry the move, mix against rate, and the changes that fit.
//!
//! Pure: leaves, shifts and changes in, an explanation out. The search for slices is a bounded likelihood-ratio scan
//! over all combinations of up to three dimensions; each combination pays for having been one of many.

mod baseline;
mod cube;
mod evidence;
pub mod leaves_file;
mod slices;
mod suspects;

pub use slices::{Located, Question, Split, locate};
pub use suspects::suspects;
