//! Earlier alerts that were like this one, by what is known of both.
//!
//! The score is a weighted mean over the properties that both alerts have: the same metric 2, the same direction 1, slices
//! 3 (shared pairs of dimension and value by all of theirs), the named stage 2, error signatures 3 (shared by all),
//! kinds of suspects 1 (shared by all). A property that neither has does not count; one that only one has counts as not
//! shared. Weights are chosen, not fitted: there is no labelled set of alerts to fit them on.

use std::collections::BTreeSet;

use hark_model::{AlertId, ChangeKind, Direction, Similar, Slice, Timestamp};
use serde::{Deserialize, Serialize};

const METRIC: f64 = 2.0;
const DIRECTION: f64 = 1.0;
const SLICE: f64 = 3.0;
const STAGE: f64 = 2.0;
const SIGNATURES: f64 = 3.0;
const SUSPECTS: f64 = 1.0;
/// The same metric moved the same way elsewhere scores a half: that is not yet alike.
const SCORE_MIN: f64 = 0.6;
const LISTED_MAX: usize = 5;

/// What is remembered of an alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Brief {
    pub id: AlertId,
    pub incident_id: String,
    pub opened_at: Timestamp,
    pub metric: String,
    pub direction: Direction,
    pub slice: Slice,
    pub stage: Option<String>,
    pub signatures: BTreeSet<String>,
    pub suspects: BTreeSet<String>,
}

/// A kind of suspect by name, as it stands in a [`Brief`].
pub fn kind_name(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Deploy => "deploy",
        ChangeKind::Config => "config",
        ChangeKind::Model => "model",
        ChangeKind::Experiment => "experiment",
        ChangeKind::Holiday => "holiday",
        ChangeKind::Incident => "incident",
    }
}

/// The most alike of earlier incidents' alerts, best first; of equals the newest.
pub fn similar<'a>(alert: &Brief, earlier: impl Iterator<Item = &'a Brief>) -> Vec<Similar> {
    let is_earlier = |other: &&Brief| other.opened_at < alert.opened_at && other.incident_id != alert.incident_id;
    let mut found: Vec<(f64, &Brief, Vec<String>)> = earlier
        .filter(is_earlier)
        .map(|other| {
            let (score, why) = compare(alert, other);
            (score, other, why)
        })
        .filter(|(score, ..)| *score >= SCORE_MIN)
        .collect();
    found.sort_by(|a, b| {
        b.0.total_cmp(&a.0).then_with(|| b.1.opened_at.cmp(&a.1.opened_at)).then_with(|| a.1.id.cmp(&b.1.id))
    });
    found.truncate(LISTED_MAX);
    let listed = |(score, other, why): (f64, &Brief, Vec<String>)| Similar {
        alert_id: other.id.clone(),
        score,
        why,
        opened_at: Some(other.opened_at),
        metric: Some(other.metric.clone()),
        slice: Some(other.slice.clone()),
        verdict: None,
        label: None,
        resolved_at: None,
    };
    found.into_iter().map(listed).collect()
}

