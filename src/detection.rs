//! From closed steps to alerts: watches observe, findings are explained and filtered, the book keeps the alerts.

use hark_alerting::{Book, Funnel, Opening, filter};
use hark_detectors::{Transition, Watch};
use hark_ingest::{Closed, Fold, SliceIndex};
use hark_model::{
    Alert, AlertId, Cell, Change, ChangeId, ChangeKind, Finding, Metric, Point, STEP_MINUTES, Shift, Slice, Statistic,
    Step, Timestamp,
};
use hark_query::Plan;
use serde::{Deserialize, Serialize};

use crate::explainer::{self, Answer};
use crate::series::{SeriesKey, SeriesStore};

/// Changes are kept as long as charts look back.
const CHANGES_KEPT_MINUTES: i64 = 35 * 24 * 60;
/// A holiday lasts its day.
const HOLIDAY_MINUTES: i64 = 24 * 60;
/// An alert's frozen chart shows so much before the onset.
const CHART_STEPS_BEFORE: i64 = 2 * 24 * 60 / STEP_MINUTES;
const CHART_STEPS_MAX: i64 = 4 * 24 * 60 / STEP_MINUTES;
const STEPS_PER_WEEK: f64 = (7 * 24 * 60 / STEP_MINUTES) as f64;

/// False alarms a week that all series together may raise.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    pub false_alarms_per_week: f64,
}

impl std::fmt::Display for Budget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} per week", self.false_alarms_per_week)
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Detection {
    /// `watches[metric][slice]`.
    watches: Vec<Vec<Watch>>,
    series: SeriesStore,
    book: Book,
    changes: Vec<(ChangeId, Change)>,
    budget: Budget,
    /// Alerts that changed in the step at hand.
    changed: Vec<AlertId>,
    /// Alerts that changed since they were last taken.
    outbox: Vec<Alert>,
}

impl Detection {
    pub fn new(plan: &Plan, budget: Budget) -> Self {
        Self {
            watches: vec![Vec::new(); plan.metrics.len()],
            series: SeriesStore::default(),
            book: Book::default(),
            changes: Vec::new(),
            budget,
            changed: Vec::new(),
            outbox: Vec::new(),
        }
    }

    /// The budget is configuration, not state: what is configured now holds from now on.
    pub fn set_budget(&mut self, budget: Budget) {
        self.budget = budget;
    }

    pub fn series(&self) -> &SeriesStore {
        &self.series
    }

    pub fn funnel(&self) -> Funnel {
        self.book.funnel
    }

    pub fn firing(&self) -> usize {
        self.book.firing().count()
    }

    pub fn watched(&self) -> usize {
        self.watches.iter().map(Vec::len).sum()
    }

    pub fn add_change(&mut self, change: Change) {
        let id = change.id();
        let at = self.changes.partition_point(|(other, known)| (known.time, other) < (change.time, &id));
        if self.changes.get(at).is_none_or(|(known, _)| *known != id) {
            self.changes.insert(at, (id, change));
        }
    }

    /// Alerts that changed since this was last asked, each as it stands now.
    pub fn take_changed(&mut self) -> Vec<Alert> {
        std::mem::take(&mut self.outbox)
    }

    /// Looks at one closed step: every series is judged, findings become alerts, alerts are reviewed and end.
    pub fn step(&mut self, plan: &Plan, closed: Closed<'_>) {
        let Closed { step, cells, corrected, fold } = closed;
        self.correct(plan, fold, &corrected);
        let now = step.end();
        self.changes.retain(|(_, change)| now.minutes_since(change.time) < CHANGES_KEPT_MINUTES);
        let mut opened = Vec::new();
        for closed in &cells {
            let slice = fold.cells(closed.metric).slice(closed.slice);
            let transition = self.observe(plan, fold, closed.metric, closed.slice, slice, step, &closed.cell);
            match transition {
                Some(Transition::Opened(shift)) => opened.push((closed.metric, slice.clone(), *shift)),
                Some(Transition::Recovered) => {
                    let metric = &plan.metrics[closed.metric].metric.name;
                    let ended = self.book.recover(metric, slice, now).map(|alert| alert.id.clone());
                    self.changed.extend(ended);
                }
                None => {}
            }
        }
        self.push_composites(plan, fold, step);
        // The strongest finding opens the alert that the others join.
        opened.sort_by(|a, b| {
            b.2.e_value.total_cmp(&a.2.e_value).then_with(|| (a.0, a.1.len(), &a.1).cmp(&(b.0, b.1.len(), &b.1)))
        });
        for (metric, slice, shift) in opened {
            self.take_finding(plan, fold, metric, slice, shift, step);
        }
        self.review(plan, fold, step);
        self.post(plan, step);
    }

