//! `hark metrics`: definitions from files, checked as the API and the page check them.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use hark_model::Definitions;
use hark_query::Plan;
use serde_json::{Value, json};

use crate::config::{self, Config};
use crate::running::{Failed, ask};

/// Whether a file goes together with the built-in definitions; nothing is sent anywhere.
pub fn validate(file: &Path) -> Result<()> {
    let own = documents(file)?;
    let all = config::definitions(Some(file))?;
    Plan::compile(&all).map_err(|problem| anyhow!("{}: {problem}", file.display()))?;
    let names: Vec<String> = own.into_iter().map(|(name, _)| name).collect();
    println!("{}: {} valid: {}", file.display(), counted(names.len()), names.join(", "));
    Ok(())
}

/// What is in force in the running hark, or would be in one started here.
pub fn list(config: &Config, as_json: bool) -> Result<()> {
    let all = match ask(config, "GET", "/api/v1/definitions", None) {
        Ok(all) => all,
        Err(Failed::NobodyThere) => {
            eprintln!("no hark listens on {}: what is built in and in the file", config.listen);
            json!({ "metrics": config.definitions()?.iter().map(|metric| json!(metric)).collect::<Vec<_>>() })
        }
        Err(Failed::Refused(problem)) => return Err(problem),
    };
    if as_json {
        println!("{}", serde_json::to_string_pretty(&all)?);
        return Ok(());
    }
    for metric in all["metrics"].as_array().into_iter().flatten() {
        let text = |key: &str, none: &'static str| metric[key].as_str().unwrap_or(none).to_owned();
        let from = match metric["version"].as_i64() {
            Some(version) => format!("saved, version {version}"),
            None => text("managed_by", "").replace("built_in", "built in"),
        };
        println!("{:<24} {:<10} {:<24} {from}", text("name", ""), text("kind", ""), text("owner", "no owner"));
    }
    Ok(())
}

/// What the file's metrics would have alerted, by the events that the running hark has stored.
pub fn preview(config: &Config, file: &Path, days: Option<u32>, as_json: bool) -> Result<()> {
    let body = json!({ "yaml": read(file)?, "days": days });
    let answer =
        ask(config, "POST", "/api/v1/definitions/preview", Some(&body)).map_err(|failed| failed.say(config))?;
    if as_json {
        println!("{}", serde_json::to_string_pretty(&answer)?);
        return Ok(());
    }
    println!("{}", answer["sentence"].as_str().unwrap_or_default());
    for metric in answer["metrics"].as_array().into_iter().flatten() {
        let alerts = metric["alerts"].as_array().map_or(0, Vec::len);
        let per_week = metric["per_week"].as_f64().map(|rate| format!(", {rate:.1} a week")).unwrap_or_default();
        println!("{}: would have fired {alerts} times{per_week}", metric["name"].as_str().unwrap_or_default());
        for alert in metric["alerts"].as_array().into_iter().flatten() {
            let relative = 100.0 * alert["effect"]["relative"].as_f64().unwrap_or_default();
            println!("  {} {relative:+.0} % {}", alert["opened_at"].as_str().unwrap_or_default(), alert["slice"]);
        }
        if let Some(smallest) = metric["smallest"]["sentence"].as_str() {
            println!("  {smallest}");
        }
    }
    for field in answer["unseen_fields"].as_array().into_iter().flatten() {
        eprintln!("no stored event has the field {field}, which the metrics read; is its name right?");
    }
    Ok(())
}

/// Saves the file's metrics in the running hark, each as a new version unless it is the same already.
pub fn apply(config: &Config, file: &Path, by: &str) -> Result<()> {
    for (name, document) in documents(file)? {
        let document: Value = serde_json::from_str(&document)?;
        let path = format!("/api/v1/definitions/{name}");
        let known = match ask(config, "GET", &path, None) {
            Ok(known) => known["history"][0]["definition"].clone(),
            Err(Failed::Refused(_)) => Value::Null,
            Err(failed) => return Err(failed.say(config)),
        };
        if known == document {
            println!("{name}: unchanged");
            continue;
        }
        let body = json!({ "definition": document, "by": by });
        let saved = ask(config, "PUT", &path, Some(&body)).map_err(|failed| failed.say(config))?;
        println!("{name}: version {}", saved["saved"][0]["version"]);
    }
    Ok(())
}

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file)
        .with_context(|| format!("the metric definitions in {} cannot be read", file.display()))
}

fn documents(file: &Path) -> Result<Vec<(String, String)>> {
    Definitions::documents(&read(file)?).map_err(|problem| anyhow!("{}: {problem}", file.display()))
}

fn counted(metrics: usize) -> String {
    if metrics == 1 { "1 metric is".to_owned() } else { format!("{metrics} metrics are") }
}

/// Who saves, where nobody is named.
pub fn user() -> Result<String> {
    match std::env::var("USER") {
        Ok(user) if !user.trim().is_empty() => Ok(user),
        _ => bail!("say who does it with --by NAME, so that others can ask"),
    }
}
