//! `import`: history from Parquet, and the batch peers on the same file.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::bench::server::hark;
use crate::bench::statistics::median;
use crate::bench::{Line, Run, definitions};
use crate::clock::Stopwatch;

/// Events a second of the clock and of the processor.
struct Speed {
    by_clock: f64,
    by_core: f64,
}

pub(in crate::bench) fn import(run: &mut Run) -> Result<()> {
    if let Some(why) = run.peers.lacks("pyarrow") {
        run.missing("hark import", &format!("no Parquet to import; {why}"));
        return Ok(());
    }
    let events = run.events()?;
    let parquet = run.folder.fresh("parquet")?.join("events.parquet");
    run.peers.to_parquet(&events.path, &parquet)?;
    let metrics = run.definitions(&definitions::of_events())?;
    let ours = (0..run.runs).map(|_| once(run, &parquet, &metrics)).collect::<Result<Vec<_>>>()?;
    let (by_core, by_clock) = columns(&ours);
    let note = "the whole command, start, history and last snapshot included";
    run.add(Line::new("hark, events a core", "/CPU-s", by_core.clone()).asked(">= 1,500,000").note(note));
    run.add(Line::new("hark, events by the clock", "/s", by_clock.clone()));
    for peer in ["duckdb", "polars"] {
        if let Some(why) = run.peers.lacks(peer) {
            run.missing(peer, &why);
            continue;
        }
        let speed = || {
            let batch = run.peers.over_parquet(peer, &parquet)?;
            Ok(Speed { by_clock: batch.events_per_second, by_core: batch.events_per_processor_second })
        };
        let theirs = (0..run.runs).map(|_| speed()).collect::<Result<Vec<_>>>()?;
        let (their_core, their_clock) = columns(&theirs);
        let ratio = median(&by_core).zip(median(&their_core)).map(|(ours, theirs)| ours / theirs);
        run.add(Line::new(format!("{peer}, events a core"), "/CPU-s", their_core).note("aggregates and keeps nothing"));
        run.add(Line::new(format!("{peer}, events by the clock"), "/s", their_clock));
        run.add(Line::new(format!("hark / {peer}, a core"), "x", ratio.into_iter().collect()));
    }
    Ok(())
}

fn columns(speeds: &[Speed]) -> (Vec<f64>, Vec<f64>) {
    speeds.iter().map(|speed| (speed.by_core, speed.by_clock)).unzip()
}

fn once(run: &mut Run, parquet: &Path, metrics: &Path) -> Result<Speed> {
    let count = run.events()?.count;
    let folder = run.folder.fresh("hark")?;
    let mut command = hark(&run.binary, &folder);
    command.arg("import").arg(parquet).arg("--data").arg(folder.join("data")).arg("--metrics").arg(metrics);
    let before = run.processor.of_ended_children()?;
    let watch = Stopwatch::start();
    let output = command.output().context("hark could not be started")?;
    let seconds = watch.elapsed().as_secs_f64();
    let processor_seconds = run.processor.of_ended_children()? - before;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("`hark import` failed ({}): {said}", output.status);
    }
    run.check("events of `hark import`", imported(&said).with_context(|| said.clone().into_owned())?, count.distinct);
    let lines = count.lines as f64;
    Ok(Speed { by_clock: lines / seconds, by_core: lines / processor_seconds })
}

/// The number in `1234 events, 5 duplicates, …`.
fn imported(said: &str) -> Option<u64> {
    let line = said.lines().find(|line| line.contains(" events, "))?;
    line.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_events_is_read_from_what_is_said() {
        assert_eq!(imported("x\n12 events, 3 duplicates, 0 late, 0 rejected -> data\n"), Some(12));
        assert_eq!(imported("nothing"), None);
    }
}
