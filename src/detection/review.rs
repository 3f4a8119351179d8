//! Open alerts are looked at again: their effect, their causes and the chart that is drawn for them.

use std::cmp::Reverse;

use hark_ingest::Fold;
use hark_model::{AlertId, Finding, Metric, STEP_MINUTES, Shift, Slice, Statistic, Step};
use hark_query::Plan;

use super::Detection;
use super::crept::has_crept;
use crate::explainer::{self, Asked};
use crate::series::{SeriesId, SeriesKey};

/// An alert's frozen chart shows so much before the onset.
const CHART_STEPS_BEFORE: i64 = 2 * 24 * 60 / STEP_MINUTES;
const CHART_STEPS_MAX: i64 = 4 * 24 * 60 / STEP_MINUTES;

/// The series that speaks for an alert.
struct Lead {
    metric: usize,
    slice: Slice,
    shift: Shift,
    /// The last step that is part of the regression: hours in which it is over would only dilute what is said of it.
    until: Step,
}

impl Detection {
    /// Measures an alert's effect on the series that is drawn for it: its own slice's, or the narrowest around it.
    pub(super) fn measure(&mut self, fold: &Fold, metric: usize, definition: &Metric, id: &AlertId, step: Step) {
        let Some(alert) = self.book.alert(id) else { return };
        let Some((slice, _)) = self.charted(definition, alert.statistic, &alert.slice) else { return };
        let cells = fold.cells(metric);
        let Some((index, _)) = cells.slices().find(|(_, known)| **known == slice) else { return };
        let cell_of = |step| cells.step_cell(index, step);
        let watched = self.watches[metric].get(index.0);
        let shift = watched.and_then(|one| one.watch.shift_since(alert.statistic, alert.onset.step(), step, cell_of));
        // A dilution may hide the move in a wider series; then the finding's own words stand.
        if let Some(shift) = shift.filter(|shift| shift.direction == alert.direction) {
            let users = cells.users(index, shift.onset.step(), step.next());
            self.book.set_effect(id, &shift, definition, users);
        }
    }

    /// Alerts that are due get a fresh effect, fresh causes and so perhaps a truer slice.
    pub(super) fn review(&mut self, plan: &Plan, fold: &Fold, step: Step) {
        for (id, members) in self.book.due(step.end()) {
            let Some(Lead { metric, slice, shift, until }) = self.lead(plan, fold, &id, &members, step) else {
                continue;
            };
            let Some(alert) = self.book.alert(&id) else { continue };
            // The days before one that crept are none to compare its slices with.
            if !has_crept(&alert.evidence.detectors) {
                // The onset is what the alert says; only what is known of it since is renewed.
                let shift = Shift { onset: alert.onset, onset_interval: alert.onset_interval, ..shift };
                self.renew(plan, fold, &id, &Lead { metric, slice, shift, until }, step);
            }
            self.measure(fold, metric, &plan.metrics[metric].metric, &id, until);
            self.tell_parts(plan, fold, metric, &id, until);
            self.changed.extend(self.book.fold_into_wider(&id, step.end()));
            self.changed.push(id);
        }
    }

    fn renew(&mut self, plan: &Plan, fold: &Fold, id: &AlertId, lead: &Lead, step: Step) {
        let Lead { metric, slice, shift, until } = lead;
        let metric_plan = &plan.metrics[*metric];
        let name = metric_plan.metric.name.clone();
        let finding = Finding { metric: name, slice: slice.clone(), at: until.end(), shift: shift.clone() };
        let unusual = self.unusual(&finding);
        let changes = self.changes_until(step.end());
        let elsewhere = self.book.beside(id);
        let since = self.book.since(id).unwrap_or(shift.onset).step();
        let asked = Asked { since, elsewhere: &elsewhere, ..Asked::of(slice, shift) };
        let answer = explainer::explain(fold, *metric, metric_plan, &asked, *until, changes, &unusual);
        self.book.renew(id, shift, answer.explanation);
    }

    /// The series that speaks for an alert: of those that still deviate, the narrowest that holds its slice.
    fn lead(&self, plan: &Plan, fold: &Fold, id: &AlertId, members: &[Slice], step: Step) -> Option<Lead> {
        let alert = self.book.alert(id)?;
        let metric = plan.metrics.iter().position(|metric| metric.metric.name == alert.metric)?;
        let cells = fold.cells(metric);
        let rank = |slice: &Slice| (slice.contains(&alert.slice), slice.len());
        let (index, slice) = cells
            .slices()
            .filter(|(_, slice)| members.contains(slice))
            .max_by(|a, b| rank(a.1).cmp(&rank(b.1)).then_with(|| b.1.cmp(a.1)))?;
        let watch = &self.watches[metric].get(index.0)?.watch;
        let until = watch.bad_until(step);
        let shift = watch.shift(until, |step| cells.step_cell(index, step))?;
        Some(Lead { metric, slice: slice.clone(), shift, until })
    }

    /// Puts every alert that changed in this step into the outbox, with its chart as it stands.
    pub(super) fn post(&mut self, plan: &Plan, step: Step) {
        let mut changed = std::mem::take(&mut self.changed);
        changed.sort();
        changed.dedup();
        for id in changed {
            self.tell_similar(&id);
            let Some(alert) = self.book.alert(&id) else { continue };
            let Some(metric) = plan.metrics.iter().find(|metric| metric.metric.name == alert.metric) else { continue };
            let Some((slice, series)) = self.charted(&metric.metric, alert.statistic, &alert.slice) else { continue };
            let from = Step(alert.onset.step().0 - CHART_STEPS_BEFORE).max(Step(step.0 - CHART_STEPS_MAX));
            let chart = self.series.chart(&slice, series, from, step.next());
            self.outbox.extend(self.book.freeze_chart(&id, chart).cloned());
        }
    }

    /// The narrowest watched series around a slice: the one of most dimensions, and of those the one of least traffic.
    pub(super) fn charted(&self, metric: &Metric, statistic: Statistic, slice: &Slice) -> Option<(Slice, SeriesId)> {
        let within = |set: &Vec<String>| -> Option<(Slice, SeriesId)> {
            let pairs = set.iter().map(|name| slice.get(name).map(|value| (name.clone(), value.to_owned())));
            let key = SeriesKey { metric: metric.name.clone(), statistic, slice: pairs.collect::<Option<_>>()? };
            self.series.find(&key).map(|id| (key.slice, id))
        };
        metric
            .watch
            .iter()
            .filter_map(within)
            .max_by_key(|(slice, id)| (slice.len(), Reverse(self.series.requests(*id))))
    }
}
