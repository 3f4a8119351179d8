//! Which changes fit: close before the onset, and touching the traffic that moved.

use hark_model::{Change, ChangeId, ChangeKind, Slice, Suspect, Timestamp};

/// A change further back is no suspect.
const LOOK_BACK_MINUTES: i64 = 6 * 60;
/// The onset is uncertain: a change may seem to come a little after it.
const SLACK_MINUTES: i64 = 15;
const SUSPECTS_MAX: usize = 3;
/// Below this a suspect would be a guess.
const SCORE_MIN: f64 = 0.15;

/// Ranked by fit. The score is the product of how near in time and how near in scope the change is; it is no
/// probability, and a suspect is never called a cause.
pub fn suspects(
    changes: &[(ChangeId, Change)],
    onset: Timestamp,
    onset_interval: [Timestamp; 2],
    slice: &Slice,
) -> Vec<Suspect> {
    let from = onset_interval[0].min(onset).plus_minutes(-LOOK_BACK_MINUTES);
    let to = onset_interval[1].max(onset).plus_minutes(SLACK_MINUTES);
    let in_time = changes.iter().filter(|(_, change)| (from..=to).contains(&change.time));
    let mut suspects: Vec<Suspect> = in_time.filter_map(|(id, change)| judge(id, change, onset, slice)).collect();
    suspects.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.change.cmp(&b.change)));
    suspects.truncate(SUSPECTS_MAX);
    suspects
}

fn judge(id: &ChangeId, change: &Change, onset: Timestamp, slice: &Slice) -> Option<Suspect> {
    let lead_minutes = onset.minutes_since(change.time);
    let near_in_time = (-(lead_minutes.max(0) as f64) / half_life_minutes(change.kind)?).exp2();
    let (near_in_scope, scope) = scope(&change.slice, slice)?;
    let score = near_in_time * near_in_scope;
    let when = match lead_minutes {
        0 => "at the onset".to_owned(),
        1.. => format!("{lead_minutes} min before the onset"),
        _ => format!("{} min after the estimated onset", -lead_minutes),
    };
    (score >= SCORE_MIN).then(|| Suspect {
        change: id.clone(),
        title: change.title.clone(),
        time: change.time,
        score,
        why: format!("came {when} and {scope}; consistent with it, not proven"),
    })
}

/// How fast each kind shows: a configuration at once, a deploy as it rolls, a model or an experiment later. A holiday
/// changes who comes and is no suspect for anything else.
fn half_life_minutes(kind: ChangeKind) -> Option<f64> {
    match kind {
        ChangeKind::Config => Some(30.0),
        ChangeKind::Deploy => Some(60.0),
        ChangeKind::Model | ChangeKind::Experiment => Some(120.0),
        ChangeKind::Holiday => None,
    }
}

fn scope(changed: &Slice, moved: &Slice) -> Option<(f64, String)> {
    if changed == moved && !changed.is_total() {
        Some((1.0, format!("touches exactly {}", words(moved))))
    } else if changed.is_total() {
        Some((0.6, "touches all traffic".to_owned()))
    } else if changed.contains(moved) {
        Some((0.9, format!("touches {}, and {} is part of that", words(changed), words(moved))))
    } else if changed.overlaps(moved) {
        Some((0.4, format!("touches {}, which shares traffic with {}", words(changed), words(moved))))
    } else {
        None
    }
}

/// `platform iOS and locale de_DE`; "all traffic" for the total.
fn words(slice: &Slice) -> String {
    if slice.is_total() {
        return "all traffic".to_owned();
    }
    slice.iter().map(|(dimension, value)| format!("{dimension} {value}")).collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(minutes: i64, kind: ChangeKind, slice: &str) -> (ChangeId, Change) {
        let time = Timestamp::from_millis(0).plus_minutes(minutes);
        let change =
            Change { time, kind, title: format!("{kind:?} at {minutes}"), slice: slice.parse().unwrap(), url: None };
        (change.id(), change)
    }

    #[test]
    fn the_near_change_on_the_same_slice_comes_first_and_misfits_are_left_out() {
        let changes = [
            change(590, ChangeKind::Deploy, "cluster:eu"),
            change(550, ChangeKind::Config, "total"),
            change(580, ChangeKind::Deploy, "cluster:us"),
            change(100, ChangeKind::Deploy, "cluster:eu"),
            change(700, ChangeKind::Deploy, "cluster:eu"),
            change(595, ChangeKind::Holiday, "total"),
        ];
        let onset = Timestamp::from_millis(0).plus_minutes(600);
        let ranked = suspects(&changes, onset, [onset, onset], &"cluster:eu".parse().unwrap());
        let titles: Vec<_> = ranked.iter().map(|suspect| suspect.title.as_str()).collect();
        assert_eq!(titles, ["Deploy at 590", "Config at 550"]);
    }
}
