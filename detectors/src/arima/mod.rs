//! ARIMA and SARIMA: exact likelihood by a Kalman filter, so that missing values are no problem.

mod filter;
mod fit;
mod minimum;
mod orders;
mod polynomial;
mod running;
pub(crate) mod seasons;
mod watch;

pub use fit::{Fitted, fit};
pub use orders::{Limits, choose};
pub use polynomial::Orders;
pub use running::{Ahead, Expected, Parts, Running};
pub(crate) use watch::ARIMA;
#[cfg(test)]
pub(crate) use watch::scorer;
