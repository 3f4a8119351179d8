//! Assistant traffic with incidents whose truth is known: seeded, streaming, and ignorant of every detector.
//!
//! ```text
//! rollouts ┐
//! rhythm   ├─ traffic ─ request ─ incident ─ arrival ─ event line
//! noise    ┘
//! ```
//!
//! One seed gives one stream, byte for byte. Every kind of chance has a random stream of its own in every minute,
//! so that the same seed with and without incidents gives the same events: what differs is what the incidents did.

mod arrival;
mod changes;
mod config;
mod error;
mod event_line;
mod failures;
mod incidents;
mod latency;
mod malformed;
mod noise;
mod plan;
mod population;
mod random;
mod request;
mod rhythm;
mod rollouts;
mod schedule;
mod simulation;
mod slice;
mod strength;
mod traffic;
mod truth;
mod users;
mod write;

pub use changes::{ChangeKind, ChangeRecord};
pub use config::{Config, Kinds};
pub use error::SimulateError;
pub use incidents::Family;
pub use simulation::Simulation;
pub use truth::{Direction, Expectation, IncidentTruth, Metric, Statistic, Truth, Written};
pub use write::write_to;
