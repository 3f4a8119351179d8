//! What the application reads and writes, as one narrow trait with a conformance suite.
//!
//! An alert has two authors. The pipeline writes the document, again and again as evidence grows and once more
//! after a crash; people acknowledge, resolve and judge it. The two are kept apart ([`StoredAlert`]) and put
//! together when read, so that neither overwrites the other. What both engines share (that rule, the cursor, the
//! checks) is here; an engine adds SQL and nothing else.

mod acts;
#[cfg(feature = "conformance")]
pub mod conformance;
mod definitions;
mod documents;
mod error;
mod imported_models;
mod incidents;
mod models;
mod query;
mod silences;
mod told;

use async_trait::async_trait;
use hark_model::{Alert, AlertId, Change, ChangeId, Feedback, ImportedModel, ModelVersion, Silence, Timestamp};

pub use acts::{Act, Acts, FEEDBACK_BYTES_MAX, FEEDBACK_PER_ALERT_MAX, StoredAlert, WHO_BYTES_MAX};
pub use definitions::{DEFINITION_BYTES_MAX, DEFINITIONS_MAX, DefinitionChange, DefinitionVersion};
pub use documents::{AlertRow, ChangeRow, NAME_BYTES_MAX, is_name};
pub use error::{BoxError, StoreError};
pub use imported_models::{IMPORTED_VERSIONS_MAX, ImportedRemoval, ImportedRow};
pub use incidents::{INCIDENT_ALERTS_HALF, IncidentOutline};
pub use models::{MODEL_VERSIONS_MAX, ModelAct, ModelRow};
pub use query::{
    ALERTS_PER_PAGE_DEFAULT, ALERTS_PER_PAGE_MAX, AlertPage, AlertQuery, AlertScan, Edge, LOOKED_THROUGH_MAX, Whose,
    cursor_after,
};
pub use silences::{REASON_BYTES_MAX, SILENCES_MAX, SilenceChange, SilenceRow};
pub use told::{TOLD_BYTES_MAX, WORDS_BYTES_MAX, WORDS_MAX};

/// Of one subject's audit entries, the newest this many are read.
pub const AUDIT_ENTRIES_MAX: i64 = 1_000;
/// Of the changes in an interval, the newest this many are read.
pub const CHANGES_MAX: i64 = 10_000;

/// Who did what to which subject, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    pub at: Timestamp,
    /// `None` where nobody is named, as feedback may.
    pub who: Option<String>,
    /// [`Act::name`]
    pub what: String,
    /// The id of what it was done to.
    pub subject: String,
}

/// Everything that outlives a restart and is not an event or a cell.
#[async_trait]
pub trait Store: Send + Sync {
    /// Writes what the pipeline says of these alerts, all of them or none. What people did to them stays; the
    /// feedback in `alerts` and an `acknowledged` status are theirs and are not taken from here. Of two alerts with
    /// one id the later one counts.
    async fn save_alerts(&self, alerts: &[Alert]) -> Result<(), StoreError>;

    /// [`Store::save_alerts`] of one.
    async fn save_alert(&self, alert: &Alert) -> Result<(), StoreError> {
        self.save_alerts(std::slice::from_ref(alert)).await
    }

    async fn alert(&self, id: &AlertId) -> Result<Option<Alert>, StoreError>;

    /// Newest first; alerts that opened in the same millisecond in the order of their ids.
    async fn alerts(&self, query: &AlertQuery) -> Result<AlertPage, StoreError>;

    /// The alerts of one incident, oldest first. Where there are very many, the oldest [`INCIDENT_ALERTS_HALF`] and the
    /// newest [`INCIDENT_ALERTS_HALF`].
    async fn incident(&self, id: &str) -> Result<Vec<Alert>, StoreError>;

    /// What one incident is as a whole, however many alerts it has; `None` where it has none.
    async fn incident_outline(&self, id: &str) -> Result<Option<IncidentOutline>, StoreError>;

