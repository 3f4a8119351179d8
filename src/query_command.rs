//! `hark query`: SQL over events and cells, from the running hark where there is one, else from the folder.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use hark_dashboard::QueryAnswer;
use hark_lake::{Lake, Limits};
use serde_json::Value;

use crate::config::Config;
use crate::data_folder;

const WITHIN: Duration = Duration::from_secs(60);
/// A table in a terminal; `--json` has no such limit on width.
const CELL_CHARACTERS_MAX: usize = 60;

pub async fn query(config: &Config, sql: &str, limit: usize, json: bool) -> Result<()> {
    let answer = match ask_server(config, sql, limit)? {
        Some(answer) => answer,
        None => ask_folder(config, sql, limit).await?,
    };
    if json {
        println!("{}", serde_json::to_string_pretty(&answer)?);
    } else {
        print!("{}", table(&answer));
    }
    for file in &answer.left_out {
        eprintln!("{file} is damaged and was left out");
    }
    if answer.truncated {
        eprintln!("there are more rows; ask for them with --limit");
    }
    Ok(())
}

/// `None` where no hark listens on the configured address.
fn ask_server(config: &Config, sql: &str, limit: usize) -> Result<Option<QueryAnswer>> {
    let agent = ureq::Agent::new_with_config(
        ureq::Agent::config_builder().timeout_global(Some(WITHIN)).http_status_as_error(false).build(),
    );
    let question = serde_json::json!({ "sql": sql, "limit": limit });
    let sent = agent.post(format!("http://{}/api/v1/query", config.listen)).send_json(&question);
    let Ok(mut response) = sent else { return Ok(None) };
    let is_ok = response.status().is_success();
    let body: Value = match response.body_mut().read_json() {
        Ok(body) => body,
        // Something else listens there.
        Err(_) => return Ok(None),
    };
    if !is_ok {
        bail!("{}", body["detail"].as_str().unwrap_or("the query was refused"));
    }
    serde_json::from_value(body).map(Some).context("the running hark is of another version; update it")
}

async fn ask_folder(config: &Config, sql: &str, limit: usize) -> Result<QueryAnswer> {
    let folder = data_folder::history(&config.data);
    if !folder.exists() {
        bail!("no hark listens on {} and there is no history in {}", config.listen, config.data.display());
    }
    eprintln!("no hark listens on {}: only what was committed is read", config.listen);
    let limits = Limits { rows: limit, skip_damaged: true, ..Limits::default() };
    let answer = Lake::open(&folder).await?.query(sql, Vec::new(), limits).await?;
    let rows = answer.rows()?;
    let columns = answer.columns.into_iter().map(|(name, kind)| hark_dashboard::QueryColumn { name, kind }).collect();
    Ok(QueryAnswer { columns, rows, truncated: answer.truncated, left_out: answer.left_out })
}

fn table(answer: &QueryAnswer) -> String {
    let head = answer.columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> =
        std::iter::once(head).chain(answer.rows.iter().map(|row| row.iter().map(shown).collect())).collect();
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..answer.columns.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.chars().count() <= CELL_CHARACTERS_MAX {
        return text;
    }
    text.chars().take(CELL_CHARACTERS_MAX - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use hark_dashboard::QueryColumn;

    use super::*;

    #[test]
    fn rows_are_aligned_and_long_values_cut() {
        let column = |name: &str| QueryColumn { name: name.to_owned(), kind: "text".to_owned() };
        let rows = vec![vec![serde_json::json!("iOS"), Value::Null], vec![serde_json::json!("x".repeat(80)), 7.into()]];
        let columns = vec![column("platform"), column("n")];
        let answer = QueryAnswer { columns, rows, truncated: false, left_out: Vec::new() };
        let shown = table(&answer);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!((lines[1], lines[2].chars().count()), ("iOS", 60 + 2 + 1));
    }
}
