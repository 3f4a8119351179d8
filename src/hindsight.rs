//! `hark hindsight`: what would have been told, had these changes been known in their time: a holiday that nobody had
//! entered, an incident of somebody else's.
//!
//! The stored events go through the pipeline twice, without the changes and with them; so what differs is their doing.
//! Applied, the state itself is built anew in the same way, and is then what it would be, had they been there from the start.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail, ensure};
use hark_ingest::{ChunkReader, Reader, Record, UserKey, read_log};
use hark_model::{Alert, AlertId, AlertStatus, Change, Feedback, Timestamp, Verdict};
use hark_query::Plan;
use hark_store::Store;
use serde::Serialize;

use crate::config::Config;
use crate::data_folder::{self, DataFolder};
use crate::detection::Budget;
use crate::engine::{self, Parts};
use crate::in_time::InTime;
use crate::model_files::ModelFiles;
use crate::pipeline::Pipeline;
use crate::registry::{self, Registry};
use crate::{replay, serve, store};

pub struct Request {
    /// One JSON object a line.
    pub changes: PathBuf,
    /// Who makes it so; nothing is changed where nobody does.
    pub apply_by: Option<String>,
    pub json: bool,
}

/// What the changes would have made of the stored events.
#[derive(Debug, PartialEq, Serialize)]
pub struct Difference {
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    pub events: u64,
    /// Alerts that there would not have been.
    pub vanish: Vec<Told>,
    /// Alerts that there would have been.
    pub appear: Vec<Told>,
    /// Alerts that there are either way.
    pub stay: usize,
}

#[derive(Debug, PartialEq, Serialize)]
pub struct Told {
    pub id: AlertId,
    pub metric: String,
    pub slice: String,
    pub opened_at: Timestamp,
    /// How far the metric moved, relative to what was usual.
    pub relative: f64,
}

pub async fn hindsight(config: Config, request: Request) -> Result<()> {
    let late = replay::read_changes(&request.changes)?;
    ensure!(!late.is_empty(), "there is no change in {}; write one a line", request.changes.display());
    // Held to the end where the state is to be changed; a look alone goes on beside a running hark.
    let folder = request.apply_by.as_ref().map(|_| DataFolder::open(&config.data)).transpose()?;
    let file = data_folder::database(&config.data);
    if config.database.is_none() && !file.exists() {
        bail!("there is no database in {}; name the folder of a hark with --data", config.data.display());
    }
    let store = store::open_to_read(config.database.as_deref(), &file).await?;
    let known = store.changes(Timestamp::from_millis(i64::MIN / 2), Timestamp::from_millis(i64::MAX / 2)).await?;
    let registry = Registry::load(config.metrics.as_deref())?;
    let plan = Arc::new(registry.start_with(&registry::saved(store.as_ref()).await?)?);
    store.close().await;
    let known: Vec<Change> = known.into_iter().map(|(_, change)| change).collect();
    let with: Vec<Change> = known.iter().chain(&late).cloned().collect();
    let log = data_folder::log(&config.data);
    let (budget, both) = (config.budget.clone(), [known, with.clone()]);
    let of_plan = Arc::clone(&plan);
    let fold_both = move || -> Result<[Folded; 2]> {
        let [without, with] = both;
        Ok([fold(&log, &of_plan, budget.clone(), without)?, fold(&log, &of_plan, budget, with)?])
    };
    let [without, with_late] =
        tokio::task::spawn_blocking(fold_both).await.context("the past could not be gone through")??;
    let difference = difference(&without, &with_late);
    if request.json {
        println!("{}", serde_json::to_string_pretty(&difference)?);
    } else {
        print(&difference);
    }
    if let (Some(folder), Some(by)) = (folder, request.apply_by) {
        apply(&config, &folder, registry, plan, Applied { late, all: with, difference: &difference, by: &by }).await?;
        eprintln!("done: the state is built anew; start hark again");
    } else if !difference.vanish.is_empty() || !difference.appear.is_empty() {
        eprintln!("nothing was changed; stop hark and add --apply to make it so");
    }
    Ok(())
}

struct Folded {
    alerts: BTreeMap<AlertId, Alert>,
    span: Option<[Timestamp; 2]>,
    events: u64,
}

