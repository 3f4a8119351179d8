//! The whole pure pipeline: events in, alerts out. `serve`, `replay` and the demo all run this and nothing else.

use std::sync::Arc;

use hark_alerting::Funnel;
use hark_ingest::{Applied, Counts, Decoded, Fold};
use hark_model::{Alert, Change, Metric, Timestamp};
use hark_query::{Plan, QueryError};

use crate::detection::{Budget, Detection};
use crate::series::SeriesStore;

pub struct Pipeline {
    plan: Arc<Plan>,
    fold: Fold,
    detection: Detection,
}

impl Pipeline {
    pub fn new(plan: Arc<Plan>, budget: Budget) -> Self {
        let fold = Fold::new(&plan);
        let detection = Detection::new(&plan, budget);
        Self { plan, fold, detection }
    }

    /// Continues from a state that was saved under the same plan.
    pub fn resume(plan: Arc<Plan>, fold: Fold, detection: Detection) -> Self {
        Self { plan, fold, detection }
    }

    pub fn state(&self) -> (&Fold, &Detection) {
        (&self.fold, &self.detection)
    }

    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    pub fn take(&mut self, decoded: &Decoded) -> Result<Applied, QueryError> {
        self.fold.count_rejected(decoded.rejected.len() as u64);
        let Self { plan, fold, detection } = self;
        fold.apply(plan, &decoded.events, |closed| detection.step(plan, closed))
    }

    /// The input has ended: closes what is open.
    pub fn finish(&mut self) {
        let Self { plan, fold, detection } = self;
        fold.finish(|closed| detection.step(plan, closed));
    }

    pub fn add_change(&mut self, change: Change) {
        self.detection.add_change(change);
    }

    pub fn take_changed(&mut self) -> Vec<Alert> {
        self.detection.take_changed()
    }

    pub fn watermark(&self) -> Option<Timestamp> {
        self.fold.watermark()
    }

    pub fn counts(&self) -> Counts {
        self.fold.counts()
    }

    pub fn series(&self) -> &SeriesStore {
        self.detection.series()
    }

    pub fn funnel(&self) -> Funnel {
        self.detection.funnel()
    }

    /// Fields that the metrics read and no event has had.
    pub fn unseen_fields(&self) -> Vec<&str> {
        let fields = self.plan.fields.iter().enumerate();
        fields.filter(|(column, _)| !self.fold.has_seen(*column)).map(|(_, (name, _))| name).collect()
    }

    pub fn watched(&self) -> usize {
        self.detection.watched()
    }

    /// A metric by name, composites included.
    pub fn metric(&self, name: &str) -> Option<&Metric> {
        let own = self.plan.metrics.iter().map(|metric| &metric.metric);
        own.chain(self.plan.composites.iter().map(|(metric, _)| metric)).find(|metric| metric.name == name)
    }

    pub fn firing(&self) -> usize {
        self.detection.firing()
    }
}
