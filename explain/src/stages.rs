//! Which stage: a move of a quantile or a mean told apart over the stages that a latency is a sum of.
//!
//! The stages of the requests around a quantile, scaled so that they add up to it (Euler's allocation: D. Tasche,
//! "Capital Allocation to Business Units: the Euler Principle", 2007). Before and during differ by parts that add up to the
//! move. Shapley values over stages split the same move another way; a stage is named where both say the same.

mod shapley;

use std::collections::BTreeMap;

use hark_model::{Stage, Statistic};

use self::shapley::shapley;

/// What the stages leave of the value.
pub const GAP: &str = "gap";
/// Rows are dealt into so many groups; how much each one changes the answer says how sure it is (the jackknife).
pub const GROUPS: usize = 20;
/// Two-sided 95 % of Student's t with one degree of freedom a group, less one.
const DEVIATIONS: f64 = 2.093;
/// Before the stages come requests and the value.
const FIXED_SUMS: usize = 2;
/// The requests around a quantile: this part of the rarer side, on either side of it. p94 to p96 for the p95.
const WINDOW: f64 = 0.2;
/// The window grows until so many requests are in it, as far as the rarer side goes.
const WINDOW_REQUESTS: f64 = 40.0;
/// And from there on towards the middle until at least so many are.
const WINDOW_REQUESTS_MIN: f64 = 8.0;
/// Fewer requests in all say nothing about stages.
const REQUESTS_MIN: f64 = 60.0;
/// What the stages leave is shown from this part of the value on, and stages that explain less than it are none.
const GAP_MIN: f64 = 0.01;
/// A stage is named that carries at least so much of the move.
const NAMED_SHARE_MIN: f64 = 0.5;

/// Sums by class of latency over some time: requests, their values, and each stage. Whole numbers, so in any order.
#[derive(Debug, Clone, PartialEq)]
pub struct StageSums {
    stages: usize,
    /// By class, in order of latency: the sums of each group.
    classes: BTreeMap<u32, Vec<u64>>,
}

/// The move to tell apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moved {
    pub statistic: Statistic,
    pub before: f64,
    pub after: f64,
    /// 95 % interval of `after - before`.
    pub interval: [f64; 2],
}

/// Classes of latency in order: the share of requests in each, and what each part took of them on average. The last
/// part is the gap.
#[derive(Debug, Clone, PartialEq, Default)]
struct Profile {
    requests: f64,
    classes: Vec<(f64, Vec<f64>)>,
}

impl StageSums {
    pub fn new(stages: usize) -> Self {
        Self { stages, classes: BTreeMap::new() }
    }

    /// Adds requests of a class to a group, by any rule that deals rows out evenly: how many, the sum of their values, and
    /// of each stage.
    pub fn add(&mut self, class: u32, group: usize, sums: &[u64]) {
        let width = FIXED_SUMS + self.stages;
        let all = self.classes.entry(class).or_insert_with(|| vec![0; GROUPS * width]);
        let start = group % GROUPS * width;
        for (sum, more) in all[start..start + width].iter_mut().zip(sums) {
            *sum = sum.saturating_add(*more);
        }
    }

    /// Of all rows but those of one group.
    fn profile(&self, without: Option<usize>) -> Profile {
        let width = FIXED_SUMS + self.stages;
        let mut profile = Profile::default();
        for all in self.classes.values() {
            let groups = all.chunks(width).enumerate().filter(|(group, _)| Some(*group) != without);
            let sums = groups.fold(vec![0_u64; width], |mut sums, (_, more)| {
                sums.iter_mut().zip(more).for_each(|(sum, more)| *sum = sum.saturating_add(*more));
                sums
            });
            let requests = sums[0] as f64;
            if requests > 0.0 {
                let mut parts: Vec<f64> = sums[FIXED_SUMS..].iter().map(|sum| *sum as f64 / requests).collect();
                parts.push(sums[1] as f64 / requests - parts.iter().sum::<f64>());
                profile.requests += requests;
                profile.classes.push((requests, parts));
            }
        }
        profile.classes.iter_mut().for_each(|(requests, _)| *requests /= profile.requests);
        profile
    }
}

