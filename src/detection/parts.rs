//! What an alert is made of and which earlier ones it is like, put into the book.

use std::collections::{BTreeSet, VecDeque};

use hark_explain::{Brief, kind_name, similar};
use hark_ingest::Fold;
use hark_model::{Alert, AlertId, Change, ChangeId, Step};
use hark_query::Plan;
use serde::{Deserialize, Serialize};

use super::Detection;
use crate::parts::parts;

/// So many alerts are remembered and looked at, the newest.
const REMEMBERED_MAX: usize = 300;

/// Alerts as they last were, in the order in which they opened.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Remembered(VecDeque<Brief>);

impl Remembered {
    /// Finds what an alert is like, and remembers it.
    fn take(&mut self, alert: &Alert, changes: &[(ChangeId, Change)]) -> Vec<hark_model::Similar> {
        let brief = brief(alert, changes);
        let found = similar(&brief, self.0.iter());
        match self.0.iter_mut().find(|known| known.id == brief.id) {
            Some(known) => *known = brief,
            None => self.0.push_back(brief),
        }
        if self.0.len() > REMEMBERED_MAX {
            self.0.pop_front();
        }
        found
    }
}

fn brief(alert: &Alert, changes: &[(ChangeId, Change)]) -> Brief {
    let kind = |id: &ChangeId| changes.iter().find(|(known, _)| known == id).map(|(_, change)| kind_name(change.kind));
    let suspects: BTreeSet<String> =
        alert.suspects.iter().filter_map(|suspect| kind(&suspect.change)).map(str::to_owned).collect();
    Brief {
        id: alert.id.clone(),
        incident_id: alert.incident_id.clone(),
        opened_at: alert.opened_at,
        metric: alert.metric.clone(),
        direction: alert.direction,
        slice: alert.slice.clone(),
        stage: alert.stages.iter().find(|stage| stage.named).map(|stage| stage.stage.clone()),
        signatures: alert.errors.iter().map(|error| error.signature.clone()).collect(),
        suspects,
    }
}

impl Detection {
    /// Tells an alert's effect apart by stage, and failures by what they say. To be asked for when the effect was measured.
    pub(super) fn tell_parts(&mut self, plan: &Plan, fold: &Fold, metric: usize, id: &AlertId, step: Step) {
        let Some(alert) = self.book.alert(id) else { return };
        let metric_plan = &plan.metrics[metric];
        let charted = self.charted(&metric_plan.metric, alert.statistic, &alert.slice);
        let slice = charted.map_or_else(|| alert.slice.clone(), |(slice, _)| slice);
        let parts = parts(fold, metric, metric_plan, &slice, alert, step);
        self.book.set_parts(id, parts.stages, parts.errors);
    }

    /// Says which earlier alerts one is like, as it stands now.
    pub(super) fn tell_similar(&mut self, id: &AlertId) {
        let Self { book, remembered, changes, .. } = self;
        let Some(alert) = book.alert(id) else { return };
        let similar = remembered.take(alert, changes);
        book.set_similar(id, similar);
    }
}
