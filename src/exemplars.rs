//! Whole requests behind a metric: raw events are kept, so they are asked for rather than copied aside.

use hark_dashboard::{Exemplar, ExemplarQuestion, ExemplarsAnswer, QueryAnswer, QueryProblem};
use hark_model::{Metric, MetricKind};

/// Ranges of percentiles that a latency's requests are taken from.
const RANGES: [(&str, f64); 4] =
    [("p99 and above", 0.99), ("p95 to p99", 0.95), ("p50 to p95", 0.5), ("below p50", 0.0)];
/// A longer span is no moment of an alert, and reads much.
const DAYS_MAX: i64 = 14;

/// The question as SQL over `events`. The metric's own expressions are SQL over the same fields.
pub fn sql(metric: &Metric, question: &ExemplarQuestion) -> Result<String, QueryProblem> {
    let ExemplarQuestion { slice, from, to, per_part, .. } = question;
    if to <= from || to.minutes_since(*from) > DAYS_MAX * 24 * 60 {
        return Err(QueryProblem::Refused(format!("`to` must come after `from`, by {DAYS_MAX} days at most")));
    }
    let mut conditions = vec![
        format!("day >= '{}' and day <= '{}'", from.date(), to.date()),
        format!("time >= '{from}' and time < '{to}'"),
    ];
    conditions.extend(slice.iter().map(|(name, value)| format!("{} = {}", identifier(name), literal(value))));
    conditions.extend(metric.filter.iter().map(|filter| format!("({filter})")));
    let wanted = conditions.join(" and ");
    let part = match &metric.kind {
        MetricKind::Ratio { numerator } => format!("case when ({numerator}) then 'hit' else 'other' end"),
        MetricKind::Latency { value } => {
            let ranges = RANGES.map(|(name, from)| format!("when hark_rank >= {from} then '{name}'"));
            let ranked = format!(
                "select *, percent_rank() over (order by ({value})) as hark_rank from events where {wanted} and ({value}) is not null"
            );
            return Ok(chosen(
                &format!("select *, case {} end as hark_part from ({ranked})", ranges.join(" ")),
                *per_part,
            ));
        }
        MetricKind::Count | MetricKind::Gauge { .. } => "'any'".to_owned(),
        MetricKind::Composite { .. } => {
            let problem = format!("`{}` has no requests of its own; ask for those of a metric in it", metric.name);
            return Err(QueryProblem::Refused(problem));
        }
    };
    Ok(chosen(&format!("select *, {part} as hark_part from events where {wanted}"), *per_part))
}

/// Ids are hashes, so their order is as good as drawing lots, and the same lots each time.
fn chosen(parted: &str, per_part: u32) -> String {
    format!(
        "select * from (select *, row_number() over (partition by hark_part order by id, time) as hark_order from ({parted}))
         where hark_order <= {per_part} order by hark_part, hark_order"
    )
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// Rows as requests: absent fields are left out, and so is what only hark knows of.
pub fn answer(rows: QueryAnswer) -> ExemplarsAnswer {
    let part = rows.columns.iter().position(|column| column.name == "hark_part");
    let exemplar = |row: Vec<serde_json::Value>| {
        let part = part.and_then(|at| row[at].as_str()).unwrap_or_default().to_owned();
        let named = rows.columns.iter().map(|column| column.name.clone()).zip(row);
        let is_shown = |(name, value): &(String, serde_json::Value)| {
            !value.is_null() && !name.starts_with("hark_") && !matches!(name.as_str(), "day" | "id" | "received")
        };
        Exemplar { part, event: named.filter(is_shown).collect() }
    };
    ExemplarsAnswer { exemplars: rows.rows.into_iter().map(exemplar).collect() }
}
