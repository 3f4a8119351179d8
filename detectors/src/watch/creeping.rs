//! What creeps becomes a regression like any other: it is over when the level is again what it was before.

use hark_model::{Attribution, Cell, DetectorEvidence, Direction, FindingKind, Shift, Step, Timestamp};

use super::spans::{DEVIATIONS, mean_value, merge};
use super::{EFFECT_STEPS_MAX, LOG_RECOVERED, Transition, Watch};
use crate::creep::Creep;
use crate::list::SLOW_DRIFT;
use crate::mutant::Mutant;
use crate::track::Onset;

/// A creep is looked for once a day, evidence once a step.
const LOOKS_A_DAY: f64 = 288.0;

impl Watch {
    /// What crept to the worse over weeks, by as much as somebody wants to hear of: from now on it is a regression.
    pub(super) fn open_creep(
        &mut self,
        creeps: &[(usize, Creep)],
        step: Step,
        log_threshold: f64,
        cell_of: &impl Fn(Step) -> Cell,
    ) -> Option<Transition> {
        let log = |creep: &Creep| creep.log_evidence + LOOKS_A_DAY.ln();
        let is_worse = |creep: &Creep| (creep.moved > 0.0) == (self.bad() == Direction::Up);
        let worse: Vec<&(usize, Creep)> = creeps.iter().filter(|(_, creep)| is_worse(creep)).collect();
        let (at, creep) = *worse.iter().max_by(|a, b| a.1.log_evidence.total_cmp(&b.1.log_evidence))?;
        if log(creep) < log_threshold || self.is(Mutant::NeverFires) {
            return None;
        }
        let (track, day) = (&self.tracks[*at], Step(step.0 - EFFECT_STEPS_MAX + 1));
        let merged = merge(day, step, cell_of)?;
        let after = mean_value(track.statistic, &merged, day, step)?;
        let before_if = |errors: f64| track.without(after, creep.moved - errors * creep.error);
        let (before, low, high) = (before_if(0.0)?, before_if(DEVIATIONS)?, before_if(-DEVIATIONS)?);
        let start = |day: i64| Timestamp::from_millis(day * 24 * 3_600_000);
        let shift = Shift {
            kind: FindingKind::Regression,
            statistic: track.statistic,
            direction: if after >= before { Direction::Up } else { Direction::Down },
            onset: start(creep.began),
            // It began at some time of its day.
            onset_interval: [start(creep.earliest), start(creep.latest + 1)],
            before,
            after,
            interval: if low < high { [after - high, after - low] } else { [after - low, after - high] },
            requests: merged.count(),
            e_value: log(creep).min(700.0).exp(),
            detectors: vec![DetectorEvidence {
                name: SLOW_DRIFT.name.to_owned(),
                score: log(creep),
                p_value: (-log(creep)).exp().min(1.0),
                attributions: vec![Attribution {
                    feature: "errors_of_the_slope".to_owned(),
                    value: creep.moved / creep.error,
                    contribution: log(creep),
                }],
                base: 0.0,
            }],
        };
        if shift.relative().abs() < f64::from(self.min_effect) {
            return None;
        }
        let onset = Onset {
            step: start(creep.began).step(),
            earliest: start(creep.earliest).step(),
            latest: start(creep.latest + 1).step(),
        };
        // Statistics that crept along, as far as that is sure.
        let along = worse.iter().filter(|(other, creep)| other == at || creep.log_evidence >= LOG_RECOVERED);
        let along: Vec<(usize, Creep)> = along.map(|one| **one).collect();
        let opened = self.open_with(*at, &onset, shift);
        along.iter().for_each(|(at, creep)| self.tracks[*at].undo(creep));
        Some(opened)
    }
}
