//! Appending batches: one commit for all of them, and only once.

use futures_util::future::BoxFuture;
use std::sync::Arc;

use arrow_array::RecordBatch;
use deltalake_core::kernel::Action;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::table::state::DeltaTableState;

use crate::align::{Texts, align};
use crate::data_file::encode;
use crate::delta::{COMMIT_TRIES, Commit};
use crate::table::DAY;
use crate::{Lake, LakeError, Table};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    Written {
        rows: usize,
        files: usize,
    },
    /// The table held everything up to this offset before, so nothing was written.
    AlreadyThere {
        committed: i64,
    },
}

impl Lake {
    /// Appends batches as one commit that also says that the table now holds everything up to `offset`. When this
    /// returns they are on the disk. Each row needs its `time`; what becomes of the other columns is told in `align`.
    ///
    /// Nothing is written if the table holds `offset` or a later one already: Delta itself would accept the same
    /// rows again from a writer that has just looked.
    pub fn append(
        &self,
        table: Table,
        batches: Vec<RecordBatch>,
        offset: i64,
    ) -> BoxFuture<'_, Result<Appended, LakeError>> {
        Box::pin(async move {
            let delta = self.delta(table);
            let _naming = delta.naming().await;
            let _writing = delta.writing().await;
            let batches = Arc::new(batches);
            for _ in 0..COMMIT_TRIES {
                let base = delta.refresh().await?;
                if let Some(base) = &base
                    && let Some(committed) = delta.committed(base).await?
                    && committed >= offset
                {
                    return Ok(Appended::AlreadyThere { committed });
                }
                let known = base.as_ref().map(|base| base.snapshot().arrow_schema());
                let (schema, files) = {
                    let (known, batches) = (known.clone(), Arc::clone(&batches));
                    let work = move || -> Result<_, LakeError> {
                        let (schema, batches) = align(known.as_deref(), &batches, Texts::AsTheyCome)
                            .map_err(|error| LakeError::rows(table, &sentence(&error)))?;
                        let files = encode(&schema, &batches, &format!("part-{offset:020}"));
                        Ok((schema, files.map_err(|error| LakeError::rows(table, &error))?))
                    };
                    tokio::task::spawn_blocking(work).await??
                };
                delta.put(&files).await?;
                let mut actions = Vec::new();
                if known.as_ref().is_none_or(|known| known.fields() != schema.fields()) {
                    let metadata = base.as_ref().map(DeltaTableState::metadata);
                    actions = delta.schema_actions(metadata, &schema)?;
                }
                let count = files.len();
                actions.extend(files.into_iter().map(|file| Action::Add(file.add)));
                let operation = DeltaOperation::Write {
                    mode: SaveMode::Append,
                    partition_by: Some(vec![DAY.to_owned()]),
                    predicate: None,
                };
                if delta.commit(base.as_ref(), actions, operation, Some(offset)).await? == Commit::Landed {
                    let rows = batches.iter().map(RecordBatch::num_rows).sum();
                    return Ok(Appended::Written { rows, files: count });
                }
            }
            Err(LakeError::Contended { table, tries: COMMIT_TRIES })
        })
    }
}

fn sentence(error: &arrow_schema::ArrowError) -> String {
    match error {
        arrow_schema::ArrowError::SchemaError(problem) => problem.clone(),
        error => error.to_string(),
    }
}
