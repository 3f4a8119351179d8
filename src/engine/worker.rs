//! The pipeline's thread: makes what waits durable with one sync, folds it record by record, and answers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use hark_dashboard::{Engine, IngestAnswer, IngestError, Live, RejectedLine, Written};
use hark_ingest::{
    Admitted, Applied, ChunkReader, EventsRecord, FileChunk, IngestLog, LogError, Reader, Record, Rejected, SILENCE,
    SILENCE_MINUTES,
};
use hark_model::{Alert, Change, ModelOrder, Timestamp};
use hark_query::Plan;
use tokio::sync::{mpsc, oneshot};
use tracing::{error, info, warn};

use super::door::{self, InFlight};
use super::gone::Gone;
use super::set_aside::SetAside;
use super::{Handle, Outgoing};
use crate::detection::Budget;
use crate::history::History;
use crate::in_time::InTime;
use crate::pipeline::MinuteRow;
use crate::snapshot::{self, Position, Snapshot};

/// Bodies that share one sync.
const GROUP_MAX: usize = 64;
/// Rows of bodies that are answered together, before the first of them is in the cells.
const ROWS_AT_ONCE: usize = 50_000;
/// Rejected lines that an answer names; the rest are counted.
const REJECTED_NAMED_MAX: usize = 100;
/// A record takes as much of a restart's time as so many events, however few are in it.
const EVENTS_PER_RECORD: u64 = 40;
/// A snapshot waits for history to be idle until so many times as many events have come as it is due after.
const OVERDUE: u64 = 2;
/// Raw events are kept in the log so long, so that a new definition can learn from them.
const RAW_KEPT_MINUTES: i64 = 14 * 24 * 60;

/// How often what is in memory is put where a restart finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cadence {
    /// Events folded between two snapshots: a restart folds no more than these.
    pub snapshot_events: u64,
    /// What history does not hold yet is handed to it so often, even when little came.
    pub history_seconds: u64,
}

impl Default for Cadence {
    fn default() -> Self {
        Self { snapshot_events: 2_000_000, history_seconds: 30 }
    }
}

pub(super) enum Message {
    Events {
        admitted: Box<door::Admitted>,
        reply: Reply,
    },
    Change {
        change: Change,
        reply: oneshot::Sender<Result<(), IngestError>>,
    },
    TakenOf {
        fingerprint: u64,
        reply: SyncSender<Option<u64>>,
    },
    /// Nobody has sent anything.
    Silence(EventsRecord),
    /// From here on the events are folded under these definitions. They are in the store: the log knows nothing of it.
    Definitions {
        plan: Arc<Plan>,
        reply: oneshot::Sender<Result<(), IngestError>>,
    },
    /// What somebody orders of a metric's models. The log knows nothing of it either.
    OrderModel {
        metric: String,
        detector: String,
        order: ModelOrder,
        by: String,
        reply: oneshot::Sender<Result<(), String>>,
    },
    Stop,
}

/// A record on its way into the fold.
struct Body {
    offset: u64,
    record: EventsRecord,
    /// The part of a file that it is.
    chunk: Option<FileChunk>,
    rejected: Vec<Rejected>,
    written: Option<Written>,
    reply: Option<Reply>,
    /// Counted until it is folded.
    _in_flight: Option<InFlight>,
}

type Reply = oneshot::Sender<Result<IngestAnswer, IngestError>>;

impl Body {
    fn new(offset: u64, admitted: door::Admitted, reply: Reply) -> Self {
        let door::Admitted { record, rejected, written, in_flight, chunk, .. } = admitted;
        Self { offset, record, chunk, rejected, written, reply: Some(reply), _in_flight: Some(in_flight) }
    }

    /// One that nobody waits for: it was answered before a restart, or hark wrote it itself.
    fn again(offset: u64, record: EventsRecord, chunk: Option<FileChunk>) -> Self {
        Self { offset, record, chunk, rejected: Vec::new(), written: None, reply: None, _in_flight: None }
    }

