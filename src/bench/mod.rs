//! `hark bench …`: what detection promises, measured on traffic whose truth is known, beside rules that are dumb on
//! purpose. The seeds that judge are not those that anything was tuned on.

mod detect;
mod dice;
mod explain;
mod figures;
mod fleet;
mod forest;
mod networks;
mod score;
pub mod selftest;
mod series;
mod stages;
mod store;
mod watches;

use std::ops::RangeInclusive;
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Subcommand;
use hark_detectors::Settings;
use hark_detectors::list::Build;
use hark_simulate::Kinds;

use crate::detect_command::{detector, probability};

pub(crate) use figures::wilson;

#[derive(Debug, Subcommand)]
pub enum Bench {
    /// How many incidents are found, how soon, and how many false alarms are raised
    Detect {
        /// Seeds that judge; 1 to 100 were used for tuning
        #[arg(long, default_value = "101-110")]
        seeds: String,
        #[arg(long, default_value_t = 14)]
        days: u32,
        /// Mean events per minute
        #[arg(long, default_value_t = 60.0)]
        rate: f64,
        #[arg(long, default_value_t = 5)]
        incidents: u32,
        /// all, pairs (two causes at a time), or one family such as mix_shift
        #[arg(long, default_value = "all")]
        kinds: Kinds,
        /// Name every miss and every false alarm on stderr
        #[arg(long)]
        list: bool,
        /// Seeds that run side by side
        #[arg(long, default_value_t = 2)]
        threads: usize,
        /// Ask for less evidence of each series where several move together (e-BH)
        #[arg(long)]
        joint: bool,
    },
    /// How many root-cause slices are named exactly, how many falsely, and how long a search takes
    Explain {
        /// A folder of labelled cases, as the public set squeeze_b0 comes
        #[arg(long, value_name = "DIR")]
        cases: Option<PathBuf>,
        /// Of the made-up cases that judge; 1 to 100 were used for tuning
        #[arg(long, default_value_t = 1001)]
        seed: u64,
        /// Instead of files: simulated traffic with incidents, explained as alerts are
        #[arg(long, conflicts_with_all = ["cases", "seed"])]
        traffic: bool,
        /// Seeds of the traffic that judge; those below 400 are for tuning. Every fourth has shifts of the mix alone
        #[arg(long, default_value = "401-416")]
        seeds: String,
        #[arg(long, default_value_t = 21)]
        days: u32,
        /// Mean events per minute
        #[arg(long, default_value_t = 60.0)]
        rate: f64,
        #[arg(long, default_value_t = 14)]
        incidents: u32,
        /// Seeds that run side by side; with one, the speed of an explanation is that of one alone
        #[arg(long, default_value_t = 2)]
        threads: usize,
        /// Name every slice that is not right on stderr
        #[arg(long)]
        list: bool,
    },
    /// The isolation forest beside scikit-learn's, and TreeSHAP beside shap's on the same forest, turn by turn
    Forest {
        /// A Python with scikit-learn, shap and numpy
        #[arg(long, value_name = "PATH", default_value = "python3")]
        python: PathBuf,
        /// A folder of labelled sets, one .npz each with X and y; without it only explanations are compared
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        /// Each comparison is made so often
        #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u64).range(2..=100))]
        turns: u64,
    },
    /// How long an autoencoder trains, and ten thousand windows take by candle, tract and ONNX Runtime, turn by turn
    Networks {
        /// ONNX Runtime's library; without it that is left out
        #[arg(long, value_name = "PATH", env = "ORT_DYLIB_PATH")]
        library: Option<PathBuf>,
        #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u64).range(1..=100))]
        turns: u64,
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Whether the weekly budget is kept over thousands of slices in which nothing is wrong
    Fleet {
        #[arg(long, default_value_t = 10_000)]
        slices: usize,
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=1000))]
        weeks: i64,
        /// A seed that judges; 1 to 8 were used for tuning
        #[arg(long, default_value_t = 101)]
        seed: u64,
        /// False alarms a week
        #[arg(long, default_value_t = 1.0)]
        budget: f64,
        #[arg(long, default_value_t = 2)]
        threads: usize,
    },
    /// Whether the self-test notices a broken detector, how soon, and leaves a working one in peace
    Selftest {
        /// Seeds that judge; 1 to 8 were used for tuning
        #[arg(long, default_value = "101-105")]
        seeds: String,
        /// Mean events per minute
        #[arg(long, default_value_t = 60.0)]
        rate: f64,
        /// Hours until the detector is broken
        #[arg(long, default_value_t = 102)]
        healthy_hours: u32,
        /// Hours to notice it in
        #[arg(long, default_value_t = 8)]
        broken_hours: u32,
        /// Days of traffic with incidents for the working one
        #[arg(long, default_value_t = 14)]
        days: u32,
        #[arg(long, default_value_t = 5)]
        incidents: u32,
    },
    /// False alarms on plain series without any change, and how soon a step in one is seen
    Series {
        /// Seeds that judge; 1 to 9999 were used for tuning
        #[arg(long, default_value = "10001-10600")]
        seeds: String,
        /// The chance of any false alarm within a thousand rows
        #[arg(long, default_value_t = 0.1, value_parser = probability)]
        false_alarms: f64,
        /// Which detector; `hark models list` names them all
        #[arg(long, value_name = "NAME", default_value = "ensemble", value_parser = detector)]
        detector: Build,
    },
    /// How long a page of the list of alerts takes when there are very many
    Store {
        #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
        alerts: u32,
        /// Each list is asked for so often
        #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        rounds: u32,
    },
    /// How many points of series a second are judged, and how much memory a series takes
    Watches {
        /// Of each built-in metric
        #[arg(long, default_value_t = 1000)]
        series: usize,
        #[arg(long, default_value_t = 28, value_parser = clap::value_parser!(i64).range(1..=365))]
        days: i64,
    },
}

