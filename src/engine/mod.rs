//! The running pipeline: one thread that makes bodies durable and folds them, and a handle that everybody else holds.
//!
//! Bodies wait in a bounded queue. The thread takes all that wait, writes them to the log with one sync, folds them
//! one by one and answers. What is answered is on disk; what is on disk is folded again after a crash.

mod door;
mod gone;
mod set_aside;
mod worker;

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use async_trait::async_trait;
use hark_dashboard::{
    CompareQuestion, Delivery, Demo, DetectorEntry, DistributionAnswer, DriversAnswer, Engine, ExemplarQuestion,
    ExemplarsAnswer, FunnelQuestion, FunnelReport, HeatMapAnswer, IngestAnswer, IngestError, Live, PreviewAnswer,
    PreviewQuestion, ProcessReport, QueryAnswer, QueryProblem, QueryQuestion, ReportQuestion, SelfTestReport,
    SeriesAnswer, SeriesQuestion, SourceStatus, Status,
};
use hark_detectors::Mutant;
use hark_ingest::{Decoded, FileChunk, SourceState, UserKey};
use hark_model::{Alert, Change, Metric, ModelOrder, Timestamp};
use hark_query::Plan;
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::compare;
use crate::data_folder;
use crate::detection::Budget;
use crate::detector_list;
use crate::exemplars;
use crate::funnel;
use crate::history;
use crate::models::KeptModel;
use crate::pipeline::Pipeline;
use crate::preview;
use crate::process;
use crate::registry::Registry;
use crate::report_query;
use crate::series_query;
use door::Doorkeeper;
pub use worker::{Cadence, Durable};
use worker::{Message, Worker};

/// Bodies that wait for the log; the next sender is told to come again.
const WAITING_MAX: usize = 256;
/// Alerts on their way to the store; the pipeline waits when the store is slower.
const OUTBOX_MAX: usize = 1024;
/// Changes of silences that wait to be applied.
const SILENCES_MAX: usize = 64;
/// A page that is slower than this many messages misses some.
const LIVE_MAX: usize = 256;
const RETRY_AFTER_SECONDS: u32 = 1;

/// The handle: cheap to clone, safe to share.
#[derive(Clone)]
pub struct Handle(Arc<Shared>);

struct Shared {
    pipeline: RwLock<Pipeline>,
    doorkeeper: Arc<Doorkeeper>,
    history: Option<history::Reader>,
    queue: SyncSender<Message>,
    live: broadcast::Sender<Live>,
    silences: mpsc::Sender<oneshot::Sender<bool>>,
    ready: AtomicBool,
    set_aside: AtomicU64,
    damage: Mutex<Vec<String>>,
    demo: Option<Demo>,
    registry: Registry,
    folder: Option<PathBuf>,
    started_at: Timestamp,
    mutant: Option<Mutant>,
}

/// Alerts and models for the store, and the question whether all before have been stored.
pub enum Outgoing {
    Alerts(Vec<Alert>),
    Models(Vec<KeptModel>),
    Flush(oneshot::Sender<()>),
}

/// What the engine is made of besides the pipeline.
pub struct Parts {
    pub budget: Budget,
    pub users: UserKey,
    pub quota_bytes_per_second: Option<u64>,
    pub durable: Option<Durable>,
    pub demo: Option<Demo>,
    /// What people can put definitions of their own over.
    pub registry: Registry,
    /// A way to break the detector, for a drill of the self-test.
    pub mutant: Option<Mutant>,
    /// The state is built anew from what is stored, with these changes in their time, and no snapshot is looked at.
    pub anew: Option<Vec<Change>>,
}

/// The other end of what is sent to the store.
pub struct Outbox {
    pub outgoing: mpsc::Receiver<Outgoing>,
    /// Silences have changed in the store; answered once alerts follow them, or could not be made to.
    pub silences: mpsc::Receiver<oneshot::Sender<bool>>,
}

pub struct Running {
    pub handle: Handle,
    pub outbox: Outbox,
    pub thread: std::thread::JoinHandle<Result<()>>,
}