    /// Does what a person asked for and writes it to the audit, both or neither. What has been done already changes
    /// nothing and is not audited again. Answers the alert as it is now; `None` where there is no such alert.
    async fn act(&self, id: &AlertId, act: Act<'_>, at: Timestamp) -> Result<Option<Alert>, StoreError>;

    /// The first acknowledgement stays.
    async fn acknowledge(&self, id: &AlertId, by: &str, at: Timestamp) -> Result<Option<Alert>, StoreError> {
        self.act(id, Act::Acknowledge { by }, at).await
    }

    /// The first resolve stays.
    async fn resolve(&self, id: &AlertId, by: &str, at: Timestamp) -> Result<Option<Alert>, StoreError> {
        self.act(id, Act::Resolve { by }, at).await
    }

    /// Said again in the same words, with nothing else in between, it is kept once.
    async fn add_feedback(
        &self,
        id: &AlertId,
        feedback: &Feedback,
        at: Timestamp,
    ) -> Result<Option<Alert>, StoreError> {
        self.act(id, Act::Feedback(feedback), at).await
    }

    /// What people did to this subject, oldest first; the newest [`AUDIT_ENTRIES_MAX`].
    async fn audit(&self, subject: &str) -> Result<Vec<AuditEntry>, StoreError>;

    /// Writes these changes, all of them or none. A change with the id of an older one replaces it.
    async fn save_changes(&self, changes: &[Change]) -> Result<(), StoreError>;

    /// The changes at or after `from` and before `to`, in the order of time, then id; the newest [`CHANGES_MAX`].
    async fn changes(&self, from: Timestamp, to: Timestamp) -> Result<Vec<(ChangeId, Change)>, StoreError>;

    /// What people did to anything, newest first; at most [`AUDIT_ENTRIES_MAX`].
    async fn recent_audit(&self, limit: i64) -> Result<Vec<AuditEntry>, StoreError>;

    /// Adds a version and writes it to the audit, both or neither. Answers its number.
    async fn save_definition(&self, change: DefinitionChange<'_>) -> Result<i64, StoreError>;

    /// The newest version of every definition that was not removed, in the order of their names.
    async fn definitions(&self) -> Result<Vec<DefinitionVersion>, StoreError>;

    /// Every version of one, the newest first.
    async fn definition_history(&self, name: &str) -> Result<Vec<DefinitionVersion>, StoreError>;

    /// Writes where these versions of models stand, all of them or none; of one version the last counts.
    async fn save_models(&self, versions: &[ModelVersion]) -> Result<(), StoreError>;

    /// In the order of metric and detector, the newest versions first; of each the newest [`MODEL_VERSIONS_MAX`].
    async fn models(&self) -> Result<Vec<ModelVersion>, StoreError>;

    /// Writes to the audit what somebody ordered of models.
    async fn note_model_act(&self, act: ModelAct<'_>) -> Result<(), StoreError>;

    /// Keeps a version under the next number of its name, whatever number it has itself, and writes it to the audit, both
    /// or neither. Where the newest version has the same checksum it is that one, and nothing is written. Answers the
    /// number.
    async fn add_imported_model(&self, model: &ImportedModel) -> Result<u32, StoreError>;

    /// In the order of their names, the newest versions first; of each the newest [`IMPORTED_VERSIONS_MAX`].
    async fn imported_models(&self) -> Result<Vec<ImportedModel>, StoreError>;

    /// Removes one version of a name, or every one, and writes it to the audit, both or neither. Answers those that went; where there was
    /// none nothing is written. A number that went is never given again.
    async fn remove_imported_models(&self, removal: ImportedRemoval<'_>) -> Result<Vec<ImportedModel>, StoreError>;

    /// Whether any version of an imported model has this checksum, old ones that are not listed, too.
    async fn is_imported(&self, checksum: &str) -> Result<bool, StoreError>;

    /// Sets a silence, or gives one another end, and writes it to the audit, both or neither.
    async fn save_silence(&self, change: SilenceChange<'_>) -> Result<(), StoreError>;

    /// Those that end after a time, the last to end first; at most [`SILENCES_MAX`].
    async fn silences(&self, after: Timestamp) -> Result<Vec<Silence>, StoreError>;

    /// Whether the database answers.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Lets go of the connections, for a clean stop. What was saved is safe without it.
    async fn close(&self);
}
