//! Forgetting whole days, and deleting the files that nothing refers to any more.

use futures_util::future::BoxFuture;
use std::collections::BTreeSet;

use chrono::{NaiveDate, TimeDelta};
use deltalake_core::DeltaTable;
use deltalake_core::kernel::Action;
use deltalake_core::operations::vacuum::VacuumMode;
use deltalake_core::protocol::DeltaOperation;

use crate::delta::{COMMIT_TRIES, Commit, Delta};
use crate::table::DAY;
use crate::{Lake, LakeError, Table};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expired {
    pub days: BTreeSet<String>,
    pub files: usize,
    /// Deleted from the disk just now: what expired or was compacted away long enough ago, and what crashes left.
    pub files_deleted: usize,
}

impl Lake {
    /// Forgets the days before `before`. Their files stay for as long as a query that began earlier may still read
    /// them ([`crate::LakeOptions::keep_unreferenced`]), and go with the first call after that.
    pub fn expire(&self, table: Table, before: NaiveDate) -> BoxFuture<'_, Result<Expired, LakeError>> {
        Box::pin(async move {
            let delta = self.delta(table);
            let mut expired = forget(delta, &before.to_string()).await?;
            if delta.refresh().await?.is_none() {
                return Ok(expired);
            }
            let keep = TimeDelta::from_std(self.options().keep_unreferenced).unwrap_or(TimeDelta::MAX);
            let vacuum = DeltaTable::new(delta.log.clone())
                .vacuum()
                .with_mode(VacuumMode::Full)
                .with_retention_period(keep)
                .with_enforce_retention_duration(false);
            let _deleting = delta.deleting().await;
            let (_, metrics) = vacuum.await.map_err(|error| delta.log_error(error))?;
            expired.files_deleted = metrics.files_deleted.len();
            Ok(expired)
        })
    }
}

async fn forget(delta: &Delta, before: &str) -> Result<Expired, LakeError> {
    let _writing = delta.writing().await;
    for _ in 0..COMMIT_TRIES {
        let Some(base) = delta.refresh().await? else { break };
        let mut expired = Expired::default();
        let mut removed = Vec::new();
        for file in delta.files(&base)? {
            // Days are written year first, so that text compares as dates do.
            let day = file.partition_values_map().remove(DAY).flatten();
            if let Some(day) = day.filter(|day| day.as_str() < before) {
                expired.days.insert(day);
                removed.push(Action::Remove(file.remove_action(true)));
            }
        }
        expired.files = removed.len();
        if removed.is_empty() {
            return Ok(expired);
        }
        let operation = DeltaOperation::Delete { predicate: Some(format!("{DAY} < '{before}'")) };
        if delta.commit(Some(&base), removed, operation, None).await? == Commit::Landed {
            return Ok(expired);
        }
    }
    match delta.refresh().await? {
        None => Ok(Expired::default()),
        Some(_) => Err(LakeError::Contended { table: delta.table, tries: COMMIT_TRIES }),
    }
}
