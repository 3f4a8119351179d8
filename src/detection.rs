//! From closed steps to alerts: watches observe, findings are explained and filtered, the book keeps the alerts.

mod asked;
mod budget;
mod calendar;
mod composites;
mod crept;
pub(crate) mod joint;
mod parts;
mod past;
mod pools;
mod review;
mod traffic;

use hark_alerting::{Book, Comparison, Dropped, Ended, Funnel, Moved, Opening, Reason, Stage, filter};
use hark_detectors::list::STEADY;
use hark_detectors::{Candidate, Doubt, Mutant, Transition, Watch};
use hark_explain::Answer;
use hark_ingest::{Closed, ClosedCell, Fold, SliceIndex};
use hark_model::{
    Alert, AlertId, Change, ChangeId, Direction, Explanation, Finding, ModelOrder, Point, Slice, Statistic, Step,
    Timestamp,
};
use hark_query::Plan;
use serde::{Deserialize, Serialize};

use self::asked::AskedOf;
pub use self::budget::{Budget, log_threshold};
pub(crate) use self::composites::CompositeSeries;
use self::joint::Joint;
use self::pools::Pool;
use self::traffic::Traffic;
use crate::explainer::{self, Asked};
use crate::incidents;
use crate::models::{self, KeptModel, Known, Models};
use crate::moved::moved_to;
use crate::rest_days::{holidays, rests};
use crate::selftest::{SelfTest, World};
use crate::series::{SeriesId, SeriesKey, SeriesStore};

/// Changes are kept as long as charts look back.
const CHANGES_KEPT_MINUTES: i64 = 35 * 24 * 60;
/// So many findings are searched in a step, the strongest; the rest wait for the next, so that none takes long. What
/// joins an open alert needs no search.
const SEARCHES_PER_STEP_MAX: usize = 8;

#[derive(Debug, Serialize, Deserialize)]
pub struct Detection {
    /// `watches[metric][slice]`.
    pub(crate) watches: Vec<Vec<Watched>>,
    pub(crate) pools: Vec<Pool>,
    pub(crate) composites: Vec<CompositeSeries>,
    pub(crate) series: SeriesStore,
    pub(crate) book: Book,
    changes: Vec<(ChangeId, Change)>,
    budget: Budget,
    /// Alerts that changed in the step at hand.
    changed: Vec<AlertId>,
    /// Alerts that changed since they were last taken.
    pub(crate) outbox: Vec<Alert>,
    pub(crate) self_test: SelfTest,
    /// Whether the last steps were of the past, and only learned from.
    has_only_learned: bool,
    remembered: parts::Remembered,
    pub(crate) joint: Joint,
    pub(crate) models: Models,
    /// Versions of models that came to stand elsewhere since they were last taken; `None` where nobody keeps them.
    #[serde(skip)]
    moved_models: Option<Vec<KeptModel>>,
    /// How every watch is broken on purpose, if at all; no part of the state.
    #[serde(skip)]
    mutant: Option<Mutant>,
    /// Series that are watched elsewhere, by the owner whose budget they share; no part of the state either.
    #[serde(skip)]
    other_series: Vec<(Option<String>, usize)>,
    /// What is asked of each metric's series in the step at hand.
    #[serde(skip)]
    asked: Vec<AskedOf>,
    /// The traffic of incidents in the step at hand; no part of the state.
    #[serde(skip)]
    incidents: Vec<Slice>,
}

/// A watch and where its points go, one series a statistic.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Watched {
    pub(crate) watch: Watch,
    pub(crate) series: Vec<SeriesId>,
    pub(crate) traffic: Traffic,
}

