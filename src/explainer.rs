//! Gathers the leaves behind a finding and asks for slices, mix and suspects.

use hark_explain::{Located, Question, Split, locate, suspects};
use hark_ingest::{Fold, LeafRow};
use hark_model::{
    Change, ChangeId, DIMENSIONS_MAX, Explanation, Leaf, Leaves, MetricKind, Mix, STEP_MINUTES, Shift, Sketch, Slice,
    Step,
};
use hark_query::MetricPlan;
use rustc_hash::FxHashMap;

/// The same hours of so many days before are what "usual" means.
const DAYS_BEFORE_MAX: i64 = 7;
/// Half an hour on either side steadies a short window.
const MARGIN_STEPS: i64 = 6;
/// The window of a long regression is its newest part.
const WINDOW_STEPS_MAX: i64 = 72;
/// All windows before together are no longer than this: a day's worth.
const BEFORE_STEPS_MAX: i64 = 288;
const DAY_STEPS: i64 = 24 * 60 / STEP_MINUTES;

/// What the search said, in the terms of an alert, and what the filters want to know.
pub struct Answer {
    pub explanation: Explanation,
    pub split: Option<Split>,
}

/// Explains a shift of `metric`, seen in `slice`, at the end of step `now`.
pub fn explain(
    fold: &Fold,
    metric_at: usize,
    plan: &MetricPlan,
    slice: &Slice,
    shift: &Shift,
    now: Step,
    changes: &[(ChangeId, Change)],
) -> Answer {
    let Some(question) = question(plan, shift) else {
        let suspects = suspects(changes, shift.onset, shift.onset_interval, slice);
        return Answer { explanation: Explanation { suspects, ..Explanation::default() }, split: None };
    };
    let leaves = gather(fold, metric_at, plan, shift, now);
    let located = locate(&leaves, question, slice);
    let scope = located.causes.first().map_or(slice, |cause| &cause.slice);
    let suspects = suspects(changes, shift.onset, shift.onset_interval, scope);
    let mix = mix(&located, shift);
    Answer { explanation: Explanation { causes: located.causes, mix, suspects }, split: located.split }
}

fn question(plan: &MetricPlan, shift: &Shift) -> Option<Question> {
    match plan.metric.kind {
        MetricKind::Latency { .. } => Some(Question::BadShare { usual: 1.0 - shift.statistic.quantile()? }),
        MetricKind::Ratio { .. } => Some(Question::BadShare { usual: shift.before }),
        MetricKind::Count => Some(Question::Missing),
        // A gauge's leaves keep no values to compare.
        MetricKind::Gauge { .. } | MetricKind::Composite { .. } => None,
    }
}

/// The parts are found on the share of bad requests and scaled to the effect, so that they add up to its delta.
fn mix(located: &Located, shift: &Shift) -> Option<Mix> {
    let Split { within, mix_shift, .. } = located.split?;
    let moved = within + mix_shift;
    // Parts of a move of nothing would be infinite.
    if moved.abs() < 1e-9 {
        return None;
    }
    let within = shift.delta() * within / moved;
    Some(Mix { within, mix_shift: shift.delta() - within })
}

