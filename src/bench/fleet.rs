//! `hark bench fleet`: is the weekly budget of false alarms kept over thousands of slices in which nothing is wrong?
//!
//! The detector's own watches, with the threshold that the budget gives them. Every alarm counts, before the funnel
//! joins or drops any: what people would be told is less.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, anyhow};
use hark_detectors::{Transition, Watch};
use hark_model::{Cell, Definitions, Metric, STEP_MINUTES, Sketch, Step, Timestamp};

use crate::bench::dice::Dice;
use crate::bench::figures::{print_rate, print_share};
use crate::bench::stopwatch;
use crate::detection::{self, joint};

const DAY_STEPS: i64 = 24 * 60 / STEP_MINUTES;
const WEEK_STEPS: i64 = 7 * DAY_STEPS;
const HOUR_STEPS: i64 = 60 / STEP_MINUTES;
/// 2026-03-02, a Monday.
const START: Timestamp = Timestamp::from_millis(1_772_409_600_000);
/// Requests a step: log-normal over the slices, from one in several steps to hundreds.
const REQUESTS_MEDIAN: f64 = 5.0;
const REQUESTS_SPREAD: f64 = 1.2;
/// The widest slice, so that a run ends some day.
const REQUESTS_MAX: f64 = 300.0;
/// As far below the threshold evidence may still be enough together with that of 64 others.
const NEAR: f64 = 4.2;
/// Slow wandering that nobody has to be told of, as deviations of the logarithm: what all slices share, and their own.
const TRAFFIC_WANDER: [f64; 2] = [0.025, 0.03];
const LATENCY_WANDER: [f64; 2] = [0.008, 0.012];
/// Failures come in clumps: their chance wanders by so much from hour to hour.
const FAILURE_WANDER: [f64; 2] = [0.03, 0.1];

pub(super) struct Request {
    pub(super) slices: usize,
    pub(super) weeks: i64,
    pub(super) seed: u64,
    pub(super) budget: f64,
    pub(super) threads: usize,
}

/// Alarms by week.
struct Alarms {
    hark: Vec<u64>,
    /// The same by what moved, and which detector said so.
    moved: BTreeMap<String, u64>,
    three_sigma: Vec<u64>,
    /// Step, slice and logarithm of the evidence, where it came near the threshold.
    near: Vec<(i64, usize, f64)>,
}

/// Alarms by week if series that move together needed less evidence each, at most: effects are not looked at.
fn joint_alarms(mut near: Vec<(i64, usize, f64)>, weeks: i64, log_threshold: f64) -> Vec<u64> {
    near.sort_by_key(|one| (one.0, one.1));
    let mut alarms = vec![0; weeks as usize];
    // What is asked at a step follows from the step before.
    let (mut last, mut asked, mut reached) = (i64::MIN, log_threshold, BTreeSet::new());
    let mut told: BTreeMap<usize, i64> = BTreeMap::new();
    for step in near.chunk_by(|a, b| a.0 == b.0) {
        let at = step[0].0;
        if at != last + 1 {
            (asked, reached) = (log_threshold, BTreeSet::new());
        }
        let now: BTreeSet<usize> = step.iter().filter(|(.., log)| *log >= asked).map(|(_, slice, _)| *slice).collect();
        for slice in now.intersection(&reached) {
            let is_news = told.get(slice).is_none_or(|told| at - told > DAY_STEPS);
            alarms[(at / WEEK_STEPS) as usize] += u64::from(is_news);
            told.insert(*slice, at);
        }
        let mut logs: Vec<f64> = step.iter().map(|(.., log)| *log).collect();
        asked = log_threshold - (joint::count(&mut logs, log_threshold).max(1) as f64).ln();
        (last, reached) = (at, now);
    }
    alarms
}

