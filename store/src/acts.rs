//! What people do to an alert, kept apart from what the pipeline says of it, and the rule that joins the two.

use hark_model::{Alert, AlertStatus, Feedback, Timestamp};
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::documents::{from_document, replace_nul, to_document};
use crate::told::{told, told_with};

/// The longest name of a person.
pub const WHO_BYTES_MAX: usize = 200;
/// The longest feedback, label and note together; a longer one is refused.
pub const FEEDBACK_BYTES_MAX: usize = 10_000;
/// An alert takes this many verdicts; a further one is refused.
pub const FEEDBACK_PER_ALERT_MAX: usize = 200;

/// One thing that a person does to an alert.
#[derive(Debug, Clone, Copy)]
pub enum Act<'a> {
    Acknowledge {
        by: &'a str,
    },
    Resolve {
        by: &'a str,
    },
    /// It is given to somebody, oneself for instance.
    Assign {
        by: &'a str,
        to: &'a str,
    },
    Feedback(&'a Feedback),
}

impl Act<'_> {
    /// Its name in the audit.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Acknowledge { .. } => "acknowledge",
            Self::Resolve { .. } => "resolve",
            Self::Assign { .. } => "assign",
            Self::Feedback(_) => "feedback",
        }
    }

    /// Who does it, for the audit.
    pub fn who(&self) -> Option<String> {
        match self {
            Self::Acknowledge { by } | Self::Resolve { by } | Self::Assign { by, .. } => Some(replace_nul(by)),
            Self::Feedback(feedback) => feedback.by.as_deref().map(replace_nul),
        }
    }

    /// Engines call this before they look at the database, so that what is refused is refused everywhere.
    pub fn check(&self) -> Result<(), StoreError> {
        match self {
            Self::Acknowledge { by } | Self::Resolve { by } => check_name(by, "`by` must name who did it")?,
            Self::Assign { by, to } => {
                check_name(by, "`by` must name who did it")?;
                check_name(to, "`to` must name who shall look after it")?;
            }
            Self::Feedback(feedback) => {
                if let Some(by) = &feedback.by {
                    check_name(by, "`by` may be left out, and must name somebody where it is not")?;
                }
                let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
                if length(&feedback.label) + length(&feedback.note) > FEEDBACK_BYTES_MAX {
                    let problem = format!("the feedback is longer than {FEEDBACK_BYTES_MAX} bytes; shorten the note");
                    return Err(StoreError::Refused(problem));
                }
            }
        }
        Ok(())
    }
}

fn check_name(name: &str, must: &str) -> Result<(), StoreError> {
    if name.trim().is_empty() || name.len() > WHO_BYTES_MAX {
        return Err(StoreError::Refused(format!("{must}, in at most {WHO_BYTES_MAX} bytes")));
    }
    Ok(())
}

/// Who and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    by: String,
    at: Timestamp,
}

/// All that people did to one alert. Nothing here is ever taken back.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Acts {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    acknowledged: Option<Stamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resolved: Option<Stamp>,
    /// The last one; the audit has them all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    assigned: Option<Assignment>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    feedback: Vec<TimedFeedback>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Assignment {
    to: String,
    at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct TimedFeedback {
    at: Timestamp,
    given: Feedback,
}

impl Acts {
    pub fn read(id: &str, text: &str) -> Result<Self, StoreError> {
        from_document("what people did to the alert", id, text)
    }

    /// The status to show: resolved if the pipeline or a person resolved it, else silenced if the pipeline says so,
    /// else acknowledged if somebody did, else firing.
    pub fn status(&self, pipeline: AlertStatus) -> AlertStatus {
        match pipeline {
            AlertStatus::Resolved => AlertStatus::Resolved,
            _ if self.resolved.is_some() => AlertStatus::Resolved,
            AlertStatus::Silenced => AlertStatus::Silenced,
            _ if self.acknowledged.is_some() => AlertStatus::Acknowledged,
            AlertStatus::Firing | AlertStatus::Acknowledged => AlertStatus::Firing,
        }
    }

    /// Who looks after the alert: whom it was given to last, else who acknowledged it.
    pub fn assignee(&self) -> Option<&str> {
        let acknowledged = self.acknowledged.as_ref().map(|stamp| stamp.by.as_str());
        self.assigned.as_ref().map(|assigned| assigned.to.as_str()).or(acknowledged)
    }

    /// Whether that changed anything.
    fn add(&mut self, act: Act<'_>, at: Timestamp) -> Result<bool, StoreError> {
        match act {
            Act::Acknowledge { by } => Ok(set_once(&mut self.acknowledged, by, at)),
            Act::Resolve { by } => Ok(set_once(&mut self.resolved, by, at)),
            Act::Assign { to, .. } => Ok(self.assign(to, at)),
            Act::Feedback(feedback) => self.add_feedback(feedback, at),
        }
    }

