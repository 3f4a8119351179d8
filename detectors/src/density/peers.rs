//! Which of several series that usually go together departs from the rest: a device, a language, a cluster of servers.
//!
//! Rows of all members come one by one and are judged window by window. A member may always be above the others or noisier
//! than they: what counts is how far it is from where among them it usually is. augurs clusters the members at each step.

use std::collections::VecDeque;

use augurs_outlier::{DbscanDetector, OutlierDetector};
use thiserror::Error;

use crate::calibrated::{Calibration, by_chance};
use crate::detector::{Scored, Settings};
use crate::list::{Entry, Family, Judges, Unmoved};
use crate::middle::{median, middle_and_deviation};

pub const PEERS: Entry = Entry {
    name: "peers",
    looks_for: "one of several series that usually go together, further from the others than it ever is",
    family: Family::Density,
    unmoved_by: Unmoved { shift: true, scale: true },
    judges: Judges::Cohorts,
};

/// Among fewer there is no telling who departs from whom.
const MEMBERS_MIN: usize = 4;
/// All are compared with all: more would take seconds a window.
const MEMBERS_MAX: usize = 1_000;
/// With as many members a window takes up 80 MB.
const STEPS_MAX: usize = 10_000;
/// So many of the newest windows say what is usual: 2 kB a member.
const WINDOWS_KEPT: usize = 256;
/// Fewer say nothing of that.
const WINDOWS_MIN: usize = 12;
/// Neighbours are of one cluster up to the gap that the widest one of this share of windows is within.
const GAP_SHARE: f64 = 0.95;

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CohortError {
    #[error("{0} series cannot be peers of each other; hand in 4 to 1000")]
    Members(usize),
    #[error("windows of {0} steps cannot be judged; ask for 1 to 10000")]
    Steps(usize),
    #[error("a row has {found} values where the cohort has {asked} members; hand in a value or a gap for each")]
    Row { found: usize, asked: usize },
    /// In words: the error itself can't go from one thread to another.
    #[error("the members could not be clustered: {0}")]
    Clustering(String),
}

impl From<augurs_outlier::Error> for CohortError {
    fn from(error: augurs_outlier::Error) -> Self {
        Self::Clustering(error.to_string())
    }
}

/// Members that usually go together.
#[derive(Debug, Clone)]
pub struct Cohort {
    steps: usize,
    budget: f64,
    /// A series a member: the window that is filling up. NaN stands for a gap, as augurs has it.
    window: Vec<Vec<f64>>,
    /// Of each member in earlier windows, how far above the middle of the others it was, in the values' own unit: its place.
    places: Vec<VecDeque<f64>>,
    /// Of each member in earlier windows, how far off its place it was.
    known: Vec<VecDeque<f64>>,
    /// Of earlier windows, how far off its place the member was that was furthest.
    furthest: Calibration,
    /// Of earlier windows, the widest gap between neighbours, each less its usual place.
    gaps: VecDeque<f64>,
}

/// What is said of a member in a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Member {
    /// How far above the middle of the others it usually is, in the values' own unit; `None` while that is not known.
    pub place: Option<f64>,
    /// How far it is from there in this window, in the spread of the others; negative below. `None` where it has no value
    /// beside three others.
    pub off: Option<f64>,
    /// Steps of the window at which it lies outside the cluster of most members, each less its usual place (DBSCAN).
    pub outside: usize,
    /// The chance is that of any member being as far from its usual place in a window.
    pub scored: Scored,
}

impl Cohort {
    /// A verdict comes with every so many rows. False alarms are promised for a thousand rows, of all members together.
    pub fn new(members: usize, steps: usize, settings: Settings) -> Result<Self, CohortError> {
        if !(MEMBERS_MIN..=MEMBERS_MAX).contains(&members) {
            return Err(CohortError::Members(members));
        }
        if !(1..=STEPS_MAX).contains(&steps) {
            return Err(CohortError::Steps(steps));
        }
        Ok(Self {
            steps,
            budget: settings.budget() * steps as f64,
            window: vec![Vec::new(); members],
            known: vec![VecDeque::new(); members],
            furthest: Calibration::default(),
            places: vec![VecDeque::new(); members],
            gaps: VecDeque::new(),
        })
    }

