//! One case explained, also with leaves missing, a step later and under other names; and the sums over all cases.

use hark_explain::Answer;
use hark_ingest::Fold;
use hark_model::{
    Change, ChangeId, Direction, Explanation, Leaves, MetricKind, Mix, MixShare, STEP_MINUTES, Shift, Sketch, Slice,
    Statistic, Step, WhyVerdict,
};
use hark_query::{MetricPlan, Plan};

use crate::bench::dice::Dice;
use crate::bench::explain::cases::{Case, Truth};
use crate::bench::explain::reliability::Reliability;
use crate::bench::figures::print_share;
use crate::bench::stopwatch;
use crate::explainer::{self, Asked, Prepared};

/// One leaf in so many is left out to see whether the answer stays.
const LEFT_OUT_ONE_IN: u64 = 10;

/// What was said of one case.
pub(super) struct Judged {
    pub(super) case: Case,
    /// Named, where the explanation speaks; at most three.
    named: Vec<Slice>,
    /// The value with the largest difference: a rule that is dumb on purpose, and always answers.
    largest: Option<Slice>,
    explanation: Explanation,
    milliseconds: f64,
    leaves: usize,
    /// Overlap of what is named with leaves missing, a step later, and under other names.
    overlaps: [f64; 3],
    /// Whether the series that was asked about had moved as far as the metric asks for.
    has_moved: bool,
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
    let leaves = prepared.leaves.leaves.len();
    let largest = largest_value(&prepared.leaves, metric_plan);
    let worse = if shift.direction == Direction::Up { shift.relative() } else { -shift.relative() };
    let has_moved = worse >= metric_plan.metric.alert.min_effect;
    Some(Judged { case: case.clone(), named, largest, explanation, milliseconds, leaves, overlaps, has_moved })
}

/// What an explanation names, where it speaks.
pub(super) fn named(explanation: &Explanation) -> Vec<Slice> {
    let speaks = explanation.why.as_ref().is_some_and(|why| why.verdict == WhyVerdict::Slices);
    let slices = explanation.causes.iter().map(|cause| cause.slice.clone()).filter(|slice| !slice.is_total());
    slices.filter(|_| speaks).take(3).collect()
}

/// The watched series that would have found it: the narrowest around the slice.
fn scope(case: &Case, fold: &Fold, metric_at: usize) -> Slice {
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
            _ => self.named.is_empty(),
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

    fn mix(&self) -> Option<Told> {
        let share = self.explanation.why.as_ref()?.mix_share?;
        let Mix { within, mix_shift } = self.explanation.mix?;
        let before = self.explanation.why.as_ref()?.compared.as_ref()?.before;
        let whole = before * (within + mix_shift).signum();
        let moved = [within / whole, mix_shift / whole];
        moved.iter().all(|part| part.is_finite()).then_some(Told { share, moved })
    }
}

/// What is told of mix and rate of a move.
#[derive(Clone, Copy)]
struct Told {
    share: MixShare,
    /// What lies within and what is mix, as parts of the statistic before; their sum is positive.
    moved: [f64; 2],
}

