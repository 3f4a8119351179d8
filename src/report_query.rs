//! What the weekly report is made of, read from history by SQL, and the report made of it.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use hark_dashboard::{QueryProblem, ReportQuestion};
use hark_model::{Metric, MetricKind, Slice, Statistic, Timestamp};
use hark_query::{Formula, Plan};
use hark_report::{CellSums, Inputs, Report, Sum, SumRow, Term, assemble};
use serde_json::Value;

const DAY_MINUTES: i64 = 24 * 60;
const WEEK_MINUTES: i64 = 7 * DAY_MINUTES;
/// Weeks of scores, this one among them.
const WEEKS: i64 = 13;
/// Days that the longest window may go back from the end of the week.
const DAYS: i64 = hark_report::WINDOW_DAYS_MAX;
/// Rows of one question: ninety days of a dozen slices with some two hundred buckets each are 216,000.
pub const ROWS_MAX: usize = 1_000_000;
/// Minutes are added up to hours a day later; what no hour holds yet is read from minutes.
const TABLES: [&str; 2] = ["cells_hour", "cells_minute"];

/// Rows of one SQL question, in the order of its columns.
pub type Rows = Vec<Vec<Value>>;

/// An answer that is on its way.
pub type Asked = Pin<Box<dyn Future<Output = Result<Rows, QueryProblem>> + Send>>;

/// Whoever answers SQL.
pub type Ask<'a> = &'a (dyn Fn(String) -> Asked + Sync);

/// A stretch of history, cut into equal parts.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    from: Timestamp,
    to: Timestamp,
    part_minutes: i64,
}

/// The report of a week; `ask` answers SQL.
pub async fn report(
    plan: &Arc<Plan>,
    watermark: Option<Timestamp>,
    false_alarms_per_week: f64,
    question: ReportQuestion,
    ask: Ask<'_>,
) -> Result<Report, QueryProblem> {
    let ReportQuestion { week, alerts } = question;
    let composite = composite(plan);
    let metrics = all_metrics(plan);
    let names = names_read(plan, &metrics, composite);
    let hours_end = hours_end(ask).await?;
    let end = week.end();
    let days = Stretch { from: end.plus_minutes(-DAYS * DAY_MINUTES), to: end, part_minutes: DAY_MINUTES };
    let weeks = Stretch { from: end.plus_minutes(-WEEKS * WEEK_MINUTES), to: end, part_minutes: WEEK_MINUTES };
    let year = week.last_year();
    let last_year = Stretch { from: year.start(), to: year.end(), part_minutes: WEEK_MINUTES };
    let dimensions = composite.map(|(metric, _)| watched_alone(metric)).unwrap_or_default();
    let gathered = |stretch| gather(ask, &names, &dimensions, hours_end, stretch);
    let (days, weeks, last_year) = (gathered(days).await?, gathered(weeks).await?, gathered(last_year).await?);
    let terms = |values: &[Option<f64>]| composite.and_then(|(_, formula)| terms_of(formula, values));
    let formula = composite.and_then(|(metric, formula)| {
        Some(hark_report::Formula { metric, parts: parts_of(plan, formula)?, terms: &terms })
    });
    Ok(assemble(&Inputs {
        week,
        watermark,
        metrics: &metrics,
        formula,
        days: &days,
        weeks: &weeks,
        last_year: &last_year,
        alerts: &alerts,
        false_alarms_per_week,
    }))
}

/// The composite that leadership is told: `ux_score`, else the first one.
fn composite(plan: &Plan) -> Option<(&Metric, &Formula)> {
    let named = plan.composites.iter().find(|(metric, _)| metric.name == "ux_score");
    named.or(plan.composites.first()).map(|(metric, formula)| (metric, formula))
}

fn all_metrics(plan: &Plan) -> Vec<Metric> {
    plan.metrics.iter().map(|metric| metric.metric.clone()).collect()
}

/// The metrics whose cells are read: those of the composite, and those with an objective.
fn names_read(plan: &Plan, metrics: &[Metric], composite: Option<(&Metric, &Formula)>) -> BTreeMap<String, bool> {
    let parts = composite.and_then(|(_, formula)| parts_of(plan, formula)).unwrap_or_default();
    let with_objective = metrics.iter().filter(|metric| metric.objective.is_some());
    let read = parts.into_iter().map(|(metric, _)| metric).chain(with_objective);
    read.map(|metric| (metric.name.clone(), matches!(metric.kind, MetricKind::Latency { .. }))).collect()
}

