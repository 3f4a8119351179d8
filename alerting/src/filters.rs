//! What a finding must pass before anybody is told.

use hark_model::{Change, ChangeId, ChangeKind, Direction, Finding, Slice, Statistic, Timestamp};

use crate::funnel::{Reason, Stage};

/// From this part on a move counts as a change of who came.
const MIX_PART_MIN: f64 = 0.6;
/// A holiday lasts a day in its own time zone; this is UTC.
const HOLIDAY_MINUTES: i64 = 36 * 60;

/// `mix_part` is the part of the move that is mix, where that is known; `causes` are the slices found to carry it.
pub fn filter(
    finding: &Finding,
    causes: &[Slice],
    mix_part: Option<f64>,
    changes: &[(ChangeId, Change)],
) -> Option<(Stage, Reason)> {
    if let Some(part) = mix_part.filter(|part| *part >= MIX_PART_MIN) {
        return Some((Stage::Rate, Reason::Mix { part }));
    }
    let is_missing_traffic = finding.shift.direction == Direction::Down && finding.shift.statistic == Statistic::Count;
    let scope = causes.first().unwrap_or(&finding.slice);
    (is_missing_traffic && has_holiday(changes, scope, finding.at)).then_some((Stage::Workday, Reason::Holiday))
}

fn has_holiday(changes: &[(ChangeId, Change)], scope: &Slice, at: Timestamp) -> bool {
    changes.iter().map(|(_, change)| change).any(|change| {
        let minutes = at.minutes_since(change.time);
        change.kind == ChangeKind::Holiday && (0..HOLIDAY_MINUTES).contains(&minutes) && change.slice.overlaps(scope)
    })
}
