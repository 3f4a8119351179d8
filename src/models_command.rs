//! `hark models`: what judges.

use anyhow::{Context, Result};
use hark_detectors::list::{ALL, Entry, Judges};
use serde::Serialize;

/// As scripts get it.
#[derive(Serialize)]
struct Listed {
    name: &'static str,
    family: String,
    judges: &'static str,
    looks_for: &'static str,
    unmoved_by: Vec<&'static str>,
}

impl From<&Entry> for Listed {
    fn from(entry: &Entry) -> Self {
        let unmoved = [("shift", entry.unmoved_by.shift), ("scale", entry.unmoved_by.scale)];
        let judges = match entry.judges {
            Judges::Metrics => "metrics",
            Judges::Series(_) => "series",
        };
        Self {
            name: entry.name,
            family: entry.family.to_string(),
            judges,
            looks_for: entry.looks_for,
            unmoved_by: unmoved.into_iter().filter(|(_, is)| *is).map(|(what, _)| what).collect(),
        }
    }
}

pub fn list(json: bool) -> Result<()> {
    let listed: Vec<Listed> = ALL.iter().map(Listed::from).collect();
    if json {
        println!("{}", serde_json::to_string_pretty(&listed).context("the list cannot be written as JSON")?);
    } else {
        println!("{}", table(&listed));
    }
    Ok(())
}

fn table(listed: &[Listed]) -> String {
    let width = listed.iter().map(|one| one.name.len()).max().unwrap_or_default();
    let line = |one: &Listed| format!("{:width$}  {:10}  {:7}  {}", one.name, one.family, one.judges, one.looks_for);
    listed.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_detector_has_a_line() {
        let listed: Vec<Listed> = ALL.iter().map(Listed::from).collect();
        let table = table(&listed);
        assert_eq!(table.lines().count(), ALL.len());
        assert!(table.lines().zip(ALL).all(|(line, entry)| line.starts_with(entry.name)));
    }
}