fn parts_of<'a>(plan: &'a Plan, formula: &Formula) -> Option<Vec<(&'a Metric, Statistic)>> {
    let part = |(name, statistic): (&str, Option<Statistic>)| {
        let metric = plan.metrics.iter().map(|metric| &metric.metric).find(|metric| metric.name == name)?;
        Some((metric, statistic.unwrap_or(metric.headline())))
    };
    formula.parts().into_iter().map(part).collect()
}

fn terms_of(formula: &Formula, values: &[Option<f64>]) -> Option<Vec<Term>> {
    let terms = formula.terms(&|position| values.get(position).copied().flatten())?;
    Some(terms.into_iter().map(|term| Term { text: term.text, parts: term.parts, points: term.value }).collect())
}

/// Dimensions that a metric watches by themselves.
fn watched_alone(metric: &Metric) -> Vec<String> {
    metric.watch.iter().filter_map(|set| if let [one] = set.as_slice() { Some(one.clone()) } else { None }).collect()
}

/// Where the hours that have been added up end; `None` before the first.
async fn hours_end(ask: Ask<'_>) -> Result<Option<Timestamp>, QueryProblem> {
    let sql = "select cast(extract(epoch from max(time)) as bigint) from cells_hour".to_owned();
    let rows = unless_empty(ask(sql).await)?;
    let seconds = rows.first().and_then(|row| row.first()?.as_i64());
    Ok(seconds.map(|seconds| Timestamp::from_millis(1000 * (seconds + 3600))))
}

/// A table that nothing has been written to yet has no columns, and no rows.
fn unless_empty(answer: Result<Rows, QueryProblem>) -> Result<Rows, QueryProblem> {
    match answer {
        Err(QueryProblem::Refused(problem)) if problem.contains("is empty so far") => Ok(Vec::new()),
        answer => answer,
    }
}

async fn gather(
    ask: Ask<'_>,
    names: &BTreeMap<String, bool>,
    dimensions: &[String],
    hours_end: Option<Timestamp>,
    stretch: Stretch,
) -> Result<CellSums, QueryProblem> {
    let mut sums = CellSums::default();
    if names.is_empty() {
        return Ok(sums);
    }
    let latencies: Vec<&str> = names.iter().filter(|(_, is)| **is).map(|(name, _)| name.as_str()).collect();
    let all: Vec<&str> = names.keys().map(String::as_str).collect();
    for table in TABLES {
        // Each instant is read from one table alone.
        let of_table = match (table, hours_end) {
            ("cells_hour", Some(end)) => Stretch { to: stretch.to.min(end), ..stretch },
            ("cells_hour", None) => continue,
            (_, end) => Stretch { from: stretch.from.max(end.unwrap_or(stretch.from)), ..stretch },
        };
        if of_table.from >= of_table.to {
            continue;
        }
        let rows = unless_empty(ask(counts_sql(table, &all, dimensions, stretch, of_table)).await)?;
        rows.iter().filter_map(|row| counts_row(row, stretch)).for_each(|row| sums.add(row));
        if latencies.is_empty() || rows.is_empty() {
            continue;
        }
        let rows = unless_empty(ask(buckets_sql(table, &latencies, dimensions, stretch, of_table)).await)?;
        rows.iter().filter_map(|row| buckets_row(row, stretch)).for_each(|row| sums.add(row));
    }
    Ok(sums)
}

fn range(names: &[&str], dimensions: &[String], of: Stretch) -> String {
    let names = names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
    let alone = dimensions.iter().map(|name| format!(" or starts_with(slice, '{}:')", name.replace('\'', "''")));
    format!(
        "day >= '{}' and day <= '{}' and time >= '{}' and time < '{}' and metric in ({names}) and (slice = 'total'{}) and \
         strpos(slice, ',') = 0",
        of.from.date(),
        of.to.date(),
        of.from,
        of.to,
        alone.collect::<String>()
    )
}

/// The number of the part that a row lies in.
fn part(stretch: Stretch) -> String {
    let (from, seconds) = (stretch.from.millis() / 1000, 60 * stretch.part_minutes);
    format!("cast(floor((extract(epoch from time) - {from}) / {seconds}) as bigint)")
}

fn counts_sql(table: &str, names: &[&str], dimensions: &[String], stretch: Stretch, of: Stretch) -> String {
    format!(
        "select metric, slice, {} as part, sum(count), sum(hits), sum(sum_thousandths), sum(zeros) from {table} where {} \
         group by 1, 2, 3 order by 1, 2, 3",
        part(stretch),
        range(names, dimensions, of)
    )
}

fn buckets_sql(table: &str, names: &[&str], dimensions: &[String], stretch: Stretch, of: Stretch) -> String {
    format!(
        "select metric, slice, part, bucket, sum(n) from (select metric, slice, {} as part, unnest(buckets) as bucket, \
         unnest(counts) as n from {table} where {}) where bucket is not null group by 1, 2, 3, 4 order by 1, 2, 3, 4",
        part(stretch),
        range(names, dimensions, of)
    )
}

