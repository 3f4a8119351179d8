//! Findings that belong together become alerts, and alerts live and end.
//!
//! Pure: the [`Book`] is told what was found, explained and recovered, and says which alerts changed.

mod book;
mod filters;
mod funnel;
mod identity;

pub use book::{Book, Ended, Opening};
pub use filters::{Comparison, filter, has_holiday};
pub use funnel::{Dropped, Funnel, Moved, Reason, Stage};
