//! One case explained, also with leaves missing, a step later and under other names.

use hark_explain::Answer;
use hark_ingest::Fold;
use hark_model::{
    Change, ChangeId, Direction, Explanation, Leaves, MetricKind, MixShare, STEP_MINUTES, Shift, Sketch, Slice,
    Statistic, Step, WhyVerdict,
};
use hark_query::{MetricPlan, Plan};

use crate::bench::dice::Dice;
use crate::bench::explain::cases::{Case, QUIET_EVERY_MINUTES, Truth};
use crate::bench::explain::pure;
use crate::bench::stopwatch;
use crate::explainer::{self, Asked, Prepared};

/// One leaf in so many is left out to see whether the answer stays.
const LEFT_OUT_ONE_IN: u64 = 10;

/// What was said of one case.
pub(super) struct Judged {
    pub(super) case: Case,
    /// The series that was asked about: a rule that is dumb on purpose, and always answers.
    pub(super) scope: Slice,
    /// Named, where the explanation speaks; at most three.
    pub(super) named: Vec<Slice>,
    /// The value with the largest difference: another such rule.
    pub(super) largest: Option<Slice>,
    pub(super) explanation: Explanation,
    pub(super) milliseconds: f64,
    pub(super) leaves: usize,
    /// Overlap of what is named with leaves missing, a step later, and under other names.
    pub(super) overlaps: [f64; 3],
    /// Whether the series that was asked about had moved as far as the metric asks for.
    pub(super) has_moved: bool,
    /// What is told of the mix where the case is made pure: mix alone of a shift of the mix, rate alone of all else.
    pub(super) pure: Option<MixShare>,
}

/// `None` where the fold knows nothing to ask of.
pub(super) fn judge(case: &Case, fold: &Fold, plan: &Plan, changes: &[(ChangeId, Change)]) -> Option<Judged> {
    let metric_at = plan.metrics.iter().position(|metric| metric.metric.name == case.metric)?;
    let metric_plan = &plan.metrics[metric_at];
    let now = Step(case.now.step().0 - 1);
    let scope = scope(case, fold, metric_at);
    let known = &changes[..changes.partition_point(|(_, change)| change.time <= now.end())];
    let shift = shift(case, fold, metric_at, metric_plan, &scope, now, known)?;
    let asked = Asked::of(&scope, &shift);
    let watch = stopwatch();
    let prepared = explainer::prepare(fold, metric_at, metric_plan, &asked, now, known, &[])?;
    let Answer { explanation, .. } = prepared.explain(&asked, metric_plan, known);
    let milliseconds = watch.elapsed().as_secs_f64() * 1e3;
    let named = named(&explanation);
    let said = |prepared: &Prepared| prepared.explain(&asked, metric_plan, known).explanation;
    let fewer = prepared.with(without_some(&prepared.leaves, now));
    let renamed = prepared.with(renumbered(&prepared.leaves));
    let later = explainer::explain(fold, metric_at, metric_plan, &asked, now.next(), known, &[]).explanation;
    let overlaps = [said(&fewer), later, said(&renamed)].map(|other| overlap(&named, &self::named(&other)));
    let made_pure = if case.truth == Truth::Mix { pure::only_mix } else { pure::only_rate };
    let pure = match case.truth {
        Truth::Nothing => None,
        _ => said(&prepared.with(made_pure(&prepared.leaves))).why.and_then(|why| why.mix_share),
    };
    let leaves = prepared.leaves.leaves.len();
    let largest = largest_value(&prepared.leaves, metric_plan);
    let worse = if shift.direction == Direction::Up { shift.relative() } else { -shift.relative() };
    let has_moved = worse >= metric_plan.metric.alert.min_effect;
    let case = case.clone();
    Some(Judged { case, scope, named, largest, explanation, milliseconds, leaves, overlaps, has_moved, pure })
}

/// What an explanation names, where it speaks.
pub(super) fn named(explanation: &Explanation) -> Vec<Slice> {
    let speaks = explanation.why.as_ref().is_some_and(|why| why.verdict == WhyVerdict::Slices);
    let slices = explanation.causes.iter().map(|cause| cause.slice.clone()).filter(|slice| !slice.is_total());
    slices.filter(|_| speaks).take(3).collect()
}

