//! The tables there are, and what they have in common.

use std::fmt;

/// Column that every table is partitioned by: the day of `time`, UTC.
///
/// It is a DATE, not text: DuckDB, Spark and Polars all prune on it, a comparison with text ('2026-11-21') is cast by
/// each of them, and the folders read the same either way (`day=2026-11-21`).
pub const DAY: &str = "day";
/// Column that every row needs: when it happened, or when its minute or hour began.
pub const TIME: &str = "time";
/// Column of what no two rows have in common, where there is one.
pub(crate) const ID: &str = "id";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    Events,
    MinuteCells,
    HourCells,
}

impl Table {
    pub const ALL: [Self; 3] = [Self::Events, Self::MinuteCells, Self::HourCells];

    /// The folder's name, which is also the name in SQL.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::MinuteCells => "cells_minute",
            Self::HourCells => "cells_hour",
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
