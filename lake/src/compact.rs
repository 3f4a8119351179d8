//! Small files of a day into few: the rows stay as they are.

use futures_util::future::BoxFuture;
use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions, new_null_array};
use arrow_cast::cast;
use arrow_schema::{ArrowError, Field, SchemaRef};
use chrono::NaiveDate;
use deltalake_core::kernel::{Action, LogicalFileView};
use deltalake_core::protocol::DeltaOperation;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;

use crate::data_file::{DataFile, FILE_BYTES_MAX, FileWriter, without_day};
use crate::delta::{COMMIT_TRIES, Commit, Delta};
use crate::table::DAY;
use crate::{Damage, Lake, LakeError, Table};

/// A file of this size is left alone: joining it with others would save little and cost much.
const SMALL_BYTES: i64 = FILE_BYTES_MAX as i64 / 2;
const ROWS_AT_ONCE: usize = 16 * 1024;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compacted {
    pub files_before: usize,
    pub files_after: usize,
    /// Damaged files stay as they are.
    pub left_out: Vec<Damage>,
}

/// Files of one day that fit into one.
struct Group {
    day: NaiveDate,
    paths: Vec<String>,
}

impl Lake {
    /// The most small files that a day of the table lies in, which compacting would make few of.
    pub fn small_files(&self, table: Table) -> BoxFuture<'_, Result<usize, LakeError>> {
        Box::pin(async move {
            let delta = self.delta(table);
            let Some(state) = delta.refresh().await? else { return Ok(0) };
            Ok(small_files(&delta.files(&state)?).values().map(Vec::len).max().unwrap_or(0))
        })
    }

    /// Joins the small files of each day. Appending goes on meanwhile; what another compaction or an expiry has taken
    /// away by the time the new file is there is left as it is. A crash loses work, not rows.
    pub fn compact(&self, table: Table) -> BoxFuture<'_, Result<Compacted, LakeError>> {
        Box::pin(async move {
            let delta = self.delta(table);
            let mut compacted = Compacted::default();
            let Some(state) = delta.refresh().await? else { return Ok(compacted) };
            let schema = without_day(&state.snapshot().arrow_schema());
            for (number, mut group) in groups(&delta.files(&state)?).into_iter().enumerate() {
                let on_disk = |path: &String| delta.folder.join(path);
                let problems = self.checked().problems(group.paths.iter().map(on_disk).collect(), false).await?;
                group.paths.retain(|path| !problems.iter().any(|(damaged, _)| *damaged == on_disk(path)));
                compacted.left_out.extend(problems.into_iter().map(|(path, problem)| delta.damage(&path, problem)));
                if group.paths.len() < 2 {
                    continue;
                }
                let stem = format!("compact-{:020}-{number}", state.version());
                let inputs = group.paths.iter().map(on_disk).collect::<Vec<_>>();
                let (schema, day) = (Arc::clone(&schema), group.day);
                let files = tokio::task::spawn_blocking(move || rewrite(&schema, day, &inputs, &stem)).await?;
                let files = files.map_err(|error| LakeError::rows(table, &error))?;
                let _naming = delta.naming().await;
                delta.put(&files).await?;
                if replace(delta, &group.paths, &files).await? {
                    compacted.files_before += group.paths.len();
                    compacted.files_after += files.len();
                }
            }
            Ok(compacted)
        })
    }
}

/// Path and size of each small file, by day.
fn small_files(files: &[LogicalFileView]) -> BTreeMap<NaiveDate, Vec<(String, i64)>> {
    let mut days: BTreeMap<NaiveDate, Vec<(String, i64)>> = BTreeMap::new();
    for file in files {
        let day = file.partition_values_map().remove(DAY).flatten().and_then(|day| day.parse().ok());
        // A deletion vector hides rows of a file, which copying it would bring back. hark writes none.
        if let Some(day) = day.filter(|_| file.size() < SMALL_BYTES && file.deletion_vector_descriptor().is_none()) {
            days.entry(day).or_default().push((file.path().into_owned(), file.size()));
        }
    }
    days
}

fn groups(files: &[LogicalFileView]) -> Vec<Group> {
    let mut groups = Vec::new();
    for (day, mut files) in small_files(files) {
        // Named after offsets: this is the order in which they were written.
        files.sort_unstable();
        let (mut paths, mut bytes) = (Vec::new(), 0);
        for (path, size) in files {
            if bytes + size > 2 * SMALL_BYTES {
                groups.push(Group { day, paths: std::mem::take(&mut paths) });
                bytes = 0;
            }
            paths.push(path);
            bytes += size;
        }
        groups.push(Group { day, paths });
    }
    groups.retain(|group| group.paths.len() > 1);
    groups
}

fn rewrite(schema: &SchemaRef, day: NaiveDate, inputs: &[PathBuf], stem: &str) -> Result<Vec<DataFile>, ParquetError> {
    let days = day.signed_duration_since(NaiveDate::default()).num_days();
    let day = i32::try_from(days).map_err(|error| ParquetError::General(error.to_string()))?;
    let mut writer = FileWriter::new(Arc::clone(schema), day, stem);
    let mut files = Vec::new();
    for input in inputs {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(input)?)?.with_batch_size(ROWS_AT_ONCE);
        for batch in reader.build()? {
            files.extend(writer.write(&widen(&batch?, schema)?)?);
        }
    }
    files.extend(writer.finish()?);
    for file in &mut files {
        file.add.data_change = false;
    }
    Ok(files)
}

/// The rows with all columns of the table: a file written before a column came lacks it.
fn widen(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let column = |field: &Arc<Field>| match batch.column_by_name(field.name()) {
        Some(array) => cast(array, field.data_type()),
        None => Ok(new_null_array(field.data_type(), batch.num_rows())),
    };
    let columns = schema.fields().iter().map(column).collect::<Result<_, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
}

/// Puts the new files in the place of the old, provided that all of the old are still there.
async fn replace(delta: &Delta, old: &[String], new: &[DataFile]) -> Result<bool, LakeError> {
    let old: HashSet<String> = old.iter().cloned().collect();
    let _writing = delta.writing().await;
    for _ in 0..COMMIT_TRIES {
        let Some(base) = delta.refresh().await? else { return Ok(false) };
        let removed: Vec<Action> = delta
            .files(&base)?
            .iter()
            .filter(|file| old.contains(file.path().as_ref()))
            .map(|file| Action::Remove(file.remove_action(false)))
            .collect();
        if removed.len() != old.len() {
            return Ok(false);
        }
        let added = new.iter().map(|file| Action::Add(file.add.clone()));
        let actions = removed.into_iter().chain(added).collect();
        let operation = DeltaOperation::Optimize { predicate: None, target_size: FILE_BYTES_MAX as i64 };
        if delta.commit(Some(&base), actions, operation, None).await? == Commit::Landed {
            return Ok(true);
        }
    }
    Err(LakeError::Contended { table: delta.table, tries: COMMIT_TRIES })
}
