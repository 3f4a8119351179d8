//! The funnel as people read it: what each stage asks, how many it let through, and why one candidate ended there.

use std::fmt::Write;

use hark_alerting::{Dropped, Funnel, Reason, Stage};
use hark_dashboard::{DroppedCandidate, FunnelReport, FunnelStage};

pub(crate) fn report(funnel: &Funnel) -> FunnelReport {
    let stage = |(stage, came, dropped)| FunnelStage { name: name(stage), asks: asks(stage), came, dropped };
    FunnelReport {
        candidates: funnel.candidates(),
        stages: funnel.stages().map(stage).collect(),
        open: funnel.open_candidates(),
        opened: funnel.opened(),
        reopened: funnel.reopened(),
        merged: funnel.merged(),
        dropped: funnel.remembered().map(candidate).collect(),
    }
}

fn candidate(dropped: &Dropped) -> DroppedCandidate {
    let Dropped { at, metric, slice, stage, reason } = dropped;
    DroppedCandidate { at: *at, metric: metric.clone(), slice: slice.clone(), stage: name(*stage), why: why(reason) }
}

/// Of the candidates dropped last, a line each: when, what, where it ended and why. The newest first.
pub(crate) fn dropped(report: &FunnelReport, most: usize) -> String {
    let mut text = String::new();
    for DroppedCandidate { at, metric, slice, stage, why } in report.dropped.iter().take(most) {
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
        Stage::Workday => "traffic is not missing for a holiday",
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
        Reason::Unlike { deviations, asked } => {
            format!("against requests of the same kinds it is {deviations:.1} deviations of chance, of {asked} asked")
        }
        Reason::Moved { to } => format!("the requests went to {to}"),
        Reason::Holiday => "its traffic has a holiday".to_owned(),
        Reason::PartOf(alert) => format!("it is part of alert {}", alert.0),
    }
}

#[cfg(test)]
mod tests {
    use hark_model::{Slice, Timestamp};

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
        });
        let report = report(&funnel);
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
}