    #[expect(clippy::too_many_arguments, reason = "one cell of one series and where it stands")]
    fn observe(
        &mut self,
        plan: &Plan,
        fold: &Fold,
        metric: usize,
        index: SliceIndex,
        slice: &Slice,
        step: Step,
        cell: &Cell,
    ) -> Option<Transition> {
        let definition = &plan.metrics[metric].metric;
        let log_threshold = self.log_threshold();
        let is_rest_day = step.start().is_weekend() || self.is_holiday(slice, step.start());
        let watches = &mut self.watches[metric];
        if index.0 == watches.len() {
            watches.push(Watch::new(definition)?);
        }
        let cell_of = |step| fold.cells(metric).step_cell(index, step);
        let observed = watches[index.0].observe(step, cell, is_rest_day, log_threshold, cell_of);
        for (statistic, point) in observed.points {
            self.series.push(SeriesKey { metric: definition.name.clone(), statistic, slice: slice.clone() }, point);
        }
        observed.transition
    }

    /// Each of N series may reach evidence A once in A steps by chance, so all of them together do so N * steps / A
    /// times a week.
    fn log_threshold(&self) -> f64 {
        (self.watched().max(1) as f64 * STEPS_PER_WEEK / self.budget.false_alarms_per_week).ln()
    }

    fn is_holiday(&self, slice: &Slice, at: Timestamp) -> bool {
        self.changes.iter().map(|(_, change)| change).any(|change| {
            change.kind == ChangeKind::Holiday
                && (0..HOLIDAY_MINUTES).contains(&at.minutes_since(change.time))
                && change.slice.contains(slice)
        })
    }

    fn take_finding(&mut self, plan: &Plan, fold: &Fold, metric: usize, slice: Slice, shift: Shift, step: Step) {
        let metric_plan = &plan.metrics[metric];
        let Answer { explanation, mix_part } =
            explainer::explain(fold, metric, metric_plan, &slice, &shift, step, &self.changes);
        let finding = Finding { metric: metric_plan.metric.name.clone(), slice, at: step.end(), shift };
        let causes: Vec<Slice> = explanation.causes.iter().map(|cause| cause.slice.clone()).collect();
        self.book.funnel.found += 1;
        if let Some(dropped) = filter(&finding, &causes, mix_part, &self.changes) {
            self.book.funnel.count_dropped(dropped);
            return;
        }
        let budget = self.budget.to_string();
        let opening = Opening { finding: &finding, metric: &metric_plan.metric, explanation, budget: &budget };
        let id = self.book.take(opening).id.clone();
        self.changed.push(id);
    }

    /// Alerts that are due get a fresh effect, fresh causes and so perhaps a truer slice.
    fn review(&mut self, plan: &Plan, fold: &Fold, step: Step) {
        for (id, members) in self.book.due(step.end()) {
            let Some((metric, slice, shift)) = self.lead(plan, fold, &id, &members, step) else { continue };
            let metric_plan = &plan.metrics[metric];
            let answer = explainer::explain(fold, metric, metric_plan, &slice, &shift, step, &self.changes);
            self.book.renew(&id, &shift, answer.explanation, &metric_plan.metric);
            self.changed.push(id);
        }
    }

    /// The series that speaks for an alert: of those that still deviate, the narrowest that holds its slice.
    fn lead(
        &self,
        plan: &Plan,
        fold: &Fold,
        id: &AlertId,
        members: &[hark_alerting::Member],
        step: Step,
    ) -> Option<(usize, Slice, Shift)> {
        let alert = self.book.alert(id)?;
        let metric = plan.metrics.iter().position(|metric| metric.metric.name == alert.metric)?;
        let cells = fold.cells(metric);
        let rank = |slice: &Slice| (slice.contains(&alert.slice), slice.len());
        let (index, slice) = cells
            .slices()
            .filter(|(_, slice)| members.iter().any(|member| member.slice == **slice))
            .max_by(|a, b| rank(a.1).cmp(&rank(b.1)).then_with(|| b.1.cmp(a.1)))?;
        let shift = self.watches[metric].get(index.0)?.shift(step, |step| cells.step_cell(index, step))?;
        Some((metric, slice.clone(), shift))
    }

