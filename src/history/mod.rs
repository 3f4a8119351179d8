//! History: what was folded goes to Delta tables in the background, and SQL reads it together with what is not there yet.
//!
//! The pipeline's thread hands over what it folded; a thread of history's own commits it. Each commit carries the
//! offset of the last record in it, so that after a crash nothing is written twice: what is folded again up to that
//! offset is there already.

mod hours;
mod keep;
mod rollup;
mod rows;
mod sql;

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use hark_ingest::EventsRecord;
use hark_lake::{Lake, LakeError, Table};
use hark_model::Timestamp;
use tracing::{error, warn};

use crate::pipeline::{MinuteRow, Pipeline};
pub use hours::Hours;
pub use keep::Keep;
pub use sql::Unclosed;

/// So many events may wait; the pipeline's thread then waits for the disk, and so do the senders.
const WAITING_EVENTS_MAX: u64 = 500_000;
/// A cell with its sketch takes about as much as five events.
const EVENTS_PER_CELL: u64 = 5;

/// The pipeline's end: takes what was folded.
pub struct History {
    shared: Arc<Shared>,
    jobs: SyncSender<Job>,
    done: Receiver<Done>,
    /// Whether a commit is under way.
    is_busy: bool,
    saved: bool,
    /// What the tables held at the start.
    committed: Committed,
    waiting: u64,
}

#[derive(Debug, Clone, Copy)]
struct Committed {
    events: i64,
    minutes: i64,
}

/// The other end: answers questions.
#[derive(Clone)]
pub struct Reader(Arc<Shared>);

struct Shared {
    lake: Lake,
    waiting: Mutex<Waiting>,
}

/// What the tables do not hold yet, or perhaps do as of now.
#[derive(Default)]
struct Waiting {
    committing: Option<Arc<Chunk>>,
    pending: Chunk,
}

/// What was folded up to a record and is committed together.
#[derive(Default, Clone)]
struct Chunk {
    /// Of the last record.
    offset: i64,
    /// With the rows to keep; those of a repetition are not among them.
    events: Vec<Arc<EventsRecord>>,
    minutes: Vec<Arc<Vec<MinuteRow>>>,
    watermark: Option<Timestamp>,
}

struct Job {
    chunk: Arc<Chunk>,
    after: Option<After>,
}

type After = Box<dyn FnOnce() -> Result<()> + Send>;

struct Done {
    committed: Result<(), LakeError>,
    /// Whether there was something to be done after it, and it has been.
    saved: bool,
}

impl History {
    pub fn open(folder: &Path, keep: Keep) -> Result<Self> {
        // One thread is enough: a commit is one encoder and one disk. Queries run on the server's own threads.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("history's runtime cannot be started")?;
        let lake = runtime.block_on(Lake::open(folder))?;
        let committed = runtime.block_on(async {
            let of = async |table| anyhow::Ok(lake.committed(table).await?.unwrap_or(-1));
            anyhow::Ok(Committed { events: of(Table::Events).await?, minutes: of(Table::MinuteCells).await? })
        })?;
        let shared = Arc::new(Shared { lake, waiting: Mutex::default() });
        let (jobs, waiting) = sync_channel::<Job>(1);
        let (finished, done) = sync_channel(1);
        let worker = Arc::clone(&shared);
        let run = move || {
            let mut keeper = keep::Keeper::new(keep);
            while let Ok(Job { chunk, after }) = waiting.recv() {
                let committed = runtime.block_on(worker.commit(&chunk));
                let is_committed = committed.is_ok();
                let saved = is_committed && after.is_some_and(saved);
                if finished.send(Done { committed, saved }).is_err() {
                    return;
                }
                if is_committed && let Some(watermark) = chunk.watermark {
                    runtime.block_on(keeper.maintain(&worker.lake, watermark));
                }
            }
        };
        std::thread::Builder::new()
            .name("history".to_owned())
            .spawn(run)
            .context("history's thread cannot be started")?;
        Ok(Self { shared, jobs, done, is_busy: false, saved: false, committed, waiting: 0 })
    }

    pub fn reader(&self) -> Reader {
        Reader(Arc::clone(&self.shared))
    }

    /// Keeps the rows of a folded record and the minutes that it closed.
    pub fn keep(
        &mut self,
        offset: u64,
        mut record: EventsRecord,
        rows: &[u32],
        minutes: Vec<MinuteRow>,
        now: Option<Timestamp>,
    ) {
        let offset = offset.cast_signed();
        let mut waiting = self.shared.waiting();
        let pending = &mut waiting.pending;
        pending.offset = offset;
        pending.watermark = now;
        if offset > self.committed.events && !rows.is_empty() {
            if rows.len() < record.events.len() {
                record.events = record.events.select(rows);
            }
            self.waiting += rows.len() as u64;
            pending.events.push(Arc::new(record));
        }
        if offset > self.committed.minutes && !minutes.is_empty() {
            self.waiting += minutes.len() as u64 * EVENTS_PER_CELL;
            pending.minutes.push(Arc::new(minutes));
        }
    }

