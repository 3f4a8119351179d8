//! Thin slices borrow strength from each other: those of one dimension that are too small to show a small move alone are
//! watched together, as one more series with its own share of the budget.
//!
//! In the total such a move drowns in the traffic of the large slices. A pool is an ordinary watch on the sum of its
//! members' cells, so that season, dispersion, onset and recovery are those of any series.

use hark_alerting::{Dropped, Moved, Opening, Reason, Stage, filter};
use hark_detectors::list::THIN_SLICES;
use hark_detectors::{Candidate, Mutant, Observed, Transition, Watch};
use hark_explain::Answer;
use hark_ingest::{ClosedCell, Fold, SliceIndex};
use hark_model::{Alert, AlertId, Cell, Direction, Explanation, Finding, MetricKind, STEP_MINUTES, Shift, Slice, Step};
use hark_query::Plan;
use serde::{Deserialize, Serialize};

use super::asked::AskedOf;
use super::past::NEW_NORMAL_STEPS;
use super::{Detection, compared, doubted};
use crate::explainer::{self, Asked};
use crate::incidents;

const DAY_STEPS: i64 = 24 * 60 / STEP_MINUTES;
/// A slice is thin with at most this part of the requests of its siblings and its own.
const THIN_PART: f64 = 0.1;
/// Fewer have little to borrow.
const MEMBERS_MIN: usize = 4;
/// Of more the first are pooled.
const MEMBERS_MAX: usize = 500;
/// A pool stays what it is, and with it what it has learned, until this part of its requests is of other slices.
const STRANGERS_MAX: f64 = 0.2;

/// The thin slices of one watched set.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Pool {
    metric: usize,
    /// Position among the metric's watched sets.
    set: usize,
    members: Vec<SliceIndex>,
    watch: Watch,
    /// The alert that its open regression is told of in.
    told: Option<AlertId>,
}

impl Pool {
    /// Whether its metric is still there; `carried` says of each metric which one it was before.
    pub(crate) fn adopt(&mut self, carried: &[Option<usize>]) -> bool {
        let now = carried.iter().position(|old| *old == Some(self.metric));
        self.metric = now.unwrap_or_default();
        now.is_some()
    }
}

impl Pool {
    pub(super) fn metric(&self) -> usize {
        self.metric
    }

    pub(super) fn set_mutant(&mut self, mutant: Option<Mutant>) {
        self.watch.set_mutant(mutant);
    }
}

impl Detection {
    /// Judges every pool by one closed step.
    pub(super) fn watch_pools(&mut self, plan: &Plan, fold: &Fold, step: Step, cells: &[ClosedCell]) {
        self.form_pools_if_due(plan, fold, step);
        for at in 0..self.pools.len() {
            let Some(observed) = self.observe_pool(at, fold, step, cells) else { continue };
            let metric = self.pools[at].metric;
            match observed.candidate {
                Some(Candidate::Began) => self.book.funnel.begin(),
                Some(Candidate::Ended(doubt)) => {
                    let min_effect = plan.metrics[metric].metric.alert.min_effect;
                    self.drop_pooled(plan, metric, step, doubted(doubt, min_effect), None);
                }
                None => {}
            }
            match observed.transition {
                Some(Transition::Opened(shift)) => self.take_pooled(plan, fold, at, *shift, step),
                Some(Transition::Recovered) => self.recover_pooled(at, step),
                None => {}
            }
        }
    }

    /// Lets every pool learn from one closed step of the past.
    pub(super) fn learn_pools(&mut self, plan: &Plan, fold: &Fold, step: Step, cells: &[ClosedCell]) {
        self.form_pools_if_due(plan, fold, step);
        for at in 0..self.pools.len() {
            let Some(observed) = self.observe_pool(at, fold, step, cells) else { continue };
            if observed.transition == Some(Transition::Recovered) {
                self.recover_pooled(at, step);
            }
            let Pool { metric, members, watch, told, .. } = &mut self.pools[at];
            let is_old = watch.open_since().is_some_and(|onset| step.0 - onset.0 >= NEW_NORMAL_STEPS);
            if is_old && told.is_none() {
                watch.dismiss(step, |step| pooled(fold, *metric, members, step));
            }
        }
    }

    /// What is open in a pool and nobody was told of opens once more with the next step that is judged.
    pub(super) fn wake_pools(&mut self) {
        for pool in self.pools.iter_mut().filter(|pool| !pool.watch.is_quiet() && pool.told.is_none()) {
            self.book.funnel.begin();
            pool.watch.postpone();
        }
    }

    fn form_pools_if_due(&mut self, plan: &Plan, fold: &Fold, step: Step) {
        if step.0.rem_euclid(DAY_STEPS) == 0 {
            self.form_pools(plan, fold);
        }
    }

