//! What the alerts of the real pipeline say of their suspects, against what truly did it.

use hark_model::{Alert, Slice, Suspect, Timestamp, WhyVerdict};
use hark_simulate::{Expectation, IncidentTruth};

use crate::bench::explain::reliability::Reliability;
use crate::bench::figures::print_share;

/// An alert answers an incident if it opens while it lasts or within this time after.
const GRACE_MINUTES: i64 = 60;

/// Sums over alerts that answer an incident.
#[derive(Default)]
pub(super) struct Alerted {
    alerts: u64,
    /// Alerts that name slices, and those of which one is the true one.
    spoke: [u64; 2],
    /// Alerts of which a slice that is named, or that it could be as well, is the true one.
    likely: u64,
    on_record: u64,
    /// Alerts with a suspect told, and those whose first did it.
    told: [u64; 2],
    /// The first that is told, which people act on; all that came in time, told or not; and that none of them did it.
    first_told: Reliability,
    in_time: Reliability,
    something_else: Reliability,
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
                let truth = slice_of(incident);
                let is_named = why.claims() && alert.causes.iter().any(|cause| cause.slice == truth);
                self.likely += u64::from(is_named || why.leads.iter().any(|lead| lead.slice == truth));
                if why.verdict == WhyVerdict::Slices {
                    let is_right = alert.causes.iter().any(|cause| cause.slice == slice_of(incident));
                    self.spoke = [self.spoke[0] + 1, self.spoke[1] + u64::from(is_right)];
                }
                let cause = incident.cause_change_title.as_deref();
                self.on_record += u64::from(cause.is_some());
                let did_it = |suspect: &Suspect| cause == Some(suspect.title.as_str());
                for suspect in alert.suspects.iter().chain(&why.ruled_out) {
                    self.in_time.add(suspect.score, did_it(suspect));
                }
                let is_listed = alert.suspects.iter().chain(&why.ruled_out).any(did_it);
                self.something_else.add(why.something_else, !is_listed);
                if let Some(first) = alert.suspects.first() {
                    self.told = [self.told[0] + 1, self.told[1] + u64::from(did_it(first))];
                    self.first_told.add(first.score, did_it(first));
                }
            }
        }
    }

    pub(super) fn print(&self) {
        println!("\nalerts of the pipeline that answer an incident: {}", self.alerts);
        print_share("slices named, one of them true", self.spoke[1], self.spoke[0]);
        print_share("named, or what it could be, is true", self.likely, self.alerts);
        print_share("a change on record did it", self.on_record, self.alerts);
        print_share("suspect told, the first did it", self.told[1], self.told[0]);
        println!("first suspect told, by its confidence: how often it did it");
        self.first_told.print();
        println!("all that came in time, by their probability: how many did it");
        self.in_time.print();
        println!("nothing on record, by the probability that is told: how often that was so");
        self.something_else.print();
    }
}

fn slice_of(incident: &IncidentTruth) -> Slice {
    incident.slice.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}
