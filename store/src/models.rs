//! Versions of the models that judge metrics, as they last stood.

use hark_model::{ModelOrder, ModelVersion, Timestamp};

use crate::documents::{from_document, is_name, replace_nul, to_document, unstorable};
use crate::{StoreError, WHO_BYTES_MAX};

/// The newest this many versions are read of each metric and detector.
pub const MODEL_VERSIONS_MAX: i64 = 100;

/// One version, ready to be bound.
#[derive(Debug, Clone)]
pub struct ModelRow {
    pub metric: String,
    pub detector: String,
    pub number: i64,
    pub document: String,
}

impl ModelRow {
    /// In the order of their keys, so that two batches written at once cannot wait for each other in a circle.
    pub fn batch(versions: &[ModelVersion]) -> Result<Vec<Self>, StoreError> {
        let mut rows: Vec<Self> = versions.iter().map(Self::new).collect::<Result<_, _>>()?;
        // Rows of one version keep their order: the last one counts.
        rows.sort_by(|a, b| (&a.metric, &a.detector, a.number).cmp(&(&b.metric, &b.detector, b.number)));
        Ok(rows)
    }

    fn new(version: &ModelVersion) -> Result<Self, StoreError> {
        if !is_name(&version.metric) || !is_name(&version.detector) {
            let problem = "its metric and detector must be names".to_owned();
            return Err(unstorable("the model", &version.metric, problem));
        }
        Ok(Self {
            metric: version.metric.clone(),
            detector: version.detector.clone(),
            number: version.number.into(),
            document: to_document("the model", &version.metric, version)?,
        })
    }

    pub fn read(metric: &str, document: &str) -> Result<ModelVersion, StoreError> {
        from_document("the model", metric, document)
    }
}

/// Somebody ordered something of a metric's models.
#[derive(Debug, Clone, Copy)]
pub struct ModelAct<'a> {
    pub metric: &'a str,
    pub detector: &'a str,
    pub order: ModelOrder,
    pub who: &'a str,
    pub at: Timestamp,
}

impl ModelAct<'_> {
    /// Engines call this first, so that what is refused is refused everywhere.
    pub fn check(&self) -> Result<(), StoreError> {
        if !is_name(self.metric) || !is_name(self.detector) {
            return Err(StoreError::Refused("the metric or the model has no name that can be stored".to_owned()));
        }
        if self.who.trim().is_empty() || self.who.len() > WHO_BYTES_MAX {
            return Err(StoreError::Refused(format!("`by` must name who did it, in at most {WHO_BYTES_MAX} bytes")));
        }
        Ok(())
    }

    /// Its name in the audit, whose subject is the metric's name.
    pub fn what(&self) -> String {
        format!("{}: {}", self.order.name(), self.detector)
    }

    pub fn who_text(&self) -> String {
        replace_nul(self.who)
    }
}
