//! What is usual as a shape in the space of short windows: a mixture of clouds, clusters, a forest. And what is usual
//! among peers.
//!
//! Each of the first three is a file with a model that linfa fits (the forest is ours); `windows.rs` makes a detector of
//! plain series of it.

mod dbscan;
mod isolation;
mod mixture;
mod peers;
mod windows;

pub use dbscan::DBSCAN;
pub use isolation::ISOLATION_FOREST;
pub use mixture::GAUSSIAN_MIXTURE;
pub use peers::{Cohort, CohortError, Member, PEERS};
