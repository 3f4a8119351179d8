//! What a finding must pass before anybody is told.

use hark_model::{Cause, Change, ChangeId, ChangeKind, Direction, Finding, Slice, Statistic, Timestamp};

use crate::funnel::{Reason, Stage};

/// From this part on, most of it, a move counts as a change of who came.
const MIX_PART_MIN: f64 = 0.5;
/// And from this part on where that is measured in two ways, whose mean is surer than either: of a change of who came and
/// nothing else it is near one, of requests that fare worse mostly below a quarter.
const MIX_OF_BOTH_MIN: f64 = 0.4;
/// Against requests of the same kinds a move must be beyond so many deviations of chance, unless a slice carries it.
const DEVIATIONS_MIN: f64 = 4.0;
/// A slice that carries this part of the move stands for itself.
const CARRIED_MIN: f64 = 0.5;
/// A holiday lasts a day in its own time zone; this is UTC.
const HOLIDAY_MINUTES: i64 = 36 * 60;

/// A holiday keeps fewer people away than this, also where all of the traffic has it; more is an outage on a holiday.
const HOLIDAY_LOSS_MAX: f64 = 0.5;

/// What comparing like with like says of a move.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// The part of it that is a change of who came: of the bad requests, against what is usual of their like.
    pub mix_part: f64,
    /// The same of the move of the statistic itself, before and after; `None` where that cannot be told.
    pub mix_of_statistic: Option<f64>,
    /// What is left of it: 1 is all.
    pub rate_part: f64,
    /// How many deviations of chance that is.
    pub deviations: f64,
}

/// `comparison` is known where requests can be good and bad; `causes` are the slices found to carry the move.
pub fn filter(
    finding: &Finding,
    causes: &[Cause],
    comparison: Option<Comparison>,
    min_effect: f64,
    changes: &[(ChangeId, Change)],
) -> Option<(Stage, Reason)> {
    if let Some(Comparison { mix_part, mix_of_statistic, rate_part, deviations }) = comparison {
        let rate_effect = rate_part * finding.shift.relative().abs();
        let of_both = mix_of_statistic.map(|other| (mix_part + other) / 2.0);
        if mix_part >= MIX_PART_MIN || rate_effect < min_effect {
            return Some((Stage::Rate, Reason::Mix { part: mix_part }));
        }
        if let Some(part) = of_both.filter(|part| *part >= MIX_OF_BOTH_MIN) {
            return Some((Stage::Rate, Reason::Mix { part }));
        }
        let is_carried = |cause: &Cause| !cause.slice.is_empty() && cause.share >= CARRIED_MIN;
        if deviations < DEVIATIONS_MIN && !causes.iter().any(is_carried) {
            return Some((Stage::Like, Reason::Unlike { deviations, asked: DEVIATIONS_MIN, mix_part }));
        }
    }
    let is_missing_traffic = finding.shift.direction == Direction::Down && finding.shift.statistic == Statistic::Count;
    let scope = causes.first().map_or(&finding.slice, |cause| &cause.slice);
    let may_be_holiday = is_missing_traffic && finding.shift.relative().abs() < HOLIDAY_LOSS_MAX;
    (may_be_holiday && has_holiday(changes, scope, finding.at)).then_some((Stage::Workday, Reason::Holiday))
}

/// Whether some of the traffic of a scope has, or has just had, a holiday.
pub fn has_holiday(changes: &[(ChangeId, Change)], scope: &Slice, at: Timestamp) -> bool {
    changes.iter().map(|(_, change)| change).any(|change| {
        let minutes = at.minutes_since(change.time);
        change.kind == ChangeKind::Holiday && (0..HOLIDAY_MINUTES).contains(&minutes) && change.slice.overlaps(scope)
    })
}

#[cfg(test)]
mod tests {
    use hark_model::{FindingKind, Shift};

    use super::*;

