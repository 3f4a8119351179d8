//! SQL over committed rows and those that are not yet committed.
//!
//! The tables are `events`, `cells_minute` and `cells_hour`. `where day >= '2026-11-20'` leaves other days' files
//! unopened, and so does `where time >= '2026-11-20T06:00:00Z'`: each file's first and last time stand in the log.

use futures_util::future::BoxFuture;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::RecordBatch;
use datafusion::common::{DataFusionError, TableReference};
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfig};
use datafusion::datasource::source::DataSourceExec;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::{SQLOptions, SessionContext};
use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast;
use futures_util::StreamExt;
use object_store::local::LocalFileSystem;

use crate::{Answer, Damage, Lake, LakeError, Table};

/// Longer than anyone writes; a parser needs memory for every word.
const SQL_BYTES_MAX: usize = 64 * 1024;
/// An answer is cut when it has grown to this: few rows can be large ones.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// A file may turn out damaged after another was left out; more rounds than this mean that the disk is failing.
const ROUNDS_MAX: usize = 8;

#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// More rows than this are cut off, and the answer says so.
    pub rows: usize,
    pub time: Duration,
    /// What joins, groups and sorts may hold.
    pub memory_bytes: usize,
    /// Answer without damaged files, and name them, instead of failing.
    pub skip_damaged: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { rows: 10_000, time: Duration::from_secs(30), memory_bytes: 512 << 20, skip_damaged: false }
    }
}

/// Rows that are in memory and that [`Lake::append`] will be given together.
#[derive(Debug, Clone)]
pub struct Hot {
    pub table: Table,
    /// The offset of the last of them. If the table holds it by the time the query looks, they are there already and
    /// are left out here: a commit between gathering them and asking counts nothing twice. Rows that are being
    /// appended and rows that came after them therefore go in two of these.
    pub offset: i64,
    pub batches: Vec<RecordBatch>,
}

impl Lake {
    /// Answers one SQL query. It can only read, and it is bounded in rows, time and memory.
    pub fn query<'a>(
        &'a self,
        sql: &'a str,
        hot: Vec<Hot>,
        limits: Limits,
    ) -> BoxFuture<'a, Result<Answer, LakeError>> {
        Box::pin(async move {
            let answer = tokio::time::timeout(limits.time, self.answer(sql, hot, limits)).await;
            answer.unwrap_or(Err(LakeError::TooSlow { limit: limits.time }))
        })
    }

    async fn answer(&self, sql: &str, hot: Vec<Hot>, limits: Limits) -> Result<Answer, LakeError> {
        let statement = read_only(sql)?;
        let mut sources = Vec::new();
        for table in tables_in(&statement)? {
            sources.push(self.source(table, &hot).await?);
        }
        drop(hot);
        let mut damaged = BTreeSet::new();
        if limits.skip_damaged {
            let mut known = self.checked().known_damaged();
            known.retain(|path| sources.iter().any(|source| self.has(source, path)));
            damaged.extend(self.checked().problems(known, false).await?.into_iter().map(|(path, _)| path));
        }
        for _ in 0..ROUNDS_MAX {
            let context = self.context(limits.memory_bytes);
            for source in &sources {
                self.register(&context, source, &damaged).await.map_err(|error| fault(&error, limits))?;
            }
            let plan = plan(&context, statement.clone(), limits).await?;
            let files = files_of(&plan);
            let problems = self.checked().problems(files, false).await?;
            let Some((path, problem)) = problems.first() else {
                let mut answer = run(&context, plan, limits).await?;
                let within = |path: &PathBuf| path.strip_prefix(self.root()).unwrap_or(path).display().to_string();
                answer.left_out = damaged.iter().map(within).collect();
                return Ok(answer);
            };
            if !limits.skip_damaged {
                let source = sources.iter().find(|source| self.has(source, path));
                let table = source.map_or(Table::Events, |source| source.table);
                let Damage { table, path, problem } = self.delta(table).damage(path, problem.clone());
                return Err(LakeError::DamagedFile { table, path, problem });
            }
            damaged.extend(problems.into_iter().map(|(path, _)| path));
        }
        Err(LakeError::Query { problem: "more and more files turn out damaged; check the disk".to_owned() })
    }
}

