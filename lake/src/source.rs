//! What a query reads: the committed rows of its tables, and those in memory.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{FieldRef, Schema};
use datafusion::catalog::MemTable;
use datafusion::common::{Column, DataFusionError, ScalarValue};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::logical_expr::{Expr, lit};
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use deltalake_core::delta_datafusion::DeltaScanNext;
use deltalake_core::table::state::DeltaTableState;

use crate::align::{Texts, align};
use crate::{Hot, Lake, LakeError, Table};

/// What a table consists of while a query runs.
pub(crate) struct Source {
    pub(crate) table: Table,
    cold: Option<DeltaTableState>,
    /// The files of the committed rows, within the table's folder.
    files: Vec<String>,
    hot: Vec<RecordBatch>,
}

impl Lake {
    /// The newest state of a table, and what of `hot` it does not hold yet.
    pub(crate) async fn source(&self, table: Table, hot: &[Hot]) -> Result<Source, LakeError> {
        let delta = self.delta(table);
        let cold = delta.refresh().await?;
        let is_asked = hot.iter().any(|segment| segment.table == table);
        let committed = match &cold {
            Some(state) if is_asked => delta.committed(state).await?,
            _ => None,
        };
        let of_table = hot.iter().filter(|segment| segment.table == table);
        let missing = of_table.filter(|segment| committed.is_none_or(|committed| committed < segment.offset));
        let hot: Vec<RecordBatch> = missing.flat_map(|segment| segment.batches.iter().cloned()).collect();
        if cold.is_none() && hot.is_empty() {
            return Err(LakeError::Query { problem: format!("`{table}` is empty so far, and has no columns yet") });
        }
        let files = cold.as_ref().map(|state| delta.files(state)).transpose()?.unwrap_or_default();
        let files = files.iter().map(|file| file.path().into_owned()).collect();
        Ok(Source { table, cold, files, hot })
    }

    /// A session of its own for each query: its own tables, and its own share of memory.
    pub(crate) fn context(&self, memory_bytes: usize) -> SessionContext {
        let mut config = SessionConfig::new().with_information_schema(false);
        let options = config.options_mut();
        // Fields keep the case that their events have, as in the definitions of metrics.
        options.sql_parser.enable_ident_normalization = false;
        options.sql_parser.map_string_types_to_utf8view = false;
        options.execution.parquet.schema_force_view_types = false;
        options.execution.parquet.pushdown_filters = true;
        options.execution.time_zone = Some("UTC".to_owned());
        let memory_pool = Arc::new(GreedyMemoryPool::new(memory_bytes));
        let runtime = RuntimeEnv { memory_pool, ..self.runtime().clone() };
        SessionContext::new_with_config_rt(config, Arc::new(runtime))
    }

    /// Makes the source known as a table: its committed rows, less those in damaged files, and those in memory.
    pub(crate) async fn register(
        &self,
        context: &SessionContext,
        source: &Source,
        damaged: &BTreeSet<PathBuf>,
    ) -> Result<(), DataFusionError> {
        let rows = match &source.cold {
            None => hot(context, None, &source.hot)?,
            Some(state) => {
                let cold = self.cold(context, source, state, damaged).await?;
                if source.hot.is_empty() {
                    cold
                } else {
                    let known = state.snapshot().arrow_schema();
                    let hot = hot(context, Some(&known), &source.hot)?;
                    grown(cold, &known, hot.schema().as_arrow())?.union(hot)?
                }
            }
        };
        context.register_table(source.table.name(), rows.into_view())?;
        Ok(())
    }

    async fn cold(
        &self,
        context: &SessionContext,
        source: &Source,
        state: &DeltaTableState,
        damaged: &BTreeSet<PathBuf>,
    ) -> Result<DataFrame, DataFusionError> {
        let delta = self.delta(source.table);
        let mut scan = DeltaScanNext::builder()
            .with_log_store(Arc::clone(&delta.log))
            .with_eager_snapshot(state.snapshot().clone())
            .with_session(Arc::new(context.state()));
        if damaged.iter().any(|path| path.starts_with(&delta.folder)) {
            let whole = source.files.iter().filter(|path| !damaged.contains(&delta.folder.join(path)));
            scan = scan.with_file_paths(whole.cloned());
        }
        context.read_table(Arc::new(scan.build().await?))
    }

    pub(crate) fn has(&self, source: &Source, path: &Path) -> bool {
        let within = path.strip_prefix(&self.delta(source.table).folder).ok().and_then(Path::to_str);
        within.is_some_and(|within| source.files.iter().any(|file| file == within))
    }
}

fn hot(
    context: &SessionContext,
    known: Option<&Schema>,
    batches: &[RecordBatch],
) -> Result<DataFrame, DataFusionError> {
    let (schema, batches) = align(known, batches, Texts::Plain)?;
    context.read_table(Arc::new(MemTable::try_new(schema, vec![batches])?))
}

/// The committed rows with the columns that only rows in memory have so far.
fn grown(cold: DataFrame, known: &Schema, schema: &Schema) -> Result<DataFrame, DataFusionError> {
    let column = |field: &FieldRef| -> Result<Expr, DataFusionError> {
        if known.field_with_name(field.name()).is_ok() {
            return Ok(Expr::Column(Column::new_unqualified(field.name())));
        }
        Ok(lit(ScalarValue::try_new_null(field.data_type())?).alias(field.name()))
    };
    let columns = schema.fields().iter().map(column).collect::<Result<Vec<_>, _>>()?;
    cold.select(columns)
}
