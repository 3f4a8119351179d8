//! Which changes fit: close before the onset, touching the traffic that moved, and moving what they touch more than the
//! rest. Each gets odds against "nothing on record did it", and all together a probability each.

use hark_model::{Change, ChangeId, ChangeKind, Shift, Slice, Suspect, Timestamp};

pub(crate) use crate::suspect_tests::Scene;
use crate::suspect_tests::{Fit, fit};

/// A change further back is no suspect.
const LOOK_BACK_MINUTES: i64 = 6 * 60;
/// The onset is uncertain: a change may seem to come a little after it.
const SLACK_MINUTES: i64 = 15;
const SUSPECTS_MAX: usize = 3;
const RULED_OUT_MAX: usize = 5;
/// Below this a suspect would be a guess.
const PROBABILITY_MIN: f64 = 0.25;

/// Odds that the change which did it is on record at all.
const LOG_ODDS_ON_RECORD: f64 = 0.5;
/// What the tests weigh. Chosen so that the same slice is worth odds of some fifty, all traffic one to three and a slice
/// that shares nothing one to twenty; not fitted yet. `hark bench explain --traffic` prints how reliable that is.
const SCOPE_WEIGHT: f64 = 5.5;
const CARRIED_WEIGHT: f64 = 1.5;
const DOSE_WEIGHT: f64 = 0.3;
const TEXT_WEIGHT: f64 = 0.5;
const OFFSET: f64 = -3.0;
/// Beyond so many deviations a dose says no more.
const DOSE_MAX: f64 = 6.0;

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Judged {
    pub(crate) suspects: Vec<Suspect>,
    pub(crate) ruled_out: Vec<Suspect>,
    pub(crate) something_else: f64,
}

/// Ranked by probability. A suspect is never called a cause.
pub(crate) fn suspects(
    changes: &[(ChangeId, Change)],
    shift: &Shift,
    moved: &Slice,
    scene: Option<&Scene<'_>>,
) -> Judged {
    let from = shift.onset_interval[0].min(shift.onset).plus_minutes(-LOOK_BACK_MINUTES);
    let to = shift.onset_interval[1].max(shift.onset).plus_minutes(SLACK_MINUTES);
    let rate = changes_a_minute(changes, from);
    let in_time = changes.iter().filter(|(_, change)| (from..=to).contains(&change.time));
    let mut weighed: Vec<(f64, &ChangeId, &Change, Fit)> = in_time
        .filter_map(|(id, change)| {
            let fit = fit(change, shift, moved, scene)?;
            Some((log_odds(&fit, rate).exp(), id, change, fit))
        })
        .collect();
    let all: f64 = 1.0 + weighed.iter().map(|(odds, ..)| odds).sum::<f64>();
    weighed.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    let mut judged = Judged { something_else: 1.0 / all, ..Judged::default() };
    for (odds, id, change, fit) in weighed {
        let probability = odds / all;
        let suspect = Suspect {
            change: id.clone(),
            title: change.title.clone(),
            time: change.time,
            score: probability,
            why: fit.sentence(),
            tests: Some(fit.tests),
            against: fit.against,
        };
        if probability >= PROBABILITY_MIN && judged.suspects.len() < SUSPECTS_MAX {
            judged.suspects.push(suspect);
        } else if judged.ruled_out.len() < RULED_OUT_MAX {
            judged.ruled_out.push(suspect);
        }
    }
    judged
}

/// How often anything changes, from what is on record before: the more does, the less one of them being near says.
fn changes_a_minute(changes: &[(ChangeId, Change)], until: Timestamp) -> f64 {
    /// Three changes in a day are taken for granted until more is known.
    const TAKEN_FOR_GRANTED: (f64, f64) = (3.0, 24.0 * 60.0);
    let before = || {
        changes
            .iter()
            .map(|(_, change)| change)
            .filter(|change| !matches!(change.kind, ChangeKind::Holiday | ChangeKind::Incident) && change.time < until)
    };
    let count = before().count() as f64;
    let minutes = before().next().map_or(0.0, |first| until.minutes_since(first.time) as f64);
    (count + TAKEN_FOR_GRANTED.0) / (minutes + TAKEN_FOR_GRANTED.1)
}