    /// Shows a pool its newest cell; `None` where no member has one.
    fn observe_pool(&mut self, at: usize, fold: &Fold, step: Step, cells: &[ClosedCell]) -> Option<Observed> {
        let Pool { metric, members, watch, .. } = &mut self.pools[at];
        let metric = *metric;
        let AskedOf { group, log_threshold } = self.asked[metric];
        let log_threshold = log_threshold - self.joint.log_count(group);
        let is_set_aside =
            members.iter().any(|member| incidents::touch(&self.incidents, fold.cells(metric).slice(*member)));
        let now = |member: &SliceIndex| {
            let key = (metric, member.0);
            let found = cells.binary_search_by_key(&key, |closed| (closed.metric, closed.slice.0)).ok()?;
            Some(&cells[found].cell)
        };
        let cell = sum(members.iter().filter_map(now).cloned())?;
        if is_set_aside {
            return Some(watch.set_aside(step, &cell, step.start().is_weekend()));
        }
        let cell_of = |step| pooled(fold, metric, members, step);
        Some(watch.observe(step, &cell, step.start().is_weekend(), log_threshold, cell_of))
    }

    fn recover_pooled(&mut self, at: usize, step: Step) {
        let told = self.pools[at].told.take();
        let ended = told.and_then(|id| self.book.recover_in(&id, &Slice::total(), step.end()));
        self.changed.extend(ended.map(|ended| ended.id));
    }

    fn drop_pooled(
        &mut self,
        plan: &Plan,
        metric: usize,
        step: Step,
        (stage, reason): (Stage, Reason),
        shift: Option<&Shift>,
    ) {
        let (at, metric) = (step.end(), plan.metrics[metric].metric.name.clone());
        let moved = shift.map(Moved::of);
        self.book.funnel.drop(Dropped { at, metric, slice: Slice::total(), stage, reason, moved });
    }

    /// The small slices together got worse: an alert, unless one is told of any of them already.
    fn take_pooled(&mut self, plan: &Plan, fold: &Fold, at: usize, mut shift: Shift, step: Step) {
        let Pool { metric, members, .. } = &self.pools[at];
        let metric = *metric;
        let slices: Vec<Slice> = members.iter().map(|member| fold.cells(metric).slice(*member).clone()).collect();
        for word in &mut shift.detectors {
            THIN_SLICES.name.clone_into(&mut word.name);
        }
        let definition = &plan.metrics[metric].metric;
        let finding = Finding { metric: definition.name.clone(), slice: Slice::total(), at: step.end(), shift };
        if let Some(reason) = self.told_of_any(&finding, &slices) {
            self.drop_pooled(plan, metric, step, (Stage::New, reason), Some(&finding.shift));
            return;
        }
        let unusual = self.unusual(&finding);
        let changes = self.changes_until(step.end());
        let metric_plan = &plan.metrics[metric];
        let question = Asked { within: Some(&slices), ..Asked::of(&finding.slice, &finding.shift) };
        let answer = explainer::explain(fold, metric, metric_plan, &question, step, changes, &unusual);
        let (comparison, Answer { explanation, .. }) = (compared(&answer), answer);
        let doubt = filter(&finding, &explanation.causes, comparison, definition.alert.min_effect, changes);
        if let Some((stage, reason)) = doubt {
            let Pool { members, watch, .. } = &mut self.pools[at];
            let members: &[SliceIndex] = members;
            match stage {
                Stage::Like => watch.doubt(),
                _ => watch.dismiss(step, |step| pooled(fold, metric, members, step)),
            }
            self.drop_pooled(plan, metric, step, (stage, reason), Some(&finding.shift));
            return;
        }
        let moved = self.moved_members(fold, at, &finding, step);
        self.pools[at].told = Some(self.tell_pooled(plan, metric, &finding, explanation, &moved));
    }

    fn tell_pooled(
        &mut self,
        plan: &Plan,
        metric: usize,
        finding: &Finding,
        explanation: Explanation,
        moved: &[Slice],
    ) -> AlertId {
        let metric = &plan.metrics[metric].metric;
        let budget = self.budget.told(self.budget.team(metric.owner.as_deref()));
        // Nothing that is told of any member is open.
        let is_fresh = &|_: &Alert| true;
        let opening = Opening { finding, metric, users: None, explanation, budget: &budget, is_fresh };
        let id = self.book.take(opening).id.clone();
        self.book.name_members(&id, moved);
        self.changed.push(id.clone());
        id
    }

    /// An open alert of the same metric on traffic of any of these slices: the pool sees what is known.
    fn told_of_any(&self, finding: &Finding, slices: &[Slice]) -> Option<Reason> {
        let holds_one = |alert: &&Alert| {
            alert.metric == finding.metric
                && alert.direction == finding.shift.direction
                && slices.iter().any(|slice| alert.slice.overlaps(slice))
        };
        self.book.firing().find(holds_one).map(|alert| Reason::PartOf(alert.id.clone()))
    }