/// Sums over all cases.
#[derive(Default)]
pub(super) struct Score {
    /// By how many dimensions the true slice has: cases, first right, right among three.
    depths: [[u64; 3]; 4],
    kinds: [(&'static str, u64, u64); 3],
    spoke: u64,
    spoke_first_right: u64,
    spoke_right: u64,
    largest_right: u64,
    slices: u64,
    unmoved: u64,
    put_back: [u64; 2],
    abstained: [[u64; 2]; 3],
    false_slices: u64,
    largest_false: u64,
    mixes: Vec<Told>,
    rates: Vec<Told>,
    milliseconds: Vec<f64>,
    leaves: Vec<usize>,
    overlaps: [Vec<f64>; 3],
    /// The first suspect told of each incident.
    suspects: Reliability,
}

impl Score {
    pub(super) fn add(&mut self, judged: &Judged) {
        self.milliseconds.push(judged.milliseconds);
        self.leaves.push(judged.leaves);
        // Nobody would be told of it, and so nobody asks why.
        if matches!(judged.case.truth, Truth::Slice(_) | Truth::Everywhere) && !judged.has_moved {
            self.unmoved += 1;
            return;
        }
        if let (Truth::Slice(_) | Truth::Everywhere, Some(first)) =
            (&judged.case.truth, judged.explanation.suspects.first())
        {
            self.suspects.add(first.score, judged.case.cause.as_ref() == Some(&first.title));
        }
        match &judged.case.truth {
            Truth::Slice(slice) => {
                self.add_slice(judged, slice);
                for (all, own) in self.overlaps.iter_mut().zip(judged.overlaps) {
                    all.push(own);
                }
                self.rates.extend(judged.mix());
            }
            other => {
                let at = [Truth::Everywhere, Truth::Mix, Truth::Nothing].iter().position(|one| one == other);
                let [silent, all] = &mut self.abstained[at.unwrap_or(2)];
                *silent += u64::from(judged.named.is_empty());
                *all += 1;
                if *other == Truth::Everywhere {
                    self.rates.extend(judged.mix());
                } else {
                    self.false_slices += judged.named.len() as u64;
                    self.largest_false += u64::from(judged.largest.is_some());
                }
                if *other == Truth::Mix {
                    self.mixes.extend(judged.mix());
                }
            }
        }
    }

    fn add_slice(&mut self, judged: &Judged, slice: &Slice) {
        let first = judged.named.first() == Some(slice);
        let right = judged.named.contains(slice);
        let depth = &mut self.depths[slice.len().min(3)];
        let kind = match judged.case.metric {
            "requests" => 0,
            "failure_rate" => 1,
            _ => 2,
        };
        *depth = [depth[0] + 1, depth[1] + u64::from(first), depth[2] + u64::from(right)];
        let names = ["counts", "ratios", "quantiles"];
        let (_, all, firsts) = self.kinds[kind];
        self.kinds[kind] = (names[kind], all + 1, firsts + u64::from(first));
        self.slices += 1;
        self.largest_right += u64::from(judged.largest.as_ref() == Some(slice));
        if !judged.named.is_empty() {
            self.spoke += 1;
            self.spoke_first_right += u64::from(first);
            self.spoke_right += u64::from(right);
            let deletion = judged.explanation.why.as_ref().and_then(|why| why.deletion);
            let is_below = deletion.is_some_and(|check| !check.would_fire);
            self.put_back = [self.put_back[0] + u64::from(is_below), self.put_back[1] + 1];
        }
    }

    pub(super) fn print(&mut self) {
        let sum = |at: usize| self.depths.iter().map(|depth| depth[at]).sum::<u64>();
        println!("incidents that no watched series shows as far as its metric asks, left out: {}", self.unmoved);
        print_share("first slice exact", sum(1), sum(0));
        print_share("one of three exact", sum(2), sum(0));
        for (dimensions, [all, first, _]) in self.depths.iter().enumerate().filter(|(_, depth)| depth[0] > 0) {
            print_share(&format!("  first exact, {dimensions} dimensions"), *first, *all);
        }
        for (name, all, first) in self.kinds.iter().filter(|(_, all, _)| *all > 0) {
            print_share(&format!("  first exact, {name}"), *first, *all);
        }
        print_share("  by the largest value", self.largest_right, self.slices);
        print_share("where it speaks, one right", self.spoke_right, self.spoke);
        print_share("where it speaks, the first right", self.spoke_first_right, self.spoke);
        print_share("put back, below the threshold", self.put_back[0], self.put_back[1]);
        for (name, [silent, all]) in ["everywhere", "mix", "nothing"].iter().zip(self.abstained) {
            print_share(&format!("names no slice, {name}"), silent, all);
        }
        let quiet = self.abstained[1][1] + self.abstained[2][1];
        println!("false slices in {quiet} cases of mix or nothing: {}", self.false_slices);
        println!("  by the largest value: {}", self.largest_false);
        println!("of all that mix shifts moved {} is called mix", told(&self.mixes, 1));
        println!("of all that others moved {} is called rate", told(&self.rates, 0));
        for (name, overlaps) in
            ["a tenth of the leaves missing", "a step later", "under other names"].iter().zip(&self.overlaps)
        {
            let mean = overlaps.iter().sum::<f64>() / overlaps.len().max(1) as f64;
            println!("Jaccard, {name}: {mean:.3}");
        }
        println!("first suspect told of an incident, by its confidence: how often it did it");
        self.suspects.print();
        self.leaves.sort_unstable();
        let most = self.leaves.last().copied().unwrap_or(0);
        println!("milliseconds an explanation: {}; at most {most} leaves", times(&mut self.milliseconds));
    }
}

/// The part of all moves together that is the right one of the two, the mean of the shares told case by case, in which
/// chance has no sign, and how often the interval told holds what is true.
fn told(cases: &[Told], right: usize) -> String {
    let count = cases.len().max(1) as f64;
    let sum = |part: usize| cases.iter().map(|told| told.moved[part]).sum::<f64>();
    let mean = cases.iter().map(|told| told.share.share).sum::<f64>() / count;
    let mean = if right == 1 { mean } else { 1.0 - mean };
    let holds = cases.iter().filter(|told| told.share.interval[right] == right as f64).count() as f64 / count;
    let part = sum(right) / (sum(0) + sum(1));
    format!(
        "{:.1} % (case by case {:.1} %; the interval holds that in {:.1} %)",
        100.0 * part,
        100.0 * mean,
        100.0 * holds
    )
}

fn times(values: &mut [f64]) -> String {
    values.sort_unstable_by(f64::total_cmp);
    let at = |part: f64| values.get(((values.len().max(1) - 1) as f64 * part).round() as usize).copied().unwrap_or(0.0);
    format!("median {:.1}, p99 {:.1}, most {:.1}", at(0.5), at(0.99), at(1.0))
}
