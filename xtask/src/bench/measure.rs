//! The measurements, by what they look at.

pub(super) mod disk;
pub(super) mod doors;
pub(super) mod growth;
pub(super) mod import;
pub(super) mod latency;
pub(super) mod memory;
pub(super) mod ndjson;
pub(super) mod restart;
