//! One metric in one slice: its statistics watched together, from quiet to regression to recovery.

mod aside;
mod creeping;
mod spans;

use hark_model::{
    Attribution, Better, Cell, DetectorEvidence, Direction, FindingKind, Metric, Point, STEP_MINUTES, Shift, Statistic,
    Step,
};
use serde::{Deserialize, Serialize};

use self::spans::{interval, longest_silence, mean_value, merge};
use crate::creep::Creep;
use crate::evidence::{Evidence, log_mean};
use crate::gathered::Gathered;
use crate::habit::Habit;
use crate::list::{SEASONAL_CHANGE, STEADY};
use crate::mutant::Mutant;
use crate::normal;
use crate::steady::{Steadiness, Steady};
use crate::terms;
use crate::track::{Onset, Track};

/// Evidence that a regression is over must reach this: odds of a thousand to one.
const LOG_RECOVERED: f64 = 6.9;
/// A move too small to tell anybody becomes the new normal after a day.
const SMALL_MOVE_STEPS: u32 = 288;
/// An improvement must have lasted six hours to become the new normal, and be twenty times as sure as a regression: one that is
/// chance sets a level that all after it is worse than, and nobody waits for it.
const IMPROVEMENT_STEPS_MIN: i64 = 72;
const IMPROVEMENT_MORE: f64 = 3.0;
/// What an ordinary week would have had is asked of all steps since the onset, and of these newest alone: three hours.
const ECHO_STEPS: i64 = 36;
/// "Nothing comes in" is said when fewer than one in twenty requests can still be coming (the rule of three: 60 were missed).
const MISSED_MIN: f64 = 60.0;
/// The effect is measured on the last day of a longer regression: cells are kept no longer.
const EFFECT_STEPS_MAX: i64 = 288;

/// Steadiness and creep get a 32nd of the budget each, evidence that grows gets the rest.
const SIDE_SHARE: f64 = 1.0 / 32.0;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Watch {
    tracks: Vec<Track>,
    gathered: Gathered,
    steady: Steady,
    bad: Direction,
    min_effect: f32,
    state: State,
    /// The first step that a regression may have begun in: the last one was over by then.
    recovered: Step,
    habit: Habit,
    /// Broken on purpose; no part of what was learned.
    #[serde(skip)]
    mutant: Option<Mutant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum State {
    Quiet,
    /// Enough evidence for so many steps; the first step alone may be a blip.
    Suspicious {
        steps: u32,
        doubt: Doubt,
    },
    /// A regression is open, strongest in the statistic of `track`.
    Open {
        track: usize,
        onset: Step,
        earliest: Step,
        latest: Step,
    },
}

/// What a step brought.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// One a statistic, in the metric's order.
    pub points: Vec<(Statistic, Point)>,
    pub transition: Option<Transition>,
    pub candidate: Option<Candidate>,
    /// Logarithm of the evidence for a regression that is not open yet.
    pub log_evidence: f64,
}

/// A regression that there is evidence for, before it is one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Candidate {
    Began,
    /// It came to nothing.
    Ended(Doubt),
}

/// What speaks against a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Doubt {
    /// The evidence has not lasted yet.
    Short,
    /// What the evidence is for is no move to the worse.
    Better,
    /// The move is smaller than the metric asks for.
    Small { relative: f64 },
    /// As few came in ordinary weeks before; it is the expectation that an unusual week has raised.
    Echo,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Transition {
    Opened(Box<Shift>),
    Recovered,
}

impl Watch {
    /// `None` for metrics that have no cells of their own.
    pub fn new(metric: &Metric) -> Option<Self> {
        Cell::empty(&metric.kind)?;
        let bad = match metric.better {
            Better::Lower => Direction::Up,
            Better::Higher => Direction::Down,
        };
        Some(Self {
            tracks: metric.statistics.iter().map(|&statistic| Track::new(statistic, metric.alert.min_effect)).collect(),
            gathered: Gathered::default(),
            steady: Steady::default(),
            bad,
            min_effect: metric.alert.min_effect as f32,
            state: State::Quiet,
            recovered: Step(i64::MIN),
            habit: Habit::default(),
            mutant: None,
        })
    }

