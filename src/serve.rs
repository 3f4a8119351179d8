//! `hark serve`: recover, listen, and stop cleanly.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use hark_dashboard::AppState;
use hark_detectors::Mutant;
use hark_ingest::SegmentLog;
use hark_store::Store;
use tokio::net::TcpListener;
use tracing::{error, info, warn};

use crate::config::Config;
use crate::data_folder::DataFolder;
use crate::engine::{self, Cadence, Durable, Handle, Parts, Running};
use crate::history::{History, Keep};
use crate::model_files::ModelFiles;
use crate::pipeline::Pipeline;
use crate::registry::{self, Registry};
use crate::snapshot::Position;
use crate::store;

/// For the last alerts to reach the store when hark stops.
const STORE_WITHIN: Duration = Duration::from_secs(10);

pub async fn serve(config: Config, mutant: Option<Mutant>) -> Result<()> {
    if let Some(mutant) = mutant {
        warn!(%mutant, "the detector is broken on purpose, to see the self-test notice it; alerts are worth nothing");
    }
    let registry = Registry::load(config.metrics.as_deref())?;
    // The address first: a port in use should be said before a minute of recovery.
    let listener = listen(config.listen).await?;
    let grpc = match config.grpc {
        Some(address) => Some(listen(address).await?),
        None => None,
    };
    let folder = DataFolder::open(&config.data)?;
    let store = store::open(config.database.as_deref(), &folder.database()).await?;
    let plan = Arc::new(registry.start_with(&registry::saved(store.as_ref()).await?)?);
    let parts = Parts {
        budget: config.budget.clone(),
        users: folder.user_key()?,
        quota_bytes_per_second: config.quota_bytes_per_second,
        durable: Some(durable(&folder, config.keep, config.cadence)?),
        demo: None,
        registry,
        mutant,
        anew: None,
    };
    let running = engine::start(Pipeline::new(plan, config.budget), parts)?;
    announce(&listener)?;
    let models = ModelFiles::open(folder.models())?;
    run(listener, grpc, running, store, Some(models)).await
}

/// Everything of a data folder that the engine writes. Opening history takes a runtime of its own, so not in this one.
pub fn durable(folder: &DataFolder, keep: Keep, cadence: Cadence) -> Result<Durable> {
    let open = || History::open(&folder.history(), keep);
    let history = std::thread::scope(|scope| scope.spawn(open).join());
    let history = history.map_err(|_| anyhow::anyhow!("history could not be opened: its thread panicked"))??;
    Ok(Durable {
        log: Box::new(SegmentLog::open(&folder.log())?),
        folder: folder.path().to_owned(),
        snapshot: folder.snapshot(),
        set_aside: folder.set_aside(),
        history,
        cadence,
        position: Position::default(),
    })
}

pub async fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}; is the port in use? Name another with --listen 127.0.0.1:PORT")
    })
}

/// The address on a line of its own, where people and programs look for it.
pub fn announce(listener: &TcpListener) -> Result<()> {
    let address = listener.local_addr().context("the listening address is not known")?;
    println!("hark is on http://{address}");
    Ok(())
}

/// Answers requests until the process is asked to stop, then lets the pipeline finish.
pub async fn run(
    listener: TcpListener,
    grpc: Option<TcpListener>,
    running: Running,
    store: Arc<dyn Store>,
    models: Option<ModelFiles>,
) -> Result<()> {
    let Running { handle, outbox, thread } = running;
    let keeper = tokio::spawn(store::keep(Arc::clone(&store), models, handle.clone(), outbox));
    let state = AppState { engine: Arc::new(handle.clone()), store: Arc::clone(&store) };
    if let Some(grpc) = grpc {
        let state = state.clone();
        tokio::spawn(async move {
            if let Err(problem) = hark_dashboard::serve_grpc(grpc, state).await {
                error!(%problem, "OTLP over gRPC is no longer taken on its own address; the main address still takes it");
            }
        });
    }
    let server = hark_dashboard::serve(listener, state);
    let over = tokio::task::spawn_blocking(move || thread.join());
    tokio::pin!(over);
    let ended = tokio::select! {
        served = server => { served.context("the server failed")?; None }
        ended = &mut over => Some(ended),
        () = asked_to_stop() => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            info!("stopping");
            ask_to_stop(&handle).await?;
            over.await
        }
    };
    drop(handle);
    finish(ended.context("the pipeline could not be waited for")?, keeper, store).await
}

/// Lets the pipeline finish what waits, and the store take the last alerts.
pub async fn wind_down(
    handle: Handle,
    thread: JoinHandle<Result<()>>,
    keeper: tokio::task::JoinHandle<()>,
    store: Arc<dyn Store>,
) -> Result<()> {
    ask_to_stop(&handle).await?;
    let ended = tokio::task::spawn_blocking(move || thread.join()).await;
    drop(handle);
    finish(ended.context("the pipeline could not be waited for")?, keeper, store).await
}

async fn ask_to_stop(handle: &Handle) -> Result<()> {
    let stop = handle.clone();
    tokio::task::spawn_blocking(move || stop.stop()).await.context("the pipeline could not be asked to stop")
}

async fn finish(
    ended: std::thread::Result<Result<()>>,
    keeper: tokio::task::JoinHandle<()>,
    store: Arc<dyn Store>,
) -> Result<()> {
    // The pipeline has let go of its end: what is still on its way is stored, unless the store does not answer.
    if tokio::time::timeout(STORE_WITHIN, keeper).await.is_err() {
        warn!("some alerts could not be stored; they are raised again from the log at the next start");
    }
    store.close().await;
    match ended {
        Ok(outcome) => outcome.context("the pipeline had to stop"),
        Err(_) => anyhow::bail!("the pipeline panicked; what was acknowledged is in the log, start hark again"),
    }
}

async fn asked_to_stop() {
    let interrupt = tokio::signal::ctrl_c();
    let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else {
        // Without the second signal the first still works.
        let _ = interrupt.await;
        return;
    };
    tokio::select! {
        _ = interrupt => {}
        _ = terminate.recv() => {}
    }
}
