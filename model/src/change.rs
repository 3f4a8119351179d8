//! Something that changed: a deploy, a configuration, a model, an experiment, a holiday.

use serde::{Deserialize, Serialize};
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
}

impl Change {
    pub fn id(&self) -> ChangeId {
        let text = format!("{}\n{:?}\n{}\n{}", self.time.millis(), self.kind, self.title, self.slice);
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
}