    /// Breaks it, for a drill.
    pub fn set_mutant(&mut self, mutant: Option<Mutant>) {
        self.mutant = mutant;
    }

    /// In the metric's order.
    pub fn statistics(&self) -> impl Iterator<Item = Statistic> + '_ {
        self.tracks.iter().map(|track| track.statistic)
    }

    /// Neither a regression nor a suspicion of one.
    pub fn is_quiet(&self) -> bool {
        self.state == State::Quiet && !self.steady.is_told()
    }

    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    /// The first step of the open regression.
    pub fn open_since(&self) -> Option<Step> {
        if let State::Open { onset, .. } = self.state { Some(onset) } else { None }
    }

    /// Whether it has learned enough to judge, and is not just setting a new level.
    pub fn is_settled(&self, step: Step, is_rest_day: bool) -> bool {
        self.tracks.iter().all(|track| !track.is_settling() && track.expected(step, is_rest_day).is_some())
    }

    /// What the first statistic should be.
    pub fn expected(&self, step: Step, is_rest_day: bool) -> Option<f64> {
        self.tracks.first()?.expected(step, is_rest_day)
    }

    /// The same knowledge without a suspicion, an alarm or any evidence.
    #[must_use]
    pub fn rested(&self) -> Self {
        let mut rested = self.clone();
        rested.state = State::Quiet;
        rested.steady = Steady::default();
        rested.tracks.iter_mut().for_each(Track::rest);
        rested
    }

    /// A step as this watch expects it, drawn by chance that follows from `keys`; `like` is a real one to take the
    /// traffic and the spread from. `None` where it expects nothing, and for gauges.
    pub fn normal_cell(&self, step: Step, is_rest_day: bool, like: &Cell, keys: &[u64]) -> Option<Cell> {
        normal::cell(&self.tracks, step, is_rest_day, like, keys)
    }

    /// Takes one closed step. `log_threshold` is the logarithm of the evidence that the false-alarm budget asks for;
    /// `cell_of` gives the cells of earlier steps, to measure an effect on.
    pub fn observe(
        &mut self,
        step: Step,
        cell: &Cell,
        is_rest_day: bool,
        log_threshold: f64,
        cell_of: impl Fn(Step) -> Cell,
    ) -> Observed {
        let frozen = self.is(Mutant::StateFrozen).then(|| self.clone());
        let log_threshold = if self.is(Mutant::ThresholdIgnored) { f64::NEG_INFINITY } else { log_threshold };
        let judge = |track: &mut Track| (track.statistic, track.judge(step, cell, is_rest_day));
        let points: Vec<(Statistic, Point)> = self.tracks.iter_mut().map(judge).collect();
        let before = self.state;
        let log_of_side = log_threshold - SIDE_SHARE.ln();
        let log_threshold = log_threshold - (1.0 - 2.0 * SIDE_SHARE).ln();
        let steadiness = self.steady.observe(cell, log_of_side);
        let mut transition = match (steadiness, self.state) {
            (Steadiness::Began { kind, steps, log_evidence }, _) => {
                self.stand_still(step, kind, steps, log_evidence, &cell_of)
            }
            (Steadiness::Suspect, State::Open { .. }) => None,
            (Steadiness::Suspect | Steadiness::Lasts, _) => self.calm(None),
            (Steadiness::Ended, _) => self.calm(Some(Transition::Recovered)),
            (Steadiness::Usual, State::Open { .. }) => self.check_recovery(step),
            (Steadiness::Usual, _) => self.check_opening(step, log_threshold, &cell_of),
        };
        if matches!(self.state, State::Open { .. }) || self.steady.is_told() {
            self.gathered.skip();
        } else if !self.is(Mutant::StaleReference) {
            let creeps = self.learn(step, cell, &points, is_rest_day);
            transition = transition.or_else(|| self.open_creep(&creeps, step, log_of_side, &cell_of));
        }
        let candidate = match steadiness {
            // It may have been one already, for getting worse.
            Steadiness::Began { .. } if self.is(Mutant::NeverFires) => None,
            Steadiness::Began { .. } => (!matches!(before, State::Suspicious { .. })).then_some(Candidate::Began),
            _ => candidate(before, self.state),
        };
        if let Some(frozen) = frozen {
            *self = frozen;
        }
        let log_evidence = if self.is_open() { f64::NEG_INFINITY } else { self.log_evidence() };
        Observed { points, transition, candidate, log_evidence }
    }

    /// The series has stopped to measure anything: what it says from then on is no evidence and nothing to learn from.
    fn stand_still(
        &mut self,
        step: Step,
        kind: FindingKind,
        steps: u32,
        log_evidence: f64,
        cell_of: &impl Fn(Step) -> Cell,
    ) -> Option<Transition> {
        self.calm(None);
        if self.is(Mutant::NeverFires) {
            return None;
        }
        let onset = Step(step.0 + 1 - i64::from(steps)).max(Step(step.0 - EFFECT_STEPS_MAX + 1));
        let track = self.tracks.first()?;
        let merged = merge(onset, step, cell_of)?;
        let seen = mean_value(track.statistic, &merged, onset, step);
        let before = track.expected_over(onset, step).or_else(|| track.expected(step, false)).or(seen)?;
        let after = seen.unwrap_or(before);
        let statistic = track.statistic;
        self.tracks.iter_mut().for_each(|track| track.forget_since(onset.start()));
        let repetitions =
            Attribution { feature: "steps_alike".to_owned(), value: f64::from(steps), contribution: log_evidence };
        let word = DetectorEvidence {
            name: STEADY.name.to_owned(),
            score: log_evidence,
            p_value: (-log_evidence).exp().min(1.0),
            attributions: vec![repetitions],
            base: 0.0,
        };
        Some(Transition::Opened(Box::new(Shift {
            kind,
            statistic,
            direction: if after > before { Direction::Up } else { Direction::Down },
            onset: onset.start(),
            onset_interval: [onset.start(), onset.start()],
            before,
            after,
            interval: [after - before, after - before],
            requests: merged.count(),
            e_value: log_evidence.min(700.0).exp(),
            detectors: vec![word],
        })))
    }

    /// Drops a suspicion, an open regression and all evidence.
    fn calm(&mut self, transition: Option<Transition>) -> Option<Transition> {
        self.state = State::Quiet;
        self.tracks.iter_mut().for_each(|track| track.evidence = Evidence::new());
        transition
    }

    /// What each statistic says of a creep, where it was looked at.
    fn learn(
        &mut self,
        step: Step,
        cell: &Cell,
        points: &[(Statistic, Point)],
        is_rest_day: bool,
    ) -> Vec<(usize, Creep)> {
        self.tracks.iter_mut().zip(points).for_each(|(track, (_, point))| track.learn(step, point.value));
        let Some(hour) = self.gathered.add(step, cell) else { return Vec::new() };
        let tracks = self.tracks.iter_mut().enumerate();
        tracks.filter_map(|(at, track)| Some((at, track.learn_hour(&hour, is_rest_day)?))).collect()
    }

    /// The memory it takes up, in bytes: its own size and what it has on the heap.
    pub fn bytes(&self) -> usize {
        let tracks = self.tracks.capacity() * size_of::<Track>();
        let of_tracks: usize = self.tracks.iter().map(Track::heap_bytes).sum();
        size_of::<Self>() + tracks + of_tracks + self.gathered.heap_bytes() + self.habit.heap_bytes()
    }

    /// The open regression as it stands at the end of `step`.
    pub fn shift(&self, step: Step, cell_of: impl Fn(Step) -> Cell) -> Option<Shift> {
        let State::Open { track, onset, earliest, latest } = self.state else { return None };
        self.measure(track, &Onset { step: onset, earliest, latest }, step, &cell_of)
    }

    /// The last step so far in which the open regression was there. While its recovery is still being tested this is
    /// some time ago.
    pub fn bad_until(&self, step: Step) -> Step {
        let State::Open { track, onset, .. } = self.state else { return step };
        self.tracks[track].bad_until(onset, step)
    }

    /// The move of one statistic since `onset`, whether or not a regression is open in this series itself.
    pub fn shift_since(
        &self,
        statistic: Statistic,
        onset: Step,
        step: Step,
        cell_of: impl Fn(Step) -> Cell,
    ) -> Option<Shift> {
        let track = self.tracks.iter().position(|track| track.statistic == statistic)?;
        self.measure(track, &Onset { step: onset, earliest: onset, latest: onset }, step, &cell_of)
    }

    /// Whether the move that `shift` tells of was surely not there yet between `from` and its onset.
    pub fn began_after(&self, from: Step, shift: &Shift) -> bool {
        let moved = self.tracks.iter().find(|track| track.statistic == shift.statistic);
        moved.is_some_and(|track| track.began_after(from, shift.onset.step()))
    }

    /// The open regression turned out to be none: a change of who came is the new normal, a quiet holiday is forgotten.
    pub fn dismiss(&mut self, step: Step, cell_of: impl Fn(Step) -> Cell) {
        let State::Open { onset, .. } = self.state else { return };
        self.state = State::Quiet;
        self.tracks.iter_mut().for_each(|track| track.evidence = Evidence::new());
        if self.has_crept() {
            self.tracks.iter_mut().filter(|track| track.has_crept()).for_each(Track::accept);
            return;
        }
        let is_count = self.tracks.iter().any(|track| track.statistic == Statistic::Count);
        if !is_count {
            self.rebase(onset.max(Step(step.0 - EFFECT_STEPS_MAX + 1)), step, false, &cell_of);
        }
    }

    /// Nobody was told of the open regression: it opens again with the next step, if its evidence stands.
    pub fn postpone(&mut self) {
        if self.is_open() || self.steady.is_told() {
            self.steady.postpone();
            self.state = State::Suspicious { steps: 1, doubt: Doubt::Short };
        }
    }

    /// What speaks against the open regression is not enough to call it none: it has to be shown again, from nothing.
    pub fn doubt(&mut self) {
        if self.is_open() {
            self.state = State::Quiet;
            self.tracks.iter_mut().for_each(|track| track.evidence = Evidence::new());
        }
    }

    /// The open regression is over by the word of the series around it: what is left of it has to be shown from nothing.
    pub fn end(&mut self, step: Step) {
        if let State::Open { onset, .. } = self.state {
            self.habit.add([onset, self.bad_until(step)]);
            self.doubt();
            self.recovered = step.next();
        }
    }

    fn check_opening(&mut self, step: Step, log_threshold: f64, cell_of: &impl Fn(Step) -> Cell) -> Option<Transition> {
        match self.mutant {
            Some(Mutant::NeverFires) => return None,
            Some(Mutant::AlwaysFires) => return self.open(step, cell_of),
            _ => {}
        }
        self.accept_improvement(step, log_threshold, cell_of);
        if self.log_evidence() < log_threshold {
            self.state = State::Quiet;
            return None;
        }
        let (steps, doubt) = match self.state {
            State::Suspicious { steps, doubt } => (steps + 1, doubt),
            _ => (1, Doubt::Short),
        };
        self.state = State::Suspicious { steps, doubt };
        if steps < 2 {
            return None;
        }
        let track = self.strongest_track();
        let factor = self.best_factor(track);
        let onset = self.tracks[track].onset(factor, self.recovered)?;
        let shift = self.measure(track, &onset, step, cell_of)?;
        let is_bad = shift.direction == self.bad();
        if !is_bad || shift.relative().abs() < f64::from(self.min_effect) {
            let doubt = if is_bad { Doubt::Small { relative: shift.relative() } } else { Doubt::Better };
            self.state = State::Suspicious { steps, doubt };
            if steps >= SMALL_MOVE_STEPS {
                self.rebase(onset.step, step, true, cell_of);
            }
            return None;
        }
        if self.habit.has(onset.latest, step) {
            // Above what is asked, whatever the statistics share of it, and no more.
            const ABOVE: f64 = 3.0;
            self.tracks.iter_mut().for_each(|track| track.evidence.cap(log_threshold + ABOVE));
            self.state = State::Suspicious { steps, doubt: Doubt::Echo };
            return None;
        }
        // A loss that comes on top of an echo shows in the newest steps.
        let long = onset.step.max(Step(step.0 - EFFECT_STEPS_MAX + 1));
        let short = long.max(Step(step.0 - ECHO_STEPS + 1));
        if [long, short]
            .into_iter()
            .all(|from| self.tracks[track].is_echo(from, step, f64::from(self.min_effect), cell_of))
        {
            self.state = State::Suspicious { steps, doubt: Doubt::Echo };
            return None;
        }
        Some(self.open_with(track, &onset, shift))
    }

    fn open_with(&mut self, track: usize, onset: &Onset, shift: Shift) -> Transition {
        let Onset { step: onset, earliest, latest } = *onset;
        self.gathered.skip();
        for track in &mut self.tracks {
            track.forget_since(shift.onset);
            track.forget_creep();
            track.begin_recovery(onset);
        }
        self.state = State::Open { track, onset, earliest, latest };
        Transition::Opened(Box::new(shift))
    }

    /// An alarm without a reason.
    fn open(&mut self, step: Step, cell_of: &impl Fn(Step) -> Cell) -> Option<Transition> {
        let track = self.strongest_track();
        let onset = self.tracks[track].onset(self.best_factor(track), self.recovered)?;
        let shift = self.measure(track, &onset, step, cell_of)?;
        Some(self.open_with(track, &onset, shift))
    }

    fn has_crept(&self) -> bool {
        self.tracks.iter().any(Track::has_crept)
    }

    fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// Which way is worse.
    fn bad(&self) -> Direction {
        if self.is(Mutant::SignFlipped) { self.bad.opposite() } else { self.bad }
    }

    /// A lasting move to the better becomes the new normal, so that losing it again is seen. Traffic is left alone:
    /// a busy day is no promise.
    fn accept_improvement(&mut self, step: Step, log_threshold: f64, cell_of: &impl Fn(Step) -> Cell) {
        let is_count = self.tracks.iter().any(|track| track.statistic == Statistic::Count);
        if is_count || self.log_of(self.bad().opposite()) < log_threshold + IMPROVEMENT_MORE {
            return;
        }
        let better = |track: &Track| log_of(&track.evidence, self.bad().opposite());
        let strongest =
            (0..self.tracks.len()).max_by(|&a, &b| better(&self.tracks[a]).total_cmp(&better(&self.tracks[b])));
        let Some(track) = strongest.map(|at| &self.tracks[at]) else { return };
        let factor = match self.bad() {
            Direction::Up => track.evidence.best_down(),
            Direction::Down => track.evidence.best_up(),
        };
        let lasts = |onset: &Onset| step.0 - onset.step.0 >= IMPROVEMENT_STEPS_MIN;
        if let Some(onset) = track.onset(factor, self.recovered).filter(lasts) {
            self.rebase(onset.step, step, false, cell_of);
        }
    }

    fn rebase(&mut self, onset: Step, step: Step, is_untold: bool, cell_of: &impl Fn(Step) -> Cell) {
        if self.is(Mutant::StaleReference) {
            return;
        }
        let Some(merged) = merge(onset, step, cell_of) else { return };
        for track in &mut self.tracks {
            if let Some(after) = mean_value(track.statistic, &merged, onset, step) {
                track.rebase_since(onset, after, is_untold);
            }
        }
        self.state = State::Quiet;
    }

    fn check_recovery(&mut self, step: Step) -> Option<Transition> {
        let bad = self.bad();
        let State::Open { track: lead, onset, .. } = self.state else { return None };
        // What did not creep has stayed where it was, and is no word on it.
        let has_crept = self.has_crept();
        let tracks = self.tracks.iter_mut().enumerate().filter(|(_, track)| track.has_crept() || !has_crept);
        let logs: Vec<f64> = tracks.filter_map(|(at, track)| track.log_recovered(step, bad, at == lead)).collect();
        if log_mean(&logs) < LOG_RECOVERED {
            return None;
        }
        self.habit.add([onset, self.bad_until(step)]);
        self.tracks.iter_mut().for_each(|track| track.evidence = Evidence::new());
        self.state = State::Quiet;
        self.recovered = step.next();
        Some(Transition::Recovered)
    }

    fn measure(&self, track: usize, onset: &Onset, step: Step, cell_of: &impl Fn(Step) -> Cell) -> Option<Shift> {
        let judged = &self.tracks[track];
        let from = onset.step.max(Step(step.0 - EFFECT_STEPS_MAX + 1));
        let merged = merge(from, step, cell_of)?;
        let before = judged.expected_over(from, step)?;
        let after = mean_value(judged.statistic, &merged, from, step)?;
        let [low, high] = interval(judged, &merged, from, step, after);
        let log_evidence = self.log_evidence();
        Some(Shift {
            kind: self.kind(track, from, step, cell_of),
            statistic: judged.statistic,
            direction: if after >= before { Direction::Up } else { Direction::Down },
            onset: onset.step.start(),
            onset_interval: [onset.earliest.start(), onset.latest.start()],
            before,
            after,
            interval: [low - before, high - before],
            requests: merged.count(),
            e_value: log_evidence.min(700.0).exp(),
            detectors: vec![self.testimony(log_evidence, from)],
        })
    }

    /// Whether what is missing is all of it: for most of the time, or by now, none came, and many should have.
    fn kind(&self, track: usize, from: Step, step: Step, cell_of: &impl Fn(Step) -> Cell) -> FindingKind {
        let judged = &self.tracks[track];
        if judged.statistic != Statistic::Count {
            return FindingKind::Regression;
        }
        let Some([first, last]) = longest_silence(from, step, cell_of) else { return FindingKind::Regression };
        let steps = last.0 - first.0 + 1;
        let missed = judged.expected_over(first, last).unwrap_or(0.0) * (steps * STEP_MINUTES) as f64;
        let is_all = last == step || 2 * steps > step.0 - from.0;
        if is_all && missed >= MISSED_MIN { FindingKind::NoData } else { FindingKind::Regression }
    }

    /// The detector's word: its score is the logarithm of the e-value, shared out by what each statistic put in, the strongest
    /// one's by the time since the onset.
    fn testimony(&self, log_evidence: f64, onset: Step) -> DetectorEvidence {
        let logs: Vec<f64> = self.tracks.iter().map(|track| log_of(&track.evidence, self.bad())).collect();
        let strongest = self.strongest_track();
        let attributions = terms::of(&self.tracks, &logs, onset, (strongest, self.best_factor(strongest)));
        DetectorEvidence {
            name: SEASONAL_CHANGE.name.to_owned(),
            score: log_evidence,
            p_value: (-log_evidence).exp().min(1.0),
            attributions,
            base: 0.0,
        }
    }

    fn log_evidence(&self) -> f64 {
        self.log_of(self.bad())
    }

    fn log_of(&self, direction: Direction) -> f64 {
        log_mean(&self.tracks.iter().map(|track| log_of(&track.evidence, direction)).collect::<Vec<_>>())
    }

    fn strongest_track(&self) -> usize {
        let log = |at: usize| log_of(&self.tracks[at].evidence, self.bad());
        // On a tie the earlier statistic, which the metric's owner put first.
        (0..self.tracks.len()).rev().max_by(|&a, &b| log(a).total_cmp(&log(b))).unwrap_or(0)
    }

    fn best_factor(&self, track: usize) -> f64 {
        match self.bad() {
            Direction::Up => self.tracks[track].evidence.best_up(),
            Direction::Down => self.tracks[track].evidence.best_down(),
        }
    }
}

/// What became of a candidate in a step.
fn candidate(before: State, after: State) -> Option<Candidate> {
    match (before, after) {
        (State::Suspicious { doubt, .. }, State::Quiet) => Some(Candidate::Ended(doubt)),
        (State::Quiet, State::Suspicious { .. } | State::Open { .. }) => Some(Candidate::Began),
        _ => None,
    }
}

fn log_of(evidence: &Evidence, direction: Direction) -> f64 {
    match direction {
        Direction::Up => evidence.log_up(),
        Direction::Down => evidence.log_down(),
    }
}
