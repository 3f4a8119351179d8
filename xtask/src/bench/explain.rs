//! `bench explain`: all that explanations promise, by the release binary: slices of files and of simulated traffic, TreeSHAP beside shap's where
//! there is a Python for it, and why an autoencoder scored so.

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
    /// A Python with scikit-learn, shap and numpy; without it TreeSHAP is not compared
    #[arg(long, value_name = "PATH")]
    python: Option<PathBuf>,
    /// ONNX Runtime's library; without it autoencoders are explained by tract alone
    #[arg(long, value_name = "PATH")]
    library: Option<PathBuf>,
    /// What follows goes to `hark bench explain --traffic`, such as --seeds 401-404
    #[arg(last = true)]
    traffic: Vec<String>,
}

pub(crate) fn run(what: Explain) -> Result<()> {
    let Explain { binary, cases, python, library, traffic } = what;
    let binary = binary.map_or_else(build, |binary| absolute(&binary))?;
    let mut files = process::program(&binary);
    files.args(["bench", "explain"]);
    if let Some(cases) = cases {
        files.arg("--cases").arg(absolute(&cases)?);
    }
    process::run(&mut files)?;
    process::run(process::program(&binary).args(["bench", "explain", "--traffic"]).args(traffic))?;
    match python {
        // Its links are not followed: what a virtual environment has is found by way of them.
        Some(python) => process::run(process::program(&binary).args(["bench", "forest", "--python"]).arg(python))?,
        None => println!("\nTreeSHAP is not compared: name a Python with scikit-learn, shap and numpy by --python"),
    }
    let mut networks = process::program(&binary);
    networks.args(["bench", "networks"]);
    if let Some(library) = library {
        networks.arg("--library").arg(absolute(&library)?);
    }
    process::run(&mut networks)
}
