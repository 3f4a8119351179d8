//! What the outcomes of trials say of the detector: working, or broken in one of the known ways.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::trial::Outcome;

/// A way in which detection is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// What is evident raises no alarm.
    Blind,
    /// Alarms where nothing changed.
    Crying,
    /// Alarms where something got better.
    Backwards,
    /// The expectation does not follow what has become normal.
    Stale,
}

/// The last outcomes of one kind: whether each was as it should be.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Recent(VecDeque<bool>);

impl Recent {
    pub(super) fn push(&mut self, is_good: bool, kept: usize) {
        self.0.push_back(is_good);
        if self.0.len() > kept {
            self.0.pop_front();
        }
    }

    pub(super) fn tried(&self) -> usize {
        self.0.len()
    }

    pub(super) fn good(&self) -> usize {
        self.0.iter().filter(|is_good| **is_good).count()
    }

    fn bad(&self) -> usize {
        self.tried() - self.good()
    }
}

/// So many outcomes are remembered: few enough that a detector that breaks is found out within the hour.
const STRONG_KEPT: usize = 8;
const IMPROVEMENTS_KEPT: usize = 12;
const FOLLOWED_KEPT: usize = 6;
pub(super) const NORMALS_KEPT: usize = 48;
/// One or two of a kind may be bad luck, or a real change at the wrong moment.
const BAD_MIN: usize = 4;
const BAD_NORMALS_MIN: usize = 3;
/// Of the strong changes a working detector catches nearly all. A single metric is called blind on more than half of all:
/// one outage may touch most of its widest slices, and there are many metrics to be wrong about.
const CAUGHT_SHARE_MIN: f64 = 0.8;
const CAUGHT_SHARE_OF_METRIC_MIN: f64 = 0.6;
/// False alarms this unlikely under the budget are no chance.
const CHANCE_MAX: f64 = 1e-4;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Health {
    pub(super) strong: Recent,
    pub(super) improvements: Recent,
    pub(super) followed: Recent,
    pub(super) normals: Recent,
}

impl Health {
    pub(super) fn note_strong(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Caught { .. } => self.strong.push(true, STRONG_KEPT),
            Outcome::Overlooked => self.strong.push(false, STRONG_KEPT),
            _ => {}
        }
    }

    pub(super) fn note_improvement(&mut self, outcome: Outcome) {
        if outcome != Outcome::Void {
            self.improvements.push(outcome != Outcome::FalseAlarm, IMPROVEMENTS_KEPT);
        }
        match outcome {
            Outcome::Followed => self.followed.push(true, FOLLOWED_KEPT),
            Outcome::Stuck => self.followed.push(false, FOLLOWED_KEPT),
            _ => {}
        }
    }

    pub(super) fn note_normal(&mut self, outcome: Outcome) {
        if outcome != Outcome::Void {
            self.normals.push(outcome != Outcome::FalseAlarm, NORMALS_KEPT);
        }
    }

    /// What is broken, if anything. `false_alarms_expected` is how many of the normal copies' may be, by the budget.
    pub(super) fn fault(&self, false_alarms_expected: f64) -> Option<Fault> {
        self.fault_below(false_alarms_expected, CAUGHT_SHARE_MIN)
    }

    /// The same for one metric alone.
    pub(super) fn fault_of_metric(&self, false_alarms_expected: f64) -> Option<Fault> {
        self.fault_below(false_alarms_expected, CAUGHT_SHARE_OF_METRIC_MIN)
    }

    fn fault_below(&self, false_alarms_expected: f64, caught_share_min: f64) -> Option<Fault> {
        let cries = self.normals.bad();
        if cries >= BAD_NORMALS_MIN && at_least(cries, false_alarms_expected) < CHANCE_MAX {
            return Some(Fault::Crying);
        }
        let is_often = |recent: &Recent| recent.bad() >= BAD_MIN && 3 * recent.bad() >= recent.tried();
        if is_often(&self.improvements) {
            return Some(Fault::Backwards);
        }
        let overlooked = self.strong.bad();
        if overlooked >= BAD_MIN
            && crate::bench::wilson(self.strong.good() as u64, self.strong.tried() as u64)[1] < caught_share_min
        {
            return Some(Fault::Blind);
        }
        let stuck = self.followed.bad();
        (stuck >= BAD_NORMALS_MIN && 2 * stuck >= self.followed.tried()).then_some(Fault::Stale)
    }
}

