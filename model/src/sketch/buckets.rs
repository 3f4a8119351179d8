//! Counts by bucket: pairs while they are few, a row of narrow counters once they are many.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// From so many filled buckets on, a row of counters is smaller than pairs, and far faster to add to.
const DENSE_FROM: usize = 32;
/// A row may be so many times longer than it has filled buckets: a few far outliers do not make it long.
const SPAN_PER_BUCKET_MAX: usize = 8;

/// How the counts are laid out depends on what came first; what they are does not, and only that is compared,
/// written and read.
#[derive(Debug, Clone)]
pub(super) enum Buckets {
    /// Sorted by bucket, without empty ones.
    Few(Vec<(i16, u32)>),
    Narrow(Row<u16>),
    Wide(Row<u32>),
}

/// A row gets room for so many more buckets at a time: doubling would leave half of it unused.
const BUCKETS_MORE: usize = 32;

#[derive(Debug, Clone)]
pub(super) struct Row<T> {
    first: i16,
    counts: Vec<T>,
}

impl Default for Buckets {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Buckets {
    /// From pairs that are in order of bucket, each bucket once and none empty.
    pub(super) fn of_sorted(pairs: Vec<(i16, u32)>) -> Self {
        let mut buckets = Self::Few(pairs);
        buckets.lay_out();
        buckets
    }

    pub(super) fn add(&mut self, bucket: i16, times: u32) {
        match self {
            Self::Few(pairs) => {
                match pairs.binary_search_by_key(&bucket, |pair| pair.0) {
                    Ok(at) => pairs[at].1 = pairs[at].1.saturating_add(times),
                    Err(at) => pairs.insert(at, (bucket, times)),
                }
                self.lay_out();
            }
            Self::Narrow(row) => {
                let count = row.at(bucket);
                match u16::try_from(times).ok().and_then(|times| count.checked_add(times)) {
                    Some(sum) => *count = sum,
                    None => {
                        let counts = row.counts.iter().map(|&count| u32::from(count)).collect();
                        let mut wide = Row { first: row.first, counts };
                        let count = wide.at(bucket);
                        *count = count.saturating_add(times);
                        *self = Self::Wide(wide);
                    }
                }
            }
            Self::Wide(row) => {
                let count = row.at(bucket);
                *count = count.saturating_add(times);
            }
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Few(mine), theirs) if mine.is_empty() => *self = theirs.clone(),
            (Self::Few(mine), Self::Few(theirs)) => {
                *mine = merged(mine, theirs);
                self.lay_out();
            }
            (Self::Few(mine), theirs) => {
                let few = std::mem::take(mine);
                *self = theirs.clone();
                few.into_iter().for_each(|(bucket, count)| self.add(bucket, count));
            }
            (_, theirs) => theirs.iter().for_each(|(bucket, count)| self.add(bucket, count)),
        }
    }

    /// Bucket and count, in order, without empty ones.
    pub(super) fn iter(&self) -> impl Iterator<Item = (i16, u32)> {
        let (few, narrow, wide) = match self {
            Self::Few(pairs) => (Some(pairs), None, None),
            Self::Narrow(row) => (None, Some(row), None),
            Self::Wide(row) => (None, None, Some(row)),
        };
        let few = few.into_iter().flatten().copied();
        few.chain(narrow.into_iter().flat_map(Row::iter)).chain(wide.into_iter().flat_map(Row::iter))
    }

    /// The bucket in which `rank` is reached, how many lie below it, those of `zeros` included, and its count.
    pub(super) fn reaching(&self, zeros: u64, rank: f64) -> Option<(i16, u64, u32)> {
        match self {
            Self::Few(pairs) => reaching(pairs.iter().copied(), zeros, rank),
            Self::Narrow(row) => reaching(row.iter(), zeros, rank),
            Self::Wide(row) => reaching(row.iter(), zeros, rank),
        }
    }

    /// The count of a bucket, and that of all above it.
    pub(super) fn at_and_above(&self, bucket: i16) -> (u32, u64) {
        match self {
            Self::Few(pairs) => {
                let (at, above) = pairs.split_at(pairs.partition_point(|pair| pair.0 <= bucket));
                let at = at.last().filter(|pair| pair.0 == bucket).map_or(0, |pair| pair.1);
                (at, above.iter().map(|pair| u64::from(pair.1)).sum())
            }
            Self::Narrow(row) => row.at_and_above(bucket),
            Self::Wide(row) => row.at_and_above(bucket),
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Self::Few(pairs) => pairs.capacity() * size_of::<(i16, u32)>(),
            Self::Narrow(row) => row.counts.capacity() * size_of::<u16>(),
            Self::Wide(row) => row.counts.capacity() * size_of::<u32>(),
        }
    }

    fn lay_out(&mut self) {
        let Self::Few(pairs) = self else { return };
        let (Some(first), Some(last)) = (pairs.first(), pairs.last()) else { return };
        let span = usize::from(last.0.abs_diff(first.0)) + 1;
        if pairs.len() < DENSE_FROM || span > SPAN_PER_BUCKET_MAX * pairs.len() {
            return;
        }
        let first = first.0;
        let is_narrow = pairs.iter().all(|pair| pair.1 <= u32::from(u16::MAX));
        let mut wide = Row { first, counts: vec![0_u32; span] };
        pairs.iter().for_each(|&(bucket, count)| *wide.at(bucket) = count);
        *self = if is_narrow {
            Self::Narrow(Row { first, counts: wide.counts.iter().map(|&count| count as u16).collect() })
        } else {
            Self::Wide(wide)
        };
    }
}