impl Detection {
    pub fn new(plan: &Plan, budget: Budget) -> Self {
        Self {
            watches: plan.metrics.iter().map(|_| Vec::new()).collect(),
            pools: Vec::new(),
            composites: Vec::new(),
            series: SeriesStore::default(),
            book: Book::default(),
            changes: Vec::new(),
            budget,
            changed: Vec::new(),
            outbox: Vec::new(),
            self_test: SelfTest::new(plan),
            has_only_learned: false,
            remembered: parts::Remembered::default(),
            joint: Joint::default(),
            models: Models::new(plan),
            moved_models: None,
            mutant: None,
            other_series: Vec::new(),
            asked: Vec::new(),
            incidents: Vec::new(),
        }
    }

    /// Series that share the budgets and are watched elsewhere, by the owner of their metric.
    pub fn set_other_series(&mut self, series: Vec<(Option<String>, usize)>) {
        self.other_series = series;
    }

    pub fn self_test(&self) -> &SelfTest {
        &self.self_test
    }

    pub fn set_self_test(&mut self, is_on: bool) {
        self.self_test.set_on(is_on);
    }

    /// Breaks every watch there is and will be: a drill for the self-test.
    pub fn set_mutant(&mut self, mutant: Option<Mutant>) {
        self.mutant = mutant;
        self.watches.iter_mut().flatten().for_each(|watched| watched.watch.set_mutant(mutant));
        self.pools.iter_mut().for_each(|pool| pool.set_mutant(mutant));
        self.self_test.set_mutant(mutant);
    }

    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// The budget is configuration, not state: what is configured now holds from now on.
    pub fn set_budget(&mut self, budget: Budget) {
        self.budget = budget;
    }

    pub fn series(&self) -> &SeriesStore {
        &self.series
    }