    /// To whom has it already changes nothing.
    fn assign(&mut self, to: &str, at: Timestamp) -> bool {
        let to = replace_nul(to);
        if self.assignee() == Some(to.as_str()) {
            return false;
        }
        self.assigned = Some(Assignment { to, at });
        true
    }

    fn add_feedback(&mut self, feedback: &Feedback, at: Timestamp) -> Result<bool, StoreError> {
        let clean = |text: &Option<String>| text.as_deref().map(replace_nul);
        let Feedback { verdict, label, note, by } = feedback;
        let given = Feedback { verdict: *verdict, label: clean(label), note: clean(note), by: clean(by) };
        if self.feedback.last().is_some_and(|last| last.given == given) {
            return Ok(false);
        }
        if self.feedback.len() >= FEEDBACK_PER_ALERT_MAX {
            let problem = format!("the alert has {FEEDBACK_PER_ALERT_MAX} verdicts already and takes no more");
            return Err(StoreError::Refused(problem));
        }
        self.feedback.push(TimedFeedback { at, given });
        Ok(true)
    }
}

fn set_once(stamp: &mut Option<Stamp>, by: &str, at: Timestamp) -> bool {
    if stamp.is_some() {
        return false;
    }
    *stamp = Some(Stamp { by: replace_nul(by), at });
    true
}

/// An alert as it is kept: the pipeline's word and the people's, side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredAlert {
    pipeline: Alert,
    acts: Acts,
}

impl StoredAlert {
    /// From the two documents of a row.
    pub fn read(id: &str, document: &str, acts: &str) -> Result<Self, StoreError> {
        Ok(Self { pipeline: from_document("the alert", id, document)?, acts: Acts::read(id, acts)? })
    }

    /// Adds what a person did; whether that changed anything.
    pub fn add(&mut self, act: Act<'_>, at: Timestamp) -> Result<bool, StoreError> {
        self.acts.add(act, at)
    }

    /// The status to show, by its name.
    pub fn status(&self) -> &'static str {
        self.acts.status(self.pipeline.status).name()
    }

    /// Who looks after it.
    pub fn assignee(&self) -> Option<&str> {
        self.acts.assignee()
    }

    /// What words are looked for in.
    pub fn told(&self) -> String {
        told_with(&self.acts, self.status(), &told(&self.pipeline))
    }

    /// The document of what people did.
    pub fn acts_document(&self) -> Result<String, StoreError> {
        to_document("what people did to the alert", &self.pipeline.id.0, &self.acts)
    }

    /// The alert as people see it.
    pub fn into_shown(self) -> Alert {
        let status = self.acts.status(self.pipeline.status);
        let assignee = self.acts.assignee().map(str::to_owned);
        let resolved_by_pipeline = self.pipeline.resolved_at.filter(|_| self.pipeline.status == AlertStatus::Resolved);
        let resolved_by_person = self.acts.resolved.map(|stamp| stamp.at);
        // Of two resolves the earlier counts, so that the order in which they arrive does not matter.
        let resolved_at = [resolved_by_pipeline, resolved_by_person].into_iter().flatten().min();
        Alert {
            status,
            resolved_at,
            assignee,
            feedback: self.acts.feedback.into_iter().map(|timed| timed.given).collect(),
            ..self.pipeline
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_follows_the_rule() {
        use AlertStatus::{Acknowledged, Firing, Resolved, Silenced};
        let stamp = || Some(Stamp { by: "ada".to_owned(), at: Timestamp::from_millis(1) });
        let acts = |acknowledged: bool, resolved: bool| Acts {
            acknowledged: stamp().filter(|_| acknowledged),
            resolved: stamp().filter(|_| resolved),
            assigned: None,
            feedback: Vec::new(),
        };
        let untouched = [(Firing, Firing), (Acknowledged, Firing), (Silenced, Silenced), (Resolved, Resolved)];
        let acknowledged =
            [(Firing, Acknowledged), (Acknowledged, Acknowledged), (Silenced, Silenced), (Resolved, Resolved)];
        for (pipeline, shown) in untouched {
            assert_eq!(acts(false, false).status(pipeline), shown);
        }
        for (pipeline, shown) in acknowledged {
            assert_eq!(acts(true, false).status(pipeline), shown);
        }
        for pipeline in AlertStatus::ALL {
            assert_eq!(acts(true, true).status(pipeline), Resolved);
        }
    }
}