fn gather(fold: &Fold, metric_at: usize, plan: &MetricPlan, shift: &Shift, now: Step) -> Leaves {
    let store = fold.leaves(metric_at);
    let end = now.next();
    let from = shift.onset.step().max(Step(end.0 - WINDOW_STEPS_MAX)).min(now);
    let windows = windows_before(from, end, store.oldest().unwrap_or(end));
    let is_bad = bad_classes(plan, shift);
    let searched = searched(plan);
    let mut leaves: FxHashMap<[u16; DIMENSIONS_MAX], Counts> = FxHashMap::default();
    let mut add = |row: LeafRow<'_>, is_after: bool| {
        let mut codes = [0; DIMENSIONS_MAX];
        codes.iter_mut().zip(&searched).for_each(|(code, &at)| *code = row.codes[at]);
        let counts = leaves.entry(codes).or_default();
        let side = if is_after { &mut counts.after } else { &mut counts.before };
        side.all += u64::from(row.count);
        side.bad += if is_bad(row.class) { u64::from(row.count) } else { 0 };
    };
    store.rows(from, end).for_each(|row| add(row, true));
    for &(from, to) in &windows {
        store.rows(from, to).for_each(|row| add(row, false));
    }
    let before_steps: i64 = windows.iter().map(|(from, to)| to.0 - from.0).sum();
    let mut leaves: Vec<Leaf> =
        leaves.into_iter().map(|(codes, counts)| counts.leaf(&codes[..searched.len()])).collect();
    leaves.sort_unstable_by(|a, b| a.codes.cmp(&b.codes));
    if before_steps == 0 {
        leaves.clear();
    }
    Leaves {
        dimensions: searched.iter().map(|&at| plan.metric.dimensions[at].clone()).collect(),
        values: searched.iter().map(|&at| fold.dictionary(plan.dimensions[at]).values().to_vec()).collect(),
        leaves,
        before_to_after: before_steps as f64 / (end.0 - from.0) as f64,
    }
}

#[derive(Default)]
struct Counts {
    before: Side,
    after: Side,
}

#[derive(Default)]
struct Side {
    all: u64,
    bad: u64,
}

impl Counts {
    fn leaf(&self, codes: &[u16]) -> Leaf {
        Leaf {
            codes: codes.to_vec(),
            before: self.before.all as f64,
            bad_before: self.before.bad as f64,
            after: self.after.all as f64,
            bad_after: self.after.bad as f64,
        }
    }
}

/// Which of the metric's dimensions are searched: for missing traffic those it watches, since the traffic of versions
/// and builds comes and goes with every roll-out; for all else every one.
fn searched(plan: &MetricPlan) -> Vec<usize> {
    let metric = &plan.metric;
    let is_count = metric.kind == MetricKind::Count;
    let is_searched = |name: &String| !is_count || metric.watch.iter().any(|set| set.contains(name));
    (0..metric.dimensions.len()).filter(|&at| is_searched(&metric.dimensions[at])).collect()
}

/// The same hours of the days before, newest first, cut to what is kept and never reaching into the window itself.
pub(crate) fn windows_before(from: Step, end: Step, oldest: Step) -> Vec<(Step, Step)> {
    let mut left = BEFORE_STEPS_MAX;
    let mut windows = Vec::new();
    for day in 1..=DAYS_BEFORE_MAX {
        let start = Step(from.0 - MARGIN_STEPS - day * DAY_STEPS).max(oldest);
        let stop = Step(end.0 + MARGIN_STEPS - day * DAY_STEPS).min(from);
        let length = stop.0 - start.0;
        if length <= 0 || length > left {
            break;
        }
        left -= length;
        windows.push((start, stop));
    }
    windows
}

fn bad_classes(plan: &MetricPlan, shift: &Shift) -> Box<dyn Fn(i16) -> bool> {
    match plan.metric.kind {
        MetricKind::Latency { .. } => {
            let usual = Sketch::bucket_of(shift.before.max(f64::MIN_POSITIVE));
            Box::new(move |class| class > usual)
        }
        MetricKind::Ratio { .. } => Box::new(|class| class == 1),
        _ => Box::new(|_| false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_the_same_hours_of_earlier_days() {
        let from = Step(10 * DAY_STEPS);
        let windows = windows_before(from, Step(from.0 + 12), Step(8 * DAY_STEPS));
        let first = (Step(from.0 - DAY_STEPS - 6), Step(from.0 - DAY_STEPS + 18));
        assert_eq!(windows[0], first);
        assert_eq!(windows[1].0, Step(8 * DAY_STEPS));
        assert!(windows.iter().all(|(start, stop)| start < stop && *stop <= from));
        assert_eq!(windows_before(from, from.next(), from), []);
    }
}
