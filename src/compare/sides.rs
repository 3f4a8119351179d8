//! A question checked against what is kept: which rows of the leaves belong to which side, and which of them are bad.

use hark_dashboard::{CompareQuestion, ComparedSide, ComparedSides, SideQuestion};
use hark_ingest::{Fold, LeafRow};
use hark_model::{MetricKind, STEP_MINUTES, Sketch, Statistic, Step};
use hark_query::MetricPlan;

use super::distribution::{Sizes, quantile};
use crate::pipeline::Pipeline;

const DAY_STEPS: i64 = 24 * 60 / STEP_MINUTES;
/// The same hours of so many days before are what "usual" means.
const DAYS_BEFORE_MAX: i64 = 7;
/// Half an hour on either side steadies a short span.
const MARGIN_STEPS: i64 = 6;
/// Spans before are added while all of them together are no longer than this, a day's worth; one is read in any case.
const BEFORE_STEPS_MAX: i64 = DAY_STEPS;
/// A longer span would be read row by row for longer than a page waits.
const SPAN_STEPS_MAX: i64 = 8 * DAY_STEPS;

/// The two sides, ready to be read.
pub(super) struct Sides<'a> {
    pub(super) fold: &'a Fold,
    pub(super) plan: &'a MetricPlan,
    metric_at: usize,
    pub(super) statistic: Statistic,
    pub(super) before: Side,
    pub(super) during: Side,
    /// Why there is nothing to compare.
    pub(super) reason: Option<String>,
    pub(super) bad_above: Option<f64>,
}

pub(super) struct Side {
    asked: SideQuestion,
    spans: Vec<(Step, Step)>,
    /// Position among the metric's dimensions and the code wanted there.
    wanted: Vec<(usize, u16)>,
}

impl Side {
    fn steps(&self) -> i64 {
        self.spans.iter().map(|(from, to)| to.0 - from.0).sum()
    }
}

impl<'a> Sides<'a> {
    pub(super) fn new(pipeline: &'a Pipeline, question: &CompareQuestion) -> Result<Self, String> {
        let (metric_at, plan) = find(pipeline, &question.metric)?;
        let (fold, _) = pipeline.state();
        let statistic = question.statistic.unwrap_or(plan.metric.headline());
        let store = fold.leaves(metric_at);
        let oldest = store.oldest();
        let during = side(fold, plan, &question.during, oldest)?;
        let before = match &question.before {
            Some(asked) => side(fold, plan, asked, oldest)?,
            None => Side {
                asked: SideQuestion { to: question.during.from, ..question.during.clone() },
                spans: spans_before(question, oldest),
                wanted: during.wanted.clone(),
            },
        };
        let mut sides =
            Self { fold, plan, metric_at, statistic, before, during, reason: None, bad_above: question.bad_above };
        sides.reason = sides.why_nothing();
        if sides.bad_above.is_none() && sides.reason.is_none() {
            sides.bad_above = sides.usual_size();
        }
        Ok(sides)
    }

    fn why_nothing(&self) -> Option<String> {
        if self.during.steps() == 0 {
            return Some("The finest counts are kept for eight days, and none are left of this time.".to_owned());
        }
        if self.before.steps() == 0 {
            return Some("There is nothing to compare with: nothing is kept of the time before.".to_owned());
        }
        None
    }

    /// The statistic of the side before, which is what its worst requests are beyond.
    fn usual_size(&self) -> Option<f64> {
        let q = self.statistic.quantile().filter(|_| matches!(self.plan.metric.kind, MetricKind::Latency { .. }))?;
        let mut sizes = Sizes::default();
        self.rows(&self.before, |_, row| sizes.add(row.class, f64::from(row.count)));
        quantile(&sizes, q)
    }