pub(super) fn fleet(request: &Request) -> Result<()> {
    let Request { slices, weeks, seed, budget, threads: thread_count } = *request;
    let definitions = Definitions::built_in();
    let metrics: Vec<&Metric> = definitions.iter().filter(|metric| Watch::new(metric).is_some()).collect();
    let log_threshold = detection::log_threshold(budget, slices);
    let watch = stopwatch();
    let run = |thread| judged(request, &metrics, thread, log_threshold);
    let threads: Vec<Option<Alarms>> = std::thread::scope(|scope| {
        let started: Vec<_> = (0..thread_count).map(|thread| scope.spawn(move || run(thread))).collect();
        started.into_iter().map(|thread| thread.join().ok()).collect()
    });
    let (mut hark, mut three_sigma, mut near) = (vec![0; weeks as usize], vec![0; weeks as usize], Vec::new());
    let mut moved: BTreeMap<String, u64> = BTreeMap::new();
    for alarms in threads {
        let alarms = alarms.ok_or_else(|| anyhow!("a thread of the benchmark has failed"))?;
        hark.iter_mut().zip(&alarms.hark).for_each(|(sum, week)| *sum += week);
        three_sigma.iter_mut().zip(&alarms.three_sigma).for_each(|(sum, week)| *sum += week);
        near.extend(alarms.near);
        alarms.moved.into_iter().for_each(|(what, count)| *moved.entry(what).or_default() += count);
    }
    println!("{slices} slices without any fault, {weeks} weeks, seed {seed}, a budget of {budget} false alarms a week");
    let always = vec![slices as u64 * 7 * 24; weeks as usize];
    let never = vec![0; weeks as usize];
    let joint = joint_alarms(near, weeks, log_threshold);
    let rules = [
        ("hark", hark),
        ("hark, series that move together need less each (e-BH)", joint),
        ("never fires", never),
        ("3 sigma, hourly", three_sigma),
        ("fires every hour", always),
    ];
    for (name, weekly) in rules {
        let kept = weekly.iter().filter(|&&alarms| alarms as f64 <= budget).count() as u64;
        println!("\n{name}");
        print_share("weeks within the budget", kept, weeks as u64);
        print_rate("false alarms a week", weekly.iter().sum(), weeks as f64);
        println!("{:<34}  {:>5}", "most in a week", weekly.iter().max().unwrap_or(&0));
    }
    println!("\nhark's, by what moved");
    moved.iter().for_each(|(what, count)| println!("{what:<34}  {count:>5}"));
    println!("\n{:.0} s on {thread_count} threads", watch.elapsed().as_secs_f64());
    Ok(())
}

fn judged(request: &Request, metrics: &[&Metric], thread: usize, log_threshold: f64) -> Alarms {
    let mut alarms = Alarms { hark: Vec::new(), moved: BTreeMap::new(), three_sigma: Vec::new(), near: Vec::new() };
    let mut slices: Vec<(usize, Slice)> = (thread..request.slices)
        .step_by(request.threads)
        .filter_map(|slice| Some((slice, Slice::new(request.seed, slice, metrics[slice % metrics.len()])?)))
        .collect();
    for week in 0..request.weeks {
        let (mut hark, mut three_sigma) = (0, 0);
        // Slice by slice, so that one's state stays near; they do not know of each other.
        for (number, slice) in &mut slices {
            for at in week * WEEK_STEPS..(week + 1) * WEEK_STEPS {
                let Judged { alarm, dumb, log_evidence } = slice.step(at, log_threshold);
                if let Some(moved) = alarm {
                    hark += 1;
                    let at = Step(START.step().0 + at).start();
                    eprintln!("alarm of {} {moved} in slice {number} at {at}", slice.metric);
                    *alarms.moved.entry(format!("{} {moved}", slice.metric)).or_default() += 1;
                }
                three_sigma += u64::from(dumb);
                if log_evidence >= log_threshold - NEAR {
                    alarms.near.push((at, *number, log_evidence));
                }
            }
        }
        alarms.hark.push(hark);
        alarms.three_sigma.push(three_sigma);
        if thread == 0 {
            eprintln!("week {} of {}: {hark} alarms in the slices of one thread", week + 1, request.weeks);
        }
    }
    alarms
}

/// What is said of a step by hark and by the rule by hand.
struct Judged {
    /// The statistic that moved, and which detector said so.
    alarm: Option<String>,
    dumb: bool,
    log_evidence: f64,
}

struct Slice {
    metric: String,
    watch: Watch,
    made: Made,
    hourly: ThreeSigma,
}

impl Slice {
    fn new(seed: u64, slice: usize, metric: &Metric) -> Option<Self> {
        let made = Made::new(seed, slice as u64, Cell::empty(&metric.kind)?);
        Some(Self { metric: metric.name.clone(), watch: Watch::new(metric)?, made, hourly: ThreeSigma::default() })
    }

    fn step(&mut self, at: i64, log_threshold: f64) -> Judged {
        let step = Step(START.step().0 + at);
        let cell = self.made.cell(at);
        let is_rest_day = step.start().is_weekend();
        let cell_of = |step: Step| self.made.cell(step.0 - START.step().0);
        let observed = self.watch.observe(step, &cell, is_rest_day, log_threshold, cell_of);
        let alarm = match &observed.transition {
            Some(Transition::Opened(shift)) => {
                let by = shift.detectors.first().map_or("", |word| word.name.as_str());
                Some(format!("{} {by}", shift.statistic))
            }
            _ => None,
        };
        let log_evidence = if alarm.is_some() { log_threshold } else { observed.log_evidence };
        Judged { alarm, dumb: self.hourly.step(at, cell), log_evidence }
    }
}

/// What a slice's cells are made from; any of them at any time.
struct Made {
    seed: u64,
    slice: u64,
    empty: Cell,
    requests: f64,
    /// Of its day, in steps; slices live in different time zones.
    phase: i64,
}