/// One statement that reads.
fn read_only(sql: &str) -> Result<Statement, LakeError> {
    if sql.len() > SQL_BYTES_MAX {
        return Err(LakeError::Query { problem: format!("it is longer than {SQL_BYTES_MAX} bytes") });
    }
    let mut statements = DFParser::parse_sql(sql).map_err(|error| LakeError::query(&error))?;
    let statement = statements.pop_front().filter(|_| statements.is_empty());
    let statement = statement.ok_or_else(|| LakeError::Query { problem: "it has to be one statement".to_owned() })?;
    let reads = match &statement {
        Statement::Explain(_) => true,
        Statement::Statement(statement) => matches!(
            statement.as_ref(),
            ast::Statement::Query(_) | ast::Statement::Explain { .. } | ast::Statement::ExplainTable { .. }
        ),
        _ => false,
    };
    if reads { Ok(statement) } else { Err(only_reading()) }
}

fn only_reading() -> LakeError {
    LakeError::Query { problem: "only reading is possible here: SELECT, WITH, EXPLAIN or DESCRIBE".to_owned() }
}

fn tables_in(statement: &Statement) -> Result<BTreeSet<Table>, LakeError> {
    let (references, _) = resolve_table_references(statement, false).map_err(|error| LakeError::query(&error))?;
    let known = |reference: TableReference| {
        let name = reference.to_string();
        Table::ALL.into_iter().find(|table| table.name() == name).ok_or_else(|| {
            let tables = Table::ALL.map(Table::name).join(", ");
            LakeError::Query { problem: format!("there is no table `{name}`; there are {tables}") }
        })
    };
    references.into_iter().map(known).collect()
}

async fn plan(
    context: &SessionContext,
    statement: Statement,
    limits: Limits,
) -> Result<Arc<dyn ExecutionPlan>, LakeError> {
    let fault = |error: DataFusionError| fault(&error, limits);
    let plan = context.state().statement_to_plan(statement).await.map_err(fault)?;
    let options = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    options.verify_plan(&plan).map_err(|_| only_reading())?;
    let is_about_queries =
        matches!(plan, LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) | LogicalPlan::DescribeTable(_));
    let rows = context.execute_logical_plan(plan).await.map_err(fault)?;
    // One more than may be given, to know whether there is more.
    let rows =
        if is_about_queries { rows } else { rows.limit(0, Some(limits.rows.saturating_add(1))).map_err(fault)? };
    rows.create_physical_plan().await.map_err(fault)
}

async fn run(context: &SessionContext, plan: Arc<dyn ExecutionPlan>, limits: Limits) -> Result<Answer, LakeError> {
    let columns = Answer::columns_of(&plan.schema());
    let mut stream = execute_stream(plan, context.task_ctx()).map_err(|error| fault(&error, limits))?;
    let mut answer = Answer { columns, batches: Vec::new(), truncated: false, left_out: Vec::new() };
    let (mut rows, mut bytes) = (0, 0);
    while let Some(batch) = stream.next().await {
        let batch = batch.map_err(|error| fault(&error, limits))?;
        answer.truncated = rows + batch.num_rows() > limits.rows || bytes > ANSWER_BYTES_MAX;
        let kept = if bytes > ANSWER_BYTES_MAX { 0 } else { batch.num_rows().min(limits.rows - rows) };
        (rows, bytes) = (rows + kept, bytes + bytes_of(&batch));
        answer.batches.push(batch.slice(0, kept));
        if answer.truncated {
            break;
        }
    }
    Ok(answer)
}

/// The batch's own share of what it may have in common with others.
fn bytes_of(batch: &RecordBatch) -> usize {
    batch.columns().iter().map(|column| column.to_data().get_slice_memory_size().unwrap_or_default()).sum()
}

/// The files that a plan reads.
fn files_of(plan: &Arc<dyn ExecutionPlan>) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = plan.children().into_iter().flat_map(files_of).collect();
    let source = plan.downcast_ref::<DataSourceExec>();
    if let Some(scan) = source.and_then(|source| source.data_source().downcast_ref::<FileScanConfig>()) {
        let names = LocalFileSystem::new();
        let locations = scan.file_groups.iter().flat_map(FileGroup::iter).map(|file| &file.object_meta.location);
        files.extend(locations.filter_map(|location| names.path_to_filesystem(location).ok()));
    }
    // A file that is read in several pieces is there once for each.
    files.sort_unstable();
    files.dedup();
    files
}

fn fault(error: &DataFusionError, limits: Limits) -> LakeError {
    match error.find_root() {
        DataFusionError::ResourcesExhausted(_) => LakeError::TooLarge { megabytes: limits.memory_bytes >> 20 },
        _ => LakeError::query(error),
    }
}