impl Profile {
    /// What each part takes of the requests around the statistic; `None` where these are too few.
    fn around(&self, statistic: Statistic) -> Option<Vec<f64>> {
        let (from, to) = match statistic.quantile() {
            _ if self.requests < REQUESTS_MIN => return None,
            Some(quantile) => self.window(quantile),
            None => (0.0, 1.0),
        };
        let mut below = 0.0;
        let mut parts: Vec<f64> = Vec::new();
        for (share, means) in &self.classes {
            let inside = (to.min(below + share) - from.max(below)).max(0.0);
            below += share;
            parts.resize(means.len(), 0.0);
            parts.iter_mut().zip(means).for_each(|(part, mean)| *part += inside * mean / (to - from));
        }
        Some(parts)
    }

    fn window(&self, quantile: f64) -> (f64, f64) {
        let rarer = quantile.min(1.0 - quantile);
        let half = (WINDOW * rarer).max(WINDOW_REQUESTS / 2.0 / self.requests).min(rarer);
        let more = (WINDOW_REQUESTS_MIN / self.requests - 2.0 * half).max(0.0);
        let (lower, upper) = if quantile > 0.5 { (more, 0.0) } else { (0.0, more) };
        (quantile - half - lower, quantile + half + upper)
    }
}

/// The parts of a move, in the order of their names and the gap last; empty where too little is known.
pub fn waterfall(moved: &Moved, names: &[String], before: &StageSums, during: &StageSums) -> Vec<Stage> {
    let sides = [before.profile(None), during.profile(None)];
    let Some(split) = Split::new(moved, &sides, true) else { return Vec::new() };
    let has_gap = split.has_gap(moved);
    let split = if has_gap { Some(split) } else { Split::new(moved, &sides, false) };
    let Some(split) = split else { return Vec::new() };
    let deltas = split.deltas();
    let without = |group: usize| [before.profile(Some(group)), during.profile(Some(group))];
    // A group that leaves too few requests behind leaves the question open, and the answer out.
    let replicas: Option<Vec<Vec<f64>>> =
        (0..GROUPS).map(|group| Split::new(moved, &without(group), has_gap).map(|split| split.deltas())).collect();
    let Some(replicas) = replicas else { return Vec::new() };
    let shapley = match moved.statistic.quantile() {
        Some(quantile) => shapley(quantile, moved.after - moved.before, &sides, has_gap),
        // A mean is linear in its parts: there is one way only.
        None => Some(deltas.clone()),
    };
    let move_deviation = (moved.interval[1] - moved.interval[0]) / 2.0 / 1.96;
    let all = moved.after - moved.before;
    let share = |delta: f64| if all.abs() > f64::MIN_POSITIVE { delta / all } else { 0.0 };
    let by_quantile = Evidence { deltas: &deltas, replicas: &replicas, towards: all.signum() };
    let means = mean_deltas(&sides, has_gap);
    let mean_replicas: Vec<Vec<f64>> = (0..GROUPS).map(|group| mean_deltas(&without(group), has_gap)).collect();
    let by_mean = Evidence { deltas: &means, replicas: &mean_replicas, towards: all.signum() };
    let named = named(&by_quantile, &by_mean, shapley.as_deref());
    let names = names.iter().map(String::as_str).chain(has_gap.then_some(GAP));
    let stage = |(at, name): (usize, &str)| {
        let own = deviation(replicas.iter().map(|replica| replica[at]));
        let half = DEVIATIONS * own.hypot(share(deltas[at]) * move_deviation);
        Stage {
            stage: name.to_owned(),
            delta: deltas[at],
            share: share(deltas[at]),
            before: Some(split.before[at]),
            during: Some(split.during[at]),
            interval: Some([deltas[at] - half, deltas[at] + half]),
            shapley: shapley.as_ref().map(|shapley| shapley[at]),
            named: named == Some(at),
        }
    };
    names.enumerate().map(stage).collect()
}

/// The parts before and during; each side adds up to the statistic's value.
struct Split {
    before: Vec<f64>,
    during: Vec<f64>,
}

impl Split {
    fn new(moved: &Moved, sides: &[Profile; 2], with_gap: bool) -> Option<Self> {
        let part = |side: &Profile, value: f64| scaled(side.around(moved.statistic)?, value, with_gap);
        Some(Self { before: part(&sides[0], moved.before)?, during: part(&sides[1], moved.after)? })
    }

