//! `hark models`: what judges, and what could.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};
use hark_dashboard::DetectorEntry;
use hark_model::{Measured, ModelOrder, ModelVersion};
use hark_networks::{Library, check, onnx};
use hark_report::wilson;
use serde::Serialize;

use crate::config::Config;
use crate::data_folder;
use crate::detector_list;
use crate::model_files;
use crate::running;
use crate::store;

pub fn list(json: bool) -> Result<()> {
    let listed = detector_list::all();
    if json {
        println!("{}", serde_json::to_string_pretty(&listed).context("the list cannot be written as JSON")?);
    } else {
        println!("{}", table(&listed));
    }
    Ok(())
}

fn table(listed: &[DetectorEntry]) -> String {
    let width = listed.iter().map(|one| one.name.len()).max().unwrap_or_default();
    let line =
        |one: &DetectorEntry| format!("{:width$}  {:10}  {:7}  {}", one.name, one.family, one.judges, one.looks_for);
    listed.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The versions of the models that judge metrics, as the store of a data folder has them, and whether their files are good.
pub async fn versions(config: &Config, metric: Option<&str>, json: bool) -> Result<()> {
    tell(&read(config, metric).await?, json, |version| Some(line(version)))
}

/// What each version made of rows that it had not seen.
pub async fn evaluate(config: &Config, metric: Option<&str>, json: bool) -> Result<()> {
    tell(&read(config, metric).await?, json, evaluated)
}

async fn read(config: &Config, metric: Option<&str>) -> Result<Vec<ModelVersion>> {
    let file = data_folder::database(&config.data);
    if config.database.is_none() && !file.exists() {
        bail!("there is no database in {}; name the folder of a hark with --data", config.data.display());
    }
    let store = store::open_to_read(config.database.as_deref(), &file).await?;
    let mut versions = store.models().await?;
    store.close().await;
    versions.retain(|version| metric.is_none_or(|metric| version.metric == metric));
    let folder = data_folder::models(&config.data);
    for version in &versions {
        model_files::check(&folder, version)?;
    }
    Ok(versions)
}

fn tell(versions: &[ModelVersion], json: bool, line: impl Fn(&ModelVersion) -> Option<String>) -> Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(&serde_json::json!({ "versions": versions }))?);
    } else if versions.is_empty() {
        eprintln!("no model was trained yet; the first is once some hours of quiet traffic are known");
    } else {
        versions.iter().filter_map(line).for_each(|line| println!("{line}"));
    }
    Ok(())
}

/// Of those that were tried: how much of what was put in each caught, and how often it called a quiet row strange.
fn evaluated(version: &ModelVersion) -> Option<String> {
    let ModelVersion { metric, number, standing, measured, beside, .. } = version;
    let told = |of: &Measured| {
        let share = |part: u32| {
            let [low, high] = wilson(part.into(), of.rows.into()).unwrap_or([0.0, 1.0]);
            let percent = |share: f64| 100.0 * share;
            let found = f64::from(part) / f64::from(of.rows.max(1));
            format!("{:.1} % ({:.1} to {:.1})", percent(found), percent(low), percent(high))
        };
        format!("caught {}, false {} of {} rows", share(of.caught), share(of.false_alarms), of.rows)
    };
    let beside = beside.as_ref().map_or(String::new(), |active| format!("; the active one beside it {}", told(active)));
    let measured = measured.as_ref().filter(|measured| measured.rows > 0)?;
    Some(format!("{metric:<20} {number:>4}  {:<11} {}{beside}", standing.name(), told(measured)))
}

fn line(version: &ModelVersion) -> String {
    let ModelVersion { metric, number, standing, since, reason, rows, data: [from, to], .. } = version;
    format!(
        "{metric:<20} {number:>4}  {:<11} since {since}  on {rows} rows of {from} to {to}: {reason}",
        standing.name()
    )
}

/// Trains, promotes or goes back among the models of a metric in the running hark.
pub fn order(config: &Config, metric: &str, order: ModelOrder, by: &str) -> Result<()> {
    let (path, done) = match order {
        ModelOrder::Train => ("train", "the next version is trained, and on trial"),
        ModelOrder::Promote => ("promote", "what was on trial is one step on"),
        ModelOrder::RollBack => ("rollback", "the version before judges again"),
    };
    let body = serde_json::json!({ "by": by });
    running::ask(config, "POST", &format!("/api/v1/models/{metric}/{path}"), Some(&body))
        .map_err(|failed| failed.say(config))?;
    println!("{metric}: {done}; `hark models versions` lists them");
    Ok(())
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
pub(crate) fn bytes(model: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = File::open(model).and_then(|file| file.take(onnx::BYTES_MAX as u64 + 1).read_to_end(&mut bytes));
    read.with_context(|| format!("{} cannot be read; give the path of an ONNX file", model.display()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use hark_detectors::list::ALL;

    use super::*;

    #[test]
    fn every_detector_has_a_line() {
        let listed = detector_list::all();
        let table = table(&listed);
        assert_eq!(table.lines().count(), ALL.len());
        assert!(table.lines().zip(ALL).all(|(line, entry)| line.starts_with(entry.name)));
    }
}
