//! The open alerts: a finding joins the alert it belongs to or opens one; an alert ends when the series that speak
//! for its slice recovered.

use std::collections::VecDeque;

use hark_model::{
    Alert, AlertId, AlertStatus, Cause, Effect, ErrorSignature, Evidence, Explanation, Finding, FindingKind,
    FrozenChart, Joined, Metric, Severity, Shift, Similar, Slice, Statistic, Timestamp, Why,
};
use serde::{Deserialize, Serialize};

use crate::funnel::{Dropped, Funnel, Moved, Reason, Stage};
use crate::identity::{alert_id, incident_id};

/// A finding without a located cause joins an alert whose onset is this near.
const SAME_ONSET_MINUTES: i64 = 3 * 60;
/// What crept is seen over four weeks, and dated to half of them.
const SAME_CREEP_MINUTES: i64 = 14 * 24 * 60;
/// An alert that recovered fires again, rather than a new one being opened, when its slice is off again within this time.
const SOON_MINUTES: i64 = 3 * 60;
/// Within this time it does so where the move is as large as it was: a drift that is too small by night is back in the morning. (In
/// or around the slice, too, 2.4 % of findings joined the wrong alert.)
const REOPEN_MINUTES: i64 = 14 * 60;
/// Moves up to so many times as large as one another are alike.
const ALIKE_TIMES: f64 = 2.0;
/// Minutes after opening at which an alert is looked at again, then every four hours.
const REVIEW_MINUTES: [i64; 5] = [15, 30, 60, 120, 240];
/// Reviews at which an alert may still move to any other slice.
const UNSETTLED_REVIEWS: usize = 2;
/// What fails at the edge of a gap in the data belongs to it.
const EDGE_MINUTES: i64 = 15;
/// An alert folds so many series; the rest are still silent, and the list says that it is full by its length.
const FOLDED_MAX: usize = 200;
/// An alert tells of so many candidates, the first ones.
const JOINED_MAX: usize = 200;
/// What is usual is asked of the week before; a known regression of then is remembered that long.
const KNOWN_MINUTES: i64 = 9 * 24 * 60;
/// Of more the oldest go first.
const KNOWN_MAX: usize = 500;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Book {
    entries: Vec<Entry>,
    /// Oldest first.
    known: VecDeque<Known>,
    pub funnel: Funnel,
}

/// When requests were not as usual, and which: an alert that has ended, or a finding that was dismissed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Known {
    metric: String,
    slice: Slice,
    from: Timestamp,
    to: Timestamp,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    alert: Alert,
    /// The onset, or that of its return if it had ended in between.
    since: Timestamp,
    /// Series that still deviate.
    open: Vec<Slice>,
    reviews: usize,
    next_review: Timestamp,
    /// Alerts that were open around it when it opened, and that it is no part of: it began later.
    later_than: Vec<AlertId>,
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

/// An alert that is over.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    pub id: AlertId,
    /// Series of it that have not recovered themselves. What they say of a part of its slice they have to show anew.
    pub left: Vec<Slice>,
}

/// All that a new alert is made of.
pub struct Opening<'a> {
    pub finding: &'a Finding,
    pub metric: &'a Metric,
    /// Distinct users since the onset; `None` where events name none.
    pub users: Option<u64>,
    pub explanation: Explanation,
    pub budget: &'a str,
    /// Whether the finding's own series says that it did not move with an alert, but later.
    pub is_fresh: &'a dyn Fn(&Alert) -> bool,
}

