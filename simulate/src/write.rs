//! A whole simulation in a folder: events.ndjson, changes.ndjson and truth.json.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use crate::config::{Config, DAY_MS};
use crate::error::SimulateError;
use crate::simulation::Simulation;
use crate::truth::Truth;

/// Lines are collected up to this size before they are written.
const BUFFER_BYTES: usize = 1 << 20;

/// Simulates and writes, calling `progress(days done, days)` after each simulated day. Returns what is in truth.json.
pub fn write_to(
    dir: impl AsRef<Path>,
    config: &Config,
    progress: impl FnMut(u32, u32),
) -> Result<Truth, SimulateError> {
    let dir = dir.as_ref();
    let mut simulation = Simulation::new(*config)?;
    std::fs::create_dir_all(dir).map_err(|source| SimulateError::CreateFolder { path: dir.to_owned(), source })?;
    write(&dir.join("changes.ndjson"), |file| write_changes(&simulation, file))?;
    write(&dir.join("events.ndjson"), |file| write_events(&mut simulation, file, progress))?;
    write(&dir.join("truth.json"), |file| {
        let mut text = serde_json::to_vec_pretty(simulation.truth())?;
        text.push(b'\n');
        file.write_all(&text)
    })?;
    Ok(simulation.truth().clone())
}

fn write(path: &Path, content: impl FnOnce(&mut File) -> std::io::Result<()>) -> Result<(), SimulateError> {
    let written = File::create(path).and_then(|mut file| {
        content(&mut file)?;
        file.flush()
    });
    written.map_err(|source| SimulateError::Write { path: path.to_owned(), source })
}

fn write_changes(simulation: &Simulation, file: &mut File) -> std::io::Result<()> {
    let mut lines = Vec::new();
    for change in simulation.changes() {
        serde_json::to_writer(&mut lines, change)?;
        lines.push(b'\n');
    }
    file.write_all(&lines)
}

fn write_events(
    simulation: &mut Simulation,
    file: &mut File,
    mut progress: impl FnMut(u32, u32),
) -> std::io::Result<()> {
    let days = simulation.truth().days;
    let start_ms = simulation.truth().start.timestamp_millis();
    let mut lines = Vec::with_capacity(BUFFER_BYTES * 2);
    while let Some(end_ms) = simulation.next_minute(&mut lines) {
        if lines.len() >= BUFFER_BYTES {
            file.write_all(&lines)?;
            lines.clear();
        }
        let elapsed_ms = end_ms - start_ms;
        if elapsed_ms % DAY_MS == 0 {
            progress((elapsed_ms / DAY_MS) as u32, days);
        }
    }
    file.write_all(&lines)
}
