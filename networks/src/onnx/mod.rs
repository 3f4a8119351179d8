//! ONNX files: ours as they are written, and others' as far as hark has to know them. The messages are tract's, made from
//! the format's own definition.

mod graph;
mod signature;
mod write;

pub use signature::{BYTES_MAX, Signature};
pub use write::write;

/// What our models call what they take and give. A model made elsewhere may use the names, and need not.
pub(crate) const WINDOWS: &str = "windows";
pub(crate) const RECONSTRUCTION: &str = "reconstruction";
pub(crate) const ERRORS: &str = "errors";
pub(crate) const SCORE: &str = "score";
