//! `hark alerts`: what the store holds, as a table or as JSON.

use anyhow::{Result, bail};
use hark_model::{Alert, AlertStatus, FindingKind, nearest};
use hark_store::AlertQuery;

use crate::config::Config;
use crate::data_folder;
use crate::store;

/// The newest alerts are shown; whoever needs all pages through the API.
const SHOWN_MAX: usize = 1000;

pub async fn alerts(config: &Config, status: Option<&str>, metric: Option<String>, json: bool) -> Result<()> {
    let status = status.map(parse_status).transpose()?;
    let file = data_folder::database(&config.data);
    if config.database.is_none() && !file.exists() {
        bail!("there is no database in {}; name the folder of a hark with --data", config.data.display());
    }
    let store = store::open_to_read(config.database.as_deref(), &file).await?;
    let query = AlertQuery { status, metric, limit: Some(SHOWN_MAX), ..AlertQuery::default() };
    let page = store.alerts(&query).await?;
    store.close().await;
    if json {
        println!("{}", serde_json::to_string_pretty(&serde_json::json!({ "alerts": page.alerts, "next": page.next }))?);
    } else if page.alerts.is_empty() {
        eprintln!("no alerts");
    } else {
        page.alerts.iter().for_each(|alert| println!("{}", line(alert)));
    }
    Ok(())
}

fn parse_status(name: &str) -> Result<AlertStatus> {
    let names = || AlertStatus::ALL.map(AlertStatus::name);
    match (AlertStatus::from_name(name), nearest(name, names())) {
        (Some(status), _) => Ok(status),
        (None, Some(near)) => bail!("`{name}` is not a status; did you mean `{near}`?"),
        (None, None) => bail!("`{name}` is not a status; it is one of {}", names().join(", ")),
    }
}

fn line(alert: &Alert) -> String {
    let effect = &alert.effect;
    let way = if effect.delta >= 0.0 { "up" } else { "down" };
    let moved = match alert.kind {
        FindingKind::Regression => format!("{way} {:+.0} %", 100.0 * effect.relative),
        FindingKind::NoData => "no data".to_owned(),
        FindingKind::Stuck => "stuck".to_owned(),
    };
    format!(
        "{}  {:<12} {:<8}  {} {} {moved}  {}  since {}",
        alert.id.0,
        alert.status.name(),
        format!("{:?}", alert.severity).to_lowercase(),
        alert.metric,
        alert.statistic,
        alert.slice,
        alert.onset,
    )
}