    fn is_judged(&self) -> bool {
        self.chunk.as_ref().is_none_or(|chunk| chunk.is_judged)
    }
}

/// Where the engine keeps what must survive; `None` for a demo, which starts afresh each time.
pub struct Durable {
    pub log: Box<dyn IngestLog>,
    /// All of it, to say how large it is and to read the log again.
    pub folder: PathBuf,
    pub snapshot: PathBuf,
    /// List of records that could not be folded.
    pub set_aside: PathBuf,
    pub history: History,
    pub cadence: Cadence,
    /// Where in the log the pipeline stands that the engine is started with; a snapshot knows better.
    pub position: Position,
}

pub(super) struct Worker {
    shared: Handle,
    log: Option<Box<dyn IngestLog>>,
    snapshot: PathBuf,
    set_aside: Option<SetAside>,
    history: Option<History>,
    outbox: mpsc::Sender<Outgoing>,
    position: Position,
    cadence: Cadence,
    /// The state is built anew, with these changes.
    anew: Option<InTime>,
    /// Events, with so many more for each record.
    since_snapshot: u64,
    handed_over: Timestamp,
}

impl Worker {
    pub(super) fn new(
        shared: Handle,
        durable: Option<Durable>,
        anew: Option<Vec<Change>>,
        outbox: mpsc::Sender<Outgoing>,
    ) -> Result<Self> {
        let mut worker = Self {
            shared,
            log: None,
            snapshot: PathBuf::new(),
            set_aside: None,
            history: None,
            outbox,
            position: Position::default(),
            cadence: Cadence::default(),
            anew: anew.map(InTime::new),
            since_snapshot: 0,
            handed_over: Timestamp::now(),
        };
        if let Some(durable) = durable {
            worker.set_aside = Some(SetAside::open(durable.set_aside)?);
            worker.log = Some(durable.log);
            worker.snapshot = durable.snapshot;
            worker.history = Some(durable.history);
            worker.cadence = durable.cadence;
            worker.position = durable.position;
        }
        Ok(worker)
    }

    pub(super) fn run(mut self, waiting: &Receiver<Message>, budget: Budget) -> Result<()> {
        self.recover(budget)?;
        self.shared.set_ready();
        let mut last_came = Timestamp::now();
        loop {
            let first = match waiting.recv_timeout(Duration::from_secs(self.cadence.history_seconds)) {
                Ok(first) => Some(first),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            };
            let first = first.or_else(|| self.silence(&mut last_came));
            if !matches!(first, None | Some(Message::Silence(_))) {
                last_came = Timestamp::now();
            }
            let mut group: Vec<Message> = first.into_iter().collect();
            group.extend(waiting.try_iter().take(GROUP_MAX - group.len()));
            let is_last = group.iter().any(|message| matches!(message, Message::Stop));
            // Definitions and models are no records. They hold from this group on.
            let is_order =
                |message: &mut Message| matches!(message, Message::Definitions { .. } | Message::OrderModel { .. });
            for message in group.extract_if(.., is_order) {
                self.obey(message);
            }
            // What came behind the wish to stop is still taken; what is no record has no offset.
            group.retain(|message| match message {
                Message::Events { .. } | Message::Change { .. } | Message::Silence(_) => true,
                Message::TakenOf { fingerprint, reply } => {
                    // Whoever has gone away does not mind.
                    let _ = reply.send(self.position.taken_of(*fingerprint));
                    false
                }
                Message::Definitions { .. } | Message::OrderModel { .. } | Message::Stop => false,
            });
            if let Some(first_offset) = self.write(&mut group)? {
                self.fold_all(first_offset, group)?;
            }
            self.checkpoint(is_last)?;
            if is_last {
                return Ok(());
            }
        }
    }