fn place(row: &[Value], stretch: Stretch) -> Option<(String, Slice, Timestamp)> {
    let part = row.get(2)?.as_i64()?;
    let start = stretch.from.plus_minutes(part * stretch.part_minutes);
    Some((row.first()?.as_str()?.to_owned(), row.get(1)?.as_str()?.parse().ok()?, start))
}

fn counts_row(row: &[Value], stretch: Stretch) -> Option<SumRow> {
    let (metric, slice, start) = place(row, stretch)?;
    let whole = |at: usize| row.get(at).and_then(Value::as_u64).unwrap_or(0);
    let sum = Sum {
        count: whole(3),
        hits: whole(4),
        sum_thousandths: row.get(5).and_then(Value::as_i64).unwrap_or(0),
        zeros: whole(6),
        buckets: BTreeMap::new(),
    };
    Some(SumRow { metric, slice, start, sum })
}

fn buckets_row(row: &[Value], stretch: Stretch) -> Option<SumRow> {
    let (metric, slice, start) = place(row, stretch)?;
    let bucket = i16::try_from(row.get(3)?.as_i64()?).ok()?;
    let sum = Sum { buckets: BTreeMap::from([(bucket, row.get(4)?.as_u64()?)]), ..Sum::default() };
    Some(SumRow { metric, slice, start, sum })
}

#[cfg(test)]
mod tests {
    use hark_model::Definitions;
    use hark_report::Week;
    use serde_json::json;

    use super::*;

    /// A history of one week in hours, told from memory: it answers by what the question is about.
    fn answer(sql: &str) -> Rows {
        if sql.contains("max(time)") {
            return vec![vec![json!("2026-05-03T23:00:00Z".parse::<Timestamp>().unwrap().millis() / 1000)]];
        }
        if sql.contains("cells_minute") || !sql.contains("2026-05-04") {
            return Vec::new();
        }
        let last = if sql.contains("604800") { 12 } else { 89 };
        if sql.contains("unnest") {
            // Half below and half above 1,024 ms.
            return vec![
                vec![json!("response_time"), json!("total"), json!(last), json!(639), json!(100)],
                vec![json!("response_time"), json!("total"), json!(last), json!(640), json!(100)],
            ];
        }
        vec![
            vec![json!("failure_rate"), json!("total"), json!(last), json!(200), json!(16), json!(null), json!(null)],
            vec![json!("response_time"), json!("total"), json!(last), json!(200), json!(null), json!(1), json!(0)],
        ]
    }

    #[tokio::test]
    async fn the_score_is_that_of_the_formula_over_the_weeks_cells() {
        let plan = Arc::new(Plan::compile(&Definitions::built_in()).unwrap());
        let week: Week = "2026-W18".parse().unwrap();
        let question = ReportQuestion { week, alerts: Vec::new() };
        let ask = |sql: String| -> Asked { Box::pin(async move { Ok(answer(&sql)) }) };
        let report = report(&plan, Some(week.end()), 1.0, question, &ask).await.unwrap();
        let score = &report.scores[0];
        let parts: Vec<_> = score.parts.iter().map(|part| (part.metric.as_deref().unwrap_or(""), part.costs)).collect();
        // 8 % failed: half of 60 points. p95 lies nine tenths into the bucket above 1,024 ms: (1034 - 800) / 2200 of 40.
        assert_eq!(parts[0].0, "failure_rate");
        assert!((parts[0].1 - 30.0).abs() < 1e-9);
        let p95 = 1024.0 * 2_f64.powf(0.9 / 64.0);
        assert!((parts[1].1 - 40.0 * (p95 - 800.0) / 2200.0).abs() < 1e-6, "{parts:?}");
        assert!((score.score.unwrap() + parts[0].1 + parts[1].1 - 100.0).abs() < 1e-9);
        assert_eq!((score.last_week, score.days[6].score), (None, score.score));
    }

    #[tokio::test]
    async fn an_empty_history_is_no_error() {
        let plan = Arc::new(Plan::compile(&Definitions::built_in()).unwrap());
        let ask = |_: String| -> Asked {
            Box::pin(async { Err(QueryProblem::Refused("the query: `cells_hour` is empty so far".to_owned())) })
        };
        let question = ReportQuestion { week: "2026-W18".parse().unwrap(), alerts: Vec::new() };
        let report = report(&plan, None, 1.0, question, &ask).await.unwrap();
        assert_eq!(report.scores[0].score, None);
    }
}
