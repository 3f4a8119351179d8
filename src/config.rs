//! Configuration: file, then environment, then flags; raw at first, valid once it is a [`Config`].

use std::collections::BTreeMap;
use std::iter;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use hark_model::{Definitions, nearest};
use serde::Deserialize;

use crate::detection::Budget;
use crate::engine::Cadence;
use crate::history::Keep;

/// The sample file; a test keeps it equal to the defaults.
pub const SAMPLE: &str = include_str!("../docs/hark.toml");

#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    pub listen: SocketAddr,
    pub data: PathBuf,
    pub database: Option<String>,
    pub metrics: Option<PathBuf>,
    pub budget: Budget,
    /// Bytes a second that each source may send.
    pub quota_bytes_per_second: Option<u64>,
    /// Where OTLP over gRPC is taken as well; the main address takes it in any case.
    pub grpc: Option<SocketAddr>,
    pub keep: Keep,
    pub cadence: Cadence,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data: PathBuf::from("hark-data"),
            database: None,
            metrics: None,
            budget: Budget::shared(1.0),
            quota_bytes_per_second: None,
            grpc: None,
            keep: Keep::default(),
            cadence: Cadence::default(),
        }
    }
}

/// What the command line or the environment says; it goes over what the file says.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    pub listen: Option<String>,
    pub data: Option<PathBuf>,
    pub database: Option<String>,
    pub metrics: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
struct Raw {
    listen: Option<String>,
    data: Option<PathBuf>,
    database: Option<String>,
    metrics: Option<PathBuf>,
    detection: Option<RawDetection>,
    ingest: Option<RawIngest>,
    history: Option<RawHistory>,
}

#[derive(Debug, Default, Deserialize)]
struct RawDetection {
    false_alarms_per_week: Option<f64>,
    teams: Option<BTreeMap<String, f64>>,
    joint: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
struct RawIngest {
    grpc: Option<String>,
    quota_bytes_per_second: Option<u64>,
    snapshot_events: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
struct RawHistory {
    commit_seconds: Option<u64>,
    events_days: Option<u32>,
    minutes_days: Option<u32>,
    hours_days: Option<u32>,
}

/// Every key there is, sections with a dot.
const KEYS: [&str; 17] = [
    "listen",
    "data",
    "database",
    "metrics",
    "detection",
    "detection.false_alarms_per_week",
    "detection.teams",
    "detection.joint",
    "ingest",
    "ingest.grpc",
    "ingest.quota_bytes_per_second",
    "ingest.snapshot_events",
    "history",
    "history.commit_seconds",
    "history.events_days",
    "history.minutes_days",
    "history.hours_days",
];

impl Config {
    /// Reads the file where one is named, and `hark.toml` in the current folder where it exists.
    pub fn load(file: Option<&Path>, overrides: Overrides) -> Result<Self> {
        let usual = Path::new("hark.toml");
        let raw = match file {
            Some(file) => read(file)?,
            None if usual.exists() => read(usual)?,
            None => Raw::default(),
        };
        Self::validate(raw, overrides)
    }

    /// The built-in metrics with the team's own over them.
    pub fn definitions(&self) -> Result<Definitions> {
        definitions(self.metrics.as_deref())
    }

    fn validate(raw: Raw, overrides: Overrides) -> Result<Self> {
        let usual = Self::default();
        let listen = match overrides.listen.or(raw.listen) {
            Some(text) => address(&text)?,
            None => usual.listen,
        };
        let detection = raw.detection.unwrap_or_default();
        let budget = Budget {
            false_alarms_per_week: detection.false_alarms_per_week.unwrap_or(usual.budget.false_alarms_per_week),
            teams: detection.teams.unwrap_or_default(),
            joint: detection.joint.unwrap_or_default(),
        };
        let of_all = ("false_alarms_per_week".to_owned(), budget.false_alarms_per_week);
        let of_teams = budget.teams.iter().map(|(team, per_week)| (format!("teams.{team}"), *per_week));
        for (key, per_week) in iter::once(of_all).chain(of_teams) {
            if !(per_week.is_finite() && per_week > 0.0) {
                bail!("detection.{key} is {per_week}; write a number above 0, such as 1");
            }
        }
        let ingest = raw.ingest.unwrap_or_default();
        if ingest.quota_bytes_per_second == Some(0) {
            bail!("ingest.quota_bytes_per_second is 0, which lets nobody in; leave it out for no quota");
        }
        let history = raw.history.unwrap_or_default();
        let days = |name: &str, days: Option<u32>, usual: u32| match days {
            Some(0) => Err(anyhow!("history.{name} is 0; write the days to keep, at least 1")),
            days => Ok(days.unwrap_or(usual)),
        };
        let keep = Keep {
            events_days: days("events_days", history.events_days, usual.keep.events_days)?,
            minutes_days: days("minutes_days", history.minutes_days, usual.keep.minutes_days)?,
            hours_days: days("hours_days", history.hours_days, usual.keep.hours_days)?,
        };
        let cadence = Cadence {
            snapshot_events: ingest.snapshot_events.unwrap_or(usual.cadence.snapshot_events),
            history_seconds: history.commit_seconds.unwrap_or(usual.cadence.history_seconds),
        };
        if cadence.snapshot_events == 0 || cadence.history_seconds == 0 {
            bail!("ingest.snapshot_events and history.commit_seconds must be at least 1");
        }
        Ok(Self {
            cadence,
            quota_bytes_per_second: ingest.quota_bytes_per_second,
            grpc: ingest.grpc.as_deref().map(address).transpose()?,
            keep,
            listen,
            data: overrides.data.or(raw.data).unwrap_or(usual.data),
            database: overrides.database.or(raw.database),
            metrics: overrides.metrics.or(raw.metrics),
            budget,
        })
    }
}

/// The built-in metrics with those of `file` over them.
pub fn definitions(file: Option<&Path>) -> Result<Definitions> {
    let built_in = Definitions::built_in();
    let Some(file) = file else { return Ok(built_in) };
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("the metric definitions in {} cannot be read", file.display()))?;
    let own = Definitions::parse(&text).map_err(|error| anyhow!("{}: {error}", file.display()))?;
    Ok(built_in.overlaid_with(own))
}

pub fn address(text: &str) -> Result<SocketAddr> {
    text.parse().map_err(|_| anyhow!("`{text}` is not an address to listen on; write one such as 127.0.0.1:8080"))
}

fn read(file: &Path) -> Result<Raw> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("the configuration {} cannot be read", file.display()))?;
    parse(&text).map_err(|error| anyhow!("{}: {error}", file.display()))
}

