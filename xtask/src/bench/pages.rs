//! `bench pages`: what the pages weigh, and how a real browser finds them on a small demo. Prints figures; fails where
//! something is wrong, never where it is merely slow.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::{journey, process, ui};

const SCRIPT: &str = "dashboard/ui/e2e/figures.mjs";

#[derive(Debug, clap::Args)]
pub(crate) struct Pages {
    /// A hark that is built already, with its pages; without it the release binary is built
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
    /// Lighthouse looks at each page so often; the median counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    runs: u32,
}

pub(crate) fn run(Pages { binary, runs }: Pages) -> Result<()> {
    let Some(chromium) = journey::chromium() else {
        bail!("no Chromium was found: install it, or name it in the environment variable CHROMIUM")
    };
    ui::build()?;
    ui::script("size")?;
    let binary = match binary {
        Some(path) => path,
        None => {
            let mut cargo = process::cargo();
            process::run(cargo.args(["build", "--release", "--locked", "--bin", "hark"]).env("HARK_UI", "require"))?;
            process::binary("release")?
        }
    };
    journey::lead(&binary, SCRIPT, &chromium, &[("RUNS", &runs.to_string())])
}