/// Starts the thread; recovery comes first, and the handle takes events while it goes on. What `pipeline` has seen
/// already counts, unless there is a snapshot.
pub fn start(mut pipeline: Pipeline, parts: Parts) -> Result<Running> {
    let Parts { budget, users, quota_bytes_per_second, durable, demo, registry, mutant, anew } = parts;
    let (queue, waiting) = sync_channel(WAITING_MAX);
    let (outbox, outgoing) = mpsc::channel(OUTBOX_MAX);
    let (changed, silences) = mpsc::channel(SILENCES_MAX);
    let folder = durable.as_ref().map(|durable| durable.folder.clone());
    let history = durable.as_ref().map(|durable| durable.history.reader());
    pipeline.keep_minutes(history.is_some());
    pipeline.keep_models(true);
    pipeline.set_mutant(mutant);
    let handle = Handle(Arc::new(Shared {
        pipeline: RwLock::new(pipeline),
        doorkeeper: Arc::new(Doorkeeper::new(users, quota_bytes_per_second)),
        history,
        queue,
        live: broadcast::channel(LIVE_MAX).0,
        silences: changed,
        ready: AtomicBool::new(false),
        set_aside: AtomicU64::new(0),
        damage: Mutex::default(),
        demo,
        registry,
        folder,
        started_at: Timestamp::now(),
        mutant,
    }));
    let worker = Worker::new(handle.clone(), durable, anew, outbox)?;
    let run = move || worker.run(&waiting, budget);
    let thread = std::thread::Builder::new().name("pipeline".to_owned()).spawn(run);
    let thread = thread.context("the pipeline's thread cannot be started")?;
    Ok(Running { handle, outbox: Outbox { outgoing, silences }, thread })
}

/// Every metric in force, with where it comes from. What is not of the registry was saved.
fn definitions(plan: &Plan, registry: &Registry) -> serde_json::Value {
    let all = plan.metrics.iter().map(|metric| &metric.metric).chain(plan.composites.iter().map(|(metric, _)| metric));
    let shown = |metric: &Metric| {
        let mut shown = serde_json::json!(metric);
        shown["managed_by"] = registry.origin(&metric.name).unwrap_or("store").into();
        shown
    };
    serde_json::json!({ "metrics": all.map(shown).collect::<Vec<_>>() })
}

