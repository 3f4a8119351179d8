//! Benchmarks. `bench ingest`: the ingest path of the release binary from socket to cells, and peers on the same machine
//! in the same run. `bench explain`: how good explanations are. `bench models` and `bench pages`: each beside its peers or
//! limits. Prints tables; fails where something is wrong, never where it is merely slow.

mod definitions;
mod events;
mod explain;
mod http;
mod load;
mod measure;
mod models;
mod otlp;
mod pages;
mod peers;
mod processor;
mod protobuf;
mod remote_write;
mod report;
mod server;
mod statistics;
mod synthetic;
mod trial;

use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::process;
use events::{Events, MINUTES_A_DAY};
use peers::Peers;
use processor::Processor;
use report::{Line, Report};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Bench {
    /// Measure the way of events from the socket to the cells, with peers in the same run
    Ingest(Ingest),
    /// Measure how good explanations are: slices of files, and alerts of simulated traffic
    Explain(explain::Explain),
    /// Measure our models beside those of Python, in the same run
    Models(models::Models),
    /// Measure what the pages weigh, how soon they are there, and how soon they answer
    Pages(pages::Pages),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Ingest {
    /// A hark that is built already; without it the release binary is built
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
    /// About so many events a measurement
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(10_000..=10_000_000))]
    events: u64,
    /// The simulated day is squeezed into so many minutes; 1440 leaves it as it is
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=MINUTES_A_DAY))]
    minutes: u64,
    /// A Python with duckdb, polars and pyarrow
    #[arg(long, value_name = "PATH", default_value = "python3")]
    python: PathBuf,
    /// The script peer_ingest.py, which aggregates the same file with DuckDB or Polars
    #[arg(long, value_name = "PATH", default_value = "../shared/eval/peer_ingest.py")]
    peer: PathBuf,
    /// The program of Debian's package victoria-metrics
    #[arg(long, value_name = "PATH", default_value = "victoria-metrics")]
    victoria: PathBuf,
    /// Only this measurement; may be given several times
    #[arg(long, value_name = "NAME")]
    only: Vec<Measurement>,
    /// Each measurement is made so often
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=100))]
    runs: u64,
    /// Write the numbers there as well
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Measurement {
    Fsync,
    Ndjson,
    Ack,
    Fresh,
    OtlpLogs,
    OtlpMetrics,
    RemoteWrite,
    Import,
    Restart,
    Growth,
    Memory,
    Series,
}

type Measure = fn(&mut Run) -> Result<()>;

impl Measurement {
    /// Every measurement there is, in the order in which they are made.
    const ALL: [(Self, &'static str, Measure); 12] = [
        (Self::Fsync, "fsync", measure::disk::fsync),
        (Self::Ndjson, "ndjson", measure::ndjson::ndjson),
        (Self::Ack, "ack", measure::latency::ack),
        (Self::Fresh, "fresh", measure::latency::fresh),
        (Self::OtlpLogs, "otlp-logs", measure::doors::otlp_logs),
        (Self::OtlpMetrics, "otlp-metrics", measure::doors::otlp_metrics),
        (Self::RemoteWrite, "remote-write", measure::doors::remote_write),
        (Self::Import, "import", measure::import::import),
        (Self::Restart, "restart", measure::restart::restart),
        (Self::Growth, "growth", measure::growth::growth),
        (Self::Memory, "memory", measure::memory::memory),
        (Self::Series, "series", measure::memory::series),
    ];
}

/// One run of the command: what it works with and what it has found so far.
struct Run {
    binary: PathBuf,
    about_events: u64,
    /// Of event time, that these cover.
    minutes: u64,
    runs: u64,
    peers: Peers,
    processor: Processor,
    folder: Folder,
    report: Report,
    /// The name of the measurement under way.
    measurement: &'static str,
    events: Option<Rc<Events>>,
    /// Found by one measurement and used by another.
    fsync_p99_ms: Option<f64>,
    events_per_second: Option<f64>,
}

pub(crate) fn run(what: Bench) -> Result<()> {
    match what {
        Bench::Ingest(what) => ingest(what),
        Bench::Explain(what) => explain::run(what),
        Bench::Models(what) => models::run(what),
        Bench::Pages(what) => pages::run(what),
    }
}

fn ingest(what: Ingest) -> Result<()> {
    let Ingest { binary, events, minutes, python, peer, victoria, only, runs, json } = what;
    let folder = Folder::new("ingest")?;
    let mut run = Run {
        binary: binary.map_or_else(build, |binary| absolute(&binary))?,
        about_events: events,
        minutes,
        runs,
        peers: Peers { python, script: process::root().join(peer), victoria, folder: folder.fresh("peers")? },
        processor: Processor::new()?,
        folder,
        report: Report::default(),
        measurement: "",
        events: None,
        fsync_p99_ms: None,
        events_per_second: None,
    };
    for (measurement, name, measure) in Measurement::ALL {
        if only.is_empty() || only.contains(&measurement) {
            run.measurement = name;
            if let Err(error) = measure(&mut run) {
                run.report.fail(format!("{name}: {error:#}"));
            }
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

impl Run {
    fn add(&mut self, line: Line) {
        self.report.add(self.measurement, line);
    }

    fn missing(&mut self, what: &str, why: &str) {
        self.report.missing(self.measurement, what, why);
    }

    /// What is counted has to be what was sent.
    fn check(&mut self, what: &str, found: u64, expected: u64) {
        if found != expected {
            self.report.fail(format!("{}: {what}: {found} instead of {expected}", self.measurement));
        }
    }

    /// Made once for all measurements.
    fn events(&mut self) -> Result<Rc<Events>> {
        if let Some(events) = &self.events {
            return Ok(Rc::clone(events));
        }
        let folder = self.folder.fresh("events")?;
        let events = Rc::new(Events::simulate(&self.binary, &folder, self.about_events, self.minutes)?);
        self.events = Some(Rc::clone(&events));
        Ok(events)
    }

    fn definitions(&self, yaml: &str) -> Result<PathBuf> {
        let path = self.folder.0.join("metrics.yaml");
        fs::write(&path, yaml).with_context(|| format!("{} cannot be written: free some space", path.display()))?;
        Ok(path)
    }
}

/// On the disk of the target folder: /tmp may be memory, whose fsync costs nothing.
struct Folder(PathBuf);

impl Folder {
    fn new(what: &str) -> Result<Self> {
        let release = process::binary("release")?;
        let target = release.ancestors().nth(2).context("the target folder has no name")?;
        let path = target.join(format!("bench-{what}-{}", std::process::id()));
        fs::create_dir_all(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        Ok(Self(path))
    }

    /// An empty folder of this name, whatever was in it.
    fn fresh(&self, name: &str) -> Result<PathBuf> {
        let path = self.0.join(name);
        let make = || -> std::io::Result<()> {
            if path.exists() {
                fs::remove_dir_all(&path)?;
            }
            fs::create_dir(&path)
        };
        make().with_context(|| format!("{} cannot be made anew", path.display()))?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Best effort: `cargo clean` takes what is left.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn build() -> Result<PathBuf> {
    let build = ["build", "--release", "--locked", "--package", "hark", "--bin", "hark"];
    // No page is looked at here.
    process::run(process::cargo().args(build).env("HARK_UI", "without"))?;
    process::binary("release")
}

/// hark runs in folders of its own, where a relative path would mean something else.
fn absolute(path: &Path) -> Result<PathBuf> {
    path.canonicalize().with_context(|| format!("{} is not there", path.display()))
}