    /// Once nothing has come for a while, steps close by the wall clock, so that a stream which has stopped is noticed. Time in
    /// which hark itself did not run does not count: senders come again first.
    fn silence(&self, last_came: &mut Timestamp) -> Option<Message> {
        let now = Timestamp::now();
        // A clock that was put back must not stop it.
        *last_came = (*last_came).min(now);
        let next_step = self.shared.read().watermark()?.step().end();
        let is_silent = now.minutes_since(*last_came) >= SILENCE_MINUTES;
        let closes = next_step <= now.plus_minutes(-SILENCE_MINUTES);
        (is_silent && closes && self.log.is_some()).then(|| {
            let source = SILENCE.to_owned();
            Message::Silence(EventsRecord { source, received: Some(now), ..EventsRecord::default() })
        })
    }

    /// Takes up the snapshot, where there is a good one, and folds what the log holds beyond it.
    fn recover(&mut self, budget: Budget) -> Result<()> {
        let Some(mut log) = self.log.take() else { return Ok(()) };
        let plan = Arc::clone(self.shared.read().plan());
        let loaded = if self.anew.is_some() { Ok(None) } else { snapshot::load(&self.snapshot, &plan, budget) };
        match loaded {
            Ok(Some((pipeline, position))) => {
                self.shared.replace(pipeline);
                self.position = position;
            }
            Ok(None) => {}
            Err(reason) => {
                warn!(%reason, "the snapshot is left aside; state is rebuilt from the raw events in the log");
            }
        }
        let (mut folded, mut failed) = (0_u64, None);
        let mut alerts = Vec::new();
        let doorkeeper = Arc::clone(&self.shared.0.doorkeeper);
        let mut files = ChunkReader::new(Reader { fields: &plan.fields, users: doorkeeper.users() });
        let mut gone = Gone::default();
        log.read_from(self.position.next_offset, &mut |offset, bytes| {
            if failed.is_none() {
                failed = self.refold(offset, bytes, &mut files, &mut gone, &mut alerts).err();
                folded += 1;
            }
        })?;
        log.damage().iter().for_each(|damage| error!(%damage, "the log is damaged; the rest is served"));
        let gone = gone.into_sentences();
        gone.iter().for_each(|gone| error!("{gone}"));
        self.shared.set_damage(log.damage().iter().map(ToString::to_string).chain(gone).collect());
        self.log = Some(log);
        if let Some(failed) = failed {
            return Err(failed);
        }
        let announced = self.anew.take().into_iter().flat_map(InTime::rest);
        announced.for_each(|change| self.shared.write().add_change(change));
        self.send(alerts);
        self.send_models();
        if let Some(watermark) = self.shared.read().watermark() {
            info!(records = folded, %watermark, "state recovered");
        }
        Ok(())
    }

    fn refold(
        &mut self,
        offset: u64,
        bytes: &[u8],
        files: &mut ChunkReader<'_>,
        gone: &mut Gone,
        alerts: &mut Vec<Alert>,
    ) -> Result<()> {
        self.position.note(offset, self.shared.read().watermark());
        match Record::decode(bytes) {
            Ok(Record::Events(record)) => {
                self.know_changes(&record);
                alerts.extend(self.fold(vec![Body::again(offset, record, None)])?);
            }
            Ok(Record::Chunk(chunk)) => match files.read(&chunk) {
                Ok(record) => {
                    self.know_changes(&record);
                    alerts.extend(self.fold(vec![Body::again(offset, record, Some(chunk))])?);
                }
                Err(problem) => {
                    gone.note(&chunk, &problem);
                    // History may hold it, and would hold it twice.
                    self.position.note_chunk(&chunk);
                }
            },
            // All are known in their time, not from when somebody entered them.
            Ok(Record::Change(_)) if self.anew.is_some() => {}
            Ok(Record::Change(json)) => {
                let change = serde_json::from_slice(&json).context("a change in the log cannot be read")?;
                self.shared.write().add_change(change);
            }
            Err(problem) => {
                error!(offset, %problem, "a record of the log is put aside");
                self.put_aside(offset, &problem.to_string())?;
            }
        }
        self.since_snapshot += EVENTS_PER_RECORD;
        Ok(())
    }

