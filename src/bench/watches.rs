//! `hark bench watches`: how many points of series a second the detector for metrics judges on two threads, and what a
//! series takes up once it has seen four weeks.

use anyhow::{Context, Result};
use hark_detectors::Watch;
use hark_model::{Cell, Definitions, Metric, STEP_MINUTES, Sketch, Step, Timestamp};

use crate::bench::dice::Dice;
use crate::bench::stopwatch;
use crate::process;

const THREADS: usize = 2;
const DAY_STEPS: i64 = 24 * 60 / STEP_MINUTES;
/// 2026-03-02, a Monday.
const START: Timestamp = Timestamp::from_millis(1_772_409_600_000);
/// Series are fed one of so many weeks.
const WEEKS: usize = 8;
/// Requests in a step at noon; a third of them at midnight.
const REQUESTS: f64 = 60.0;
/// What the false-alarm budget of a thousand series asks for, about.
const LOG_THRESHOLD: f64 = 14.5;

pub(super) struct Request {
    pub series: usize,
    pub days: i64,
}

/// What one thread did.
struct Done {
    points: u64,
    seconds: f64,
    alarms: u64,
    watches: Vec<Watch>,
}

pub(super) fn watches(request: &Request) -> Result<()> {
    let definitions = Definitions::built_in();
    let each = request.series.div_ceil(THREADS);
    println!(
        "{} series of each metric, {} days of five-minute steps, some {REQUESTS} requests a step, {THREADS} threads",
        each * THREADS,
        request.days
    );
    println!(
        "{:16} {:>10} {:>18} {:>16} {:>14} {:>14}",
        "", "statistics", "points a second", "bytes a series", "a statistic", "its own state"
    );
    for metric in definitions.iter() {
        let Some(weeks) = weeks(metric) else { continue };
        let before = resident()?;
        let run = |_| judged(metric, &weeks, each, request.days);
        let threads: Vec<Done> = std::thread::scope(|scope| {
            let started: Vec<_> = (0..THREADS).map(|at| scope.spawn(move || run(at))).collect();
            started.into_iter().filter_map(|thread| thread.join().ok()).collect()
        });
        let bytes = resident()?.saturating_sub(before) as f64;
        let watches: usize = threads.iter().map(|done| done.watches.len()).sum();
        let seconds = threads.iter().map(|done| done.seconds).fold(0.0, f64::max);
        let points: u64 = threads.iter().map(|done| done.points).sum();
        let alarms: u64 = threads.iter().map(|done| done.alarms).sum();
        let own: usize = threads.iter().flat_map(|done| &done.watches).map(Watch::bytes).sum();
        let (name, statistics) = (&metric.name, metric.statistics.len());
        let of_series = bytes / watches.max(1) as f64;
        println!(
            "{name:16} {statistics:>10} {:>18.0} {of_series:>16.0} {:>14.0} {:>14.0}   {alarms} alarms",
            points as f64 / seconds,
            of_series / statistics as f64,
            own as f64 / (watches * statistics).max(1) as f64,
        );
    }
    println!(
        "(a point is one step of one statistic; bytes are what the process grew by, own state what a watch counts)"
    );
    Ok(())
}

fn judged(metric: &Metric, weeks: &[Vec<Cell>], series: usize, days: i64) -> Done {
    let mut watches: Vec<Watch> = (0..series).filter_map(|_| Watch::new(metric)).collect();
    let first = START.step();
    let (mut points, mut alarms) = (0, 0);
    let watch = stopwatch();
    for step in 0..days * DAY_STEPS {
        let step = Step(first.0 + step);
        let is_rest_day = step.start().is_weekend();
        for (at, watch) in watches.iter_mut().enumerate() {
            let week = &weeks[at % weeks.len()];
            let cell_of = |step: Step| week[(step.0 - first.0).rem_euclid(week.len() as i64) as usize].clone();
            let cell = &week[(step.0 - first.0) as usize % week.len()];
            let observed = watch.observe(step, cell, is_rest_day, LOG_THRESHOLD, cell_of);
            points += observed.points.len() as u64;
            alarms += u64::from(observed.transition.is_some());
        }
    }
    Done { points, seconds: watch.elapsed().as_secs_f64(), alarms, watches }
}

/// Weeks of cells with a daily rhythm and noise; `None` for what has no cells.
fn weeks(metric: &Metric) -> Option<Vec<Vec<Cell>>> {
    let empty = Cell::empty(&metric.kind)?;
    let week = |week: usize| (0..7 * DAY_STEPS).map(|step| filled(&empty, week as u64, step)).collect();
    Some((0..WEEKS).map(week).collect())
}

fn filled(empty: &Cell, week: u64, step: i64) -> Cell {
    let mut dice = Dice::of(&[week, step.unsigned_abs()]);
    let phase = (step % DAY_STEPS) as f64 / DAY_STEPS as f64 * std::f64::consts::TAU;
    let mean = REQUESTS * (2.0 - phase.cos()) / 3.0;
    let requests = dice.poisson(mean).max(1);
    match empty {
        Cell::Latency(_) => {
            let mut sketch = Sketch::default();
            (0..requests).for_each(|_| sketch.insert(400.0 * (0.6 * dice.normal()).exp()));
            Cell::Latency(sketch)
        }
        Cell::Ratio { .. } => {
            Cell::Ratio { count: requests, hits: (0..requests).filter(|_| dice.uniform() < 0.02).count() as u64 }
        }
        Cell::Count(_) => Cell::Count(requests),
        Cell::Gauge { .. } => empty.clone(),
    }
}

/// Memory of this process that is in use, in bytes.
fn resident() -> Result<u64> {
    process::memory_bytes().context("the memory in use is read from /proc, which Linux has")
}