    pub fn is_full(&self) -> bool {
        self.waiting >= WAITING_EVENTS_MAX
    }

    /// Begins to commit what waits, unless a commit is under way. With more than a full one waiting behind that, this is
    /// where the pipeline stands still and senders are told to come again.
    pub fn commit(&mut self) -> Result<()> {
        if self.is_full() {
            self.settle()?;
        }
        if self.is_idle()? && !self.is_settled() { self.begin(None) } else { Ok(()) }
    }

    /// Commits what waits, and then, once the tables hold everything up to now, does this. Only for an idle history.
    pub fn commit_and(&mut self, after: impl FnOnce() -> Result<()> + Send + 'static) -> Result<()> {
        self.begin(Some(Box::new(after)))
    }

    fn begin(&mut self, after: Option<After>) -> Result<()> {
        let chunk = {
            let mut waiting = self.shared.waiting();
            let chunk = Arc::new(std::mem::take(&mut waiting.pending));
            waiting.pending.offset = chunk.offset;
            waiting.committing = Some(Arc::clone(&chunk));
            chunk
        };
        self.waiting = 0;
        self.is_busy = true;
        self.jobs.send(Job { chunk, after }).ok().context("history's thread has ended")
    }

    /// Whether there is nothing to commit.
    fn is_settled(&self) -> bool {
        let waiting = self.shared.waiting();
        waiting.pending.events.is_empty() && waiting.pending.minutes.is_empty()
    }

    /// Whether no commit is under way.
    pub fn is_idle(&mut self) -> Result<bool> {
        if self.is_busy
            && let Ok(done) = self.done.try_recv()
        {
            self.take(done)?;
        }
        Ok(!self.is_busy)
    }

    /// Waits for the commit that is under way.
    pub fn settle(&mut self) -> Result<()> {
        if self.is_busy {
            let done = self.done.recv().ok().context("history's thread has ended")?;
            self.take(done)?;
        }
        Ok(())
    }

    /// Whether what was to be done after a commit has been done since this was last asked.
    pub fn take_saved(&mut self) -> bool {
        std::mem::take(&mut self.saved)
    }

    /// Takes note that a commit is over.
    fn take(&mut self, done: Done) -> Result<()> {
        self.is_busy = false;
        self.saved |= done.saved;
        let mut waiting = self.shared.waiting();
        let chunk = waiting.committing.take();
        match done.committed {
            Ok(()) => Ok(()),
            // What was not synced may be lost and nobody can tell: only a fresh start finds out.
            Err(problem @ LakeError::Sync { .. }) => Err(problem.into()),
            Err(problem) => {
                error!(error = &problem as &dyn std::error::Error, "history could not be written; it is tried again");
                if let Some(chunk) = chunk {
                    self.waiting += put_back(&mut waiting.pending, &chunk);
                }
                Ok(())
            }
        }
    }
}

/// A commit that failed is tried again together with what came since.
fn put_back(pending: &mut Chunk, chunk: &Chunk) -> u64 {
    pending.events.splice(0..0, chunk.events.iter().cloned());
    pending.minutes.splice(0..0, chunk.minutes.iter().cloned());
    pending.offset = pending.offset.max(chunk.offset);
    pending.watermark = pending.watermark.max(chunk.watermark);
    chunk.events.iter().map(|record| record.events.len() as u64).sum()
}

impl Shared {
    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Events first: if hark is killed between the two, the minutes are folded and committed again, alone.
    async fn commit(&self, chunk: &Chunk) -> Result<(), LakeError> {
        let hot = sql::hot(chunk);
        for hot in hot {
            if !hot.batches.is_empty() {
                self.lake.append(hot.table, hot.batches, hot.offset).await?;
            }
        }
        Ok(())
    }
}

impl Reader {
    /// The state of the stream as of now: what waits for a commit, and the minutes that are still open. The pipeline
    /// stands still meanwhile, so that each event is in one of them.
    pub fn unclosed(&self, pipeline: &Pipeline) -> Unclosed {
        let waiting = self.0.waiting();
        let chunks = waiting.committing.iter().map(|chunk| chunk.as_ref().clone());
        let chunks = chunks.chain(std::iter::once(waiting.pending.clone())).collect();
        Unclosed { chunks, open: pipeline.open_minutes() }
    }
}

/// A state that could not be saved is folded anew after a restart, from the log: slower, and nothing is lost.
fn saved(save: After) -> bool {
    save().inspect_err(|problem| warn!("no snapshot was taken: {problem:#}")).is_ok()
}

/// Something about history that can wait, and that the log tells.
fn complain(what: &str, problem: &LakeError) {
    warn!(error = problem as &dyn std::error::Error, "{what}");
}
