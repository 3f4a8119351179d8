//! `hark models`: what judges, and what could.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};
use hark_detectors::list::{ALL, Entry, Judges};
use hark_networks::{Library, check, onnx};
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

/// What a model turned out to be.
#[derive(Serialize)]
struct Imported {
    model: String,
    producer: String,
    opset: i64,
    operators: usize,
    weights: usize,
    /// Rows of a window.
    time: usize,
    columns: usize,
    gives: &'static str,
    served_by: &'static str,
    /// Of the smoke input's windows.
    smoke_scores: Vec<f32>,
}

/// Looks at a model and says what it is, or why it can't be served.
pub fn import(model: &Path, library: Option<&Path>, json: bool) -> Result<()> {
    let refused = || format!("{} is not imported", model.display());
    let library = library.map(Library::load).transpose().with_context(refused)?;
    let checked = check(&bytes(model)?, library.as_ref()).with_context(refused)?;
    let (served, signature) = (&checked.served, checked.served.signature());
    let imported = Imported {
        model: model.display().to_string(),
        producer: signature.producer.clone(),
        opset: signature.opset,
        operators: signature.operators,
        weights: signature.weights,
        time: served.time(),
        columns: served.columns(),
        gives: if served.gives_reconstruction() { "reconstruction" } else { "score" },
        served_by: served.engine(),
        smoke_scores: checked.smoke.scores,
    };
    if json {
        println!("{}", serde_json::to_string_pretty(&imported).context("the answer cannot be written as JSON")?);
        return Ok(());
    }
    let Imported { model, producer, opset, operators, weights, time, columns, gives, served_by, smoke_scores } =
        imported;
    println!("{model} can be served by {served_by}: of windows of {time} x {columns} it gives a {gives}");
    println!("made by {producer}, opset {opset}: {operators} operators, {weights} weights");
    println!("scores of the smoke input: {smoke_scores:?}");
    Ok(())
}

/// One byte more than is taken, at most: a larger file is refused by its size.
fn bytes(model: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = File::open(model).and_then(|file| file.take(onnx::BYTES_MAX as u64 + 1).read_to_end(&mut bytes));
    read.with_context(|| format!("{} cannot be read; give the path of an ONNX file", model.display()))?;
    Ok(bytes)
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
