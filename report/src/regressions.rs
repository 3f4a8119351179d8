//! The week's regressions, ranked by the time that users lost.

use hark_model::{Alert, AlertStatus, Severity, Statistic, Timestamp};

use crate::shapes::{Query, Regression, Regressions};
use crate::week::Week;
use crate::words;

/// Rows of each list.
const SHOWN_MAX: usize = 7;
/// A request that failed is said again: the time it takes to notice, to repeat it and to be answered.
const SECONDS_PER_FAILURE: f64 = 10.0;

const HOW: &str = "Slower answers count the move of the statistic for the share of requests it speaks of (half of them for p50, one \
                   in twenty for p95), so at least so much was lost; each request that failed beyond the usual counts 10 s.";

pub(crate) fn regressions(alerts: &[&Alert], week: Week, until: Timestamp, opened_last_week: u64) -> Regressions {
    let own = || alerts.iter().filter(|alert| alert.folded_into.is_none());
    let is_open = |alert: &&&Alert| alert.opened_at < until && alert.resolved_at.is_none_or(|end| end >= until);
    let ended = |alert: &&&Alert| alert.resolved_at.is_some_and(|end| (week.start()..until).contains(&end));
    let rank = |found: Vec<&Alert>| {
        let mut rows: Vec<Regression> = found.into_iter().map(row).collect();
        rows.sort_by(worst_first);
        rows.truncate(SHOWN_MAX);
        rows
    };
    let open: Vec<&Alert> = own().filter(is_open).copied().collect();
    let fixed: Vec<&Alert> = own().filter(ended).copied().collect();
    Regressions {
        open_total: open.len() as u64,
        open: rank(open),
        fixed_total: fixed.len() as u64,
        fixed: rank(fixed),
        opened: own().filter(|alert| (week.start()..week.end()).contains(&alert.opened_at)).count() as u64,
        opened_last_week,
        query: Query::Address(address(week)),
        how: HOW.to_owned(),
    }
}

/// The alerts that opened in the week.
pub(crate) fn address(week: Week) -> String {
    format!("/api/v1/alerts?from={}&to={}&limit=1000", week.start(), week.end())
}

fn worst_first(a: &Regression, b: &Regression) -> std::cmp::Ordering {
    let lost = |one: &Regression| one.user_seconds_lost.unwrap_or(0.0);
    (b.severity == Severity::Critical)
        .cmp(&(a.severity == Severity::Critical))
        .then(lost(b).total_cmp(&lost(a)))
        .then(b.requests.cmp(&a.requests))
        .then_with(|| a.alert.cmp(&b.alert))
}

fn row(alert: &Alert) -> Regression {
    let effect = &alert.effect;
    // A report of a past week tells the alert as it is now, but for when it ended.
    let status = if alert.resolved_at.is_some() { AlertStatus::Resolved } else { alert.status };
    Regression {
        alert: alert.id.0.clone(),
        metric: alert.metric.clone(),
        statistic: alert.statistic,
        slice: alert.slice.clone(),
        sentence: words::regression(alert),
        severity: alert.severity,
        status,
        owner: alert.owner.clone(),
        onset: alert.onset,
        opened_at: alert.opened_at,
        resolved_at: alert.resolved_at,
        before: effect.before,
        after: effect.after,
        relative: effect.relative,
        unit: effect.unit.clone(),
        requests: effect.requests,
        users: effect.users,
        user_seconds_lost: user_seconds_lost(alert),
    }
}