    fn deltas(&self) -> Vec<f64> {
        self.during.iter().zip(&self.before).map(|(during, before)| during - before).collect()
    }

    fn has_gap(&self, moved: &Moved) -> bool {
        let is_large = |parts: &[f64], value: f64| parts.last().is_some_and(|gap| gap.abs() >= GAP_MIN * value.abs());
        is_large(&self.before, moved.before) || is_large(&self.during, moved.after)
    }
}

/// Makes the parts add up to `value`. `None` where the stages are nothing of it.
fn scaled(mut parts: Vec<f64>, value: f64, with_gap: bool) -> Option<Vec<f64>> {
    let stages: f64 = parts[..parts.len() - 1].iter().sum();
    let whole: f64 = parts.iter().sum();
    if !with_gap {
        parts.pop();
    }
    let sum: f64 = parts.iter().sum();
    if !(stages > GAP_MIN * whole && sum > 0.0) {
        return None;
    }
    parts.iter_mut().for_each(|part| *part *= value / sum);
    // What rounding leaves goes to the largest, which it changes the least.
    let left = value - parts.iter().sum::<f64>();
    let largest = (0..parts.len()).max_by(|a, b| parts[*a].abs().total_cmp(&parts[*b].abs()))?;
    parts[largest] += left;
    Some(parts)
}

/// A split of a move, and the same with each group of rows left out.
struct Evidence<'a> {
    deltas: &'a [f64],
    replicas: &'a [Vec<f64>],
    /// 1 for a rise, -1 for a fall.
    towards: f64,
}

/// What each part's mean moved by, of all requests.
fn mean_deltas(sides: &[Profile; 2], with_gap: bool) -> Vec<f64> {
    let mean = |side: &Profile| side.around(Statistic::Mean).unwrap_or_default();
    let (before, during) = (mean(&sides[0]), mean(&sides[1]));
    let parts = before.len().saturating_sub(usize::from(!with_gap));
    during.iter().zip(&before).take(parts).map(|(during, before)| during - before).collect()
}

/// The one stage that carries the move: most of it by either way of splitting, and surely more than any other, if not of
/// the few requests around the quantile then of all.
fn named(by_quantile: &Evidence<'_>, by_mean: &Evidence<'_>, shapley: Option<&[f64]>) -> Option<usize> {
    let top = by_quantile.most()?;
    let agrees = by_quantile.largest(shapley?) == Some(top);
    let is_sure = by_quantile.is_sure(top) || (by_mean.most() == Some(top) && by_mean.is_sure(top));
    (agrees && is_sure).then_some(top)
}

impl Evidence<'_> {
    fn largest(&self, parts: &[f64]) -> Option<usize> {
        (0..parts.len()).max_by(|a, b| (self.towards * parts[*a]).total_cmp(&(self.towards * parts[*b])))
    }

    /// The part that has at least half of the move.
    fn most(&self) -> Option<usize> {
        let all = self.towards * self.deltas.iter().sum::<f64>();
        let top = self.largest(self.deltas)?;
        (all > 0.0 && self.towards * self.deltas[top] >= NAMED_SHARE_MIN * all).then_some(top)
    }

    /// Whether a part surely moved, and further than each other.
    fn is_sure(&self, top: usize) -> bool {
        let is_sure = |of: &dyn Fn(&[f64]) -> f64| {
            let lead = self.towards * of(self.deltas);
            lead > DEVIATIONS * deviation(self.replicas.iter().map(|replica| of(replica)))
        };
        let mut others = (0..self.deltas.len()).filter(|other| *other != top);
        is_sure(&|parts| parts[top]) && others.all(|other| is_sure(&|parts| parts[top] - parts[other]))
    }
}

/// The jackknife's: of estimates each of which leaves one group out.
fn deviation(replicas: impl Iterator<Item = f64> + Clone) -> f64 {
    let count = replicas.clone().count() as f64;
    let mean = replicas.clone().sum::<f64>() / count;
    let squares: f64 = replicas.map(|replica| (replica - mean).powi(2)).sum();
    (squares * (count - 1.0) / count).sqrt()
}

#[cfg(test)]
mod tests;
