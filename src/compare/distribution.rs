//! All requests by their size, on both sides; where asked for, of requests that are alike.

use std::collections::BTreeMap;

use hark_dashboard::{CompareQuestion, DistributionAnswer, Matched, QuantilePair};
use hark_model::{MetricKind, STEP_MINUTES, Sketch, Step};

use super::sides::{Side, Sides};
use crate::pipeline::Pipeline;

const QUANTILES: [f64; 5] = [0.5, 0.75, 0.9, 0.95, 0.99];
/// Buckets of a sketch in one bin: four bins to a doubling.
const BUCKETS_PER_BIN: i16 = 16;
/// Bins at most, from the largest one down: 2^16 from the lowest to the highest.
const BINS_MAX: i16 = 64;
/// The lowest bucket of a sketch: values below it are in there too.
const LOWEST: i16 = -10 * 64;
/// Zero has no bucket; it is below all others.
const ZERO: i16 = i16::MIN;
/// Which requests are alike in time.
const HOUR: &str = "hour";
const HOUR_STEPS: i64 = 60 / STEP_MINUTES;
const MATCHED_MAX: usize = 4;

pub(crate) fn distribution(pipeline: &Pipeline, question: &CompareQuestion) -> Result<DistributionAnswer, String> {
    let sides = Sides::new(pipeline, question)?;
    let MetricKind::Latency { .. } = sides.plan.metric.kind else {
        return Err(format!("`{}` has no sizes: only latencies have a distribution", question.metric));
    };
    let alike = alike(&sides, question)?;
    let is_bad = sides.is_bad();
    let mut strata: BTreeMap<Vec<i64>, Pair> = BTreeMap::new();
    let mut counts = [(0, 0); 2];
    if sides.reason.is_none() {
        let mut read = |side: &Side, at: usize| {
            sides.rows(side, |step, row| {
                let requests = u64::from(row.count);
                counts[at].0 += requests;
                counts[at].1 += if is_bad(row.class) { requests } else { 0 };
                let pair = strata.entry(alike.key(step, row.codes)).or_default();
                pair.0[at].add(row.class, f64::from(row.count));
            });
        };
        read(&sides.before, 0);
        read(&sides.during, 1);
    }
    let compared = sides.compared(counts[0], counts[1]);
    let (before, during, matched) = merged(&strata, &question.matched);
    let (edges, [shares_before, shares_during]) = binned(&before, &during);
    Ok(DistributionAnswer {
        seconds_lost: seconds_lost(&before, &during, &sides.plan.metric.unit),
        quantiles: QUANTILES
            .map(|q| QuantilePair { quantile: q, before: quantile(&before, q), during: quantile(&during, q) })
            .to_vec(),
        compared,
        edges,
        before: shares_before,
        during: shares_during,
        matched,
    })
}

/// How many requests fell into each bucket. Whole numbers unless they were weighted.
#[derive(Debug, Clone, Default)]
pub(super) struct Sizes(BTreeMap<i16, f64>);

impl Sizes {
    pub(super) fn add(&mut self, class: i16, requests: f64) {
        *self.0.entry(class).or_default() += requests;
    }

    fn count(&self) -> f64 {
        self.0.values().sum()
    }

    fn add_weighted(&mut self, other: &Self, weight: f64) {
        other.0.iter().for_each(|(&class, &requests)| self.add(class, requests * weight));
    }

    /// The sum of all, each at the middle of its bucket.
    fn sum(&self) -> f64 {
        self.0.iter().map(|(&class, &requests)| middle(class) * requests).sum()
    }
}

/// Before and during.
#[derive(Debug, Clone, Default)]
struct Pair([Sizes; 2]);

/// The size below which the share `q` lies, laid out evenly (in the logarithm) within its bucket.
pub(super) fn quantile(sizes: &Sizes, q: f64) -> Option<f64> {
    let wanted = q * sizes.count();
    let mut below = 0.0;
    for (&class, &requests) in &sizes.0 {
        if below + requests >= wanted && requests > 0.0 {
            if class == ZERO {
                return Some(0.0);
            }
            let (low, high) = (Sketch::upper_bound(class - 1), Sketch::upper_bound(class));
            return Some(low * (high / low).powf((wanted - below) / requests));
        }
        below += requests;
    }
    None
}

