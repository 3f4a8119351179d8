//! A part of the traffic: one value for each of some dimensions; and the names of all values.

use std::collections::BTreeMap;

use crate::population::{CLUSTERS, FEATURES, LOCALES, NETWORKS, PLATFORMS, devices};
use crate::request::{Dimension, Dims};
use crate::rollouts::{VERSIONS_MAX, build_name, version_name};

/// What users read: dimension to value, as in the truth, the changes and the API.
pub(crate) type SliceNames = BTreeMap<&'static str, String>;

/// No condition matches all traffic.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Slice {
    conditions: Vec<(Dimension, u16)>,
    /// One of these values; no name of a slice can say so.
    among: Option<(Dimension, Vec<u16>)>,
}

impl Slice {
    pub(crate) fn all() -> Self {
        Self::default()
    }

    pub(crate) fn of(dimension: Dimension, value: usize) -> Self {
        Self { conditions: vec![(dimension, value as u16)], among: None }
    }

    /// Several slices of a dimension.
    pub(crate) fn among(dimension: Dimension, values: Vec<u16>) -> Self {
        Self { conditions: Vec::new(), among: Some((dimension, values)) }
    }

    pub(crate) fn and(mut self, dimension: Dimension, value: usize) -> Self {
        self.conditions.push((dimension, value as u16));
        self
    }

    /// The slice of these dimensions that a request falls into.
    pub(crate) fn around(dims: &Dims, dimensions: &[Dimension]) -> Self {
        let condition = |&dimension: &Dimension| (dimension, dims.get(dimension));
        Self { conditions: dimensions.iter().map(condition).collect(), among: None }
    }

    pub(crate) fn matches(&self, dims: &Dims) -> bool {
        let is_among = |(dimension, values): &(Dimension, Vec<u16>)| values.contains(&dims.get(*dimension));
        self.conditions.iter().all(|&(dimension, value)| dims.get(dimension) == value)
            && self.among.as_ref().is_none_or(is_among)
    }

    pub(crate) fn dimensions(&self) -> impl Iterator<Item = Dimension> {
        self.conditions.iter().map(|(dimension, _)| *dimension)
    }

    /// The same without all but one of its conditions.
    pub(crate) fn only(&self, condition: usize) -> Self {
        Self { conditions: vec![self.conditions[condition]], among: None }
    }

    pub(crate) fn names(&self, names: &Names) -> SliceNames {
        let name = |&(dimension, value): &(Dimension, u16)| {
            (dimension.name(), names.of(dimension, usize::from(value)).to_owned())
        };
        self.conditions.iter().map(name).collect()
    }
}

/// The names of all values of all dimensions.
#[derive(Debug)]
pub(crate) struct Names {
    tables: [Vec<String>; 8],
}

impl Names {
    pub(crate) fn new() -> Self {
        Self { tables: Dimension::ALL.map(table) }
    }

    pub(crate) fn of(&self, dimension: Dimension, value: usize) -> &str {
        &self.tables[dimension as usize][value]
    }
}

fn table(dimension: Dimension) -> Vec<String> {
    match dimension {
        Dimension::Platform => PLATFORMS.iter().map(|platform| platform.name.to_owned()).collect(),
        Dimension::OsVersion => (0..VERSIONS_MAX).map(version_name).collect(),
        Dimension::Build => (0..PLATFORMS.len() * VERSIONS_MAX * 2).map(build_name).collect(),
        Dimension::Device => devices().map(|device| device.name.to_owned()).collect(),
        Dimension::Locale => LOCALES.iter().map(|locale| locale.name.to_owned()).collect(),
        Dimension::Feature => FEATURES.iter().map(|feature| feature.name.to_owned()).collect(),
        Dimension::Network => NETWORKS.iter().map(|network| network.name.to_owned()).collect(),
        Dimension::Cluster => CLUSTERS.iter().map(|cluster| cluster.name.to_owned()).collect(),
    }
}
