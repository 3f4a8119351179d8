//! `hark bench selftest`: does the self-test notice every way of breaking the detector, how soon, and does it leave a
//! working one in peace? Simulated traffic through the real pipeline and a real snapshot.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use hark_dashboard::{SelfTestReport, SelfTestVerdict};
use hark_detectors::Mutant;
use hark_model::Definitions;
use hark_query::Plan;
use hark_simulate::{Kinds, Simulation};

use crate::detection::Budget;
use crate::pipeline::Pipeline;
use crate::replay::Replay;
use crate::snapshot::{self, Position, Snapshot};

/// The verdict is asked for so often.
const MINUTES_PER_BODY: usize = 10;
const BODIES_PER_HOUR: u32 = 6;
const HOURS_PER_DAY: u32 = 24;
const BUDGET_PER_WEEK: f64 = 1.0;

pub struct Request {
    pub seeds: std::ops::RangeInclusive<u64>,
    /// Mean events per minute.
    pub rate: f64,
    /// Hours until the detector breaks.
    pub healthy_hours: u32,
    /// Hours that the self-test has to notice it.
    pub broken_hours: u32,
    /// Days of traffic with incidents on which a working detector is judged.
    pub days: u32,
    pub incidents: u32,
}

/// What became of one broken detector.
#[derive(Debug, Clone)]
pub struct Drill {
    pub mutant: Option<Mutant>,
    /// The verdict at the end, and minutes until the first fault was named.
    pub verdict: SelfTestVerdict,
    pub noticed_after_minutes: Option<u32>,
}

pub fn selftest(request: &Request) -> Result<()> {
    let mut minutes_by_mutant: Vec<(Mutant, Vec<Option<u32>>)> =
        Mutant::ALL.map(|mutant| (mutant, Vec::new())).to_vec();
    let (mut healthy, mut faulty, mut report) = (0, 0, None);
    for seed in request.seeds.clone() {
        for drill in drills(seed, request)? {
            let state = drill.verdict.state;
            match drill.mutant {
                Some(mutant) => println!(
                    "seed {seed}  {mutant:<18} {:<22} {state:?}: {}",
                    drill
                        .noticed_after_minutes
                        .map_or("not noticed".to_owned(), |minutes| format!("noticed within {minutes} min")),
                    drill.verdict.sentence
                ),
                None => println!("seed {seed}  not broken         {state:?}: {}", drill.verdict.sentence),
            }
            let of_mutant = minutes_by_mutant.iter_mut().find(|(mutant, _)| Some(*mutant) == drill.mutant);
            of_mutant.into_iter().for_each(|(_, minutes)| minutes.push(drill.noticed_after_minutes));
        }
        let (hours, faults, last) = working(seed, request)?;
        println!("seed {seed}  working, {} incidents: {faults} of {hours} h with a fault named", request.incidents);
        (healthy, faulty, report) = (healthy + hours, faulty + faults, Some(last));
    }
    for (mutant, minutes) in &minutes_by_mutant {
        let noticed: Vec<u32> = minutes.iter().flatten().copied().collect();
        let slowest = noticed.iter().max().map_or(String::new(), |minutes| format!(", within {minutes} min"));
        println!("{mutant:<18} noticed on {} of {} seeds{slowest}", noticed.len(), minutes.len());
    }
    println!("working detector: a fault named in {faulty} of {healthy} h");
    report.iter().for_each(print);
    Ok(())
}

fn print(report: &SelfTestReport) {
    println!("\nthe last seed at its end: {:?}: {}", report.verdict.state, report.verdict.sentence);
    for one in &report.sensitivities {
        println!("  {:<14} {:<40} {} ({} trials)", one.metric, one.slice.to_string(), one.sentence, one.trials);
    }
}

/// Healthy traffic up to one instant, a snapshot of it, and from there on once with each mutant and once without.
pub fn drills(seed: u64, request: &Request) -> Result<Vec<Drill>> {
    let plan = Arc::new(Plan::compile(&Definitions::built_in())?);
    let hours = request.healthy_hours + request.broken_hours;
    let mut bodies = bodies(seed, hours.div_ceil(HOURS_PER_DAY), request.rate, 0)?;
    let mut replay = Replay::new(Arc::clone(&plan), Vec::new(), Budget::shared(BUDGET_PER_WEEK));
    for body in bodies.by_ref().take((request.healthy_hours * BODIES_PER_HOUR) as usize) {
        replay.take(&body)?;
    }
    let folder = tempfile::tempdir().context("no temporary folder can be made for a snapshot")?;
    let path = folder.path().join("snapshot");
    let (pipeline, _) = replay.into_parts();
    Snapshot::of(&pipeline, &Position::default())?.save(&path)?;
    let rest = bodies.take((request.broken_hours * BODIES_PER_HOUR) as usize).collect::<Vec<_>>();
    let all = std::iter::once(None).chain(Mutant::ALL.map(Some));
    all.map(|mutant| drill(resume(&path, &plan)?, mutant, &rest)).collect()
}

fn resume(path: &Path, plan: &Arc<Plan>) -> Result<Pipeline> {
    let loaded = snapshot::load(path, plan, Budget::shared(BUDGET_PER_WEEK))?.context("the snapshot is gone")?;
    Ok(loaded.0)
}

fn drill(mut pipeline: Pipeline, mutant: Option<Mutant>, bodies: &[Vec<u8>]) -> Result<Drill> {
    pipeline.set_mutant(mutant);
    let mut replay = Replay::resume(pipeline);
    let mut noticed_after_minutes = None;
    for (at, body) in bodies.iter().enumerate() {
        replay.take(body)?;
        if noticed_after_minutes.is_none() && replay.pipeline.verdict().state.is_fault() {
            noticed_after_minutes = Some((at + 1) as u32 * MINUTES_PER_BODY as u32);
        }
    }
    Ok(Drill { mutant, verdict: replay.pipeline.verdict(), noticed_after_minutes })
}

/// Hours judged, hours in which a fault was named, and what is said at the end.
fn working(seed: u64, request: &Request) -> Result<(u32, u32, SelfTestReport)> {
    let plan = Arc::new(Plan::compile(&Definitions::built_in())?);
    let mut replay = Replay::new(plan, Vec::new(), Budget::shared(BUDGET_PER_WEEK));
    let (mut hours, mut faults) = (0, 0);
    for (at, body) in bodies(seed, request.days, request.rate, request.incidents)?.enumerate() {
        replay.take(&body)?;
        if (at + 1) % BODIES_PER_HOUR as usize != 0 {
            continue;
        }
        let verdict = replay.pipeline.verdict();
        hours += 1;
        if verdict.state.is_fault() {
            faults += 1;
            eprintln!("seed {seed}, hour {hours}: {:?}: {}", verdict.state, verdict.sentence);
        }
    }
    Ok((hours, faults, replay.pipeline.self_test()))
}

/// The traffic in bodies of ten minutes.
fn bodies(seed: u64, days: u32, rate: f64, incidents: u32) -> Result<impl Iterator<Item = Vec<u8>>> {
    let start_ms = hark_simulate::Config::DEFAULT_START_MS;
    let mut simulation =
        Simulation::new(hark_simulate::Config { seed, start_ms, days, rate, incidents, kinds: Kinds::All })?;
    Ok(std::iter::from_fn(move || {
        let mut body = Vec::new();
        let made = (0..MINUTES_PER_BODY).take_while(|_| simulation.next_minute(&mut body).is_some()).count();
        (made > 0).then_some(body)
    }))
}
