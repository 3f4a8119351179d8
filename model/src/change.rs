//! Something that changed: a deploy, a configuration, a model, an experiment, a holiday, an incident.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use xxhash_rust::xxh3::xxh3_64;

use crate::{Slice, Timestamp};

/// Derived from the content, so that the same change sent twice is one.
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChangeId(pub String);

#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    Deploy,
    Config,
    Model,
    Experiment,
    Holiday,
    /// A span of time in which things were not as usual, whatever the reason: what was seen then is no evidence, and nothing
    /// is learned from it.
    Incident,
}

#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    pub time: Timestamp,
    pub kind: ChangeKind,
    pub title: String,
    /// The traffic it can have touched; all of it where none is named.
    #[serde(default)]
    pub slice: Slice,
    #[serde(default)]
    pub url: Option<String>,
    /// When an incident was over, or will be. No other kind has it.
    #[serde(default)]
    pub until: Option<Timestamp>,
}

/// Why a change is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ChangeError {
    #[error("an incident lasts from its `time` until its `until`; write both, `until` after `time`")]
    NoSpan,
    #[error("an incident of more than {INCIDENT_DAYS_MAX} days leaves nothing to compare with; write the worst of it")]
    Long,
    #[error("only an incident lasts `until` a time; leave it out")]
    NotAnIncident,
}

/// A longer one would hide what is usual.
const INCIDENT_DAYS_MAX: i64 = 14;

impl Change {
    /// What is read from outside is checked once.
    pub fn check(&self) -> Result<(), ChangeError> {
        match (self.kind, self.until) {
            (ChangeKind::Incident, Some(until)) if until > self.time => {
                let is_long = until.minutes_since(self.time) > INCIDENT_DAYS_MAX * 24 * 60;
                if is_long { Err(ChangeError::Long) } else { Ok(()) }
            }
            (ChangeKind::Incident, _) => Err(ChangeError::NoSpan),
            (_, Some(_)) => Err(ChangeError::NotAnIncident),
            (_, None) => Ok(()),
        }
    }

    /// From when until when an incident lasted.
    pub fn incident(&self) -> Option<[Timestamp; 2]> {
        self.until.filter(|_| self.kind == ChangeKind::Incident).map(|until| [self.time, until])
    }

    pub fn id(&self) -> ChangeId {
        let mut text = format!("{}\n{:?}\n{}\n{}", self.time.millis(), self.kind, self.title, self.slice);
        if let Some(until) = self.until {
            text += &format!("\n{}", until.millis());
        }
        ChangeId(format!("ch_{:016x}", xxh3_64(text.as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_change_has_the_same_id() {
        let line = r#"{"time":"2026-05-01T12:00:00Z","kind":"deploy","title":"asr 5.2","slice":{"cluster":"eu"}}"#;
        let change: Change = serde_json::from_str(line).unwrap();
        assert_eq!(change.id(), change.clone().id());
        assert_ne!(change.id(), Change { title: "asr 5.3".into(), ..change.clone() }.id());
    }

    #[test]
    fn an_incident_has_an_end_and_nothing_else_has() {
        let change = |kind: &str, until: &str| -> Change {
            let line = format!(r#"{{"time":"2026-05-01T12:00:00Z","kind":"{kind}","title":"x"{until}}}"#);
            serde_json::from_str(&line).unwrap()
        };
        let until = |time: &str| format!(r#","until":"{time}""#);
        let incident = change("incident", &until("2026-05-01T14:00:00Z"));
        assert_eq!(incident.check(), Ok(()));
        assert_eq!(incident.incident().map(|[from, to]| to.minutes_since(from)), Some(120));
        assert_ne!(incident.id(), change("incident", &until("2026-05-01T15:00:00Z")).id());
        for (change, problem) in [
            (change("incident", ""), ChangeError::NoSpan),
            (change("incident", &until("2026-05-01T12:00:00Z")), ChangeError::NoSpan),
            (change("incident", &until("2026-05-16T12:00:00Z")), ChangeError::Long),
            (change("holiday", &until("2026-05-01T14:00:00Z")), ChangeError::NotAnIncident),
        ] {
            assert_eq!(change.check(), Err(problem));
        }
        assert_eq!(change("deploy", "").check(), Ok(()));
    }
}
