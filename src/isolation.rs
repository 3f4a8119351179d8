//! A forest a metric beside the watches: what it makes of a series goes into the alert as evidence. It opens no alert.

use hark_detectors::forest::{MetricForest, Moved, OrderRefused, feature_rows};
use hark_explain::tree_shap::{Converted, TreeExplainer};
use hark_model::{Attribution, DetectorEvidence, ModelOrder, ModelVersion, STEP_MINUTES, Slice, Step, Timestamp};
use hark_query::Plan;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::detection::Watched;
use crate::model_files;
use crate::series::{SeriesId, SeriesStore};

/// Series of a metric that give a row each step, if they are quiet.
const ROWS_A_STEP: u64 = 4;
/// A row is taken for normal only once its series has been quiet for another hour.
const HELD_BACK_STEPS: i64 = feature_rows::ROW_STEPS;
/// What is put into rows to see whether a version would notice: some twice what a band holds.
const WORSE_DEVIATIONS: f32 = 5.0;
const DAY_STEPS: i64 = 24 * 60 / STEP_MINUTES;
const NAME: &str = "isolation_forest";

/// Some 1.5 MB a metric, however many series it has: up to three versions, and the rows that they are grown on.
#[derive(Debug, Serialize, Deserialize)]
pub struct Forests {
    metrics: Vec<MetricForest>,
}

/// Where the points of a metric are.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) watched: &'a [Watched],
    /// The series of all traffic, where that is watched.
    pub(crate) total: Option<usize>,
    pub(crate) series: &'a SeriesStore,
}

/// The hours whose rows are taken at a step: these, and the same of a day before.
pub(crate) fn learned_at(step: Step) -> [[Timestamp; 2]; 2] {
    feature_rows::hours(Step(step.0 - HELD_BACK_STEPS)).map(|(from, to)| [from.start(), to.start()])
}

impl Forests {
    pub fn new(plan: &Plan) -> Self {
        let forest = |(at, metric): (usize, &hark_query::MetricPlan)| {
            let statistics = &metric.metric.statistics;
            MetricForest::new(feature_rows::regression(statistics, WORSE_DEVIATIONS), at as u64)
        };
        Self { metrics: plan.metrics.iter().enumerate().map(forest).collect() }
    }

    /// What stays keeps its forest, what is new begins one.
    pub fn adopt(&mut self, to: &Plan, carried: &[Option<usize>]) {
        let mut old: Vec<_> = std::mem::take(&mut self.metrics).into_iter().map(Some).collect();
        *self = Self::new(to);
        for (forest, from) in self.metrics.iter_mut().zip(carried) {
            if let Some(kept) = from.and_then(|at| old[at].take()) {
                *forest = kept;
            }
        }
    }

    /// Takes rows from some quiet series, others each step, and looks at the versions once a day.
    pub(crate) fn learn(
        &mut self,
        plan: &Plan,
        metric: usize,
        known: Known<'_>,
        step: Step,
        is_set_aside: impl Fn(usize) -> bool,
    ) {
        let forest = &mut self.metrics[metric];
        let count = known.watched.len() as u64;
        for draw in 0..ROWS_A_STEP.min(count) {
            let chosen = xxh3_64_with_seed(&step.0.to_le_bytes(), draw * 1_000 + metric as u64) % count;
            let watched = &known.watched[chosen as usize];
            let before = Step(step.0 - HELD_BACK_STEPS);
            if watched.watch.is_quiet()
                && !is_set_aside(chosen as usize)
                && let Some(row) = row(plan, metric, &watched.series, known, before)
            {
                forest.learn(before, &row);
            }
        }
        // Each metric has its own step of the day.
        if (step.0 + metric as i64) % DAY_STEPS == 0 {
            forest.renew(step);
        }
    }