fn reaching(counts: impl Iterator<Item = (i16, u32)>, zeros: u64, rank: f64) -> Option<(i16, u64, u32)> {
    let mut below = zeros;
    for (bucket, count) in counts {
        let with = below.saturating_add(u64::from(count));
        if rank <= with as f64 {
            return Some((bucket, below, count));
        }
        below = with;
    }
    None
}

fn merged(mine: &[(i16, u32)], theirs: &[(i16, u32)]) -> Vec<(i16, u32)> {
    let mut merged = Vec::with_capacity(mine.len() + theirs.len());
    let (mut mine, mut theirs) = (mine.iter().peekable(), theirs.iter().peekable());
    while let (Some(&&a), Some(&&b)) = (mine.peek(), theirs.peek()) {
        match a.0.cmp(&b.0) {
            std::cmp::Ordering::Less => merged.extend(mine.next()),
            std::cmp::Ordering::Greater => merged.extend(theirs.next()),
            std::cmp::Ordering::Equal => {
                merged.push((a.0, a.1.saturating_add(b.1)));
                mine.next();
                theirs.next();
            }
        }
    }
    merged.extend(mine);
    merged.extend(theirs);
    merged
}

impl<T: Copy + Default + Into<u32>> Row<T> {
    /// The counter of a bucket; the row grows to hold it.
    fn at(&mut self, bucket: i16) -> &mut T {
        let mut at = i32::from(bucket) - i32::from(self.first);
        if at < 0 {
            let missing = at.unsigned_abs() as usize;
            self.make_room(missing);
            self.counts.splice(0..0, std::iter::repeat_n(T::default(), missing));
            self.first = bucket;
            at = 0;
        }
        let at = at as usize;
        if at >= self.counts.len() {
            self.make_room(at + 1 - self.counts.len());
            self.counts.resize(at + 1, T::default());
        }
        &mut self.counts[at]
    }

    fn make_room(&mut self, missing: usize) {
        if self.counts.capacity() - self.counts.len() < missing {
            self.counts.reserve_exact(missing + BUCKETS_MORE);
        }
    }

    fn at_and_above(&self, bucket: i16) -> (u32, u64) {
        let at = i32::from(bucket) - i32::from(self.first);
        let above = self.counts.get(usize::try_from(at + 1).unwrap_or(0)..).unwrap_or_default();
        let of_bucket = usize::try_from(at).ok().and_then(|at| self.counts.get(at)).map_or(0, |&count| count.into());
        (of_bucket, above.iter().map(|&count| u64::from(count.into())).sum())
    }

    fn iter(&self) -> impl Iterator<Item = (i16, u32)> {
        let counted = self.counts.iter().enumerate().map(|(at, &count)| (at, count.into()));
        counted.filter(|(_, count)| *count > 0).map(|(at, count)| (self.first + at as i16, count))
    }
}

impl PartialEq for Buckets {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Buckets {}

impl Serialize for Buckets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().collect::<Vec<_>>())
    }
}

impl<'de> Deserialize<'de> for Buckets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::of_sorted)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(pairs: &[(i16, u32)]) -> Buckets {
        let mut buckets = Buckets::default();
        pairs.iter().for_each(|&(bucket, times)| buckets.add(bucket, times));
        buckets
    }

    proptest! {
        #[test]
        fn every_layout_counts_like_a_map(
            pairs in prop::collection::vec((-600_i16..2600, prop::sample::select(vec![1_u32, 7, 60_000])), 0..300),
            cut in 0_usize..300,
        ) {
            let mut map = std::collections::BTreeMap::<i16, u32>::new();
            pairs.iter().for_each(|&(bucket, times)| *map.entry(bucket).or_default() += times);
            let (left, right) = pairs.split_at(cut.min(pairs.len()));
            let mut merged = of(left);
            merged.merge(&of(right));
            prop_assert!(merged.iter().eq(map.iter().map(|(&bucket, &count)| (bucket, count))));
            prop_assert_eq!(&merged, &of(&pairs));
            let bucket = cut as i16 * 11 - 620;
            let above = map.range(bucket + 1..).map(|(_, &count)| u64::from(count)).sum();
            prop_assert_eq!(merged.at_and_above(bucket), (map.get(&bucket).copied().unwrap_or(0), above));
            let zeros = cut as u64;
            let with = map.iter().scan(zeros, |below, (&bucket, &count)| {
                let found = (bucket, *below, count);
                *below += u64::from(count);
                Some(found)
            });
            let rank = cut as f64 * 700.0;
            let reached = with.filter(|(_, below, count)| rank <= (below + u64::from(*count)) as f64).min();
            prop_assert_eq!(merged.reaching(zeros, rank), reached);
        }
    }

    #[test]
    fn many_near_buckets_are_a_narrow_row_and_a_far_one_keeps_pairs() {
        let near: Vec<_> = (0..40).map(|bucket| (bucket, 1)).collect();
        assert!(matches!(of(&near), Buckets::Narrow(_)));
        assert!(matches!(of(&[(5, 70_000)]), Buckets::Few(_)));
        let mut wide = of(&near);
        wide.add(7, 70_000);
        assert!(matches!(wide, Buckets::Wide(_)));
        assert!(wide.iter().any(|pair| pair == (7, 70_001)));
        let far: Vec<_> = (0..40).map(|at| (at * 60, 1)).collect();
        assert!(matches!(of(&far), Buckets::Few(_)));
    }
}
