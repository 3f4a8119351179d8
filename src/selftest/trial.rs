//! One trial: a copy of a watch, and what is put into the cells that it is fed.

use hark_detectors::{Injection, Transition, Watch, evidence_between};
use hark_ingest::SliceIndex;
use hark_model::{Cell, Statistic, Step};
use serde::{Deserialize, Serialize};

/// What is not caught within six hours is missed.
const STEPS_MAX: i64 = 72;
/// A copy without any change runs for an hour.
const NORMAL_STEPS: i64 = 12;
/// A strong change is evident once it speaks ten times louder than the threshold asks: as much as a series noisier than
/// its sampling by that factor needs. Nobody is called blind sooner than after three quarters of an hour.
const EVIDENT_TIMES: f64 = 10.0;
const EVIDENT_STEPS_MIN: i64 = 9;
/// An hour of an improvement is learned a little, six hours become the new normal; two more are allowed for it.
const LEARNED_STEPS: i64 = 12;
const ACCEPTED_STEPS_MAX: i64 = 96;

/// A watch by metric and slice.
pub(super) type Key = (usize, SliceIndex);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Aim {
    /// A regression that any working detector must see.
    Strong,
    /// A step (or a drift) of one size of the ladder.
    Step {
        rung: usize,
    },
    Drift {
        rung: usize,
    },
    /// A move to the better: no alarm, and the new normal if it lasts.
    Improvement,
    /// Nothing at all: a copy of what is expected.
    Normal,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Trial {
    pub(super) key: Key,
    pub(super) aim: Aim,
    start: Step,
    injection: Injection,
    pub(super) watch: Watch,
    /// How loudly what was put in has spoken so far.
    evidence: f64,
    requests: u64,
}

/// What became of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Caught {
        after_steps: u32,
    },
    /// A strong change that was evident and raised no alarm.
    Overlooked,
    /// Not within the time given; no blame.
    Missed,
    /// An alarm where nothing got worse.
    FalseAlarm,
    Silent,
    /// Nothing was tested.
    Void,
    /// The expectation followed a lasting improvement, or stayed where it was.
    Followed,
    Stuck,
}

/// The step as the real watch has it.
pub(super) struct Now<'a> {
    pub(super) step: Step,
    pub(super) cell: &'a Cell,
    pub(super) is_rest_day: bool,
    pub(super) log_threshold: f64,
    pub(super) statistic: Statistic,
    pub(super) real: &'a Watch,
}

impl Trial {
    pub(super) fn new(key: Key, aim: Aim, injection: Injection, real: &Watch) -> Self {
        let watch = if aim == Aim::Normal { real.rested() } else { real.clone() };
        let start = injection.start;
        Self { key, aim, start, injection, watch, evidence: 0.0, requests: 0 }
    }

    /// Feeds a step; says what became of the trial when it has ended.
    pub(super) fn feed(&mut self, now: &Now<'_>, cell_of: impl Fn(Step) -> Cell) -> Option<Outcome> {
        let Now { step, cell, is_rest_day, log_threshold, statistic, .. } = *now;
        let age = step.0 - self.start.0;
        let opened = if self.aim == Aim::Normal {
            let keys = [step.0 as u64, self.key.0 as u64, self.key.1.0 as u64];
            let Some(drawn) = self.watch.normal_cell(step, is_rest_day, cell, &keys) else {
                return Some(Outcome::Void);
            };
            // Earlier steps are as real as this one: an effect is measured on this one alone.
            let drawn_of = |at: Step| if at == step { drawn.clone() } else { cell_of(at) };
            self.watch.observe(step, &drawn, is_rest_day, log_threshold, drawn_of).transition
        } else {
            let injected = self.injection.apply(step, cell);
            self.evidence += evidence_between(cell, &injected, statistic);
            self.requests += cell.count();
            let injected_of = |at: Step| self.injection.apply(at, &cell_of(at));
            self.watch.observe(step, &injected, is_rest_day, log_threshold, injected_of).transition
        };
        let has_opened = matches!(opened, Some(Transition::Opened(_)));
        let is_evident = self.evidence >= EVIDENT_TIMES * log_threshold;
        match self.aim {
            Aim::Normal => self.judge_normal(age, has_opened),
            Aim::Improvement if has_opened => Some(Outcome::FalseAlarm),
            Aim::Improvement => self.judge_improvement(age, is_evident, now),
            Aim::Strong | Aim::Step { .. } | Aim::Drift { .. } => {
                if has_opened {
                    return Some(Outcome::Caught { after_steps: (age + 1) as u32 });
                }
                if self.aim == Aim::Strong && is_evident && age + 1 >= EVIDENT_STEPS_MIN {
                    return Some(Outcome::Overlooked);
                }
                (age + 1 >= STEPS_MAX).then_some(Outcome::Missed)
            }
        }
    }

    fn judge_normal(&self, age: i64, has_opened: bool) -> Option<Outcome> {
        if has_opened {
            return Some(Outcome::FalseAlarm);
        }
        (age + 1 >= NORMAL_STEPS).then_some(Outcome::Silent)
    }

    /// Two ways to follow: an hour learned moves the expectation a little, a lasting improvement moves it at once.
    fn judge_improvement(&self, age: i64, is_evident: bool, now: &Now<'_>) -> Option<Outcome> {
        let Now { step, is_rest_day, statistic, .. } = *now;
        let expected = |watch: &Watch| watch.expected(step.next(), is_rest_day);
        let (Some(mine), Some(real)) = (expected(&self.watch), expected(now.real)) else {
            return Some(Outcome::Void);
        };
        // A busy day is no promise: traffic never becomes normal at once.
        if statistic == Statistic::Count {
            return (age + 1 >= LEARNED_STEPS).then_some(Outcome::Silent);
        }
        let sign = match self.injection.direction {
            hark_model::Direction::Up => 1.0,
            hark_model::Direction::Down => -1.0,
        };
        let moved = sign * (mine - real);
        /// Fewer requests in the hour, and it may not have been learned.
        const LEARNED_REQUESTS: u64 = 40;
        // An hour's quantile is steady enough to move the expectation for certain; a share of few hits is not.
        let was_learned = self.requests >= LEARNED_REQUESTS && statistic.quantile().is_some();
        if age + 1 == LEARNED_STEPS && was_learned && moved <= 0.0 {
            return Some(Outcome::Stuck);
        }
        let half = 0.5 * self.injection.size * real.abs();
        if age + 1 > LEARNED_STEPS && moved >= half {
            return Some(Outcome::Followed);
        }
        if age + 1 < ACCEPTED_STEPS_MAX {
            return None;
        }
        Some(if is_evident { Outcome::Stuck } else { Outcome::Silent })
    }
}