    /// What the forest says of a series at a step, and why: compared with normal rows that no tree has seen.
    pub(crate) fn testify(
        &self,
        plan: &Plan,
        metric: usize,
        (slice, series): (&Slice, &[SeriesId]),
        known: Known<'_>,
        step: Step,
    ) -> Option<DetectorEvidence> {
        let metric_forest = &self.metrics[metric];
        // The same series is always in the same part.
        let version = metric_forest.version_for(xxh3_64(slice.to_string().as_bytes()))?;
        let row = row(plan, metric, series, known, step)?;
        let (forest, strangeness) = (version.forest(), version.judge(&row));
        let explainer = TreeExplainer::against(forest.trees(), row.len(), &metric_forest.background()).ok()?;
        let shared = explainer.explain(&row).ok()?;
        // Trees share out the path length; people are told the score.
        let told = Converted::of(shared.base, &shared.contributions, |length| forest.score_of_length(length));
        let columns = feature_rows::columns(&plan.metrics[metric].metric.statistics);
        let attributions = columns.into_iter().zip(row).zip(told.contributions);
        Some(DetectorEvidence {
            name: NAME.to_owned(),
            score: told.score,
            p_value: strangeness.p_value,
            attributions: attributions
                .map(|((feature, value), contribution)| Attribution { feature, value: f64::from(value), contribution })
                .collect(),
            base: told.base,
        })
    }

    /// What somebody orders of a metric's versions.
    pub fn obey(&mut self, metric: usize, order: ModelOrder, by: &str, now: Step) -> Result<(), OrderRefused> {
        self.metrics[metric].obey(order, by, now)
    }

    /// Versions that have come to stand elsewhere since this was last asked.
    pub fn take_moved(&mut self, plan: &Plan) -> Vec<KeptModel> {
        let of_metric = |(forest, metric): (&mut MetricForest, &hark_query::MetricPlan)| {
            let name = metric.metric.name.clone();
            forest.take_moved().into_iter().map(move |moved| kept(&name, moved)).collect::<Vec<_>>()
        };
        self.metrics.iter_mut().zip(&plan.metrics).flat_map(of_metric).collect()
    }

    pub fn forget_moved(&mut self) {
        self.metrics.iter_mut().for_each(|forest| drop(forest.take_moved()));
    }

    /// The memory they take up, in bytes.
    pub fn bytes(&self) -> usize {
        self.metrics.iter().map(MetricForest::bytes).sum()
    }
}

/// What is known of a version, with what its file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptModel {
    pub version: ModelVersion,
    pub content: Vec<u8>,
}

fn kept(metric: &str, moved: Moved) -> KeptModel {
    let Moved { at, version, standing, reason, measured, beside } = moved;
    // Numbers and lists of them can always be written.
    let content = postcard::to_stdvec(&version.content()).unwrap_or_default();
    let version = ModelVersion {
        metric: metric.to_owned(),
        detector: NAME.to_owned(),
        number: version.number,
        standing,
        since: at.end(),
        reason,
        trained_at: version.trained_at.end(),
        data: [version.data[0].start(), version.data[1].end()],
        rows: version.rows,
        parameters: version.parameters(),
        measured,
        beside,
        checksum: model_files::checksum(&content),
        bytes: content.len() as u64,
    };
    KeptModel { version, content }
}

fn row(plan: &Plan, metric: usize, series: &[SeriesId], known: Known<'_>, step: Step) -> Option<Vec<f32>> {
    let [now, before] = feature_rows::hours(step);
    let requests = |id: SeriesId, (from, to): (Step, Step)| {
        let points = known.series.range(id, from, to);
        (!points.is_empty()).then(|| points.iter().map(|point| point.count as f64).sum::<f64>())
    };
    let of = |id: SeriesId| Some([requests(id, now)?, requests(id, before)?]);
    let own = of(*series.first()?)?;
    let total = known.total.and_then(|at| of(*known.watched.get(at)?.series.first()?));
    let points: Vec<_> = series.iter().map(|id| known.series.range(*id, now.0, now.1)).collect();
    feature_rows::row(&feature_rows::Hour {
        step,
        statistics: &plan.metrics[metric].metric.statistics,
        points: &points,
        requests: own,
        all_requests: total.unwrap_or(own),
    })
}
