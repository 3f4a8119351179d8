//! What the next value of a series should be, from the rows before it: season and the values just before.

use std::collections::VecDeque;

use super::regression::Sums;

const DAY_MS: i64 = 24 * 60 * 60_000;
const WEEK_MS: i64 = 7 * DAY_MS;

/// So many of the newest rows are learned from.
const HISTORY_MAX: usize = 6_048;
/// Before this many there is only a level.
const ROWS_MIN: usize = 24;
/// The coefficients are found anew whenever there are so many times as many rows, and at the latest after so many more.
const REFIT_GROWTH: f64 = 1.1;
const REFIT_ROWS: usize = 250;
/// A season is learned once the rows cover so many periods.
const PERIODS_MIN: f64 = 2.2;
/// A slot of the season is the mean of about so many periods.
const SLOT_PERIODS: f64 = 6.0;
const LAGS: usize = 3;
/// So many of them at most, as few as do.
const LAG_CHOICES: [usize; 3] = [0, 1, LAGS];
const HARMONICS: usize = 3;
/// A slot is a feature from so many periods on.
const FORMED_PERIODS: f64 = 3.0;
/// A value further off than so many deviations is learned from as if it were there.
const CLIP_DEVIATIONS: f64 = 4.0;
/// Values just before that weigh so much make the forecast follow a new level by itself.
const FOLLOWS_FROM: f64 = 0.7;
/// Fewer rows for each feature would be learned by heart.
const ROWS_PER_FEATURE: f64 = 5.0;
const RIDGE: f64 = 1e-6;
/// A season of more rows does not come twice among those that are learned from.
pub const PERIOD_ROWS_MAX: usize = 2_700;

const PER_SEASON: usize = 2 + 2 * HARMONICS;
const FEATURES: usize = 1 + LAGS + 2 * PER_SEASON;

#[derive(Debug, Clone)]
pub(super) struct Forecast {
    /// Given by the user, in rows.
    period_rows: Option<usize>,
    seasons: Vec<Season>,
    /// Of the first rows, until their step is known.
    times: Vec<i64>,
    history: VecDeque<Row>,
    lags: [f64; LAGS],
    fitted: Option<Fitted>,
    next_fit: usize,
    rows: usize,
    level: f64,
    is_clipped: bool,
    /// Whether a season was ever found to help.
    is_seasonal: [bool; 2],
}

/// What of a season the forecast goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Use {
    Nothing,
    Waves,
    Slots,
}

/// For the shorter season and the longer one.
const CHOICES: [[Use; 2]; 6] = [
    [Use::Nothing, Use::Nothing],
    [Use::Waves, Use::Nothing],
    [Use::Slots, Use::Nothing],
    [Use::Waves, Use::Waves],
    [Use::Nothing, Use::Slots],
    [Use::Slots, Use::Slots],
];

/// Coefficients for features of which a center has been taken off.
#[derive(Debug, Clone)]
struct Fitted {
    center: f64,
    coefficients: Vec<f64>,
}

#[derive(Debug, Clone)]
struct Row {
    features: [f64; FEATURES],
    /// Whether the slots of each season had come often enough to be features.
    is_formed: [bool; 2],
    cleaned: f64,
}

/// One period, cut into slots as long as a step.
#[derive(Debug, Clone)]
struct Season {
    period_ms: i64,
    /// The mean of each slot beside the level, and how many rows it is of.
    slots: Vec<(f64, f64)>,
    first_ms: i64,
    /// The mean of the newest period.
    level: f64,
    rows: f64,
    /// The slot mean of the row before.
    before: f64,
}

impl Forecast {
    pub(super) fn new(period_rows: Option<usize>) -> Self {
        Self {
            period_rows,
            seasons: Vec::new(),
            times: Vec::new(),
            history: VecDeque::new(),
            lags: [0.0; LAGS],
            fitted: None,
            next_fit: ROWS_MIN,
            rows: 0,
            level: 0.0,
            is_clipped: false,
            is_seasonal: [false; 2],
        }
    }

    /// What is expected at this time; `None` while too little has come.
    pub(super) fn expect(&self, time_ms: i64) -> Option<f64> {
        Some(self.fitted.as_ref()?.expect(&self.features(time_ms)))
    }

