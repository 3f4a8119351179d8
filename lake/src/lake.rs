//! The opened history.

use futures_util::future::BoxFuture;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use hark_model::Timestamp;

use crate::damage::Checked;
use crate::delta::Delta;
use crate::fsync_store::{FsyncStore, SyncPath, sync_path};
use crate::{LakeError, Table};

/// The history under one folder. Cheap to clone; clones share everything.
///
/// What it gives to await is boxed, so that Delta's and DataFusion's part of it is compiled in this crate, and not again
/// in each that awaits it: that took minutes.
#[derive(Clone)]
pub struct Lake(Arc<Inner>);

struct Inner {
    root: PathBuf,
    options: LakeOptions,
    tables: [Delta; Table::ALL.len()],
    checked: Checked,
    /// What queries share: the footers of files that were read before. Each has its own share of memory.
    runtime: RuntimeEnv,
}

#[derive(Clone)]
pub struct LakeOptions {
    /// How long a file stays that the tables no longer refer to: longer than any query takes, and any append.
    pub keep_unreferenced: Duration,
    /// fsync; only tests have another.
    pub sync: SyncPath,
}

impl Default for LakeOptions {
    fn default() -> Self {
        Self { keep_unreferenced: Duration::from_secs(60 * 60), sync: Arc::new(sync_path) }
    }
}

impl Lake {
    pub fn open(root: &Path) -> BoxFuture<'_, Result<Self, LakeError>> {
        Box::pin(async move { Self::open_with(root, LakeOptions::default()).await })
    }

    /// Opens the tables that are there, each of which has to be readable. A table is made by its first append.
    pub fn open_with(root: &Path, options: LakeOptions) -> BoxFuture<'_, Result<Self, LakeError>> {
        Box::pin(async move {
            let unusable = |source: io::Error| LakeError::Open { path: root.display().to_string(), source };
            let root = std::path::absolute(root).map_err(unusable)?;
            let store = FsyncStore::new(&root, Arc::clone(&options.sync));
            store.make_root().map_err(unusable)?;
            // Delta names its files by the real path. A link in the way would make two names of one file.
            let root = root.canonicalize().map_err(unusable)?;
            let store = FsyncStore::new(&root, Arc::clone(&options.sync));
            remove_stale(store.staging(), options.keep_unreferenced);
            let table = |table| Delta::new(table, &root, &store);
            let tables = [table(Table::Events)?, table(Table::MinuteCells)?, table(Table::HourCells)?];
            let spill = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
            let runtime = RuntimeEnvBuilder::new().with_disk_manager_builder(spill).build();
            let runtime = runtime.map_err(|error| LakeError::query(&error))?;
            let lake = Self(Arc::new(Inner { root, options, tables, checked: Checked::default(), runtime }));
            for table in Table::ALL {
                lake.delta(table).refresh().await?;
            }
            Ok(lake)
        })
    }

    /// The offset up to which the table holds everything; `None` if nothing was ever appended.
    pub fn committed(&self, table: Table) -> BoxFuture<'_, Result<Option<i64>, LakeError>> {
        Box::pin(async move {
            let delta = self.delta(table);
            match delta.refresh().await? {
                Some(state) => delta.committed(&state).await,
                None => Ok(None),
            }
        })
    }

    pub fn root(&self) -> &Path {
        &self.0.root
    }

    pub(crate) fn delta(&self, table: Table) -> &Delta {
        &self.0.tables[table as usize]
    }

    pub(crate) fn options(&self) -> &LakeOptions {
        &self.0.options
    }

    pub(crate) fn checked(&self) -> &Checked {
        &self.0.checked
    }

    pub(crate) fn runtime(&self) -> &RuntimeEnv {
        &self.0.runtime
    }
}

impl fmt::Debug for Lake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Lake({})", self.0.root.display())
    }
}

/// Removes what a killed process left half-written. Another process may be writing now, so only what is old goes.
fn remove_stale(staging: &Path, keep: Duration) {
    let now = UNIX_EPOCH + Duration::from_millis(u64::try_from(Timestamp::now().millis()).unwrap_or_default());
    let Ok(entries) = fs::read_dir(staging) else { return };
    for entry in entries.flatten() {
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        let is_old = modified.is_ok_and(|modified| now.duration_since(modified).is_ok_and(|age| age > keep));
        if is_old && let Err(error) = fs::remove_file(entry.path()) {
            tracing::warn!(path = %entry.path().display(), %error, "a half-written file could not be removed");
        }
    }
}
