//! Gathers the leaves behind a finding and asks for slices, mix and suspects.

use hark_explain::{Located, Question, Split, locate, suspects};
use hark_ingest::{Fold, LeafRow};
use hark_model::{
    Change, ChangeId, DIMENSIONS_MAX, Explanation, Leaf, Leaves, MetricKind, Mix, Shift, Sketch, Slice, Step,
};
use hark_query::MetricPlan;
use rustc_hash::FxHashMap;

use crate::usual;

/// The window of a long regression is its newest part.
const WINDOW_STEPS_MAX: i64 = 72;

/// What the search said, in the terms of an alert, and what the filters want to know.
pub struct Answer {
    pub explanation: Explanation,
    pub split: Option<Split>,
}

/// What has to be explained.
pub struct Asked<'a> {
    pub slice: &'a Slice,
    pub shift: &'a Shift,
    /// Where only the requests of some slices are looked at: those slices.
    pub within: Option<&'a [Slice]>,
}

/// Explains what was `asked` of a metric at the end of step `now`. In `unusual` steps requests are known not to
/// have fared as usual.
pub fn explain(
    fold: &Fold,
    metric_at: usize,
    plan: &MetricPlan,
    asked: &Asked<'_>,
    now: Step,
    changes: &[(ChangeId, Change)],
    unusual: &[[Step; 2]],
) -> Answer {
    let Asked { slice, shift, .. } = *asked;
    let Some(question) = question(plan, shift) else {
        let suspects = suspects(changes, shift.onset, shift.onset_interval, slice);
        return Answer { explanation: Explanation { suspects, ..Explanation::default() }, split: None };
    };
    let leaves = gather(fold, metric_at, plan, asked, now, unusual);
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

fn gather(
    fold: &Fold,
    metric_at: usize,
    plan: &MetricPlan,
    asked: &Asked<'_>,
    now: Step,
    unusual: &[[Step; 2]],
) -> Leaves {
    let Asked { shift, within, .. } = *asked;
    let store = fold.leaves(metric_at);
    let end = now.next();
    let from = shift.onset.step().max(Step(end.0 - WINDOW_STEPS_MAX)).min(now);
    let windows = usual::windows(from, end, store.oldest().unwrap_or(end), unusual);
    let is_bad = bad_classes(plan, shift);
    let searched = searched(plan);
    let within = within.map(|slices| slices.iter().map(|slice| codes_of(fold, plan, slice)).collect::<Vec<_>>());
    let is_asked = |row: &LeafRow<'_>| {
        let is_in = |slice: &Vec<(usize, u16)>| slice.iter().all(|&(at, code)| row.codes[at] == code);
        within.as_ref().is_none_or(|slices| slices.iter().any(is_in))
    };
    let mut leaves: FxHashMap<[u16; DIMENSIONS_MAX], Counts> = FxHashMap::default();
    let mut add = |row: LeafRow<'_>, is_after: bool| {
        if !is_asked(&row) {
            return;
        }
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

/// A slice as positions among the metric's dimensions and the codes of its values there.
fn codes_of(fold: &Fold, plan: &MetricPlan, slice: &Slice) -> Vec<(usize, u16)> {
    let code = |(name, value): (&str, &str)| {
        let at = plan.metric.dimensions.iter().position(|dimension| dimension == name)?;
        let values = fold.dictionary(plan.dimensions[at]).values();
        // A value without a code is one that no row has.
        let code = values.iter().position(|known| known == value).map_or(u16::MAX, |code| code as u16);
        Some((at, code))
    };
    slice.iter().filter_map(code).collect()
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
