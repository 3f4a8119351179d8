//! Gathers the leaves behind a finding and asks for slices, mix and suspects.

use hark_explain::{Answer, Inquiry, LeafDay, Question};
use hark_ingest::{Fold, LeafRow};
use hark_model::{
    BinCount, Change, ChangeId, DIMENSIONS_MAX, Direction, Leaf, Leaves, LeftOut, MetricKind, STEP_MINUTES, Shift,
    Sketch, Slice, Statistic, Step,
};
use hark_query::MetricPlan;
use rustc_hash::FxHashMap;

use crate::rest_days::{holidays, rests};
use crate::usual;

/// The window of a long regression is its newest part.
const WINDOW_STEPS_MAX: i64 = 72;
/// A mean moves with its largest values: what lies beyond this part of those before is called bad.
const MEAN_LEVEL: f64 = 0.9;

/// What has to be explained.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    pub slice: &'a Slice,
    pub shift: &'a Shift,
    /// From when on requests are looked at: the onset, or when it was back after it had ended.
    pub since: Step,
    /// Where only the requests of some slices are looked at: those slices.
    pub within: Option<&'a [Slice]>,
    /// Where something else is known to go on.
    pub elsewhere: &'a [Slice],
}

impl<'a> Asked<'a> {
    pub fn of(slice: &'a Slice, shift: &'a Shift) -> Self {
        Self { slice, shift, since: shift.onset.step(), within: None, elsewhere: &[] }
    }
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
    let Some(prepared) = prepare(fold, metric_at, plan, asked, now, changes, unusual) else {
        let reason = "what a gauge or a composite measures is not kept slice by slice";
        return hark_explain::unsearched(changes, asked.shift, asked.slice, reason, Vec::new());
    };
    prepared.explain(asked, plan, changes)
}

/// What an explanation is made of, gathered once.
pub struct Prepared {
    pub leaves: Leaves,
    by_day: Vec<LeafDay>,
    pub question: Question,
    windows: Windows,
    left_out: Vec<LeftOut>,
}

/// What is set against what: from the onset to now (the second step is the first that is not in it), and the same hours
/// of the days before, newest first.
#[derive(Clone)]
struct Windows {
    after: (Step, Step),
    before: Vec<(Step, Step)>,
}

/// `None` where the metric keeps nothing slice by slice.
pub fn prepare(
    fold: &Fold,
    metric_at: usize,
    plan: &MetricPlan,
    asked: &Asked<'_>,
    now: Step,
    changes: &[(ChangeId, Change)],
    unusual: &[[Step; 2]],
) -> Option<Prepared> {
    let question = question(plan, asked.shift)?;
    let end = now.next();
    let from = asked.since.max(Step(end.0 - WINDOW_STEPS_MAX)).min(now);
    let oldest = fold.leaves(metric_at).oldest().unwrap_or(end);
    let rests = |at: Step| rests(&holidays(changes, at.start()), asked.slice, at);
    // On a weekend others come, and fewer or more of them; how they fare is compared like with like anyway.
    let is_like = |at: Step| !question.is_count() || rests(at) == rests(from);
    let windows = Windows { after: (from, end), before: usual::windows(from, end, oldest, unusual, is_like) };
    let gathered = gather(fold, metric_at, plan, asked, &windows);
    let left_out = left_out(plan, &windows, &gathered, asked.since);
    let Gathered { leaves, by_day, .. } = gathered;
    Some(Prepared { leaves, by_day, question, windows, left_out })
}

impl Prepared {
    /// The same of other leaves, of whose days nothing is known.
    #[must_use]
    pub fn with(&self, leaves: Leaves) -> Self {
        let (windows, left_out) = (self.windows.clone(), self.left_out.clone());
        Self { leaves, by_day: Vec::new(), windows, left_out, ..*self }
    }

    pub fn explain(&self, asked: &Asked<'_>, plan: &MetricPlan, changes: &[(ChangeId, Change)]) -> Answer {
        hark_explain::explain(Inquiry {
            leaves: &self.leaves,
            by_day: &self.by_day,
            question: self.question,
            scope: asked.slice,
            shift: asked.shift,
            min_effect: plan.metric.alert.min_effect,
            unit: &plan.metric.shown_unit(),
            bad_is_hit: asked.shift.direction == Direction::Up,
            window: [self.windows.after.0.start(), self.windows.after.1.start()],
            days_before: self.windows.before.len() as u32,
            changes,
            elsewhere: asked.elsewhere,
            left_out: self.left_out.clone(),
        })
    }
}

