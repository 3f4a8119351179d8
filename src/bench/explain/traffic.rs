//! Simulated weeks with known truth through the real pipeline; what happened is explained as an alert would be, and so is
//! what did not happen.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use anyhow::{Result, anyhow};
use hark_model::{Alert, Definitions, Timestamp};
use hark_query::Plan;
use hark_simulate::{Config, IncidentTruth, Kinds, Simulation};

use crate::bench::explain::Traffic;
use crate::bench::explain::alerted::Alerted;
use crate::bench::explain::cases::{Case, due, planned};
use crate::bench::explain::judged::{Judged, judge};
use crate::bench::explain::score::Score;
use crate::detection::Budget;
use crate::replay::{self, Replay};

const MINUTES_PER_BATCH: usize = 60;
/// Of the seeds, every so many have nothing but shifts of the mix.
const MIX_SEED_ONE_IN: u64 = 4;

/// What one seed came to.
struct Run {
    judged: Vec<Judged>,
    alerts: Vec<Alert>,
    incidents: Vec<IncidentTruth>,
}

pub(super) fn print(request: &Traffic) -> Result<()> {
    let (mut score, mut alerted) = (Score::default(), Alerted::default());
    for (seed, run) in runs(request)? {
        for judged in &run.judged {
            score.add(judged);
            if let Some(note) = judged.note().filter(|_| request.list) {
                eprintln!("seed {seed}: {note}");
            }
        }
        alerted.add(&run.alerts, &run.incidents);
    }
    let Traffic { seeds, days, rate, incidents, threads, .. } = request;
    let (first, last) = (seeds.start(), seeds.end());
    println!(
        "\nseeds {first} to {last}, {days} days each, {rate} events a minute, {incidents} incidents each, {threads} seeds at a time"
    );
    score.print();
    alerted.print();
    Ok(())
}

/// Every seed's run, by seed; as many at a time as there are threads.
fn runs(request: &Traffic) -> Result<BTreeMap<u64, Run>> {
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

impl Run {
    fn new(request: &Traffic, seed: u64) -> Result<Self> {
        let Traffic { days, rate, incidents, .. } = *request;
        let is_mix = seed.is_multiple_of(MIX_SEED_ONE_IN);
        let kinds = if is_mix { "mix_shift".parse::<Kinds>().map_err(|error| anyhow!("{error}"))? } else { Kinds::All };
        let start_ms = Config::DEFAULT_START_MS;
        let mut simulation = Simulation::new(Config { seed, start_ms, days, rate, incidents, kinds })?;
        let truth: Vec<IncidentTruth> = simulation.truth().incidents.clone();
        let plan = Arc::new(Plan::compile(&Definitions::built_in())?);
        let changes = replay::simulated_changes(&simulation)?;
        let mut known: Vec<_> = changes.iter().map(|change| (change.id(), change.clone())).collect();
        known.sort_by(|a, b| a.1.time.cmp(&b.1.time).then_with(|| a.0.cmp(&b.0)));
        let mut replay = Replay::new(Arc::clone(&plan), changes, Budget::shared(1.0));
        // It changes no alert.
        replay.pipeline.set_self_test(false);
        let mut waiting: Vec<Case> = planned(&truth, Timestamp::from_millis(start_ms), days);
        let (mut body, mut judged) = (Vec::new(), Vec::new());
        loop {
            let made = (0..MINUTES_PER_BATCH).take_while(|_| simulation.next_minute(&mut body).is_some()).count();
            if made == 0 {
                replay.finish();
            } else {
                replay.take(&body)?;
            }
            body.clear();
            for case in due(&mut waiting, replay.pipeline.watermark()) {
                let (fold, _) = replay.pipeline.state();
                judged.extend(judge(&case, fold, &plan, &known));
            }
            if made == 0 {
                break;
            }
        }
        Ok(Self { judged, alerts: replay.outcome().alerts, incidents: truth })
    }
}
