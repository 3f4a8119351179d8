//! What somebody said about simulated traffic, against what was planted in it.

use std::collections::{BTreeMap, BTreeSet};

use hark_model::{Alert, AlertId, FindingKind, Slice, Timestamp};
use hark_simulate::{Expectation, Family, IncidentTruth};

use crate::bench::figures::{print_rate, print_share};

/// An alert answers an incident if it opens while it lasts or within this time after.
const GRACE_MINUTES: i64 = 60;
/// What surely began so long before an incident is something else. Creeps are dated by the day.
const BEFORE_MINUTES: i64 = 24 * 60;
/// A cause that shares its requests with so many series of a metric could be told of that often.
const MANY_SLICES: usize = 50;

/// What somebody said at an instant about some traffic; claims of one group are one message.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    pub(super) at: Timestamp,
    pub(super) slice: Slice,
    pub(super) group: String,
    /// What hark calls it; none for a rule by hand.
    pub(super) id: Option<AlertId>,
    pub(super) kind: FindingKind,
    pub(super) what: String,
    /// The last moment at which it may have begun, by its own word.
    pub(super) began_by: Timestamp,
}

/// A finding that went into an alert that was there.
#[derive(Debug, Clone)]
pub(super) struct Join {
    pub(super) at: Timestamp,
    pub(super) slice: Slice,
    pub(super) into: AlertId,
}

pub(super) struct Incident {
    pub(super) name: String,
    pub(super) family: Family,
    pub(super) slice: Slice,
    start: Timestamp,
    end: Timestamp,
    is_strong: bool,
    is_silent: bool,
    /// Series of the metric that shows it best, whose requests it touches.
    pub(super) slices_hit: usize,
    /// The filter of mix shifts dropped a finding of it.
    pub(super) was_taken_for_mix: bool,
}

#[derive(Default)]
pub(super) struct Score {
    strong: u64,
    found: u64,
    exact: u64,
    delays_minutes: Vec<i64>,
    families: BTreeMap<Family, (u64, u64)>,
    silenced_as_mix: u64,
    silent: u64,
    kept_silent: u64,
    claims: u64,
    answers: u64,
    groups: u64,
    true_groups: u64,
    wide: Wide,
    kinds: Kinds,
    joins: u64,
    wrong_joins: u64,
    pub(super) notes: Vec<String>,
}

/// Causes that hit many series, and how often they were told of.
#[derive(Default)]
struct Wide {
    causes: u64,
    slices: u64,
    groups: u64,
    alerts: u64,
}

/// Whether what stopped coming or measuring is called that, and nothing else is.
#[derive(Default)]
struct Kinds {
    /// Found, of them called by their name, and of these told as anything else too.
    silent_sources: [u64; 3],
    stuck: [u64; 3],
    /// All other incidents found, and those called missing data or stuck.
    others: [u64; 2],
}

impl Kinds {
    fn add(&mut self, family: Family, answers: &[&Claim]) {
        let is_any = |kind: FindingKind| answers.iter().any(|claim| claim.kind == kind);
        let (counts, kind) = match family {
            Family::DataGap => (&mut self.silent_sources, FindingKind::NoData),
            Family::Stuck => (&mut self.stuck, FindingKind::Stuck),
            _ => {
                self.others[0] += 1;
                self.others[1] += u64::from(is_any(FindingKind::NoData) || is_any(FindingKind::Stuck));
                return;
            }
        };
        counts[0] += 1;
        counts[1] += u64::from(is_any(kind));
        counts[2] += u64::from(is_any(kind) && answers.iter().any(|claim| claim.kind != kind));
    }

    fn print(&self) {
        for (what, [found, named, also]) in
            [("gaps called missing data", self.silent_sources), ("stuck ones called stuck", self.stuck)]
        {
            if found > 0 {
                print_share(what, named, found);
                print_share("  and told as more than that", also, named);
            }
        }
        let [found, wrong] = self.others;
        print_share("others called missing or stuck", wrong, found);
    }
}

impl Claim {
    pub(super) fn of_alert(alert: &Alert) -> Self {
        Self {
            at: alert.opened_at,
            slice: alert.slice.clone(),
            group: alert.incident_id.clone(),
            id: Some(alert.id.clone()),
            kind: alert.kind,
            what: format!("{} {}", alert.metric, alert.statistic),
            began_by: alert.onset_interval[1],
        }
    }

    /// A rule without memory says each thing anew.
    pub(super) fn by_rule(at: Timestamp) -> Self {
        let kind = FindingKind::Regression;
        Self { at, slice: Slice::total(), group: at.to_string(), id: None, kind, what: String::new(), began_by: at }
    }
}

impl Incident {
    pub(super) fn new(truth: &IncidentTruth) -> Self {
        let slice = truth.slice.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Self {
            name: format!("{} {} {:?} {:+.3}", truth.id, truth.family.name(), truth.metric, truth.magnitude),
            family: truth.family,
            slice,
            start: Timestamp::from_millis(truth.start.timestamp_millis()),
            end: Timestamp::from_millis(truth.end.timestamp_millis()),
            is_strong: truth.strong,
            is_silent: truth.expect == Expectation::Silent,
            slices_hit: 0,
            was_taken_for_mix: false,
        }
    }

    pub(super) fn touches(&self, at: Timestamp, slice: &Slice) -> bool {
        (self.start..=self.end.plus_minutes(GRACE_MINUTES)).contains(&at) && self.slice.overlaps(slice)
    }

    fn is_answered_by(&self, claim: &Claim) -> bool {
        self.touches(claim.at, &claim.slice) && self.start.minutes_since(claim.began_by) <= BEFORE_MINUTES
    }
}