fn question(plan: &MetricPlan, shift: &Shift) -> Option<Question> {
    let bad_above = |level: f64| Question::BadShare {
        usual: match shift.direction {
            Direction::Up => 1.0 - level,
            Direction::Down => level,
        },
    };
    match plan.metric.kind {
        MetricKind::Latency { .. } if shift.statistic == Statistic::Mean => Some(bad_above(MEAN_LEVEL)),
        MetricKind::Latency { .. } => Some(bad_above(shift.statistic.quantile()?)),
        MetricKind::Ratio { .. } => Some(Question::BadShare {
            usual: match shift.direction {
                Direction::Up => shift.before,
                Direction::Down => 1.0 - shift.before,
            },
        }),
        MetricKind::Count if shift.direction == Direction::Down => Some(Question::Missing),
        MetricKind::Count => Some(Question::Surplus),
        // A gauge's leaves keep no values to compare.
        MetricKind::Gauge { .. } | MetricKind::Composite { .. } => None,
    }
}

struct Gathered {
    leaves: Leaves,
    by_day: Vec<LeafDay>,
    /// Requests since the onset whose dimensions were folded away, for want of room.
    folded: u64,
}

fn gather(fold: &Fold, metric_at: usize, plan: &MetricPlan, asked: &Asked<'_>, windows: &Windows) -> Gathered {
    let Asked { shift, within, .. } = *asked;
    let store = fold.leaves(metric_at);
    let searched = searched(plan);
    let is_latency = matches!(plan.metric.kind, MetricKind::Latency { .. });
    let within = within.map(|slices| slices.iter().map(|slice| codes_of(fold, plan, slice)).collect::<Vec<_>>());
    let is_asked = |row: &LeafRow<'_>| {
        let is_in = |slice: &Vec<(usize, u16)>| slice.iter().all(|&(at, code)| row.codes[at] == code);
        within.as_ref().is_none_or(|slices| slices.iter().any(is_in))
    };
    let mut table = Table::default();
    let (from, end) = windows.after;
    store.rows(from, end).filter(is_asked).for_each(|row| {
        table.add(&row, &searched, 1);
    });
    // What a mean's bad requests are is known only once all of them are.
    let is_bad_day = (shift.statistic != Statistic::Mean).then(|| is_bad(plan, shift, &table));
    for (day, &(from, to)) in windows.before.iter().enumerate() {
        for row in store.rows(from, to).filter(is_asked) {
            let number = table.add(&row, &searched, 0);
            if let Some(is_bad) = &is_bad_day {
                table.add_day(number, day, row.count, is_bad(row.class));
            }
        }
    }
    let before_steps: i64 = windows.before.iter().map(|(from, to)| to.0 - from.0).sum();
    if before_steps == 0 {
        table = Table::default();
    }
    let folded = table.folded;
    let is_bad = is_bad(plan, shift, &table);
    let (leaves, values_in_bins, by_day) = table.into_leaves(searched.len(), is_bad, is_latency);
    let leaves = Leaves {
        dimensions: searched.iter().map(|&at| plan.metric.dimensions[at].clone()).collect(),
        values: searched.iter().map(|&at| fold.dictionary(plan.dimensions[at]).values().to_vec()).collect(),
        leaves,
        values_in_bins,
        before_to_after: before_steps as f64 / (end.0 - from.0) as f64,
    };
    Gathered { leaves, by_day, folded }
}

type Codes = [u16; DIMENSIONS_MAX];

/// Requests before (0) or after (1), of a leaf and a class.
#[derive(Debug, Clone, Copy)]
struct Count {
    leaf: u32,
    class: i16,
    side: u8,
    requests: u32,
}

/// Rows of the store put together by their codes and class.
#[derive(Default)]
struct Table {
    numbers: FxHashMap<Codes, u32>,
    codes: Vec<Codes>,
    /// What each row counts, as it came: they are put together once, in the order that is asked for.
    counts: Vec<Count>,
    /// By leaf and day before: its requests, and the bad ones.
    days: Vec<[[u64; 2]; usual::DAYS_BEFORE_MAX as usize]>,
    folded: u64,
}

