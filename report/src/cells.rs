//! What history says of a span: sums of cells by metric, slice and stretch of time.

use std::collections::BTreeMap;

use hark_model::{Sketch, Slice, Statistic, Timestamp};

/// Cells added up. Every part is a whole number, so it does not matter in which order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sum {
    pub count: u64,
    /// Of a ratio.
    pub hits: u64,
    pub sum_thousandths: i64,
    /// Of a latency: requests of zero, and by bucket of the sketch.
    pub zeros: u64,
    pub buckets: BTreeMap<i16, u64>,
}

/// One row as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SumRow {
    pub metric: String,
    pub slice: Slice,
    /// Start of the stretch.
    pub start: Timestamp,
    pub sum: Sum,
}

/// Stretches of equal length, by metric and slice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CellSums(BTreeMap<(String, Slice), BTreeMap<Timestamp, Sum>>);

impl Sum {
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.hits += other.hits;
        self.sum_thousandths = self.sum_thousandths.saturating_add(other.sum_thousandths);
        self.zeros += other.zeros;
        for (bucket, count) in &other.buckets {
            *self.buckets.entry(*bucket).or_default() += count;
        }
    }

    /// `None` where there is nothing to compute it from.
    pub fn value(&self, statistic: Statistic) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        match statistic {
            Statistic::Quantile(permille) => self.quantile(f64::from(permille) / 1000.0),
            Statistic::Mean => Some(self.sum_thousandths as f64 / 1000.0 / self.count as f64),
            Statistic::Rate => Some(self.hits as f64 / self.count as f64),
            Statistic::Count => Some(self.count as f64),
            Statistic::Score => None,
        }
    }

    /// As [`Sketch::quantile`]: laid out evenly, in the logarithm, within its bucket.
    fn quantile(&self, q: f64) -> Option<f64> {
        let all = self.zeros + self.buckets.values().sum::<u64>();
        let rank = (q * all as f64).max(f64::MIN_POSITIVE);
        if all == 0 || rank <= self.zeros as f64 {
            return (all > 0).then_some(0.0);
        }
        let mut below = self.zeros;
        for (bucket, count) in &self.buckets {
            if (below + count) as f64 >= rank {
                let within = (rank - below as f64) / *count as f64;
                return Some(between(*bucket, within));
            }
            below += count;
        }
        self.buckets.last_key_value().map(|(bucket, _)| Sketch::upper_bound(*bucket))
    }

    /// Requests above `threshold`, as [`Sketch::count_above`].
    pub fn count_above(&self, threshold: f64) -> f64 {
        if threshold <= 0.0 {
            return self.buckets.values().sum::<u64>() as f64;
        }
        let split = Sketch::bucket_of(threshold);
        let above: u64 = self.buckets.range(split.saturating_add(1)..).map(|(_, count)| count).sum();
        let at = self.buckets.get(&split).copied().unwrap_or(0) as f64;
        let (low, high) = (Sketch::upper_bound(split - 1), Sketch::upper_bound(split));
        let share_below = ((threshold / low).ln() / (high / low).ln()).clamp(0.0, 1.0);
        above as f64 + at * (1.0 - share_below)
    }
}

fn between(bucket: i16, within: f64) -> f64 {
    let (low, high) = (Sketch::upper_bound(bucket - 1), Sketch::upper_bound(bucket));
    low * (high / low).powf(within)
}

impl CellSums {
    pub fn add(&mut self, row: SumRow) {
        let stretches = self.0.entry((row.metric, row.slice)).or_default();
        stretches.entry(row.start).or_default().merge(&row.sum);
    }

    /// All of a metric and slice in `from..to`; `None` where there is nothing.
    pub fn total(&self, metric: &str, slice: &Slice, from: Timestamp, to: Timestamp) -> Option<Sum> {
        let mut sum = Sum::default();
        self.stretches(metric, slice)
            .filter(|(start, _)| (from..to).contains(start))
            .for_each(|(_, one)| sum.merge(one));
        (sum.count > 0).then_some(sum)
    }

    /// Every stretch with something in it, in order of time.
    pub fn stretches(&self, metric: &str, slice: &Slice) -> impl Iterator<Item = (Timestamp, &Sum)> {
        let found = self.0.get(&(metric.to_owned(), slice.clone()));
        found.into_iter().flatten().map(|(start, sum)| (*start, sum))
    }

    /// The slices that a metric has cells of.
    pub fn slices<'a>(&'a self, metric: &'a str) -> impl Iterator<Item = &'a Slice> {
        self.0.keys().filter(move |(name, _)| name == metric).map(|(_, slice)| slice)
    }

    /// The first stretch of all; `None` where there is none.
    pub fn first(&self) -> Option<Timestamp> {
        self.0.values().filter_map(|stretches| stretches.keys().next()).min().copied()
    }
}

impl FromIterator<SumRow> for CellSums {
    fn from_iter<I: IntoIterator<Item = SumRow>>(rows: I) -> Self {
        let mut sums = Self::default();
        rows.into_iter().for_each(|row| sums.add(row));
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> (Sketch, Sum) {
        let mut sketch = Sketch::default();
        values.iter().for_each(|value| sketch.insert(*value));
        let mut sum = Sum { count: sketch.count(), zeros: sketch.zeros(), ..Sum::default() };
        sum.sum_thousandths = sketch.sum_thousandths();
        sum.buckets.extend(sketch.buckets().map(|(bucket, count)| (bucket, u64::from(count))));
        (sketch, sum)
    }

    #[test]
    fn quantiles_and_counts_are_those_of_the_sketch() {
        let values: Vec<f64> = (0..500).map(|n| if n % 7 == 0 { 0.0 } else { 20.0 + f64::from(n) * 3.7 }).collect();
        let (sketch, sum) = of(&values);
        for q in [1, 100, 142, 143, 500, 950, 999] {
            let (ours, its) =
                (sum.value(Statistic::Quantile(q)).unwrap(), sketch.quantile(f64::from(q) / 1000.0).unwrap());
            // Two ways of writing the same power of two.
            assert!((ours - its).abs() <= 1e-9 * its, "{q}: {ours} {its}");
        }
        for threshold in [0.0, 20.0, 333.3, 1024.0, 1e6] {
            let (ours, its) = (sum.count_above(threshold), sketch.count_above(threshold));
            assert!((ours - its).abs() < 1e-6, "{threshold}: {ours} {its}");
        }
        assert_eq!(sum.value(Statistic::Mean), sketch.mean());
    }

    #[test]
    fn stretches_add_up_and_what_is_not_there_is_none() {
        let row = |day: i64, hits| SumRow {
            metric: "failure_rate".to_owned(),
            slice: Slice::total(),
            start: Timestamp::from_millis(day),
            sum: Sum { count: 10, hits, ..Sum::default() },
        };
        let sums: CellSums = [row(0, 1), row(0, 2), row(5, 4)].into_iter().collect();
        let total = |from, to| {
            let (from, to) = (Timestamp::from_millis(from), Timestamp::from_millis(to));
            sums.total("failure_rate", &Slice::total(), from, to)?.value(Statistic::Rate)
        };
        assert_eq!((total(0, 5), total(0, 6), total(1, 5)), (Some(0.15), Some(7.0 / 30.0), None));
        assert_eq!(Sum::default().value(Statistic::P95), None);
    }
}
