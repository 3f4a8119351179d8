//! The open alerts: a finding joins the alert it belongs to or opens one; an alert ends when all its series recovered.

use hark_model::{
    Alert, AlertId, AlertStatus, Cause, Effect, Evidence, Explanation, Finding, FrozenChart, Metric, Severity, Shift,
    Slice, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::funnel::{Dropped, Funnel, Reason, Stage};
use crate::identity::{alert_id, incident_id};

/// A finding without a located cause joins an alert whose onset is this near.
const SAME_ONSET_MINUTES: i64 = 3 * 60;
/// An alert that recovered fires again, rather than a new one being opened, within this time.
const REOPEN_MINUTES: i64 = 3 * 60;
/// Minutes after opening at which an alert is looked at again, then every four hours.
const REVIEW_MINUTES: [i64; 5] = [15, 30, 60, 120, 240];
/// Reviews at which an alert may still move to any other slice.
const UNSETTLED_REVIEWS: usize = 2;
/// An alert folds so many series; the rest are still silent, and the list says that it is full by its length.
const FOLDED_MAX: usize = 200;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Book {
    entries: Vec<Entry>,
    pub funnel: Funnel,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    alert: Alert,
    /// Series that still deviate.
    open: Vec<Slice>,
    reviews: usize,
    next_review: Timestamp,
}

impl Entry {
    /// A series that deviates too.
    fn add(&mut self, slice: Slice) {
        let folded = &mut self.alert.folded;
        if !folded.contains(&slice) && folded.len() < FOLDED_MAX {
            folded.push(slice.clone());
            folded.sort();
        }
        if !self.open.contains(&slice) {
            self.open.push(slice);
        }
    }
}

/// All that a new alert is made of.
pub struct Opening<'a> {
    pub finding: &'a Finding,
    pub metric: &'a Metric,
    /// Distinct users since the onset; `None` where events name none.
    pub users: Option<u64>,
    pub explanation: Explanation,
    pub budget: &'a str,
}

impl Book {
    /// Adds a finding to the alert it belongs to, or opens one. Returns the alert as it now stands.
    pub fn take(&mut self, opening: Opening<'_>) -> &Alert {
        let at = match self.home(opening.finding, &opening.explanation.causes) {
            Some(at) => {
                self.join(at, opening.finding);
                at
            }
            None => self.open(opening),
        };
        &self.entries[at].alert
    }

    /// Adds a finding to an open alert whose slice holds all of the finding's and which began at about the same time.
    pub fn join_within(&mut self, finding: &Finding) -> Option<&Alert> {
        let holds = |entry: &Entry| {
            is_same_move(&entry.alert, finding)
                && is_near(&entry.alert, finding)
                && entry.alert.resolved_at.is_none()
                && entry.alert.slice.contains(&finding.slice)
        };
        let at = self.entries.iter().position(holds)?;
        self.join(at, finding);
        Some(&self.entries[at].alert)
    }

    /// A series of the metric is as expected again. Returns the alert that this ends, if it was the last one.
    pub fn recover(&mut self, metric: &str, slice: &Slice, at: Timestamp) -> Option<&Alert> {
        let entry = self.entries.iter_mut().find(|entry| entry.alert.metric == metric && entry.open.contains(slice))?;
        entry.open.retain(|open| open != slice);
        if !entry.open.is_empty() {
            return None;
        }
        entry.alert.status = AlertStatus::Resolved;
        entry.alert.resolved_at = Some(at);
        Some(&entry.alert)
    }

    /// The alerts to look at again, each with the slices that still deviate.
    pub fn due(&mut self, now: Timestamp) -> Vec<(AlertId, Vec<Slice>)> {
        self.entries.retain(|entry| {
            entry.alert.resolved_at.is_none_or(|resolved| now.minutes_since(resolved) < REOPEN_MINUTES)
        });
        let due = |entry: &&mut Entry| entry.alert.resolved_at.is_none() && entry.next_review <= now;
        let review = |entry: &mut Entry| {
            entry.reviews += 1;
            entry.next_review = next_review(entry.alert.opened_at, entry.reviews);
            (entry.alert.id.clone(), entry.open.clone())
        };
        self.entries.iter_mut().filter(due).map(review).collect()
    }

