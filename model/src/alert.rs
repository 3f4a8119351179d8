//! The alert, in the shape that outside programs read.

use serde::{Deserialize, Serialize};

use crate::{Cause, Direction, FindingKind, Mix, Slice, Statistic, Suspect, Timestamp, Why};

#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AlertId(pub String);

#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertStatus {
    Firing,
    Acknowledged,
    Resolved,
    Silenced,
}

impl AlertStatus {
    pub const ALL: [Self; 4] = [Self::Firing, Self::Acknowledged, Self::Resolved, Self::Silenced];

    pub fn name(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
            Self::Silenced => "silenced",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Info,
    Warning,
    Critical,
}

#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    pub id: AlertId,
    #[serde(default)]
    pub kind: FindingKind,
    pub metric: String,
    pub statistic: Statistic,
    pub direction: Direction,
    pub status: AlertStatus,
    pub severity: Severity,
    pub slice: Slice,
    pub incident_id: String,
    pub owner: Option<String>,
    /// Who looks after it: whom it was given to last, else who acknowledged it.
    #[serde(default)]
    pub assignee: Option<String>,
    pub opened_at: Timestamp,
    pub onset: Timestamp,
    pub onset_interval: [Timestamp; 2],
    pub resolved_at: Option<Timestamp>,
    pub effect: Effect,
    pub evidence: Evidence,
    pub causes: Vec<Cause>,
    pub mix: Option<Mix>,
    /// Parts of a response time that add up to the effect's delta; empty where they were not worked out.
    #[serde(default)]
    pub stages: Vec<Stage>,
    /// Error texts before and during; empty where they were not worked out.
    #[serde(default)]
    pub errors: Vec<ErrorSignature>,
    pub suspects: Vec<Suspect>,
    /// How causes, mix and suspects were come by, and how far they can be trusted; null where it is not known.
    #[serde(default)]
    pub why: Option<Why>,
    /// What a local model made of it; null where none was asked.
    #[serde(default)]
    pub label: Option<Label>,
    /// Earlier alerts like this one; empty where they were not looked for.
    #[serde(default)]
    pub similar: Vec<Similar>,
    /// The alert that this one turned out to be part of; it has ended in that one.
    #[serde(default)]
    pub folded_into: Option<AlertId>,
    /// The other series of this metric that moved with it and were folded into it.
    #[serde(default)]
    pub folded: Vec<Slice>,
    /// The candidates that made it, as they came: the first opened it. Empty in lists, and where they were not kept.
    #[serde(default)]
    pub joined: Vec<Joined>,
    /// The verdicts people gave, oldest first.
    #[serde(default)]
    pub feedback: Vec<Feedback>,
}

/// A series whose evidence came through the whole funnel, and how it had moved by then.
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Joined {
    pub at: Timestamp,
    pub slice: Slice,
    pub statistic: Statistic,
    pub onset: Timestamp,
    pub relative: f64,
    pub e_value: f64,
}

#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    pub before: f64,
    pub after: f64,
    pub delta: f64,
    pub relative: f64,
    pub interval: [f64; 2],
    pub unit: String,
    pub requests: u64,
    /// About how many distinct users, in two digits; `None` where events name none.
    pub users: Option<u64>,
}

#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    pub e_value: f64,
    pub false_alarm_budget: String,
    pub detectors: Vec<DetectorEvidence>,
    /// The series of the alert's own slice as it stood when the evidence was last taken.
    #[serde(default)]
    pub chart: Option<FrozenChart>,
}

/// One detector's word. The contributions of its attributions add up to `score - base`.
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DetectorEvidence {
    pub name: String,
    pub score: f64,
    pub p_value: f64,
    pub attributions: Vec<Attribution>,
    pub base: f64,
}

#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attribution {
    pub feature: String,
    pub value: f64,
    pub contribution: f64,
}

/// Aligned columns, one entry a step from `start`; `None` is a gap.
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrozenChart {
    /// The series that is drawn: the alert's own slice where it is watched, else the narrowest watched one around it.
    pub slice: Slice,
    pub start: Timestamp,
    pub step_seconds: u32,
    pub value: Vec<Option<f64>>,
    pub expected: Vec<Option<f64>>,
    pub low: Vec<Option<f64>>,
    pub high: Vec<Option<f64>>,
}