/// The watched series that would have found it: the narrowest around the slice. Where nothing happens, all traffic and another
/// series in turn.
fn scope(case: &Case, fold: &Fold, metric_at: usize) -> Slice {
    if case.truth == Truth::Nothing {
        let number = (case.now.step().0 * STEP_MINUTES / QUIET_EVERY_MINUTES) as usize;
        let mut watched = fold.cells(metric_at).slices().map(|(_, watched)| watched);
        let all = watched.by_ref().count();
        let at = if number.is_multiple_of(2) { 0 } else { number * 37 % all.max(1) };
        return fold.cells(metric_at).slices().nth(at).map(|(_, watched)| watched.clone()).unwrap_or_default();
    }
    let Truth::Slice(slice) = &case.truth else { return Slice::total() };
    let around = fold.cells(metric_at).slices().map(|(_, watched)| watched).filter(|watched| watched.contains(slice));
    around.max_by(|a, b| a.len().cmp(&b.len()).then_with(|| b.cmp(a))).cloned().unwrap_or_default()
}

/// The move as it is in the leaves themselves: no detector is asked.
fn shift(
    case: &Case,
    fold: &Fold,
    metric_at: usize,
    plan: &MetricPlan,
    scope: &Slice,
    now: Step,
    known: &[(ChangeId, Change)],
) -> Option<Shift> {
    let direction = if plan.metric.kind == MetricKind::Count { Direction::Down } else { Direction::Up };
    let empty = Shift {
        kind: hark_model::FindingKind::Regression,
        statistic: case.statistic,
        direction,
        onset: case.onset.step().start(),
        onset_interval: [case.onset.step().start(), case.onset.step().start()],
        before: 1.0,
        after: 1.0,
        interval: [0.0, 0.0],
        requests: 0,
        e_value: 1e6,
        detectors: Vec::new(),
    };
    let asked = Asked { within: Some(std::slice::from_ref(scope)), ..Asked::of(scope, &empty) };
    let leaves = explainer::prepare(fold, metric_at, plan, &asked, now, known, &[])?.leaves;
    let [before, after] = [0, 1].map(|side| statistic(&leaves, case, side, now));
    let requests = leaves.leaves.iter().map(|leaf| leaf.after).sum::<f64>() as u64;
    Some(Shift { before: before?, after: after?, requests, ..empty })
}

fn statistic(leaves: &Leaves, case: &Case, side: usize, now: Step) -> Option<f64> {
    let sum = |of: &dyn Fn(&hark_model::Leaf) -> f64| leaves.leaves.iter().map(of).sum::<f64>();
    let [before, after] = [sum(&|leaf| leaf.before), sum(&|leaf| leaf.after)];
    let requests = [before, after][side];
    match case.statistic {
        Statistic::Count => {
            let minutes = ((now.next().0 - case.onset.step().0) * STEP_MINUTES) as f64;
            Some([before / leaves.before_to_after, after][side] / minutes)
        }
        Statistic::Rate => {
            let bad = [sum(&|leaf| leaf.bad_before), sum(&|leaf| leaf.bad_after)][side];
            (requests > 0.0).then(|| bad / requests)
        }
        other => {
            let mut bins: Vec<(i16, f64)> =
                leaves.values_in_bins.iter().map(|bin| (bin.class, [bin.before, bin.after][side])).collect();
            bins.sort_by_key(|(class, _)| *class);
            let mut below = 0.0;
            let rank = other.quantile()? * requests;
            let reaching = bins.iter().find(|(_, count)| {
                below += count;
                below >= rank
            });
            reaching.map(|(class, _)| Sketch::upper_bound(*class))
        }
    }
}

/// A tenth of the leaves left out by chance that follows from the case.
fn without_some(leaves: &Leaves, now: Step) -> Leaves {
    let is_kept =
        |leaf: usize| Dice::of(&[now.0.unsigned_abs(), leaf as u64]).uniform() * LEFT_OUT_ONE_IN as f64 >= 1.0;
    let mut place = vec![None; leaves.leaves.len()];
    let mut kept = Vec::new();
    for (at, leaf) in leaves.leaves.iter().enumerate().filter(|(at, _)| is_kept(*at)) {
        place[at] = Some(kept.len() as u32);
        kept.push(leaf.clone());
    }
    let bins = leaves
        .values_in_bins
        .iter()
        .filter_map(|bin| place[bin.leaf as usize].map(|leaf| hark_model::BinCount { leaf, ..*bin }));
    let values_in_bins = bins.collect();
    Leaves { leaves: kept, values_in_bins, ..leaves.clone() }
}

