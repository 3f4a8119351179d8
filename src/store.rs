//! Which store is used, and the task that writes alerts to it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use hark_dashboard::{Engine, Live};
use hark_model::{Alert, ModelVersion, Timestamp};
use hark_store::{Store, StoreError};
use hark_store_postgres::PostgresStore;
use hark_store_sqlite::SqliteStore;
use tracing::{error, warn};

use crate::engine::{Handle, Outbox, Outgoing};
use crate::model_files::ModelFiles;
use crate::models::KeptModel;
use crate::silencer::Silencer;

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

/// Writes alerts and models until the pipeline ends, applies silences, and tells the pages. Nothing is ever dropped: while
/// the store does not answer the pipeline waits, and so do the senders.
pub async fn keep(store: Arc<dyn Store>, models: Option<ModelFiles>, engine: Handle, outbox: Outbox) {
    let Outbox { mut outgoing, mut silences } = outbox;
    let mut silencer = Silencer::new();
    silencer.follow(store.as_ref(), &engine, Timestamp::now()).await;
    loop {
        tokio::select! {
            message = outgoing.recv() => match message {
                Some(Outgoing::Alerts(alerts)) => keep_alerts(store.as_ref(), &silencer, &engine, alerts).await,
                Some(Outgoing::Models(kept)) => keep_models(store.as_ref(), models.as_ref(), &kept).await,
                Some(Outgoing::Flush(done)) => {
                    let _ = done.send(());
                }
                None => break,
            },
            Some(done) = silences.recv() => {
                let _ = done.send(silencer.follow(store.as_ref(), &engine, Timestamp::now()).await);
            }
            () = tokio::time::sleep(silencer.wait(Timestamp::now())) => {
                silencer.follow(store.as_ref(), &engine, Timestamp::now()).await;
            }
        }
    }
}

async fn keep_alerts(store: &dyn Store, silencer: &Silencer, engine: &Handle, mut alerts: Vec<Alert>) {
    silencer.mark(&mut alerts, Timestamp::now());
    until_stored(|| store.save_alerts(&alerts)).await;
    for alert in alerts {
        // What people did to it belongs to what the pages show.
        let shown = store.alert(&alert.id).await.ok().flatten().unwrap_or(alert);
        engine.publish(Live::Alert(Box::new(shown)));
    }
}

/// The file first, so that no version is listed without one.
async fn keep_models(store: &dyn Store, files: Option<&ModelFiles>, kept: &[KeptModel]) {
    for KeptModel { version, content } in kept {
        if let Some(Err(problem)) = files.map(|files| files.keep(&version.checksum, content)) {
            // The model itself is in the snapshot: what is lost is a copy.
            warn!(%problem, metric = version.metric, version = version.number, "a model's file cannot be written");
        }
    }
    let versions: Vec<ModelVersion> = kept.iter().map(|kept| kept.version.clone()).collect();
    until_stored(|| store.save_models(&versions)).await;
    if let (Some(files), Ok(all)) = (files, store.models().await) {
        tidy(store, files, &all).await;
    }
}

/// Removes the files of versions that are long out of use, but for what somebody has imported since.
async fn tidy(store: &dyn Store, files: &ModelFiles, versions: &[ModelVersion]) {
    for checksum in files.unheard(versions) {
        // Where that is not known it stays until the next version comes.
        if let Ok(false) = store.is_imported(checksum).await
            && let Err(problem) = files.remove(checksum)
        {
            warn!(%problem, checksum, "the file of an old model cannot be removed");
        }
    }
}

async fn until_stored<F: Future<Output = Result<(), StoreError>>>(save: impl Fn() -> F) {
    let mut pause = FIRST_PAUSE;
    while let Err(problem) = save().await {
        if pause == FIRST_PAUSE {
            error!(
                error = &problem as &dyn std::error::Error,
                "what was found cannot be stored; trying again until it can"
            );
        } else {
            warn!(pause_ms = pause.as_millis(), "what was found can still not be stored");
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use hark_model::{Gives, ImportedModel, Standing};

    use super::*;
    use crate::model_files::tests::version;

    #[tokio::test]
    async fn the_file_of_an_old_version_goes_but_where_somebody_imported_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(None, &folder.path().join("hark.db")).await.unwrap();
        let files = ModelFiles::open(folder.path().join("models")).unwrap();
        let versions: Vec<ModelVersion> = (1..=5).rev().map(|number| version(number, Standing::Replaced)).collect();
        for version in &versions {
            files.keep(&version.checksum, &version.number.to_le_bytes()).unwrap();
        }
        let [second, first] = [&versions[3].checksum, &versions[4].checksum];
        let imported = ImportedModel {
            name: "wake".to_owned(),
            number: 0,
            imported_at: Timestamp::from_millis(0),
            by: "ada".to_owned(),
            checksum: first.clone(),
            bytes: 4,
            producer: "hark".to_owned(),
            opset: 17,
            operators: 9,
            weights: 40,
            time: 12,
            columns: 1,
            gives: Gives::Reconstruction,
        };
        store.add_imported_model(&imported).await.unwrap();
        tidy(&*store, &files, &versions).await;
        assert_eq!(files.unheard(&versions), [first]);
        assert!(!folder.path().join("models").join(second).exists());
        store.close().await;
    }
}
