//! `fsync`: what the disk itself takes, with nothing of hark in between.

use std::fs::File;
use std::io::Write;

use anyhow::{Context, Result};

use crate::bench::statistics::{median, percentile};
use crate::bench::{Line, Run};
use crate::clock::Stopwatch;

/// What a group of bodies comes to under load.
const BLOCK_BYTES: usize = 64 * 1024;
/// Enough that three of them lie above the 99th percentile.
const SYNCS: usize = 300;

pub(in crate::bench) fn fsync(run: &mut Run) -> Result<()> {
    let each = (0..run.runs).map(|_| once(run)).collect::<Result<Vec<_>>>()?;
    let of = |share: f64| each.iter().map(|times| percentile(times, share)).collect::<Vec<f64>>();
    let note = format!("append of {} KiB and fdatasync, {SYNCS} times", BLOCK_BYTES / 1024);
    run.fsync_p99_ms = median(&of(0.99));
    run.add(Line::new("fsync p50", "ms", of(0.5)).note(note));
    run.add(Line::new("fsync p99", "ms", of(0.99)));
    Ok(())
}

fn once(run: &Run) -> Result<Vec<f64>> {
    let path = run.folder.fresh("fsync")?.join("log");
    let write = || -> std::io::Result<Vec<f64>> {
        let mut file = File::create(&path)?;
        let block = vec![b'x'; BLOCK_BYTES];
        let mut times = Vec::with_capacity(SYNCS);
        for _ in 0..SYNCS {
            let watch = Stopwatch::start();
            file.write_all(&block)?;
            file.sync_data()?;
            times.push(watch.elapsed().as_secs_f64() * 1000.0);
        }
        Ok(times)
    };
    write().with_context(|| format!("{} cannot be written", path.display()))
}
