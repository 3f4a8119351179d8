//! `hark simulate`: traffic whose truth is known, as files.

use std::path::PathBuf;

use anyhow::{Context, Result};
use hark_simulate::{Config, write_to};
use indicatif::{ProgressBar, ProgressStyle};

pub fn simulate(config: &Config, out: &PathBuf) -> Result<()> {
    let style =
        ProgressStyle::with_template("{bar:30} day {pos} of {len}").context("the progress bar's template is wrong")?;
    let bar = ProgressBar::new(u64::from(config.days)).with_style(style);
    let truth = write_to(out, config, |done, _| bar.set_position(u64::from(done)))?;
    bar.finish_and_clear();
    let incidents = truth.incidents.len();
    eprintln!(
        "{} events, {incidents} incidents -> {}",
        truth.written.map_or(0, |written| written.events),
        out.display()
    );
    Ok(())
}
