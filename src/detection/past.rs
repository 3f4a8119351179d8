//! Steps of the past, as they are imported: every series learns from them, and nobody is told what was wrong then.
//!
//! Watches observe as ever, so that they know season, level and noise, and leave out of it what was a regression. What is
//! left out of a step is the search for causes, the alert and the self-test. A regression that is still going on when the
//! past ends is told with the first steps that are judged.

use hark_detectors::Transition;
use hark_ingest::{Closed, ClosedCell, Fold};
use hark_model::Step;
use hark_query::Plan;

use super::{Detection, holidays};
use crate::incidents;

/// A regression of the past that lasted a day is how things are: nobody has looked whether it was one, and a series that
/// did not learn from it would know nothing of the time since.
pub(super) const NEW_NORMAL_STEPS: i64 = 24 * 60 / hark_model::STEP_MINUTES;

impl Detection {
    /// Looks at one closed step of the past.
    pub fn learn(&mut self, plan: &Plan, closed: Closed<'_>) {
        let Closed { step, cells, corrected, fold, .. } = closed;
        self.correct(plan, fold, &corrected);
        self.forget_changes(step.end());
        self.ask(plan);
        let holidays = holidays(&self.changes, step.start());
        self.incidents = incidents::between(&self.changes, step.start(), step.end());
        let mut over = Vec::new();
        for closed in &cells {
            let Some((transition, _)) = self.observe(plan, fold, closed, step, &holidays) else { continue };
            match transition {
                // An alert from before the import, perhaps.
                Some(Transition::Recovered) => {
                    let metric = &plan.metrics[closed.metric].metric.name;
                    let slice = fold.cells(closed.metric).slice(closed.slice);
                    let ended = self.book.recover(metric, slice, step.end());
                    over.extend(ended.map(|ended| (closed.metric, ended)));
                }
                Some(Transition::Opened(_)) | None => self.accept_if_old(plan, fold, closed, step),
            }
        }
        self.end(fold, over, step);
        self.joint.close();
        self.push_composites(plan, step);
        self.learn_pools(plan, fold, step, &cells);
        self.post(plan, step);
        self.has_only_learned = true;
    }

    fn accept_if_old(&mut self, plan: &Plan, fold: &Fold, closed: &ClosedCell, step: Step) {
        let Some(watched) = self.watches[closed.metric].get_mut(closed.slice.0) else { return };
        if watched.watch.open_since().is_none_or(|onset| step.0 - onset.0 < NEW_NORMAL_STEPS) {
            return;
        }
        let cells = fold.cells(closed.metric);
        if !self.book.is_open(&plan.metrics[closed.metric].metric.name, cells.slice(closed.slice)) {
            watched.watch.dismiss(step, |step| cells.step_cell(closed.slice, step));
        }
    }

    /// Before the first step that is judged again: what is open and nobody was told of opens once more, if its evidence
    /// stands.
    pub(super) fn wake(&mut self, plan: &Plan, fold: &Fold) {
        if !std::mem::take(&mut self.has_only_learned) {
            return;
        }
        for (metric, watches) in self.watches.iter_mut().enumerate() {
            let name = &plan.metrics[metric].metric.name;
            for ((_, slice), watched) in fold.cells(metric).slices().zip(watches) {
                if watched.watch.is_quiet() || self.book.is_open(name, slice) {
                    continue;
                }
                self.book.funnel.begin();
                watched.watch.postpone();
            }
        }
        self.wake_pools();
    }
}