impl Table {
    /// Gives the number of the leaf.
    fn add(&mut self, row: &LeafRow<'_>, searched: &[usize], side: u8) -> u32 {
        let mut codes = Codes::default();
        codes.iter_mut().zip(searched).for_each(|(code, &at)| *code = row.codes[at]);
        let number = *self.numbers.entry(codes).or_insert_with(|| {
            self.codes.push(codes);
            self.codes.len() as u32 - 1
        });
        self.counts.push(Count { leaf: number, class: row.class, side, requests: row.count });
        if side == 1 && row.codes.iter().all(|&code| code == 0) {
            self.folded += u64::from(row.count);
        }
        number
    }

    fn add_day(&mut self, number: u32, day: usize, count: u32, is_bad: bool) {
        self.days.resize(self.codes.len(), Default::default());
        let [requests, bad] = &mut self.days[number as usize][day];
        *requests += u64::from(count);
        *bad += if is_bad { u64::from(count) } else { 0 };
    }

    /// In order of their codes, bins in order of leaf and class, and days in order of leaf.
    fn into_leaves(
        self,
        dimensions: usize,
        is_bad: impl Fn(i16) -> bool,
        is_latency: bool,
    ) -> (Vec<Leaf>, Vec<BinCount>, Vec<LeafDay>) {
        let mut order: Vec<u32> = (0..self.codes.len() as u32).collect();
        order.sort_unstable_by_key(|&number| self.codes[number as usize]);
        let mut place = vec![0; order.len()];
        order.iter().enumerate().for_each(|(at, &number)| place[number as usize] = at as u32);
        let leaf = |&number: &u32| Leaf {
            codes: self.codes[number as usize][..dimensions].to_vec(),
            before: 0.0,
            bad_before: 0.0,
            after: 0.0,
            bad_after: 0.0,
        };
        let mut leaves: Vec<Leaf> = order.iter().map(leaf).collect();
        let mut counts = self.counts;
        counts.iter_mut().for_each(|count| count.leaf = place[count.leaf as usize]);
        for &Count { leaf, class, side, requests } in &counts {
            let (sums, requests) = (&mut leaves[leaf as usize], f64::from(requests));
            let (all, bad) = if side == 0 {
                (&mut sums.before, &mut sums.bad_before)
            } else {
                (&mut sums.after, &mut sums.bad_after)
            };
            *all += requests;
            *bad += if is_bad(class) { requests } else { 0.0 };
        }
        let bins = if is_latency { bins(counts) } else { Vec::new() };
        let of_leaf = |(leaf, &number): (usize, &u32)| {
            let days = self.days.get(number as usize).into_iter().flatten().enumerate();
            let seen = days.filter(|(_, [requests, _])| *requests > 0);
            seen.map(move |(day, &[requests, bad])| LeafDay {
                leaf: leaf as u32,
                day,
                requests: requests as f64,
                bad: bad as f64,
            })
        };
        let by_day = order.iter().enumerate().flat_map(of_leaf).collect();
        (leaves, bins, by_day)
    }
}

/// Counts of a leaf and class put together, in order.
fn bins(mut counts: Vec<Count>) -> Vec<BinCount> {
    counts.sort_unstable_by_key(|count| (count.leaf, count.class));
    let same = counts.chunk_by(|a, b| (a.leaf, a.class) == (b.leaf, b.class));
    same.map(|same| {
        let of = |side: u8| {
            same.iter().filter(|one| one.side == side).map(|one| u64::from(one.requests)).sum::<u64>() as f64
        };
        BinCount { leaf: same[0].leaf, class: same[0].class, before: of(0), after: of(1) }
    })
    .collect()
}

