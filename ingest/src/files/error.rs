//! What can be wrong with a file as a whole. A row that cannot be taken is no error: it is named in `Decoded::rejected`.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("{} cannot be opened: {source}; see that the path is right and may be read", .path.display())]
    Open { path: PathBuf, source: io::Error },
    #[error("{} is not a file; name the files in it one by one", .path.display())]
    NotAFile { path: PathBuf },
    #[error("{} is empty; leave it out, or write it again", .path.display())]
    Empty { path: PathBuf },
    #[error(
        "{}: its name does not say what it is; let it end in .ndjson or .csv (then perhaps .gz or .zst), .parquet or .arrow",
        .path.display()
    )]
    UnknownFormat { path: PathBuf },
    #[error("{} is not {expected}, as its name says: {found}", .path.display())]
    NotAsNamed { path: PathBuf, expected: &'static str, found: String },
    #[error("{} cannot be read on: {source}; if it was cut short, copy it again", .path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is damaged or cut short: {problem}; copy it again, or write it again", .path.display())]
    Broken { path: PathBuf, problem: String },
    #[error("{} cannot be read: {problem}; write it again as plain Parquet (snappy, zstd or no compression)", .path.display())]
    Unsupported { path: PathBuf, problem: String },
    #[error("{} is no longer the file that was imported; put that one back, or import it again", .path.display())]
    Changed { path: PathBuf },
    #[error("line {line} of {} is longer than {limit} bytes; {hint}", .path.display())]
    LongLine { path: PathBuf, line: u64, limit: usize, hint: &'static str },
    #[error("{} has no column `time`, which every event needs; it has {found}: rename the one that holds the time", .path.display())]
    NoTime { path: PathBuf, found: String },
    #[error("column `{column}` of {} is {found}, but {wanted}; write the file with another type for it", .path.display())]
    ColumnType { path: PathBuf, column: String, found: String, wanted: String },
}

impl FileError {
    /// Decoders describe damage in several lines at times; the first says what it is.
    pub(super) fn broken(path: &Path, problem: &str) -> Self {
        let problem = problem.lines().next().unwrap_or_default().trim_end_matches(['.', ':']).to_owned();
        Self::Broken { path: path.to_owned(), problem }
    }
}

/// Runs a decoder of somebody else's making on bytes that may be anything. Those of Parquet and Arrow answer most damage
/// with an error and some with a panic (arrow-ipc's `fb_to_schema` unwraps what a flatbuffer may lack), and a damaged file
/// must not take the program with it. Nothing that a decoder leaves half done is used after that.
pub(super) fn guarded<T>(path: &Path, decode: impl FnOnce() -> Result<T, FileError>) -> Result<T, FileError> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        let problem = format!("its parts do not fit together: {}", said.unwrap_or("no more is known"));
        Err(FileError::broken(path, &problem))
    })
}
