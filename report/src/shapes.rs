//! The report's shapes: one typed answer for the page, the e-mail, the command line and the API.

use hark_model::{AlertStatus, Severity, Slice, Statistic, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// How to get a number again: an address of this API, or SQL for POST /api/v1/query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Query {
    Address(String),
    Sql(String),
}

/// What leadership reads of one week.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Report {
    pub span: Span,
    /// The week in one sentence.
    pub sentence: String,
    /// All traffic first, then the platforms, the busiest first.
    pub scores: Vec<UxScore>,
    pub objectives: Vec<Objectives>,
    pub regressions: Regressions,
    pub times: Times,
    pub precision: Precision,
    pub alarms: AlarmBudget,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Span {
    /// As in 2026-W18.
    pub week: String,
    pub from: Timestamp,
    pub to: Timestamp,
    /// What the numbers cover: to the end of the week, or to now while it goes on; null before its first event.
    pub until: Option<Timestamp>,
    pub is_complete: bool,
    pub previous: String,
    /// Null while this week goes on.
    pub next: Option<String>,
}

/// A composite of a week in one slice, and which part of it costs how much.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct UxScore {
    pub slice: Slice,
    pub metric: String,
    pub requests: u64,
    /// Null where a part has no value.
    pub score: Option<f64>,
    /// What the score would be if no part cost anything; the score is this less all that the parts cost.
    pub full: Option<f64>,
    pub parts: Vec<ScorePart>,
    /// Null where history has none.
    pub last_week: Option<f64>,
    pub last_year: Option<f64>,
    /// The newest thirteen weeks, the oldest first, this one last.
    pub weeks: Vec<ScoreWeek>,
    /// The days of this week.
    pub days: Vec<ScoreDay>,
    pub query: Query,
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ScorePart {
    /// The term of the formula.
    pub term: String,
    /// What it is made of, where that is one metric.
    pub metric: Option<String>,
    pub statistic: Option<Statistic>,
    pub value: Option<f64>,
    pub unit: String,
    /// Points that it takes from the full score.
    pub costs: f64,
    /// What it took in the week before; null where history has none.
    pub cost_last_week: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ScoreWeek {
    pub week: String,
    pub score: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ScoreDay {
    pub day: Timestamp,
    pub score: Option<f64>,
}

/// An objective of a metric over its window, up to the end of what the report covers.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Objectives {
    pub metric: String,
    pub owner: Option<String>,
    pub statistic: Statistic,
    pub target: f64,
    pub unit: String,
    /// As it was written, such as 28d.
    pub window: String,
    pub from: Timestamp,
    /// As a sentence: what the objective asks for.
    pub sentence: String,
    pub requests: u64,
    /// Requests that missed it.
    pub missed: f64,
    /// The share that may miss it, and the share that did.
    pub allowed_share: f64,
    pub missed_share: Option<f64>,
    /// The part of the error budget that is left; below 0 when it is overspent.
    pub budget_left: Option<f64>,
    /// How many times as fast as would just last the window: 1 is even spending. This week's, and the last day's.
    pub burn_week: Option<f64>,
    pub burn_day: Option<f64>,
    /// At this week's pace; null where it lasts the window, or is gone already.
    pub runs_out: Option<Timestamp>,
    pub query: Query,
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Regressions {
    /// Still going on at the end of what the report covers, the worst first; seven at most.
    pub open: Vec<Regression>,
    pub open_total: u64,
    /// Ended within the week, the worst first; seven at most.
    pub fixed: Vec<Regression>,
    pub fixed_total: u64,
    pub opened: u64,
    pub opened_last_week: u64,
    pub query: Query,
    /// How lost time is counted.
    pub how: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Regression {
    pub alert: String,
    pub metric: String,
    pub statistic: Statistic,
    pub slice: Slice,
    pub sentence: String,
    pub severity: Severity,
    pub status: AlertStatus,
    pub owner: Option<String>,
    pub onset: Timestamp,
    pub opened_at: Timestamp,
    pub resolved_at: Option<Timestamp>,
    pub before: f64,
    pub after: f64,
    pub relative: f64,
    pub unit: String,
    pub requests: u64,
    pub users: Option<u64>,
    /// Seconds that users lost, as `how` says; null for traffic that is missing.
    pub user_seconds_lost: Option<f64>,
}

/// How long things took, of alerts that opened in the week.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Times {
    /// From the onset to the alert.
    pub detect: Spread,
    /// From the alert to its end, of those that have ended.
    pub resolve: Spread,
    pub query: Query,
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Spread {
    pub alerts: u64,
    pub median_minutes: Option<f64>,
    /// 95 % interval of the median, free of assumptions; null of fewer than six.
    pub interval_minutes: Option<[f64; 2]>,
    pub p90_minutes: Option<f64>,
}

/// Of the alerts of the week that people judged, how many were real.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Precision {
    pub labelled: u64,
    pub of: u64,
    pub real: u64,
    pub not_real: u64,
    pub duplicate: u64,
    /// Real of real and not real; null before anybody judged.
    pub share: Option<f64>,
    /// Wilson's 95 % interval.
    pub interval: Option<[f64; 2]>,
    pub query: Query,
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AlarmBudget {
    pub state: BudgetState,
    pub sentence: String,
    /// False alarms a week that are allowed.
    pub budget: f64,
    /// Alerts of the week that people judged not to be real.
    pub false_alarms: u64,
    /// Exact 95 % interval of what such weeks bring (Poisson).
    pub interval: [f64; 2],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BudgetState {
    Kept,
    Exceeded,
    /// Too few alerts were judged to say.
    Unknown,
}
