//! Rows as both engines keep them: a JSON document and beside it what is filtered on.

use hark_model::{Alert, AlertStatus, Change, ChangeId, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::told::{told, told_with};
use crate::{Acts, StoreError};

/// The longest id or metric name. Indexes hold them, and PostgreSQL's take entries of 2700 bytes at most.
pub const NAME_BYTES_MAX: usize = 512;

/// Whether a text can be an id or a metric's name in both databases. PostgreSQL keeps no NUL.
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= NAME_BYTES_MAX && !text.contains('\0')
}

/// What the pipeline says of one alert, ready to be bound.
#[derive(Debug, Clone)]
pub struct AlertRow {
    pub id: String,
    pub metric: String,
    pub opened_at_ms: i64,
    /// The team, where it can be one; lists are filtered by it.
    pub owner: Option<String>,
    pub document: String,
    status: AlertStatus,
    told: String,
}

impl AlertRow {
    pub fn new(alert: &Alert) -> Result<Self, StoreError> {
        for (field, text) in [("id", &alert.id.0), ("metric", &alert.metric)] {
            if !is_name(text) {
                let problem = format!("its {field} must have 1 to {NAME_BYTES_MAX} bytes and no NUL among them");
                return Err(unstorable("the alert", &alert.id.0, problem));
            }
        }
        let status = pipeline_status(alert.status);
        let own = Alert { status, assignee: None, feedback: Vec::new(), ..alert.clone() };
        Ok(Self {
            id: alert.id.0.clone(),
            metric: alert.metric.clone(),
            opened_at_ms: alert.opened_at.millis(),
            owner: alert.owner.clone().filter(|owner| is_name(owner)),
            document: to_document("the alert", &alert.id.0, &own)?,
            status,
            told: told(&own),
        })
    }

    /// The rows of a batch in the order of their ids. Two batches written at once then take their locks in the same
    /// order and cannot wait for each other in a circle. Rows of one id keep their order.
    pub fn batch(alerts: &[Alert]) -> Result<Vec<Self>, StoreError> {
        let mut rows: Vec<Self> = alerts.iter().map(Self::new).collect::<Result<_, _>>()?;
        rows.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(rows)
    }

    /// The status to show, with what people did.
    pub fn status(&self, acts: &Acts) -> &'static str {
        acts.status(self.status).name()
    }

    /// What words are looked for in, with what people did.
    pub fn told(&self, acts: &Acts) -> String {
        told_with(acts, self.status(acts), &self.told)
    }
}

/// An acknowledgement is a person's: where the pipeline hands back one that it read, the alert is firing to it.
fn pipeline_status(status: AlertStatus) -> AlertStatus {
    if status == AlertStatus::Acknowledged { AlertStatus::Firing } else { status }
}

/// One change, ready to be bound.
#[derive(Debug, Clone)]
pub struct ChangeRow {
    pub id: String,
    pub time_ms: i64,
    pub document: String,
}

impl ChangeRow {
    /// In the order of their ids, for the reason given at [`AlertRow::batch`].
    pub fn batch(changes: &[Change]) -> Result<Vec<Self>, StoreError> {
        let mut rows: Vec<Self> = changes.iter().map(Self::new).collect::<Result<_, _>>()?;
        rows.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(rows)
    }

    fn new(change: &Change) -> Result<Self, StoreError> {
        let ChangeId(id) = change.id();
        let document = to_document("the change", &id, change)?;
        Ok(Self { id, time_ms: change.time.millis(), document })
    }

    pub fn read(id: String, document: &str) -> Result<(ChangeId, Change), StoreError> {
        let change = from_document("the change", &id, document)?;
        Ok((ChangeId(id), change))
    }

    /// The first and last millisecond of the half-open interval.
    pub fn bounds(from: Timestamp, to: Timestamp) -> (i64, i64) {
        (from.millis(), to.millis().saturating_sub(1))
    }
}

/// The JSON text of a value, or why it would not come back: JSON has no infinity, and a time out of the calendar's
/// range has no text.
pub(crate) fn to_document<T: Serialize + DeserializeOwned>(
    what: &'static str,
    id: &str,
    value: &T,
) -> Result<String, StoreError> {
    let text = serde_json::to_string(value).map_err(|error| unstorable(what, id, error.to_string()))?;
    let text = if text.contains("\\u0000") { without_nul(&text) } else { Ok(text) };
    let text = text.map_err(|error| unstorable(what, id, error.to_string()))?;
    match serde_json::from_str::<T>(&text) {
        Ok(_) => Ok(text),
        Err(error) => {
            let problem = format!("a number in it is not finite or a time out of range ({error}); mend it where made");
            Err(unstorable(what, id, problem))
        }
    }
}

pub(crate) fn from_document<T: DeserializeOwned>(what: &'static str, id: &str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Decode { what, id: id.to_owned(), source: error.into() })
}

pub(crate) fn unstorable(what: &'static str, id: &str, problem: String) -> StoreError {
    StoreError::Unstorable { what, id: id.escape_debug().take(NAME_BYTES_MAX).collect(), problem }
}

/// PostgreSQL's jsonb keeps no NUL, and text from events may hold one: it becomes the replacement character.
fn without_nul(json: &str) -> Result<String, serde_json::Error> {
    fn clean(value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(replace_nul(&text)),
            Value::Array(items) => Value::Array(items.into_iter().map(clean).collect()),
            Value::Object(fields) => {
                Value::Object(fields.into_iter().map(|(key, value)| (replace_nul(&key), clean(value))).collect())
            }
            other => other,
        }
    }
    serde_json::to_string(&clean(serde_json::from_str(json)?))
}

pub(crate) fn replace_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_is_replaced_and_an_escaped_backslash_is_not() {
        let fields = Value::from(vec!["a\0b", "a\\u0000b"]);
        let text = to_document("the list", "x", &fields).expect("storable");
        assert_eq!(serde_json::from_str::<Vec<String>>(&text).expect("a list"), ["a\u{fffd}b", "a\\u0000b"]);
    }

    #[test]
    fn names_are_short_and_free_of_nul() {
        assert!(is_name("response_time") && is_name(&"é".repeat(256)));
        assert!(!is_name("") && !is_name("a\0") && !is_name(&"é".repeat(257)));
    }
}
