//! One minute (or any span, once merged) of one metric in one slice.

use serde::{Deserialize, Serialize};

use crate::packing::{put, put_signed, put_wide, take, take_signed, take_wide};
use crate::{MetricKind, Sketch, Statistic};

/// Mergeable to the bit in any order: every part is an integer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cell {
    Latency(Sketch),
    Ratio { count: u64, hits: u64 },
    Count(u64),
    Gauge { count: u64, sum_thousandths: i64, sum_squares: u128 },
}

impl Cell {
    /// The empty cell of a metric; `None` for composites, which have no cells of their own.
    pub fn empty(kind: &MetricKind) -> Option<Self> {
        match kind {
            MetricKind::Latency { .. } => Some(Self::Latency(Sketch::default())),
            MetricKind::Ratio { .. } => Some(Self::Ratio { count: 0, hits: 0 }),
            MetricKind::Count => Some(Self::Count(0)),
            MetricKind::Gauge { .. } => Some(Self::Gauge { count: 0, sum_thousandths: 0, sum_squares: 0 }),
            MetricKind::Composite { .. } => None,
        }
    }

    /// Adds what another cell of the same metric holds.
    pub fn merge(&mut self, other: &Self) {
        match (self, other) {
            (Self::Latency(mine), Self::Latency(theirs)) => mine.merge(theirs),
            (Self::Ratio { count, hits }, Self::Ratio { count: their_count, hits: their_hits }) => {
                *count += their_count;
                *hits += their_hits;
            }
            (Self::Count(mine), Self::Count(theirs)) => *mine += theirs,
            (
                Self::Gauge { count, sum_thousandths, sum_squares },
                Self::Gauge { count: their_count, sum_thousandths: their_sum, sum_squares: their_squares },
            ) => {
                *count += their_count;
                *sum_thousandths = sum_thousandths.saturating_add(*their_sum);
                *sum_squares = sum_squares.saturating_add(*their_squares);
            }
            (mine, theirs) => unreachable!("cells of one metric are of one kind, not {mine:?} and {theirs:?}"),
        }
    }

    /// In few bytes, which do not say what kind it is.
    pub fn pack(&self, into: &mut Vec<u8>) {
        match self {
            Self::Latency(sketch) => sketch.pack(into),
            Self::Ratio { count, hits } => [*count, *hits].into_iter().for_each(|number| put(into, number)),
            Self::Count(count) => put(into, *count),
            Self::Gauge { count, sum_thousandths, sum_squares } => {
                put(into, *count);
                put_signed(into, *sum_thousandths);
                put_wide(into, *sum_squares);
            }
        }
    }

    /// A cell of the same kind as this one, from the beginning of what [`Self::pack`] wrote. `None` if it is something
    /// else.
    pub fn unpack_alike(&self, from: &mut &[u8]) -> Option<Self> {
        Some(match self {
            Self::Latency(_) => Self::Latency(Sketch::unpack(from)?),
            Self::Ratio { .. } => Self::Ratio { count: take(from)?, hits: take(from)? },
            Self::Count(_) => Self::Count(take(from)?),
            Self::Gauge { .. } => {
                Self::Gauge { count: take(from)?, sum_thousandths: take_signed(from)?, sum_squares: take_wide(from)? }
            }
        })
    }

    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// How many requests it holds.
    pub fn count(&self) -> u64 {
        match self {
            Self::Latency(sketch) => sketch.count(),
            Self::Ratio { count, .. } | Self::Count(count) | Self::Gauge { count, .. } => *count,
        }
    }

    /// The statistic's value; `None` where there is nothing to compute it from, or it is of another kind.
    pub fn value(&self, statistic: Statistic) -> Option<f64> {
        match (self, statistic) {
            (Self::Latency(sketch), Statistic::Quantile(_)) => sketch.quantile(statistic.quantile()?),
            (Self::Latency(sketch), Statistic::Mean) => sketch.mean(),
            (Self::Ratio { count, hits }, Statistic::Rate) if *count > 0 => Some(*hits as f64 / *count as f64),
            (Self::Gauge { count, sum_thousandths, .. }, Statistic::Mean) if *count > 0 => {
                Some(*sum_thousandths as f64 / 1000.0 / *count as f64)
            }
            (cell, Statistic::Count) => Some(cell.count() as f64),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_cell_has_a_count_and_no_value() {
        let ratio = Cell::Ratio { count: 0, hits: 0 };
        assert_eq!(ratio.value(Statistic::Rate), None);
        assert_eq!(ratio.value(Statistic::Count), Some(0.0));
        assert_eq!(Cell::Latency(Sketch::default()).value(Statistic::P95), None);
    }

    #[test]
    fn packed_cells_come_back() {
        let mut sketch = Sketch::default();
        [3.0, 0.0, 700.0].into_iter().for_each(|value| sketch.insert(value));
        let gauge = Cell::Gauge { count: 3, sum_thousandths: -4_000, sum_squares: u128::MAX };
        for cell in [Cell::Latency(sketch), Cell::Ratio { count: 900, hits: 0 }, Cell::Count(u64::MAX), gauge] {
            let mut bytes = Vec::new();
            cell.pack(&mut bytes);
            assert_eq!(cell.unpack_alike(&mut bytes.as_slice()), Some(cell.clone()));
            assert_eq!(cell.unpack_alike(&mut &bytes[..bytes.len() - 1]), None);
        }
    }

    #[test]
    fn merged_cells_add_up() {
        let mut cell = Cell::Ratio { count: 10, hits: 1 };
        cell.merge(&Cell::Ratio { count: 30, hits: 7 });
        assert_eq!(cell.value(Statistic::Rate), Some(0.2));
    }
}
