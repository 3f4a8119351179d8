//! The statistic that moved, worked out from leaves: of all of a scope, of any part of it, and as it would have been.

use hark_model::{BinCount, Leaves, Mix, Statistic};

use crate::faring::{Fared, group_means};
use crate::groups::Groups;
use crate::histograms::{Histograms, Taken};
use crate::leaf_evidence::Evidence;
use crate::mean_parts::mean_parts;
use crate::quantile_parts::quantile_parts;
use crate::slices::Question;

/// How the statistic follows from leaves.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Quantile(f64),
    MeanOfValues,
    /// Hits over requests; a hit is what is bad, or all else.
    Rate {
        bad_is_hit: bool,
    },
    /// Requests a minute.
    Count,
}

pub(crate) struct Measure<'a> {
    kind: Kind,
    leaves: &'a Leaves,
    evidence: &'a [Evidence],
    question: Question,
    minutes_after: f64,
    /// Where the bins of each leaf begin, and where those of the last one end.
    starts: Vec<usize>,
}

impl<'a> Measure<'a> {
    pub(crate) fn new(
        leaves: &'a Leaves,
        evidence: &'a [Evidence],
        question: Question,
        statistic: Statistic,
        bad_is_hit: bool,
        minutes_after: f64,
    ) -> Self {
        let kind = match statistic {
            _ if question.is_count() => Kind::Count,
            Statistic::Quantile(permille) => Kind::Quantile(f64::from(permille) / 1000.0),
            Statistic::Mean => Kind::MeanOfValues,
            _ => Kind::Rate { bad_is_hit },
        };
        let mut starts = vec![0; leaves.leaves.len() + 1];
        leaves.values_in_bins.iter().for_each(|bin| starts[bin.leaf as usize + 1] += 1);
        for leaf in 0..leaves.leaves.len() {
            starts[leaf + 1] += starts[leaf];
        }
        Self { kind, leaves, evidence, question, minutes_after, starts }
    }

    /// The statistic of some leaves, before and after; `None` where there are no requests.
    pub(crate) fn of_rows(&self, rows: &[u32]) -> [Option<f64>; 2] {
        match self.kind {
            Kind::Quantile(level) => {
                let histograms = self.histograms(1, rows, |_| 0);
                [0, 1].map(|side| histograms.quantile(side, level).map(|place| place.value))
            }
            Kind::MeanOfValues => self.histograms(1, rows, |_| 0).means()[0],
            Kind::Rate { .. } => {
                let mut all = Fared::default();
                rows.iter().for_each(|&row| all.add(&self.fared(row)));
                [0, 1].map(|side| all.mean(side))
            }
            Kind::Count => {
                let expected: f64 = rows.iter().map(|&row| self.evidence[row as usize].expected).sum();
                let after: f64 = rows.iter().map(|&row| self.leaves.leaves[row as usize].after).sum();
                [expected, after].map(|requests| Some(requests / self.minutes_after))
            }
        }
    }

    /// How much of a slice's move what lies `beside` it has made too, where that is at least a third and no chance. Asked of
    /// quantiles alone: a slow slice has most of all slow requests, whoever got slower.
    pub(crate) fn moved_beside(&self, slice: &[u32], beside: &[u32]) -> Option<f64> {
        const PART_MIN: f64 = 1.0 / 3.0;
        const DEVIATIONS_MIN: f64 = 3.0;
        let Kind::Quantile(level) = self.kind else { return None };
        let moved = |histograms: &Histograms| -> Option<(f64, f64)> {
            let [before, after] = [histograms.quantile(0, level)?, histograms.quantile(1, level)?];
            Some((before.position, (after.value / before.value).ln()))
        };
        let [own, beside] = [slice, beside].map(|rows| self.histograms(1, rows, |_| 0));
        let ((_, of_slice), (place, of_beside)) = (moved(&own)?, moved(&beside)?);
        let part = of_beside / of_slice;
        let [before, after] = beside.totals();
        let bins = beside.bins().filter(|(_, start, _)| *start < place);
        // Of the last bin the part below the place.
        let below: f64 = bins.map(|(_, start, [_, after])| after * (place - start).min(1.0)).sum();
        let deviation = (after * level * (1.0 - level) * (1.0 + after / before)).sqrt();
        let deviations = (after * level - below) / deviation * of_beside.signum();
        (part.is_finite() && part >= PART_MIN && deviations >= DEVIATIONS_MIN).then_some(part)
    }

