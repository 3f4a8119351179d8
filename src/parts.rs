//! Gathers what the stages took and what failures said, before and during an alert.

use hark_explain::{GROUPS, Moved, SignatureCounts, StageSums, changed_signatures, waterfall};
use hark_ingest::{Fold, TaggedLeaves, TaggedRow};
use hark_model::{Alert, Better, ErrorSignature, MetricKind, Slice, Stage, Step};
use hark_query::MetricPlan;
use rustc_hash::FxHashMap;

use crate::usual;

/// So much of packed rows is read of either time, the newest steps first: some 300,000 rows, and more would change no
/// digit that is shown.
const BYTES_READ_MAX: usize = 8 << 20;
/// The newest six hours of a long alert, against the same hours of so many days before and half an hour around them.
const WINDOW_STEPS_MAX: i64 = 72;

/// What an alert is made of, in its slice or the watched one around it.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    pub(crate) stages: Vec<Stage>,
    pub(crate) errors: Vec<ErrorSignature>,
}

/// The times that are compared.
struct Times {
    during: (Step, Step),
    before: Vec<(Step, Step)>,
}

/// Which rows lie in a slice: positions of its dimensions, and the code that each must have.
struct Within(Vec<(usize, u16)>);

pub(crate) fn parts(
    fold: &Fold,
    metric_at: usize,
    plan: &MetricPlan,
    slice: &Slice,
    alert: &Alert,
    now: Step,
) -> Parts {
    let Some(within) = Within::new(fold, plan, slice) else { return Parts::default() };
    let stages = fold.stages(metric_at).map(|rows| stages(rows, plan, &within, alert, now)).unwrap_or_default();
    let is_worse = (alert.effect.delta > 0.0) == (plan.metric.better == Better::Lower);
    let is_failing = matches!(plan.metric.kind, MetricKind::Ratio { .. }) && is_worse;
    let rows = fold.failures(metric_at).filter(|_| is_failing);
    let errors = rows.map(|rows| errors(fold, metric_at, rows, &within, alert, now)).unwrap_or_default();
    Parts { stages, errors }
}

fn stages(rows: &TaggedLeaves, plan: &MetricPlan, within: &Within, alert: &Alert, now: Step) -> Vec<Stage> {
    let Some(times) = Times::new(rows.oldest(), alert, now) else { return Vec::new() };
    let names = &plan.metric.stages;
    let sums = |windows: &[(Step, Step)]| {
        let mut sums = StageSums::new(names.len());
        each(rows, windows, BYTES_READ_MAX, |row| {
            if within.holds(row.codes) {
                sums.add(row.tag, group(&row), row.sums);
            }
        });
        sums
    };
    let moved = Moved {
        statistic: alert.statistic,
        before: alert.effect.before,
        after: alert.effect.after,
        interval: alert.effect.interval,
    };
    waterfall(&moved, names, &sums(&times.before), &sums(&[times.during]))
}

fn errors(
    fold: &Fold,
    metric_at: usize,
    rows: &TaggedLeaves,
    within: &Within,
    alert: &Alert,
    now: Step,
) -> Vec<ErrorSignature> {
    let leaves = fold.leaves(metric_at);
    let Some(times) = Times::new(leaves.oldest(), alert, now) else { return Vec::new() };
    let mut counts: FxHashMap<u32, [u64; 2]> = FxHashMap::default();
    let mut requests = [0, 0];
    for (side, windows) in [&times.before[..], &[times.during]].into_iter().enumerate() {
        // All of them, since they are compared with all requests; failures are few.
        each(rows, windows, usize::MAX, |row| {
            if within.holds(row.codes) {
                counts.entry(row.tag).or_default()[side] += row.sums[0];
            }
        });
        for &(from, to) in windows {
            let inside = leaves.rows(from, to).filter(|row| within.holds(row.codes));
            requests[side] += inside.map(|row| u64::from(row.count)).sum::<u64>();
        }
    }
    let counted = |(number, [before, after]): (u32, [u64; 2])| {
        let signature = fold.signature(number);
        SignatureCounts {
            text: signature.text,
            examples: signature.examples,
            before,
            after,
            is_rest: signature.is_rest,
        }
    };
    let mut counts: Vec<(u32, [u64; 2])> = counts.into_iter().collect();
    counts.sort_unstable();
    changed_signatures(counts.into_iter().map(counted).collect(), requests[0], requests[1])
}

impl Times {
    /// Since the onset against the same hours of days before; `None` where there are none.
    fn new(oldest: Option<Step>, alert: &Alert, now: Step) -> Option<Self> {
        let end = now.next();
        let from = alert.onset.step().max(Step(end.0 - WINDOW_STEPS_MAX)).min(now);
        let before = usual::windows(from, end, oldest?, &[], |_| true);
        (!before.is_empty()).then_some(Self { during: (from, end), before })
    }
}

impl Within {
    /// `None` where no event has had one of the values, or "(other)" stands for several.
    fn new(fold: &Fold, plan: &MetricPlan, slice: &Slice) -> Option<Self> {
        let of = |(name, value): (&str, &str)| {
            let at = plan.metric.dimensions.iter().position(|dimension| dimension == name)?;
            let code = fold.dictionary(plan.dimensions[at]).values().iter().position(|known| known == value)?;
            Some((at, u16::try_from(code).ok()?))
        };
        slice.iter().map(of).collect::<Option<_>>().map(Self)
    }

    fn holds(&self, codes: &[u16]) -> bool {
        self.0.iter().all(|(at, code)| codes[*at] == *code)
    }
}

/// The rows of these times, newest steps first, until enough has been read.
fn each(rows: &TaggedLeaves, windows: &[(Step, Step)], bytes_max: usize, mut take_row: impl FnMut(TaggedRow<'_>)) {
    let mut read = 0;
    for &(from, to) in windows {
        for step in (from.0..to.0).rev().map(Step) {
            if read > bytes_max {
                return;
            }
            read += rows.bytes(step);
            rows.each(step, step.next(), &mut take_row);
        }
    }
}

/// Deals rows out evenly: those of one leaf and step together.
fn group(row: &TaggedRow<'_>) -> usize {
    let mix = |hash: u64, number: u64| (hash ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    let hash = row.codes.iter().fold(mix(1, row.step.0.cast_unsigned()), |hash, &code| mix(hash, u64::from(code)));
    (mix(hash, 0) >> 33) as usize % GROUPS
}
