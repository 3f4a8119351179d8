//! Values of groups of requests, before and after, in the bins of the sketch: what quantiles are worked out from.

use hark_model::Sketch;

/// Requests of a group in a bin, before and after.
pub type ValueRow = (u32, i16, [f64; 2]);

/// What any group has in every bin, and the bins of all groups together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Histograms {
    rows: Vec<ValueRow>,
    /// The lowest bin but that of zeros, which has the first place; bins follow one another from the second on.
    first: i16,
    /// `[before, after]` of all groups in each place.
    of_all: Vec<[f64; 2]>,
    /// `[before, after]` of each group.
    requests: Vec<[f64; 2]>,
    totals: [f64; 2],
}

/// A point on the axis of bins, whole numbers where bins begin, and the value there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Place {
    pub(crate) position: f64,
    pub(crate) value: f64,
}

/// What is taken of a group's requests to mix them anew: parts of those before and after, and of what all had before.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Taken {
    pub(crate) before: f64,
    pub(crate) after: f64,
    pub(crate) of_all_before: f64,
}

impl Histograms {
    pub(crate) const BINS_PER_OCTAVE: f64 = 64.0;

    /// `rows` in any order; a group's bin may come in several.
    pub(crate) fn new(groups: usize, rows: Vec<ValueRow>) -> Self {
        let classes = || rows.iter().map(|(_, class, _)| *class).filter(|class| *class != i16::MIN);
        let first = classes().min().unwrap_or(0);
        let last = classes().max().unwrap_or(first);
        let mut of_all = vec![[0.0; 2]; place(first, last) + 1];
        let (mut requests, mut totals) = (vec![[0.0; 2]; groups], [0.0; 2]);
        for (group, class, own) in &rows {
            for sum in [&mut of_all[place(first, *class)], &mut requests[*group as usize], &mut totals] {
                *sum = [sum[0] + own[0], sum[1] + own[1]];
            }
        }
        Self { rows, first, of_all, requests, totals }
    }

    /// The bins that hold requests, in order: their places, where they begin, and the requests of all groups.
    pub(crate) fn bins(&self) -> impl Iterator<Item = (usize, f64, [f64; 2])> {
        let all = self.of_all.iter().enumerate().filter(|(_, counts)| counts[0] + counts[1] > 0.0);
        all.map(|(place, counts)| (place, f64::from(self.class(place)), *counts))
    }

    /// How many places there are.
    pub(crate) fn places(&self) -> usize {
        self.of_all.len()
    }

    /// Of each group the sum of its requests, each times the weight of its place, before and after.
    pub(crate) fn weighted(&self, weights: &[f64]) -> Vec<[f64; 2]> {
        let mut sums = vec![[0.0; 2]; self.requests.len()];
        for &(group, class, [before, after]) in &self.rows {
            let weight = weights[place(self.first, class)];
            let sum = &mut sums[group as usize];
            *sum = [sum[0] + weight * before, sum[1] + weight * after];
        }
        sums
    }

    pub(crate) fn requests(&self) -> &[[f64; 2]] {
        &self.requests
    }

    pub(crate) fn totals(&self) -> [f64; 2] {
        self.totals
    }

    /// The quantile of all groups together on one side (0 before, 1 after). `None` where there are no requests.
    pub(crate) fn quantile(&self, side: usize, level: f64) -> Option<Place> {
        self.quantile_by(level, |place| self.of_all[place][side])
    }

    /// The quantile of what is `taken` of each group. `None` where that is nothing.
    pub(crate) fn quantile_of(&self, level: f64, taken: impl Fn(usize) -> Taken) -> Option<Place> {
        let taken: Vec<Taken> = (0..self.requests.len()).map(taken).collect();
        let of_all_before: f64 = taken.iter().map(|taken| taken.of_all_before).sum();
        let mut mixed: Vec<f64> = self.of_all.iter().map(|[before, _]| of_all_before * before).collect();
        for &(group, class, [before, after]) in &self.rows {
            let taken = &taken[group as usize];
            mixed[place(self.first, class)] += taken.before * before + taken.after * after;
        }
        self.quantile_by(level, |place| mixed[place])
    }

    fn quantile_by(&self, level: f64, count: impl Fn(usize) -> f64) -> Option<Place> {
        let all: f64 = (0..self.of_all.len()).map(&count).sum();
        if all <= 0.0 {
            return None;
        }
        let rank = level * all;
        let mut below = 0.0;
        let mut last = None;
        for (place, count) in
            (0..self.of_all.len()).map(|place| (place, count(place))).filter(|(_, count)| *count > 0.0)
        {
            let part = ((rank - below) / count).clamp(0.0, 1.0);
            last = Some(f64::from(self.class(place)) + part);
            if below + count >= rank {
                break;
            }
            below += count;
        }
        last.map(|position| Place { position, value: value_at(position) })
    }

    /// The mean of all groups together before, each bin at the middle of its values.
    pub(crate) fn mean_before(&self) -> Option<f64> {
        let sum: f64 = self.middles().iter().zip(&self.of_all).map(|(middle, [before, _])| middle * before).sum();
        (self.totals[0] > 0.0).then(|| sum / self.totals[0])
    }

    /// The means of each group, before and after; `None` where it has no requests.
    pub(crate) fn means(&self) -> Vec<[Option<f64>; 2]> {
        let sums = self.sums();
        let mean = |(sums, requests): (&[f64; 2], &[f64; 2])| {
            [0, 1].map(|side| (requests[side] > 0.0).then(|| sums[side] / requests[side]))
        };
        sums.iter().zip(&self.requests).map(mean).collect()
    }

    /// The sums of values of each group, before and after.
    pub(crate) fn sums(&self) -> Vec<[f64; 2]> {
        self.weighted(&self.middles())
    }

    fn middles(&self) -> Vec<f64> {
        (0..self.of_all.len()).map(|place| middle(self.class(place))).collect()
    }

    fn class(&self, place: usize) -> i16 {
        if place == 0 { i16::MIN } else { (i32::from(self.first) + place as i32 - 1) as i16 }
    }
}

/// Where a bin lies whose lowest neighbour but that of zeros is `first`.
fn place(first: i16, class: i16) -> usize {
    if class == i16::MIN { 0 } else { (i32::from(class) - i32::from(first) + 1) as usize }
}

/// The value at a place; the bin of zeros has no width.
pub(crate) fn value_at(position: f64) -> f64 {
    if position < f64::from(i16::MIN) + 1.5 { 0.0 } else { (position / Histograms::BINS_PER_OCTAVE).exp2() }
}

fn middle(class: i16) -> f64 {
    if class == i16::MIN { 0.0 } else { 0.5 * (Sketch::upper_bound(class - 1) + Sketch::upper_bound(class)) }
}
