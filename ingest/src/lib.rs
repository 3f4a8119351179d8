//! Wire formats to validated events, a durable log and aggregated cells.
//!
//! [`decode`] turns bytes into columns and names every line it cannot take; [`Log`] makes them durable; [`Fold`] is the
//! deterministic state machine that counts each event once and closes steps as the watermark passes them.

mod cells;
mod clock;
mod dictionary;
mod events;
mod fold;
mod leaf_store;
mod log;
mod seen;
mod unpack;
mod wire;

pub use cells::{MetricCells, SliceIndex};
pub use clock::{DISORDER_MINUTES, LATENESS_HORIZON_MINUTES};
pub use dictionary::Dictionary;
pub use events::{Column, Events, Rejected};
pub use fold::{Applied, Closed, ClosedCell, Counts, Fold};
pub use leaf_store::{LeafRow, LeafStore};
pub use log::{Log, LogError};
pub use unpack::{Encoding, UnpackError, unpack};
pub use wire::ndjson::{Decoded, decode};
