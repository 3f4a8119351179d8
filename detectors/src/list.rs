//! The one list of all detectors: a new one is a file and a line here. Help, docs and the conformance tests follow.

use std::fmt;

use crate::detector::{Detector, Settings};
use crate::{arima, autoencoder, density, discord, smoothing, subsequence_pca, values};

/// What a detector is called in evidence and on the command line, what it looks for, and how one is had.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub name: &'static str,
    pub looks_for: &'static str,
    pub family: Family,
    pub unmoved_by: Unmoved,
    pub judges: Judges,
}

/// By what means it judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Evidence that grows from row to row.
    Sequential,
    /// What a row should be, and how far off it is.
    Forecast,
    /// How unlike the most alike rows before it.
    Neighbours,
    /// What a few directions in which rows usually differ can't make up.
    Projection,
    /// What a trained network can't make up again.
    Network,
    /// How far from where rows usually lie together.
    Density,
    /// How few random cuts set it apart.
    Isolation,
    /// Several of the others as one.
    Ensemble,
}

/// What changes no verdict: the conformance tests hold a detector to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unmoved {
    /// The same number added to all values.
    pub shift: bool,
    /// All values times the same number above zero.
    pub scale: bool,
}

/// Makes one for a series of its own.
pub type Build = fn(Settings) -> Box<dyn Detector>;

/// What is put before it.
#[derive(Debug, Clone, Copy)]
pub enum Judges {
    /// The cells of a metric, with their counts: always on, in `serve` and `replay`.
    Metrics,
    /// Rows of a plain series, by `hark detect`.
    Series(Build),
    /// Several series that usually go together, by `hark peers`.
    Cohorts,
}

pub const SEASONAL_CHANGE: Entry = Entry {
    name: "seasonal_change",
    looks_for: "requests beyond the expectation of their hour of the week, as evidence that grows until it is enough",
    family: Family::Sequential,
    unmoved_by: Unmoved { shift: false, scale: true },
    judges: Judges::Metrics,
};

pub const STEADY: Entry = Entry {
    name: "steady",
    looks_for: "the same value, or none at all, for far longer than a series ever had it",
    family: Family::Sequential,
    unmoved_by: Unmoved { shift: true, scale: true },
    judges: Judges::Metrics,
};

pub const SLOW_DRIFT: Entry = Entry {
    name: "slow_drift",
    looks_for: "a level that creeps to the worse over weeks, which no single day shows",
    family: Family::Sequential,
    unmoved_by: Unmoved { shift: false, scale: true },
    judges: Judges::Metrics,
};

pub const THIN_SLICES: Entry = Entry {
    name: "thin_slices",
    looks_for: "a small move of many small slices together, none of which shows it alone",
    family: Family::Sequential,
    unmoved_by: Unmoved { shift: false, scale: true },
    judges: Judges::Metrics,
};

pub const ALL: &[Entry] = &[
    SEASONAL_CHANGE,
    THIN_SLICES,
    SLOW_DRIFT,
    STEADY,
    values::SHIFT,
    values::SPIKE,
    values::NOVELTY,
    arima::ARIMA,
    smoothing::ETS,
    subsequence_pca::SUBSEQUENCE_PCA,
    autoencoder::AUTOENCODER,
    discord::DISCORD,
    density::GAUSSIAN_MIXTURE,
    density::DBSCAN,
    density::ISOLATION_FOREST,
    density::EXTENDED_ISOLATION_FOREST,
    density::PEERS,
    values::ENSEMBLE,
];

/// Those for plain series.
pub fn for_series() -> impl Iterator<Item = (&'static Entry, Build)> {
    ALL.iter().filter_map(|entry| match entry.judges {
        Judges::Series(build) => Some((entry, build)),
        Judges::Metrics | Judges::Cohorts => None,
    })
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sequential => "sequential",
            Self::Forecast => "forecast",
            Self::Neighbours => "neighbours",
            Self::Projection => "projection",
            Self::Network => "network",
            Self::Density => "density",
            Self::Isolation => "isolation",
            Self::Ensemble => "ensemble",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_alike_and_each_stands_once() {
        let mut names: Vec<&str> = ALL.iter().map(|entry| entry.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
        let is_plain = |name: &str| name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        assert!(names.iter().all(|name| is_plain(name)), "{names:?}");
        assert!(ALL.iter().all(|entry| !entry.looks_for.is_empty() && !entry.looks_for.ends_with('.')));
    }
}
