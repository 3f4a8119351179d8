//! `hark models`: what judges, and what could.

use anyhow::{Context, Result, bail};
use hark_dashboard::DetectorEntry;
use hark_model::{ImportedModel, Measured, ModelOrder, ModelVersion};
use hark_report::wilson;

use crate::config::Config;
use crate::data_folder;
use crate::detector_list;
use crate::imported;
use crate::model_files;
use crate::running;
use crate::store;

/// The detectors of the list, and the newest version of each model that was imported into the folder, where it is one.
pub async fn list(config: &Config, json: bool) -> Result<()> {
    let mut listed = detector_list::all();
    match imported::all(config).await {
        Ok(mut imported) => {
            // The newest of each name stands first.
            imported.dedup_by(|later, first| later.name == first.name);
            listed.extend(imported.iter().map(detector_list::of_imported));
        }
        Err(problem) => eprintln!("imported models are not listed: {problem:#}"),
    }
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

/// The versions of the models that judge metrics, and of those that were imported, as the store of a data folder has them,
/// and whether their files are good.
pub async fn versions(config: &Config, metric: Option<&str>, json: bool) -> Result<()> {
    let versions = read(config, metric).await?;
    let mut imported = imported::all(config).await?;
    imported.retain(|model| metric.is_none_or(|name| model.name == name));
    for model in &imported {
        imported::bytes_of(config, model)?;
    }
    if json {
        let both = serde_json::json!({ "versions": versions, "imported": imported });
        println!("{}", serde_json::to_string_pretty(&both)?);
        return Ok(());
    }
    if !versions.is_empty() || imported.is_empty() {
        tell(&versions, json, |version| Some(line(version)))?;
    }
    imported.iter().for_each(|model| println!("{}", imported_line(model)));
    Ok(())
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
    let ModelVersion { metric, detector, number, standing, measured, beside, .. } = version;
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
    Some(format!("{metric:<20} {detector:<16} {number:>4}  {:<11} {}{beside}", standing.name(), told(measured)))
}

fn line(version: &ModelVersion) -> String {
    let ModelVersion { metric, detector, number, standing, since, reason, rows, data: [from, to], .. } = version;
    format!(
        "{metric:<20} {detector:<16} {number:>4}  {:<11} since {since}  on {rows} rows of {from} to {to}: {reason}",
        standing.name()
    )
}

fn imported_line(model: &ImportedModel) -> String {
    let ImportedModel { name, number, imported_at, by, checksum, producer, time, columns, gives, .. } = model;
    format!(
        "{name:<20} {:<16} {number:>4}  imported    at {imported_at} by {by}: of windows of {time} x {columns} a {}, made by \
         {producer}, {checksum}",
        "onnx",
        gives.name()
    )
}

/// Trains, promotes or goes back among the models of a metric in the running hark.
pub fn order(config: &Config, metric: &str, detector: &str, order: ModelOrder, by: &str) -> Result<()> {
    let (path, done) = match order {
        ModelOrder::Train => ("train", "the next version is trained, and on trial"),
        ModelOrder::Promote => ("promote", "what was on trial is one step on"),
        ModelOrder::RollBack => ("rollback", "the version before judges again"),
    };
    let body = serde_json::json!({ "by": by, "detector": detector });
    running::ask(config, "POST", &format!("/api/v1/models/{metric}/{path}"), Some(&body))
        .map_err(|failed| failed.say(config))?;
    println!("{metric}, {detector}: {done}; `hark models versions` lists them");
    Ok(())
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
