//! Metric definitions that people saved: every version is kept, the newest counts.

use hark_model::Timestamp;

use crate::documents::{is_name, replace_nul};
use crate::{StoreError, WHO_BYTES_MAX};

/// Names that have a definition at a time; the newest this many versions of one are read.
pub const DEFINITIONS_MAX: i64 = 1_000;
/// The longest document; a definition has some hundred bytes.
pub const DEFINITION_BYTES_MAX: usize = 100_000;

/// One version of one definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinitionVersion {
    pub name: String,
    /// From 1.
    pub version: i64,
    pub at: Timestamp,
    pub who: String,
    /// JSON; `None` where it was removed.
    pub document: Option<String>,
}

/// What somebody saves.
#[derive(Debug, Clone, Copy)]
pub struct DefinitionChange<'a> {
    pub name: &'a str,
    pub who: &'a str,
    pub at: Timestamp,
    /// JSON; `None` removes it.
    pub document: Option<&'a str>,
}

impl DefinitionChange<'_> {
    /// Engines call this first, so that what is refused is refused everywhere.
    pub fn check(&self) -> Result<(), StoreError> {
        let problem = if !is_name(self.name) {
            "the definition has no name that can be stored".to_owned()
        } else if self.who.trim().is_empty() || self.who.len() > WHO_BYTES_MAX {
            format!("`by` must name who did it, in at most {WHO_BYTES_MAX} bytes")
        } else if self.document.is_some_and(|text| text.len() > DEFINITION_BYTES_MAX || text.contains('\0')) {
            format!("the definition is longer than {DEFINITION_BYTES_MAX} bytes or holds a NUL")
        } else {
            return Ok(());
        };
        Err(StoreError::Refused(problem))
    }

    pub fn who_text(&self) -> String {
        replace_nul(self.who)
    }

    /// Its name in the audit, whose subject is the definition's name.
    pub fn what(&self) -> &'static str {
        if self.document.is_some() { "define" } else { "remove definition" }
    }
}
