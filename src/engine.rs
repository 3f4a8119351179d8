//! The running pipeline: one thread that makes bodies durable and folds them, and a handle that everybody else holds.
//!
//! Bodies wait in a bounded queue. The thread takes all that wait, writes them to the log with one sync, folds them
//! one by one and answers. What is answered is on disk; what is on disk is folded again after a crash.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::{Context, Result};
use async_trait::async_trait;
use hark_dashboard::{
    Demo, Engine, IngestAnswer, IngestError, Live, RejectedLine, SeriesAnswer, SeriesQuestion, Status,
};
use hark_ingest::{Decoded, Encoding, Log, UnpackError, decode, unpack};
use hark_model::{Alert, Change};
use hark_query::Plan;
use tokio::sync::{broadcast, mpsc, oneshot};
use tracing::{error, info, warn};

use crate::detection::Budget;
use crate::pipeline::Pipeline;
use crate::series_query;
use crate::snapshot::{self, Position};

/// Bodies that wait for the log; the next sender is told to come again.
const WAITING_MAX: usize = 256;
/// Bodies that share one sync.
const GROUP_MAX: usize = 64;
/// Alerts on their way to the store; the pipeline waits when the store is slower.
const OUTBOX_MAX: usize = 1024;
/// A page that is slower than this many messages misses some.
const LIVE_MAX: usize = 256;
/// A body may grow to this when unpacked.
const UNPACKED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Rejected lines that an answer names; the rest are counted.
const REJECTED_NAMED_MAX: usize = 100;
/// Records folded between two snapshots: a restart folds no more than these.
const RECORDS_PER_SNAPSHOT: u64 = 4096;
/// Raw events are kept so long, so that a new definition can learn from them.
const RAW_KEPT_MINUTES: i64 = 14 * 24 * 60;
const RETRY_AFTER_SECONDS: u32 = 1;

/// First byte of a log record.
const EVENTS: u8 = 0;
const CHANGE: u8 = 1;

/// The handle: cheap to clone, safe to share.
#[derive(Clone)]
pub struct Handle(Arc<Shared>);

struct Shared {
    pipeline: RwLock<Pipeline>,
    queue: SyncSender<Message>,
    live: broadcast::Sender<Live>,
    ready: AtomicBool,
    demo: Option<Demo>,
    definitions: serde_json::Value,
}

enum Message {
    Events { body: Vec<u8>, decoded: Decoded, reply: oneshot::Sender<IngestAnswer> },
    Change { change: Change, reply: oneshot::Sender<()> },
    Stop,
}

/// Alerts for the store, and the question whether all before have been stored.
pub enum Outgoing {
    Alerts(Vec<Alert>),
    Flush(oneshot::Sender<()>),
}

/// Where the engine keeps what must survive; `None` for a demo, which starts afresh each time.
pub struct Durable {
    pub log: Log,
    pub snapshot: PathBuf,
}

pub struct Running {
    pub handle: Handle,
    pub outgoing: mpsc::Receiver<Outgoing>,
    pub thread: std::thread::JoinHandle<Result<()>>,
}

/// Starts the thread; recovery comes first, and the handle takes events while it goes on. What `pipeline` has seen
/// already counts, unless there is a snapshot.
pub fn start(pipeline: Pipeline, budget: Budget, durable: Option<Durable>, demo: Option<Demo>) -> Result<Running> {
    let (queue, waiting) = sync_channel(WAITING_MAX);
    let (outbox, outgoing) = mpsc::channel(OUTBOX_MAX);
    let definitions = definitions(pipeline.plan())?;
    let handle = Handle(Arc::new(Shared {
        pipeline: RwLock::new(pipeline),
        queue,
        live: broadcast::channel(LIVE_MAX).0,
        ready: AtomicBool::new(false),
        demo,
        definitions,
    }));
    let worker = Worker { shared: handle.clone(), durable, outbox, position: Position::default(), since_snapshot: 0 };
    let run = move || worker.run(&waiting, budget);
    let thread = std::thread::Builder::new().name("pipeline".to_owned()).spawn(run);
    Ok(Running { handle, outgoing, thread: thread.context("the pipeline's thread cannot be started")? })
}

fn definitions(plan: &Plan) -> Result<serde_json::Value> {
    let all = plan.metrics.iter().map(|metric| &metric.metric).chain(plan.composites.iter().map(|(metric, _)| metric));
    let metrics = all.map(serde_json::to_value).collect::<Result<Vec<_>, _>>();
    Ok(serde_json::json!({ "metrics": metrics.context("the definitions cannot be shown as JSON")? }))
}

