//! The list of detectors, as pages and scripts get it.

use hark_dashboard::DetectorEntry;
use hark_detectors::list::{ALL, Entry, Family, Judges};
use hark_model::ImportedModel;

pub(crate) fn all() -> Vec<DetectorEntry> {
    ALL.iter().map(entry).collect()
}

/// A model that was imported judges series by `hark detect --model`.
pub(crate) fn of_imported(model: &ImportedModel) -> DetectorEntry {
    let ImportedModel { name, number, checksum, producer, time, columns, gives, .. } = model;
    let looks_for = format!(
        "what a model of {producer} says of windows of {time} x {columns}, a {} (imported, version {number}, {checksum})",
        gives.name()
    );
    let family = Family::Network.to_string();
    DetectorEntry { name: name.clone(), family, judges: "series".to_owned(), looks_for, unmoved_by: Vec::new() }
}

fn entry(entry: &Entry) -> DetectorEntry {
    let unmoved = [("shift", entry.unmoved_by.shift), ("scale", entry.unmoved_by.scale)];
    let judges = match entry.judges {
        Judges::Metrics => "metrics",
        Judges::Series(_) => "series",
        Judges::Cohorts => "cohorts",
    };
    DetectorEntry {
        name: entry.name.to_owned(),
        family: entry.family.to_string(),
        judges: judges.to_owned(),
        looks_for: entry.looks_for.to_owned(),
        unmoved_by: unmoved.into_iter().filter(|(_, is)| *is).map(|(what, _)| what.to_owned()).collect(),
    }
}
