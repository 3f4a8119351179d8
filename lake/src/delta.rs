//! One Delta table: its newest state, and commits that land on exactly the state they were made for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_schema::{ArrowError, Schema};
use deltalake_core::DeltaTableError;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties, TableReference, TransactionError};
use deltalake_core::kernel::{Action, LogicalFileView, Metadata, MetadataExt, Protocol, StructType, Transaction};
use deltalake_core::kernel::{new_metadata, transaction::CommitConflictError};
use deltalake_core::logstore::{LogStoreRef, StorageConfig, get_actions, logstore_with};
use deltalake_core::protocol::DeltaOperation;
use deltalake_core::table::state::DeltaTableState;
use object_store::{ObjectStoreExt, PutPayload, path::Path as Location};
use tokio::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
use url::Url;

use crate::data_file::DataFile;
use crate::error::cause;
use crate::fsync_store::FsyncStore;
use crate::table::DAY;
use crate::{Damage, LakeError, Table};

/// Under this name each commit says up to which offset of hark's log the table holds everything.
pub(crate) const APP_ID: &str = "hark-0";
/// Only another program can overtake a commit, and each try starts from what that program left.
pub(crate) const COMMIT_TRIES: usize = 20;
/// Delta keeps entries for 30 days otherwise. Every look at the table lists them all, and hark reads no old versions.
const LOG_KEPT: &str = "interval 1 day";

pub(crate) struct Delta {
    pub(crate) table: Table,
    pub(crate) folder: PathBuf,
    pub(crate) log: LogStoreRef,
    store: FsyncStore,
    newest: Mutex<Option<DeltaTableState>>,
    writer: Mutex<()>,
    /// Shared by those who have files on the disk that no commit names yet, and held alone to delete such files.
    unnamed: RwLock<()>,
}

/// Whether a commit landed, or someone else's came first and everything has to be looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Commit {
    Landed,
    Overtaken,
}

impl Delta {
    pub(crate) fn new(table: Table, root: &Path, store: &FsyncStore) -> Result<Self, LakeError> {
        let folder = root.join(table.name());
        let url = Url::from_directory_path(&folder).unwrap_or_else(|()| unreachable!("the root is absolute"));
        let log = logstore_with(Arc::new(store.clone()), &url, StorageConfig::default());
        let delta = |log| Self {
            table,
            folder,
            log,
            store: store.clone(),
            newest: Mutex::default(),
            writer: Mutex::default(),
            unnamed: RwLock::default(),
        };
        log.map(delta).map_err(|error| LakeError::Log {
            table,
            path: root.display().to_string(),
            problem: cause(&error),
            source: Box::new(error),
        })
    }

