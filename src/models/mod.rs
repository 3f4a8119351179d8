//! Models of a metric beside the watches, a forest and a network: what they make of a series goes into the alert as evidence. They
//! open no alert.

mod evidence;
mod kept;

use hark_detectors::forest::IsolationForest;
use hark_detectors::life::{HourNetwork, Life, feature_rows, hour_windows};
use hark_model::{DetectorEvidence, ModelOrder, Point, STEP_MINUTES, Slice, Statistic, Step, Timestamp};
use hark_query::Plan;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::detection::Watched;
use crate::series::{SeriesId, SeriesStore};

pub use kept::KeptModel;

/// Series of a metric that give an hour each step, if they are quiet.
const HOURS_A_STEP: u64 = 4;
/// An hour is taken for normal only once its series has been quiet for another one.
const HELD_BACK_STEPS: i64 = feature_rows::ROW_STEPS;
/// What is put into hours to see whether a version would notice: some twice what a band holds.
const WORSE_DEVIATIONS: f32 = 5.0;
const DAY_STEPS: i64 = 24 * 60 / STEP_MINUTES;
pub const FOREST: &str = "isolation_forest";
pub const NETWORK: &str = "autoencoder";

#[derive(Debug, Serialize, Deserialize)]
pub struct Models {
    metrics: Vec<OfMetric>,
}

/// Some 2 MB, however many series it has: up to three versions of each, and the hours that they are trained on.
#[derive(Debug, Serialize, Deserialize)]
struct OfMetric {
    forest: Life<IsolationForest>,
    network: Life<HourNetwork>,
}

/// Where the points of a metric are.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) watched: &'a [Watched],
    /// The series of all traffic, where that is watched.
    pub(crate) total: Option<usize>,
    pub(crate) series: &'a SeriesStore,
}

/// The hours that are learned from at a step: these, and the same of a day before.
pub(crate) fn learned_at(step: Step) -> [[Timestamp; 2]; 2] {
    feature_rows::hours(Step(step.0 - HELD_BACK_STEPS)).map(|(from, to)| [from.start(), to.start()])
}

impl OfMetric {
    fn new(statistics: &[Statistic], seed: u64) -> Self {
        Self {
            forest: Life::new(feature_rows::regression(statistics, WORSE_DEVIATIONS), seed),
            network: Life::new(hour_windows::regression(statistics.len(), WORSE_DEVIATIONS), seed),
        }
    }

    fn learn(&mut self, hour: &Hour<'_>) {
        if let Some(row) = hour.row() {
            self.forest.learn(hour.step, &row);
        }
        if let Some(window) = hour.window() {
            self.network.learn(hour.step, &window);
        }
    }
}

impl Models {
    pub fn new(plan: &Plan) -> Self {
        let metrics = plan.metrics.iter().enumerate();
        Self { metrics: metrics.map(|(at, metric)| OfMetric::new(&metric.metric.statistics, at as u64)).collect() }
    }

    /// What stays keeps its models, what is new begins them.
    pub fn adopt(&mut self, to: &Plan, carried: &[Option<usize>]) {
        let mut old: Vec<_> = std::mem::take(&mut self.metrics).into_iter().map(Some).collect();
        *self = Self::new(to);
        for (models, from) in self.metrics.iter_mut().zip(carried) {
            if let Some(kept) = from.and_then(|at| old[at].take()) {
                *models = kept;
            }
        }
    }

    /// Takes hours of some quiet series, others each step, and looks at the versions once a day.
    pub(crate) fn learn(
        &mut self,
        plan: &Plan,
        metric: usize,
        known: Known<'_>,
        step: Step,
        is_set_aside: impl Fn(usize) -> bool,
    ) {
        let models = &mut self.metrics[metric];
        let count = known.watched.len() as u64;
        for draw in 0..HOURS_A_STEP.min(count) {
            let chosen = xxh3_64_with_seed(&step.0.to_le_bytes(), draw * 1_000 + metric as u64) % count;
            let watched = &known.watched[chosen as usize];
            if watched.watch.is_quiet() && !is_set_aside(chosen as usize) {
                models.learn(&Hour::of(plan, metric, &watched.series, known, Step(step.0 - HELD_BACK_STEPS)));
            }
        }
        // Each has its own step of the day.
        let is_time = |at: i64| (step.0 + metric as i64 + at) % DAY_STEPS == 0;
        if is_time(0) {
            models.forest.renew(step);
        }
        if is_time(DAY_STEPS / 2) {
            models.network.renew(step);
        }
    }

