//! Autoencoders of windows: trained with candle, written as ONNX, served by ONNX Runtime or tract.
//!
//! ```text
//! Windows -> train() -> Autoencoder -> onnx::write() -> bytes -> Served -> Scores
//!                           |                             ^
//!                           +-> Plain (one row at a time)  +-- check() of a model made elsewhere
//! ```

mod adam;
mod autoencoder;
mod check;
mod draws;
mod error;
pub mod onnx;
mod plain;
mod runtime;
mod scaling;
mod steps;
mod train;
mod windows;

pub use autoencoder::{Autoencoder, Shape};
pub use check::{Checked, check};
pub use error::Error;
pub use plain::Plain;
pub use runtime::{Library, Served};
pub use scaling::Scaling;
pub use train::{Outcome, Training, train};
pub use windows::{Scores, Windows};