    /// Every row of a side, with its step.
    pub(super) fn rows(&self, side: &Side, mut each: impl FnMut(Step, LeafRow<'_>)) {
        let store = self.fold.leaves(self.metric_at);
        for &(from, to) in &side.spans {
            for step in (from.0..to.0).map(Step) {
                for row in store.rows(step, step.next()) {
                    if side.wanted.iter().all(|&(at, code)| row.codes[at] == code) {
                        each(step, row);
                    }
                }
            }
        }
    }

    /// Whether a row of this class counts as bad.
    pub(super) fn is_bad(&self) -> Box<dyn Fn(i16) -> bool> {
        match self.plan.metric.kind {
            MetricKind::Latency { .. } => {
                let usual = Sketch::bucket_of(self.bad_above.unwrap_or(f64::MAX).max(f64::MIN_POSITIVE));
                Box::new(move |class| class > usual)
            }
            MetricKind::Ratio { .. } => Box::new(|class| class == 1),
            // Of counts every request counts: what is missing or too many is told from how many came.
            _ => Box::new(|_| false),
        }
    }

    pub(super) fn is_count(&self) -> bool {
        self.plan.metric.kind == MetricKind::Count
    }

    pub(super) fn before_to_during(&self) -> f64 {
        self.before.steps() as f64 / self.during.steps().max(1) as f64
    }

    pub(super) fn value(&self, dimension: usize, code: u16) -> String {
        self.fold.dictionary(self.plan.dimensions[dimension]).value(code).to_owned()
    }

    /// What was compared, with the counts of both sides.
    pub(super) fn compared(&self, before: (u64, u64), during: (u64, u64)) -> ComparedSides {
        let metric = &self.plan.metric;
        let counted = |side: &Side, (requests, bad): (u64, u64)| ComparedSide {
            slice: side.asked.slice.clone(),
            from: side.spans.iter().map(|(from, _)| from.start()).min().unwrap_or(side.asked.from),
            to: side.spans.iter().map(|(_, to)| to.start()).max().unwrap_or(side.asked.to),
            spans: side.spans.len() as u32,
            requests,
            bad,
        };
        let bad = match metric.kind {
            MetricKind::Latency { .. } => Some("slow requests".to_owned()),
            MetricKind::Ratio { .. } => Some("bad requests".to_owned()),
            _ => None,
        };
        let nothing = (before.0 == 0 || during.0 == 0) && self.reason.is_none();
        let without_requests = || {
            let side = if during.0 == 0 { "in this time" } else { "in the time to compare with" };
            format!("No requests of this slice came {side}.")
        };
        ComparedSides {
            metric: metric.name.clone(),
            statistic: self.statistic,
            unit: metric.shown_unit(),
            bad,
            bad_above: self.bad_above,
            before: counted(&self.before, before),
            during: counted(&self.during, during),
            before_to_during: self.before_to_during(),
            reason: if nothing { Some(without_requests()) } else { self.reason.clone() },
        }
    }
}

fn find<'a>(pipeline: &'a Pipeline, name: &str) -> Result<(usize, &'a MetricPlan), String> {
    let metric = pipeline
        .metric(name)
        .ok_or_else(|| format!("there is no metric `{name}`; GET /api/v1/definitions lists them"))?;
    let mut metrics = pipeline.plan().metrics.iter().enumerate();
    match metric.kind {
        MetricKind::Gauge { .. } | MetricKind::Composite { .. } => {
            Err(format!("`{name}` keeps no counts by all dimensions; ask for a latency, a ratio or a count"))
        }
        _ => metrics
            .find(|(_, plan)| plan.metric.name == name)
            .ok_or_else(|| format!("`{name}` has no requests of its own")),
    }
}

fn side(fold: &Fold, plan: &MetricPlan, asked: &SideQuestion, oldest: Option<Step>) -> Result<Side, String> {
    if asked.to <= asked.from {
        return Err("`to` must come after `from`".to_owned());
    }
    let (from, to) = (asked.from.step(), Step(asked.to.step().0 + i64::from(asked.to.step().start() < asked.to)));
    if to.0 - from.0 > SPAN_STEPS_MAX {
        return Err("at most eight days are compared at once; ask for a shorter time".to_owned());
    }
    let mut wanted = Vec::new();
    for (name, value) in asked.slice.iter() {
        let Some(at) = plan.metric.dimensions.iter().position(|dimension| dimension == name) else {
            let known = plan.metric.dimensions.join(", ");
            return Err(format!("`{}` has no dimension `{name}`; it has {known}", plan.metric.name));
        };
        let values = fold.dictionary(plan.dimensions[at]).values();
        let code = values.iter().position(|known| known == value).unwrap_or(usize::from(u16::MAX));
        wanted.push((at, code as u16));
    }
    let from = from.max(oldest.unwrap_or(to));
    let spans = if from < to { vec![(from, to)] } else { Vec::new() };
    Ok(Side { asked: asked.clone(), spans, wanted })
}

/// The same hours of the days before, newest first, reaching neither into the span itself nor into one another: what lasts
/// longer than a day is set against as many days before it.
fn spans_before(question: &CompareQuestion, oldest: Option<Step>) -> Vec<(Step, Step)> {
    let (from, to) = (question.during.from.step(), question.during.to.step().next());
    let Some(oldest) = oldest else { return Vec::new() };
    let mut left = BEFORE_STEPS_MAX;
    let mut spans = Vec::new();
    let days = ((to.0 - from.0 + DAY_STEPS - 2) / DAY_STEPS).max(1);
    for day in (1..).map(|back| back * days).take_while(|day| *day == days || *day <= DAYS_BEFORE_MAX) {
        let start = Step(from.0 - MARGIN_STEPS - day * DAY_STEPS).max(oldest);
        let stop = Step(to.0 + MARGIN_STEPS - day * DAY_STEPS).min(from);
        let length = stop.0 - start.0;
        if length <= 0 || (length > left && !spans.is_empty()) {
            break;
        }
        left -= length.min(left);
        spans.push((start, stop));
    }
    spans
}