/// The chance that at least `k` come where `mean` come on average (Poisson).
fn at_least(k: usize, mean: f64) -> f64 {
    let mut term = (-mean).exp();
    let mut below = 0.0;
    for i in 0..k {
        below += term;
        term *= mean / (i + 1) as f64;
    }
    (1.0 - below).max(0.0)
}

/// The 95 % interval of a Poisson mean by its count, by the square-root transform.
pub(super) fn poisson_interval(count: u64) -> [f64; 2] {
    [-0.98, 0.98].map(|half| ((count as f64 + 0.375).sqrt() + half).max(0.0).powi(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAUGHT: Outcome = Outcome::Caught { after_steps: 3 };

    fn health(strong: &[Outcome]) -> Health {
        let mut health = Health::default();
        strong.iter().for_each(|outcome| health.note_strong(*outcome));
        health
    }

    #[test]
    fn a_few_bad_outcomes_are_luck_and_more_are_not() {
        assert_eq!(Health::default().fault(0.0), None);
        assert_eq!(health(&[Outcome::Overlooked; 3]).fault(0.0), None);
        assert_eq!(health(&[Outcome::Overlooked; 4]).fault(0.0), Some(Fault::Blind));
        let mut mixed = [CAUGHT; 8];
        mixed[..3].fill(Outcome::Overlooked);
        assert_eq!(health(&mixed).fault(0.0), None, "five of eight may be four in five by chance");
        mixed[3] = Outcome::Overlooked;
        assert_eq!(health(&mixed).fault(0.0), Some(Fault::Blind));
        assert_eq!(health(&mixed).fault_of_metric(0.0), None);
        mixed[..6].fill(Outcome::Overlooked);
        assert_eq!(health(&mixed).fault_of_metric(0.0), Some(Fault::Blind));
    }

    #[test]
    fn what_was_long_ago_is_forgotten() {
        let mut health = health(&[CAUGHT; 500]);
        (0..4).for_each(|_| health.note_strong(Outcome::Overlooked));
        assert_eq!(health.fault(0.0), Some(Fault::Blind));
        (0..12).for_each(|_| health.note_strong(CAUGHT));
        assert_eq!(health.fault(0.0), None);
    }

    #[test]
    fn false_alarms_on_normal_copies_are_counted_against_the_budget() {
        let mut health = Health::default();
        (0..3).for_each(|_| health.note_normal(Outcome::FalseAlarm));
        assert_eq!(health.fault(0.01), Some(Fault::Crying));
        assert_eq!(health.fault(2.0), None, "a generous budget allows them");
    }

    #[test]
    fn alarms_on_improvements_are_backwards_and_a_stuck_expectation_is_stale() {
        let mut health = Health::default();
        (0..4).for_each(|_| health.note_improvement(Outcome::FalseAlarm));
        assert_eq!(health.fault(0.0), Some(Fault::Backwards));
        let mut health = Health::default();
        (0..3).for_each(|_| health.note_improvement(Outcome::Stuck));
        assert_eq!(health.fault(0.0), Some(Fault::Stale));
        (0..6).for_each(|_| health.note_improvement(Outcome::Followed));
        assert_eq!(health.fault(0.0), None);
    }

    #[test]
    fn the_poisson_tail_is_exact() {
        // P(X >= 2 | 1) = 1 - 2/e.
        assert!((at_least(2, 1.0) - (1.0 - 2.0 * (-1.0_f64).exp())).abs() < 1e-12);
        assert_eq!(at_least(0, 3.0), 1.0);
    }
}