    /// The members that moved the same way, at least half as far.
    fn moved_members(&self, fold: &Fold, at: usize, finding: &Finding, step: Step) -> Vec<Slice> {
        let Pool { metric, members, .. } = &self.pools[at];
        let cells = fold.cells(*metric);
        let asked = finding.shift.relative() / 2.0;
        let has_moved = |member: &&SliceIndex| {
            let watch = &self.watches[*metric][member.0].watch;
            let cell_of = |step| cells.step_cell(**member, step);
            let own = watch.shift_since(finding.shift.statistic, finding.shift.onset.step(), step, cell_of);
            own.is_some_and(|own| match finding.shift.direction {
                Direction::Up => own.relative() >= asked,
                Direction::Down => own.relative() <= asked,
            })
        };
        members.iter().filter(has_moved).map(|member| cells.slice(*member).clone()).collect()
    }

    /// Which slices are thin changes little from day to day; a pool that has become another one begins anew.
    fn form_pools(&mut self, plan: &Plan, fold: &Fold) {
        for metric in 0..plan.metrics.len() {
            let definition = &plan.metrics[metric].metric;
            if !matches!(definition.kind, MetricKind::Latency { .. } | MetricKind::Ratio { .. }) {
                // A mean of gauges is none of them, and requests that many small slices lack have gone to a large one.
                continue;
            }
            for (set, names) in definition.watch.iter().enumerate().filter(|(_, names)| !names.is_empty()) {
                let is_of_set =
                    |slice: &Slice| slice.len() == names.len() && names.iter().all(|name| slice.get(name).is_some());
                let siblings = fold.cells(metric).slices().filter(|(_, slice)| is_of_set(slice));
                let requests: Vec<(SliceIndex, u64)> =
                    siblings.filter_map(|(index, _)| Some((index, self.requests(metric, index)?))).collect();
                let thin = thin(&requests);
                let known = self.pools.iter().position(|pool| (pool.metric, pool.set) == (metric, set));
                let strangers = known.map(|at| strangers(&self.pools[at].members, &thin, &requests));
                match (known, Watch::new(definition)) {
                    (Some(_), _) if strangers.is_some_and(|part| part <= STRANGERS_MAX) => {}
                    (Some(at), _) if !self.pools[at].watch.is_quiet() => {}
                    (None, _) if thin.is_empty() => {}
                    (Some(at), _) if thin.is_empty() => drop(self.pools.remove(at)),
                    (known, Some(mut watch)) => {
                        watch.set_mutant(self.mutant);
                        let pool = Pool { metric, set, members: thin, watch, told: None };
                        match known {
                            Some(at) => self.pools[at] = pool,
                            None => self.pools.push(pool),
                        }
                    }
                    (_, None) => {}
                }
            }
        }
    }

    fn requests(&self, metric: usize, index: SliceIndex) -> Option<u64> {
        let series = self.watches[metric].get(index.0)?.series.first()?;
        Some(self.series.requests(*series))
    }
}

/// The slices with at most a tenth of the requests, if they are enough for a pool.
fn thin(requests: &[(SliceIndex, u64)]) -> Vec<SliceIndex> {
    let all: u64 = requests.iter().map(|(_, requests)| requests).sum();
    let is_thin = |of: u64| of > 0 && of as f64 <= THIN_PART * all as f64;
    let members: Vec<SliceIndex> =
        requests.iter().filter(|(_, of)| is_thin(*of)).map(|(index, _)| *index).take(MEMBERS_MAX).collect();
    if members.len() >= MEMBERS_MIN { members } else { Vec::new() }
}

/// The part of the requests of two pools that only one of them has.
fn strangers(one: &[SliceIndex], other: &[SliceIndex], requests: &[(SliceIndex, u64)]) -> f64 {
    let (mut apart, mut all) = (0, 0);
    for (index, of) in requests {
        let (in_one, in_other) = (one.contains(index), other.contains(index));
        all += if in_one || in_other { *of } else { 0 };
        apart += if in_one == in_other { 0 } else { *of };
    }
    if all > 0 { apart as f64 / all as f64 } else { 1.0 }
}

fn pooled(fold: &Fold, metric: usize, members: &[SliceIndex], step: Step) -> Cell {
    let cells = fold.cells(metric);
    // A pool has members.
    sum(members.iter().map(|member| cells.step_cell(*member, step))).unwrap_or(Cell::Count(0))
}

fn sum(cells: impl Iterator<Item = Cell>) -> Option<Cell> {
    cells.reduce(|mut all, cell| {
        all.merge(&cell);
        all
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_small_ones_are_pooled_and_stay_together() {
        let slices = |requests: &[u64]| -> Vec<(SliceIndex, u64)> {
            requests.iter().enumerate().map(|(at, of)| (SliceIndex(at), *of)).collect()
        };
        let requests = slices(&[500, 60, 50, 40, 30, 0]);
        let members = thin(&requests);
        assert_eq!(members, [1, 2, 3, 4].map(SliceIndex));
        assert_eq!(thin(&slices(&[500, 60, 50, 40])), [], "three have little to borrow");
        assert_eq!(strangers(&members, &members, &requests), 0.0);
        let part = strangers(&members, &[1, 2, 3].map(SliceIndex), &requests);
        assert!((part - 30.0 / 180.0).abs() < 1e-9, "{part}");
        assert_eq!(strangers(&members, &[], &[]), 1.0);
    }
}