    /// Takes a value or a gap of each member. Where a window is full, says of each member how far it departs, judged by the
    /// windows before; then the window is learned from.
    pub fn take(&mut self, row: &[Option<f64>]) -> Result<Option<Vec<Member>>, CohortError> {
        if row.len() != self.window.len() {
            return Err(CohortError::Row { found: row.len(), asked: self.window.len() });
        }
        for (series, value) in self.window.iter_mut().zip(row) {
            // Bounded, so that no difference of two overflows.
            let bounded = |value: f64| value.clamp(f64::MIN / 4.0, f64::MAX / 4.0);
            series.push(value.filter(|value| value.is_finite()).map_or(f64::NAN, bounded));
        }
        if self.window[0].len() < self.steps {
            return Ok(None);
        }
        let judged = self.judge();
        self.window.iter_mut().for_each(Vec::clear);
        judged.map(Some)
    }

    fn judge(&mut self) -> Result<Vec<Member>, CohortError> {
        let places = self.learn_places();
        for (series, place) in self.window.iter_mut().zip(&places) {
            series.iter_mut().for_each(|value| *value -= place.unwrap_or(0.0));
        }
        // Each less its place: where one departs, the middle of the others stays.
        let steps = self.steps();
        let usual: Vec<Option<Usual>> = self.known.iter().map(Usual::of).collect();
        let outside = self.outside()?;
        let mut furthest: Option<f64> = None;
        let member = |(at, usual): (usize, &Option<Usual>)| {
            // Of peers that agree to the last digit any departure is one; it still has to be finite.
            let off = apart(&steps, at).map(|(distance, spread)| distance / spread.max(f64::MIN_POSITIVE));
            let off = off.map(|off| off.clamp(-1e150, 1e150));
            let far = off.zip(usual.as_ref()).map(|(off, usual)| usual.far(off));
            furthest = furthest.into_iter().chain(far).reduce(f64::max);
            let scored = far.map(|far| by_chance(self.furthest.chance_of(far), self.budget));
            let scored = scored.unwrap_or(Scored::NOTHING);
            Member { place: places[at], off, outside: outside[at], scored }
        };
        let members: Vec<Member> = usual.iter().enumerate().map(member).collect();
        if let Some(furthest) = furthest {
            self.furthest.chance(furthest);
        }
        for (known, member) in self.known.iter_mut().zip(&members) {
            member.off.filter(|_| member.place.is_some()).into_iter().for_each(|off| keep(known, off));
        }
        if usual.iter().any(Option::is_some) {
            keep(&mut self.gaps, widest_gap(&self.window));
        }
        Ok(members)
    }

    fn steps(&self) -> Vec<Step> {
        (0..self.steps).map(|step| Step::of(&self.window, step)).collect()
    }

    /// The place of each member by the windows before; then the window is learned from.
    fn learn_places(&mut self) -> Vec<Option<f64>> {
        let steps = self.steps();
        let place = |(at, known): (usize, &mut VecDeque<f64>)| {
            let place = (known.len() >= WINDOWS_MIN).then(|| median(&mut known.iter().copied().collect::<Vec<f64>>()));
            apart(&steps, at).into_iter().for_each(|(distance, _)| keep(known, distance));
            place
        };
        self.places.iter_mut().enumerate().map(place).collect()
    }

    /// At how many steps each member lies outside the cluster of most.
    fn outside(&self) -> Result<Vec<usize>, CohortError> {
        if self.gaps.len() < WINDOWS_MIN {
            return Ok(vec![0; self.window.len()]);
        }
        let mut gaps: Vec<f64> = self.gaps.iter().copied().collect();
        let at = ((gaps.len() - 1) as f64 * GAP_SHARE) as usize;
        let near = *gaps.select_nth_unstable_by(at, f64::total_cmp).1;
        let detector = DbscanDetector::with_epsilon(near);
        let window: Vec<&[f64]> = self.window.iter().map(Vec::as_slice).collect();
        let clustered = detector.detect(&detector.preprocess(&window)?)?;
        let count = |scores: &[f64]| scores.iter().filter(|score| **score > 0.0).count();
        Ok(clustered.series_results.iter().map(|series| count(&series.scores)).collect())
    }
}

/// The newest are kept.
fn keep(known: &mut VecDeque<f64>, newest: f64) {
    known.push_back(newest);
    known.drain(..known.len().saturating_sub(WINDOWS_KEPT));
}

/// How far off its place a member usually is: about nothing, and by how much that varies.
struct Usual {
    middle: f64,
    deviation: f64,
}

