//! The whole pure pipeline: events in, alerts out. `serve`, `replay` and the demo all run this and nothing else.

use std::sync::Arc;

use hark_dashboard::{FunnelQuestion, FunnelReport, SelfTestReport, SelfTestVerdict};
use hark_detectors::Mutant;
use hark_ingest::{Admitted, Applied, Batch, Closed, Counted, Counts, Fold, SourceState};
use hark_model::{Alert, Change, Metric, Minute, ModelOrder, Slice, Timestamp};
use hark_query::{MetricPlan, Plan};

use crate::detection::{Budget, Detection};
use crate::funnel;
use crate::models::KeptModel;
use crate::series::SeriesStore;

pub struct Pipeline {
    plan: Arc<Plan>,
    /// Of the plan's metrics, for rows that outlive it.
    names: Vec<Arc<str>>,
    fold: Fold,
    detection: Detection,
    /// For history; `None` where nobody keeps one.
    minutes: Option<Vec<MinuteRow>>,
}

/// A closed minute of one slice, or what late events added to it since. All of them added up are the whole stream.
#[derive(Debug, Clone, PartialEq)]
pub struct MinuteRow {
    pub metric: Arc<str>,
    pub slice: Slice,
    pub minute: Minute,
    pub counted: Counted,
}

impl Pipeline {
    pub fn new(plan: Arc<Plan>, budget: Budget) -> Self {
        let fold = Fold::new(&plan);
        let detection = Detection::new(&plan, budget);
        Self { names: names(&plan), plan, fold, detection, minutes: None }
    }

    /// Continues from a state that was saved under the same plan.
    pub fn resume(plan: Arc<Plan>, fold: Fold, detection: Detection) -> Self {
        Self { names: names(&plan), plan, fold, detection, minutes: None }
    }

    /// Goes on under other definitions. Metrics that stay as they are keep all that was learned of them, and are judged
    /// on without a gap; what is new or changed begins now, and alerts of what is gone end.
    pub fn adopt(&mut self, plan: Arc<Plan>) {
        let same = |new: &MetricPlan| self.plan.metrics.iter().position(|old| old.metric == new.metric);
        let carried: Vec<Option<usize>> = plan.metrics.iter().map(same).collect();
        let fold = std::mem::replace(&mut self.fold, Fold::new(&plan));
        self.fold = fold.adopt(&self.plan, &plan, &carried);
        self.detection.adopt(&self.plan, &plan, &carried, self.fold.watermark());
        self.names = names(&plan);
        self.plan = plan;
    }

    /// Series that others watch beside these, by the owner of their metric, which the false-alarm budgets are shared with.
    pub fn set_other_series(&mut self, series: Vec<(Option<String>, usize)>) {
        self.detection.set_other_series(series);
    }

    /// Whether closed minutes are kept until somebody takes them.
    pub fn keep_minutes(&mut self, is_kept: bool) {
        self.minutes = is_kept.then(Vec::new);
    }

    pub fn state(&self) -> (&Fold, &Detection) {
        (&self.fold, &self.detection)
    }

    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    pub fn take(&mut self, batch: &Batch<'_>) -> Applied {
        let admitted = self.admit(batch);
        self.add(batch, admitted, true)
    }

    /// Takes a batch of the past: it counts like any other and is learned from, and nobody is told what was wrong then.
    pub fn take_past(&mut self, batch: &Batch<'_>) -> Applied {
        let admitted = self.admit(batch);
        self.add(batch, admitted, false)
    }

