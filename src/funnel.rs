//! The funnel as people read it: what each stage asks, how many it let through, and why one candidate ended there.

use std::fmt::Write;

use hark_alerting::{Dropped, Funnel, Reason, Stage};
use hark_dashboard::{DroppedCandidate, FunnelQuestion, FunnelReport, FunnelStage};

/// So many dropped candidates are told of at once.
const TOLD_MAX: usize = 200;

/// Whether every stage that is asked for is one.
pub(crate) fn check(question: &FunnelQuestion) -> Result<(), String> {
    let is_known = |asked: &String| Stage::ALL.into_iter().any(|stage| name(stage) == asked);
    match question.stages.iter().find(|asked| !is_known(asked)) {
        None => Ok(()),
        Some(unknown) => Err(format!("stage `{unknown}` is not one of {}", Stage::ALL.map(name).join(", "))),
    }
}

pub(crate) fn report(funnel: &Funnel, question: &FunnelQuestion) -> FunnelReport {
    let stage = |(stage, came, dropped)| FunnelStage { name: name(stage), asks: asks(stage), came, dropped };
    FunnelReport {
        candidates: funnel.candidates(),
        stages: funnel.stages().map(stage).collect(),
        open: funnel.open_candidates(),
        opened: funnel.opened(),
        reopened: funnel.reopened(),
        merged: funnel.merged(),
        dropped: funnel.remembered().filter(|one| is_asked(question, one)).take(TOLD_MAX).map(candidate).collect(),
        forgotten_until: funnel.forgotten(),
    }
}

fn candidate(dropped: &Dropped) -> DroppedCandidate {
    let Dropped { at, metric, slice, stage, reason, moved } = dropped;
    let alert = match reason {
        Reason::PartOf(alert) => Some(alert.clone()),
        _ => None,
    };
    DroppedCandidate {
        at: *at,
        metric: metric.clone(),
        slice: slice.clone(),
        stage: name(*stage),
        why: why(reason),
        statistic: moved.map(|moved| moved.statistic),
        onset: moved.map(|moved| moved.onset),
        relative: moved.map(|moved| moved.relative),
        mix_part: reason.mix_part().map(|part| part.clamp(0.0, 1.0)),
        alert,
    }
}

fn is_asked(question: &FunnelQuestion, dropped: &Dropped) -> bool {
    let FunnelQuestion { metric, stages, from, to } = question;
    metric.as_ref().is_none_or(|metric| *metric == dropped.metric)
        && (stages.is_empty() || stages.iter().any(|asked| asked == name(dropped.stage)))
        && from.is_none_or(|from| from <= dropped.at)
        && to.is_none_or(|to| dropped.at < to)
}

/// Of the candidates dropped last, a line each: when, what, where it ended and why. The newest first.
pub(crate) fn dropped(report: &FunnelReport, most: usize) -> String {
    let mut text = String::new();
    for DroppedCandidate { at, metric, slice, stage, why, .. } in report.dropped.iter().take(most) {
        let _ = write!(text, "\n  {at} {metric} {slice}, at \"{stage}\": {why}");
    }
    match report.dropped.len().saturating_sub(most) {
        0 => {}
        more => _ = write!(text, "\n  and {more} before these, in the written outcome"),
    }
    text
}

/// A line a stage.
pub(crate) fn table(report: &FunnelReport) -> String {
    let mut text = format!("{:<48} {:>8} {:>8} {:>8}\n", "stage", "in", "out", "dropped");
    for FunnelStage { asks, came, dropped, .. } in &report.stages {
        let share = 100.0 * *dropped as f64 / (*came).max(1) as f64;
        let _ = writeln!(text, "{asks:<48} {came:>8} {:>8} {share:>6.1} %", came - dropped);
    }
    let FunnelReport { opened, reopened, merged, open, .. } = report;
    let _ = write!(text, "alerts: {opened} opened, {reopened} fired again, {merged} merged into another later");
    if *open > 0 {
        let _ = write!(text, "; {open} candidates undecided");
    }
    text
}

fn name(stage: Stage) -> &'static str {
    match stage {
        Stage::Lasts => "lasts",
        Stage::Worse => "worse",
        Stage::Large => "large",
        Stage::Season => "season",
        Stage::Rate => "rate",
        Stage::Like => "like",
        Stage::Workday => "workday",
        Stage::New => "new",
    }
}

fn asks(stage: Stage) -> &'static str {
    match stage {
        Stage::Lasts => "the evidence lasts for another step",
        Stage::Worse => "the move is to the worse",
        Stage::Large => "it is as large as the metric asks for",
        Stage::Season => "not just as in ordinary weeks before",
        Stage::Rate => "requests fare worse and are not just others",
        Stage::Like => "worse than requests of the same kinds did",
        Stage::Workday => "traffic is not missing for a holiday or changed clocks",
        Stage::New => "no alert holds it already",
    }
}