impl Handle {
    /// Reading goes on after a panic elsewhere: the worker thread ends the process in that case.
    fn read(&self) -> std::sync::RwLockReadGuard<'_, Pipeline> {
        self.0.pipeline.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Pipeline> {
        self.0.pipeline.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another state than the one it started with: that of a snapshot.
    fn replace(&self, mut pipeline: Pipeline) {
        pipeline.keep_minutes(self.0.history.is_some());
        pipeline.keep_models(true);
        pipeline.set_mutant(self.0.mutant);
        *self.write() = pipeline;
    }

    fn set_ready(&self) {
        self.0.ready.store(true, Ordering::Release);
    }

    fn set_set_aside(&self, records: u64) {
        self.0.set_aside.store(records, Ordering::Release);
    }

    fn set_damage(&self, damage: Vec<String>) {
        *self.0.damage.lock().unwrap_or_else(PoisonError::into_inner) = damage;
    }

    /// Asks the thread to finish what waits, take a snapshot and end.
    pub fn stop(&self) {
        // A full queue empties; a closed one means that the thread has ended already.
        let _ = self.0.queue.send(Message::Stop);
    }

    /// Takes a part of a file; waits while the queue is full.
    pub fn take(
        &self,
        chunk: FileChunk,
        decoded: Decoded,
    ) -> Result<oneshot::Receiver<Result<IngestAnswer, IngestError>>, IngestError> {
        let (reply, answer) = oneshot::channel();
        let admitted = Box::new(self.0.doorkeeper.wave_through(chunk, decoded));
        self.0.queue.send(Message::Events { admitted, reply }).map_err(|_| stopped())?;
        Ok(answer)
    }

    /// How many parts of a file have been taken, as far as the log tells. Waits until the state is recovered.
    pub fn taken_of(&self, fingerprint: u64) -> Result<Option<u64>, IngestError> {
        let (reply, answer) = sync_channel(1);
        self.0.queue.send(Message::TakenOf { fingerprint, reply }).map_err(|_| stopped())?;
        answer.recv().map_err(|_| stopped())
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
    async fn ingest(&self, delivery: Delivery) -> Result<IngestAnswer, IngestError> {
        let now = Timestamp::now();
        let doorkeeper = Arc::clone(&self.0.doorkeeper);
        let in_flight = doorkeeper.admit(&delivery, now)?;
        // A demo's traffic has a time of its own.
        let received = self.0.demo.is_none().then_some(now);
        let plan = Arc::clone(self.read().plan());
        let work = tokio::task::spawn_blocking(move || doorkeeper.read(&delivery, in_flight, received, &plan));
        let admitted = Box::new(work.await.map_err(|_| stopped())??);
        let (reply, answer) = oneshot::channel();
        self.enqueue(Message::Events { admitted, reply })?;
        answer.await.map_err(|_| stopped())?
    }

    async fn query(&self, question: QueryQuestion) -> Result<QueryAnswer, QueryProblem> {
        let Some(history) = &self.0.history else {
            return Err(QueryProblem::Refused("this hark keeps no history, so there is nothing to ask".to_owned()));
        };
        let unclosed = history.unclosed(&self.read());
        history.query(question, unclosed).await
    }

    async fn exemplars(&self, question: ExemplarQuestion) -> Result<ExemplarsAnswer, QueryProblem> {
        let sql = {
            let pipeline = self.read();
            let metric = pipeline.metric(&question.metric).ok_or_else(|| {
                let problem = format!("there is no metric `{}`; GET /api/v1/definitions lists them", question.metric);
                QueryProblem::Refused(problem)
            })?;
            exemplars::sql(metric, &question)?
        };
        self.query(QueryQuestion { sql, limit: None }).await.map(exemplars::answer)
    }

    async fn add_change(&self, change: Change) -> Result<(), IngestError> {
        let (reply, answer) = oneshot::channel();
        self.enqueue(Message::Change { change, reply })?;
        answer.await.map_err(|_| stopped())?
    }

    fn drivers(&self, question: &CompareQuestion) -> Result<DriversAnswer, String> {
        compare::drivers(&self.read(), question)
    }

    fn heat_map(
        &self,
        question: &CompareQuestion,
        rows: Option<&str>,
        columns: Option<&str>,
    ) -> Result<HeatMapAnswer, String> {
        compare::heat_map(&self.read(), question, rows, columns)
    }

    fn distribution(&self, question: &CompareQuestion) -> Result<DistributionAnswer, String> {
        compare::distribution(&self.read(), question)
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
            unusable: counts.unusable,
            set_aside: self.0.set_aside.load(Ordering::Acquire),
            damage: self.0.damage.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            ids_known_since: pipeline.ids_since(),
            sources: pipeline.sources().into_iter().map(source_status).collect(),
            self_test: pipeline.verdict(),
            demo: self.0.demo,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    async fn report(&self, question: ReportQuestion) -> Result<hark_report::Report, QueryProblem> {
        let (plan, watermark, budget) = {
            let pipeline = self.read();
            (Arc::clone(pipeline.plan()), pipeline.watermark(), pipeline.budget().all_per_week())
        };
        let handle = self.clone();
        let ask = move |sql: String| -> report_query::Asked {
            let handle = handle.clone();
            Box::pin(async move {
                let question = QueryQuestion { sql, limit: Some(report_query::ROWS_MAX) };
                Ok(handle.query(question).await?.rows)
            })
        };
        report_query::report(&plan, watermark, budget, question, &ask).await
    }

    fn self_test(&self) -> SelfTestReport {
        self.read().self_test()
    }

    fn funnel(&self, question: &FunnelQuestion) -> Result<FunnelReport, String> {
        funnel::check(question)?;
        Ok(self.read().funnel(question))
    }

    async fn process(&self) -> ProcessReport {
        let folder = self.0.folder.clone();
        let measure = move || {
            let parts = folder.as_deref().map(process::data_parts).unwrap_or_default();
            let written = folder.and_then(|folder| fs::metadata(data_folder::snapshot(&folder)).ok()?.modified().ok());
            (parts, written)
        };
        let (data, written) = tokio::task::spawn_blocking(measure).await.unwrap_or_default();
        ProcessReport {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: self.0.started_at,
            memory_bytes: process::memory_bytes(),
            data,
            snapshot_at: written.and_then(timestamp),
            in_flight_bytes: self.0.doorkeeper.bytes_in_flight() as u64,
            in_flight_bytes_max: door::BYTES_IN_FLIGHT_MAX as u64,
        }
    }

    fn definitions(&self) -> serde_json::Value {
        definitions(self.read().plan(), &self.0.registry)
    }

    fn check_definitions(&self, saved: &[String]) -> Result<(), String> {
        self.0.registry.merged(saved).map(|_| ())
    }

    async fn adopt_definitions(&self, saved: Vec<String>) -> Result<(), IngestError> {
        let (_, plan) = self.0.registry.merged(&saved).map_err(IngestError::Unreadable)?;
        let (reply, answer) = oneshot::channel();
        self.enqueue(Message::Definitions { plan: Arc::new(plan), reply })?;
        answer.await.map_err(|_| stopped())?
    }

    async fn order_model(&self, metric: &str, detector: &str, order: ModelOrder, by: &str) -> Result<(), String> {
        let (reply, answer) = oneshot::channel();
        let [metric, detector, by] = [metric, detector, by].map(str::to_owned);
        self.enqueue(Message::OrderModel { metric, detector, order, by, reply })
            .map_err(|problem| problem.to_string())?;
        answer.await.map_err(|_| stopped().to_string())?
    }

    async fn apply_silences(&self) -> bool {
        let (done, applied) = oneshot::channel();
        // A server that stops reads them when it starts again.
        self.0.silences.send(done).await.is_ok() && applied.await.unwrap_or(false)
    }

    fn detectors(&self) -> Vec<DetectorEntry> {
        detector_list::all()
    }

    async fn preview(&self, question: PreviewQuestion) -> Result<PreviewAnswer, QueryProblem> {
        let Some(log) = self.0.folder.as_deref().map(data_folder::log) else {
            return Err(QueryProblem::Refused(
                "this hark keeps no raw events, so there is nothing to try it on".to_owned(),
            ));
        };
        let PreviewQuestion { saved, drafts, days, changes } = question;
        let (definitions, _) = self.0.registry.merged(&saved).map_err(QueryProblem::Refused)?;
        let question = {
            let pipeline = self.read();
            let others = pipeline.plan().metrics.iter().map(|plan| &plan.metric);
            let others = others.filter(|metric| !drafts.contains(&metric.name));
            let other_series = others.map(|metric| (metric.owner.clone(), pipeline.series_of(&metric.name))).collect();
            let now = pipeline.watermark().unwrap_or_else(Timestamp::now);
            preview::Question {
                definitions,
                drafts,
                other_series,
                budget: pipeline.budget().clone(),
                from: now.plus_minutes(-i64::from(days) * 24 * 60),
                changes,
            }
        };
        let work = tokio::task::spawn_blocking(move || preview::run(&log, question));
        work.await.map_err(|_| QueryProblem::Failed("the preview broke off; its log says why".to_owned()))?
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

fn timestamp(time: SystemTime) -> Option<Timestamp> {
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok().map(Timestamp::from_millis)
}

fn source_status(state: SourceState) -> SourceStatus {
    let SourceState { name, latest, received, ahead_of_wall_ms } = state;
    SourceStatus { name, latest, received, ahead_ms: ahead_of_wall_ms.max(0) }
}