    /// Which events of a batch count: what its sender is answered, before anything of it is added or judged.
    pub fn admit<'a>(&mut self, batch: &Batch<'a>) -> Admitted<'a> {
        self.fold.admit(batch)
    }

    /// Adds what was admitted, in the order in which it was. The steps that it closes are judged, or learned from alone.
    pub fn add(&mut self, batch: &Batch<'_>, admitted: Admitted<'_>, is_judged: bool) -> Applied {
        let Self { plan, names, fold, detection, minutes } = self;
        fold.add(plan, batch, admitted, |mut closed| {
            keep(minutes, names, &mut closed);
            if is_judged { detection.step(plan, closed) } else { detection.learn(plan, closed) }
        })
    }

    /// The input has ended: closes what is open.
    pub fn finish(&mut self) {
        let Self { plan, names, fold, detection, minutes } = self;
        fold.finish(|mut closed| {
            keep(minutes, names, &mut closed);
            detection.step(plan, closed);
        });
    }

    /// The minutes that closed since this was last asked.
    pub fn take_minutes(&mut self) -> Vec<MinuteRow> {
        self.minutes.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The minutes that have not closed yet, as far as they have come.
    pub fn open_minutes(&self) -> Vec<MinuteRow> {
        let of_metric = |metric: usize| {
            let name = &self.names[metric];
            let row = move |(slice, minute, counted): (&Slice, Minute, &Counted)| MinuteRow {
                metric: Arc::clone(name),
                slice: slice.clone(),
                minute,
                counted: counted.clone(),
            };
            self.fold.unclosed(metric).map(row)
        };
        (0..self.plan.metrics.len()).flat_map(of_metric).collect()
    }

    pub fn sources(&self) -> Vec<SourceState> {
        self.fold.sources()
    }

    pub fn ids_since(&self) -> Option<Timestamp> {
        self.fold.ids_since()
    }

    pub fn add_change(&mut self, change: Change) {
        self.detection.add_change(change);
    }

    pub fn take_changed(&mut self) -> Vec<Alert> {
        self.detection.take_changed()
    }

    /// Whether versions of models are kept until somebody takes them.
    pub fn keep_models(&mut self, are_kept: bool) {
        self.detection.keep_models(are_kept);
    }

    pub fn take_models(&mut self) -> Vec<KeptModel> {
        self.detection.take_models()
    }

    /// Trains, promotes or goes back among the models of a metric. An error says why that can't be.
    pub fn order_model(&mut self, metric: &str, detector: &str, order: ModelOrder, by: &str) -> Result<(), String> {
        let at = self.plan.metrics.iter().position(|known| known.metric.name == metric);
        let at = at.ok_or_else(|| {
            format!("there is no metric `{metric}` that a model judges; GET /api/v1/models lists them")
        })?;
        let now = self.watermark().ok_or("nothing was judged yet")?.step();
        self.detection
            .order_model(&self.plan, (at, detector), (order, by), now)
            .map_err(|problem| format!("`{metric}`: {problem}"))
    }

    /// Breaks every watch on purpose, for a drill; `None` mends them.
    pub fn set_mutant(&mut self, mutant: Option<Mutant>) {
        self.detection.set_mutant(mutant);
    }

    pub fn set_self_test(&mut self, is_on: bool) {
        self.detection.set_self_test(is_on);
    }

    /// What the self-test says of detection, for all and for each series it has tried.
    pub fn self_test(&self) -> SelfTestReport {
        self.detection.self_test().report(&self.plan, &self.fold, self.detection.budget().all_per_week())
    }

    pub fn verdict(&self) -> SelfTestVerdict {
        self.detection.self_test().verdict(&self.plan, self.detection.budget().all_per_week())
    }

    pub fn budget(&self) -> &Budget {
        self.detection.budget()
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

    pub fn funnel(&self, question: &FunnelQuestion) -> FunnelReport {
        funnel::report(self.detection.funnel(), question)
    }

    /// Fields that the metrics read and no event has had.
    pub fn unseen_fields(&self) -> Vec<&str> {
        let fields = self.plan.fields.iter().enumerate();
        fields.filter(|(column, _)| !self.fold.has_seen(*column)).map(|(_, (name, _))| name).collect()
    }

    /// Series of one metric, a slice's statistics counted once.
    pub fn series_of(&self, name: &str) -> usize {
        let metric = self.metric(name);
        metric.map_or(0, |metric| self.detection.series().slices(name, metric.headline()).len())
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

fn names(plan: &Plan) -> Vec<Arc<str>> {
    plan.metrics.iter().map(|metric| Arc::from(metric.metric.name.as_str())).collect()
}

fn keep(minutes: &mut Option<Vec<MinuteRow>>, names: &[Arc<str>], closed: &mut Closed<'_>) {
    let Some(minutes) = minutes else { return };
    for (metric, cells) in std::mem::take(&mut closed.minutes).into_iter().enumerate() {
        let slices = closed.fold.cells(metric);
        minutes.extend(cells.into_iter().map(|one| MinuteRow {
            metric: Arc::clone(&names[metric]),
            slice: slices.slice(one.slice).clone(),
            minute: one.minute,
            counted: one.counted,
        }));
    }
}
