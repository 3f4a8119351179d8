//! The pipeline's whole state in one file, so that a restart need not fold the log from its beginning.
//!
//! A snapshot is an optimisation and never the truth: if it is missing, torn or of other definitions, the log is
//! folded instead. It is written beside the old one, synced, and put in its place in one step.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use hark_ingest::{FileChunk, Fold};
use hark_model::Timestamp;
use hark_query::Plan;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::detection::Detection;
use crate::pipeline::Pipeline;

/// Raised with every change of what is inside; an older snapshot is then left aside.
const MAGIC: &[u8; 12] = b"hark-snap-18";
const COMPRESSION_LEVEL: i32 = 1;

/// Where in the log the state stands, and where older hours of it begin.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Position {
    /// The first record that is not yet in the state.
    pub next_offset: u64,
    /// The first record of each hour that the log still holds, oldest first.
    pub hours: VecDeque<(Timestamp, u64)>,
    /// How many parts of each imported file have been taken, by its fingerprint.
    taken: BTreeMap<u64, u64>,
}

/// Further files are known by the journal of imports alone, which tells of whole files.
const FILES_MAX: usize = 100_000;

impl Position {
    /// A log whose first records are in the state already.
    pub fn starting_at(next_offset: u64) -> Self {
        Self { next_offset, ..Self::default() }
    }

    /// The record is about to be folded: the next start goes on behind it. Every hour's first is remembered.
    pub fn note(&mut self, offset: u64, watermark: Option<Timestamp>) {
        self.next_offset = offset + 1;
        let Some(watermark) = watermark else { return };
        if self.hours.back().is_none_or(|(time, _)| watermark.minutes_since(*time) >= 60) {
            self.hours.push_back((watermark, offset));
        }
    }

    pub fn note_chunk(&mut self, chunk: &FileChunk) {
        if self.taken.len() < FILES_MAX || self.taken.contains_key(&chunk.fingerprint) {
            let taken = self.taken.entry(chunk.fingerprint).or_default();
            *taken = (*taken).max(chunk.number + 1);
        }
    }

    pub fn taken_of(&self, fingerprint: u64) -> Option<u64> {
        self.taken.get(&fingerprint).copied()
    }
}

#[derive(Serialize)]
struct Saved<'a> {
    definitions: u64,
    position: &'a Position,
    fold: &'a Fold,
    detection: &'a Detection,
}

#[derive(Deserialize)]
struct Loaded {
    definitions: u64,
    position: Position,
    fold: Fold,
    detection: Detection,
}

/// A state as it stood, on its way to the disk.
pub struct Snapshot(Vec<u8>);

impl Snapshot {
    pub fn of(pipeline: &Pipeline, position: &Position) -> Result<Self> {
        let (fold, detection) = pipeline.state();
        let saved = Saved { definitions: fingerprint(pipeline.plan()), position, fold, detection };
        postcard::to_stdvec(&saved).map(Self).context("the state cannot be written as a snapshot")
    }

    /// Puts it in the place of the one before.
    pub fn save(self, path: &Path) -> Result<()> {
        let body =
            zstd::encode_all(self.0.as_slice(), COMPRESSION_LEVEL).context("the snapshot cannot be compressed")?;
        drop(self.0);
        write(path, &body).with_context(|| format!("the snapshot {} cannot be written", path.display()))
    }
}

fn write(path: &Path, body: &[u8]) -> std::io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = File::create(&beside)?;
    file.write_all(MAGIC)?;
    file.write_all(&xxh3_64(body).to_le_bytes())?;
    file.write_all(body)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    // The rename itself must be on disk before the log may forget what the snapshot holds.
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// The saved state; `None` where there is none yet. An error says why a snapshot cannot be used.
pub fn load(path: &Path, plan: &Arc<Plan>, budget: crate::detection::Budget) -> Result<Option<(Pipeline, Position)>> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes.with_context(|| format!("the snapshot {} cannot be read", path.display()))?,
    };
    let (magic, rest) = bytes.split_at_checked(MAGIC.len()).context("the snapshot is cut short")?;
    ensure!(magic == MAGIC, "the snapshot is of another version of hark");
    let (checksum, body) = rest.split_first_chunk::<8>().context("the snapshot is cut short")?;
    ensure!(xxh3_64(body) == u64::from_le_bytes(*checksum), "the snapshot's checksum does not match: it is damaged");
    let plain = zstd::decode_all(body).context("the snapshot cannot be unpacked")?;
    let loaded: Loaded = postcard::from_bytes(&plain).context("the snapshot is of another version of hark")?;
    if loaded.definitions != fingerprint(plan) {
        bail!("the metric definitions have changed since the snapshot was taken");
    }
    let mut detection = loaded.detection;
    detection.set_budget(budget);
    Ok(Some((Pipeline::resume(Arc::clone(plan), loaded.fold, detection), loaded.position)))
}

/// A hash of the definitions: a state is only good for the metrics it was made with.
fn fingerprint(plan: &Plan) -> u64 {
    let metrics: Vec<_> = plan.metrics.iter().map(|metric| &metric.metric).collect();
    let composites: Vec<_> = plan.composites.iter().map(|(metric, _)| metric).collect();
    xxh3_64(format!("{metrics:?}{composites:?}").as_bytes())
}