impl Usual {
    fn of(known: &VecDeque<f64>) -> Option<Self> {
        if known.len() < WINDOWS_MIN {
            return None;
        }
        let known: Vec<f64> = known.iter().copied().collect();
        // One that never moves among the others is measured by their spread.
        let (middle, deviation) = middle_and_deviation(&known).unwrap_or((known[0], 1.0));
        Some(Self { middle, deviation })
    }

    fn far(&self, off: f64) -> f64 {
        ((off - self.middle) / self.deviation).abs()
    }
}

/// The members at one time.
struct Step {
    /// Each value less the median of the others, and their median distance from it; `None` of a gap.
    apart: Vec<Option<(f64, f64)>>,
}

impl Step {
    fn of(window: &[Vec<f64>], step: usize) -> Self {
        let sorted = sorted(window, step);
        let apart = |series: &Vec<f64>| {
            let value = series[step];
            (sorted.len() >= MEMBERS_MIN && !value.is_nan()).then(|| {
                let own = sorted.partition_point(|other| *other < value);
                let middle = (sorted.len() - 1) / 2;
                let middle = sorted[if middle < own { middle } else { middle + 1 }];
                (value - middle, spread(&sorted, own, middle))
            })
        };
        Self { apart: window.iter().map(apart).collect() }
    }
}