fn middle(class: i16) -> f64 {
    if class == ZERO { 0.0 } else { (Sketch::upper_bound(class - 1) * Sketch::upper_bound(class)).sqrt() }
}

/// What as many requests used to take is subtracted from what they took.
fn seconds_lost(before: &Sizes, during: &Sizes, unit: &str) -> Option<f64> {
    let seconds = match unit {
        "ms" => 1e-3,
        "s" => 1.0,
        _ => return None,
    };
    let (had, have) = (before.count(), during.count());
    (had > 0.0 && have > 0.0).then(|| (during.sum() - before.sum() / had * have) * seconds)
}

/// Shares of both sides in bins of equal width in the logarithm. What is beyond the bins is in the outermost ones.
fn binned(before: &Sizes, during: &Sizes) -> (Vec<f64>, [Vec<f64>; 2]) {
    let bin = |class: i16| class.max(LOWEST).div_euclid(BUCKETS_PER_BIN);
    let classes = || before.0.keys().chain(during.0.keys()).copied();
    let Some(last) = classes().map(bin).max() else { return (Vec::new(), [Vec::new(), Vec::new()]) };
    let least = classes().filter(|&class| class != ZERO).map(bin).min().unwrap_or(last);
    let first = least.max(last - BINS_MAX + 1);
    let edges = (first..=last + 1).map(|bin| Sketch::upper_bound(bin * BUCKETS_PER_BIN - 1)).collect();
    let shares = |sizes: &Sizes| {
        let mut shares = vec![0.0; (last - first + 1) as usize];
        let all = sizes.count().max(f64::MIN_POSITIVE);
        sizes
            .0
            .iter()
            .for_each(|(&class, &requests)| shares[(bin(class).max(first) - first) as usize] += requests / all);
        shares
    };
    (edges, [shares(before), shares(during)])
}

/// By what requests are told apart before they are compared.
struct Alike {
    dimensions: Vec<usize>,
    hour: Option<Hour>,
}

/// Of one and the same time, requests of the same hour are alike (a build that has just come out is compared with the
/// others of that hour); of two times, those of the same hour of the day.
#[derive(Clone, Copy)]
enum Hour {
    OfTime,
    OfDay,
}

impl Alike {
    fn key(&self, step: Step, codes: &[u16]) -> Vec<i64> {
        let hour = self.hour.map(|hour| match hour {
            Hour::OfTime => step.0.div_euclid(HOUR_STEPS),
            Hour::OfDay => step.0.rem_euclid(24 * HOUR_STEPS).div_euclid(HOUR_STEPS),
        });
        self.dimensions.iter().map(|&at| i64::from(codes[at])).chain(hour).collect()
    }
}

fn alike(sides: &Sides<'_>, question: &CompareQuestion) -> Result<Alike, String> {
    let matched = &question.matched;
    if matched.len() > MATCHED_MAX {
        return Err(format!("at most {MATCHED_MAX} dimensions can be matched on; leave some out"));
    }
    let metric = &sides.plan.metric;
    let position = |name: &String| {
        let at = metric.dimensions.iter().position(|known| known == name);
        let known = metric.dimensions.join(", ");
        at.ok_or_else(|| format!("`{}` has no dimension `{name}` to match on; it has {known} and hour", metric.name))
    };
    let dimensions = matched.iter().filter(|name| *name != HOUR).map(position).collect::<Result<_, _>>()?;
    let during = &question.during;
    let is_one_time =
        question.before.as_ref().is_some_and(|before| (before.from, before.to) == (during.from, during.to));
    let hour = matched.iter().any(|name| name == HOUR).then_some(if is_one_time { Hour::OfTime } else { Hour::OfDay });
    Ok(Alike { dimensions, hour })
}

