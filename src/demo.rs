//! `hark` alone: simulated history through the real pipeline, then live in compressed time, in a folder that is
//! thrown away at the end.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use hark_dashboard::{Delivery, Demo, Door, Engine};
use hark_ingest::SegmentLog;
use hark_model::{Alert, Change, Definitions, ModelVersion};
use hark_query::Plan;
use hark_simulate::Simulation;
use indicatif::{ProgressBar, ProgressStyle};
use tracing::{info, warn};

use crate::data_folder::DataFolder;
use crate::detection::Budget;
use crate::engine::{self, Cadence, Durable, Handle, Parts};
use crate::history::{Hours, Keep};
use crate::pipeline::Pipeline;
use crate::registry::Registry;
use crate::replay::{self, Replay};
use crate::snapshot::Position;
use crate::{config, serve, store};

/// Days that go on live after the history.
const LIVE_DAYS: u32 = 14;
/// Minutes of history that are replayed as one batch.
const MINUTES_PER_BATCH: usize = 60;
/// Raw events are kept of so many of its days.
const RAW_DAYS: u32 = crate::preview::DAYS_MAX;
const MINUTES_PER_DAY: u32 = 24 * 60;
/// Bodies refused because the queue is full are sent again after this pause.
const PAUSE_WHEN_BUSY: Duration = Duration::from_millis(100);

pub struct Request {
    pub listen: String,
    pub seed: u64,
    pub days: u32,
    pub rate: f64,
    pub incidents: u32,
    /// Simulated minutes that pass in a second once the demo is live.
    pub minutes_per_second: f64,
    pub budget: Budget,
}

pub async fn demo(request: Request) -> Result<()> {
    anyhow::ensure!(
        request.minutes_per_second > 0.0 && request.minutes_per_second <= 1e4,
        "--minutes-per-second is {}; write a number above 0 and up to 10000",
        request.minutes_per_second
    );
    let listener = serve::listen(config::address(&request.listen)?).await?;
    let plan = Arc::new(Plan::compile(&Definitions::built_in())?);
    let mut simulation = Simulation::new(hark_simulate::Config {
        seed: request.seed,
        start_ms: hark_simulate::Config::DEFAULT_START_MS,
        days: request.days + LIVE_DAYS,
        rate: request.rate,
        incidents: request.incidents,
        kinds: hark_simulate::Kinds::All,
    })?;
    let changes = replay::simulated_changes(&simulation)?;
    let temporary = tempfile::tempdir().context("no temporary folder can be made for the demo")?;
    let folder = DataFolder::open(temporary.path())?;
    let store = store::open(None, &folder.database()).await?;
    store.save_changes(&changes).await?;

    let log = folder.log();
    let (made, simulation) = tokio::task::spawn_blocking(move || {
        let made = history(&mut simulation, plan, changes, &request, &log)?;
        anyhow::Ok((made, (simulation, request)))
    })
    .await
    .context("the history could not be replayed")??;
    let (simulation, request) = simulation;
    let Made { pipeline, alerts, models, hours, position } = made;
    store.save_alerts(&alerts).await?;
    store.save_models(&models).await?;
    hours.write(&folder.history(), &pipeline).await?;
    eprintln!("{} events of history, {} alerts in it", pipeline.counts().events, alerts.len());

    let parts = Parts {
        budget: request.budget,
        users: folder.user_key()?,
        quota_bytes_per_second: None,
        durable: Some(Durable { position, ..serve::durable(&folder, Keep::default(), Cadence::default())? }),
        demo: Some(Demo { minutes_per_second: request.minutes_per_second }),
        registry: Registry::built_in(),
        mutant: None,
        anew: None,
    };
    let running = engine::start(pipeline, parts)?;
    let feeder = tokio::spawn(feed(running.handle.clone(), simulation, request.minutes_per_second));
    serve::announce(&listener)?;
    let outcome = serve::run(listener, None, running, store, None).await;
    feeder.abort();
    outcome
}

/// A history that was made up.
struct Made {
    pipeline: Pipeline,
    alerts: Vec<Alert>,
    /// Versions of models, in the order in which they came to stand somewhere.
    models: Vec<ModelVersion>,
    hours: Hours,
    position: Position,
}

/// Replays the history with a progress bar. Its last days are kept as raw events, as a hark that took them would have
/// done.
fn history(
    simulation: &mut Simulation,
    plan: Arc<Plan>,
    changes: Vec<Change>,
    request: &Request,
    log: &Path,
) -> Result<Made> {
    let style = ProgressStyle::with_template("simulating and replaying {bar:30} day {pos} of {len}")
        .context("the progress bar's template is wrong")?;
    let bar = ProgressBar::new(u64::from(request.days)).with_style(style);
    let mut replay = Replay::new(plan, changes, request.budget.clone());
    replay.pipeline.keep_minutes(true);
    replay.pipeline.keep_models(true);
    let (mut hours, mut models) = (Hours::default(), Vec::new());
    let mut body = Vec::new();
    let minutes = (request.days * MINUTES_PER_DAY) as usize;
    let raw_from =
        minutes.saturating_sub((RAW_DAYS * MINUTES_PER_DAY) as usize) / MINUTES_PER_BATCH * MINUTES_PER_BATCH;
    for minute in 0..minutes {
        if simulation.next_minute(&mut body).is_none() {
            break;
        }
        if minute == raw_from {
            replay.keep_raw(SegmentLog::open(log)?);
        }
        if (minute + 1) % MINUTES_PER_BATCH == 0 || minute + 1 == minutes {
            replay.take(&body)?;
            hours.add(replay.pipeline.take_minutes());
            models.extend(replay.pipeline.take_models().into_iter().map(|kept| kept.version));
            body.clear();
            bar.set_position(minute as u64 / u64::from(MINUTES_PER_DAY));
        }
    }
    bar.finish_and_clear();
    let position = Position::starting_at(replay.next_offset());
    let (pipeline, alerts) = replay.into_parts();
    Ok(Made { pipeline, alerts, models, hours, position })
}

/// Sends a simulated minute at a time through the door that HTTP uses, at the chosen pace.
async fn feed(engine: Handle, mut simulation: Simulation, minutes_per_second: f64) {
    let pause = Duration::from_secs_f64(1.0 / minutes_per_second);
    let mut body = Vec::new();
    while simulation.next_minute(&mut body).is_some() {
        let sent = std::mem::take(&mut body);
        let delivery = Delivery {
            door: Door::Events,
            encoding: String::new(),
            source: Delivery::DEFAULT_SOURCE.to_owned(),
            body: sent,
        };
        while let Err(problem) = engine.ingest(delivery.clone()).await {
            if matches!(problem, hark_dashboard::IngestError::Stopped(_)) {
                return;
            }
            warn!(%problem, "the demo's events wait");
            tokio::time::sleep(PAUSE_WHEN_BUSY).await;
        }
        tokio::time::sleep(pause).await;
    }
    info!("the simulated traffic has ended; start the demo again for more");
}