    pub fn alert(&self, id: &AlertId) -> Option<&Alert> {
        self.entries.iter().find(|entry| entry.alert.id == *id).map(|entry| &entry.alert)
    }

    /// Every alert that has not recovered.
    pub fn firing(&self) -> impl Iterator<Item = &Alert> {
        self.entries.iter().map(|entry| &entry.alert).filter(|alert| alert.resolved_at.is_none())
    }

    /// Renews what an alert says of its causes, with more data than it was opened on.
    ///
    /// At first it may still turn out to be elsewhere. Later what shows elsewhere is another regression beside it.
    pub fn renew(&mut self, id: &AlertId, shift: &Shift, mut explanation: Explanation) {
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.alert.id == *id) else { return };
        let is_settled = entry.reviews > UNSETTLED_REVIEWS;
        let alert = &mut entry.alert;
        alert.statistic = shift.statistic;
        alert.evidence.e_value = alert.evidence.e_value.max(shift.e_value);
        let is_related = |cause: &Cause| alert.slice.contains(&cause.slice) || cause.slice.contains(&alert.slice);
        if is_settled && !explanation.causes.first().is_some_and(is_related) {
            return;
        }
        if is_settled {
            explanation.causes.retain(is_related);
        }
        if let Some(cause) = explanation.causes.first() {
            alert.slice = cause.slice.clone();
        }
        explain(alert, explanation);
    }

    /// With what is known now an alert may lie within another open one: then it ends there, and what still deviates
    /// goes on in the wider one (of two with the same slice, in the earlier). Returns the wider one.
    pub fn fold_into_wider(&mut self, id: &AlertId, now: Timestamp) -> Option<AlertId> {
        let at = self.entries.iter().position(|entry| entry.alert.id == *id)?;
        let Alert { metric, direction, slice, .. } = &self.entries[at].alert;
        let is_wider = |(other, entry): &(usize, &Entry)| {
            let wide = &entry.alert;
            *other != at
                && (&wide.metric, wide.direction, wide.resolved_at) == (metric, *direction, None)
                && wide.slice.contains(slice)
                && (wide.slice != *slice || *other < at)
        };
        let wider = self.entries.iter().enumerate().find(is_wider)?.0;
        let open = std::mem::take(&mut self.entries[at].open);
        let into = self.entries[wider].alert.id.clone();
        let alert = &mut self.entries[at].alert;
        alert.status = AlertStatus::Resolved;
        alert.resolved_at = Some(now);
        alert.folded_into = Some(into.clone());
        for slice in open {
            self.entries[wider].add(slice);
        }
        self.funnel.merge();
        Some(into)
    }

    /// Says how bad it is, measured on the series that is drawn for the alert.
    pub fn set_effect(&mut self, id: &AlertId, shift: &Shift, metric: &Metric, users: Option<u64>) {
        if let Some(alert) = self.alert_mut(id) {
            alert.effect = effect(shift, metric, users);
            alert.severity = severity(shift, metric);
        }
    }

    pub fn freeze_chart(&mut self, id: &AlertId, chart: FrozenChart) -> Option<&Alert> {
        let alert = self.alert_mut(id)?;
        alert.evidence.chart = Some(chart);
        Some(alert)
    }

    /// The metric is no longer what it was: its alerts end. Returns those that had not.
    pub fn retire(&mut self, metric: &str, at: Timestamp) -> Vec<Alert> {
        let mut ended = Vec::new();
        for entry in self.entries.iter_mut().filter(|entry| entry.alert.metric == metric) {
            entry.open.clear();
            if entry.alert.resolved_at.is_none() {
                entry.alert.status = AlertStatus::Resolved;
                entry.alert.resolved_at = Some(at);
                ended.push(entry.alert.clone());
            }
        }
        self.entries.retain(|entry| entry.alert.metric != metric);
        ended
    }

    fn alert_mut(&mut self, id: &AlertId) -> Option<&mut Alert> {
        self.entries.iter_mut().find(|entry| entry.alert.id == *id).map(|entry| &mut entry.alert)
    }

    fn open(&mut self, opening: Opening<'_>) -> usize {
        let Opening { finding, metric, users, explanation, budget } = opening;
        let slice = explanation.causes.first().map_or_else(|| finding.slice.clone(), |cause| cause.slice.clone());
        let shift = &finding.shift;
        let mut alert = Alert {
            id: alert_id(finding, &slice),
            metric: finding.metric.clone(),
            statistic: shift.statistic,
            direction: shift.direction,
            status: AlertStatus::Firing,
            severity: severity(shift, metric),
            incident_id: self.incident(finding, &slice),
            owner: metric.owner.clone(),
            assignee: None,
            opened_at: finding.at,
            onset: shift.onset,
            onset_interval: shift.onset_interval,
            resolved_at: None,
            effect: effect(shift, metric, users),
            evidence: Evidence {
                e_value: shift.e_value,
                false_alarm_budget: budget.to_owned(),
                detectors: shift.detectors.clone(),
                chart: None,
            },
            causes: Vec::new(),
            mix: None,
            stages: Vec::new(),
            errors: Vec::new(),
            suspects: Vec::new(),
            label: None,
            similar: Vec::new(),
            folded_into: None,
            folded: Vec::new(),
            feedback: Vec::new(),
            slice,
        };
        explain(&mut alert, explanation);
        self.funnel.open();
        let next_review = next_review(alert.opened_at, 0);
        self.entries.push(Entry { alert, open: vec![finding.slice.clone()], reviews: 0, next_review });
        self.entries.len() - 1
    }

    fn join(&mut self, at: usize, finding: &Finding) {
        let entry = &mut self.entries[at];
        if entry.alert.resolved_at.take().is_some() {
            entry.alert.status = AlertStatus::Firing;
            entry.reviews = 0;
            entry.next_review = next_review(finding.at, 0);
            self.funnel.reopen();
        } else {
            self.funnel.drop(Dropped {
                at: finding.at,
                metric: finding.metric.clone(),
                slice: finding.slice.clone(),
                stage: Stage::New,
                reason: Reason::PartOf(entry.alert.id.clone()),
            });
        }
        entry.add(finding.slice.clone());
    }

    /// The alert of the same metric and direction that a finding is part of: their causes lie within one another, or,
    /// where the finding has none, it shares traffic with the alert and began at about the same time.
    fn home(&self, finding: &Finding, causes: &[Cause]) -> Option<usize> {
        let is_home = |entry: &Entry| {
            let alert = &entry.alert;
            if !is_same_move(alert, finding) || alert.folded_into.is_some() {
                return false;
            }
            let near = is_near(alert, finding);
            match causes.first() {
                // A narrower cause is part of it; a wider one only if it began with it.
                Some(Cause { slice, .. }) => {
                    alert.slice.contains(slice)
                        || (near && slice.contains(&alert.slice))
                        || alert.causes.iter().any(|known| known.slice == *slice)
                }
                None => near && finding.slice.overlaps(&alert.slice),
            }
        };
        self.entries.iter().position(is_home)
    }

    /// Alerts of other metrics on shared traffic with about the same onset are one incident.
    fn incident(&self, finding: &Finding, slice: &Slice) -> String {
        let together = |entry: &&Entry| {
            let near = is_near(&entry.alert, finding);
            near && entry.alert.slice.overlaps(slice)
        };
        let found = self.entries.iter().find(together).map(|entry| entry.alert.incident_id.clone());
        found.unwrap_or_else(|| incident_id(finding, slice))
    }
}

