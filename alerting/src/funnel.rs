//! The funnel: how many candidates there were, at which stage each ended, and why.

use std::collections::VecDeque;

use hark_model::{AlertId, Shift, Slice, Statistic, Timestamp};
use serde::{Deserialize, Serialize};

/// So many dropped candidates of each stage are remembered, the newest: one that drops many must not hide what the others did.
const REMEMBERED_MAX: usize = 200;

/// Where a candidate may end, in the order in which it comes to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The evidence must last for a second step.
    Lasts,
    /// The move must be to the worse.
    Worse,
    /// It must be as large as the metric asks for.
    Large,
    /// It must be out of season: as few may come at these hours in ordinary weeks.
    Season,
    /// The requests must fare worse, and not just be others.
    Rate,
    /// They must fare worse than requests of the same kinds did, by more than chance: a new version's first users differ.
    Like,
    /// Traffic may be missing on a holiday.
    Workday,
    /// No alert may hold it already.
    New,
}

impl Stage {
    pub const ALL: [Self; 8] =
        [Self::Lasts, Self::Worse, Self::Large, Self::Season, Self::Rate, Self::Like, Self::Workday, Self::New];
}

/// A candidate that became no alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dropped {
    pub at: Timestamp,
    pub metric: String,
    pub slice: Slice,
    pub stage: Stage,
    pub reason: Reason,
    /// `None` where the evidence went before anybody looked at what it was for.
    pub moved: Option<Moved>,
}

/// How a series had moved when its candidate ended.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Moved {
    pub statistic: Statistic,
    pub onset: Timestamp,
    pub relative: f64,
}

impl Moved {
    pub fn of(shift: &Shift) -> Self {
        Self { statistic: shift.statistic, onset: shift.onset, relative: shift.relative() }
    }
}

/// Why it ended at its stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reason {
    Gone,
    Better,
    Small {
        relative: f64,
        asked: f64,
    },
    Echo,
    Mix {
        part: f64,
    },
    Moved {
        to: Slice,
    },
    Unlike {
        deviations: f64,
        asked: f64,
        mix_part: f64,
    },
    /// The part of all requests that a slice had in the week with the least and with the most.
    Others {
        least: f64,
        most: f64,
    },
    Holiday,
    /// Clocks were changed by so many minutes somewhere in the week before.
    Clocks {
        minutes: i64,
    },
    PartOf(AlertId),
}

impl Reason {
    /// The part of the move that is a change of who came, where that was looked at.
    pub fn mix_part(&self) -> Option<f64> {
        match self {
            Self::Mix { part } => Some(*part),
            Self::Unlike { mix_part, .. } => Some(*mix_part),
            Self::Moved { .. } => Some(1.0),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Funnel {
    candidates: u64,
    /// By stage.
    dropped: [u64; Stage::ALL.len()],
    opened: u64,
    reopened: u64,
    merged: u64,
    /// Oldest first.
    remembered: VecDeque<Dropped>,
    /// When the newest was dropped that is not remembered any more.
    forgotten: Option<Timestamp>,
}

impl Funnel {
    /// The evidence for a move of one series has reached the threshold.
    pub fn begin(&mut self) {
        self.candidates += 1;
    }

    pub fn drop(&mut self, dropped: Dropped) {
        self.dropped[dropped.stage as usize] += 1;
        let of_stage = |one: &Dropped| one.stage == dropped.stage;
        if self.remembered.iter().filter(|one| of_stage(one)).count() == REMEMBERED_MAX {
            let oldest = self.remembered.iter().position(of_stage).and_then(|at| self.remembered.remove(at));
            self.forgotten = self.forgotten.max(oldest.map(|oldest| oldest.at));
        }
        self.remembered.push_back(dropped);
    }

    pub(crate) fn open(&mut self) {
        self.opened += 1;
    }

    pub(crate) fn reopen(&mut self) {
        self.reopened += 1;
    }

    pub(crate) fn merge(&mut self) {
        self.merged += 1;
    }

    pub fn candidates(&self) -> u64 {
        self.candidates
    }

    /// How many came to each stage, and how many of them ended there.
    pub fn stages(&self) -> impl Iterator<Item = (Stage, u64, u64)> {
        let mut left = self.candidates - self.open_candidates();
        Stage::ALL.into_iter().zip(self.dropped).map(move |(stage, dropped)| {
            let came = left;
            left -= dropped;
            (stage, came, dropped)
        })
    }

    /// Candidates whose fate is open: their evidence stands, and has not led to anything yet.
    pub fn open_candidates(&self) -> u64 {
        self.candidates.saturating_sub(self.dropped.iter().sum::<u64>() + self.opened + self.reopened)
    }

    /// Alerts that were opened.
    pub fn opened(&self) -> u64 {
        self.opened
    }

    /// Alerts that had ended and fired again.
    pub fn reopened(&self) -> u64 {
        self.reopened
    }

    /// Alerts that turned out to be part of another one later.
    pub fn merged(&self) -> u64 {
        self.merged
    }

    /// When the newest was dropped that is not remembered any more.
    pub fn forgotten(&self) -> Option<Timestamp> {
        self.forgotten
    }

    /// The newest dropped candidates, newest first.
    pub fn remembered(&self) -> impl Iterator<Item = &Dropped> {
        self.remembered.iter().rev()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dropped(stage: Stage, minute: i64) -> Dropped {
        Dropped {
            at: Timestamp::from_millis(0).plus_minutes(minute),
            metric: "response_time".to_owned(),
            slice: Slice::total(),
            stage,
            reason: Reason::Gone,
            moved: None,
        }
    }

    #[test]
    fn what_comes_to_a_stage_has_passed_those_before_it() {
        let mut funnel = Funnel::default();
        (0..10).for_each(|_| funnel.begin());
        (0..4).for_each(|minute| funnel.drop(dropped(Stage::Lasts, minute)));
        funnel.drop(dropped(Stage::Rate, 5));
        funnel.drop(dropped(Stage::New, 6));
        funnel.open();
        funnel.reopen();
        assert_eq!(funnel.open_candidates(), 2);
        let stages: Vec<_> = funnel.stages().collect();
        let expected = [
            (Stage::Lasts, 8, 4),
            (Stage::Worse, 4, 0),
            (Stage::Large, 4, 0),
            (Stage::Season, 4, 0),
            (Stage::Rate, 4, 1),
            (Stage::Like, 3, 0),
            (Stage::Workday, 3, 0),
            (Stage::New, 3, 1),
        ];
        assert_eq!(stages, expected);
        assert_eq!(funnel.opened() + funnel.reopened(), 2);
    }

    #[test]
    fn the_newest_of_each_stage_are_remembered() {
        let mut funnel = Funnel::default();
        funnel.drop(dropped(Stage::Rate, 0));
        (1..200).for_each(|minute| funnel.drop(dropped(Stage::Lasts, minute)));
        assert_eq!(funnel.forgotten(), None);
        (200..300).for_each(|minute| funnel.drop(dropped(Stage::Lasts, minute)));
        assert_eq!(funnel.remembered().count(), 201);
        assert_eq!(funnel.remembered().next(), Some(&dropped(Stage::Lasts, 299)));
        assert_eq!(funnel.remembered().last(), Some(&dropped(Stage::Rate, 0)));
        assert_eq!(funnel.forgotten(), Some(dropped(Stage::Lasts, 99).at));
    }
}