fn parse(text: &str) -> Result<Raw> {
    let table: toml::Table = toml::from_str(text).map_err(|error| anyhow!("not valid TOML: {}", first_line(&error)))?;
    for (key, value) in &table {
        check_key(key)?;
        for inner in value.as_table().into_iter().flat_map(toml::Table::keys) {
            check_key(&format!("{key}.{inner}"))?;
        }
    }
    table.try_into().map_err(|error: toml::de::Error| anyhow!("{}", first_line(&error)))
}

fn check_key(key: &str) -> Result<()> {
    if KEYS.contains(&key) {
        return Ok(());
    }
    match nearest(key, KEYS) {
        Some(near) => bail!("unknown key `{key}`; did you mean `{near}`?"),
        None => bail!("unknown key `{key}`; the keys are {}", KEYS.join(", ")),
    }
}

fn first_line(error: &toml::de::Error) -> String {
    error.message().lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config> {
        Config::validate(parse(text)?, Overrides::default())
    }

    #[test]
    fn the_sample_file_says_what_the_defaults_are() {
        assert_eq!(load(SAMPLE).unwrap(), Config::default());
        let uncommented: String = SAMPLE
            .lines()
            .map(|line| line.strip_prefix("#= ").unwrap_or(line))
            .fold(String::new(), |text, line| text + line + "\n");
        let all = load(&uncommented).unwrap();
        assert!(all.database.is_some() && all.metrics.is_some());
    }

    #[test]
    fn what_is_wrong_is_said_in_one_sentence() {
        let problem = |text: &str| load(text).unwrap_err().to_string();
        assert_eq!(problem("lisen = '1'"), "unknown key `lisen`; did you mean `listen`?");
        assert_eq!(
            problem("[detection]\nfalse_alarm_per_week = 1"),
            "unknown key `detection.false_alarm_per_week`; did you mean `detection.false_alarms_per_week`?"
        );
        assert_eq!(
            problem("listen = 'here'"),
            "`here` is not an address to listen on; write one such as 127.0.0.1:8080"
        );
        assert!(problem("[detection]\nfalse_alarms_per_week = 0").contains("above 0"));
        assert_eq!(
            problem("[detection.teams]\nspeech = 0"),
            "detection.teams.speech is 0; write a number above 0, such as 1"
        );
        assert!(problem("listen = ").starts_with("not valid TOML"));
    }

    #[test]
    fn a_team_may_have_a_budget_of_its_own() {
        let config =
            load("[detection]\nfalse_alarms_per_week = 2\njoint = true\n[detection.teams]\n'voice latency' = 0.5")
                .unwrap();
        assert_eq!(config.budget.told(config.budget.team(Some("voice latency"))), "0.5 per week");
        assert_eq!(config.budget.told(config.budget.team(Some("others"))), "2 per week");
        assert!(config.budget.joint && !Config::default().budget.joint);
    }

    #[test]
    fn flags_go_over_the_file() {
        let overrides = Overrides { listen: Some("127.0.0.1:9".to_owned()), ..Overrides::default() };
        let config = Config::validate(parse("listen = '127.0.0.1:7'\ndata = 'd'").unwrap(), overrides).unwrap();
        assert_eq!((config.listen.port(), config.data), (9, PathBuf::from("d")));
    }
}