/// Every stored event through a pipeline that knows each change from its time on.
fn fold(log: &Path, plan: &Arc<Plan>, budget: Budget, changes: Vec<Change>) -> Result<Folded> {
    let mut pipeline = Pipeline::new(Arc::clone(plan), budget);
    // It raises no alert.
    pipeline.set_self_test(false);
    let mut changes = InTime::new(changes);
    // Users in the log are hashes already; of a file that was imported they are only counted.
    let users = UserKey::new([0; 16]);
    let mut files = ChunkReader::new(Reader { fields: &plan.fields, users: &users });
    let mut folded = Folded { alerts: BTreeMap::new(), span: None, events: 0 };
    let mut gone = None;
    read_log(log, |bytes| {
        let (record, is_judged) = match Record::decode(bytes) {
            Ok(Record::Events(record)) => (record, true),
            Ok(Record::Chunk(chunk)) => match files.read(&chunk) {
                Ok(record) => (record, chunk.is_judged),
                Err(problem) => {
                    gone = Some(problem);
                    return false;
                }
            },
            // Changes are known already, and what can't be read was put aside.
            Ok(Record::Change(_)) | Err(_) => return true,
        };
        let times = &record.events.times;
        if let (Some(oldest), Some(newest)) = (times.iter().min(), times.iter().max()) {
            changes.until(*newest).into_iter().for_each(|change| pipeline.add_change(change));
            let [from, to] = folded.span.unwrap_or([*oldest, *newest]);
            folded.span = Some([from.min(*oldest), to.max(*newest)]);
        }
        let batch = record.batch();
        let admitted = pipeline.admit(&batch);
        folded.events += pipeline.add(&batch, admitted, is_judged).accepted;
        folded.alerts.extend(pipeline.take_changed().into_iter().map(|alert| (alert.id.clone(), alert)));
        true
    })?;
    match gone {
        Some(problem) => Err(anyhow!(problem).context("a file that was imported is needed once more")),
        None => Ok(folded),
    }
}

fn difference(without: &Folded, with: &Folded) -> Difference {
    let only = |one: &Folded, other: &Folded| {
        let mut told: Vec<Told> =
            one.alerts.values().filter(|alert| !other.alerts.contains_key(&alert.id)).map(told).collect();
        told.sort_by(|a, b| a.opened_at.cmp(&b.opened_at).then_with(|| a.id.cmp(&b.id)));
        told
    };
    let (vanish, appear) = (only(without, with), only(with, without));
    Difference {
        from: without.span.map(|span| span[0]),
        to: without.span.map(|span| span[1]),
        events: without.events,
        stay: without.alerts.len() - vanish.len(),
        vanish,
        appear,
    }
}

fn told(alert: &Alert) -> Told {
    Told {
        id: alert.id.clone(),
        metric: alert.metric.clone(),
        slice: alert.slice.to_string(),
        opened_at: alert.opened_at,
        relative: alert.effect.relative,
    }
}

fn print(difference: &Difference) {
    let Difference { from, to, events, vanish, appear, stay } = difference;
    let (Some(from), Some(to)) = (from, to) else {
        println!("no events are stored, so nothing can be said");
        return;
    };
    println!("{events} stored events of {from} to {to}: {stay} alerts stay");
    for (what, told) in [("vanishes", vanish), ("appears", appear)] {
        for Told { id, metric, slice, opened_at, relative } in told {
            println!("{what}  {opened_at}  {metric} {slice} {:+.0} %  {}", 100.0 * relative, id.0);
        }
    }
}

struct Applied<'a> {
    late: Vec<Change>,
    all: Vec<Change>,
    difference: &'a Difference,
    by: &'a str,
}

/// Builds the state anew with all changes, and takes back what would not have been told.
async fn apply(
    config: &Config,
    folder: &DataFolder,
    registry: Registry,
    plan: Arc<Plan>,
    applied: Applied<'_>,
) -> Result<()> {
    let Applied { late, all, difference, by } = applied;
    let store = store::open(config.database.as_deref(), &folder.database()).await?;
    store.save_changes(&late).await?;
    let parts = Parts {
        budget: config.budget.clone(),
        users: folder.user_key()?,
        quota_bytes_per_second: None,
        durable: Some(serve::durable(folder, config.keep, config.cadence)?),
        demo: None,
        registry,
        mutant: None,
        anew: Some(all),
    };
    let models = ModelFiles::open(folder.models())?;
    let running = engine::start(Pipeline::new(plan, config.budget.clone()), parts)?;
    let keeper = tokio::spawn(store::keep(Arc::clone(&store), Some(models), running.handle.clone(), running.outbox));
    let titles: Vec<&str> = late.iter().map(|change| change.title.as_str()).collect();
    let note = format!("would not have been told, had it been known: {}", titles.join(", "));
    for Told { id, .. } in &difference.vanish {
        take_back(store.as_ref(), id, by, &note).await?;
    }
    serve::wind_down(running.handle, running.thread, keeper, store).await
}

async fn take_back(store: &dyn Store, id: &AlertId, by: &str, note: &str) -> Result<()> {
    let now = Timestamp::now();
    let Some(alert) = store.alert(id).await? else { return Ok(()) };
    if alert.status != AlertStatus::Resolved {
        store.resolve(id, by, now).await?;
    }
    let feedback =
        Feedback { verdict: Verdict::False, label: None, note: Some(note.to_owned()), by: Some(by.to_owned()) };
    store.add_feedback(id, &feedback, now).await?;
    Ok(())
}
