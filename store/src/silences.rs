//! Silences, and who set and ended them.

use hark_model::{Silence, Timestamp};

use crate::documents::{from_document, is_name, replace_nul, to_document};
use crate::{StoreError, WHO_BYTES_MAX};

/// Of the silences asked for, so many are read, those that end last.
pub const SILENCES_MAX: i64 = 1_000;
/// The longest reason.
pub const REASON_BYTES_MAX: usize = 1_000;

/// Somebody sets a silence, or gives one another end.
#[derive(Debug, Clone, Copy)]
pub struct SilenceChange<'a> {
    pub silence: &'a Silence,
    pub who: &'a str,
    pub at: Timestamp,
}

/// One silence, ready to be bound.
#[derive(Debug, Clone)]
pub struct SilenceRow {
    pub id: String,
    pub until_ms: i64,
    pub document: String,
}

impl SilenceChange<'_> {
    /// Engines call this first, so that what is refused is refused everywhere.
    pub fn row(&self) -> Result<SilenceRow, StoreError> {
        let Silence { metric, by, reason, .. } = self.silence;
        let is_person = |name: &str| !name.trim().is_empty() && name.len() <= WHO_BYTES_MAX;
        let problem = if !is_person(by) || !is_person(self.who) {
            format!("`by` must name who did it, in at most {WHO_BYTES_MAX} bytes")
        } else if reason.trim().is_empty() || reason.len() > REASON_BYTES_MAX {
            format!("`reason` must say why, in at most {REASON_BYTES_MAX} bytes, so that others can judge it")
        } else if metric.as_deref().is_some_and(|metric| !is_name(metric)) {
            "the metric cannot be the name of one; give it as it was defined".to_owned()
        } else {
            let id = self.silence.id();
            let document = to_document("the silence", &id, self.silence)?;
            return Ok(SilenceRow { id, until_ms: self.silence.until.millis(), document });
        };
        Err(StoreError::Refused(problem))
    }

    pub fn who_text(&self) -> String {
        replace_nul(self.who)
    }

    /// Its name in the audit, whose subject is the silence's id.
    pub fn what(&self) -> &'static str {
        if self.silence.until <= self.at { "end silence" } else { "silence" }
    }
}

impl SilenceRow {
    pub fn read(id: &str, document: &str) -> Result<Silence, StoreError> {
        from_document("the silence", id, document)
    }
}
