//! A forest a metric beside the watches: what it makes of a series goes into the alert as evidence. It opens no alert.

use hark_detectors::forest::{MetricForest, feature_rows};
use hark_explain::tree_shap::{Converted, TreeExplainer};
use hark_model::{Attribution, DetectorEvidence, STEP_MINUTES, Step};
use hark_query::Plan;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::detection::Watched;
use crate::series::{SeriesId, SeriesStore};

/// Series of a metric that give a row each step, if they are quiet.
const ROWS_A_STEP: u64 = 4;
/// A row is taken for normal only once its series has been quiet for another hour.
const HELD_BACK_STEPS: i64 = feature_rows::ROW_STEPS;
const DAY_STEPS: i64 = 24 * 60 / STEP_MINUTES;
const NAME: &str = "isolation_forest";

/// Some 0.6 MB a metric, however many series it has.
#[derive(Debug, Serialize, Deserialize)]
pub struct Forests {
    metrics: Vec<MetricForest>,
}

/// Where the points of a metric are.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    pub watched: &'a [Watched],
    /// The series of all traffic, where that is watched.
    pub total: Option<usize>,
    pub series: &'a SeriesStore,
}

impl Forests {
    pub fn new(plan: &Plan) -> Self {
        let forest = |(at, metric): (usize, &hark_query::MetricPlan)| {
            MetricForest::new(feature_rows::columns(&metric.metric.statistics).len(), at as u64)
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

    /// Takes rows from some quiet series, others each step, and renews the forest once a day.
    pub fn learn(&mut self, plan: &Plan, metric: usize, known: Known<'_>, step: Step) {
        let forest = &mut self.metrics[metric];
        let count = known.watched.len() as u64;
        for draw in 0..ROWS_A_STEP.min(count) {
            let chosen = xxh3_64_with_seed(&step.0.to_le_bytes(), draw * 1_000 + metric as u64) % count;
            let watched = &known.watched[chosen as usize];
            if watched.watch.is_quiet()
                && let Some(row) = row(plan, metric, &watched.series, known, Step(step.0 - HELD_BACK_STEPS))
            {
                forest.learn(&row);
            }
        }
        // Each metric has its own step of the day.
        if (step.0 + metric as i64) % DAY_STEPS == 0 {
            forest.renew();
        }
    }

    /// What the forest says of a series at a step, and why: compared with normal rows that no tree has seen.
    pub fn testify(
        &self,
        plan: &Plan,
        metric: usize,
        series: &[SeriesId],
        known: Known<'_>,
        step: Step,
    ) -> Option<DetectorEvidence> {
        let metric_forest = &self.metrics[metric];
        let forest = metric_forest.forest()?;
        let row = row(plan, metric, series, known, step)?;
        let strangeness = metric_forest.judge(&row)?;
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

    /// The memory they take up, in bytes.
    pub fn bytes(&self) -> usize {
        self.metrics.iter().map(MetricForest::bytes).sum()
    }
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