/// Both sides over the strata that both have, those of the side before weighted to the numbers of the other (direct
/// standardisation). Without strata everything is one.
fn merged(strata: &BTreeMap<Vec<i64>, Pair>, matched: &[String]) -> (Sizes, Sizes, Option<Matched>) {
    let (mut before, mut during) = (Sizes::default(), Sizes::default());
    // Of each side the requests that are kept, and all of them.
    let (mut kept, mut all) = ((0.0, 0.0), (0.0, 0.0));
    for Pair([had, have]) in strata.values() {
        let (counted_before, counted_during) = (had.count(), have.count());
        all = (all.0 + counted_before, all.1 + counted_during);
        if matched.is_empty() || (counted_before > 0.0 && counted_during > 0.0) {
            kept = (kept.0 + counted_before, kept.1 + counted_during);
            before.add_weighted(had, if matched.is_empty() { 1.0 } else { counted_during / counted_before });
            during.add_weighted(have, 1.0);
        }
    }
    let share = |kept: f64, all: f64| if all > 0.0 { kept / all } else { 0.0 };
    let told = Matched { on: matched.to_vec(), kept_before: share(kept.0, all.0), kept_during: share(kept.1, all.1) };
    (before, during, (!matched.is_empty()).then_some(told))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(values: &[(f64, f64)]) -> Sizes {
        let mut sizes = Sizes::default();
        values.iter().for_each(|&(value, requests)| sizes.add(Sketch::bucket_of(value), requests));
        sizes
    }

    /// A value read from buckets is off by half a bucket at most on either side.
    fn is_near(value: f64, wanted: f64) -> bool {
        (value / wanted - 1.0).abs() <= 2.0 * Sketch::RELATIVE_ERROR
    }

    #[test]
    fn quantiles_and_time_lost_are_those_of_the_requests() {
        let before = sizes(&[(100.0, 90.0), (400.0, 10.0)]);
        let during = sizes(&[(100.0, 40.0), (800.0, 10.0)]);
        assert!(is_near(quantile(&before, 0.5).unwrap(), 100.0));
        assert!(is_near(quantile(&during, 0.95).unwrap(), 800.0));
        // 130 ms usually, 240 ms now: 110 ms each for fifty requests.
        assert!((seconds_lost(&before, &during, "ms").unwrap() - 5.5).abs() < 0.3);
        assert_eq!(seconds_lost(&before, &during, "points"), None);
        assert_eq!(quantile(&Sizes::default(), 0.5), None);
    }

    #[test]
    fn bins_hold_everything_once() {
        let mut before = sizes(&[(1e-3, 1.0), (50.0, 3.0), (60_000.0, 1.0)]);
        before.add(ZERO, 5.0);
        let during = sizes(&[(120.0, 4.0)]);
        let (edges, [shares_before, shares_during]) = binned(&before, &during);
        assert_eq!((edges.len(), shares_during.len()), (shares_before.len() + 1, shares_before.len()));
        assert!(shares_before.len() <= BINS_MAX as usize);
        for shares in [&shares_before, &shares_during] {
            assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{shares:?}");
        }
        let at = shares_during.iter().position(|&share| share > 0.5).unwrap();
        assert!(edges[at] < 120.0 && 120.0 <= edges[at + 1], "{edges:?}");
        assert!(binned(&Sizes::default(), &Sizes::default()).0.is_empty());
    }

    #[test]
    fn matching_takes_out_who_came() {
        // Phones are quick and TVs are slow on either side; only who came differs, and watches came on one side alone.
        let pair = |before: (f64, f64), during: (f64, f64)| Pair([sizes(&[before]), sizes(&[during])]);
        let strata = BTreeMap::from([
            (vec![1], pair((100.0, 90.0), (100.0, 10.0))),
            (vec![2], pair((900.0, 10.0), (900.0, 90.0))),
            (vec![3], Pair([Sizes::default(), sizes(&[(5_000.0, 100.0)])])),
        ]);
        let (before, during, told) = merged(&strata, &["device".to_owned()]);
        assert_eq!(before.0, during.0);
        let told = told.unwrap();
        assert_eq!((told.kept_before, told.kept_during), (1.0, 0.5));
        let (before, during, told) = merged(&strata, &[]);
        assert_eq!((before.count(), during.count(), told), (100.0, 200.0, None));
    }
}
