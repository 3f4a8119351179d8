//! The versions of a model of one metric and their life: trained on a schedule and on drift, shown the stream beside the active
//! one, let in through a gate, first for a part of the series, and gone back from where they turn out worse.

use hark_model::{Measured, ModelOrder, Standing, Step};
use serde::{Deserialize, Serialize};

use super::kept_rows::KeptRows;
use super::model::Model;
use super::trial::{fallen, gate};
use super::version::{Strangeness, Version};

/// Fewer say too little of what is normal.
const ROWS_MIN: usize = 1_024;
/// What a row is compared with when it is explained.
const COMPARED_WITH: usize = 64;
/// A staged version judges one in so many series.
const STAGED_EVERY: u64 = 4;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Life<M: Model> {
    columns: usize,
    /// What is added to each column where a regression is put into a row.
    worse: Vec<f32>,
    seed: u64,
    rows: KeptRows,
    active: Option<Version<M>>,
    /// What was active before: to go back to.
    previous: Option<Version<M>>,
    candidate: Option<Candidate<M>>,
    /// Versions so far, and when the last one was trained.
    numbers: u32,
    trained_at: Option<Step>,
    /// The next one is trained on newest rows alone, for those before know another normal.
    is_afresh: bool,
    /// Since this was last asked; taken each step, so no part of the state.
    #[serde(skip)]
    moved: Vec<Moved<M>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
struct Candidate<M: Model> {
    is_staged: bool,
    version: Version<M>,
}

/// A version that stands elsewhere than before.
#[derive(Debug, Clone, PartialEq)]
pub struct Moved<M: Model> {
    pub at: Step,
    pub version: Version<M>,
    pub standing: Standing,
    pub reason: String,
    pub measured: Option<Measured>,
    pub beside: Option<Measured>,
}

impl<M: Model> Life<M> {
    /// `worse` says what a regression adds to each column of a row.
    pub fn new(worse: Vec<f32>, seed: u64) -> Self {
        let columns = worse.len();
        let rows = KeptRows::new(columns, M::ROWS_KEPT);
        let (active, previous, candidate) = (None, None, None);
        let moved = Vec::new();
        let (numbers, trained_at, is_afresh) = (0, None, true);
        Self { columns, worse, seed, rows, active, previous, candidate, numbers, trained_at, is_afresh, moved }
    }

    /// Shows a quiet row to every version there is, then keeps it.
    pub fn learn(&mut self, step: Step, row: &[f32]) {
        if row.len() != self.columns || row.iter().any(|value| !value.is_finite()) {
            return;
        }
        let worse: Vec<f32> = row.iter().zip(&self.worse).map(|(value, by)| value + by).collect();
        let candidate = self.candidate.as_mut().map(|candidate| &mut candidate.version);
        for version in [self.active.as_mut(), self.previous.as_mut(), candidate].into_iter().flatten() {
            version.try_on(row, &worse);
        }
        self.rows.add(step, row);
    }

    /// Once a day: an active version that has fallen is gone back from, or what was on trial is judged; where nothing is on trial then and
    /// it is time, the next version begins its own.
    pub fn renew(&mut self, now: Step) {
        let is_enough = |version: &Version<M>| version.tally().says_enough();
        if self.candidate.as_ref().is_some_and(|candidate| !is_enough(&candidate.version)) {
            return;
        }
        self.is_afresh |= self.active.as_ref().is_some_and(|active| active.tally().has_drifted());
        if !self.goes_back(now)
            && let Some(candidate) = self.candidate.take()
        {
            self.decide(candidate, now);
        }
        if self.candidate.is_none() && self.is_due(now) {
            self.train(now);
        }
        self.begin_trial();
    }

    /// By the schedule, because normal has changed, or because none judges yet.
    fn is_due(&self, now: Step) -> bool {
        let is_old = |at: Step| now.0 - at.0 >= M::RENEWED_AFTER_STEPS;
        self.active.is_none() || self.is_afresh || self.trained_at.is_none_or(is_old)
    }

    /// All versions are shown the same rows from now on.
    fn begin_trial(&mut self) {
        let candidate = self.candidate.as_mut().map(|candidate| &mut candidate.version);
        [self.active.as_mut(), self.previous.as_mut(), candidate].into_iter().flatten().for_each(Version::forget_trial);
    }

    /// What a person orders, out of turn.
    pub fn obey(&mut self, order: ModelOrder, by: &str, now: Step) -> Result<(), OrderRefused> {
        match order {
            ModelOrder::Train => self.train_now(by, now),
            ModelOrder::Promote => self.promote(by, now),
            ModelOrder::RollBack => self.roll_back(&format!("rolled back by {by}"), now),
        }
    }

    fn train_now(&mut self, by: &str, now: Step) -> Result<(), OrderRefused> {
        if let Some(Candidate { version, .. }) = &self.candidate {
            return Err(OrderRefused::OnTrial(version.number));
        }
        self.train(now);
        let Some(shadow) = self.moved.last_mut().filter(|_| self.candidate.is_some()) else {
            return Err(OrderRefused::TooFew { known: self.rows.len() });
        };
        shadow.reason = format!("asked for by {by}: {}", shadow.reason);
        self.begin_trial();
        Ok(())
    }

    fn promote(&mut self, by: &str, now: Step) -> Result<(), OrderRefused> {
        let candidate = self.candidate.take().ok_or(OrderRefused::NothingOnTrial)?;
        self.advance(candidate, format!("promoted by {by}"), now);
        self.begin_trial();
        Ok(())
    }

    fn decide(&mut self, candidate: Candidate<M>, now: Step) {
        let measured = candidate.version.tally().measured();
        let beside = self.active.as_ref().map(|active| active.tally().measured());
        match gate(measured, beside) {
            Ok(reason) => self.advance(candidate, reason, now),
            Err(reason) => {
                let Candidate { is_staged, version } = candidate;
                let standing = if is_staged { Standing::RolledBack } else { Standing::Refused };
                self.moved.push(Moved { at: now, version, standing, reason, measured: Some(measured), beside });
            }
        }
    }

    /// What is on trial judges a part of the series, and what does so all of them; the first has none to be staged beside.
    fn advance(&mut self, candidate: Candidate<M>, reason: String, now: Step) {
        let Candidate { is_staged, version } = candidate;
        let measured = version.tally().measured();
        let beside = self.active.as_ref().map(|active| active.tally().measured());
        let is_active = is_staged || self.active.is_none();
        let standing = if is_active { Standing::Active } else { Standing::Staged };
        let told = version.clone();
        self.moved.push(Moved { at: now, version: told, standing, reason, measured: Some(measured), beside });
        if !is_active {
            self.candidate = Some(Candidate { is_staged: true, version });
            return;
        }
        if let Some(before) = self.active.replace(version.let_in(measured)) {
            self.step_down(&before, Standing::Replaced, "a newer version is active".to_owned(), now);
            self.previous = Some(before);
        }
    }

    /// The active version is held to what it could do when it was let in. Where it no longer can, and the one before it can on the same
    /// rows, that is active again.
    fn goes_back(&mut self, now: Step) -> bool {
        let Some(active) = self.active.as_ref().filter(|active| active.tally().says_enough()) else { return false };
        let (measured, proven) = (active.tally().measured(), active.proven().unwrap_or_default());
        let Some(reason) = fallen(measured, proven) else { return false };
        self.is_afresh = true;
        let before = self.previous.as_ref().map(|previous| previous.tally().measured());
        before.is_some_and(|before| gate(before, Some(measured)).is_ok()) && self.roll_back(&reason, now).is_ok()
    }

    fn train(&mut self, now: Step) {
        if self.rows.len() < ROWS_MIN {
            return;
        }
        let older = self.active.as_ref().filter(|_| !self.is_afresh);
        let trained = Version::train(self.numbers + 1, self.seed, &self.rows, self.columns, older);
        let Some(version) = trained else { return };
        self.numbers += 1;
        let reason = match (older, &self.active) {
            (Some(older), _) => format!("{} version {}", M::RENEWED_FROM, older.number),
            (None, Some(_)) => "normal has changed: trained afresh".to_owned(),
            (None, None) if self.numbers == 1 => "the first".to_owned(),
            (None, None) => "none has passed so far: trained afresh".to_owned(),
        };
        self.trained_at = Some(now);
        self.is_afresh = false;
        let told = version.clone();
        self.moved.push(Moved {
            at: now,
            version: told,
            standing: Standing::Shadow,
            reason,
            measured: None,
            beside: None,
        });
        self.candidate = Some(Candidate { is_staged: false, version });
    }

    /// The version before is active again; what is on trial is given up with the one it was to replace.
    fn roll_back(&mut self, reason: &str, now: Step) -> Result<(), OrderRefused> {
        if self.previous.is_none() {
            return Err(OrderRefused::NothingBefore);
        }
        if let Some(Candidate { version, .. }) = self.candidate.take() {
            let reason = "the active version was rolled back".to_owned();
            let (at, standing) = (now, Standing::Refused);
            self.moved.push(Moved { at, version, standing, reason, measured: None, beside: None });
        }
        self.go_back(reason.to_owned(), now);
        Ok(())
    }

    fn go_back(&mut self, reason: String, now: Step) {
        let Some(previous) = self.previous.take() else { return };
        let told = format!("in the place of version {}", self.active.as_ref().map_or(0, |active| active.number));
        self.moved.push(Moved {
            at: now,
            version: previous.clone(),
            standing: Standing::Active,
            reason: told,
            measured: Some(previous.tally().measured()).filter(|measured| measured.rows > 0),
            beside: None,
        });
        if let Some(active) = self.active.replace(previous) {
            // It is not come back to.
            self.step_down(&active, Standing::RolledBack, reason, now);
        }
    }

    fn step_down(&mut self, version: &Version<M>, standing: Standing, reason: String, now: Step) {
        let measured = Some(version.tally().measured()).filter(|measured| measured.rows > 0);
        self.moved.push(Moved { at: now, version: version.clone(), standing, reason, measured, beside: None });
    }

    /// What has come to stand elsewhere since this was last asked.
    pub fn take_moved(&mut self) -> Vec<Moved<M>> {
        std::mem::take(&mut self.moved)
    }

    /// The version that judges a series; a staged one judges some, always the same.
    pub fn version_for(&self, series: u64) -> Option<&Version<M>> {
        let staged =
            self.candidate.as_ref().filter(|candidate| candidate.is_staged && series.is_multiple_of(STAGED_EVERY));
        staged.map(|candidate| &candidate.version).or(self.active.as_ref())
    }

    /// `None` until a version is active.
    pub fn judge(&self, series: u64, row: &[f32]) -> Option<Strangeness> {
        Some(self.version_for(series)?.judge(row))
    }

    /// The newest held-out rows, one after the other: what an explanation compares with.
    pub fn background(&self) -> Vec<f32> {
        self.rows.newest_held_out(COMPARED_WITH)
    }

    /// The memory it takes up, in bytes.
    pub fn bytes(&self) -> usize {
        let candidate = self.candidate.as_ref().map(|candidate| &candidate.version);
        let versions = [self.active.as_ref(), self.previous.as_ref(), candidate].into_iter().flatten();
        size_of::<Self>() + self.rows.bytes() + versions.map(Version::bytes).sum::<usize>()
    }
}

/// Why an order cannot be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OrderRefused {
    #[error("there is no version to go back to; the active one is the first, or was gone back to already")]
    NothingBefore,
    #[error("there is no version on trial that could be promoted; train one first")]
    NothingOnTrial,
    #[error("version {0} is on trial already; promote it, or wait until it is judged")]
    OnTrial(u32),
    #[error("{known} quiet hours are known, and a version is trained on {ROWS_MIN} at least; wait for more")]
    TooFew { known: usize },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::Draws;
    use crate::forest::IsolationForest;

    type Forest = Life<IsolationForest>;

    const DAY_ROWS: usize = 1_024;

    /// A metric's forest, day after day.
    struct Days {
        forest: Forest,
        draws: Draws,
        step: i64,
    }

    impl Days {
        fn new() -> Self {
            Self { forest: Forest::new(vec![5.0, 5.0, 0.0, 0.0], 7), draws: Draws::of(&[1]), step: 0 }
        }

        fn normal(&mut self) -> [f32; 4] {
            std::array::from_fn(|_| self.draws.bell() as f32)
        }

        /// Rows around a level, then the day's decisions, as number, standing.
        fn day(&mut self, level: f32) -> Vec<(u32, Standing)> {
            for _ in 0..DAY_ROWS {
                let row = self.normal().map(|value| value + level);
                self.step += 1;
                self.forest.learn(Step(self.step), &row);
            }
            self.forest.renew(Step(self.step));
            self.forest.take_moved().into_iter().map(|moved| (moved.version.number, moved.standing)).collect()
        }
    }

    #[test]
    fn a_version_is_shadow_then_staged_then_active_and_the_one_before_is_kept() {
        use Standing::{Active, Replaced, Shadow, Staged};
        let mut days = Days::new();
        assert_eq!(days.day(0.0), [(1, Shadow)]);
        assert_eq!(days.forest.judge(0, &[0.0; 4]), None, "nobody hears of a shadow");
        // The first has none to be staged beside.
        assert_eq!(days.day(0.0), [(1, Active), (2, Shadow)]);
        assert_eq!(days.day(0.0), [(2, Staged)]);
        let judges = |days: &Days, series| days.forest.version_for(series).map(|version| version.number);
        assert_eq!((judges(&days, 4), judges(&days, 5)), (Some(2), Some(1)));
        assert_eq!(days.day(0.0), [(2, Active), (1, Replaced), (3, Shadow)]);
        assert_eq!(judges(&days, 5), Some(2));
    }

    #[test]
    fn p_values_of_normal_rows_are_even_and_those_of_strange_ones_are_small() {
        let mut days = Days::new();
        (0..5).for_each(|_| drop(days.day(0.0)));
        let mut p_value = || {
            let row = days.normal();
            days.forest.judge(1, &row).unwrap().p_value
        };
        let p_values: Vec<f64> = (0..500).map(|_| p_value()).collect();
        for level in [0.05, 0.2, 0.5] {
            let below = p_values.iter().filter(|p_value| **p_value <= level).count() as f64 / 500.0;
            // Four standard errors of the share and of the held-out rows it is ranked among.
            let error = (level * (1.0 - level) * (1.0 / 500.0 + 1.0 / 700.0)).sqrt();
            assert!((below - level).abs() < 4.0 * error, "{level}: {below}");
        }
        let strange = days.forest.judge(1, &[8.0, -8.0, 8.0, 8.0]).unwrap();
        assert!(strange.p_value < 0.003, "{strange:?}");
    }

    #[test]
    fn a_new_normal_is_a_drift_after_which_it_is_grown_afresh() {
        let mut days = Days::new();
        (0..4).for_each(|_| drop(days.day(0.0)));
        let moved = [8.0, 8.0, 8.0, 8.0];
        assert!(days.forest.judge(1, &moved).unwrap().p_value < 0.003);
        let mut is_afresh = false;
        for _ in 0..12 {
            days.day(8.0);
            is_afresh |= days.forest.candidate.as_ref().is_some_and(|candidate| candidate.version.data[0].0 > 4_096);
        }
        assert!(is_afresh);
        assert!(days.forest.judge(1, &moved).unwrap().p_value > 0.1);
    }

    #[test]
    fn what_was_rolled_back_is_not_come_back_to() {
        use Standing::{Active, Refused, RolledBack};
        let mut days = Days::new();
        assert_eq!(days.forest.roll_back("asked", Step(0)), Err(OrderRefused::NothingBefore));
        (0..4).for_each(|_| drop(days.day(0.0)));
        assert_eq!(days.forest.roll_back("asked", Step(9)), Ok(()));
        let moved: Vec<_> =
            days.forest.take_moved().into_iter().map(|moved| (moved.version.number, moved.standing)).collect();
        assert_eq!(moved, [(3, Refused), (1, Active), (2, RolledBack)]);
        assert_eq!(days.forest.version_for(1).map(|version| version.number), Some(1));
        assert_eq!(days.forest.roll_back("asked", Step(9)), Err(OrderRefused::NothingBefore));
    }

    #[test]
    fn an_active_version_that_has_fallen_is_gone_back_from_if_the_one_before_is_better() {
        use Standing::{Active, Refused, RolledBack, Shadow, Staged};
        let mut days = Days::new();
        (0..4).for_each(|_| drop(days.day(0.0)));
        // What is a regression to others is within what this one was grown on.
        let mut wide = KeptRows::new(4, IsolationForest::ROWS_KEPT);
        for step in 0..2_048 {
            let row = days.normal().map(|value| 30.0 * value);
            wide.add(Step(step), &row);
        }
        let proven = days.forest.active.as_ref().and_then(Version::proven).unwrap();
        let blind = Version::train(99, 7, &wide, 4, None).unwrap().let_in(proven);
        days.forest.active = Some(blind.clone());
        assert_eq!(days.day(0.0), [(3, Refused), (1, Active), (99, RolledBack), (4, Shadow)]);
        assert_eq!(days.forest.version_for(1).map(|version| version.number), Some(1));
        // There is none to go back to, so the one on trial goes on.
        days.forest.active = Some(blind);
        assert_eq!(days.day(0.0), [(4, Staged)]);
        assert_eq!(days.day(0.0)[0], (4, Active));
    }

    #[test]
    fn what_a_person_orders_is_done_out_of_turn() {
        use Standing::{Active, Replaced, Shadow, Staged};
        let mut days = Days::new();
        let order = |days: &mut Days, order: ModelOrder| -> Result<Vec<(u32, Standing)>, OrderRefused> {
            days.forest.obey(order, "ada", Step(9))?;
            Ok(days.forest.take_moved().into_iter().map(|one| (one.version.number, one.standing)).collect())
        };
        assert_eq!(order(&mut days, ModelOrder::Train), Err(OrderRefused::TooFew { known: 0 }));
        assert_eq!(order(&mut days, ModelOrder::Promote), Err(OrderRefused::NothingOnTrial));
        days.day(0.0);
        assert_eq!(order(&mut days, ModelOrder::Train), Err(OrderRefused::OnTrial(1)));
        assert_eq!(order(&mut days, ModelOrder::Promote), Ok(vec![(1, Active)]), "the first is staged beside none");
        assert_eq!(order(&mut days, ModelOrder::Train), Ok(vec![(2, Shadow)]));
        assert_eq!(order(&mut days, ModelOrder::Promote), Ok(vec![(2, Staged)]));
        assert_eq!(order(&mut days, ModelOrder::Promote), Ok(vec![(2, Active), (1, Replaced)]));
        assert_eq!(order(&mut days, ModelOrder::RollBack).map(|moved| moved.len()), Ok(2));
        // Its life goes on by the day.
        assert_eq!(days.day(0.0), [(3, Shadow)]);
        assert_eq!(days.day(0.0), [(3, Staged)]);
    }

    #[test]
    fn it_says_nothing_until_it_knows_enough_and_keeps_no_more_than_its_bound() {
        let mut few = Forest::new(vec![5.0, 5.0, 0.0, 0.0], 7);
        (0..ROWS_MIN as i64 - 1).for_each(|step| few.learn(Step(step), &[0.0, 1.0, 2.0, step as f32]));
        few.renew(Step(2_000));
        assert!(few.take_moved().is_empty());
        let mut days = Days::new();
        (0..14).for_each(|_| drop(days.day(0.0)));
        assert_eq!(days.forest.rows.len(), IsolationForest::ROWS_KEPT);
        assert_eq!(days.forest.background().len(), COMPARED_WITH * 4);
        assert!(days.forest.bytes() < 2_000_000, "{}", days.forest.bytes());
    }
}