    /// What the models say of a series at a step, and why.
    pub(crate) fn testify(
        &self,
        plan: &Plan,
        metric: usize,
        (slice, series): (&Slice, &[SeriesId]),
        known: Known<'_>,
        step: Step,
    ) -> Vec<DetectorEvidence> {
        let OfMetric { forest, network } = &self.metrics[metric];
        let hour = Hour::of(plan, metric, series, known, step);
        // The same series is always in the same part.
        let part = xxh3_64(slice.to_string().as_bytes());
        [evidence::of_forest(forest, part, &hour), evidence::of_network(network, part, &hour)]
            .into_iter()
            .flatten()
            .collect()
    }

    /// What somebody orders of the versions of one of a metric's models. An error says why that can't be.
    pub fn obey(
        &mut self,
        metric: usize,
        detector: &str,
        (order, by): (ModelOrder, &str),
        now: Step,
    ) -> Result<(), String> {
        let OfMetric { forest, network } = &mut self.metrics[metric];
        let done = match detector {
            FOREST => forest.obey(order, by, now),
            NETWORK => network.obey(order, by, now),
            _ => return Err(format!("no `{detector}` is trained for metrics; there are `{FOREST}` and `{NETWORK}`")),
        };
        done.map_err(|refused| refused.to_string())
    }

    /// Versions that have come to stand elsewhere since this was last asked.
    pub fn take_moved(&mut self, plan: &Plan) -> Vec<KeptModel> {
        let mut kept = Vec::new();
        for (OfMetric { forest, network }, metric) in self.metrics.iter_mut().zip(&plan.metrics) {
            let name = &metric.metric.name;
            kept.extend(forest.take_moved().into_iter().map(|moved| KeptModel::of_forest(name, moved)));
            kept.extend(network.take_moved().into_iter().map(|moved| KeptModel::of_network(name, moved)));
        }
        kept
    }

    pub fn forget_moved(&mut self) {
        for OfMetric { forest, network } in &mut self.metrics {
            drop((forest.take_moved(), network.take_moved()));
        }
    }

    /// The memory they take up, in bytes.
    pub fn bytes(&self) -> usize {
        self.metrics.iter().map(|of| of.forest.bytes() + of.network.bytes()).sum()
    }
}

/// An hour of a series, and the traffic of a day before.
struct Hour<'a> {
    step: Step,
    statistics: &'a [Statistic],
    points: Vec<Vec<Point>>,
    /// Requests now and a day before, and those of the whole metric.
    requests: Option<[[f64; 2]; 2]>,
}

impl<'a> Hour<'a> {
    fn of(plan: &'a Plan, metric: usize, series: &[SeriesId], known: Known<'_>, step: Step) -> Self {
        let [now, before] = feature_rows::hours(step);
        let requests = |id: SeriesId, (from, to): (Step, Step)| {
            let points = known.series.range(id, from, to);
            (!points.is_empty()).then(|| points.iter().map(|point| point.count as f64).sum::<f64>())
        };
        let of = |id: SeriesId| Some([requests(id, now)?, requests(id, before)?]);
        let own = series.first().and_then(|id| of(*id));
        let total = known.total.and_then(|at| of(*known.watched.get(at)?.series.first()?));
        Self {
            step,
            statistics: &plan.metrics[metric].metric.statistics,
            points: series.iter().map(|id| known.series.range(*id, now.0, now.1)).collect(),
            requests: own.map(|own| [own, total.unwrap_or(own)]),
        }
    }

    fn row(&self) -> Option<Vec<f32>> {
        let [requests, all_requests] = self.requests?;
        let Self { step, statistics, points, .. } = self;
        feature_rows::row(&feature_rows::Hour { step: *step, statistics, points, requests, all_requests })
    }

    fn window(&self) -> Option<Vec<f32>> {
        hour_windows::window(&self.points)
    }
}