struct Worker {
    shared: Handle,
    durable: Option<Durable>,
    outbox: mpsc::Sender<Outgoing>,
    position: Position,
    since_snapshot: u64,
}

impl Worker {
    fn run(mut self, waiting: &Receiver<Message>, budget: Budget) -> Result<()> {
        self.recover(budget)?;
        self.shared.0.ready.store(true, Ordering::Release);
        while let Ok(first) = waiting.recv() {
            let mut group = vec![first];
            group.extend(waiting.try_iter().take(GROUP_MAX - 1));
            let is_last = group.iter().any(|message| matches!(message, Message::Stop));
            self.write(&group)?;
            for message in group {
                self.fold(message)?;
            }
            if self.since_snapshot >= RECORDS_PER_SNAPSHOT || is_last {
                self.snapshot()?;
            }
            if is_last {
                break;
            }
        }
        Ok(())
    }

    /// Takes up the snapshot, where there is a good one, and folds what the log holds beyond it.
    fn recover(&mut self, budget: Budget) -> Result<()> {
        let Some(durable) = &self.durable else { return Ok(()) };
        let plan = Arc::clone(self.shared.read().plan());
        match snapshot::load(&durable.snapshot, &plan, budget) {
            Ok(Some((pipeline, position))) => {
                *self.shared.write() = pipeline;
                self.position = position;
            }
            Ok(None) => {}
            Err(reason) => {
                warn!(%reason, "the snapshot is left aside; state is rebuilt from the raw events in the log");
            }
        }
        let mut folded = 0_u64;
        let mut alerts = Vec::new();
        for record in durable.log.read_from(self.position.next_offset) {
            let (offset, record) = record?;
            let mut pipeline = self.shared.write();
            self.position.note(offset, pipeline.watermark());
            match record.split_first() {
                Some((&EVENTS, body)) => drop(pipeline.take(&decode(body, &plan.fields))?),
                Some((&CHANGE, body)) => {
                    let change = serde_json::from_slice(body).context("a change in the log cannot be read")?;
                    pipeline.add_change(change);
                }
                _ => warn!(offset, "a record of an unknown kind in the log is left aside"),
            }
            alerts.extend(pipeline.take_changed());
            folded += 1;
        }
        self.send(alerts);
        if let Some(watermark) = self.shared.read().watermark() {
            info!(records = folded, %watermark, "state recovered");
        }
        Ok(())
    }

    /// Makes a group durable. After a failed sync nothing is certain: the process ends and recovers from what is there.
    fn write(&mut self, group: &[Message]) -> Result<()> {
        let Some(durable) = &mut self.durable else { return Ok(()) };
        let mut records = Vec::with_capacity(group.len());
        for message in group {
            match message {
                Message::Events { body, .. } => records.push([&[EVENTS], body.as_slice()].concat()),
                Message::Change { change, .. } => {
                    let json = serde_json::to_vec(change).context("a change cannot be written")?;
                    records.push([&[CHANGE], json.as_slice()].concat());
                }
                Message::Stop => {}
            }
        }
        let first = durable.log.next_offset();
        if !records.is_empty() {
            durable.log.append(records.iter().map(Vec::as_slice))?;
            self.since_snapshot += records.len() as u64;
            let last = durable.log.next_offset();
            let watermark = self.shared.read().watermark();
            (first..last).for_each(|offset| self.position.note(offset, watermark));
        }
        Ok(())
    }

    fn fold(&mut self, message: Message) -> Result<()> {
        let mut pipeline = self.shared.write();
        match message {
            Message::Events { decoded, reply, .. } => {
                let applied = pipeline.take(&decoded)?;
                let alerts = pipeline.take_changed();
                drop(pipeline);
                self.send(alerts);
                // A sender that has gone away does not mind.
                let _ = reply.send(answer(&decoded, applied));
                self.shared.publish(Live::Ingestion(self.shared.status()));
            }
            Message::Change { change, reply } => {
                pipeline.add_change(change);
                let _ = reply.send(());
            }
            Message::Stop => {}
        }
        Ok(())
    }

    fn snapshot(&mut self) -> Result<()> {
        self.since_snapshot = 0;
        if self.durable.is_none() {
            return Ok(());
        }
        // The snapshot may forget alerts that the store has; it must not forget those that the store has not.
        let (sender, stored) = oneshot::channel();
        if self.outbox.blocking_send(Outgoing::Flush(sender)).is_err() || stored.blocking_recv().is_err() {
            warn!("no snapshot was taken: alerts could not be stored first");
            return Ok(());
        }
        let Some(durable) = &mut self.durable else { return Ok(()) };
        snapshot::save(&durable.snapshot, &self.shared.read(), &self.position)?;
        let Some((newest, _)) = self.position.hours.back().copied() else { return Ok(()) };
        let mut keep_from = 0;
        while self.position.hours.get(1).is_some_and(|(time, _)| newest.minutes_since(*time) > RAW_KEPT_MINUTES) {
            self.position.hours.pop_front();
            keep_from = self.position.hours.front().map_or(0, |(_, offset)| *offset);
        }
        durable.log.truncate_before(keep_from)?;
        Ok(())
    }

