//! Incidents that people entered: spans of time in which what was seen is neither evidence nor learned from, in all traffic
//! that they can have touched.

use hark_model::{Change, ChangeId, Slice, Timestamp};

/// The traffic of incidents that lasted at any time between these.
pub(crate) fn between(changes: &[(ChangeId, Change)], from: Timestamp, to: Timestamp) -> Vec<Slice> {
    let lasts = |change: &&Change| change.incident().is_some_and(|[began, ended]| began < to && from < ended);
    changes.iter().map(|(_, change)| change).filter(lasts).map(|change| change.slice.clone()).collect()
}

/// When there were incidents in what a slice shares with them.
pub(crate) fn of<'a>(changes: &'a [(ChangeId, Change)], slice: &'a Slice) -> impl Iterator<Item = [Timestamp; 2]> + 'a {
    changes.iter().filter(|(_, change)| change.slice.overlaps(slice)).filter_map(|(_, change)| change.incident())
}

/// Whether a request of the slice can have been in any of these.
pub(crate) fn touch(incidents: &[Slice], slice: &Slice) -> bool {
    incidents.iter().any(|incident| incident.overlaps(slice))
}