    /// One writer of this process at a time; others are found out when the commit is tried.
    pub(crate) async fn writing(&self) -> MutexGuard<'_, ()> {
        self.writer.lock().await
    }

    /// The newest state; `None` if the table was never written.
    pub(crate) async fn refresh(&self) -> Result<Option<DeltaTableState>, LakeError> {
        let mut newest = self.newest.lock().await;
        let before = newest.as_ref().map(DeltaTableState::version);
        let loaded = match newest.as_mut() {
            Some(state) => state.update(&self.log, None).await,
            None if self.log.is_delta_table_location().await.map_err(|error| self.log_error(error))? => {
                DeltaTableState::try_new(&self.log, None).await.map(|state| *newest = Some(state))
            }
            None => return Ok(None),
        };
        loaded.map_err(|error| self.log_error(error))?;
        if newest.as_ref().map(DeltaTableState::version) != before {
            // An entry that a power cut emptied would pass for a commit that changed nothing.
            self.newest_entry_problem().map_or(Ok(()), Err)?;
        }
        Ok(newest.clone())
    }

    /// The files that a state consists of.
    pub(crate) fn files(&self, state: &DeltaTableState) -> Result<Vec<LogicalFileView>, LakeError> {
        let files = state.snapshot().try_log_data().map_err(|error| self.log_error(error))?;
        Ok(files.iter().collect())
    }

    pub(crate) async fn committed(&self, state: &DeltaTableState) -> Result<Option<i64>, LakeError> {
        state.transaction_version(&self.log, APP_ID).await.map_err(|error| self.log_error(error))
    }

    /// To write files and name them in a commit. It is taken before [`Delta::writing`] by all who take both.
    pub(crate) async fn naming(&self) -> RwLockReadGuard<'_, ()> {
        self.unnamed.read().await
    }

    /// To delete files that no commit names. Those of another process are young, and are kept for that.
    pub(crate) async fn deleting(&self) -> RwLockWriteGuard<'_, ()> {
        self.unnamed.write().await
    }

    /// Writes the files, on disk before this returns. They are invisible until a commit names them.
    pub(crate) async fn put(&self, files: &[DataFile]) -> Result<(), LakeError> {
        let store = self.log.object_store(None);
        for file in files {
            let location = Location::from(file.add.path.as_str());
            let put = store.put(&location, PutPayload::from_bytes(file.bytes.clone()));
            put.await.map_err(|error| match self.store.failure() {
                Some(failure) => LakeError::Sync { path: failure.path.clone(), problem: failure.problem.clone() },
                None => LakeError::Write {
                    path: self.folder.join(&file.add.path).display().to_string(),
                    problem: cause(&error),
                },
            })?;
        }
        Ok(())
    }

    /// Commits on top of `base`, and on nothing else.
    ///
    /// deltalake 1.1 would rather sort conflicts out itself. But it lets two compactions of the same files both land,
    /// after which every row is there twice, so a commit that was overtaken starts again from the new state.
    pub(crate) async fn commit(
        &self,
        base: Option<&DeltaTableState>,
        actions: Vec<Action>,
        operation: DeltaOperation,
        offset: Option<i64>,
    ) -> Result<Commit, LakeError> {
        // Clearing old entries reads the whole log, so it is left to the commits that are few.
        let clears_log = Some(offset.is_none());
        let mut properties = CommitProperties::default().with_max_retries(0).with_cleanup_expired_logs(clears_log);
        if let Some(offset) = offset {
            properties = properties.with_application_transaction(Transaction::new(APP_ID, offset));
        }
        let base = base.map(|state| state as &dyn TableReference);
        let commit = CommitBuilder::from(properties).with_actions(actions);
        match commit.build(base, Arc::clone(&self.log), operation).await {
            Ok(done) => {
                *self.newest.lock().await = Some(done.snapshot());
                Ok(Commit::Landed)
            }
            Err(error) if is_overtaken(&error) => Ok(Commit::Overtaken),
            Err(error) => Err(self.sync_error().unwrap_or_else(|| LakeError::Commit {
                table: self.table,
                problem: cause(&error),
                source: Box::new(error),
            })),
        }
    }

    /// What makes the table, or what adds columns to it.
    pub(crate) fn schema_actions(&self, base: Option<&Metadata>, schema: &Schema) -> Result<Vec<Action>, LakeError> {
        let wrong = |error: &dyn std::error::Error| LakeError::rows(self.table, &cause(error));
        let columns: Result<StructType, ArrowError> = schema.try_into_kernel();
        let columns = columns.map_err(|error| wrong(&error))?;
        if let Some(metadata) = base {
            let metadata = metadata.clone().with_schema(&columns).map_err(|error| wrong(&error))?;
            return Ok(vec![metadata.into()]);
        }
        // The oldest protocol has all that is used here, and every reader knows it.
        let protocol: Protocol =
            serde_json::from_value(serde_json::json!({"minReaderVersion": 1, "minWriterVersion": 2}))
                .map_err(|error| wrong(&error))?;
        let metadata =
            new_metadata(&columns, [DAY], [("delta.logRetentionDuration", LOG_KEPT)]).map_err(|error| wrong(&error))?;
        Ok(vec![Action::Protocol(protocol), metadata.into()])
    }

    pub(crate) fn damage(&self, path: &Path, problem: String) -> Damage {
        let path = path.strip_prefix(&self.folder).unwrap_or(path).display().to_string();
        Damage { table: self.table, path, problem }
    }

    pub(crate) fn log_error(&self, error: DeltaTableError) -> LakeError {
        if let Some(error) = self.sync_error() {
            return error;
        }
        self.newest_entry_problem().unwrap_or_else(|| LakeError::Log {
            table: self.table,
            path: self.folder.display().to_string(),
            problem: cause(&error),
            source: Box::new(error),
        })
    }

    pub(crate) fn sync_error(&self) -> Option<LakeError> {
        let failure = self.store.failure()?;
        Some(LakeError::Sync { path: failure.path.clone(), problem: failure.problem.clone() })
    }

    /// What is wrong with the newest entry of the log, the one that a crash could have torn.
    fn newest_entry_problem(&self) -> Option<LakeError> {
        let entries = std::fs::read_dir(self.folder.join("_delta_log")).ok()?;
        let is_entry = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "json");
        let newest = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_entry).max()?;
        let problem = match std::fs::read(&newest).map(|bytes| get_actions(0, &bytes.into())) {
            Err(error) => error.to_string(),
            Ok(Err(DeltaTableError::InvalidJsonLog { json_err, .. })) => json_err.to_string(),
            Ok(Err(error)) => cause(&error),
            Ok(Ok(actions)) if actions.is_empty() => "it is empty".to_owned(),
            Ok(Ok(_)) => return None,
        };
        Some(LakeError::DamagedLog { table: self.table, path: newest.display().to_string(), problem })
    }
}

fn is_overtaken(error: &DeltaTableError) -> bool {
    match error {
        DeltaTableError::VersionAlreadyExists(_) => true,
        DeltaTableError::Transaction { source } => matches!(
            source,
            TransactionError::MaxCommitAttempts(_)
                | TransactionError::VersionAlreadyExists(_)
                | TransactionError::CommitConflict(CommitConflictError::ConcurrentTransaction)
        ),
        _ => false,
    }
}