fn compare(a: &Brief, b: &Brief) -> (f64, Vec<String>) {
    let mut why = Vec::new();
    let mut compared: Vec<(f64, f64)> = Vec::new();
    let mut add = |weight: f64, alike: f64, words: String| {
        compared.push((weight, alike));
        if alike > 0.0 {
            why.push(words);
        }
    };
    add(METRIC, f64::from(a.metric == b.metric), format!("metric {}", a.metric));
    let direction = match a.direction {
        Direction::Up => "up",
        Direction::Down => "down",
    };
    add(DIRECTION, f64::from(a.direction == b.direction), direction.to_owned());
    let pairs = |slice: &Slice| -> BTreeSet<(String, String)> {
        slice.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    let (mine, theirs) = (pairs(&a.slice), pairs(&b.slice));
    let shared: Slice = mine.intersection(&theirs).cloned().collect();
    // All traffic is as much the same place as any other.
    let alike = if a.slice == b.slice { 1.0 } else { part_shared(&mine, &theirs) };
    let place = if shared.is_total() { "all traffic".to_owned() } else { format!("slice {shared}") };
    add(SLICE, alike, place);
    if let Some(stage) = a.stage.as_ref().or(b.stage.as_ref()) {
        add(STAGE, f64::from(a.stage == b.stage), format!("stage {stage}"));
    }
    if !a.signatures.is_empty() || !b.signatures.is_empty() {
        let words = match a.signatures.intersection(&b.signatures).count() {
            1 => "an error signature".to_owned(),
            count => format!("{count} error signatures"),
        };
        add(SIGNATURES, part_shared(&a.signatures, &b.signatures), words);
    }
    if !a.suspects.is_empty() || !b.suspects.is_empty() {
        let kinds: Vec<&str> = a.suspects.intersection(&b.suspects).map(String::as_str).collect();
        add(SUSPECTS, part_shared(&a.suspects, &b.suspects), format!("{} among the suspects", kinds.join(" and ")));
    }
    let weights: f64 = compared.iter().map(|(weight, _)| weight).sum();
    (compared.iter().map(|(weight, alike)| weight * alike).sum::<f64>() / weights, why)
}

/// Jaccard's: what both have by what either has.
fn part_shared<T: Ord>(mine: &BTreeSet<T>, theirs: &BTreeSet<T>) -> f64 {
    let either = mine.union(theirs).count();
    if either == 0 { 0.0 } else { mine.intersection(theirs).count() as f64 / either as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brief(id: &str, metric: &str, slice: &str, minute: i64) -> Brief {
        Brief {
            id: AlertId(id.to_owned()),
            incident_id: format!("incident of {id}"),
            opened_at: Timestamp::from_millis(0).plus_minutes(minute),
            metric: metric.to_owned(),
            direction: Direction::Up,
            slice: slice.parse().unwrap(),
            stage: None,
            signatures: BTreeSet::new(),
            suspects: BTreeSet::new(),
        }
    }

    fn found(alert: &Brief, earlier: &[Brief]) -> Vec<(String, i64, String)> {
        let found = similar(alert, earlier.iter());
        found.into_iter().map(|one| (one.alert_id.0, (one.score * 100.0).round() as i64, one.why.join(", "))).collect()
    }

    #[test]
    fn the_same_again_comes_first_and_says_why() {
        let set = |one: &str| BTreeSet::from([one.to_owned()]);
        let mut alert = brief("now", "response_time", "cluster:eu,platform:iOS", 900);
        (alert.stage, alert.suspects) = (Some("asr_ms".to_owned()), set("deploy"));
        let mut again = brief("again", "response_time", "cluster:eu", 10);
        (again.stage, again.suspects) = (alert.stage.clone(), alert.suspects.clone());
        let elsewhere = Brief { stage: alert.stage.clone(), ..brief("elsewhere", "response_time", "total", 20) };
        let later = brief("later", "response_time", "cluster:eu,platform:iOS", 901);
        let same_incident =
            Brief { incident_id: alert.incident_id.clone(), ..brief("part", "response_time", "total", 30) };
        assert_eq!(
            found(&alert, &[elsewhere, again, later, same_incident]),
            [(
                "again".to_owned(),
                83,
                "metric response_time, up, slice cluster:eu, stage asr_ms, deploy among the suspects".to_owned()
            )]
        );
    }

    #[test]
    fn another_place_or_another_error_is_not_alike() {
        let mut alert = brief("now", "failure_rate", "total", 900);
        alert.signatures = ["a".to_owned(), "b".to_owned()].into();
        let place = brief("place", "failure_rate", "cluster:eu", 0);
        let error = Brief { signatures: ["c".to_owned()].into(), ..brief("error", "failure_rate", "cluster:eu", 0) };
        let same = Brief { signatures: alert.signatures.clone(), ..brief("same", "failure_rate", "total", 5) };
        let told = [("same".to_owned(), 100, "metric failure_rate, up, all traffic, 2 error signatures".to_owned())];
        assert_eq!(found(&alert, &[place, error, same]), told);
    }
}