/// A part of a response time at the alert's statistic. Over all parts `delta` adds up to the effect's delta, `before` and
/// `during` to its values.
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Stage {
    /// The field, or `gap`: what the stages leave of the value.
    pub stage: String,
    pub delta: f64,
    /// Of the effect's delta.
    pub share: f64,
    #[serde(default)]
    pub before: Option<f64>,
    #[serde(default)]
    pub during: Option<f64>,
    /// 95 % interval of `delta`.
    #[serde(default)]
    pub interval: Option<[f64; 2]>,
    /// The same move told apart by Shapley values over stages; adds up like `delta`.
    #[serde(default)]
    pub shapley: Option<f64>,
    /// It is this one stage. Where none is, no single stage stands out.
    #[serde(default)]
    pub named: bool,
}

/// What failures say, and how often they said it.
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ErrorSignature {
    /// What texts of its kind share, with `<*>` for what varies; no number of an event is in it.
    pub signature: String,
    /// Requests with it that the usual share would have given, of as many as came.
    pub before: u64,
    pub after: u64,
    /// The part of the excess failures that says this.
    #[serde(default)]
    pub share: f64,
    /// It did not come up in the time before.
    #[serde(default)]
    pub new: bool,
    /// Texts it stands for, masked, where they differ in words.
    #[serde(default)]
    pub examples: Vec<String>,
}

#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Label {
    pub category: String,
    pub component: String,
    pub summary: String,
    pub next_steps: Vec<String>,
    pub confidence: f64,
    pub model: String,
    pub abstained: bool,
}

#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Similar {
    pub alert_id: AlertId,
    /// From 0 to 1: how much the two share of what is known of both.
    pub score: f64,
    /// What they share, in words.
    #[serde(default)]
    pub why: Vec<String>,
    #[serde(default)]
    pub opened_at: Option<Timestamp>,
    #[serde(default)]
    pub metric: Option<String>,
    #[serde(default)]
    pub slice: Option<Slice>,
    /// What people said of it and when it ended, as of now; known where one alert is asked for by its id.
    #[serde(default)]
    pub verdict: Option<Verdict>,
    #[serde(default)]
    pub label: Option<String>,
    #[serde(default)]
    pub resolved_at: Option<Timestamp>,
}

impl FrozenChart {
    /// The whole of it in at most `points` entries, each the mean of some steps: enough for a small drawing in a list.
    #[must_use]
    pub fn thin(mut self, points: usize) -> Self {
        let together = self.value.len().div_ceil(points.max(1)).max(1);
        for column in [&mut self.value, &mut self.expected, &mut self.low, &mut self.high] {
            *column = column.chunks(together).map(mean).collect();
        }
        self.step_seconds *= together as u32;
        self
    }
}

/// The mean of what is there; a gap where nothing is.
fn mean(values: &[Option<f64>]) -> Option<f64> {
    let known: Vec<f64> = values.iter().copied().flatten().collect();
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}

#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    True,
    False,
    Duplicate,
}

#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feedback {
    pub verdict: Verdict,
    #[serde(default)]
    pub label: Option<String>,
    #[serde(default)]
    pub note: Option<String>,
    /// Who says so; nobody needs to be named.
    #[serde(default)]
    pub by: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thin_chart_keeps_its_span_and_its_gaps() {
        let value: Vec<Option<f64>> = (0..100).map(|step| (step >= 40).then_some(f64::from(step))).collect();
        let chart = FrozenChart {
            slice: Slice::total(),
            start: Timestamp::from_millis(0),
            step_seconds: 300,
            expected: value.clone(),
            low: value.clone(),
            high: value.clone(),
            value,
        };
        let thin = chart.clone().thin(25);
        assert_eq!((thin.value.len(), thin.step_seconds), (25, 1200));
        assert_eq!((thin.value[9], thin.value[10]), (None, Some(41.5)));
        assert_eq!(chart.clone().thin(500), chart);
    }
}