fn is_same_move(alert: &Alert, finding: &Finding) -> bool {
    alert.metric == finding.metric && alert.direction == finding.shift.direction
}

fn is_near(alert: &Alert, finding: &Finding) -> bool {
    alert.onset.minutes_since(finding.shift.onset).abs() <= SAME_ONSET_MINUTES
}

fn next_review(opened_at: Timestamp, reviews: usize) -> Timestamp {
    const EVERY_MINUTES: i64 = 240;
    let last = REVIEW_MINUTES.len() - 1;
    let beyond = reviews.saturating_sub(last) as i64;
    opened_at.plus_minutes(REVIEW_MINUTES[reviews.min(last)] + EVERY_MINUTES * beyond)
}

fn effect(shift: &Shift, metric: &Metric, users: Option<u64>) -> Effect {
    Effect {
        before: shift.before,
        after: shift.after,
        delta: shift.delta(),
        relative: shift.relative(),
        interval: shift.interval,
        unit: metric.shown_unit(),
        requests: shift.requests,
        // There cannot be more users than requests.
        users: users.map(|users| about(users).min(shift.requests)),
    }
}

/// Two digits are what an estimate with an error of some percent can say.
fn about(users: u64) -> u64 {
    let digits = users.checked_ilog10().unwrap_or(0);
    let unit = 10_u64.pow(digits.saturating_sub(1));
    (users + unit / 2) / unit * unit
}