    /// Of the changes that the state is built anew with, those that are known by the time of these events.
    fn know_changes(&mut self, record: &EventsRecord) {
        if let (Some(changes), Some(newest)) = (&mut self.anew, record.events.times.iter().max()) {
            let known = changes.until(*newest);
            known.into_iter().for_each(|change| self.shared.write().add_change(change));
        }
    }

    /// Makes a group durable; `None` if it could not be and everybody has been told. After a failed sync nothing is
    /// certain: the process ends and recovers from what is there.
    fn write(&mut self, group: &mut Vec<Message>) -> Result<Option<u64>> {
        let Some(log) = &mut self.log else { return Ok(Some(self.position.next_offset)) };
        let mut records = Vec::with_capacity(group.len());
        for message in &mut *group {
            match message {
                Message::Events { admitted, .. } => records.push(std::mem::take(&mut admitted.encoded)),
                Message::Change { change, .. } => {
                    let json = serde_json::to_vec(change).context("a change cannot be written")?;
                    records.push(Record::Change(json).encode());
                }
                Message::Silence(record) => records.push(record.encode()),
                Message::TakenOf { .. } | Message::Definitions { .. } | Message::OrderModel { .. } | Message::Stop => {}
            }
        }
        let first = log.next_offset();
        if records.is_empty() {
            return Ok(Some(first));
        }
        match log.append(&records) {
            Ok(()) => {}
            Err(problem @ LogError::Write { .. }) => {
                error!(error = &problem as &dyn std::error::Error, "a group of bodies was refused");
                group.drain(..).for_each(|message| message.refuse(&problem.to_string()));
                return Ok(None);
            }
            Err(problem) => return Err(problem.into()),
        }
        let watermark = self.shared.read().watermark();
        (first..log.next_offset()).for_each(|offset| self.position.note(offset, watermark));
        self.since_snapshot += records.len() as u64 * EVENTS_PER_RECORD;
        Ok(Some(first))
    }

    /// Folds a group, some bodies at a time.
    fn fold_all(&mut self, first_offset: u64, group: Vec<Message>) -> Result<()> {
        let (mut part, mut rows) = (Vec::new(), 0);
        for (offset, message) in (first_offset..).zip(group) {
            match message {
                Message::Events { admitted, reply } => {
                    if !part.is_empty() && rows + admitted.record.events.len() > ROWS_AT_ONCE {
                        self.fold_and_tell(std::mem::take(&mut part))?;
                        rows = 0;
                    }
                    rows += admitted.record.events.len();
                    part.push(Body::new(offset, *admitted, reply));
                }
                Message::Change { change, reply } => {
                    // What came before is judged without it.
                    self.fold_and_tell(std::mem::take(&mut part))?;
                    self.shared.write().add_change(change);
                    let _ = reply.send(Ok(()));
                }
                Message::Silence(record) => part.push(Body::again(offset, record, None)),
                Message::TakenOf { .. } | Message::Definitions { .. } | Message::OrderModel { .. } | Message::Stop => {}
            }
        }
        self.fold_and_tell(part)
    }

    fn fold_and_tell(&mut self, part: Vec<Body>) -> Result<()> {
        if !part.is_empty() {
            let alerts = self.fold(part)?;
            self.send(alerts);
            self.send_models();
            self.shared.publish(Live::Ingestion(Box::new(self.shared.status())));
        }
        Ok(())
    }

