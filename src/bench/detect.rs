//! `hark bench detect`: simulated weeks with known truth through the real pipeline, scored.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, anyhow};
use hark_alerting::{Reason, Stage};
use hark_model::{Alert, Definitions, Statistic, Step, Timestamp};
use hark_query::Plan;
use hark_simulate::{Config, IncidentTruth, Kinds, Simulation};

use crate::bench::score::{Claim, Incident, Join, Score};
use crate::bench::stages::StageScore;
use crate::bench::stopwatch;
use crate::detection::Budget;
use crate::replay::{self, Replay};
use crate::series::{SeriesKey, coarsen};

const MINUTES_PER_BATCH: usize = 60;
const STEPS_PER_HOUR: usize = 12;

pub(super) struct Request {
    pub(super) seeds: RangeInclusive<u64>,
    pub(super) days: u32,
    pub(super) rate: f64,
    pub(super) incidents: u32,
    pub(super) kinds: Kinds,
    pub(super) list: bool,
    pub(super) threads: usize,
    pub(super) joint: bool,
}

pub(super) fn detect(request: &Request) -> Result<()> {
    let weeks = request.seeds.clone().count() as f64 * f64::from(request.days) / 7.0;
    let mut rules: [(&str, Score); 4] =
        ["hark", "never fires", "fires every hour", "3 sigma, hourly, total"].map(|name| (name, Score::default()));
    let mut stages = StageScore::default();
    let (mut events, mut simulating, mut replaying) = (0, 0.0, 0.0);
    for (seed, run) in runs(request)? {
        events += run.events;
        simulating += run.simulating_s;
        replaying += run.replaying_s;
        let hours = (0..i64::from(request.days) * 24).map(|hour| run.start.plus_minutes(60 * hour));
        let always = hours.map(Claim::by_rule).collect();
        for ((_, score), claims) in rules.iter_mut().zip([run.claims, Vec::new(), always, run.three_sigma]) {
            score.add(&claims, &run.joins, &run.incidents);
        }
        stages.add(&run.alerts, &run.truths);
        for note in rules[0].1.notes.drain(..).chain(stages.notes.drain(..)).filter(|_| request.list) {
            eprintln!("seed {seed}: {note}");
        }
    }
    let Request { seeds, days, rate, incidents, .. } = request;
    println!(
        "seeds {} to {}, {days} days each, {rate} events a minute, {incidents} incidents",
        seeds.start(),
        seeds.end()
    );
    for (name, score) in &mut rules {
        println!("\n{name}");
        score.print(weeks);
    }
    println!();
    rules[0].1.print_families();
    stages.print();
    println!("speed of one thread, {events} events in all, {} threads side by side", request.threads);
    println!("  simulate   {:>10.0} events/s", events as f64 / simulating);
    println!("  replay     {:>10.0} events/s, detection and explanations included", events as f64 / replaying);
    Ok(())
}

/// Every seed's run, by seed; as many at a time as there are threads.
fn runs(request: &Request) -> Result<BTreeMap<u64, Run>> {
    let waiting = Mutex::new(request.seeds.clone());
    let done = Mutex::new(BTreeMap::new());
    let poisoned = || anyhow!("another seed's run has failed");
    let work = || -> Result<()> {
        loop {
            let Some(seed) = waiting.lock().map_err(|_| poisoned())?.next() else { return Ok(()) };
            let run = Run::new(request, seed)?;
            done.lock().map_err(|_| poisoned())?.insert(seed, run);
            eprintln!("seed {seed} done");
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..request.threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| poisoned())?)
    })?;
    done.into_inner().map_err(|_| poisoned())
}

/// One simulated stretch through the pipeline.
struct Run {
    start: Timestamp,
    incidents: Vec<Incident>,
    truths: Vec<IncidentTruth>,
    alerts: Vec<Alert>,
    claims: Vec<Claim>,
    joins: Vec<Join>,
    three_sigma: Vec<Claim>,
    events: u64,
    simulating_s: f64,
    replaying_s: f64,
}