    fn send(&self, alerts: Vec<Alert>) {
        if !alerts.is_empty() && self.outbox.blocking_send(Outgoing::Alerts(alerts)).is_err() {
            error!("alerts could not be handed to the store; they are raised again when the log is folded anew");
        }
    }
}

fn answer(decoded: &Decoded, applied: hark_ingest::Applied) -> IngestAnswer {
    let named = decoded.rejected.iter().take(REJECTED_NAMED_MAX);
    IngestAnswer {
        accepted: applied.accepted,
        duplicates: applied.duplicates,
        late: applied.late,
        rejected: named.map(|one| RejectedLine { line: one.line, reason: one.reason.clone() }).collect(),
        rejected_total: decoded.rejected.len() as u64 + applied.too_far_ahead,
    }
}

impl Handle {
    /// Reading goes on after a panic elsewhere: the worker thread ends the process in that case.
    fn read(&self) -> std::sync::RwLockReadGuard<'_, Pipeline> {
        self.0.pipeline.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Pipeline> {
        self.0.pipeline.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the thread to finish what waits, take a snapshot and end.
    pub fn stop(&self) {
        // A full queue empties; a closed one means that the thread has ended already.
        let _ = self.0.queue.send(Message::Stop);
    }

    fn enqueue(&self, message: Message) -> Result<(), IngestError> {
        self.0.queue.try_send(message).map_err(|error| match error {
            TrySendError::Full(_) => IngestError::Busy { retry_after_seconds: RETRY_AFTER_SECONDS },
            TrySendError::Disconnected(_) => stopped(),
        })
    }
}

fn stopped() -> IngestError {
    IngestError::Stopped("hark is stopping and takes no more events; send them again once it is back".to_owned())
}

#[async_trait]
impl Engine for Handle {
    async fn ingest(&self, body: Vec<u8>, encoding: &str) -> Result<IngestAnswer, IngestError> {
        let encoding = match encoding {
            "" | "identity" => Encoding::Plain,
            "gzip" => Encoding::Gzip,
            "zstd" => Encoding::Zstd,
            other => {
                let problem = format!("Content-Encoding `{other}` is not known; use gzip, zstd or none");
                return Err(IngestError::Unreadable(problem));
            }
        };
        let plan = Arc::clone(self.read().plan());
        // Unpacking and decoding are work for a processor, not for the threads that answer requests.
        let work = tokio::task::spawn_blocking(move || {
            let body = unpack(&body, encoding, UNPACKED_BYTES_MAX)?.into_owned();
            let decoded = decode(&body, &plan.fields);
            Ok::<_, UnpackError>((body, decoded))
        });
        let (body, decoded) = work.await.map_err(|_| stopped())?.map_err(|error| match error {
            UnpackError::TooLarge { .. } => IngestError::TooLarge(error.to_string()),
            UnpackError::Broken { .. } => IngestError::Unreadable(error.to_string()),
        })?;
        let (reply, answer) = oneshot::channel();
        self.enqueue(Message::Events { body, decoded, reply })?;
        answer.await.map_err(|_| stopped())
    }

    async fn add_change(&self, change: Change) -> Result<(), IngestError> {
        let (reply, answer) = oneshot::channel();
        self.enqueue(Message::Change { change, reply })?;
        answer.await.map_err(|_| stopped())
    }

    fn series(&self, question: &SeriesQuestion) -> Result<SeriesAnswer, String> {
        series_query::answer(&self.read(), question)
    }

    fn status(&self) -> Status {
        let pipeline = self.read();
        let counts = pipeline.counts();
        Status {
            watermark: pipeline.watermark(),
            events: counts.events,
            duplicates: counts.duplicates,
            late: counts.late,
            rejected: counts.rejected,
            series: pipeline.watched() as u64,
            firing: pipeline.firing() as u64,
            demo: self.0.demo,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    fn definitions(&self) -> serde_json::Value {
        self.0.definitions.clone()
    }

    fn is_ready(&self) -> bool {
        self.0.ready.load(Ordering::Acquire)
    }

    fn publish(&self, live: Live) {
        // Nobody may be listening.
        let _ = self.0.live.send(live);
    }

    fn subscribe(&self) -> broadcast::Receiver<Live> {
        self.0.live.subscribe()
    }
}