    /// Folds bodies and hands what history keeps of them to history. All are admitted and answered before the first is added
    /// to the cells, so that no answer waits for the detection of a step that closes; nobody can look in between.
    fn fold(&mut self, mut part: Vec<Body>) -> Result<Vec<Alert>> {
        let shared = self.shared.clone();
        let mut pipeline = shared.write();
        let replies: Vec<_> = part.iter_mut().map(|body| body.reply.take()).collect();
        let mut admitted = Vec::with_capacity(part.len());
        for (body, reply) in part.iter().zip(replies) {
            // A record that made the fold panic once is passed over.
            let is_aside = self.set_aside.as_ref().is_some_and(|aside| aside.holds(body.offset));
            let one =
                if is_aside { None } else { Some(self.guarded(body.offset, || pipeline.admit(&body.record.batch()))?) };
            if let Some(reply) = reply {
                let none = Applied::default();
                let applied = one.as_ref().map_or(&none, Admitted::applied);
                // A sender that has gone away does not mind.
                let _ = reply.send(Ok(IngestAnswer { written: body.written, ..answer(&body.rejected, applied) }));
            }
            admitted.push(one);
        }
        let mut alerts = Vec::new();
        let mut folded = Vec::with_capacity(part.len());
        for (body, one) in part.iter().zip(admitted) {
            let Some(one) = one else {
                folded.push((Applied::default(), Vec::new(), pipeline.watermark()));
                continue;
            };
            let add = || pipeline.add(&body.record.batch(), one, body.is_judged());
            let applied = self.guarded(body.offset, add)?;
            alerts.extend(pipeline.take_changed());
            folded.push((applied, pipeline.take_minutes(), pipeline.watermark()));
        }
        // Before anybody else can look: each event is in the pipeline's open minutes or in history's.
        for (body, (applied, minutes, watermark)) in part.into_iter().zip(folded) {
            self.keep(body, applied, minutes, watermark);
        }
        drop(pipeline);
        if let Some(history) = self.history.as_mut().filter(|history| history.is_full()) {
            history.commit()?;
        }
        Ok(alerts)
    }

    /// A record that makes the fold panic is put aside before the process ends, so that nobody trips over it twice.
    fn guarded<T>(&mut self, offset: u64, work: impl FnOnce() -> T) -> Result<T> {
        catch_unwind(AssertUnwindSafe(work)).or_else(|panic| {
            let said = panic.downcast_ref::<String>().cloned();
            let said = said.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default();
            self.put_aside(offset, &format!("folding it panicked: {said}"))?;
            bail!("record {offset} of the log made the pipeline panic and is put aside; start hark again")
        })
    }

    fn keep(&mut self, body: Body, mut applied: Applied, minutes: Vec<MinuteRow>, watermark: Option<Timestamp>) {
        let Body { offset, record, chunk, .. } = body;
        chunk.iter().for_each(|chunk| self.position.note_chunk(chunk));
        self.since_snapshot += applied.accepted.max(applied.rows.len() as u64);
        if let Some(history) = &mut self.history {
            // Buckets of histograms have become requests.
            let events = applied.events.take().unwrap_or(record.events);
            history.keep(offset, EventsRecord { events, ..record }, &applied.rows, minutes, watermark);
        }
    }

    /// What people order, and no event says: a restart finds it in the snapshot that is taken at once.
    fn obey(&mut self, order: Message) {
        let due = self.since_snapshot.max(self.cadence.snapshot_events);
        // Who asked may have gone away and does not mind.
        match order {
            Message::Definitions { plan, reply } => {
                self.since_snapshot = due;
                self.shared.write().adopt(plan);
                let alerts = self.shared.write().take_changed();
                self.send(alerts);
                let _ = reply.send(Ok(()));
            }
            Message::OrderModel { metric, detector, order, by, reply } => {
                let done = self.shared.write().order_model(&metric, &detector, order, &by);
                if done.is_ok() {
                    self.since_snapshot = due;
                }
                self.send_models();
                let _ = reply.send(done);
            }
            _ => {}
        }
    }

    fn put_aside(&mut self, offset: u64, reason: &str) -> Result<()> {
        let Some(aside) = &mut self.set_aside else { return Ok(()) };
        aside.put(offset, reason)?;
        self.shared.set_set_aside(aside.len());
        Ok(())
    }