impl Book {
    /// Adds a finding to the alert it belongs to, or opens one. Returns the alert as it now stands.
    pub fn take(&mut self, opening: Opening<'_>) -> &Alert {
        let at = match self.taken_for_worse(opening.finding).or_else(|| self.home(&opening)) {
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

    /// Adds what crept to an open alert on shared traffic that began within the same weeks: one series shows it days before another does.
    pub fn join_crept(&mut self, finding: &Finding) -> Option<&Alert> {
        let crept_along = |Entry { alert, .. }: &Entry| {
            is_same_move(alert, finding)
                && alert.resolved_at.is_none()
                && alert.onset.minutes_since(finding.shift.onset).abs() <= SAME_CREEP_MINUTES
                && alert.slice.overlaps(&finding.slice)
        };
        let at = self.entries.iter().position(crept_along)?;
        self.join(at, finding);
        Some(&self.entries[at].alert)
    }

    /// An alert says that nothing of this traffic comes in: what other metrics say of the few stragglers is no news.
    pub fn without_data(&self, finding: &Finding) -> Option<&Alert> {
        let is_silent = |alert: &&Alert| {
            alert.kind == FindingKind::NoData
                && alert.metric != finding.metric
                && alert.slice.contains(&finding.slice)
                && finding.shift.onset >= alert.onset_interval[0].plus_minutes(-EDGE_MINUTES)
        };
        self.firing().find(is_silent)
    }

    /// A finding that nobody was told of: until now its requests were not as usual.
    pub fn dismiss(&mut self, dropped: Dropped, onset: Timestamp) {
        self.know(dropped.metric.clone(), dropped.slice.clone(), onset, dropped.at);
        self.funnel.drop(dropped);
    }

    /// When requests of a slice are known not to have been as usual for a metric, until now.
    pub fn unusual(&self, metric: &str, slice: &Slice, now: Timestamp) -> Vec<[Timestamp; 2]> {
        let known = self.known.iter().map(|known| (&known.metric, &known.slice, [known.from, known.to]));
        let alerts =
            self.entries.iter().map(|entry| &entry.alert).map(|alert| {
                (&alert.metric, &alert.slice, [alert.onset_interval[0], alert.resolved_at.unwrap_or(now)])
            });
        let of_these = |(of, known, _): &(&String, &Slice, _)| *of == metric && known.overlaps(slice);
        known.chain(alerts).filter(of_these).map(|(_, _, span)| span).collect()
    }

    fn know(&mut self, metric: String, slice: Slice, from: Timestamp, to: Timestamp) {
        if self.known.len() == KNOWN_MAX {
            self.known.pop_front();
        }
        self.known.push_back(Known { metric, slice, from, to });
    }

    /// A series of the metric is as expected again. Returns the alert that this ends, if it was the last one, or the last
    /// of those that hold all of the alert's slice: a thin part takes hours to show what the whole shows in minutes.
    pub fn recover(&mut self, metric: &str, slice: &Slice, now: Timestamp) -> Option<Ended> {
        let at = self.entries.iter().position(|entry| entry.alert.metric == metric && entry.open.contains(slice))?;
        self.close(at, slice, now)
    }

    /// As [`Self::recover`], where it is known which alert the series is in.
    pub fn recover_in(&mut self, id: &AlertId, slice: &Slice, at: Timestamp) -> Option<Ended> {
        let entry = self.entries.iter().position(|entry| entry.alert.id == *id && entry.open.contains(slice))?;
        self.close(entry, slice, at)
    }

    fn close(&mut self, at: usize, slice: &Slice, now: Timestamp) -> Option<Ended> {
        let Entry { alert, open, .. } = &mut self.entries[at];
        open.retain(|open| open != slice);
        let speaks = |slice: &Slice| slice.contains(&alert.slice);
        if !open.is_empty() && (!speaks(slice) || open.iter().any(speaks)) {
            return None;
        }
        alert.status = AlertStatus::Resolved;
        alert.resolved_at = Some(now);
        Some(Ended { id: alert.id.clone(), left: std::mem::take(open) })
    }

    /// Whether a series is among those that still deviate of some alert.
    pub fn is_open(&self, metric: &str, slice: &Slice) -> bool {
        self.entries.iter().any(|entry| entry.alert.metric == metric && entry.open.contains(slice))
    }

    /// The alerts to look at again, each with the slices that still deviate.
    pub fn due(&mut self, now: Timestamp) -> Vec<(AlertId, Vec<Slice>)> {
        self.forget(now);
        let due = |entry: &&mut Entry| entry.alert.resolved_at.is_none() && entry.next_review <= now;
        let review = |entry: &mut Entry| {
            entry.reviews += 1;
            entry.next_review = next_review(entry.alert.opened_at, entry.reviews);
            (entry.alert.id.clone(), entry.open.clone())
        };
        self.entries.iter_mut().filter(due).map(review).collect()
    }

    /// What ended too long ago to fire again is known, and nothing more.
    fn forget(&mut self, now: Timestamp) {
        let is_over = |entry: &mut Entry| {
            entry.alert.resolved_at.is_some_and(|resolved| now.minutes_since(resolved) >= REOPEN_MINUTES)
        };
        for Entry { alert, .. } in self.entries.extract_if(.., is_over).collect::<Vec<_>>() {
            let to = alert.resolved_at.unwrap_or(now);
            self.know(alert.metric, alert.slice, alert.onset_interval[0], to);
        }
        self.known.retain(|known| now.minutes_since(known.to) < KNOWN_MINUTES);
    }

    pub fn alert(&self, id: &AlertId) -> Option<&Alert> {
        self.entries.iter().find(|entry| entry.alert.id == *id).map(|entry| &entry.alert)
    }

    /// From when on the requests of an alert are not as usual: its onset, or that of its return.
    pub fn since(&self, id: &AlertId) -> Option<Timestamp> {
        self.entries.iter().find(|entry| entry.alert.id == *id).map(|entry| entry.since)
    }

    /// Where the metric is told to be off.
    pub fn slices(&self, metric: &str) -> Vec<Slice> {
        self.firing().filter(|alert| alert.metric == metric).map(|alert| alert.slice.clone()).collect()
    }

    /// Where an alert's metric is told to be off beside it.
    pub fn beside(&self, id: &AlertId) -> Vec<Slice> {
        let Some(Alert { metric, .. }) = self.alert(id) else { return Vec::new() };
        let others = self.firing().filter(|other| other.id != *id && other.metric == *metric);
        others.map(|other| other.slice.clone()).collect()
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
        if shift.statistic == Statistic::Count {
            alert.kind = shift.kind;
        }
        alert.statistic = shift.statistic;
        alert.evidence.e_value = alert.evidence.e_value.max(shift.e_value);
        let is_related = |cause: &Cause| alert.slice.contains(&cause.slice) || cause.slice.contains(&alert.slice);
        if is_settled && !explanation.causes.first().is_some_and(is_related) {
            return;
        }
        if is_settled {
            explanation.causes.retain(is_related);
        }
        if let Some(cause) = explanation.claimed() {
            alert.slice = cause.slice.clone();
        }
        explain(alert, explanation);
    }

    /// With what is known now an alert may lie within another open one: then it ends there, and what still deviates
    /// goes on in the wider one (of two with the same slice, in the earlier). Returns the wider one.
    pub fn fold_into_wider(&mut self, id: &AlertId, now: Timestamp) -> Option<AlertId> {
        let at = self.entries.iter().position(|entry| entry.alert.id == *id)?;
        let Entry { alert: Alert { metric, direction, slice, .. }, later_than, .. } = &self.entries[at];
        let is_wider = |(other, entry): &(usize, &Entry)| {
            let wide = &entry.alert;
            *other != at
                && !later_than.contains(&wide.id)
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
        let came = alert.joined.clone();
        let joined = &mut self.entries[wider].alert.joined;
        joined.extend(came);
        joined.sort_by_key(|one| one.at);
        joined.truncate(JOINED_MAX);
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

    /// Says which stages the effect is made of, and what failures say. Errors that were found once are not unsaid.
    pub fn set_parts(&mut self, id: &AlertId, stages: Vec<hark_model::Stage>, errors: Vec<ErrorSignature>) {
        let Some(alert) = self.alert_mut(id) else { return };
        alert.stages = stages;
        if alert.errors.is_empty() || !errors.is_empty() {
            alert.errors = errors;
        }
    }

    pub fn set_similar(&mut self, id: &AlertId, similar: Vec<Similar>) {
        if let Some(alert) = self.alert_mut(id) {
            alert.similar = similar;
        }
    }

    /// The series that moved together, where no single one of them was told of.
    pub fn name_members(&mut self, id: &AlertId, members: &[Slice]) {
        let Some(alert) = self.alert_mut(id) else { return };
        alert.folded.extend(members.iter().cloned());
        alert.folded.sort();
        alert.folded.dedup();
        alert.folded.truncate(FOLDED_MAX);
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
        let Opening { finding, metric, users, explanation, budget, is_fresh } = opening;
        let slice = explanation.claimed().map_or_else(|| finding.slice.clone(), |cause| cause.slice.clone());
        let shift = &finding.shift;
        let mut alert = Alert {
            id: alert_id(finding, &slice),
            kind: shift.kind,
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
            why: None,
            label: None,
            similar: Vec::new(),
            folded_into: None,
            folded: Vec::new(),
            joined: vec![joined(finding)],
            feedback: Vec::new(),
            slice,
        };
        explain(&mut alert, explanation);
        self.funnel.open();
        let next_review = next_review(alert.opened_at, 0);
        let is_earlier = |other: &&Alert| is_same_move(other, finding) && !is_near(other, finding) && is_fresh(other);
        let later_than = self.firing().filter(is_earlier).map(|other| other.id.clone()).collect();
        let open = vec![finding.slice.clone()];
        self.entries.push(Entry { alert, since: shift.onset, open, reviews: 0, next_review, later_than });
        self.entries.len() - 1
    }

    fn join(&mut self, at: usize, finding: &Finding) {
        let entry = &mut self.entries[at];
        if entry.alert.resolved_at.take().is_some() {
            entry.alert.status = AlertStatus::Firing;
            entry.since = finding.shift.onset;
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
                moved: Some(Moved::of(&finding.shift)),
            });
        }
        if entry.alert.joined.len() < JOINED_MAX {
            entry.alert.joined.push(joined(finding));
        }
        entry.add(finding.slice.clone());
    }

    /// The alert of the same metric and direction that a finding is part of: their causes lie within one another, or,
    /// where the finding has none, it shares traffic with the alert and began at about the same time. What began later
    /// than an alert that goes on, by the word of its own series, is another regression and is told; where an alert
    /// has ended and it is alike, it is the same one, back.
    fn home(&self, opening: &Opening<'_>) -> Option<usize> {
        let Opening { finding, explanation, is_fresh, .. } = opening;
        let is_home = |entry: &Entry| {
            let alert = &entry.alert;
            if !is_same_move(alert, finding) || alert.folded_into.is_some() {
                return false;
            }
            let cause = explanation.causes.first().map(|cause| &cause.slice);
            if alert.resolved_at.is_some() && !ended_within(alert, finding, SOON_MINUTES) {
                return is_back(alert, finding) && *cause.unwrap_or(&finding.slice) == alert.slice;
            }
            let near = is_near(alert, finding);
            match cause {
                // A narrower cause is part of it; a wider one only if it began with it.
                Some(slice) => {
                    let is_part = alert.slice.contains(slice) || alert.causes.iter().any(|known| known.slice == *slice);
                    let is_relapse = alert.resolved_at.is_some() && alert.slice == *slice;
                    (is_part && (near || is_relapse || !is_fresh(alert))) || (near && slice.contains(&alert.slice))
                }
                None => near && finding.slice.overlaps(&alert.slice),
            }
        };
        self.entries.iter().position(is_home)
    }

    /// An alert took for worse what has turned out to have stopped measuring.
    fn taken_for_worse(&mut self, finding: &Finding) -> Option<usize> {
        let is_it = |entry: &Entry| {
            let Alert { metric, kind, slice, resolved_at, .. } = &entry.alert;
            finding.shift.kind == FindingKind::Stuck
                && (metric, *kind, slice, resolved_at)
                    == (&finding.metric, FindingKind::Regression, &finding.slice, &None)
                && is_near(&entry.alert, finding)
        };
        let at = self.entries.iter().position(is_it)?;
        self.entries[at].alert.kind = finding.shift.kind;
        Some(at)
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

fn joined(finding: &Finding) -> Joined {
    let Finding { at, slice, shift, .. } = finding;
    Joined {
        at: *at,
        slice: slice.clone(),
        statistic: shift.statistic,
        onset: shift.onset,
        relative: shift.relative(),
        e_value: shift.e_value,
    }
}

/// Which way a series that stands still is off says nothing.
fn is_same_move(alert: &Alert, finding: &Finding) -> bool {
    let is_stuck = |kind| kind == FindingKind::Stuck;
    alert.metric == finding.metric
        && is_stuck(alert.kind) == is_stuck(finding.shift.kind)
        && (is_stuck(alert.kind) || alert.direction == finding.shift.direction)
}

/// Whether it is what an alert that has ended was about, by its size.
fn is_back(alert: &Alert, finding: &Finding) -> bool {
    let times = finding.shift.relative().abs() / alert.effect.relative.abs();
    alert.kind == FindingKind::Regression
        && ended_within(alert, finding, REOPEN_MINUTES)
        && (1.0 / ALIKE_TIMES..=ALIKE_TIMES).contains(&times)
}

fn ended_within(alert: &Alert, finding: &Finding, minutes: i64) -> bool {
    alert.resolved_at.is_some_and(|ended| finding.at.minutes_since(ended) < minutes)
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
    // What was located once is not unsaid because later, calmer data no longer show it, or are no longer sure of it.
    let is_claimed = alert.why.as_ref().is_none_or(Why::claims);
    let says_more = explanation.claimed().is_some() || (!is_claimed && !explanation.causes.is_empty());
    if alert.causes.is_empty() || says_more {
        alert.causes = explanation.causes;
        alert.mix = explanation.mix;
        alert.suspects = explanation.suspects;
        alert.why = explanation.why;
    }
}

#[cfg(test)]
mod tests;
