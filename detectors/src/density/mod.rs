//! What is usual as a shape in the space of short windows: a mixture of clouds, clusters, forests. And what is usual
//! among peers.
//!
//! Each of these is a file with a model that linfa fits (the forests are ours); `windows.rs` makes a detector of
//! plain series of it.

mod dbscan;
mod extended_isolation;
mod isolation;
mod mixture;
mod peers;
mod shares;
mod windows;

pub use dbscan::DBSCAN;
pub use extended_isolation::EXTENDED_ISOLATION_FOREST;
pub use isolation::ISOLATION_FOREST;
pub(crate) use isolation::{ForestOfWindows, isolation_forest};
pub use mixture::GAUSSIAN_MIXTURE;
pub use peers::{Cohort, CohortError, Member, PEERS};

/// What scores windows, to be held against what it says it is made of.
#[cfg(test)]
pub(crate) mod scorers {
    use crate::calibrated::Scorer;
    use crate::detector::Settings;

    pub(crate) fn dbscan(settings: Settings) -> impl Scorer {
        super::windows::Windows::<super::dbscan::Clusters>::new(settings.seed)
    }

    pub(crate) fn mixture(settings: Settings) -> impl Scorer {
        super::windows::Windows::<super::mixture::Clouds>::new(settings.seed)
    }

    pub(crate) fn isolation(settings: Settings) -> impl Scorer {
        super::windows::Windows::<super::isolation::Isolation>::new(settings.seed)
    }

    pub(crate) fn extended_isolation(settings: Settings) -> impl Scorer {
        super::windows::Windows::<super::extended_isolation::Isolation>::new(settings.seed)
    }
}