    /// Hands over to history what is due, with the state when much has come since, and lets the log forget.
    fn checkpoint(&mut self, is_last: bool) -> Result<()> {
        let Some(history) = &mut self.history else { return Ok(()) };
        // A history that is never idle must not put off the snapshot for ever: a restart would fold all since.
        if is_last || self.since_snapshot >= OVERDUE * self.cadence.snapshot_events {
            history.settle()?;
        }
        let is_due = self.since_snapshot >= self.cadence.snapshot_events || (is_last && self.since_snapshot > 0);
        let now = Timestamp::now();
        // A clock that was put back must not stop it.
        let is_time = now.millis().abs_diff(self.handed_over.millis()) >= 1000 * self.cadence.history_seconds;
        if is_due && history.is_idle()? {
            self.since_snapshot = 0;
            self.handed_over = now;
            let snapshot = Snapshot::of(&self.shared.read(), &self.position)?;
            let (path, outbox) = (self.snapshot.clone(), self.outbox.clone());
            history.commit_and(move || save(snapshot, &path, &outbox))?;
        } else if is_time || is_last {
            self.handed_over = now;
            history.commit()?;
        }
        if is_last {
            history.settle()?;
        }
        if history.take_saved() { self.let_log_forget() } else { Ok(()) }
    }

    /// What is older than a new definition may want to learn from, and in the snapshot by now.
    fn let_log_forget(&mut self) -> Result<()> {
        let Some((newest, _)) = self.position.hours.back().copied() else { return Ok(()) };
        let mut keep_from = 0;
        while self.position.hours.get(1).is_some_and(|(time, _)| newest.minutes_since(*time) > RAW_KEPT_MINUTES) {
            self.position.hours.pop_front();
            keep_from = self.position.hours.front().map_or(0, |(_, offset)| *offset);
        }
        if let Some(log) = &mut self.log {
            log.truncate_before(keep_from)?;
        }
        Ok(())
    }

    fn send(&self, alerts: Vec<Alert>) {
        if !alerts.is_empty() && self.outbox.blocking_send(Outgoing::Alerts(alerts)).is_err() {
            error!("alerts could not be handed to the store; they are raised again when the log is folded anew");
        }
    }

    fn send_models(&self) {
        let models = self.shared.write().take_models();
        if !models.is_empty() && self.outbox.blocking_send(Outgoing::Models(models)).is_err() {
            error!(
                "versions of models could not be handed to the store; they are listed again when the log is folded anew"
            );
        }
    }
}

impl Message {
    /// The sender is told that nothing was kept; whoever has gone away does not mind.
    fn refuse(self, problem: &str) {
        let refusal = IngestError::NoRoom(problem.to_owned());
        match self {
            Self::Events { reply, .. } => drop(reply.send(Err(refusal))),
            Self::Change { reply, .. } | Self::Definitions { reply, .. } => drop(reply.send(Err(refusal))),
            Self::OrderModel { reply, .. } => drop(reply.send(Err(problem.to_owned()))),
            Self::TakenOf { .. } | Self::Silence(_) | Self::Stop => {}
        }
    }
}

/// The snapshot may forget alerts that the store has; it must not forget those that the store has not.
fn save(snapshot: Snapshot, path: &Path, outbox: &mpsc::Sender<Outgoing>) -> Result<()> {
    let (sender, stored) = oneshot::channel();
    let is_stored = outbox.blocking_send(Outgoing::Flush(sender)).is_ok() && stored.blocking_recv().is_ok();
    ensure!(is_stored, "alerts could not be stored first");
    snapshot.save(path)
}

fn answer(rejected: &[Rejected], applied: &Applied) -> IngestAnswer {
    let lines = rejected.iter().map(|one| RejectedLine { line: one.line, reason: one.reason.clone() });
    // Whose parts came in several bodies, and which is no line of this one alone.
    let refused = applied.refused.iter().map(|reason| RejectedLine { line: 0, reason: reason.clone() });
    IngestAnswer {
        accepted: applied.accepted,
        duplicates: applied.duplicates,
        late: applied.late,
        rejected: lines.chain(refused).take(REJECTED_NAMED_MAX).collect(),
        rejected_total: rejected.len() as u64 + applied.too_far_ahead + applied.refused_total,
        written: None,
    }
}
