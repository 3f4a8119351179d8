//! What can go wrong with the history, in sentences.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use datafusion::error::DataFusionError;
use deltalake_core::DeltaTableError;

use crate::Table;

#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    #[error("the history folder `{path}` cannot be used ({source}); it must be a folder that hark may read and write")]
    Open { path: String, source: io::Error },
    #[error("`{path}` could not be written ({problem}); check the folder's permissions and the space left on the disk")]
    Write { path: String, problem: String },
    /// Fatal: after a failed fsync the kernel may have dropped the pages, so trying again proves nothing.
    #[error("`{path}` could not be brought onto the disk ({problem}); restart hark, which recovers from its log")]
    Sync { path: String, problem: String },
    #[error(
        "the newest entry of the Delta log of `{table}`, {path}, is damaged ({problem}); move it away to go back to the \
         state before it, and hark appends again what it still has in its log"
    )]
    DamagedLog { table: Table, path: String, problem: String },
    #[error("the Delta log of `{table}` cannot be read ({problem}); restore the folder `{path}` from a backup")]
    Log { table: Table, path: String, problem: String, source: Box<DeltaTableError> },
    #[error("a commit to `{table}` failed ({problem}); nothing of it is visible unless a later look finds all of it")]
    Commit { table: Table, problem: String, source: Box<DeltaTableError> },
    #[error("`{table}` was changed by another program in each of {tries} tries to commit; let one hark write to it")]
    Contended { table: Table, tries: usize },
    #[error("rows for `{table}` cannot be stored: {problem}")]
    Rows { table: Table, problem: String },
    #[error(
        "the file {path} of `{table}` is damaged ({problem}); restore it from a backup, or ask for the rest without it"
    )]
    DamagedFile { table: Table, path: String, problem: String },
    #[error("the query cannot be answered: {problem}")]
    Query { problem: String },
    #[error("the query took longer than {limit:?}; ask for fewer days, for example with `where day >= '2026-11-20'`")]
    TooSlow { limit: Duration },
    #[error("the query needs more than its {megabytes} MB of memory; ask for fewer days, or group by less")]
    TooLarge { megabytes: usize },
    #[error("a worker of the history stopped unexpectedly")]
    Worker(#[from] tokio::task::JoinError),
}

impl LakeError {
    pub(crate) fn query(error: &DataFusionError) -> Self {
        Self::Query { problem: sentence(error) }
    }

    pub(crate) fn rows(table: Table, problem: &dyn fmt::Display) -> Self {
        Self::Rows { table, problem: problem.to_string() }
    }
}

/// The innermost cause of an error, on one line.
pub(crate) fn cause(error: &dyn Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    first_line(&inner.to_string()).to_owned()
}

/// The first line of DataFusion's message, without the names of its error classes around it.
pub(crate) fn sentence(error: &DataFusionError) -> String {
    const CLASSES: [&str; 10] = [
        "SQL error: ",
        "Error during planning: ",
        "Schema error: ",
        "This feature is not implemented: ",
        "Execution error: ",
        "Internal error: ",
        "Arrow error: ",
        "Optimizer rule ",
        "External error: ",
        "Parquet error: ",
    ];
    let text = error.find_root().strip_backtrace();
    let mut line = first_line(&text);
    while let Some(rest) = CLASSES.iter().find_map(|class| line.strip_prefix(class)) {
        line = rest;
    }
    let inside = line.strip_prefix("ParserError(\"").and_then(|rest| rest.strip_suffix("\")"));
    let line = inside.unwrap_or(line).replace("datafusion.public.", "");
    // For a function that suits no type, DataFusion goes on with all the types that it would have suited.
    let Some((said, tried)) = line.split_once(", errors: ") else { return line };
    let received = tried.split_once("but received ").and_then(|(_, rest)| rest.split([' ', ',', '.']).next());
    received.map_or_else(|| said.to_owned(), |received| format!("{said}: it received {received}"))
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default().trim_end_matches('.')
}
