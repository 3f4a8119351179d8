//! `growth`: what a hundred times as many leaf groups do to speed and memory.

use anyhow::Result;

use super::ndjson::{HEADERS, LINES_PER_BODY, PATH};
use crate::bench::events::cut;
use crate::bench::load::{Load, SENDERS};
use crate::bench::statistics::median;
use crate::bench::trial::{Trial, per_second};
use crate::bench::{Line, Run, definitions, synthetic};

const FEW: u64 = 10_000;
const MANY: u64 = 1_000_000;
/// All of the events: two steps, most of them open together.
const MINUTES: u64 = 10;
const MIB: f64 = (1 << 20) as f64;

pub(in crate::bench) fn growth(run: &mut Run) -> Result<()> {
    let events = run.about_events;
    let mut speeds = Vec::new();
    for groups in [FEW, MANY.min(events)] {
        let trials = trials(run, events, groups)?;
        let speed = per_second(&trials, events, |trial| trial.processor_seconds);
        speeds.extend(median(&speed));
        let note = format!("{events} events in {MINUTES} minutes");
        run.add(Line::new(format!("{groups} leaf groups, events a core"), "/CPU-s", speed).note(note));
        let peak = trials.iter().map(|trial| trial.memory.peak as f64 / MIB).collect();
        run.add(Line::new(format!("{groups} leaf groups, memory at its peak"), "MiB", peak).asked("bounded"));
    }
    let falls = speeds.first().zip(speeds.get(1)).map(|(few, many)| few / many);
    run.add(Line::new("throughput falls by", "x", falls.into_iter().collect()).asked("<= 2 x"));
    Ok(())
}

fn trials(run: &mut Run, events: u64, groups: u64) -> Result<Vec<Trial>> {
    let bytes = synthetic::groups(events, groups, MINUTES);
    let bodies = cut(&bytes, LINES_PER_BODY);
    let metrics = run.definitions(&definitions::of_events())?;
    let load = Load { path: PATH, headers: HEADERS, bodies: &bodies, senders: SENDERS };
    run.trials(|run| run.hark(&metrics), &load, &|run, server| run.check_status(server, events, 0))
}
