//! Why a series moved: the slices that carry the move, mix against rate, and the changes that fit.
//!
//! Pure: leaves, shifts and changes in, an explanation out. The search for slices is a bounded likelihood-ratio scan
//! over all combinations of up to four dimensions; each combination pays for having been one of many. What is found is
//! sized by parts that add up to the move, and tested by putting it back.

mod account;
mod baseline;
mod beside;
mod evidence;
mod faring;
mod groups;
mod histograms;
mod leads;
mod leaf_evidence;
pub mod leaves_file;
mod levels;
mod mean_parts;
mod measure;
mod mix_share;
#[cfg(test)]
mod properties;
mod quantile_parts;
pub mod sampled_shap;
mod search;
mod signatures;
mod similar;
mod slices;
mod split;
mod stages;
mod suspect_tests;
mod suspects;
pub mod tree_shap;
mod verdict;
mod widen;

pub use account::{Answer, Inquiry, explain, unsearched};
pub use histograms::ValueRow;
pub use mix_share::LeafDay;
pub use quantile_parts::part_quantile;
pub use signatures::{SignatureCounts, changed_signatures};
pub use similar::{Brief, kind_name, similar};
pub use slices::{Located, Named, Question, locate};
pub use split::Split;
pub use stages::{GAP, GROUPS, Moved, StageSums, waterfall};
