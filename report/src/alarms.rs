//! How good the alerts themselves were: how soon they came, how long they lasted, how many were real.

use hark_model::{Alert, Verdict};

use crate::regressions::address;
use crate::shapes::{AlarmBudget, BudgetState, Precision, Query, Spread, Times};
use crate::statistics::{median_interval, poisson, quantile, wilson};
use crate::week::Week;
use crate::words;

/// `alerts` are those that opened in the week.
pub(crate) fn times(alerts: &[&Alert], week: Week) -> Times {
    let minutes =
        |from: hark_model::Timestamp, to: hark_model::Timestamp| (to.millis() - from.millis()) as f64 / 60_000.0;
    Times {
        detect: spread(alerts.iter().map(|alert| minutes(alert.onset, alert.opened_at)).collect()),
        resolve: spread(alerts.iter().filter_map(|alert| Some(minutes(alert.opened_at, alert.resolved_at?))).collect()),
        query: Query::Address(address(week)),
    }
}

fn spread(mut minutes: Vec<f64>) -> Spread {
    minutes.sort_by(f64::total_cmp);
    Spread {
        alerts: minutes.len() as u64,
        median_minutes: quantile(&minutes, 0.5),
        interval_minutes: median_interval(&minutes),
        p90_minutes: quantile(&minutes, 0.9),
    }
}

/// Of each alert the last verdict counts.
pub(crate) fn precision(alerts: &[&Alert], week: Week) -> Precision {
    let count = |verdict| {
        alerts.iter().filter(|alert| alert.feedback.last().is_some_and(|last| last.verdict == verdict)).count() as u64
    };
    let (real, not_real, duplicate) = (count(Verdict::True), count(Verdict::False), count(Verdict::Duplicate));
    let judged = real + not_real;
    Precision {
        labelled: judged + duplicate,
        of: alerts.len() as u64,
        real,
        not_real,
        duplicate,
        share: (judged > 0).then(|| real as f64 / judged as f64),
        interval: wilson(real, judged),
        query: Query::Address(address(week)),
    }
}

pub(crate) fn budget(precision: &Precision, budget: f64) -> AlarmBudget {
    let Precision { labelled, of, not_real, .. } = *precision;
    // However the rest would be judged, it cannot be more than there are.
    let at_most = not_real + (of - labelled);
    let state = if not_real as f64 > budget {
        BudgetState::Exceeded
    } else if at_most as f64 <= budget {
        BudgetState::Kept
    } else {
        BudgetState::Unknown
    };
    let allowed = words::number(budget);
    let sentence = match state {
        BudgetState::Exceeded => format!("{not_real} false alarms, where {allowed} a week is allowed"),
        BudgetState::Kept => format!("kept: {not_real} to {at_most} false alarms, where {allowed} a week is allowed"),
        BudgetState::Unknown => {
            format!(
                "not known: {} of {of} alerts were not judged; {not_real} of those judged were false, where {allowed} a week is allowed",
                of - labelled
            )
        }
    };
    AlarmBudget { state, sentence, budget, false_alarms: not_real, interval: poisson(not_real) }
}

#[cfg(test)]
mod tests {
    use hark_model::Feedback;

    use super::*;
    use crate::regressions::tests::alert;

    fn judged(id: &str, week: Week, verdicts: &[Verdict]) -> Alert {
        let given = |verdict: &Verdict| Feedback { verdict: *verdict, label: None, note: None, by: None };
        Alert { feedback: verdicts.iter().map(given).collect(), ..alert(id, week, 100, Some(160)) }
    }

    #[test]
    fn precision_says_how_many_of_how_many() {
        use Verdict::{Duplicate, False, True};
        let week: Week = "2026-W18".parse().unwrap();
        let alerts = [
            judged("a", week, &[False, True]),
            judged("b", week, &[True]),
            judged("c", week, &[False]),
            judged("d", week, &[Duplicate]),
            judged("e", week, &[]),
        ];
        let alerts: Vec<&Alert> = alerts.iter().collect();
        let found = precision(&alerts, week);
        assert_eq!((found.labelled, found.of, found.real, found.not_real, found.duplicate), (4, 5, 2, 1, 1));
        assert_eq!(found.share, Some(2.0 / 3.0));
        assert_eq!(budget(&found, 1.0).state, BudgetState::Unknown);
        assert_eq!(budget(&found, 2.0).state, BudgetState::Kept);
        assert_eq!(budget(&found, 0.5).state, BudgetState::Exceeded);
        let none = precision(&[], week);
        assert_eq!((none.share, none.interval, budget(&none, 1.0).state), (None, None, BudgetState::Kept));
    }

    #[test]
    fn times_are_medians_with_the_number_they_are_of() {
        let week: Week = "2026-W18".parse().unwrap();
        let alerts = [alert("a", week, 100, Some(160)), alert("b", week, 200, None), alert("c", week, 300, Some(420))];
        let found = times(&alerts.iter().collect::<Vec<_>>(), week);
        assert_eq!((found.detect.alerts, found.detect.median_minutes), (3, Some(20.0)));
        assert_eq!(
            (found.resolve.alerts, found.resolve.median_minutes, found.resolve.interval_minutes),
            (2, Some(90.0), None)
        );
    }
}