pub fn run(what: Bench) -> Result<()> {
    match what {
        Bench::Detect { seeds, days, rate, incidents, kinds, list, threads, joint } => {
            let seeds = parse_seeds(&seeds)?;
            detect::detect(&detect::Request {
                seeds,
                days,
                rate,
                incidents,
                kinds,
                list,
                threads: threads.max(1),
                joint,
            })
        }
        Bench::Explain { cases, seed, traffic, seeds, days, rate, incidents, threads, list } => {
            let seeds = parse_seeds(&seeds)?;
            let threads = threads.max(1);
            let traffic = traffic.then_some(explain::Traffic { seeds, days, rate, incidents, threads, list });
            explain::explain(&explain::Request { cases, seed, traffic })
        }
        Bench::Fleet { slices, weeks, seed, budget, threads } => {
            fleet::fleet(&fleet::Request { slices, weeks, seed, budget, threads: threads.max(1) })
        }
        Bench::Forest { python, data, turns } => forest::forest(&forest::Request { python, data, turns }),
        Bench::Networks { library, turns, seed } => networks::networks(&networks::Request { library, turns, seed }),
        Bench::Selftest { seeds, rate, healthy_hours, broken_hours, days, incidents } => {
            let seeds = parse_seeds(&seeds)?;
            selftest::selftest(&selftest::Request { seeds, rate, healthy_hours, broken_hours, days, incidents })
        }
        Bench::Series { seeds, false_alarms, detector: build } => {
            let settings = Settings { false_alarms, period_rows: None, seed: 1 };
            series::series(&series::Request { seeds: parse_seeds(&seeds)?, settings, build })
        }
        Bench::Store { alerts, rounds } => store::store(&store::Request { alerts, rounds }),
        Bench::Watches { series, days } => watches::watches(&watches::Request { series, days }),
    }
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn stopwatch() -> std::time::Instant {
    std::time::Instant::now()
}

/// `101-110`, or one number.
fn parse_seeds(text: &str) -> Result<RangeInclusive<u64>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.trim().parse(), last.trim().parse()) {
        (Ok(first), Ok(last)) if first <= last => Ok(first..=last),
        _ => bail!("`{text}` is no range of seeds; write one such as 101-110"),
    }
}
