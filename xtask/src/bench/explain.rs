//! `bench explain`: what `hark bench explain` of the release binary prints, for files and for simulated traffic.

use std::path::PathBuf;

use anyhow::Result;

use super::{absolute, build};
use crate::process;

#[derive(Debug, clap::Args)]
pub(crate) struct Explain {
    /// A hark that is built already; without it the release binary is built
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
    /// A folder of labelled cases, as the public set squeeze_b0 comes; without it only made-up ones are judged
    #[arg(long, value_name = "DIR")]
    cases: Option<PathBuf>,
    /// What follows goes to `hark bench explain --traffic`, such as --seeds 401-404
    #[arg(last = true)]
    traffic: Vec<String>,
}

pub(crate) fn run(what: Explain) -> Result<()> {
    let Explain { binary, cases, traffic } = what;
    let binary = binary.map_or_else(build, |binary| absolute(&binary))?;
    let mut files = process::program(&binary);
    files.args(["bench", "explain"]);
    if let Some(cases) = cases {
        files.arg("--cases").arg(absolute(&cases)?);
    }
    process::run(&mut files)?;
    process::run(process::program(&binary).args(["bench", "explain", "--traffic"]).args(traffic))
}
