//! Incidents, of which any number of alerts may be part.

use hark_model::{AlertId, AlertStatus};

/// Of one incident, the oldest this many alerts are read, and of those after them the newest this many.
pub const INCIDENT_ALERTS_HALF: usize = 500;

/// An incident as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentOutline {
    /// How many there are.
    pub alerts: u64,
    /// That of the open alert that asks for most: firing, acknowledged, silenced; resolved where none is open.
    pub status: AlertStatus,
    /// The one that a list of alerts names first.
    pub newest: AlertId,
}

impl IncidentOutline {
    /// From how many there are, how many of them are firing, acknowledged and silenced, and the newest one.
    pub fn new(alerts: i64, [firing, acknowledged, silenced]: [i64; 3], newest: Option<String>) -> Option<Self> {
        let status = match (firing, acknowledged, silenced) {
            (1.., _, _) => AlertStatus::Firing,
            (_, 1.., _) => AlertStatus::Acknowledged,
            (_, _, 1..) => AlertStatus::Silenced,
            _ => AlertStatus::Resolved,
        };
        newest.map(|newest| Self { alerts: u64::try_from(alerts).unwrap_or(0), status, newest: AlertId(newest) })
    }
}
