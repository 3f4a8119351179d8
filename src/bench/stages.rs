//! Whether an alert names the stage that a simulated incident was in, beside rules that need no statistics.

use std::collections::BTreeMap;

use hark_model::{Alert, Slice, Stage, Timestamp};
use hark_simulate::{Expectation, Family, IncidentTruth, Metric};

use crate::bench::figures::print_share;

/// An alert answers an incident if it opens while it lasts or within this time after.
const GRACE_MINUTES: i64 = 60;

/// Of incidents in a stage, those that an alert on response time answered.
#[derive(Default)]
pub(super) struct StageScore {
    incidents: u64,
    answered: u64,
    named: u64,
    right: u64,
    largest_before: u64,
    largest_move: u64,
    families: BTreeMap<Family, [u64; 3]>,
    pub(super) notes: Vec<String>,
}

impl StageScore {
    pub(super) fn add(&mut self, alerts: &[Alert], incidents: &[IncidentTruth]) {
        for incident in incidents {
            let is_in_stage = incident.metric == Metric::ResponseTime && incident.expect == Expectation::Alert;
            let (true, Some(stage)) = (is_in_stage, incident.stage) else { continue };
            self.incidents += 1;
            // The first that has stages at all.
            let answer = alerts.iter().find(|alert| is_answer(alert, incident) && !alert.stages.is_empty());
            let Some(answer) = answer else { continue };
            let named = answer.stages.iter().find(|one| one.named).map(|one| one.stage.as_str());
            let of_family = self.families.entry(incident.family).or_default();
            self.answered += 1;
            of_family[2] += 1;
            self.named += u64::from(named.is_some());
            of_family[1] += u64::from(named.is_some());
            self.right += u64::from(named == Some(stage));
            of_family[0] += u64::from(named == Some(stage));
            self.largest_before += u64::from(largest(&answer.stages, |one| one.before.unwrap_or(0.0)) == Some(stage));
            let towards = answer.effect.delta.signum();
            self.largest_move += u64::from(largest(&answer.stages, |one| towards * one.delta) == Some(stage));
            if named != Some(stage) {
                self.notes.push(format!(
                    "stage of {} {} is {stage}, named {} by {} {} {}",
                    incident.id,
                    incident.family.name(),
                    named.unwrap_or("none"),
                    answer.statistic,
                    answer.slice,
                    told(&answer.stages)
                ));
            }
        }
    }

    pub(super) fn print(&self) {
        println!(
            "stages: of {} incidents in a stage, {} were answered by an alert with stages",
            self.incidents, self.answered
        );
        print_share("  named a stage", self.named, self.answered);
        print_share("  of these the right one", self.right, self.named);
        print_share("  right of all answered", self.right, self.answered);
        print_share("  dumb: the largest stage before", self.largest_before, self.answered);
        print_share("  dumb: the largest move, sure or not", self.largest_move, self.answered);
        for (family, [right, named, all]) in &self.families {
            println!("  {:<12} {right} right of {named} named of {all}", family.name());
        }
    }
}

fn is_answer(alert: &Alert, incident: &IncidentTruth) -> bool {
    let slice: Slice = incident.slice.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let at = |time: i64| Timestamp::from_millis(time);
    let (start, end) = (at(incident.start.timestamp_millis()), at(incident.end.timestamp_millis()));
    alert.metric == "response_time"
        && (start..=end.plus_minutes(GRACE_MINUTES)).contains(&alert.opened_at)
        && slice.overlaps(&alert.slice)
}

fn largest(stages: &[Stage], of: impl Fn(&Stage) -> f64) -> Option<&str> {
    stages.iter().max_by(|a, b| of(a).total_cmp(&of(b))).map(|one| one.stage.as_str())
}

fn told(stages: &[Stage]) -> String {
    let one = |one: &Stage| {
        let [low, high] = one.interval.unwrap_or([0.0, 0.0]);
        let shapley = one.shapley.map_or("not told".to_owned(), |delta| format!("{delta:+.0}"));
        format!("{} {:+.0} ({low:.0} to {high:.0}; {shapley})", one.stage, one.delta)
    };
    stages.iter().map(one).collect::<Vec<_>>().join(", ")
}
