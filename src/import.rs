//! `hark import`: history from files, through the same fold and tables as what comes live, and once however often.
//!
//! The file is the log: what is written there is which part of which file was folded next, so that a restart reads it
//! from the file again. Detection learns from the past and tells nobody of it, unless it is asked to (`--alerts`).

use std::collections::VecDeque;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use hark_ingest::{EventFile, FileChunk, Reader};
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::config::Config;
use crate::data_folder::DataFolder;
use crate::engine::{self, Handle, Parts};
use crate::model_files::ModelFiles;
use crate::pipeline::Pipeline;
use crate::registry::{self, Registry};
use crate::{serve, store};

/// Chunks on their way to the disk: enough that reading goes on while one is synced and folded.
const ON_THE_WAY_MAX: usize = 3;
/// Rejected rows that are shown; the rest are counted.
const REJECTED_SHOWN_MAX: usize = 10;

/// What came of all files.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Imported {
    accepted: u64,
    duplicates: u64,
    late: u64,
    rejected: u64,
}

/// A file that was imported, or how far: one JSON object a line of `imports.ndjson`, the last one of a file counts.
#[derive(Serialize, Deserialize)]
struct Progress {
    fingerprint: u64,
    file: String,
    /// Chunks that are on disk.
    chunks: u64,
    is_done: bool,
}

/// `is_judged`: the alerts are raised that there would have been.
pub async fn import(config: Config, files: Vec<PathBuf>, is_judged: bool) -> Result<()> {
    let registry = Registry::load(config.metrics.as_deref())?;
    // Every file first: a name that is wrong should be said before an hour of work.
    for file in &files {
        EventFile::open(file)?;
    }
    let folder = DataFolder::open(&config.data)?;
    let store = store::open(config.database.as_deref(), &folder.database()).await?;
    let plan = Arc::new(registry.start_with(&registry::saved(store.as_ref()).await?)?);
    let users = folder.user_key()?;
    let parts = Parts {
        budget: config.budget.clone(),
        users: users.clone(),
        quota_bytes_per_second: None,
        durable: Some(serve::durable(&folder, config.keep, config.cadence)?),
        demo: None,
        registry,
        mutant: None,
        anew: None,
    };
    let models = ModelFiles::open(folder.models())?;
    let running = engine::start(Pipeline::new(Arc::clone(&plan), config.budget), parts)?;
    let keeper = tokio::spawn(store::keep(Arc::clone(&store), Some(models), running.handle.clone(), running.outbox));
    let handle = running.handle.clone();
    let journal = folder.imports();
    let work = move || {
        let reader = Reader { fields: &plan.fields, users: &users };
        let mut import = Import { handle, reader, journal: &journal, is_judged, imported: Imported::default() };
        files.iter().try_for_each(|file| import.file(file)).map(|()| import.imported)
    };
    let imported = tokio::task::spawn_blocking(work).await.context("the import panicked")?;
    serve::wind_down(running.handle, running.thread, keeper, store).await?;
    let Imported { accepted, duplicates, late, rejected } = imported?;
    eprintln!(
        "{accepted} events, {duplicates} duplicates, {late} late, {rejected} rejected -> {}",
        config.data.display()
    );
    Ok(())
}

struct Import<'a> {
    handle: Handle,
    reader: Reader<'a>,
    journal: &'a Path,
    is_judged: bool,
    imported: Imported,
}

impl Import<'_> {
    fn file(&mut self, path: &Path) -> Result<()> {
        let file = EventFile::open(path)?;
        let fingerprint = file.fingerprint();
        let known = progress_of(self.journal, fingerprint)?;
        if known.as_ref().is_some_and(|known| known.is_done) {
            eprintln!("{} was imported before; nothing to do", path.display());
            return Ok(());
        }
        // The log knows of a part that was on disk when an import was killed, and the journal does not yet.
        let from = self.handle.taken_of(fingerprint)?.or(known.map(|known| known.chunks)).unwrap_or(0);
        let bar = progress_bar(path, file.size())?;
        let note = |chunks, is_done| {
            let file = path.display().to_string();
            append(self.journal, &Progress { fingerprint, file, chunks, is_done })
        };
        let absolute = std::path::absolute(path).with_context(|| format!("{} has no place", path.display()))?;
        let absolute = absolute.to_str().with_context(|| format!("rename {}: its path is no text", path.display()))?;
        let mut on_the_way = VecDeque::new();
        let (mut shown, mut done) = (0, from);
        for chunk in file.chunks(self.reader, from)? {
            let chunk = chunk?;
            for one in chunk.decoded.rejected.iter().take(REJECTED_SHOWN_MAX - shown) {
                shown += 1;
                bar.suspend(|| eprintln!("{} line {} was not taken: {}", path.display(), one.line, one.reason));
            }
            self.imported.rejected += chunk.decoded.rejected.len() as u64;
            let (number, is_judged) = (chunk.number, self.is_judged);
            let pointer = FileChunk { path: absolute.to_owned(), fingerprint, number, is_judged };
            on_the_way.push_back(self.handle.take(pointer, chunk.decoded)?);
            if on_the_way.len() >= ON_THE_WAY_MAX {
                settle(on_the_way.pop_front(), &mut self.imported)?;
                done += 1;
                note(done, false)?;
            }
            bar.set_position(chunk.done);
        }
        for answer in on_the_way {
            settle(Some(answer), &mut self.imported)?;
            done += 1;
        }
        note(done, true)?;
        bar.finish_and_clear();
        Ok(())
    }
}

fn progress_bar(path: &Path, size: u64) -> Result<ProgressBar> {
    let style = ProgressStyle::with_template("{msg} {bar:30} {bytes}/{total_bytes} {eta} left");
    let bar = ProgressBar::new(size).with_style(style.context("the progress bar's template is wrong")?);
    bar.set_message(path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default());
    Ok(bar)
}

type Answer = oneshot::Receiver<Result<hark_dashboard::IngestAnswer, hark_dashboard::IngestError>>;

fn settle(answer: Option<Answer>, imported: &mut Imported) -> Result<()> {
    let Some(answer) = answer else { return Ok(()) };
    let answer = answer.blocking_recv().context("the pipeline has stopped; what it took is kept, import again")??;
    imported.accepted += answer.accepted;
    imported.duplicates += answer.duplicates;
    imported.late += answer.late;
    imported.rejected += answer.rejected_total;
    Ok(())
}

fn progress_of(journal: &Path, fingerprint: u64) -> Result<Option<Progress>> {
    let text = match std::fs::read_to_string(journal) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        text => text.with_context(|| format!("{} cannot be read", journal.display()))?,
    };
    // A line torn by a crash only means that a chunk is read again, and counted once all the same.
    let mut lines = text.lines().rev().filter_map(|line| serde_json::from_str::<Progress>(line).ok());
    Ok(lines.find(|progress| progress.fingerprint == fingerprint))
}

fn append(journal: &Path, progress: &Progress) -> Result<()> {
    let line = serde_json::to_string(progress)?;
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).open(journal)?;
        writeln!(file, "{line}")?;
        if progress.is_done { file.sync_all() } else { Ok(()) }
    };
    write().with_context(|| format!("{} cannot be written", journal.display()))
}
