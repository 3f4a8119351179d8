//! Models that were made elsewhere, every version of each name.

use hark_model::{ImportedModel, Timestamp};

use crate::documents::{from_document, is_name, replace_nul, to_document, unstorable};
use crate::{StoreError, WHO_BYTES_MAX};

/// The newest this many versions are read of each name.
pub const IMPORTED_VERSIONS_MAX: i64 = 100;

/// One version, ready to be bound. Its number is the store's to give.
#[derive(Debug, Clone)]
pub struct ImportedRow {
    pub name: String,
    pub checksum: String,
    pub document: String,
    pub who: String,
    pub at_ms: i64,
}

impl ImportedRow {
    /// What it is called in the audit, whose subject is the model's name.
    pub const WHAT: &'static str = "import model";

    /// Engines call this first, so that what is refused is refused everywhere.
    pub fn new(model: &ImportedModel) -> Result<Self, StoreError> {
        if !is_name(&model.name) || !is_name(&model.checksum) {
            return Err(unstorable("the model", &model.name, "its name and checksum must be names".to_owned()));
        }
        if model.by.trim().is_empty() || model.by.len() > WHO_BYTES_MAX {
            return Err(StoreError::Refused(format!("`by` must name who did it, in at most {WHO_BYTES_MAX} bytes")));
        }
        Ok(Self {
            name: model.name.clone(),
            checksum: model.checksum.clone(),
            document: to_document("the model", &model.name, model)?,
            who: replace_nul(&model.by),
            at_ms: model.imported_at.millis(),
        })
    }

    pub fn read(name: &str, number: i64, document: &str) -> Result<ImportedModel, StoreError> {
        let model: ImportedModel = from_document("the model", name, document)?;
        Ok(ImportedModel { number: u32::try_from(number).unwrap_or(u32::MAX), ..model })
    }
}

/// Somebody removes a model, or one version of it.
#[derive(Debug, Clone, Copy)]
pub struct ImportedRemoval<'a> {
    pub name: &'a str,
    /// `None` is every version.
    pub number: Option<u32>,
    pub who: &'a str,
    pub at: Timestamp,
}

impl ImportedRemoval<'_> {
    /// What it is called in the audit, whose subject is the model's name.
    pub const WHAT: &'static str = "remove model";

    /// Engines call this first, so that what is refused is refused everywhere.
    pub fn check(&self) -> Result<(), StoreError> {
        if !is_name(self.name) {
            return Err(StoreError::Refused("the model has no name that can be stored".to_owned()));
        }
        if self.who.trim().is_empty() || self.who.len() > WHO_BYTES_MAX {
            return Err(StoreError::Refused(format!("`by` must name who did it, in at most {WHO_BYTES_MAX} bytes")));
        }
        Ok(())
    }

    pub fn who_text(&self) -> String {
        replace_nul(self.who)
    }
}
