//! All parts of the report from all that it is made of.

use hark_model::{Alert, Metric, Timestamp};

use crate::cells::CellSums;
use crate::score::{Formula, Spans, scores};
use crate::shapes::{Report, Span, UxScore};
use crate::week::Week;
use crate::{alarms, objectives, regressions, words};

/// A score that moved by less stayed the same, as people speak.
const STEADY_POINTS: f64 = 1.0;

pub struct Inputs<'a> {
    pub week: Week,
    /// Where the stream stands; `None` before the first event.
    pub watermark: Option<Timestamp>,
    pub metrics: &'a [Metric],
    /// The composite that is told; `None` where none is defined.
    pub formula: Option<Formula<'a>>,
    /// History by the day as far back as the longest window, by the week for a quarter, and the same week last year.
    pub days: &'a CellSums,
    pub weeks: &'a CellSums,
    pub last_year: &'a CellSums,
    /// Every alert that opened in this week or the one before, or had not ended when this week began.
    pub alerts: &'a [Alert],
    pub false_alarms_per_week: f64,
}

pub fn assemble(inputs: &Inputs<'_>) -> Report {
    let Inputs { week, watermark, metrics, days, weeks, last_year, .. } = *inputs;
    let until = watermark.map(|watermark| watermark.min(week.end())).filter(|until| *until > week.start());
    let covered = until.unwrap_or(week.start());
    let own = || inputs.alerts.iter().filter(|alert| alert.folded_into.is_none());
    let opened_in = |week: Week| -> Vec<&Alert> {
        own().filter(|alert| (week.start()..week.end()).contains(&alert.opened_at)).collect()
    };
    let opened = opened_in(week);
    let spans = Spans { days, weeks, last_year, week };
    let scores = inputs.formula.as_ref().map(|formula| scores(formula, &spans)).unwrap_or_default();
    let all: Vec<&Alert> = inputs.alerts.iter().collect();
    let regressions = regressions::regressions(&all, week, covered, opened_in(week.before()).len() as u64);
    let precision = alarms::precision(&opened, week);
    let is_complete = watermark.is_some_and(|watermark| watermark >= week.end());
    Report {
        span: Span {
            week: week.to_string(),
            from: week.start(),
            to: week.end(),
            until,
            is_complete,
            previous: week.before().to_string(),
            next: is_complete.then(|| week.after().to_string()),
        },
        sentence: sentence(&scores, regressions.open_total, regressions.fixed_total),
        objectives: objectives::objectives(metrics, days, week, covered),
        scores,
        times: alarms::times(&opened, week),
        alarms: alarms::budget(&precision, inputs.false_alarms_per_week),
        precision,
        regressions,
    }
}

/// "tvOS got worse (−3.2 points), the others were steady; two regressions are open, one was fixed."
fn sentence(scores: &[UxScore], open: u64, fixed: u64) -> String {
    let moves: Vec<(String, f64)> = scores
        .iter()
        .filter(|score| !score.slice.is_total())
        .filter_map(|score| Some((words::slice(&score.slice), score.score? - score.last_week?)))
        .collect();
    let told = |pick: &dyn Fn(f64) -> bool| {
        let named: Vec<String> = moves
            .iter()
            .filter(|(_, by)| pick(*by))
            .map(|(name, by)| format!("{name} ({} points)", words::signed_points(*by)))
            .collect();
        and(&named)
    };
    let worse = told(&|by| by <= -STEADY_POINTS);
    let better = told(&|by| by >= STEADY_POINTS);
    let first = match (worse, better) {
        (None, None) if moves.is_empty() => match scores.first().and_then(|all| all.score) {
            Some(score) => format!("The score of all traffic is {}", words::points(score)),
            None => "No requests were counted in this week".to_owned(),
        },
        (None, None) => "Every platform was steady".to_owned(),
        (Some(worse), None) => format!("{worse} got worse"),
        (None, Some(better)) => format!("{better} got better"),
        (Some(worse), Some(better)) => format!("{worse} got worse, {better} better"),
    };
    let open = match open {
        0 => "no regression is open".to_owned(),
        1 => "one regression is open".to_owned(),
        n => format!("{n} regressions are open"),
    };
    let fixed = match fixed {
        0 => "none was fixed".to_owned(),
        1 => "one was fixed".to_owned(),
        n => format!("{n} were fixed"),
    };
    format!("{first}; {open}, {fixed}.")
}

fn and(names: &[String]) -> Option<String> {
    match names {
        [] => None,
        [one] => Some(one.clone()),
        [most @ .., last] => Some(format!("{} and {last}", most.join(", "))),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use hark_model::{Definitions, Statistic};

    use super::*;
    use crate::regressions::tests::alert;
    use crate::score::tests::{row, terms};

    /// Two platforms, of which one got worse; one regression open and one fixed.
    pub(crate) fn example() -> Report {
        let week: Week = "2026-W18".parse().unwrap();
        let before = week.before();
        let definitions = Definitions::built_in();
        let yaml = "metrics: [{name: failure_rate, kind: ratio, numerator: failed, objective: {statistic: rate, target: 0.04, window: 28d}}]";
        let metrics: Vec<Metric> = Definitions::parse(yaml).unwrap().iter().cloned().collect();
        let rows = [
            row("total", week.start(), 1000, 43),
            row("platform:iOS", week.start(), 800, 18),
            row("platform:tvOS", week.start(), 200, 25),
            row("total", before.start(), 1000, 20),
            row("platform:iOS", before.start(), 800, 17),
            row("platform:tvOS", before.start(), 200, 3),
        ];
        let weeks: CellSums = rows.clone().into_iter().collect();
        let alerts =
            [alert("open", week, 200, None), alert("fixed", week, 100, Some(160)), alert("old", before, 9, Some(99))];
        assemble(&Inputs {
            week,
            watermark: Some(week.end()),
            metrics: &metrics,
            formula: Some(Formula {
                metric: definitions.get("ux_score").unwrap(),
                parts: vec![(definitions.get("failure_rate").unwrap(), Statistic::Rate)],
                terms: &terms,
            }),
            days: &weeks,
            weeks: &weeks,
            last_year: &CellSums::default(),
            alerts: &alerts,
            false_alarms_per_week: 1.0,
        })
    }

    #[test]
    fn the_week_in_one_sentence() {
        let report = example();
        assert_eq!(report.sentence, "tvOS (\u{2212}47.1 points) got worse; one regression is open, one was fixed.");
        assert_eq!((report.regressions.opened, report.regressions.opened_last_week), (2, 1));
        assert_eq!((report.span.previous.as_str(), report.span.next.as_deref()), ("2026-W17", Some("2026-W19")));
        assert_eq!(sentence(&[], 0, 3), "No requests were counted in this week; no regression is open, 3 were fixed.");
    }

    #[test]
    fn a_week_that_goes_on_is_covered_to_now() {
        let week: Week = "2026-W18".parse().unwrap();
        let empty = CellSums::default();
        let inputs = Inputs {
            week,
            watermark: Some(week.start().plus_minutes(90)),
            metrics: &[],
            formula: None,
            days: &empty,
            weeks: &empty,
            last_year: &empty,
            alerts: &[],
            false_alarms_per_week: 1.0,
        };
        let report = assemble(&inputs);
        assert_eq!((report.span.until, report.span.is_complete), (Some(week.start().plus_minutes(90)), false));
        assert_eq!((report.span.next, report.scores.len()), (None, 0));
        let earlier = assemble(&Inputs { watermark: Some(week.start()), ..inputs });
        assert_eq!(earlier.span.until, None);
    }
}