    /// Puts every alert that changed in this step into the outbox, with its chart as it stands.
    fn post(&mut self, plan: &Plan, step: Step) {
        let mut changed = std::mem::take(&mut self.changed);
        changed.sort();
        changed.dedup();
        for id in changed {
            let Some(alert) = self.book.alert(&id) else { continue };
            let Some(metric) = plan.metrics.iter().find(|metric| metric.metric.name == alert.metric) else { continue };
            let key = self.chart_key(&metric.metric, alert.statistic, &alert.slice);
            let from = Step(alert.onset.step().0 - CHART_STEPS_BEFORE).max(Step(step.0 - CHART_STEPS_MAX));
            let chart = self.series.chart(&key, from, step.next());
            self.outbox.extend(self.book.freeze_chart(&id, chart).cloned());
        }
    }

    /// The narrowest watched series around a slice.
    fn chart_key(&self, metric: &Metric, statistic: Statistic, slice: &Slice) -> SeriesKey {
        let within = |set: &Vec<String>| -> Option<Slice> {
            set.iter().map(|name| slice.get(name).map(|value| (name.clone(), value.to_owned()))).collect()
        };
        let key = |slice| SeriesKey { metric: metric.name.clone(), statistic, slice };
        let watched = metric.watch.iter().filter_map(within).filter(|slice| self.series.contains(&key(slice.clone())));
        key(watched.max_by_key(Slice::len).unwrap_or_default())
    }

    fn correct(&mut self, plan: &Plan, fold: &Fold, corrected: &[(usize, SliceIndex, Step)]) {
        for &(metric, index, step) in corrected {
            let cells = fold.cells(metric);
            let cell = cells.step_cell(index, step);
            let definition = &plan.metrics[metric].metric;
            for &statistic in &definition.statistics {
                let key = SeriesKey { metric: definition.name.clone(), statistic, slice: cells.slice(index).clone() };
                let value = hark_detectors::series_value(statistic, &cell);
                self.series.correct(&key, step, value, cell.count());
            }
        }
    }

    /// Composites have no cells; their points follow from those of their parts in the same slice.
    fn push_composites(&mut self, plan: &Plan, fold: &Fold, step: Step) {
        for (metric, formula) in &plan.composites {
            let parts = formula.parts();
            let Some((first, _)) = parts.first() else { continue };
            let Some(at) = plan.metrics.iter().position(|part| part.metric.name == *first) else { continue };
            for (_, slice) in fold.cells(at).slices() {
                let is_watched = metric
                    .watch
                    .iter()
                    .any(|set| set.len() == slice.len() && set.iter().all(|name| slice.get(name).is_some()));
                if is_watched {
                    let point = self.composite_point(plan, formula, slice, step);
                    let key =
                        SeriesKey { metric: metric.name.clone(), statistic: Statistic::Score, slice: slice.clone() };
                    self.series.push(key, point);
                }
            }
        }
    }

    fn composite_point(&self, plan: &Plan, formula: &hark_query::Formula, slice: &Slice, step: Step) -> Point {
        let part = |name: &str, statistic: Option<Statistic>| {
            let metric = plan.metrics.iter().find(|metric| metric.metric.name == name)?;
            let statistic = statistic.unwrap_or(metric.metric.headline());
            self.series.point(&SeriesKey { metric: name.to_owned(), statistic, slice: slice.clone() }, step)
        };
        let first = formula.parts().first().and_then(|(name, statistic)| part(name, *statistic));
        Point {
            step,
            value: formula.evaluate(&|name, statistic| part(name, statistic)?.value),
            count: first.map_or(0, |point| point.count),
            expected: formula.evaluate(&|name, statistic| part(name, statistic)?.expected),
            low: None,
            high: None,
        }
    }
}