fn log_odds(fit: &Fit, changes_a_minute: f64) -> f64 {
    let dose = fit.tests.dose.map_or(0.0, |dose| dose.deviations.clamp(-DOSE_MAX, DOSE_MAX));
    LOG_ODDS_ON_RECORD
        + (fit.density_a_minute / changes_a_minute).max(1e-9).ln()
        + SCOPE_WEIGHT * fit.tests.scope
        + CARRIED_WEIGHT * fit.tests.carried
        + DOSE_WEIGHT * dose
        + TEXT_WEIGHT * fit.tests.text
        + OFFSET
}

#[cfg(test)]
mod tests {
    use hark_model::{Direction, Statistic};

    use super::*;

    fn change(minutes: i64, kind: ChangeKind, slice: &str) -> (ChangeId, Change) {
        let time = Timestamp::from_millis(0).plus_minutes(minutes);
        let change = Change {
            time,
            kind,
            title: format!("{kind:?} at {minutes}"),
            slice: slice.parse().unwrap(),
            url: None,
            until: None,
        };
        (change.id(), change)
    }

    fn shift(minutes: i64) -> Shift {
        let onset = Timestamp::from_millis(0).plus_minutes(minutes);
        Shift {
            kind: hark_model::FindingKind::Regression,
            statistic: Statistic::P95,
            direction: Direction::Up,
            onset,
            onset_interval: [onset, onset],
            before: 100.0,
            after: 150.0,
            interval: [40.0, 60.0],
            requests: 1000,
            e_value: 1e6,
            detectors: Vec::new(),
        }
    }

    fn titles(suspects: &[Suspect]) -> Vec<&str> {
        suspects.iter().map(|suspect| suspect.title.as_str()).collect()
    }

    #[test]
    fn the_near_change_on_the_same_slice_is_told_and_the_others_are_ruled_out() {
        let changes = [
            change(590, ChangeKind::Deploy, "cluster:eu"),
            change(550, ChangeKind::Config, "total"),
            change(580, ChangeKind::Deploy, "cluster:us"),
            change(100, ChangeKind::Deploy, "cluster:eu"),
            change(700, ChangeKind::Deploy, "cluster:eu"),
            change(595, ChangeKind::Holiday, "total"),
        ];
        let mut changes = changes.to_vec();
        changes.sort_by_key(|(_, change)| change.time);
        let judged = suspects(&changes, &shift(600), &"cluster:eu".parse().unwrap(), None);
        assert_eq!(titles(&judged.suspects), ["Deploy at 590"]);
        assert!(!judged.ruled_out.is_empty());
        assert!(judged.ruled_out.iter().all(|suspect| !suspect.against.is_empty()), "{judged:?}");
        let all: f64 = judged.suspects.iter().chain(&judged.ruled_out).map(|suspect| suspect.score).sum();
        assert!((all + judged.something_else - 1.0).abs() < 1e-9);
    }

    #[test]
    fn where_times_are_shuffled_something_else_did_it() {
        let near = [change(592, ChangeKind::Deploy, "cluster:eu")];
        let sure = suspects(&near, &shift(600), &"cluster:eu".parse().unwrap(), None);
        let far = [change(245, ChangeKind::Deploy, "cluster:eu")];
        let unsure = suspects(&far, &shift(600), &"cluster:eu".parse().unwrap(), None);
        assert!(sure.something_else < 0.5 && unsure.something_else > 0.5, "{sure:?} {unsure:?}");
        assert_eq!(titles(&unsure.suspects), [""; 0]);
    }

    #[test]
    fn without_any_change_it_is_something_else() {
        assert_eq!(suspects(&[], &shift(600), &Slice::total(), None).something_else, 1.0);
    }
}
