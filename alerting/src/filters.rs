//! What a finding must pass before anybody is told, and how many did not: the funnel.

use hark_model::{Change, ChangeId, ChangeKind, Direction, Finding, Slice, Statistic, Timestamp};
use serde::{Deserialize, Serialize};

/// From this part on a move counts as a change of who came.
const MIX_PART_MIN: f64 = 0.6;
/// A holiday lasts a day in its own time zone; this is UTC.
const HOLIDAY_MINUTES: i64 = 36 * 60;

/// Why nobody was told of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dropped {
    /// Other requests came; those of each kind fared as usual.
    MixShift,
    /// Traffic is missing where there is a holiday.
    Holiday,
}

/// How many findings went into each stage and out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Funnel {
    pub found: u64,
    pub mix_shift: u64,
    pub holiday: u64,
    pub folded: u64,
    pub reopened: u64,
    pub opened: u64,
}

impl Funnel {
    pub fn count_dropped(&mut self, dropped: Dropped) {
        match dropped {
            Dropped::MixShift => self.mix_shift += 1,
            Dropped::Holiday => self.holiday += 1,
        }
    }
}

/// `mix_part` is the part of the move that is mix, where that is known; `causes` are the slices found to carry it.
pub fn filter(
    finding: &Finding,
    causes: &[Slice],
    mix_part: Option<f64>,
    changes: &[(ChangeId, Change)],
) -> Option<Dropped> {
    if mix_part.is_some_and(|part| part >= MIX_PART_MIN) {
        return Some(Dropped::MixShift);
    }
    let is_missing_traffic = finding.shift.direction == Direction::Down && finding.shift.statistic == Statistic::Count;
    let scope = causes.first().unwrap_or(&finding.slice);
    (is_missing_traffic && has_holiday(changes, scope, finding.at)).then_some(Dropped::Holiday)
}

fn has_holiday(changes: &[(ChangeId, Change)], scope: &Slice, at: Timestamp) -> bool {
    changes.iter().map(|(_, change)| change).any(|change| {
        let minutes = at.minutes_since(change.time);
        change.kind == ChangeKind::Holiday && (0..HOLIDAY_MINUTES).contains(&minutes) && change.slice.overlaps(scope)
    })
}