impl Made {
    fn new(seed: u64, slice: u64, empty: Cell) -> Self {
        let mut dice = Dice::of(&[seed, slice, u64::MAX]);
        let requests = (REQUESTS_MEDIAN * (REQUESTS_SPREAD * dice.normal()).exp()).min(REQUESTS_MAX);
        Self { seed, slice, empty, requests, phase: (dice.uniform() * DAY_STEPS as f64) as i64 }
    }

    fn cell(&self, at: i64) -> Cell {
        let mut dice = Dice::of(&[self.seed, self.slice, at.unsigned_abs()]);
        let day = ((at + self.phase) % DAY_STEPS) as f64 / DAY_STEPS as f64 * std::f64::consts::TAU;
        let weekend = if Step(START.step().0 + at).start().is_weekend() { 0.8 } else { 1.0 };
        let mean = self.requests * weekend * (1.0 - 0.6 * day.cos()) * self.wander(at, 1, TRAFFIC_WANDER);
        let requests = dice.poisson(mean);
        match self.empty {
            Cell::Latency(_) => {
                // Evenings are a little slower.
                let median = 400.0 * (1.0 - 0.05 * day.cos()) * self.wander(at, 2, LATENCY_WANDER);
                let mut sketch = Sketch::default();
                (0..requests).for_each(|_| sketch.insert(median * (0.5 * dice.normal()).exp()));
                Cell::Latency(sketch)
            }
            Cell::Ratio { .. } => {
                let chance = 0.02 * self.wander(at, 3, FAILURE_WANDER);
                Cell::Ratio { count: requests, hits: (0..requests).filter(|_| dice.uniform() < chance).count() as u64 }
            }
            _ => Cell::Count(requests),
        }
    }

    /// A factor that drifts from hour to hour, in part with all slices' own.
    fn wander(&self, at: i64, kind: u64, deviations: [f64; 2]) -> f64 {
        let (hour, part) = (at.div_euclid(HOUR_STEPS), at.rem_euclid(HOUR_STEPS) as f64 / HOUR_STEPS as f64);
        let knot = |slice: u64, hour: i64| Dice::of(&[self.seed, slice, kind << 48, hour.unsigned_abs()]).bell();
        let drift = |slice: u64| knot(slice, hour) * (1.0 - part) + knot(slice, hour + 1) * part;
        (deviations[0] * drift(u64::MAX) + deviations[1] * drift(self.slice)).exp()
    }
}

/// An hour beyond three deviations of all hours before it.
#[derive(Default)]
struct ThreeSigma {
    hour: Option<Cell>,
    hours: f64,
    sum: f64,
    squares: f64,
}

impl ThreeSigma {
    fn step(&mut self, at: i64, cell: Cell) -> bool {
        const HOURS_TO_LEARN: f64 = 168.0;
        match &mut self.hour {
            Some(hour) => hour.merge(&cell),
            None => self.hour = Some(cell),
        }
        if (at + 1) % HOUR_STEPS != 0 {
            return false;
        }
        let value = self.hour.take().and_then(|hour| match hour {
            Cell::Latency(sketch) => sketch.quantile(0.95),
            Cell::Ratio { count, hits } => (count > 0).then(|| hits as f64 / count as f64),
            Cell::Count(count) => Some(-(count as f64)),
            Cell::Gauge { .. } => None,
        });
        let Some(value) = value else { return false };
        let mean = self.sum / self.hours.max(1.0);
        let deviation = (self.squares / self.hours.max(1.0) - mean * mean).max(0.0).sqrt();
        let is_beyond = self.hours >= HOURS_TO_LEARN && value - mean > 3.0 * deviation;
        self.hours += 1.0;
        self.sum += value;
        self.squares += value * value;
        is_beyond
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_that_move_together_alarm_with_less_each() {
        let near = |logs: [f64; 2]| vec![(5, 1, logs[0]), (5, 2, logs[0]), (6, 1, logs[1]), (6, 2, logs[1])];
        assert_eq!(joint_alarms(near([9.4, 9.4]), 1, 10.0), [0], "it must last");
        let longer = |logs| [near(logs), vec![(7, 1, logs[1]), (7, 2, logs[1])]].concat();
        assert_eq!(joint_alarms(longer([9.4, 9.4]), 1, 10.0), [2]);
        assert_eq!(joint_alarms(longer([9.2, 9.2]), 1, 10.0), [0]);
        assert_eq!(joint_alarms(vec![(5, 1, 10.0), (6, 1, 10.0)], 1, 10.0), [1]);
    }

    #[test]
    fn a_cell_can_be_made_again() {
        let made = Made::new(3, 5, Cell::Count(0));
        assert_eq!(made.cell(700), made.cell(700));
        let week: u64 = (0..WEEK_STEPS).map(|at| made.cell(at).count()).sum();
        let expected = made.requests * WEEK_STEPS as f64 * (5.0 + 2.0 * 0.8) / 7.0;
        assert!((week as f64 / expected - 1.0).abs() < 0.1, "{week} of {expected}");
    }
}