impl Run {
    fn new(request: &Request, seed: u64) -> Result<Self> {
        let Request { days, rate, incidents, kinds, .. } = *request;
        let start_ms = Config::DEFAULT_START_MS;
        let mut simulation = Simulation::new(Config { seed, start_ms, days, rate, incidents, kinds })?;
        let truths = simulation.truth().incidents.clone();
        let mut incidents: Vec<Incident> = truths.iter().map(Incident::new).collect();
        let plan = Arc::new(Plan::compile(&Definitions::built_in())?);
        let changes = replay::simulated_changes(&simulation)?;
        let mut replay = Replay::new(plan, changes, Budget { joint: request.joint, ..Budget::shared(1.0) });
        // It changes no alert.
        replay.pipeline.set_self_test(false);
        let (mut simulating_s, mut replaying_s) = (0.0, 0.0);
        let (mut body, mut joins, mut seen_until) = (Vec::new(), Vec::new(), Timestamp::from_millis(0));
        loop {
            let watch = stopwatch();
            let made = (0..MINUTES_PER_BATCH).take_while(|_| simulation.next_minute(&mut body).is_some()).count();
            simulating_s += watch.elapsed().as_secs_f64();
            let watch = stopwatch();
            if made == 0 {
                replay.finish();
            } else {
                replay.take(&body)?;
            }
            replaying_s += watch.elapsed().as_secs_f64();
            seen_until = collect(&replay, seen_until, &mut joins, &mut incidents);
            if made == 0 {
                break;
            }
            body.clear();
        }
        for incident in &mut incidents {
            incident.slices_hit = slices_hit(&replay, incident);
        }
        let three_sigma = three_sigma(&replay)?;
        let outcome = replay.outcome();
        Ok(Self {
            start: Timestamp::from_millis(start_ms),
            incidents,
            truths,
            claims: outcome.alerts.iter().map(Claim::of_alert).collect(),
            alerts: outcome.alerts,
            joins,
            three_sigma,
            events: outcome.ingested.events,
            simulating_s,
            replaying_s,
        })
    }
}

/// What the funnel dropped since `from`, before it forgets it. Returns until when it has been read.
fn collect(replay: &Replay, from: Timestamp, joins: &mut Vec<Join>, incidents: &mut [Incident]) -> Timestamp {
    let (_, detection) = replay.pipeline.state();
    let mut until = from;
    for dropped in detection.funnel().remembered().filter(|dropped| dropped.at > from) {
        until = until.max(dropped.at);
        match (&dropped.reason, dropped.stage) {
            (Reason::PartOf(into), _) => {
                joins.push(Join { at: dropped.at, slice: dropped.slice.clone(), into: into.clone() });
            }
            (_, Stage::Rate | Stage::Like) => {
                let hit = incidents.iter_mut().filter(|incident| incident.touches(dropped.at, &dropped.slice));
                hit.for_each(|incident| incident.was_taken_for_mix = true);
            }
            _ => {}
        }
    }
    until
}

/// How many series of one metric see an incident's requests: those of the metric that watches the most.
fn slices_hit(replay: &Replay, incident: &Incident) -> usize {
    let (fold, _) = replay.pipeline.state();
    let hit = |metric| fold.cells(metric).slices().filter(|(_, slice)| incident.slice.overlaps(slice)).count();
    (0..replay.pipeline.plan().metrics.len()).map(hit).max().unwrap_or(0)
}

/// What a first rule by hand would be: an hour's total beyond three deviations of all hours before it.
fn three_sigma(replay: &Replay) -> Result<Vec<Claim>> {
    const HOURS_TO_LEARN: usize = 48;
    let watched = [
        ("response_time", Statistic::P95, 1.0),
        ("failure_rate", Statistic::Rate, 1.0),
        ("requests", Statistic::Count, -1.0),
    ];
    let mut claims = Vec::new();
    for (metric, statistic, bad) in watched {
        let key = SeriesKey { metric: metric.to_owned(), statistic, slice: hark_model::Slice::total() };
        let series = replay.pipeline.series();
        let id = series.find(&key).context("the total has a series")?;
        let (mut count, mut sum, mut squares) = (0, 0.0, 0.0);
        for hour in coarsen(&series.range(id, Step(0), Step(i64::MAX)), STEPS_PER_HOUR) {
            let Some(value) = hour.value else { continue };
            let mean = sum / f64::from(count.max(1));
            let deviation = (squares / f64::from(count.max(1)) - mean * mean).max(0.0).sqrt();
            if count as usize >= HOURS_TO_LEARN && bad * (value - mean) > 3.0 * deviation {
                claims.push(Claim::by_rule(hour.step.start().plus_minutes(60)));
            }
            count += 1;
            sum += value;
            squares += value * value;
        }
    }
    Ok(claims)
}
