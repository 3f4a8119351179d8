//! Wire formats to validated events, a durable log and aggregated cells.
//!
//! [`decode`] turns bytes into columns and names every line it cannot take; an [`IngestLog`] makes them durable; [`Fold`] is the
//! deterministic state machine that counts each event once and closes steps as the watermark passes them.

mod adopt;
mod builder;
mod cells;
mod chosen;
mod clock;
mod dictionary;
mod events;
mod files;
mod fold;
mod grain;
mod groups;
mod heavy;
mod leaf_store;
mod log;
mod numbered;
mod projection;
mod record;
mod run;
mod scrapes;
mod seen;
mod signatures;
mod slice_set;
mod tagged_leaves;
mod totals;
mod unpack;
mod user_key;
mod wire;

pub use builder::{EventsBuilder, ROWS_MAX, Row, Slot, hash_id};
pub use cells::{Counted, MetricCells, MinuteCell, SliceIndex};
pub use clock::{DISORDER_MINUTES, LATENESS_HORIZON_MINUTES, SILENCE_MINUTES, SourceState};
pub use dictionary::Dictionary;
pub use events::{Bound, Column, Decoded, Events, NamedColumn, Packed, Rejected, Weight};
pub use files::{Chunk, ChunkReader, Chunks, EventFile, FileError};
pub use fold::{Admitted, Applied, Batch, Closed, ClosedCell, Counts, Fold, SILENCE};
pub use leaf_store::{LeafRow, LeafStore};
pub use log::{Damage, Fault, IngestLog, LogError, SegmentLog, SimulatedDisk, SimulatedLog, read_log};
pub use record::{EventsRecord, FileChunk, Record, RecordError};
pub use signatures::Signature;
pub use tagged_leaves::{TaggedLeaves, TaggedRow};
pub use unpack::{Encoding, UnpackError, unpack};
pub use user_key::UserKey;
pub use wire::{Format, Reader, RemoteWrite, WireError, Written, decode, decode_remote_write};