fn why(reason: &Reason) -> String {
    match reason {
        Reason::Gone => "the evidence was gone at the next step".to_owned(),
        Reason::Better => "what the evidence is for is no move to the worse".to_owned(),
        Reason::Small { relative, asked } => {
            format!("it moved by {:+.1} %, and the metric asks for {:.1} %", 100.0 * relative, 100.0 * asked)
        }
        Reason::Echo => "as few came in ordinary weeks before; an unusual one has raised what is expected".to_owned(),
        Reason::Mix { part } => {
            format!("{:.0} % of the move is who came; requests of each kind fared as usual", 100.0 * part.min(1.0))
        }
        Reason::Unlike { deviations, asked, .. } => {
            format!("against requests of the same kinds it is {deviations:.1} deviations of chance, of {asked} asked")
        }
        Reason::Others { least, most } => format!(
            "it was {:.1} to {:.1} % of all requests in these weeks: not the same people all the time",
            100.0 * least,
            100.0 * most
        ),
        Reason::Moved { to } => format!("the requests went to {to}"),
        Reason::Holiday => "its traffic has a holiday".to_owned(),
        Reason::Clocks { minutes } => {
            let (put, sign) = if *minutes < 0 { ("back", "less") } else { ("forward", "plus") };
            format!(
                "as many come as a week before at this hour {sign} {} minutes: clocks were put {put}",
                minutes.abs()
            )
        }
        Reason::PartOf(alert) => format!("it is part of alert {}", alert.0),
    }
}

#[cfg(test)]
mod tests {
    use hark_model::{AlertId, Slice, Timestamp};

    use super::*;

    #[test]
    fn a_dropped_candidate_says_why() {
        let mut funnel = Funnel::default();
        funnel.begin();
        funnel.begin();
        funnel.drop(Dropped {
            at: Timestamp::from_millis(0),
            metric: "response_time".to_owned(),
            slice: Slice::total(),
            stage: Stage::Large,
            reason: Reason::Small { relative: 0.021, asked: 0.05 },
            moved: None,
        });
        let report = report(&funnel, &FunnelQuestion::default());
        assert_eq!(report.dropped[0].why, "it moved by +2.1 %, and the metric asks for 5.0 %");
        assert_eq!((report.candidates, report.open), (2, 1));
        let line = "\n  1970-01-01T00:00:00Z response_time total, at \"large\": it moved by +2.1 %, and the metric asks for 5.0 %";
        assert_eq!(dropped(&report, 9), line);
        assert_eq!(dropped(&report, 0), "\n  and 1 before these, in the written outcome");
        let table = table(&report);
        assert!(
            table.contains("it is as large as the metric asks for                   1        0  100.0 %"),
            "{table}"
        );
        assert!(table.ends_with("0 merged into another later; 1 candidates undecided"), "{table}");
    }

    #[test]
    fn a_question_chooses_among_the_dropped_and_counts_all() {
        let mut funnel = Funnel::default();
        for (minute, metric, stage, reason) in [
            (0, "response_time", Stage::Lasts, Reason::Gone),
            (5, "response_time", Stage::Rate, Reason::Mix { part: 1.2 }),
            (10, "failure_rate", Stage::Rate, Reason::Moved { to: Slice::total() }),
            (15, "response_time", Stage::New, Reason::PartOf(AlertId("al_1".to_owned()))),
        ] {
            funnel.begin();
            let at = Timestamp::from_millis(0).plus_minutes(minute);
            let metric = metric.to_owned();
            funnel.drop(Dropped { at, metric, slice: Slice::total(), stage, reason, moved: None });
        }
        let minutes = |question: &FunnelQuestion| -> Vec<i64> {
            let report = report(&funnel, question);
            assert_eq!((report.candidates, report.stages[0].came), (4, 4));
            report.dropped.iter().map(|one| one.at.minutes_since(Timestamp::from_millis(0))).collect()
        };
        let of_metric = FunnelQuestion { metric: Some("response_time".to_owned()), ..FunnelQuestion::default() };
        let of_stages = FunnelQuestion { stages: vec!["rate".to_owned(), "like".to_owned()], ..of_metric.clone() };
        let in_time = FunnelQuestion {
            from: Some(Timestamp::from_millis(0).plus_minutes(5)),
            to: Some(Timestamp::from_millis(0).plus_minutes(15)),
            ..FunnelQuestion::default()
        };
        assert_eq!(minutes(&of_metric), [15, 5, 0]);
        assert_eq!(minutes(&of_stages), [5]);
        assert_eq!(minutes(&in_time), [10, 5]);
        let told = report(&funnel, &FunnelQuestion::default()).dropped;
        assert_eq!(told.iter().map(|one| one.mix_part).collect::<Vec<_>>(), [None, Some(1.0), Some(1.0), None]);
        assert_eq!(told[0].alert, Some(AlertId("al_1".to_owned())));
        assert_eq!((check(&of_stages), check(&in_time)), (Ok(()), Ok(())));
        let unknown = FunnelQuestion { stages: vec!["mix".to_owned()], ..FunnelQuestion::default() };
        let problem = check(&unknown).unwrap_err();
        assert_eq!(problem, "stage `mix` is not one of lasts, worse, large, season, rate, like, workday, new");
    }
}
