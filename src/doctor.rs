//! `hark doctor`: is everything in place? One line a check, and what to do where it is not.

use std::net::TcpListener;
use std::time::Duration;

use anyhow::Result;
use hark_query::Plan;

use crate::config::Config;
use crate::{data_folder, store};

/// A clock before this was never set; the number is 2026-01-01.
const CLOCK_AT_LEAST_MS: i64 = 1_767_225_600_000;
const DATABASE_WITHIN: Duration = Duration::from_secs(10);

struct Check {
    what: &'static str,
    outcome: Result<String>,
}

/// Whether all is well.
pub async fn doctor(config: &Config) -> bool {
    let checks = [
        Check { what: "metrics", outcome: metrics(config) },
        Check { what: "data folder", outcome: folder(config) },
        Check { what: "database", outcome: database(config).await },
        Check { what: "address", outcome: address(config) },
        Check { what: "clock", outcome: clock() },
        Check { what: "pages", outcome: pages() },
    ];
    for check in &checks {
        match &check.outcome {
            Ok(detail) => println!("ok    {:<12} {detail}", check.what),
            Err(problem) => println!("FAIL  {:<12} {problem:#}", check.what),
        }
    }
    checks.iter().all(|check| check.outcome.is_ok())
}

fn metrics(config: &Config) -> Result<String> {
    let plan = Plan::compile(&config.definitions()?)?;
    Ok(format!("{} metrics and {} composites compile", plan.metrics.len(), plan.composites.len()))
}

fn folder(config: &Config) -> Result<String> {
    let shown = config.data.display();
    if !config.data.exists() {
        return Ok(format!("{shown} does not exist yet; serve makes it"));
    }
    data_folder::check_format(&config.data)?;
    Ok(format!("{shown} is readable by this version"))
}

async fn database(config: &Config) -> Result<String> {
    let file = data_folder::database(&config.data);
    if config.database.is_none() && !file.exists() {
        return Ok("SQLite in the data folder, made by the first serve".to_owned());
    }
    let ask = async {
        let store = store::open_to_read(config.database.as_deref(), &file).await?;
        store.ping().await?;
        store.close().await;
        anyhow::Ok(())
    };
    match tokio::time::timeout(DATABASE_WITHIN, ask).await {
        Ok(answered) => answered.map(|()| "answers".to_owned()),
        Err(_) => anyhow::bail!("does not answer within {} s", DATABASE_WITHIN.as_secs()),
    }
}

fn address(config: &Config) -> Result<String> {
    match TcpListener::bind(config.listen) {
        Ok(_) => Ok(format!("{} is free", config.listen)),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            Ok(format!("{} is in use; well if that is hark itself", config.listen))
        }
        Err(error) => anyhow::bail!("{} cannot be listened on: {error}; name another with --listen", config.listen),
    }
}

fn clock() -> Result<String> {
    let now = hark_model::Timestamp::now();
    if now.millis() < CLOCK_AT_LEAST_MS {
        anyhow::bail!("says {now}; set it, or every event will seem to come from the future");
    }
    Ok(format!("says {now}"))
}

fn pages() -> Result<String> {
    if hark_dashboard::pages_are_built() {
        Ok("are in this binary".to_owned())
    } else {
        anyhow::bail!("are not in this binary; build them with `cargo xtask ui` and build again")
    }
}