impl Score {
    pub(super) fn add(&mut self, claims: &[Claim], joins: &[Join], incidents: &[Incident]) {
        for incident in incidents {
            let answers: Vec<&Claim> = claims.iter().filter(|claim| incident.is_answered_by(claim)).collect();
            if incident.is_silent {
                self.silent += 1;
                self.kept_silent += u64::from(answers.is_empty());
                self.notes.extend(answers.iter().map(|claim| format!("told of {}: {}", incident.told(), claim.told())));
            } else if incident.is_strong {
                self.add_strong(incident, &answers);
            }
        }
        let answered = |claim: &Claim| incidents.iter().any(|one| !one.is_silent && one.is_answered_by(claim));
        self.claims += claims.len() as u64;
        self.answers += claims.iter().filter(|claim| answered(claim)).count() as u64;
        self.notes
            .extend(claims.iter().filter(|claim| !answered(claim)).map(|claim| format!("false {}", claim.told())));
        // A message is as true as its first words.
        let mut seen = BTreeSet::new();
        let firsts: Vec<&Claim> = claims.iter().filter(|claim| seen.insert(&claim.group)).collect();
        self.groups += firsts.len() as u64;
        self.true_groups += firsts.iter().filter(|claim| answered(claim)).count() as u64;
        self.add_joins(claims, joins, incidents);
    }

    fn add_strong(&mut self, incident: &Incident, answers: &[&Claim]) {
        self.strong += 1;
        let family = self.families.entry(incident.family).or_default();
        family.1 += 1;
        let Some(first) = answers.first() else {
            self.silenced_as_mix += u64::from(incident.was_taken_for_mix);
            let mix = if incident.was_taken_for_mix { " (taken for mix)" } else { "" };
            self.notes.push(format!("missed {}{mix}", incident.told()));
            return;
        };
        family.0 += 1;
        self.found += 1;
        self.kinds.add(incident.family, answers);
        self.exact += u64::from(answers.iter().any(|claim| claim.slice == incident.slice));
        self.delays_minutes.push(first.at.minutes_since(incident.start));
        if incident.slices_hit >= MANY_SLICES {
            let groups: BTreeSet<&String> = answers.iter().map(|claim| &claim.group).collect();
            self.wide.causes += 1;
            self.wide.slices += incident.slices_hit as u64;
            self.wide.groups += groups.len() as u64;
            self.wide.alerts += answers.len() as u64;
            if groups.len() > 1 {
                let told: Vec<String> = answers.iter().map(|claim| claim.told()).collect();
                self.notes.push(format!("{} messages of {}: {}", groups.len(), incident.told(), told.join("; ")));
            }
        }
    }

    /// A finding is in the wrong alert if it shares no requests with the cause that the alert is of, while it does with
    /// another. Which cause an alert is of: the one whose slice it names, else the newest that it answers.
    fn add_joins(&mut self, claims: &[Claim], joins: &[Join], incidents: &[Incident]) {
        for join in joins {
            let Some(alert) = claims.iter().find(|claim| claim.id.as_ref() == Some(&join.into)) else { continue };
            let cause = incidents
                .iter()
                .filter(|incident| !incident.is_silent && incident.is_answered_by(alert))
                .max_by_key(|incident| (incident.slice == alert.slice, incident.start));
            let Some(cause) = cause else { continue };
            let is_of_another = incidents.iter().any(|other| !other.is_silent && other.touches(join.at, &join.slice));
            let is_wrong = is_of_another && !cause.touches(join.at, &join.slice);
            self.joins += 1;
            self.wrong_joins += u64::from(is_wrong);
            if is_wrong {
                self.notes.push(format!(
                    "joined {} at {} to {} of {}",
                    join.slice,
                    join.at,
                    alert.told(),
                    cause.told()
                ));
            }
        }
    }

    pub(super) fn print(&mut self, weeks: f64) {
        self.delays_minutes.sort_unstable();
        print_share("strong incidents found", self.found, self.strong);
        print_share("  with exactly their slice", self.exact, self.strong);
        if let Some(median) = self.delays_minutes.get(self.delays_minutes.len() / 2) {
            println!("{:<34}  {median:>4} min", "  median delay");
        }
        if self.joins > 0 {
            print_share("  silenced by the mix filter", self.silenced_as_mix, self.strong);
        }
        print_share("alerts that answer one", self.answers, self.claims);
        print_share("alert groups that answer one", self.true_groups, self.groups);
        print_share("mix shifts left silent", self.kept_silent, self.silent);
        print_rate("false alarms a week", self.claims - self.answers, weeks);
        let Wide { causes, slices, groups, alerts } = self.wide;
        if let Some(each) = slices.checked_div(causes) {
            println!("causes in {MANY_SLICES} slices or more: {causes}, {each} slices each");
            print_rate("  alert groups a cause", groups, causes as f64);
            print_rate("  alerts a cause", alerts, causes as f64);
        }
        if self.joins > 0 {
            self.kinds.print();
            print_share("findings merged wrongly", self.wrong_joins, self.joins);
        }
    }

    pub(super) fn print_families(&self) {
        let found: Vec<String> =
            self.families.iter().map(|(family, (found, all))| format!("{} {found}/{all}", family.name())).collect();
        println!("found by family: {}", found.join(", "));
    }
}

impl Incident {
    fn told(&self) -> String {
        format!("{} in {} from {} to {}", self.name, self.slice, self.start, self.end)
    }
}

impl Claim {
    fn told(&self) -> String {
        format!(
            "{} {:?} in {} at {}, began by {} ({})",
            self.what, self.kind, self.slice, self.at, self.began_by, self.group
        )
    }
}
