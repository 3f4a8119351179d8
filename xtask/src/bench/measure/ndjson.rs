//! `ndjson`: events over HTTP into cells, durable, and the batch peers on the same file.

use anyhow::Result;

use crate::bench::events::Events;
use crate::bench::load::{Load, SENDERS};
use crate::bench::peers::Batch;
use crate::bench::server::Server;
use crate::bench::statistics::median;
use crate::bench::trial::{Trial, count, per_second, speed};
use crate::bench::{Line, Run, definitions};

/// Some 1.7 MB.
pub(super) const LINES_PER_BODY: usize = 5_000;
pub(super) const PATH: &str = "/api/v1/events";
pub(super) const HEADERS: &str = "Content-Type: application/x-ndjson\r\n";
/// Both peers, and what the issue asks of hark beside them.
const PEERS: [(&str, &str); 2] = [("polars", ">= 4 x"), ("duckdb", ">= 8 x")];
const MIB: f64 = (1 << 20) as f64;

pub(in crate::bench) fn ndjson(run: &mut Run) -> Result<()> {
    let events = run.events()?;
    let trials = trials(run, &events)?;
    let lines = events.count.lines;
    let [by_core, by_clock, whole] = speed("hark", "events", lines, &trials);
    run.add(by_core.asked(">= 300,000"));
    run.add(by_clock);
    run.add(whole);
    let late = trials.iter().map(|trial| Ok(count(&trial.status, "late")? as f64 * 100.0 / lines as f64));
    let late = Line::new("hark, events whose minute was closed", "%", late.collect::<Result<_>>()?);
    let note = format!("{lines} events of {} minutes; late where a body overtakes another", run.minutes);
    run.add(late.note(note));
    let peak = trials.iter().map(|trial| trial.memory.peak as f64 / MIB).collect();
    run.add(Line::new("hark, memory at its peak", "MiB", peak));
    for (peer, asked) in PEERS {
        let why = run.peers.lacks_script().or_else(|| run.peers.lacks(peer));
        match why {
            Some(why) => run.missing(peer, &why),
            None => {
                let batches = (0..run.runs).map(|_| run.peers.over_ndjson(peer, &events.path));
                let batches = batches.collect::<Result<Vec<_>>>()?;
                compare(run, peer, asked, &trials, lines, &batches);
            }
        }
    }
    Ok(())
}

/// The rate that hark takes events at, measured once where it was not before.
pub(super) fn events_per_second(run: &mut Run) -> Result<f64> {
    if run.events_per_second.is_none() {
        let events = run.events()?;
        trials(run, &events)?;
    }
    Ok(run.events_per_second.unwrap_or_default())
}

fn trials(run: &mut Run, events: &Events) -> Result<Vec<Trial>> {
    let bodies = events.bodies(LINES_PER_BODY);
    let metrics = run.definitions(&definitions::of_events())?;
    let load = Load { path: PATH, headers: HEADERS, bodies: &bodies, senders: SENDERS };
    let (lines, distinct) = (events.count.lines, events.count.distinct);
    let check = move |run: &mut Run, server: &Server| run.check_status(server, distinct, lines - distinct);
    let trials = run.trials(|run| run.hark(&metrics), &load, &check)?;
    run.events_per_second = median(&per_second(&trials, lines, |trial| trial.seconds));
    Ok(trials)
}

/// A peer's own figures, and how many times as fast hark is, by the core and by the clock.
fn compare(run: &mut Run, peer: &str, asked: &str, trials: &[Trial], lines: u64, batches: &[Batch]) {
    let by_core: Vec<f64> = batches.iter().map(|batch| batch.events_per_processor_second).collect();
    let by_clock: Vec<f64> = batches.iter().map(|batch| batch.events_per_second).collect();
    let ratio = |ours: &[f64], theirs: &[f64]| median(ours).zip(median(theirs)).map(|(ours, theirs)| ours / theirs);
    let ours_by_core = per_second(trials, lines, |trial| trial.processor_seconds);
    let ours_by_clock = per_second(trials, lines, |trial| trial.seconds);
    let ratios = [ratio(&ours_by_core, &by_core), ratio(&ours_by_clock, &by_clock)];
    run.add(Line::new(format!("{peer}, events a core"), "/CPU-s", by_core).note("one batch, nothing durable"));
    run.add(Line::new(format!("{peer}, events by the clock"), "/s", by_clock).note("two threads, no load beside it"));
    let shown = ratios.map(|ratio| ratio.into_iter().collect());
    let [by_core, by_clock] = shown;
    run.add(Line::new(format!("hark / {peer}, a core"), "x", by_core).asked(asked));
    run.add(Line::new(format!("hark / {peer}, by the clock"), "x", by_clock).asked(asked));
}
