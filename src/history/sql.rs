//! Questions in SQL: what is committed, what waits for a commit and what is still open, as one.

use std::time::Duration;

use hark_dashboard::{QueryAnswer, QueryColumn, QueryProblem, QueryQuestion};
use hark_lake::{Hot, LakeError, Limits, Table};
use tracing::error;

use super::{Chunk, Reader, rows};
use crate::pipeline::MinuteRow;

const ROWS_DEFAULT: usize = 10_000;
const ROWS_MAX: usize = 1_000_000;
const WITHIN: Duration = Duration::from_secs(30);
const MEMORY_BYTES: usize = 512 << 20;

/// What no table holds yet.
pub struct Unclosed {
    pub(super) chunks: Vec<Chunk>,
    pub(super) open: Vec<MinuteRow>,
}

impl Reader {
    pub async fn query(&self, question: QueryQuestion, unclosed: Unclosed) -> Result<QueryAnswer, QueryProblem> {
        let rows = question.limit.unwrap_or(ROWS_DEFAULT);
        if rows > ROWS_MAX {
            return Err(QueryProblem::Refused(format!("limit is {rows}; at most {ROWS_MAX} rows are given at once")));
        }
        let gather = tokio::task::spawn_blocking(move || gather(&unclosed));
        let hot = gather.await.map_err(|_| QueryProblem::Failed("what is in memory could not be read".to_owned()))?;
        let limits = Limits { rows, time: WITHIN, memory_bytes: MEMORY_BYTES, skip_damaged: true };
        let answer = self.0.lake.query(&question.sql, hot, limits).await.map_err(|problem| match problem {
            LakeError::Query { .. } | LakeError::TooSlow { .. } | LakeError::TooLarge { .. } => {
                QueryProblem::Refused(problem.to_string())
            }
            other => QueryProblem::Failed(other.to_string()),
        })?;
        let rows = answer.rows().map_err(|problem| QueryProblem::Failed(problem.to_string()))?;
        let columns = answer.columns.into_iter().map(|(name, kind)| QueryColumn { name, kind }).collect();
        Ok(QueryAnswer { columns, rows, truncated: answer.truncated, left_out: answer.left_out })
    }
}

fn gather(unclosed: &Unclosed) -> Vec<Hot> {
    let mut all: Vec<Hot> = unclosed.chunks.iter().flat_map(hot).collect();
    // Open minutes are in no commit, whatever its offset.
    all.extend(minutes(&unclosed.open).map(|batch| Hot {
        table: Table::MinuteCells,
        offset: i64::MAX,
        batches: vec![batch],
    }));
    all
}

/// A chunk as rows of its tables.
pub(super) fn hot(chunk: &Chunk) -> [Hot; 2] {
    let events = chunk.events.iter().filter_map(|record| match rows::of_events(record) {
        Ok(batch) => Some(batch),
        Err(problem) => {
            error!(%problem, "events could not be brought into columns; they are missing from history");
            None
        }
    });
    let cells = chunk.minutes.iter().filter_map(|rows| minutes(rows));
    [
        Hot { table: Table::Events, offset: chunk.offset, batches: events.collect() },
        Hot { table: Table::MinuteCells, offset: chunk.offset, batches: cells.collect() },
    ]
}

fn minutes(rows: &[MinuteRow]) -> Option<arrow_array::RecordBatch> {
    if rows.is_empty() {
        return None;
    }
    rows::of_minutes(rows)
        .inspect_err(
            |problem| error!(%problem, "cells could not be brought into columns; they are missing from history"),
        )
        .ok()
}