    /// A rise by a fifth.
    fn finding() -> Finding {
        let at = Timestamp::from_millis(0);
        let shift = Shift {
            kind: FindingKind::Regression,
            statistic: Statistic::P95,
            direction: Direction::Up,
            onset: at,
            onset_interval: [at, at],
            before: 100.0,
            after: 120.0,
            interval: [10.0, 30.0],
            requests: 1000,
            e_value: 1e6,
            detectors: Vec::new(),
        };
        Finding { metric: "response_time".to_owned(), slice: Slice::total(), at, shift }
    }

    fn stage(comparison: Comparison, causes: &[Cause]) -> Option<Stage> {
        filter(&finding(), causes, Some(comparison), 0.1, &[]).map(|(stage, _)| stage)
    }

    #[test]
    fn what_is_left_of_a_move_must_be_large_and_no_chance() {
        let sure = Comparison { mix_part: 0.1, mix_of_statistic: Some(0.2), rate_part: 0.9, deviations: 9.0 };
        assert_eq!(stage(sure, &[]), None);
        assert_eq!(stage(Comparison { mix_part: 0.45, mix_of_statistic: None, ..sure }, &[]), None);
        assert_eq!(stage(Comparison { mix_part: 0.45, mix_of_statistic: Some(0.3), ..sure }, &[]), None);
        assert_eq!(stage(Comparison { mix_part: 0.3, mix_of_statistic: Some(0.6), ..sure }, &[]), Some(Stage::Rate));
        assert_eq!(stage(Comparison { mix_part: 0.7, ..sure }, &[]), Some(Stage::Rate));
        // Of a fifth two fifths are left, and a tenth is asked.
        assert_eq!(stage(Comparison { mix_part: 0.4, rate_part: 0.4, ..sure }, &[]), Some(Stage::Rate));
        assert_eq!(stage(Comparison { mix_part: 0.4, rate_part: 0.6, ..sure }, &[]), None);
        assert_eq!(stage(Comparison { deviations: 3.0, ..sure }, &[]), Some(Stage::Like));
    }

    #[test]
    fn a_slice_that_carries_the_move_stands_for_itself() {
        let unsure = Comparison { mix_part: 0.1, mix_of_statistic: None, rate_part: 0.9, deviations: 3.0 };
        let cause = |slice: &str, share| Cause {
            slice: slice.parse().unwrap(),
            share,
            delta: 9.0,
            requests: 100,
            ..Cause::default()
        };
        assert_eq!(stage(unsure, &[cause("cluster:eu", 0.8)]), None);
        assert_eq!(stage(unsure, &[cause("cluster:eu", 0.3)]), Some(Stage::Like));
        assert_eq!(stage(unsure, &[cause("total", 1.0)]), Some(Stage::Like));
    }

    #[test]
    fn traffic_may_be_missing_on_a_holiday_and_only_there() {
        let holiday = |slice: &str| {
            let change = Change {
                time: Timestamp::from_millis(-3_600_000),
                kind: ChangeKind::Holiday,
                title: "Labour Day".to_owned(),
                slice: slice.parse().unwrap(),
                url: None,
                until: None,
            };
            [(change.id(), change)]
        };
        let mut missing = finding();
        missing.slice = "locale:de_DE".parse().unwrap();
        missing.shift.statistic = Statistic::Count;
        missing.shift.direction = Direction::Down;
        missing.shift.after = 70.0;
        let stage = |finding: &_, changes: &[_]| filter(finding, &[], None, 0.1, changes).map(|(stage, _)| stage);
        assert_eq!(stage(&missing, &holiday("locale:de_DE")), Some(Stage::Workday));
        assert_eq!(stage(&missing, &holiday("locale:fr_FR")), None);
        assert_eq!(stage(&missing, &[]), None);
        missing.shift.after = 20.0;
        assert_eq!(stage(&missing, &holiday("locale:de_DE")), None, "an outage on a holiday is one");
    }
}
