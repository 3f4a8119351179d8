//! What can go wrong: each message is one sentence that says what to do.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{given} values are no whole number of windows of {time} x {columns}; cut them anew")]
    Uneven { given: usize, time: usize, columns: usize },
    #[error(
        "a network of windows of {time} x {columns} is outside of 1 to {max} values; take shorter windows or fewer columns"
    )]
    Size { time: usize, columns: usize, max: usize },
    #[error(
        "the model takes windows of {time} x {columns}, and was given {given_time} x {given_columns}; cut the windows as it was trained"
    )]
    OtherWindows { time: usize, columns: usize, given_time: usize, given_columns: usize },
    #[error("window {window} holds a value that is no finite number; leave windows with gaps out")]
    NotFinite { window: usize },
    #[error("{given} windows are too few to train on; give at least {needed}")]
    TooFew { given: usize, needed: usize },
    #[error("candle could not compute the network: {0}; this is a fault of hark, please report it")]
    Candle(#[from] candle_core::Error),
    #[error("{} is no library of ONNX Runtime that can be used ({reason}); give the path of libonnxruntime.so, 1.17 or newer", path.display())]
    Library { path: PathBuf, reason: String },
    #[error("ONNX Runtime refuses the model ({reason}); export it with opset 17 and standard operators alone")]
    Native { reason: String },
    #[error(
        "tract refuses the model ({reason}); export it with opset 17 and standard operators, or give ONNX Runtime's library"
    )]
    Tract { reason: String },
    #[error("{0}")]
    Refused(String),
}

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// The first line of what a library says, without the full stop, so that it fits into a sentence.
pub(crate) fn reason(error: impl std::fmt::Display) -> String {
    const CHARS_MAX: usize = 240;
    let text = error.to_string();
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no reason given");
    line.trim_end_matches(['.', ' ']).chars().take(CHARS_MAX).collect()
}
