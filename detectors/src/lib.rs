//! Detectors that turn series into findings.
//!
//! Pure: cells and times in, points and shifts out; no clock, no file, no name of any series. [`Watch`] is the state of
//! one metric in one slice; a [`Detector`] judges a plain series; [`list::ALL`] names every detector there is.

pub mod arima;
mod autoencoder;
mod breakdown;
mod calibrated;
mod creep;
pub mod density;
mod detector;
mod discord;
mod dispersion;
mod draws;
mod entry;
mod evidence;
pub mod forecast;
pub mod forest;
mod gathered;
mod habit;
mod hours;
mod injection;
pub mod life;
pub mod list;
mod middle;
mod mutant;
mod normal;
mod profile;
#[cfg(test)]
mod properties;
mod recent;
mod season;
pub mod smoothing;
mod steady;
mod subsequence_pca;
mod tally;
mod terms;
mod track;
mod units;
pub mod values;
mod watch;
mod week;

pub use breakdown::{Breakdown, Forecast, MadeOf, Sum, Term};
pub use calibrated::{Calibrated, Scorer};
pub use detector::{Detector, Row, Scored, Settings};
pub use injection::{Injection, Shape, evidence_between};
pub use mutant::Mutant;
pub use track::value as series_value;
pub use watch::{Candidate, Doubt, Observed, Transition, Watch};
