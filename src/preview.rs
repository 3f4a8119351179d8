//! What definitions would have alerted: stored raw events through the very pipeline that `serve` and `replay` run.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use hark_dashboard::{PreviewAnswer, PreviewedMetric, QueryProblem, SeriesQuestion};
use hark_ingest::{Record, read_log};
use hark_model::{Alert, AlertId, Change, Definitions, Slice, Timestamp};
use hark_query::Plan;

use crate::detection::Budget;
use crate::in_time::InTime;
use crate::pipeline::Pipeline;
use crate::series_query;

/// Raw events are kept in the log so long.
pub const DAYS_MAX: u32 = 14;
/// So many events at most, the oldest first: some ten seconds of one processor.
const EVENTS_MAX: u64 = 5_000_000;
/// Then it ends with what it has.
const WITHIN_MS: i64 = 40_000;
/// A chart of this many points at most.
const POINTS_MAX: i64 = 600;
const STEP_SECONDS: i64 = 300;
const MINUTES_PER_WEEK: f64 = 10_080.0;
/// Series are judged from their third day on; a rate of a shorter time says nothing.
const TOLD_FROM_MINUTES: i64 = 3 * 24 * 60;

pub struct Question {
    /// All definitions in force, the drafts among them.
    pub definitions: Definitions,
    pub drafts: Vec<String>,
    pub budget: Budget,
    /// Series that share the budgets, by the owner of their metric.
    pub other_series: Vec<(Option<String>, usize)>,
    /// Events before that are left out.
    pub from: Timestamp,
    pub changes: Vec<Change>,
}

pub fn run(log: &Path, question: Question) -> Result<PreviewAnswer, QueryProblem> {
    let Question { definitions, drafts, budget, other_series, from, changes } = question;
    let refused = |problem: &dyn std::fmt::Display| QueryProblem::Refused(problem.to_string());
    let all = Plan::compile(&definitions).map_err(|problem| refused(&problem))?;
    let plan = Plan::compile(&definitions.only(&with_parts(&all, &drafts))).map_err(|problem| refused(&problem))?;
    let mut pipeline = Pipeline::new(Arc::new(plan), budget);
    pipeline.set_other_series(other_series);
    let mut changes = InTime::new(changes);
    let mut alerts: BTreeMap<AlertId, Alert> = BTreeMap::new();
    let (mut events, mut first, mut last, mut is_cut) = (0, None::<Timestamp>, None::<Timestamp>, false);
    let began = Timestamp::now();
    read_log(log, |bytes| {
        let Ok(Record::Events(record)) = Record::decode(bytes) else { return true };
        let Some((oldest, newest)) = bounds(&record.events.times).filter(|(_, newest)| *newest >= from) else {
            return true;
        };
        changes.until(newest).into_iter().for_each(|change| pipeline.add_change(change));
        events += pipeline.take(&record.batch()).accepted;
        alerts.extend(pipeline.take_changed().into_iter().map(|alert| (alert.id.clone(), alert)));
        first = Some(first.map_or(oldest, |first| first.min(oldest)));
        last = last.max(Some(newest));
        is_cut = events >= EVENTS_MAX || Timestamp::now().millis() - began.millis() > WITHIN_MS;
        !is_cut
    })
    .map_err(|problem| QueryProblem::Failed(problem.to_string()))?;
    pipeline.finish();
    alerts.extend(pipeline.take_changed().into_iter().map(|alert| (alert.id.clone(), alert)));
    let covered_minutes = first.zip(last).map_or(0, |(first, last)| last.minutes_since(first));
    let of_draft = |name: &String| previewed(&pipeline, name, &alerts, first, covered_minutes);
    Ok(PreviewAnswer {
        from: first,
        to: last,
        events,
        is_cut,
        sentence: sentence(events, covered_minutes, is_cut),
        metrics: drafts.iter().map(of_draft).collect(),
        unseen_fields: pipeline.unseen_fields().into_iter().map(str::to_owned).collect(),
    })
}

/// The drafts, and the metrics that composites among them are made of.
fn with_parts(plan: &Plan, drafts: &[String]) -> Vec<String> {
    let composites = plan.composites.iter().filter(|(metric, _)| drafts.contains(&metric.name));
    let parts = composites.flat_map(|(_, formula)| formula.parts().into_iter().map(|(name, _)| name.to_owned()));
    drafts.iter().cloned().chain(parts).collect()
}

fn bounds(times: &[Timestamp]) -> Option<(Timestamp, Timestamp)> {
    Some((*times.iter().min()?, *times.iter().max()?))
}

fn previewed(
    pipeline: &Pipeline,
    name: &str,
    alerts: &BTreeMap<AlertId, Alert>,
    first: Option<Timestamp>,
    covered_minutes: i64,
) -> PreviewedMetric {
    let own = |alert: &&Alert| alert.metric == name && alert.folded_into.is_none();
    let mut fired: Vec<Alert> = alerts.values().filter(own).cloned().collect();
    fired.sort_by(|a, b| a.opened_at.cmp(&b.opened_at).then_with(|| a.id.cmp(&b.id)));
    let sensitivities = pipeline.self_test().sensitivities;
    let widest = sensitivities.into_iter().find(|one| one.metric == name);
    let steps = (covered_minutes * 60 / STEP_SECONDS / POINTS_MAX + 1) * STEP_SECONDS;
    let question = SeriesQuestion {
        metric: name.to_owned(),
        statistic: None,
        slice: Slice::total(),
        from: first,
        to: None,
        step_seconds: u32::try_from(steps).ok(),
    };
    let is_told = covered_minutes >= TOLD_FROM_MINUTES;
    PreviewedMetric {
        name: name.to_owned(),
        per_week: is_told.then(|| fired.len() as f64 * MINUTES_PER_WEEK / covered_minutes as f64),
        alerts: fired,
        series: pipeline.series_of(name) as u64,
        smallest: widest,
        chart: series_query::answer(pipeline, &question).ok(),
    }
}

fn sentence(events: u64, covered_minutes: i64, is_cut: bool) -> String {
    if events == 0 {
        return "no raw events are stored yet, so nothing can be said; send some first".to_owned();
    }
    let days = covered_minutes as f64 / 1440.0;
    let cut = if is_cut { ", as far as it came in the time there is" } else { "" };
    let early = if covered_minutes < TOLD_FROM_MINUTES {
        "; series are judged from their third day on, so few could fire"
    } else {
        ""
    };
    format!("{events} stored events of {days:.1} days{cut}{early}")
}