/// Which of the metric's dimensions are searched: for missing traffic those it watches, since the traffic of versions
/// and builds comes and goes with every roll-out; for all else every one.
fn searched(plan: &MetricPlan) -> Vec<usize> {
    let metric = &plan.metric;
    let is_count = metric.kind == MetricKind::Count;
    let is_searched = |name: &String| !is_count || metric.watch.iter().any(|set| set.contains(name));
    (0..metric.dimensions.len()).filter(|&at| is_searched(&metric.dimensions[at])).collect()
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

/// Which classes are worse than usual: values beyond what was expected, and hits, or misses where hits are good.
fn is_bad(plan: &MetricPlan, shift: &Shift, table: &Table) -> Box<dyn Fn(i16) -> bool> {
    match (&plan.metric.kind, shift.direction) {
        (MetricKind::Latency { .. }, direction) => {
            let usual = if shift.statistic == Statistic::Mean {
                table.class_before(if direction == Direction::Up { MEAN_LEVEL } else { 1.0 - MEAN_LEVEL })
            } else {
                Sketch::bucket_of(shift.before.max(f64::MIN_POSITIVE))
            };
            match direction {
                Direction::Up => Box::new(move |class| class > usual),
                Direction::Down => Box::new(move |class| class < usual),
            }
        }
        (MetricKind::Ratio { .. }, Direction::Up) => Box::new(|class| class == 1),
        (MetricKind::Ratio { .. }, Direction::Down) => Box::new(|class| class != 1),
        _ => Box::new(|_| false),
    }
}

impl Table {
    /// The class that a quantile of the values before falls in.
    fn class_before(&self, level: f64) -> i16 {
        let mut by_class: Vec<(i16, u64)> = Vec::new();
        let before = self.counts.iter().filter(|count| count.side == 0);
        let mut counts: Vec<(i16, u64)> = before.map(|count| (count.class, u64::from(count.requests))).collect();
        counts.sort_unstable();
        for (class, count) in counts {
            match by_class.last_mut() {
                Some((last, sum)) if *last == class => *sum += count,
                _ => by_class.push((class, count)),
            }
        }
        let rank = level * by_class.iter().map(|(_, count)| *count as f64).sum::<f64>();
        let mut below = 0.0;
        let reaching = by_class.iter().find(|(_, count)| {
            below += *count as f64;
            below >= rank
        });
        reaching.or(by_class.last()).map_or(0, |(class, _)| *class)
    }
}

/// What the leaves do not hold of what happened.
fn left_out(plan: &MetricPlan, windows: &Windows, gathered: &Gathered, since: Step) -> Vec<LeftOut> {
    let mut left_out = Vec::new();
    let mut add = |what: &str, count: i64, sentence: String| {
        if count > 0 {
            left_out.push(LeftOut { what: what.to_owned(), count: count.unsigned_abs(), sentence });
        }
    };
    let folded = gathered.folded as i64;
    let sentence = format!("{folded} requests are counted without dimensions, since their steps had no room left");
    add("folded_requests", folded, sentence);
    let earlier = windows.after.0.0 - since.0;
    let hours = WINDOW_STEPS_MAX * STEP_MINUTES / 60;
    add("earlier_steps", earlier, format!("only the newest {hours} hours since the onset are compared"));
    let missing_days = usual::DAYS_BEFORE_MAX - windows.before.len() as i64;
    let asked = usual::DAYS_BEFORE_MAX;
    let sentence = format!(
        "{missing_days} of {asked} days before are not there, were unusual or of another kind, or would be too much"
    );
    add("days_before", missing_days, sentence);
    let unsearched = (plan.metric.dimensions.len() - searched(plan).len()) as i64;
    let sentence =
        format!("{unsearched} dimensions that no series is watched by are not searched for missing requests");
    add("unsearched_dimensions", unsearched, sentence);
    left_out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_put_together_in_order_of_codes_and_bins() {
        let mut table = Table::default();
        for (codes, class, count, side) in
            [([2, 1], 9, 3, 0), ([1, 1], 7, 2, 1), ([2, 1], 9, 4, 1), ([2, 1], 8, 1, 0), ([0, 0], 8, 5, 1)]
        {
            let number = table.add(&LeafRow { codes: &codes, class, count }, &[0, 1], side);
            table.add_day(number, usize::from(class > 8), count, class > 8);
        }
        assert_eq!((table.folded, table.class_before(0.5)), (5, 9));
        let (leaves, bins, by_day) = table.into_leaves(2, |class| class > 8, true);
        let codes: Vec<_> = leaves.iter().map(|leaf| leaf.codes.clone()).collect();
        assert_eq!(codes, [[0, 0], [1, 1], [2, 1]]);
        let last = &leaves[2];
        assert_eq!((last.before, last.bad_before, last.after, last.bad_after), (4.0, 3.0, 4.0, 4.0));
        let bins: Vec<_> = bins.iter().map(|bin| (bin.leaf, bin.class)).collect();
        assert_eq!(bins, [(0, 8), (1, 7), (2, 8), (2, 9)]);
        let by_day: Vec<_> = by_day.iter().map(|own| (own.leaf, own.day, own.requests, own.bad)).collect();
        assert_eq!(by_day, [(0, 0, 5.0, 0.0), (1, 0, 2.0, 0.0), (2, 0, 1.0, 0.0), (2, 1, 7.0, 7.0)]);
    }
}
