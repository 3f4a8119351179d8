//! Exponential smoothing: ETS models fitted by augurs.
//!
//! augurs fits and chooses; `recursion.rs` carries its model from row to row, which augurs does not; `watch.rs` makes a
//! detector of it.

mod ets;
mod recursion;
mod watch;

pub use ets::ETS;
pub(crate) use ets::Ets;
pub use recursion::Trend;
pub(crate) use watch::filled;
#[cfg(test)]
pub(crate) use watch::scorer;
