//! What the alerts of the real pipeline say of their suspects, against what truly did it.

use hark_model::{Alert, Slice, Suspect, Timestamp, WhyVerdict};
use hark_simulate::{Expectation, IncidentTruth};

use crate::bench::figures::{print_share, wilson};

/// An alert answers an incident if it opens while it lasts or within this time after.
const GRACE_MINUTES: i64 = 60;
const BOUNDS: [f64; 6] = [0.0, 0.1, 0.25, 0.5, 0.75, 0.9];

/// Sums over alerts that answer an incident.
#[derive(Default)]
pub(super) struct Alerted {
    alerts: u64,
    /// Alerts that name slices, and those of which one is the true one.
    spoke: [u64; 2],
    on_record: u64,
    /// Alerts with a suspect told, and those whose first did it.
    told: [u64; 2],
    /// By probability: how many, the sum of the probabilities, and how many did it.
    reliability: [(u64, f64, u64); BOUNDS.len()],
    something_else: [(u64, f64, u64); BOUNDS.len()],
}

impl Alerted {
    pub(super) fn add(&mut self, alerts: &[Alert], incidents: &[IncidentTruth]) {
        for alert in alerts {
            let answered = incidents.iter().filter(|one| one.expect == Expectation::Alert).find(|one| {
                let [start, end] = [one.start, one.end].map(|time| Timestamp::from_millis(time.timestamp_millis()));
                (start..=end.plus_minutes(GRACE_MINUTES)).contains(&alert.opened_at)
                    && slice_of(one).overlaps(&alert.slice)
            });
            if let (Some(incident), Some(why)) = (answered, &alert.why) {
                self.alerts += 1;
                if why.verdict == WhyVerdict::Slices {
                    let is_right = alert.causes.iter().any(|cause| cause.slice == slice_of(incident));
                    self.spoke = [self.spoke[0] + 1, self.spoke[1] + u64::from(is_right)];
                }
                let cause = incident.cause_change_title.as_deref();
                self.on_record += u64::from(cause.is_some());
                let did_it = |suspect: &Suspect| cause == Some(suspect.title.as_str());
                for suspect in alert.suspects.iter().chain(&why.ruled_out) {
                    count(&mut self.reliability, suspect.score, did_it(suspect));
                }
                let is_listed = alert.suspects.iter().chain(&why.ruled_out).any(did_it);
                count(&mut self.something_else, why.something_else, !is_listed);
                if let Some(first) = alert.suspects.first() {
                    self.told = [self.told[0] + 1, self.told[1] + u64::from(did_it(first))];
                }
            }
        }
    }

    pub(super) fn print(&self) {
        println!("\nalerts of the pipeline that answer an incident: {}", self.alerts);
        print_share("slices named, one of them true", self.spoke[1], self.spoke[0]);
        print_share("a change on record did it", self.on_record, self.alerts);
        print_share("suspect told, the first did it", self.told[1], self.told[0]);
        println!("suspects, by the probability that is told: how many did it");
        print_table(&self.reliability);
        println!("nothing on record, by the probability that is told: how often that was so");
        print_table(&self.something_else);
    }
}

fn slice_of(incident: &IncidentTruth) -> Slice {
    incident.slice.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn count(table: &mut [(u64, f64, u64); BOUNDS.len()], probability: f64, is_so: bool) {
    let at = BOUNDS.iter().rposition(|&bound| probability >= bound).unwrap_or(0);
    let (all, sum, so) = table[at];
    table[at] = (all + 1, sum + probability, so + u64::from(is_so));
}

fn print_table(table: &[(u64, f64, u64); BOUNDS.len()]) {
    for (at, &(all, sum, so)) in table.iter().enumerate().filter(|(_, (all, ..))| *all > 0) {
        let to = BOUNDS.get(at + 1).copied().unwrap_or(1.0);
        let [low, high] = wilson(so, all);
        let (mean, seen) = (sum / all as f64, so as f64 / all as f64);
        println!("  {:.2} to {to:.2}: {all:>4}, told {mean:.2}, true {seen:.2} [{low:.2}, {high:.2}]", BOUNDS[at]);
    }
}