/// The same under other numbers for all values, and so in another order.
fn renumbered(leaves: &Leaves) -> Leaves {
    let turned = |codes: &[u16]| -> Vec<u16> {
        let turn = |(at, &code): (usize, &u16)| if code == 0 { 0 } else { leaves.values[at].len() as u16 - code };
        codes.iter().enumerate().map(turn).collect()
    };
    let mut order: Vec<(Vec<u16>, usize)> =
        leaves.leaves.iter().enumerate().map(|(at, leaf)| (turned(&leaf.codes), at)).collect();
    order.sort_unstable();
    let mut place = vec![0_u32; order.len()];
    order.iter().enumerate().for_each(|(at, (_, from))| place[*from] = at as u32);
    let mut values_in_bins: Vec<_> = leaves
        .values_in_bins
        .iter()
        .map(|bin| hark_model::BinCount { leaf: place[bin.leaf as usize], ..*bin })
        .collect();
    values_in_bins.sort_by_key(|bin| (bin.leaf, bin.class));
    let values = leaves.values.iter().map(|values| {
        let named = values.iter().skip(1).rev().cloned();
        std::iter::once(String::new()).chain(named).collect()
    });
    Leaves {
        leaves: order
            .iter()
            .map(|(codes, from)| hark_model::Leaf { codes: codes.clone(), ..leaves.leaves[*from].clone() })
            .collect(),
        values: values.collect(),
        values_in_bins,
        ..leaves.clone()
    }
}

/// Jaccard's; of nothing and nothing it is one.
fn overlap(one: &[Slice], other: &[Slice]) -> f64 {
    let both = one.iter().filter(|slice| other.contains(slice)).count();
    let all = one.len() + other.len() - both;
    if all == 0 { 1.0 } else { both as f64 / all as f64 }
}

/// The one value whose bad requests, or missing ones, differ most from as many days before.
fn largest_value(leaves: &Leaves, plan: &MetricPlan) -> Option<Slice> {
    let is_count = plan.metric.kind == MetricKind::Count;
    let longer = leaves.before_to_after.max(f64::MIN_POSITIVE);
    let mut best: Option<(f64, usize, usize)> = None;
    for at in 0..leaves.dimensions.len() {
        let mut differences = vec![0.0; leaves.values[at].len()];
        for leaf in &leaves.leaves {
            differences[usize::from(leaf.codes[at])] +=
                if is_count { leaf.before / longer - leaf.after } else { leaf.bad_after - leaf.bad_before / longer };
        }
        for (code, &difference) in differences.iter().enumerate().skip(1) {
            if best.is_none_or(|(most, ..)| difference > most) {
                best = Some((difference, at, code));
            }
        }
    }
    best.map(|(_, at, code)| Slice::total().with(leaves.dimensions[at].clone(), leaves.values[at][code].clone()))
}

impl Judged {
    /// What is wrong with it, for a person to look at.
    pub(super) fn note(&self) -> Option<String> {
        let is_right = match &self.case.truth {
            Truth::Slice(slice) => self.named.first() == Some(slice),
            Truth::Everywhere | Truth::Mix => self.named.is_empty() && self.is_called_what_it_is(),
            Truth::Nothing => self.named.is_empty(),
        };
        let why = self.explanation.why.as_ref();
        let told = why.map(|why| format!("{:?}: {}", why.verdict, why.reason)).unwrap_or_default();
        let causes: Vec<String> = self
            .explanation
            .causes
            .iter()
            .map(|cause| format!("{} {:.2} {:?}", cause.slice, cause.share, cause.chance))
            .collect();
        let mix = why.and_then(|why| why.mix_share).map(|mix| format!(" mix {:.2}", mix.share)).unwrap_or_default();
        let Case { name, metric, statistic, .. } = &self.case;
        let unmoved = if self.has_moved { "" } else { " (had not moved)" };
        (!is_right).then(|| format!("{metric} {statistic} {name}{unmoved}: {told}{mix} [{}]", causes.join("; ")))
    }

    /// Where there is no slice to name, whether it is said why; nothing is never called anything.
    pub(super) fn is_called_what_it_is(&self) -> bool {
        let right = match self.case.truth {
            Truth::Everywhere => WhyVerdict::Everywhere,
            Truth::Mix => WhyVerdict::MixOnly,
            Truth::Slice(_) | Truth::Nothing => return false,
        };
        self.explanation.why.as_ref().is_some_and(|why| why.verdict == right)
    }

    /// What is named and, up to three in all, what it could be as well.
    pub(super) fn likeliest(&self) -> Vec<Slice> {
        let leads = self.explanation.why.iter().flat_map(|why| &why.leads).map(|lead| lead.slice.clone());
        self.named.iter().cloned().chain(leads).take(3).collect()
    }
}