fn severity(shift: &Shift, metric: &Metric) -> Severity {
    if shift.relative().abs() >= metric.alert.page_at { Severity::Critical } else { Severity::Warning }
}

fn explain(alert: &mut Alert, explanation: Explanation) {
    // What was located once is not unsaid because later, calmer data no longer show it.
    if alert.causes.is_empty() || !explanation.causes.is_empty() {
        alert.causes = explanation.causes;
        alert.mix = explanation.mix;
        alert.suspects = explanation.suspects;
    }
}

#[cfg(test)]
mod tests {
    use hark_model::{Definitions, Direction, Statistic};

    use super::*;

    fn finding(metric: &str, slice: &str, minute: i64) -> Finding {
        let onset = Timestamp::from_millis(0).plus_minutes(minute);
        let shift = Shift {
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
        };
        Finding { metric: metric.to_owned(), slice: slice.parse().unwrap(), at: onset.plus_minutes(10), shift }
    }

    fn caused_by(slice: &str) -> Explanation {
        let cause = Cause { slice: slice.parse().unwrap(), share: 0.9, delta: 10.0, requests: 100 };
        Explanation { causes: vec![cause], ..Explanation::default() }
    }

    fn take(book: &mut Book, finding: &Finding, explanation: Explanation) -> Alert {
        let definitions = Definitions::built_in();
        let metric = definitions.get(&finding.metric).unwrap();
        book.take(Opening { finding, metric, users: Some(9), explanation, budget: "1 per week" }).clone()
    }

    #[test]
    fn one_cause_seen_in_many_slices_is_one_alert() {
        let mut book = Book::default();
        let first = take(&mut book, &finding("response_time", "total", 0), caused_by("cluster:eu"));
        let second =
            take(&mut book, &finding("response_time", "platform:iOS", 5), caused_by("cluster:eu,platform:iOS"));
        let third = take(&mut book, &finding("response_time", "locale:de_DE", 5), Explanation::default());
        assert_eq!((&second.id, &third.id), (&first.id, &first.id));
        assert_eq!(first.slice.to_string(), "cluster:eu");
        assert_eq!(third.folded.len(), 2);
    }

    #[test]
    fn another_cause_is_another_alert_and_another_metric_the_same_incident() {
        let mut book = Book::default();
        let first = take(&mut book, &finding("response_time", "total", 0), caused_by("cluster:eu"));
        let other = take(&mut book, &finding("response_time", "total", 400), caused_by("cluster:us"));
        let failing = take(&mut book, &finding("failure_rate", "cluster:eu", 20), caused_by("cluster:eu"));
        assert_ne!(other.id, first.id);
        assert_ne!(other.incident_id, first.incident_id);
        assert_ne!(failing.id, first.id);
        assert_eq!(failing.incident_id, first.incident_id);
    }