    /// What a residual that stays means for the level; `None` where the values just before carry the forecast along.
    pub(super) fn gain(&self) -> Option<f64> {
        let Some(fitted) = &self.fitted else { return Some(1.0) };
        let memory: f64 = fitted.coefficients[1..=LAGS].iter().sum();
        (memory < FOLLOWS_FROM).then(|| 1.0 / (1.0 - memory.max(-1.0)))
    }

    /// Takes a row; true if the series is seen with other eyes from now on, because a season has been found in it.
    pub(super) fn learn(&mut self, time_ms: i64, value: f64, deviation: f64) -> bool {
        let features = self.features(time_ms);
        let mut cleaned = value;
        if let Some(fitted) = &self.fitted
            && deviation > 0.0
        {
            let expected = fitted.expect(&features);
            cleaned = value.clamp(expected - CLIP_DEVIATIONS * deviation, expected + CLIP_DEVIATIONS * deviation);
            // One row may be an outlier; with a second one the world is elsewhere.
            if std::mem::replace(&mut self.is_clipped, cleaned != value) {
                cleaned = value;
            }
        }
        if self.rows == 0 {
            self.lags = [cleaned; LAGS];
            self.level = cleaned;
        }
        self.rows += 1;
        self.level += (cleaned - self.level) / (self.rows.min(500) as f64);
        let is_formed = [0, 1].map(|at| self.seasons.get(at).is_some_and(|season| season.is_formed(time_ms)));
        self.history.push_back(Row { features, is_formed, cleaned });
        self.seasons.iter_mut().for_each(|season| season.learn(time_ms, cleaned));
        if self.history.len() > HISTORY_MAX {
            self.history.pop_front();
        }
        self.lags.rotate_right(1);
        self.lags[0] = cleaned;
        if self.times.len() < ROWS_MIN - 1 {
            self.times.push(time_ms);
            if self.times.len() == ROWS_MIN - 1 {
                self.find_step();
            }
        }
        if self.rows < self.next_fit {
            return false;
        }
        self.next_fit = (self.rows + 1).max((self.rows as f64 * REFIT_GROWTH) as usize).min(self.rows + REFIT_ROWS);
        self.fit(time_ms)
    }

    /// The level has moved by so much: what was learned of it moves along.
    pub(super) fn rebase(&mut self, by: f64) {
        self.level += by;
        self.lags.iter_mut().for_each(|lag| *lag += by);
        if let Some(fitted) = &mut self.fitted {
            fitted.center += by;
        }
        for season in &mut self.seasons {
            season.level += by;
        }
        for row in &mut self.history {
            row.cleaned += by;
            row.features[1..=LAGS].iter_mut().for_each(|lag| *lag += by);
        }
    }

    fn features(&self, time_ms: i64) -> [f64; FEATURES] {
        let mut features = [0.0; FEATURES];
        features[0] = 1.0;
        features[1..=LAGS].copy_from_slice(&self.lags);
        for (at, season) in self.seasons.iter().enumerate() {
            let own = &mut features[1 + LAGS + at * PER_SEASON..][..PER_SEASON];
            own[0] = season.mean(time_ms).unwrap_or(0.0);
            own[1] = season.before;
            let phase = (time_ms.rem_euclid(season.period_ms)) as f64 / season.period_ms as f64;
            for harmonic in 0..HARMONICS {
                let angle = std::f64::consts::TAU * (harmonic + 1) as f64 * phase;
                (own[2 + 2 * harmonic], own[3 + 2 * harmonic]) = angle.sin_cos();
            }
        }
        features
    }

    fn find_step(&mut self) {
        let mut steps: Vec<i64> =
            self.times.windows(2).map(|pair| pair[1] - pair[0]).filter(|step| *step > 0).collect();
        steps.sort_unstable();
        let Some(&step) = steps.get(steps.len() / 2) else { return };
        let first = self.times[0];
        let periods: Vec<i64> = match self.period_rows {
            Some(rows) => vec![rows as i64 * step],
            None => [DAY_MS, WEEK_MS].into_iter().filter(|period| period / step >= 4).collect(),
        };
        let periods = periods.into_iter().filter(|period| period / step <= PERIOD_ROWS_MAX as i64);
        let season = |period_ms: i64| Season {
            period_ms,
            slots: vec![(0.0, 0.0); (period_ms / step).max(1) as usize],
            first_ms: first,
            level: self.level,
            rows: self.rows as f64,
            before: 0.0,
        };
        self.seasons = periods.map(season).collect();
    }

