//! What can go wrong: a configuration out of bounds, or a file that can't be written.

use std::path::PathBuf;

/// Each message is a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    #[error("{days} days can't be simulated: ask for 1 to {most} days")]
    Days { days: u32, most: u32 },
    #[error("a rate of {rate} events per minute can't be simulated: ask for 1 to 1000000")]
    Rate { rate: f64 },
    #[error("the start {start_ms} is out of range: give epoch milliseconds between 1970 and 2200")]
    Start { start_ms: i64 },
    #[error(
        "{incidents} incidents do not fit into {days} days without overlap: ask for at most {most} or for more days"
    )]
    Incidents { incidents: u32, days: u32, most: u32 },
    #[error(
        "`{given}` is no kind of incident: write all, pairs, or a family such as step, failure, traffic_drop or mix_shift"
    )]
    Kinds { given: String },
    #[error("the folder {path} can't be created: check that its parent exists and may be written to")]
    CreateFolder { path: PathBuf, source: std::io::Error },
    #[error("the file {path} can't be written: check its permissions and the free space")]
    Write { path: PathBuf, source: std::io::Error },
}
