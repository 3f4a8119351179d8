//! `hark import`: history from files, through the same log, fold and tables as what comes live, and once however often.

use std::fs::OpenOptions;
use std::io::Write;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use hark_ingest::{EventFile, EventsRecord, Reader, UserKey};
use hark_query::Plan;
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::config::Config;
use crate::data_folder::DataFolder;
use crate::engine::{self, Handle, Parts};
use crate::pipeline::Pipeline;
use crate::registry::{self, Registry};
use crate::{serve, store};

/// Chunks on their way to the disk: enough that reading goes on while one is synced and folded.
const ON_THE_WAY_MAX: usize = 3;
/// Rejected rows that are shown; the rest are counted.
const REJECTED_SHOWN_MAX: usize = 10;
const SOURCE: &str = "import";

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

pub async fn import(config: Config, files: Vec<PathBuf>) -> Result<()> {
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
        budget: config.budget,
        users: users.clone(),
        quota_bytes_per_second: None,
        durable: Some(serve::durable(&folder, config.keep, config.cadence)?),
        demo: None,
        registry,
        mutant: None,
    };
    let running = engine::start(Pipeline::new(Arc::clone(&plan), config.budget), parts)?;
    let keeper = tokio::spawn(store::keep_alerts(Arc::clone(&store), running.handle.clone(), running.outgoing));
    let handle = running.handle.clone();
    let journal = folder.imports();
    let work = move || {
        let mut imported = Imported::default();
        let each = |file: &PathBuf| import_file(&handle, file, &plan, &users, &journal, &mut imported);
        files.iter().try_for_each(each).map(|()| imported)
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

fn import_file(
    handle: &Handle,
    path: &Path,
    plan: &Plan,
    users: &UserKey,
    journal: &Path,
    imported: &mut Imported,
) -> Result<()> {
    let file = EventFile::open(path)?;
    let fingerprint = file.fingerprint();
    let known = progress_of(journal, fingerprint)?;
    if known.as_ref().is_some_and(|known| known.is_done) {
        eprintln!("{} was imported before; nothing to do", path.display());
        return Ok(());
    }
    let from = known.map_or(0, |known| known.chunks);
    let bar = ProgressBar::new(file.size()).with_style(
        ProgressStyle::with_template("{msg} {bar:30} {bytes}/{total_bytes} {eta} left")
            .context("the progress bar's template is wrong")?,
    );
    bar.set_message(path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default());
    let note = |chunks, is_done| {
        let file = path.display().to_string();
        append(journal, &Progress { fingerprint, file, chunks, is_done })
    };
    let mut on_the_way = std::collections::VecDeque::new();
    let (mut shown, mut done) = (0, from);
    for chunk in file.chunks(Reader { fields: &plan.fields, users }, from)? {
        let chunk = chunk?;
        for one in chunk.decoded.rejected.iter().take(REJECTED_SHOWN_MAX - shown) {
            shown += 1;
            bar.suspend(|| eprintln!("{} line {} was not taken: {}", path.display(), one.line, one.reason));
        }
        let rejected = chunk.decoded.rejected.len() as u64;
        imported.rejected += rejected;
        // Its name makes a chunk count once, also where it was on disk already when an import was killed.
        let id = NonZeroU64::new(fingerprint ^ (chunk.number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let record =
            EventsRecord { source: SOURCE.to_owned(), received: None, id, rejected, events: chunk.decoded.events };
        on_the_way.push_back(handle.take(record)?);
        if on_the_way.len() >= ON_THE_WAY_MAX {
            settle(on_the_way.pop_front(), imported)?;
            done += 1;
            note(done, false)?;
        }
        bar.set_position(chunk.done);
    }
    for answer in on_the_way {
        settle(Some(answer), imported)?;
        done += 1;
    }
    note(done, true)?;
    bar.finish_and_clear();
    Ok(())
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
