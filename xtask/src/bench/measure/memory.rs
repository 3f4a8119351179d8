//! `memory` and `series`: what a series costs while its minutes are open, and what a great many cost for good.

use anyhow::Result;

use super::ndjson::{HEADERS, LINES_PER_BODY, PATH};
use crate::bench::definitions::{Kind, of_many_slices};
use crate::bench::events::cut;
use crate::bench::load::Load;
use crate::bench::statistics::median;
use crate::bench::trial::count;
use crate::bench::{Line, Run, synthetic};

/// Each watched alone: an event is in so many series of each metric.
const DIMENSIONS: usize = 10;
/// One step, whose minutes are all open until the next has begun.
const OPEN_MINUTES: u64 = 5;
const MIB: f64 = (1 << 20) as f64;

/// Series that are open together.
struct Open {
    name: &'static str,
    metrics: usize,
    /// Of each dimension. A set keeps 2,000 slices.
    values: u64,
    /// Of each series in each minute.
    observations: u64,
    asked: &'static str,
}

const OPEN: [Open; 2] = [
    Open { name: "sparse", metrics: 1, values: 2_000, observations: 4, asked: "<= 250 B" },
    Open { name: "dense", metrics: 10, values: 30, observations: 1_000, asked: "<= 1,500 B" },
];

/// The same events with and without the series: the difference is theirs.
pub(in crate::bench) fn memory(run: &mut Run) -> Result<()> {
    for open in OPEN {
        let Open { name, metrics, values, observations, asked } = open;
        let bytes = synthetic::slices(DIMENSIONS, values, observations, 0..OPEN_MINUTES);
        let kinds = vec![Kind::Latency; metrics];
        let series = DIMENSIONS as u64 * values * metrics as u64;
        let cells = series * OPEN_MINUTES;
        let (mut differences, mut each) = (Vec::new(), Vec::new());
        for _ in 0..run.runs {
            let [without, with] = [false, true].map(|is_watched| of_many_slices(&kinds, DIMENSIONS, is_watched));
            let without = resident(run, &without, &[&bytes])?;
            let with = resident(run, &with, &[&bytes])?;
            let difference = with.mib[0] - without.mib[0];
            differences.push(difference);
            each.push(difference * MIB / cells as f64);
        }
        let note = format!("{series} series x {OPEN_MINUTES} minutes, {observations} latencies in each");
        let between = median(&differences).unwrap_or_default();
        let divided = format!("{between:.1} MiB between watched and not watched, divided by {cells}");
        run.add(Line::new(format!("{name}, a series and open minute"), "B", each).asked(asked).note(divided));
        run.add(Line::new(format!("{name}, all of them"), "MiB", differences).note(note));
    }
    Ok(())
}

const MANY_KINDS: [Kind; 5] = [Kind::Latency, Kind::Latency, Kind::Ratio, Kind::Ratio, Kind::Count];
const MANY_VALUES: u64 = 2_000;
/// So many steps, each with one event for each series; what is kept of closed steps grows with them.
const MANY_STEPS: [u64; 2] = [24, 288];

pub(in crate::bench) fn series(run: &mut Run) -> Result<()> {
    let of_steps =
        |from: u64, to: u64| synthetic::slices(DIMENSIONS, MANY_VALUES, 1, (from..to).map(|step| step * OPEN_MINUTES));
    let [few, many] = MANY_STEPS;
    let stages = [of_steps(0, few), of_steps(few, many)];
    let definitions = of_many_slices(&MANY_KINDS, DIMENSIONS, true);
    let expected = DIMENSIONS as u64 * MANY_VALUES * MANY_KINDS.len() as u64;
    let (mut after, mut peak) = ([Vec::new(), Vec::new()], Vec::new());
    for _ in 0..run.runs {
        let resident = resident(run, &definitions, &[&stages[0], &stages[1]])?;
        after.iter_mut().zip(resident.mib).for_each(|(all, mib)| all.push(mib));
        peak.push(resident.peak_mib);
        // The total of each built-in metric is watched as well.
        run.check("active series, at the least", resident.series.min(expected), expected);
    }
    for (steps, mib) in MANY_STEPS.into_iter().zip(after) {
        let note = format!("resident after {} hours of event time, each series active every five minutes", steps / 12);
        let line = Line::new(format!("{expected} active series, {} h", steps / 12), "MiB", mib);
        run.add(line.asked("well under 2,048 MiB").note(note));
    }
    run.add(Line::new(format!("{expected} active series, at the peak"), "MiB", peak));
    Ok(())
}

struct Resident {
    /// After each stage.
    mib: Vec<f64>,
    peak_mib: f64,
    series: u64,
}

/// What hark takes up once it has these events. One sender, so that nothing depends on their order.
fn resident(run: &mut Run, definitions: &str, stages: &[&[u8]]) -> Result<Resident> {
    let metrics = run.definitions(definitions)?;
    let server = run.hark(&metrics)?;
    let mut mib = Vec::new();
    for events in stages {
        let bodies = cut(events, LINES_PER_BODY);
        Load { path: PATH, headers: HEADERS, bodies: &bodies, senders: 1 }.send(server.address())?;
        mib.push(server.memory()?.now as f64 / MIB);
    }
    let sent = stages.iter().flat_map(|events| events.iter()).filter(|&&byte| byte == b'\n').count() as u64;
    let status = run.check_status(&server, sent, 0)?;
    let peak_mib = server.memory()?.peak as f64 / MIB;
    // Nothing more is asked of it: what it would write on a clean stop is of no interest here.
    server.kill()?;
    Ok(Resident { mib, peak_mib, series: count(&status, "series")? })
}