/// What [`HOW`] says. Improvements lose nothing.
pub(crate) fn user_seconds_lost(alert: &Alert) -> Option<f64> {
    let effect = &alert.effect;
    let requests = effect.requests as f64;
    let delta = effect.delta.max(0.0);
    match (alert.statistic, effect.unit.as_str()) {
        (Statistic::Rate, _) => Some(delta * requests * SECONDS_PER_FAILURE),
        (Statistic::Mean, "ms") => Some(delta / 1000.0 * requests),
        (Statistic::Quantile(permille), "ms") => Some(delta / 1000.0 * requests * (1.0 - f64::from(permille) / 1000.0)),
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use hark_model::{AlertId, Direction, Effect, Evidence, Slice};

    use super::*;

    /// A failure rate that rose by three points for a thousand requests; opened and ended so many minutes into the week.
    pub(crate) fn alert(id: &str, week: Week, opened: i64, ended: Option<i64>) -> Alert {
        let opened_at = week.start().plus_minutes(opened);
        let onset = opened_at.plus_minutes(-20);
        Alert {
            kind: hark_model::FindingKind::Regression,
            why: None,
            id: AlertId(id.to_owned()),
            metric: "failure_rate".to_owned(),
            statistic: Statistic::Rate,
            direction: Direction::Up,
            status: if ended.is_some() { AlertStatus::Resolved } else { AlertStatus::Firing },
            severity: Severity::Warning,
            slice: Slice::total().with("platform", "tvOS"),
            incident_id: id.to_owned(),
            owner: None,
            assignee: None,
            opened_at,
            onset,
            onset_interval: [onset, onset],
            resolved_at: ended.map(|ended| week.start().plus_minutes(ended)),
            effect: Effect {
                before: 0.02,
                after: 0.05,
                delta: 0.03,
                relative: 1.5,
                interval: [0.02, 0.04],
                unit: "share".to_owned(),
                requests: 1000,
                users: Some(400),
            },
            evidence: Evidence {
                e_value: 1e6,
                false_alarm_budget: "1 per week".to_owned(),
                detectors: vec![],
                chart: None,
            },
            causes: vec![],
            mix: None,
            stages: vec![],
            errors: vec![],
            suspects: vec![],
            label: None,
            similar: vec![],
            folded_into: None,
            folded: vec![],
            joined: vec![],
            feedback: vec![],
        }
    }

    #[test]
    fn open_and_fixed_are_told_apart_and_ranked_by_what_was_lost() {
        let week: Week = "2026-W18".parse().unwrap();
        let mut slow = alert("slow", week, 100, None);
        slow.statistic = Statistic::P95;
        slow.effect = Effect {
            before: 800.0,
            after: 1000.0,
            delta: 200.0,
            unit: "ms".to_owned(),
            requests: 40_000,
            ..slow.effect
        };
        let folded = Alert { folded_into: Some(AlertId("slow".to_owned())), ..alert("folded", week, 120, Some(130)) };
        let alerts = [
            alert("before", week, -500, Some(10)),
            alert("during", week, 50, Some(300)),
            alert("long gone", week, -900, Some(-10)),
            alert("open", week, 90, None),
            slow,
            folded,
        ];
        let found = regressions(&alerts.iter().collect::<Vec<_>>(), week, week.end(), 4);
        let names = |rows: &[Regression]| rows.iter().map(|row| row.alert.clone()).collect::<Vec<_>>();
        // 5 % of 40,000 requests waited 0.2 s longer: 400 s; 3 % of 1,000 failed more: 30 times 10 s.
        assert_eq!(names(&found.open), ["slow", "open"]);
        assert_eq!(
            (found.open[1].user_seconds_lost, found.open[0].user_seconds_lost.map(f64::round)),
            (Some(300.0), Some(400.0))
        );
        assert_eq!(names(&found.fixed), ["before", "during"]);
        assert_eq!((found.open_total, found.fixed_total, found.opened, found.opened_last_week), (2, 2, 3, 4));
        assert_eq!(found.open[1].sentence, "Failure rate in tvOS rose from 2\u{202f}% to 5\u{202f}% (+150\u{202f}%)");
    }

    #[test]
    fn in_the_middle_of_the_week_what_ends_later_is_still_open() {
        let week: Week = "2026-W18".parse().unwrap();
        let alerts = [alert("a", week, 10, Some(500)), alert("later", week, 400, None)];
        let found = regressions(&alerts.iter().collect::<Vec<_>>(), week, week.start().plus_minutes(300), 0);
        assert_eq!((found.open_total, found.fixed_total), (1, 0));
    }
}
