//! `hark bench explain`: how many root-cause slices are named exactly, how many falsely, and how long a search takes.

mod alerted;
mod cases;
mod judged;
mod pure;
mod quantiles;
mod reliability;
mod score;
mod traffic;

use std::fs::{self, File};
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use hark_explain::leaves_file::made_up::Case;
use hark_explain::leaves_file::{Columns, injected, read_leaves, report};

use crate::bench::stopwatch;
use crate::explain_command::open;

pub(super) struct Request {
    /// A folder of folders with `injection_info.csv` and the cases that it lists, as the public set comes.
    pub cases: Option<PathBuf>,
    pub seed: u64,
    /// Simulated traffic with incidents instead, explained as alerts are.
    pub traffic: Option<Traffic>,
}

pub(super) struct Traffic {
    pub seeds: RangeInclusive<u64>,
    pub days: u32,
    pub rate: f64,
    pub incidents: u32,
    /// Seeds that run side by side; speeds are those of one alert alone where it is one.
    pub threads: usize,
    pub list: bool,
}

pub(super) fn explain(request: &Request) -> Result<()> {
    if let Some(traffic) = &request.traffic {
        quantiles::print();
        return traffic::print(traffic);
    }
    let cases = request.cases.as_deref().map(read_cases).transpose()?.unwrap_or_default();
    let started = stopwatch();
    let report = report(&cases, request.seed, &|| started.elapsed().as_secs_f64());
    print!("{}", report.context("the made-up cases cannot be made")?);
    Ok(())
}

fn read_cases(folder: &Path) -> Result<Vec<Case>> {
    let unreadable = || format!("the cases in {} cannot be read", folder.display());
    let entries = fs::read_dir(folder).with_context(unreadable)?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut settings = paths.collect::<io::Result<Vec<PathBuf>>>().with_context(unreadable)?;
    settings.sort();
    let mut cases = Vec::new();
    for setting in settings.into_iter().filter(|setting| setting.is_dir()) {
        let truths = File::open(setting.join("injection_info.csv")).with_context(unreadable)?;
        for (time, truth) in injected(truths).with_context(unreadable)? {
            // Only some of those listed are handed out.
            let path = setting.join(format!("{time}.csv.gz"));
            if path.exists() {
                let columns = Columns { actual: "real".to_owned(), expected: "predict".to_owned(), dimensions: None };
                let read = read_leaves(open(&path)?, &path.display().to_string(), &columns)?;
                let setting = setting.file_name().unwrap_or_default().to_string_lossy();
                cases.push(Case { name: format!("{setting}/{time}"), table: read.table, truth });
            }
        }
    }
    Ok(cases)
}
