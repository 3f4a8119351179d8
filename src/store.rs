//! Which store is used, and the task that writes alerts to it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use hark_dashboard::{Engine, Live};
use hark_model::Alert;
use hark_store::Store;
use hark_store_postgres::PostgresStore;
use hark_store_sqlite::SqliteStore;
use tokio::sync::mpsc;
use tracing::{error, warn};

use crate::engine::{Handle, Outgoing};

/// A store that does not answer is asked again, ever less often.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// PostgreSQL where an address is configured, else SQLite in the data folder.
pub async fn open(database: Option<&str>, file: &Path) -> Result<Arc<dyn Store>> {
    Ok(match database {
        Some(url) => Arc::new(PostgresStore::connect(url).await?),
        None => Arc::new(SqliteStore::open(file).await?),
    })
}

/// The same for reading beside a running server, which alone may write.
pub async fn open_to_read(database: Option<&str>, file: &Path) -> Result<Arc<dyn Store>> {
    Ok(match database {
        Some(url) => Arc::new(PostgresStore::connect(url).await?),
        None => Arc::new(SqliteStore::open_read_only(file).await?),
    })
}

/// Writes alerts until the pipeline ends, and tells the pages. An alert is never dropped: while the store does not
/// answer the pipeline waits, and so do the senders.
pub async fn keep_alerts(store: Arc<dyn Store>, engine: Handle, mut outgoing: mpsc::Receiver<Outgoing>) {
    while let Some(message) = outgoing.recv().await {
        match message {
            Outgoing::Alerts(alerts) => {
                save(store.as_ref(), &alerts).await;
                for alert in alerts {
                    // What people did to it belongs to what the pages show.
                    let shown = store.alert(&alert.id).await.ok().flatten().unwrap_or(alert);
                    engine.publish(Live::Alert(Box::new(shown)));
                }
            }
            Outgoing::Flush(done) => {
                let _ = done.send(());
            }
        }
    }
}

async fn save(store: &dyn Store, alerts: &[Alert]) {
    let mut pause = FIRST_PAUSE;
    while let Err(problem) = store.save_alerts(alerts).await {
        if pause == FIRST_PAUSE {
            error!(error = &problem as &dyn std::error::Error, "alerts cannot be stored; trying again until they can");
        } else {
            warn!(pause_ms = pause.as_millis(), "alerts can still not be stored");
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