    #[test]
    fn it_ends_when_all_recovered_and_fires_again_when_one_relapses() {
        let mut book = Book::default();
        let first = take(&mut book, &finding("response_time", "total", 0), caused_by("cluster:eu"));
        take(&mut book, &finding("response_time", "cluster:eu", 5), caused_by("cluster:eu"));
        let at = Timestamp::from_millis(0).plus_minutes(60);
        assert_eq!(book.recover("response_time", &Slice::total(), at), None);
        let ended = book.recover("response_time", &"cluster:eu".parse().unwrap(), at).unwrap();
        assert_eq!((ended.status, ended.resolved_at), (AlertStatus::Resolved, Some(at)));
        let again = take(&mut book, &finding("response_time", "total", 100), caused_by("cluster:eu"));
        assert_eq!((again.id, again.status, again.resolved_at), (first.id, AlertStatus::Firing, None));
    }

    #[test]
    fn an_alert_that_turns_out_to_be_part_of_another_ends_in_it() {
        let mut book = Book::default();
        let wide = take(&mut book, &finding("response_time", "total", 0), caused_by("platform:iOS"));
        let other = take(&mut book, &finding("response_time", "feature:calls", 9), caused_by("feature:calls"));
        assert_ne!(wide.id, other.id);
        let now = Timestamp::from_millis(0).plus_minutes(90);
        assert_eq!(book.fold_into_wider(&other.id, now), None);
        let shift = finding("response_time", "feature:calls", 9).shift;
        book.renew(&other.id, &shift, caused_by("feature:calls,platform:iOS"));
        assert_eq!(book.fold_into_wider(&other.id, now), Some(wide.id.clone()));
        let folded = book.alert(&other.id).unwrap();
        assert_eq!((folded.status, &folded.folded_into), (AlertStatus::Resolved, &Some(wide.id.clone())));
        // Its series keeps the wider one open.
        assert_eq!(book.recover("response_time", &Slice::total(), now), None);
        let ended = book.recover("response_time", &"feature:calls".parse().unwrap(), now).unwrap();
        assert_eq!(ended.id, wide.id);
    }

    #[test]
    fn an_alert_that_has_settled_keeps_its_place() {
        let mut book = Book::default();
        let alert = take(&mut book, &finding("response_time", "total", 0), caused_by("feature:home"));
        let shift = finding("response_time", "total", 0).shift;
        let mut review = |minutes: i64, slice: &str| {
            book.due(alert.opened_at.plus_minutes(minutes));
            book.renew(&alert.id, &shift, caused_by(slice));
            book.alert(&alert.id).unwrap().slice.to_string()
        };
        assert_eq!(review(15, "feature:calls"), "feature:calls");
        assert_eq!(review(30, "feature:home"), "feature:home");
        // Another regression that began beside it does not carry it away; a truer slice of its own does.
        assert_eq!(review(60, "feature:music"), "feature:home");
        assert_eq!(review(120, "feature:home,platform:iOS"), "feature:home,platform:iOS");
        let causes: Vec<_> = book.alert(&alert.id).unwrap().causes.iter().map(|one| one.slice.to_string()).collect();
        assert_eq!(causes, ["feature:home,platform:iOS"]);
    }

    #[test]
    fn an_estimate_is_said_in_two_digits() {
        assert_eq!([0, 7, 42, 104, 105, 9_120, 123_456].map(about), [0, 7, 42, 100, 110, 9_100, 120_000]);
    }

    #[test]
    fn reviews_come_ever_less_often() {
        let mut book = Book::default();
        take(&mut book, &finding("response_time", "total", 0), caused_by("cluster:eu"));
        let reviewed =
            (0..24 * 60).filter(|minute| !book.due(Timestamp::from_millis(0).plus_minutes(10 + *minute)).is_empty());
        assert_eq!(reviewed.collect::<Vec<_>>(), [15, 30, 60, 120, 240, 480, 720, 960, 1200]);
    }
}
