//! What can be wrong with a metric's SQL.

use datafusion_common::DataFusionError;

use crate::FieldKind;

#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    #[error("metric `{metric}`: `{sql}` cannot be used: {problem}")]
    Sql { metric: String, sql: String, problem: String },
    #[error("field `{field}` is used as {first} in one place and as {second} in another; a field has one type")]
    TwoKinds { field: String, first: FieldKind, second: FieldKind },
    #[error("metric `{metric}` is made of `{part}`, which {problem}")]
    Part { metric: String, part: String, problem: String },
    #[error("a batch of events could not be evaluated")]
    Evaluate(#[source] DataFusionError),
}

/// The first line of DataFusion's message, without the names of its error classes around it.
pub(crate) fn sentence(error: &DataFusionError) -> String {
    let text = error.strip_backtrace();
    let line = text.lines().next().unwrap_or_default();
    let known = ["SQL error: ", "Error during planning: ", "Schema error: ", "This feature is not implemented: "];
    let line = known.iter().find_map(|prefix| line.strip_prefix(prefix)).unwrap_or(line);
    let inside = line.strip_prefix("ParserError(\"").and_then(|rest| rest.strip_suffix("\")"));
    inside.unwrap_or(line).to_owned()
}
