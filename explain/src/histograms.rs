//! Values of groups of requests, before and after, in the bins of the sketch: what quantiles are worked out from.

use hark_model::Sketch;

/// Counts of every bin that any request fell into, by group.
#[derive(Debug, Clone, Default)]
pub(crate) struct Histograms {
    /// The numbers of the bins, in order.
    classes: Vec<i16>,
    groups: usize,
    /// `[before, after]` of each bin, group by group.
    counts: Vec<[f64; 2]>,
    requests: Vec<[f64; 2]>,
    totals: [f64; 2],
}

/// A place on the axis of bins, whole numbers where bins begin, and the value there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Place {
    pub(crate) position: f64,
    pub(crate) value: f64,
}

impl Histograms {
    pub(crate) const BINS_PER_OCTAVE: f64 = 64.0;

    /// `rows` give group, bin, and requests before and after.
    pub(crate) fn new(groups: usize, rows: &[(usize, i16, [f64; 2])]) -> Self {
        // A table instead of a search for each row: bins lie close together, but for that of zeros.
        const NONE: u32 = u32::MAX;
        let mut bin_of = vec![NONE; usize::from(u16::MAX) + 1];
        let place = |class: i16| (i32::from(class) - i32::from(i16::MIN)) as usize;
        rows.iter().for_each(|(_, class, _)| bin_of[place(*class)] = 0);
        let mut classes = Vec::new();
        for (at, bin) in bin_of.iter_mut().enumerate().filter(|(_, bin)| **bin != NONE) {
            *bin = classes.len() as u32;
            classes.push((at as i32 + i32::from(i16::MIN)) as i16);
        }
        let mut counts = vec![[0.0; 2]; classes.len() * groups];
        let (mut requests, mut totals) = (vec![[0.0; 2]; groups], [0.0; 2]);
        for (group, class, own) in rows {
            let bin = bin_of[place(*class)] as usize;
            for sum in [&mut counts[bin * groups + group], &mut requests[*group], &mut totals] {
                *sum = [sum[0] + own[0], sum[1] + own[1]];
            }
        }
        Self { classes, groups, counts, requests, totals }
    }

    /// Requests of all groups in a bin, before and after.
    pub(crate) fn of_all(&self, bin: usize) -> [f64; 2] {
        let own = &self.counts[bin * self.groups..(bin + 1) * self.groups];
        own.iter().fold([0.0; 2], |sum, own| [sum[0] + own[0], sum[1] + own[1]])
    }

    pub(crate) fn groups(&self) -> usize {
        self.groups
    }

    pub(crate) fn bins(&self) -> usize {
        self.classes.len()
    }

    pub(crate) fn counts(&self, bin: usize, group: usize) -> [f64; 2] {
        self.counts[bin * self.groups + group]
    }

    pub(crate) fn requests(&self, group: usize) -> [f64; 2] {
        self.requests[group]
    }

    pub(crate) fn totals(&self) -> [f64; 2] {
        self.totals
    }

    /// Where a bin begins.
    pub(crate) fn start(&self, bin: usize) -> f64 {
        f64::from(self.classes[bin])
    }

    /// The quantile of all groups together on one side (0 before, 1 after). `None` where there are no requests.
    pub(crate) fn quantile(&self, side: usize, level: f64) -> Option<Place> {
        self.quantile_of(level, |_, _, counts| counts[side])
    }

    /// The mean of all groups together on one side, each bin at the middle of its values.
    pub(crate) fn mean(&self, side: usize) -> Option<f64> {
        let sum: f64 = (0..self.bins()).map(|bin| middle(self.classes[bin]) * self.of_all(bin)[side]).sum();
        (self.totals[side] > 0.0).then(|| sum / self.totals[side])
    }

    /// The means of a group, before and after; `None` where it has no requests.
    pub(crate) fn means(&self, group: usize) -> [Option<f64>; 2] {
        let sums = (0..self.bins()).fold([0.0; 2], |sums: [f64; 2], bin| {
            let (counts, value) = (self.counts(bin, group), middle(self.classes[bin]));
            [sums[0] + value * counts[0], sums[1] + value * counts[1]]
        });
        let requests = self.requests(group);
        [0, 1].map(|side| (requests[side] > 0.0).then(|| sums[side] / requests[side]))
    }

    /// The quantile of whatever mixture of the requests `taken` makes of each bin and group.
    pub(crate) fn quantile_of(&self, level: f64, taken: impl Fn(usize, usize, [f64; 2]) -> f64) -> Option<Place> {
        let of_bin = |bin: usize| (0..self.groups).map(|group| taken(bin, group, self.counts(bin, group))).sum::<f64>();
        let bins: Vec<f64> = (0..self.bins()).map(of_bin).collect();
        let all: f64 = bins.iter().sum();
        if all <= 0.0 {
            return None;
        }
        let rank = level * all;
        let mut below = 0.0;
        let mut last = None;
        for (bin, &count) in bins.iter().enumerate().filter(|(_, count)| **count > 0.0) {
            let part = ((rank - below) / count).clamp(0.0, 1.0);
            last = Some(self.start(bin) + part);
            if below + count >= rank {
                break;
            }
            below += count;
        }
        last.map(|position| Place { position, value: value_at(position) })
    }
}

#[cfg(test)]
impl Histograms {
    /// The quantile of a mixture of groups, each with its share of its own side's requests.
    pub(crate) fn quantile_of_shares(&self, level: f64, taken: impl Fn(usize, usize, [f64; 2]) -> f64) -> f64 {
        let [before, after] = self.totals;
        let share = |bin: usize, group: usize, [b, a]: [f64; 2]| taken(bin, group, [b / before, a / after]);
        self.quantile_of(level, share).map_or(0.0, |place| place.value)
    }
}

/// The value at a place; the bin of zeros has no width.
pub(crate) fn value_at(position: f64) -> f64 {
    if position < f64::from(i16::MIN) + 1.5 { 0.0 } else { (position / Histograms::BINS_PER_OCTAVE).exp2() }
}

fn middle(class: i16) -> f64 {
    if class == i16::MIN { 0.0 } else { 0.5 * (Sketch::upper_bound(class - 1) + Sketch::upper_bound(class)) }
}
