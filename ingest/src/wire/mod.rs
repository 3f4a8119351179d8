//! The wire formats, one file each.

pub(crate) mod ndjson;
