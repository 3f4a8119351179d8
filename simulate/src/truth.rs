//! What was planted, in the words of truth.json: what to find, where, when, and how visible it is.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::config::Config;
use crate::incidents::Family;
use crate::plan::Planned;
use crate::request::Stage;
use crate::slice::{Names, SliceNames};

/// The ground truth of one simulation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Truth {
    pub seed: u64,
    pub start: DateTime<Utc>,
    pub days: u32,
    pub rate: f64,
    /// By time; they do not overlap.
    pub incidents: Vec<IncidentTruth>,
    /// Known once everything has been written.
    pub written: Option<Written>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IncidentTruth {
    pub id: String,
    pub family: Family,
    /// The built-in metric that shows it best.
    pub metric: Metric,
    /// The statistic of that metric that shows it best.
    pub statistic: Statistic,
    pub direction: Direction,
    /// Where it happens; empty for all traffic. Of a shift of the mix: the slow slice that grows.
    pub slice: SliceNames,
    pub start: DateTime<Utc>,
    pub end: DateTime<Utc>,
    /// Always a fraction, over the whole incident in its slice (of a shift of the mix: in all traffic).
    /// `response_time`: the relative rise of the statistic (0.3 is 30 % slower). `failure_rate`: the added share of
    /// requests that fail (0.05 is five points more). `requests`: the share of events that is missing (1 is all).
    pub magnitude: f64,
    /// The statistic without and with the incident: milliseconds, a share, or requests per minute.
    pub before: f64,
    pub after: f64,
    /// The field of the stage that the trouble is in.
    pub stage: Option<&'static str>,
    pub expect: Expectation,
    /// Effect over standard error of the statistic, for the slice's requests during the incident.
    pub strength: f64,
    /// Clearly visible: silence is a miss. Never true when silence is expected.
    pub strong: bool,
    /// Share of all traffic that would be in the slice during those hours without the incident.
    pub traffic_share: f64,
    /// The title of the change that caused it, if one was recorded.
    pub cause_change_title: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    ResponseTime,
    FailureRate,
    Requests,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    P50,
    P95,
    P99,
    Rate,
    Count,
}

impl Statistic {
    /// The level of a quantile; that of the median for the others, which have none.
    pub(crate) fn level(self) -> f64 {
        match self {
            Self::P95 => 0.95,
            Self::P99 => 0.99,
            Self::P50 | Self::Rate | Self::Count => 0.5,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Up,
    Down,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Expectation {
    Alert,
    Silent,
}

/// What was written so far. Lines are `events + duplicates + malformed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Written {
    /// Well-formed events, each once.
    pub events: u64,
    /// Second copies of events.
    pub duplicates: u64,
    /// Of the events, those that arrived in a later minute than the one they happened in.
    pub late: u64,
    /// Lines that no reader can take.
    pub malformed: u64,
}

impl Truth {
    pub(crate) fn new(config: &Config, planned: &[Planned], names: &Names) -> Self {
        let incidents = planned.iter().enumerate().map(|(index, planned)| incident(index, planned, names)).collect();
        let start = utc(config.start_ms);
        Self { seed: config.seed, start, days: config.days, rate: config.rate, incidents, written: None }
    }
}

fn incident(index: usize, planned: &Planned, names: &Names) -> IncidentTruth {
    let Planned { incident, measured, cause_title } = planned;
    let (before, after) = (measured.before, measured.after);
    let magnitude = match measured.metric {
        Metric::ResponseTime => after / before - 1.0,
        Metric::FailureRate => after - before,
        Metric::Requests => 1.0 - after / before,
    };
    let silent = incident.family == Family::MixShift;
    IncidentTruth {
        id: format!("inc-{}", index + 1),
        family: incident.family,
        metric: measured.metric,
        statistic: measured.statistic,
        direction: if measured.metric == Metric::Requests { Direction::Down } else { Direction::Up },
        slice: incident.slice.names(names),
        start: utc(incident.course.start_ms),
        end: utc(incident.course.end_ms),
        magnitude: rounded(magnitude),
        before: rounded(before),
        after: rounded(after),
        stage: incident.stage().map(Stage::field),
        expect: if silent { Expectation::Silent } else { Expectation::Alert },
        strength: rounded(measured.strength),
        strong: measured.strong,
        traffic_share: rounded(measured.share),
        cause_change_title: cause_title.clone(),
    }
}

/// Within the bounds of the configuration every moment has a date.
pub(crate) fn utc(time_ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(time_ms).unwrap_or_default()
}

/// Four digits are more than an estimate from a sample deserves.
fn rounded(value: f64) -> f64 {
    if value.is_finite() { (value * 1e4).round() / 1e4 } else { 0.0 }
}
