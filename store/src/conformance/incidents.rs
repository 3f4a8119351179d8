//! Incidents of very many alerts.

use hark_model::{Alert, AlertId, AlertStatus};

use super::{CaseResult, alert, at, id, names};
use crate::{INCIDENT_ALERTS_HALF, IncidentOutline, Store};

fn of(n: usize, status: AlertStatus) -> Alert {
    // Two of each time: of the newest time's two the first is the newest in a list.
    let opened_at = at((n / 2) as i64);
    let resolved_at = (status == AlertStatus::Resolved).then_some(opened_at);
    let mut one =
        Alert { incident_id: "in_1".to_owned(), status, resolved_at, ..alert(&format!("a{n:04}"), opened_at) };
    (one.evidence.chart, one.why) = (None, None);
    one
}

pub async fn an_incident_of_very_many_alerts_is_told_whole(store: &dyn Store) -> CaseResult {
    let count = 2 * INCIDENT_ALERTS_HALF + 42;
    let mut saved: Vec<Alert> = (0..count).map(|n| of(n, AlertStatus::Resolved)).collect();
    saved.push(alert("other", at(9_000)));
    store.save_alerts(&saved).await?;
    let outline = |status| {
        let newest = AlertId(format!("a{:04}", count - 2));
        Some(IncidentOutline { alerts: count as u64, status, newest })
    };
    assert_eq!(store.incident_outline("in_1").await?, outline(AlertStatus::Resolved));
    let read = store.incident("in_1").await?;
    let halves = (0..INCIDENT_ALERTS_HALF).chain(count - INCIDENT_ALERTS_HALF..count);
    assert_eq!(names(&read), halves.map(|n| format!("a{n:04}")).collect::<Vec<_>>());
    // One in the middle, which is not read, is still open.
    let middle = INCIDENT_ALERTS_HALF + 20;
    for status in [AlertStatus::Silenced, AlertStatus::Firing] {
        store.save_alert(&of(middle, status)).await?;
        assert_eq!(store.incident_outline("in_1").await?, outline(status));
    }
    store.acknowledge(&id(&format!("a{middle:04}")), "ada", at(9_000)).await?;
    assert_eq!(store.incident_outline("in_1").await?, outline(AlertStatus::Acknowledged));
    for unknown in ["in_2", "", "in_1\0"] {
        assert_eq!(store.incident_outline(unknown).await?, None, "{unknown:?}");
    }
    Ok(())
}

pub async fn an_incident_as_long_as_is_read_is_read_whole(store: &dyn Store) -> CaseResult {
    for count in [INCIDENT_ALERTS_HALF, INCIDENT_ALERTS_HALF + 1, 2 * INCIDENT_ALERTS_HALF] {
        let saved: Vec<Alert> = (0..count).map(|n| of(n, AlertStatus::Firing)).collect();
        store.save_alerts(&saved).await?;
        assert_eq!(names(&store.incident("in_1").await?), names(&saved), "{count}");
    }
    Ok(())
}