    /// What each group puts into the move; they add up to it. `None` where a side has no requests.
    pub(crate) fn parts(&self, rows: &[u32], groups: &Groups) -> Option<Vec<Mix>> {
        let group_of = |at: usize| groups.of[rows[at] as usize].map_or(0, |group| group as usize);
        let mean_parts = |fared: &mut dyn Iterator<Item = Fared>| {
            let leaves: Vec<_> = fared.enumerate().map(|(at, fared)| (group_of(at), fared)).collect();
            mean_parts(&group_means(groups.blocks.len(), &leaves))
        };
        match self.kind {
            Kind::Quantile(level) => quantile_parts(&self.by_leaf(rows), groups.blocks.len(), group_of, level),
            Kind::MeanOfValues => {
                let histograms = self.by_leaf(rows);
                let fared = histograms.sums().into_iter().zip(histograms.requests());
                mean_parts(&mut fared.map(|(sums, &requests)| Fared { requests, sums }))
            }
            Kind::Rate { .. } => mean_parts(&mut rows.iter().map(|&row| self.fared(row))),
            Kind::Count => {
                let part = |rows: &Vec<u32>| {
                    let [before, after] = self.of_rows(rows).map(|value| value.unwrap_or(0.0));
                    Mix { within: after - before, mix_shift: 0.0 }
                };
                Some(by_group(rows, groups).iter().map(part).collect())
            }
        }
    }

    /// The statistic of `rows` after, had the requests of the groups that `is_put_back` fared as they usually do.
    pub(crate) fn put_back(&self, rows: &[u32], groups: &Groups, is_put_back: impl Fn(usize) -> bool) -> Option<f64> {
        let group_of = |row: u32| groups.of[row as usize].map_or(0, |group| group as usize);
        match self.kind {
            Kind::Quantile(level) => {
                let histograms = self.histograms(groups.blocks.len(), rows, group_of);
                let [all_before, _] = histograms.totals();
                let taken = |group: usize| {
                    let [before, after] = histograms.requests()[group];
                    if !is_put_back(group) {
                        Taken { after: 1.0, ..Taken::default() }
                    } else if before > 0.0 {
                        Taken { before: after / before, ..Taken::default() }
                    } else {
                        // Who was not there before is taken to fare as all did.
                        Taken { of_all_before: after / all_before.max(1.0), ..Taken::default() }
                    }
                };
                histograms.quantile_of(level, taken).map(|place| place.value)
            }
            Kind::MeanOfValues => {
                let histograms = self.histograms(groups.blocks.len(), rows, group_of);
                let all_before = histograms.mean_before()?;
                let means = histograms.means();
                let sum = |group: usize| {
                    let [before, after] = means[group];
                    let mean = if is_put_back(group) { before.or(Some(all_before)) } else { after };
                    histograms.requests()[group][1] * mean.unwrap_or(0.0)
                };
                let all = histograms.totals()[1];
                (all > 0.0).then(|| (0..groups.blocks.len()).map(sum).sum::<f64>() / all)
            }
            Kind::Rate { bad_is_hit } => {
                let after: f64 = rows.iter().map(|&row| self.leaves.leaves[row as usize].after).sum();
                let bad = |row: &u32| {
                    let excess = if is_put_back(group_of(*row)) { self.evidence[*row as usize].excess } else { 0.0 };
                    self.leaves.leaves[*row as usize].bad_after - excess
                };
                let share = rows.iter().map(bad).sum::<f64>() / after;
                (after > 0.0).then_some(if bad_is_hit { share } else { 1.0 - share })
            }
            Kind::Count => {
                let sign = if self.question == Question::Missing { 1.0 } else { -1.0 };
                let requests = |row: &u32| {
                    let excess = if is_put_back(group_of(*row)) { self.evidence[*row as usize].excess } else { 0.0 };
                    self.leaves.leaves[*row as usize].after + sign * excess
                };
                Some(rows.iter().map(requests).sum::<f64>() / self.minutes_after)
            }
        }
    }

    /// What a leaf has of hits.
    fn fared(&self, row: u32) -> Fared {
        let leaf = &self.leaves.leaves[row as usize];
        let (requests, bad) = ([leaf.before, leaf.after], [leaf.bad_before, leaf.bad_after]);
        let is_bad_hit = !matches!(self.kind, Kind::Rate { bad_is_hit: false });
        let hits = |side: usize| if is_bad_hit { bad[side] } else { requests[side] - bad[side] };
        Fared { requests, sums: [hits(0), hits(1)] }
    }

    /// Each of the rows is a group by itself.
    fn by_leaf(&self, rows: &[u32]) -> Histograms {
        let bins = rows.iter().enumerate().flat_map(|(at, &row)| {
            self.bins(row).iter().map(move |bin| (at as u32, bin.class, [bin.before, bin.after]))
        });
        Histograms::new(rows.len(), bins.collect())
    }

    fn histograms(&self, groups: usize, rows: &[u32], group_of: impl Fn(u32) -> usize) -> Histograms {
        let bins = rows.iter().flat_map(|&row| {
            let group = group_of(row) as u32;
            self.bins(row).iter().map(move |bin| (group, bin.class, [bin.before, bin.after]))
        });
        Histograms::new(groups, bins.collect())
    }

    fn bins(&self, row: u32) -> &[BinCount] {
        &self.leaves.values_in_bins[self.starts[row as usize]..self.starts[row as usize + 1]]
    }
}

fn by_group(rows: &[u32], groups: &Groups) -> Vec<Vec<u32>> {
    let mut of_groups = vec![Vec::new(); groups.blocks.len()];
    for &row in rows {
        if let Some(group) = groups.of[row as usize] {
            of_groups[group as usize].push(row);
        }
    }
    of_groups
}
