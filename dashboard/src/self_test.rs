//! What the self-test says, in the shapes of the API.

use std::fmt;

use hark_model::{Slice, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// How hark judges its own detection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SelfTestState {
    /// Turned off.
    Off,
    /// Nothing can be said yet.
    Learning,
    Working,
    /// What is evident raises no alarm.
    Blind,
    /// Alarms where nothing changed.
    Crying,
    /// Alarms where something got better.
    Backwards,
    /// The expectation does not follow what has become normal.
    Stale,
}

impl SelfTestState {
    /// Whether detection is broken.
    pub fn is_fault(self) -> bool {
        !matches!(self, Self::Off | Self::Learning | Self::Working)
    }
}

impl fmt::Display for SelfTestState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::Learning => "learning",
            Self::Working => "working",
            Self::Blind => "blind",
            Self::Crying => "crying",
            Self::Backwards => "backwards",
            Self::Stale => "stale",
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SelfTestVerdict {
    pub state: SelfTestState,
    /// Why, as a sentence.
    pub sentence: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SelfTestReport {
    pub verdict: SelfTestVerdict,
    /// The last step that was tested; null before the first.
    pub tested_at: Option<Timestamp>,
    /// Regressions that any working detector sees: good are those that raised an alarm.
    pub strong: Trials,
    /// Improvements: good are those that raised none.
    pub improvements: Trials,
    /// Lasting improvements that had to become the new normal: good are those that did.
    pub followed: Trials,
    /// Copies without any change: good are those that raised no alarm.
    pub unchanged: Trials,
    pub alarms: AlarmAudit,
    /// What each series would catch, by metric and then by traffic; those that had no turn yet are missing.
    pub sensitivities: Vec<Sensitivity>,
}

/// The last trials of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Trials {
    pub tried: u64,
    pub good: u64,
}

/// Real alerts of up to four weeks, beside how many may be false.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct AlarmAudit {
    pub opened: u64,
    pub weeks: f64,
    /// Alerts a week, true ones included: 95 % interval (Poisson).
    pub per_week: [f64; 2],
    /// False alarms a week that are allowed.
    pub budget_per_week: f64,
}

/// The smallest regression that one metric would catch in one slice.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Sensitivity {
    pub metric: String,
    pub slice: Slice,
    pub sentence: String,
    /// Of a step, in percent of the value and in the direction that is worse; null where none was caught.
    pub smallest_caught_percent: Option<f64>,
    /// The time that all of those took at most.
    pub within_minutes: Option<u32>,
    /// The same of a drift over three hours.
    pub smallest_drift_caught_percent: Option<f64>,
    pub drift_within_minutes: Option<u32>,
    /// Steps and drifts tried so far.
    pub trials: u32,
}