    pub fn funnel(&self) -> &Funnel {
        &self.book.funnel
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

    /// Whether versions of models are kept until somebody takes them.
    pub fn keep_models(&mut self, are_kept: bool) {
        self.moved_models = are_kept.then(Vec::new);
    }

    /// Versions of models that came to stand elsewhere since this was last asked.
    pub fn take_models(&mut self) -> Vec<KeptModel> {
        self.moved_models.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// What somebody orders of a metric's models.
    pub fn order_model(
        &mut self,
        plan: &Plan,
        (metric, detector): (usize, &str),
        order: (ModelOrder, &str),
        now: Step,
    ) -> Result<(), String> {
        self.models.obey(metric, detector, order, now)?;
        self.hand_out_models(plan);
        Ok(())
    }

    /// Looks at one closed step: every series is judged, findings become alerts, alerts are reviewed and end.
    pub fn step(&mut self, plan: &Plan, closed: Closed<'_>) {
        let Closed { step, cells, corrected, fold, .. } = closed;
        self.correct(plan, fold, &corrected);
        let now = step.end();
        self.forget_changes(now);
        let holidays = holidays(&self.changes, step.start());
        self.incidents = incidents::between(&self.changes, step.start(), step.end());
        self.wake(plan, fold);
        self.ask(plan);
        let (mut opened, mut over) = (Vec::new(), Vec::new());
        let alerts_before = self.book.funnel.opened();
        for closed in &cells {
            let slice = fold.cells(closed.metric).slice(closed.slice);
            let Some((transition, candidate)) = self.observe(plan, fold, closed, step, &holidays) else { continue };
            self.follow(plan, closed.metric, slice, step, candidate);
            match transition {
                Some(Transition::Opened(shift)) => opened.push((closed.metric, closed.slice, *shift)),
                Some(Transition::Recovered) => {
                    let metric = &plan.metrics[closed.metric].metric.name;
                    over.extend(self.book.recover(metric, slice, now).map(|ended| (closed.metric, ended)));
                }
                None => {}
            }
        }
        self.end(fold, over, step);
        self.joint.close();
        self.push_composites(plan, step);
        // The strongest finding opens the alert that the others join.
        opened.sort_by(|a, b| b.2.e_value.total_cmp(&a.2.e_value).then_with(|| (a.0, a.1).cmp(&(b.0, b.1))));
        let mut moved: Vec<_> = opened.iter().map(|(metric, slice, _)| (*metric, *slice)).collect();
        let is_set_aside =
            |closed: &&ClosedCell| incidents::touch(&self.incidents, fold.cells(closed.metric).slice(closed.slice));
        moved.extend(cells.iter().filter(is_set_aside).map(|closed| (closed.metric, closed.slice)));
        let mut searches = 0;
        for (metric, index, shift) in opened {
            let slice = fold.cells(metric).slice(index).clone();
            let finding = Finding { metric: plan.metrics[metric].metric.name.clone(), slice, at: step.end(), shift };
            if self.needs_no_search(plan, fold, metric, index, &finding, step) {
                continue;
            }
            searches += 1;
            if searches > SEARCHES_PER_STEP_MAX {
                self.watches[metric][index.0].watch.postpone();
            } else {
                self.take_finding(plan, fold, metric, index, &finding, step);
            }
        }
        self.watch_pools(plan, fold, step, &cells);
        self.review(plan, fold, step);
        self.post(plan, step);
        self.train_models(plan, fold, step);
        self.test_itself(plan, fold, step, &cells, &moved, alerts_before);
    }

    /// Alerts of these metrics are over, and with them what their other series had to say.
    fn end(&mut self, fold: &Fold, over: Vec<(usize, Ended)>, step: Step) {
        for (metric, Ended { id, left }) in over {
            self.changed.push(id);
            let slices = fold.cells(metric).slices();
            for (index, _) in slices.filter(|(_, slice)| left.contains(slice)) {
                self.watches[metric][index.0].watch.end(step);
            }
        }
    }

    fn train_models(&mut self, plan: &Plan, fold: &Fold, step: Step) {
        let of_hour = |[from, to]: [Timestamp; 2]| incidents::between(&self.changes, from, to);
        let incidents: Vec<Slice> = models::learned_at(step).into_iter().flat_map(of_hour).collect();
        for (metric, watched) in self.watches.iter().enumerate() {
            let total = total_of(fold, metric);
            let slices = fold.cells(metric);
            let is_set_aside = |slice: usize| incidents::touch(&incidents, slices.slice(SliceIndex(slice)));
            self.models.learn(plan, metric, Known { watched, total, series: &self.series }, step, is_set_aside);
        }
        self.hand_out_models(plan);
    }

    fn hand_out_models(&mut self, plan: &Plan) {
        match &mut self.moved_models {
            Some(moved) => moved.extend(self.models.take_moved(plan)),
            None => self.models.forget_moved(),
        }
    }

    /// What the self-test sees of a step; it changes nothing but itself.
    fn test_itself(
        &mut self,
        plan: &Plan,
        fold: &Fold,
        step: Step,
        cells: &[ClosedCell],
        opened: &[(usize, SliceIndex)],
        alerts_before: u64,
    ) {
        let log_thresholds: Vec<f64> = self.asked.iter().map(|asked| asked.log_threshold).collect();
        let Self { self_test, watches, changes, book, .. } = self;
        let watch_of = |(metric, slice): (usize, SliceIndex)| {
            let watches: &Vec<Watched> = &watches[metric];
            watches.get(slice.0).map(|watched| &watched.watch)
        };
        let is_rest_day = |at: Step, slice: &Slice| rests(&holidays(changes, at.start()), slice, at);
        self_test.step(&World {
            plan,
            fold,
            step,
            cells,
            log_thresholds: &log_thresholds,
            opened,
            alerts: book.funnel.opened() - alerts_before,
            watch_of: &watch_of,
            is_rest_day: &is_rest_day,
        });
    }

    fn forget_changes(&mut self, now: Timestamp) {
        self.changes.retain(|(_, change)| now.minutes_since(change.time) < CHANGES_KEPT_MINUTES);
    }

    /// Shows a series its newest cell. `None` for a metric that no watch is for.
    fn observe(
        &mut self,
        plan: &Plan,
        fold: &Fold,
        closed: &ClosedCell,
        step: Step,
        holidays: &[Slice],
    ) -> Option<(Option<Transition>, Option<Candidate>)> {
        let ClosedCell { metric, slice: index, ref cell } = *closed;
        let slice = fold.cells(metric).slice(index);
        let AskedOf { group, log_threshold } = self.asked[metric];
        let asked = log_threshold - self.joint.log_count(group);
        let is_rest_day = rests(holidays, slice, step);
        if index.0 == self.watches[metric].len() {
            self.begin(plan, metric, slice)?;
        }
        let cell_of = |step| fold.cells(metric).step_cell(index, step);
        let watched = &mut self.watches[metric][index.0];
        watched.traffic.add(step, cell.count());
        let observed = if incidents::touch(&self.incidents, slice) {
            watched.watch.set_aside(step, cell, is_rest_day)
        } else {
            watched.watch.observe(step, cell, is_rest_day, asked, cell_of)
        };
        for (id, (_, point)) in watched.series.iter().zip(observed.points) {
            self.series.push(*id, point);
        }
        if self.budget.joint {
            self.joint.add(group, observed.log_evidence, log_threshold);
        }
        Some((observed.transition, observed.candidate))
    }

    /// The funnel counts what there was evidence for.
    fn follow(&mut self, plan: &Plan, metric: usize, slice: &Slice, step: Step, candidate: Option<Candidate>) {
        match candidate {
            Some(Candidate::Began) => self.book.funnel.begin(),
            Some(Candidate::Ended(doubt)) => {
                let definition = &plan.metrics[metric].metric;
                let (stage, reason) = doubted(doubt, definition.alert.min_effect);
                let (at, metric) = (step.end(), definition.name.clone());
                self.book.funnel.drop(Dropped { at, metric, slice: slice.clone(), stage, reason, moved: None });
            }
            None => {}
        }
    }

    /// A slice that was not there before: a watch and its series, and those of the composites that have it.
    fn begin(&mut self, plan: &Plan, metric: usize, slice: &Slice) -> Option<()> {
        let definition = &plan.metrics[metric].metric;
        let key = |name: &str, statistic| SeriesKey { metric: name.to_owned(), statistic, slice: slice.clone() };
        let own = |&statistic| self.series.id(key(&definition.name, statistic));
        let series = definition.statistics.iter().map(own).collect();
        let mut watch = Watch::new(definition)?;
        watch.set_mutant(self.mutant);
        self.watches[metric].push(Watched { watch, series, traffic: Traffic::default() });
        for (composite, (metric, formula)) in plan.composites.iter().enumerate() {
            let is_watched = metric.watches(slice);
            let is_drawn = |id| self.composites.iter().any(|known| known.composite == composite && known.series == id);
            let is_known = self.series.find(&key(&metric.name, Statistic::Score)).is_some_and(is_drawn);
            let part = |(name, statistic): &(&str, Option<Statistic>)| {
                let part = plan.metrics.iter().find(|part| part.metric.name == *name)?;
                self.series.find(&key(name, statistic.unwrap_or(part.metric.headline())))
            };
            if let (true, false, Some(parts)) =
                (is_watched, is_known, formula.parts().iter().map(part).collect::<Option<Vec<_>>>())
            {
                let series = self.series.id(key(&metric.name, Statistic::Score));
                self.composites.push(CompositeSeries { composite, parts, series });
            }
        }
        Some(())
    }

    /// The steps in which requests of a finding's slice are known not to have been as usual.
    fn unusual(&self, finding: &Finding) -> Vec<[Step; 2]> {
        let spans = self.book.unusual(&finding.metric, &finding.slice, finding.at);
        let incidents = incidents::of(self.changes_until(finding.at), &finding.slice);
        spans.into_iter().chain(incidents).map(|span| span.map(Timestamp::step)).collect()
    }

    /// A change that was announced for later is none yet; so a replay, which meets it in its time, says the same.
    fn changes_until(&self, now: Timestamp) -> &[(ChangeId, Change)] {
        &self.changes[..self.changes.partition_point(|(_, change)| change.time <= now)]
    }

    /// What lies within an open alert's slice joins it, and requests that are elsewhere are not lost.
    fn needs_no_search(
        &mut self,
        plan: &Plan,
        fold: &Fold,
        metric: usize,
        index: SliceIndex,
        finding: &Finding,
        step: Step,
    ) -> bool {
        if let Some(alert) = self.book.join_within(finding) {
            self.changed.push(alert.id.clone());
            return true;
        }
        if let Some(alert) = self.book.without_data(finding) {
            let reason = Reason::PartOf(alert.id.clone());
            self.dismiss(fold, metric, index, finding, (Stage::New, reason), step);
            return true;
        }
        let detectors = &finding.shift.detectors;
        if detectors.iter().any(|word| word.name == STEADY.name) {
            self.tell(plan, fold, metric, index, finding, Explanation::default(), step);
            return true;
        }
        if crept::has_crept(detectors) {
            self.take_creep(plan, fold, metric, index, finding, step);
            return true;
        }
        let Some(to) = self.moved_to(plan, fold, metric, index, finding, step) else { return false };
        self.dismiss(fold, metric, index, finding, (Stage::Rate, Reason::Moved { to }), step);
        true
    }

    fn take_finding(
        &mut self,
        plan: &Plan,
        fold: &Fold,
        metric: usize,
        index: SliceIndex,
        finding: &Finding,
        step: Step,
    ) {
        let metric_plan = &plan.metrics[metric];
        let Finding { slice, shift, .. } = finding;
        let unusual = self.unusual(finding);
        let changes = self.changes_until(step.end());
        let elsewhere = self.book.slices(&finding.metric);
        let asked = Asked { elsewhere: &elsewhere, ..Asked::of(slice, shift) };
        let answer = explainer::explain(fold, metric, metric_plan, &asked, step, changes, &unusual);
        let (comparison, Answer { explanation, .. }) = (compared(&answer), answer);
        let min_effect = metric_plan.metric.alert.min_effect;
        if let Some(doubt) = filter(finding, &explanation.causes, comparison, min_effect, changes) {
            self.dismiss(fold, metric, index, finding, doubt, step);
            return;
        }
        let scope = explanation.causes.first().map_or(slice, |cause| &cause.slice);
        if let Some(reason) = self.as_the_calendar_has_it(metric, index, finding, scope, min_effect, step) {
            self.dismiss(fold, metric, index, finding, (Stage::Workday, reason), step);
            return;
        }
        self.tell(plan, fold, metric, index, finding, explanation, step);
    }

    /// A finding becomes an alert, or part of one.
    #[expect(clippy::too_many_arguments, reason = "a finding, its series and what is known of it")]
    fn tell(
        &mut self,
        plan: &Plan,
        fold: &Fold,
        metric: usize,
        index: SliceIndex,
        finding: &Finding,
        explanation: Explanation,
        step: Step,
    ) {
        let metric_plan = &plan.metrics[metric];
        let shift = &finding.shift;
        let known = Known { watched: &self.watches[metric], total: total_of(fold, metric), series: &self.series };
        let series = (&finding.slice, self.watches[metric][index.0].series.as_slice());
        let mut finding = finding.clone();
        finding.shift.detectors.extend(self.models.testify(plan, metric, series, known, step));
        let finding = &finding;
        let budget = self.budget.told(self.budget.team(metric_plan.metric.owner.as_deref()));
        let users = fold.cells(metric).users(index, shift.onset.step(), step.next());
        let Self { watches, book, .. } = self;
        let watch = &watches[metric][index.0].watch;
        let is_fresh = &|alert: &Alert| watch.began_after(alert.onset.step(), shift);
        let opening = Opening { finding, metric: &metric_plan.metric, users, explanation, budget: &budget, is_fresh };
        let id = book.take(opening).id.clone();
        self.measure(fold, metric, &metric_plan.metric, &id, step);
        self.tell_parts(plan, fold, metric, &id, step);
        self.changed.push(id);
    }

    /// A finding that nobody is told of.
    fn dismiss(
        &mut self,
        fold: &Fold,
        metric: usize,
        index: SliceIndex,
        finding: &Finding,
        (stage, reason): (Stage, Reason),
        step: Step,
    ) {
        let Finding { at, metric: name, slice, .. } = finding.clone();
        let dropped = Dropped { at, metric: name, slice, stage, reason, moved: Some(Moved::of(&finding.shift)) };
        match stage {
            // As far as can be said nothing was unusual.
            Stage::Like | Stage::New => self.book.funnel.drop(dropped),
            _ => self.book.dismiss(dropped, finding.shift.onset_interval[0]),
        }
        let watch = &mut self.watches[metric][index.0].watch;
        match stage {
            Stage::Like | Stage::New => watch.doubt(),
            _ => watch.dismiss(step, |step| fold.cells(metric).step_cell(index, step)),
        }
    }

    /// Where the requests went that a finding lacks, if they went to another slice of the same dimensions.
    fn moved_to(
        &self,
        plan: &Plan,
        fold: &Fold,
        metric: usize,
        index: SliceIndex,
        finding: &Finding,
        step: Step,
    ) -> Option<Slice> {
        let is_loss = finding.shift.statistic == Statistic::Count && finding.shift.direction == Direction::Down;
        let at = plan.metrics[metric].metric.statistics.iter().position(|&one| one == Statistic::Count)?;
        if !is_loss || finding.slice.is_empty() {
            return None;
        }
        let points = |index: SliceIndex| -> Option<Vec<Point>> {
            let series = self.watches[metric].get(index.0)?.series.get(at)?;
            Some(self.series.range(*series, finding.shift.onset.step(), step.next()))
        };
        let is_alike =
            |slice: &Slice| slice.iter().map(|(name, _)| name).eq(finding.slice.iter().map(|(name, _)| name));
        let others = fold.cells(metric).slices().filter(|(other, slice)| *other != index && is_alike(slice));
        moved_to(&points(index)?, others.filter_map(|(other, slice)| Some((slice.clone(), points(other)?))))
    }

    fn correct(&mut self, plan: &Plan, fold: &Fold, corrected: &[(usize, SliceIndex, Step)]) {
        for &(metric, index, step) in corrected {
            let Some(watched) = self.watches[metric].get(index.0) else { continue };
            let cell = fold.cells(metric).step_cell(index, step);
            for (&statistic, id) in plan.metrics[metric].metric.statistics.iter().zip(&watched.series) {
                self.series.correct(*id, step, hark_detectors::series_value(statistic, &cell), cell.count());
            }
        }
    }
}

/// Where the series of all traffic of a metric is, if it is watched.
fn total_of(fold: &Fold, metric: usize) -> Option<usize> {
    fold.cells(metric).slices().find(|(_, slice)| slice.is_empty()).map(|(index, _)| index.0)
}

/// What like against like says of what was explained.
fn compared(answer: &Answer) -> Option<Comparison> {
    let why = answer.explanation.why.as_ref();
    answer.split.map(|split| Comparison {
        mix_part: split.mix_part(),
        mix_of_statistic: why.and_then(|why| Some(why.mix_share.as_ref()?.share)),
        rate_part: split.rate_part(),
        deviations: split.deviations,
    })
}

/// Where the detector itself drops a candidate.
fn doubted(doubt: Doubt, asked: f64) -> (Stage, Reason) {
    match doubt {
        Doubt::Short => (Stage::Lasts, Reason::Gone),
        Doubt::Better => (Stage::Worse, Reason::Better),
        Doubt::Echo => (Stage::Season, Reason::Echo),
        Doubt::Small { relative } => (Stage::Large, Reason::Small { relative, asked }),
    }
}