    fn fit(&mut self, now_ms: i64) -> bool {
        let center = self.history.iter().map(|row| row.cleaned).sum::<f64>() / self.history.len().max(1) as f64;
        let mut best: Option<(f64, Vec<f64>, [Use; 2])> = None;
        for choice in CHOICES {
            if choice.iter().enumerate().any(|(at, used)| *used > self.known(at, now_ms)) {
                continue;
            }
            let is_formed = |row: &&Row| (0..2).all(|at| choice[at] < Use::Slots || row.is_formed[at]);
            let mut sums = Sums::new(FEATURES);
            for row in self.history.iter().filter(is_formed) {
                sums.add(&centered(&row.features, center), row.cleaned - center);
            }
            let n = sums.rows();
            for lags in LAG_CHOICES {
                let is_used = |feature: usize| match feature.checked_sub(1 + LAGS) {
                    None => feature <= lags,
                    Some(at) if at % PER_SEASON < 2 => choice[at / PER_SEASON] == Use::Slots,
                    Some(at) => choice[at / PER_SEASON] >= Use::Waves,
                };
                let used = (0..FEATURES).filter(|&feature| is_used(feature)).count() as f64;
                if n < ROWS_PER_FEATURE * used {
                    continue;
                }
                let Some((coefficients, left)) = sums.solve(&is_used, RIDGE) else { continue };
                // By the row, since not all choices have all rows.
                let criterion = (left / n).max(1e-300).ln() + used * n.ln() / n;
                if best.as_ref().is_none_or(|(known, ..)| criterion < *known) {
                    best = Some((criterion, coefficients, choice));
                }
            }
        }
        let Some((_, coefficients, choice)) = best.filter(|(_, found, _)| found.iter().all(|one| one.is_finite()))
        else {
            return false;
        };
        self.fitted = Some(Fitted { center, coefficients });
        let is_new = (0..2).any(|at| choice[at] > Use::Nothing && !self.is_seasonal[at]);
        (0..2).for_each(|at| self.is_seasonal[at] |= choice[at] > Use::Nothing);
        is_new
    }

    /// How much of a season can be known by now.
    fn known(&self, season: usize, now_ms: i64) -> Use {
        let Some(season) = self.seasons.get(season) else { return Use::Nothing };
        match (now_ms - season.first_ms) as f64 / season.period_ms as f64 {
            periods if periods >= FORMED_PERIODS + 2.0 => Use::Slots,
            periods if periods >= PERIODS_MIN => Use::Waves,
            _ => Use::Nothing,
        }
    }
}

impl Season {
    fn slot(&self, time_ms: i64) -> usize {
        let phase = time_ms.rem_euclid(self.period_ms) as f64 / self.period_ms as f64;
        ((phase * self.slots.len() as f64) as usize).min(self.slots.len() - 1)
    }

    fn is_formed(&self, time_ms: i64) -> bool {
        self.slots[self.slot(time_ms)].1 >= FORMED_PERIODS
    }

    fn mean(&self, time_ms: i64) -> Option<f64> {
        let (mean, seen) = self.slots[self.slot(time_ms)];
        (seen > 0.0).then_some(mean)
    }

    fn learn(&mut self, time_ms: i64, value: f64) {
        self.before = self.mean(time_ms).unwrap_or(0.0);
        self.rows = (self.rows + 1.0).min(self.slots.len() as f64);
        self.level += (value - self.level) / self.rows;
        let slot = self.slot(time_ms);
        let (mean, seen) = &mut self.slots[slot];
        *seen = (*seen + 1.0).min(SLOT_PERIODS);
        *mean += (value - self.level - *mean) / *seen;
    }
}

impl Fitted {
    fn expect(&self, features: &[f64; FEATURES]) -> f64 {
        let features = centered(features, self.center);
        self.center + self.coefficients.iter().zip(features).map(|(a, b)| a * b).sum::<f64>()
    }
}

/// The features that are values and no deviations, from the center.
fn centered(features: &[f64; FEATURES], center: f64) -> [f64; FEATURES] {
    let mut features = *features;
    features[1..=LAGS].iter_mut().for_each(|lag| *lag -= center);
    features
}
