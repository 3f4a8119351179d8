//! Moments of simulated traffic that are explained: in the middle of incidents, and where nothing happened.

use hark_model::{Slice, Statistic, Timestamp};
use hark_simulate::{Family, IncidentTruth};

/// Incidents are explained so long after their start, where they last as long.
const AFTER_MINUTES: i64 = 90;
/// Those that grow need longer to be what they are.
const AFTER_MINUTES_GROWING: i64 = 240;
/// Where nothing happens something is asked so often, for a metric each in turn.
pub(super) const QUIET_EVERY_MINUTES: i64 = 9 * 60;
/// The first days have no earlier ones to be compared with.
const QUIET_FROM_MINUTES: i64 = 3 * 24 * 60;
/// So long around an incident traffic is not called quiet: the same hours of the day after are compared with it.
const QUIET_AFTER_MINUTES: i64 = 30 * 60;

/// What is true of a case.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Truth {
    /// It happened in this slice.
    Slice(Slice),
    /// It happened everywhere.
    Everywhere,
    /// Others came.
    Mix,
    Nothing,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) metric: &'static str,
    pub(super) statistic: Statistic,
    pub(super) truth: Truth,
    pub(super) onset: Timestamp,
    pub(super) now: Timestamp,
    /// The title of the change that did it, where it is on record.
    pub(super) cause: Option<String>,
}

/// The cases of a simulation, by time.
pub(super) fn planned(incidents: &[IncidentTruth], start: Timestamp, days: u32) -> Vec<Case> {
    let mut cases: Vec<Case> = incidents.iter().filter_map(of_incident).collect();
    let end = start.plus_minutes(i64::from(days) * 24 * 60);
    let mut at = start.plus_minutes(QUIET_FROM_MINUTES);
    while at < end {
        let (onset, now) = (at, at.plus_minutes(AFTER_MINUTES));
        let is_quiet = incidents.iter().all(|one| {
            let [from, to] = [one.start, one.end].map(|time| Timestamp::from_millis(time.timestamp_millis()));
            now < from || to.plus_minutes(QUIET_AFTER_MINUTES) < onset
        });
        let (metric, statistic) =
            [("response_time", Statistic::P95), ("failure_rate", Statistic::Rate), ("requests", Statistic::Count)]
                [(at.minutes_since(start) / QUIET_EVERY_MINUTES) as usize % 3];
        if is_quiet {
            let (name, truth) = (format!("nothing at {onset}"), Truth::Nothing);
            cases.push(Case { name, metric, statistic, truth, onset, now, cause: None });
        }
        at = at.plus_minutes(QUIET_EVERY_MINUTES);
    }
    cases.sort_by_key(|case| (case.now, case.onset));
    cases
}

/// `None` for what nobody could be asked to explain: too faint, or too slow for the hours that are compared.
fn of_incident(incident: &IncidentTruth) -> Option<Case> {
    let is_mix = incident.family == Family::MixShift;
    if incident.family == Family::SlowDrift || !(incident.strong || is_mix) {
        return None;
    }
    let [start, end] = [incident.start, incident.end].map(|time| Timestamp::from_millis(time.timestamp_millis()));
    let after = match incident.family {
        Family::Ramp | Family::MixShift => AFTER_MINUTES_GROWING,
        _ => AFTER_MINUTES,
    };
    let slice: Slice = incident.slice.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let (metric, statistic) = shown_by(incident);
    let truth = match incident.family {
        Family::MixShift => Truth::Mix,
        _ if slice.is_total() => Truth::Everywhere,
        _ => Truth::Slice(slice.clone()),
    };
    let name = format!("{} {} in {slice} {:+.3} from {start}", incident.id, incident.family.name(), incident.magnitude);
    let now = end.min(start.plus_minutes(after));
    Some(Case { name, metric, statistic, truth, onset: start, now, cause: incident.cause_change_title.clone() })
}

fn shown_by(incident: &IncidentTruth) -> (&'static str, Statistic) {
    match (incident.metric, incident.statistic) {
        (hark_simulate::Metric::FailureRate, _) => ("failure_rate", Statistic::Rate),
        (hark_simulate::Metric::Requests, _) => ("requests", Statistic::Count),
        (_, hark_simulate::Statistic::P50) => ("response_time", Statistic::P50),
        (_, hark_simulate::Statistic::P99) => ("response_time", Statistic::P99),
        _ => ("response_time", Statistic::P95),
    }
}

/// Takes the cases whose time has come, and whose steps have closed.
pub(super) fn due(waiting: &mut Vec<Case>, watermark: Option<Timestamp>) -> Vec<Case> {
    let Some(watermark) = watermark else { return Vec::new() };
    // One step more is there, so that the same can be asked a step later.
    let is_due = |case: &mut Case| case.now.plus_minutes(2 * hark_model::STEP_MINUTES) <= watermark;
    waiting.extract_if(.., is_due).collect()
}