fn sorted(window: &[Vec<f64>], step: usize) -> Vec<f64> {
    let mut sorted: Vec<f64> = window.iter().map(|series| series[step]).filter(|value| !value.is_nan()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

/// The median distance from the middle, of all but one.
fn spread(sorted: &[f64], own: usize, middle: f64) -> f64 {
    let others = sorted.iter().enumerate().filter(|(at, _)| *at != own);
    median(&mut others.map(|(_, value)| (value - middle).abs()).collect::<Vec<f64>>())
}

fn widest_gap(window: &[Vec<f64>]) -> f64 {
    let at = |step: usize| sorted(window, step).windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
    (0..window[0].len()).map(at).fold(0.0, f64::max)
}

/// How far a member is from the median of the others, and their median distance from it, both on average over the steps.
fn apart(steps: &[Step], member: usize) -> Option<(f64, f64)> {
    let count = steps.iter().filter(|step| step.apart[member].is_some()).count() as f64;
    let apart = steps.iter().filter_map(|step| step.apart[member]);
    let sums = apart.fold((0.0, 0.0), |(distance, spread), one| (distance + one.0 / count, spread + one.1 / count));
    (count > 0.0).then_some(sums)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::Draws;

    const SETTINGS: Settings = Settings { false_alarms: 0.1, period_rows: None, seed: 1 };
    const STEPS: usize = 12;

    /// Eight members around what moves all of them; the second is always far above the others, the third is noisier.
    fn row(at: usize, draws: &mut Draws) -> Vec<Option<f64>> {
        let shared = 100.0 + 20.0 * (at as f64 / 40.0).sin();
        let place = |member: usize| if member == 1 { 30.0 } else { 0.0 };
        let noise = |member: usize| if member == 2 { 3.0 } else { 1.0 };
        (0..8).map(|member| Some(shared + place(member) + noise(member) * draws.bell())).collect()
    }

    /// The verdicts of each window, with what `change` makes of each row.
    fn verdicts(rows: usize, key: u64, change: impl Fn(usize, &mut [Option<f64>])) -> Vec<Vec<Member>> {
        let (mut cohort, mut draws) = (Cohort::new(8, STEPS, SETTINGS).unwrap(), Draws::of(&[key]));
        let judge = |at: usize| {
            let mut row = row(at, &mut draws);
            change(at, &mut row);
            cohort.take(&row).unwrap()
        };
        (0..rows).filter_map(judge).collect()
    }

    fn alarms(verdicts: &[Vec<Member>]) -> Vec<(usize, usize)> {
        let of = |(at, members): (usize, &Vec<Member>)| {
            let alarmed = (0..members.len()).filter(|member| members[*member].scored.is_anomaly);
            alarmed.map(|member| (at, member)).collect::<Vec<_>>()
        };
        verdicts.iter().enumerate().flat_map(of).collect()
    }

    #[test]
    fn the_one_that_departs_is_named_and_a_move_of_all_is_none() {
        let from = 200 * STEPS;
        let moved = verdicts(210 * STEPS, 1, |at, row| {
            row.iter_mut().flatten().for_each(|value| *value += if at >= from { 500.0 } else { 0.0 });
        });
        assert!(alarms(&moved).iter().all(|(at, _)| *at < 200), "{:?}", alarms(&moved));
        let departed = verdicts(210 * STEPS, 1, |at, row| {
            row[3] = row[3].map(|value| value + if at >= from { 12.0 } else { 0.0 });
        });
        assert!(alarms(&departed).contains(&(200, 3)), "{:?}", alarms(&departed));
        assert!(alarms(&departed).iter().all(|(at, member)| *at < 200 || *member == 3));
        let found = departed[200][3];
        assert!(found.off > Some(5.0) && found.outside >= STEPS / 2, "{found:?}");
        let above = departed[200][1];
        assert!(
            (29.0..31.0).contains(&above.place.unwrap()) && above.off < Some(2.0) && above.outside <= 1,
            "{above:?}"
        );
    }

    #[test]
    fn where_places_differ_nobody_departs_with_the_one_that_does() {
        // Five of six stand apart from each other: without the fourth, the middle of the others is another one's place.
        let departed = |key: u64| {
            let (mut cohort, mut draws) = (Cohort::new(6, STEPS, SETTINGS).unwrap(), Draws::of(&[key]));
            let row = |at: usize, draws: &mut Draws| {
                let moved = |member: usize| if member == 3 && at >= 200 * STEPS { 60.0 } else { 0.0 };
                (0..6).map(|member| Some(10.0 * member as f64 + moved(member) + draws.bell())).collect::<Vec<_>>()
            };
            let verdicts = (0..210 * STEPS).filter_map(|at| cohort.take(&row(at, &mut draws)).unwrap());
            alarms(&verdicts.collect::<Vec<_>>())
        };
        for found in (0..10).map(departed) {
            assert!(found.contains(&(200, 3)), "{found:?}");
            assert!(found.iter().all(|(at, member)| *at < 200 || *member == 3), "{found:?}");
        }
    }

    #[test]
    fn cohorts_without_a_departure_are_quiet_at_the_stated_rate() {
        // Of 60 cohorts over a thousand rows at one in ten, a quarter above nominal: 17 or more come once in a thousand times.
        let alarmed = (0..60).filter(|key| {
            let verdicts = verdicts(1_000 + 40 * STEPS, 100 + key, |_, _| ());
            !alarms(&verdicts[40..]).is_empty()
        });
        let alarmed = alarmed.count();
        assert!(alarmed <= 16, "{alarmed}");
    }

    #[test]
    fn gaps_and_wild_numbers_are_stood() {
        let wild = [f64::MAX, f64::MIN, 0.0, -0.0, f64::MIN_POSITIVE, f64::NAN, f64::INFINITY];
        let judged = verdicts(100 * STEPS, 4, |at, row| {
            for (member, value) in row.iter_mut().enumerate() {
                match (at + member) % 5 {
                    0 => *value = None,
                    1 => *value = Some(wild[(at * 3 + member) % wild.len()]),
                    _ => (),
                }
            }
        });
        for member in judged.iter().flatten() {
            let scored = member.scored;
            assert!(scored.score.is_finite() && (0.0..=1.0).contains(&scored.p_value), "{member:?}");
            assert!(member.off.is_none_or(f64::is_finite) && member.place.is_none_or(f64::is_finite), "{member:?}");
        }
        let silent = verdicts(100 * STEPS, 5, |_, row| row[6] = None);
        let said = |members: &Vec<Member>| members[6].off.is_none() && members[6].scored == Scored::NOTHING;
        assert!(silent.iter().all(said) && silent.len() == 100);
        let same = verdicts(100 * STEPS, 6, |_, row| row.fill(Some(7.0)));
        assert!(alarms(&same).is_empty(), "{:?}", alarms(&same));
    }

    #[test]
    fn what_is_no_cohort_is_said() {
        assert_eq!(Cohort::new(3, 12, SETTINGS).unwrap_err(), CohortError::Members(3));
        assert_eq!(Cohort::new(8, 0, SETTINGS).unwrap_err(), CohortError::Steps(0));
        let mut cohort = Cohort::new(8, 12, SETTINGS).unwrap();
        assert_eq!(cohort.take(&[None; 7]).unwrap_err(), CohortError::Row { found: 7, asked: 8 });
    }
}
