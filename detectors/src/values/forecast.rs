//! What the next value of a series should be, from the rows before it: season and the values just before.

use std::collections::VecDeque;

use crate::arima::seasons::season_name;
use crate::breakdown::Term;

use super::regression::{FEATURES, Numbers, Solved, Sums};

const DAY_MS: i64 = 24 * 60 * 60_000;
const WEEK_MS: i64 = 7 * DAY_MS;

/// So many of the newest rows are learned from.
const HISTORY_MAX: usize = 6_048;
/// Before this many there is only a level.
const ROWS_MIN: usize = 24;
/// Which features pay is asked anew whenever there are so many times as many rows, and at the latest after so many more.
const CHOICE_GROWTH: f64 = 1.1;
const CHOICE_ROWS: usize = 250;
/// Coefficients are found anew after one more in so many rows, and at the latest after so many: the surer they are, the
/// less often.
const SOLVE_SHARE: usize = 64;
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
/// Sums are built anew when so little of the squares that they once held is left, that rounding could be seen.
const LEFT_MIN: f64 = 1e-6;
/// A season of more rows does not come twice among those that are learned from.
pub const PERIOD_ROWS_MAX: usize = 2_700;

const PER_SEASON: usize = 2 + 2 * HARMONICS;
/// One, then the seasons, then the values just before: so the latter can be left off from behind.
const FIRST_LAG: usize = 1 + 2 * PER_SEASON;
const _: () = assert!(FIRST_LAG + LAGS == FEATURES);

#[derive(Debug, Clone)]
pub(super) struct Forecast {
    /// Given by the user, in rows.
    period_rows: Option<usize>,
    seasons: Vec<Season>,
    /// Of the first rows, until their step is known.
    times: Vec<i64>,
    history: VecDeque<Row>,
    /// Of the history, by which slots were formed.
    sums: Box<[Sums; 4]>,
    /// The most squares that the sums have held.
    squares_most: f64,
    /// Values are told from here, in the history and in the sums.
    center: f64,
    lags: [f64; LAGS],
    choice: Option<Choice>,
    fitted: Option<Box<Fitted>>,
    next_choice: usize,
    next_solve: usize,
    rows: usize,
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

#[derive(Debug, Clone, Copy)]
struct Choice {
    seasons: [Use; 2],
    lags: usize,
}

#[derive(Debug, Clone)]
struct Fitted {
    coefficients: [f64; FEATURES],
    solved: Solved,
}

#[derive(Debug, Clone)]
struct Row {
    /// Values from the center.
    numbers: Numbers,
    formed: usize,
}

/// What is seen at a time, before the value is known.
#[derive(Debug, Clone)]
pub(super) struct Outlook {
    numbers: Numbers,
    formed: usize,
    slots: [usize; 2],
    time_ms: i64,
    /// `None` while too little has come.
    pub(super) expected: Option<f64>,
    /// By so much a value is further off for how little is known.
    pub(super) widening: f64,
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
            sums: Box::new([const { Sums::new() }; 4]),
            squares_most: 0.0,
            center: 0.0,
            lags: [0.0; LAGS],
            choice: None,
            fitted: None,
            next_choice: ROWS_MIN,
            next_solve: ROWS_MIN,
            rows: 0,
            is_clipped: false,
            is_seasonal: [false; 2],
        }
    }

    pub(super) fn outlook(&self, time_ms: i64) -> Outlook {
        let mut numbers = [0.0; FEATURES + 1];
        numbers[0] = 1.0;
        let (mut formed, mut slots) = (0, [0; 2]);
        for (at, season) in self.seasons.iter().enumerate() {
            let phase = season.phase(time_ms);
            slots[at] = ((phase * season.slots.len() as f64) as usize).min(season.slots.len() - 1);
            let (mean, seen) = season.slots[slots[at]];
            formed |= usize::from(seen >= FORMED_PERIODS) << at;
            let own = &mut numbers[1 + at * PER_SEASON..][..PER_SEASON];
            (own[0], own[1]) = (mean, season.before);
            own[2..].copy_from_slice(&waves(phase));
        }
        for (number, lag) in numbers[FIRST_LAG..FEATURES].iter_mut().zip(self.lags) {
            *number = lag - self.center;
        }
        let (mut expected, mut widening) = (None, 1.0);
        if let Some(fitted) = &self.fitted {
            expected = Some(self.center + fitted.expect(&numbers));
            widening = (1.0 + fitted.solved.leverage(&numbers)).sqrt();
        }
        Outlook { numbers, formed, slots, time_ms, expected, widening }
    }

    /// What is expected, term by term: the level first, which the others move. Of the values just before, each by how far it
    /// is from the middle of what was learned from.
    pub(super) fn terms(&self, outlook: &Outlook) -> Option<Vec<Term>> {
        let coefficients = &self.fitted.as_ref()?.coefficients;
        let numbers = &outlook.numbers;
        let mut terms = vec![Term::new("level", self.center + coefficients[0])];
        for (at, season) in self.seasons.iter().enumerate() {
            let own = 1 + at * PER_SEASON..1 + (at + 1) * PER_SEASON;
            let both = coefficients[own.clone()].iter().zip(&numbers[own]);
            if both.clone().any(|(coefficient, _)| *coefficient != 0.0) {
                terms.push(Term::new(season_name(season.period_ms), both.map(|(a, b)| a * b).sum()));
            }
        }
        let lags = (0..LAGS).map(|at| (at, coefficients[FIRST_LAG + at], numbers[FIRST_LAG + at]));
        for (at, coefficient, off) in lags.filter(|(_, coefficient, _)| *coefficient != 0.0) {
            terms.push(Term { values_back: Some(at + 1), ..Term::product("off the middle", coefficient, off) });
        }
        Some(terms)
    }

    /// What a residual that stays means for the level; `None` where the values just before carry the forecast along.
    pub(super) fn gain(&self) -> Option<f64> {
        let Some(fitted) = &self.fitted else { return Some(1.0) };
        let memory: f64 = fitted.coefficients[FIRST_LAG..].iter().sum();
        (memory < FOLLOWS_FROM).then(|| 1.0 / (1.0 - memory.max(-1.0)))
    }

    /// Takes a row; true if the series is seen with other eyes from now on, because a season has been found in it.
    pub(super) fn learn(&mut self, outlook: &Outlook, value: f64, deviation: f64) -> bool {
        let Outlook { mut numbers, formed, slots, time_ms, expected, .. } = *outlook;
        let mut cleaned = value;
        if let Some(expected) = expected
            && deviation > 0.0
        {
            cleaned = value.clamp(expected - CLIP_DEVIATIONS * deviation, expected + CLIP_DEVIATIONS * deviation);
            // One row may be an outlier; with a second one the world is elsewhere.
            if std::mem::replace(&mut self.is_clipped, cleaned != value) {
                cleaned = value;
            }
        }
        if self.rows == 0 {
            self.lags = [cleaned; LAGS];
            self.center = cleaned;
        }
        self.rows += 1;
        numbers[FEATURES] = cleaned - self.center;
        self.remember(Row { numbers, formed });
        self.seasons.iter_mut().zip(slots).for_each(|(season, slot)| season.learn(slot, cleaned));
        self.lags.rotate_right(1);
        self.lags[0] = cleaned;
        if self.times.len() < ROWS_MIN - 1 {
            self.times.push(time_ms);
            if self.times.len() == ROWS_MIN - 1 {
                self.find_step();
            }
        }
        let mut is_new = false;
        if self.rows >= self.next_choice {
            let later = ((self.rows as f64 * CHOICE_GROWTH) as usize).clamp(self.rows + 1, self.rows + CHOICE_ROWS);
            self.next_choice = later;
            is_new = self.choose(time_ms);
            self.next_solve = self.rows;
        }
        if self.rows >= self.next_solve {
            self.next_solve = self.rows + (self.rows / SOLVE_SHARE).clamp(1, SOLVE_SHARE);
            self.solve();
        }
        is_new
    }

    /// The level has moved by so much: what was learned of it moves along.
    pub(super) fn rebase(&mut self, by: f64) {
        self.center += by;
        self.lags.iter_mut().for_each(|lag| *lag += by);
        for season in &mut self.seasons {
            season.level += by;
        }
    }

    fn remember(&mut self, row: Row) {
        self.sums[row.formed].add(&row.numbers, 1.0);
        self.history.push_back(row);
        if self.history.len() > HISTORY_MAX
            && let Some(oldest) = self.history.pop_front()
        {
            self.sums[oldest.formed].add(&oldest.numbers, -1.0);
        }
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
        let mean = self.history.iter().map(|row| row.numbers[FEATURES]).sum::<f64>() / self.rows.max(1) as f64;
        let season = |period_ms: i64| Season {
            period_ms,
            slots: vec![(0.0, 0.0); (period_ms / step).max(1) as usize],
            first_ms: first,
            level: self.center + mean,
            rows: self.rows as f64,
            before: 0.0,
        };
        self.seasons = periods.map(season).collect();
        // Waves are known of the first rows too; the sums follow when the first fit builds them anew.
        for (row, time_ms) in self.history.iter_mut().zip(&self.times) {
            for (at, season) in self.seasons.iter().enumerate() {
                let own = &mut row.numbers[1 + at * PER_SEASON..][..PER_SEASON];
                own[2..].copy_from_slice(&waves(season.phase(*time_ms)));
            }
        }
    }

    /// Of the rows that have formed what is needed.
    fn sums(&self, needed: usize) -> Sums {
        let mut all = Sums::new();
        self.sums.iter().enumerate().filter(|(formed, _)| formed & needed == needed).for_each(|(_, sums)| {
            if sums.rows() > 0.0 {
                all.add_all(sums);
            }
        });
        all
    }

    /// Builds the sums anew if rounding, or a center that is no longer amid the values, could be seen in them.
    fn refresh(&mut self) {
        let squares: f64 = self.sums.iter().map(Sums::squares).sum();
        self.squares_most = self.squares_most.max(squares);
        let rows = self.history.len().max(1) as f64;
        let mut mean = self.sums.iter().map(Sums::total).sum::<f64>() / rows;
        if !mean.is_finite() {
            mean = self.history.iter().map(|row| row.numbers[FEATURES] / rows).sum();
        }
        let is_far = self.rows == ROWS_MIN || mean * mean * rows > 0.9 * squares;
        if (is_far || squares.is_nan() || squares < LEFT_MIN * self.squares_most) && mean.is_finite() {
            self.center += mean;
            self.sums.iter_mut().for_each(|sums| *sums = Sums::new());
            for row in &mut self.history {
                row.numbers[FIRST_LAG..].iter_mut().for_each(|value| *value -= mean);
                self.sums[row.formed].add(&row.numbers, 1.0);
            }
            self.squares_most = self.sums.iter().map(Sums::squares).sum();
        }
    }

    fn choose(&mut self, now_ms: i64) -> bool {
        self.refresh();
        // Not all choices have all rows, and some rows are quieter than others: so each is held against the best of those
        // without slots by the rows that it has.
        let mut best: Option<(f64, Choice)> = None;
        let mut without: [Option<f64>; 4] = [None; 4];
        for seasons in CHOICES {
            if seasons.iter().enumerate().any(|(at, used)| *used > self.known(at, now_ms)) {
                continue;
            }
            let formed = needed(seasons);
            let sums = self.sums(formed);
            let without = *without[formed].get_or_insert_with(|| {
                let known = CHOICES.into_iter().filter(|seasons| needed(*seasons) == 0);
                let known = known.filter(|seasons| (0..2).all(|at| seasons[at] <= self.known(at, now_ms)));
                known
                    .filter_map(|seasons| best_lags(&sums, seasons))
                    .map(|(criterion, _)| criterion)
                    .fold(f64::INFINITY, f64::min)
            });
            if let Some((criterion, choice)) = best_lags(&sums, seasons)
                && let gain = without - criterion
                && best.is_none_or(|(known, _)| gain > known)
            {
                best = Some((gain, choice));
            }
        }
        let Some((_, choice)) = best else { return false };
        self.choice = Some(choice);
        let is_new = (0..2).any(|at| choice.seasons[at] > Use::Nothing && !self.is_seasonal[at]);
        (0..2).for_each(|at| self.is_seasonal[at] |= choice.seasons[at] > Use::Nothing);
        is_new
    }

    fn solve(&mut self) {
        let Some(choice) = self.choice else { return };
        let (used, count) = used(choice);
        let sums = self.sums(needed(choice.seasons));
        let solved = sums.solve(&used[..count], RIDGE);
        let coefficients = solved.coefficients(choice.lags, |lags| unbias(lags, sums.rows()));
        if solved.count() == count && coefficients.iter().all(|one| one.is_finite()) {
            self.fitted = Some(Box::new(Fitted { coefficients, solved }));
        }
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

/// Which slots have to be formed in the rows that are learned from.
fn needed(seasons: [Use; 2]) -> usize {
    usize::from(seasons[0] == Use::Slots) | usize::from(seasons[1] == Use::Slots) << 1
}

/// The criterion of a choice, less being better, by the row, with as many values just before as do best.
fn best_lags(sums: &Sums, seasons: [Use; 2]) -> Option<(f64, Choice)> {
    let n = sums.rows();
    let (used, most) = used(Choice { seasons, lags: LAGS });
    let solved = sums.solve(&used[..most], RIDGE);
    let criteria = LAG_CHOICES.into_iter().filter_map(|lags| {
        let count = most - LAGS + lags;
        let used = count as f64;
        if n < ROWS_PER_FEATURE * used || count > solved.count() {
            return None;
        }
        let criterion = (solved.left(count) / n).max(1e-300).ln() + used * n.ln() / n;
        criterion.is_finite().then_some((criterion, Choice { seasons, lags }))
    });
    criteria.min_by(|a, b| a.0.total_cmp(&b.0))
}

/// Least squares take a memory for shorter than it is, on average by (1 + 3 memory) / rows (Kendall 1954, Marriott and
/// Pope 1954). What that leaves in the residuals is memory too, and looks like shifts.
fn unbias(lags: &mut [f64], rows: f64) {
    let memory: f64 = lags.iter().sum();
    if memory > 0.0 {
        lags[0] += ((1.0 + 3.0 * memory) / rows).min((1.0 - memory).max(0.0) / 2.0);
    }
}

/// The features of a choice, and how many they are.
fn used(choice: Choice) -> ([usize; FEATURES], usize) {
    let is_used = |feature: &usize| match *feature {
        0 => true,
        feature if feature >= FIRST_LAG => feature < FIRST_LAG + choice.lags,
        feature if (feature - 1) % PER_SEASON < 2 => choice.seasons[(feature - 1) / PER_SEASON] == Use::Slots,
        feature => choice.seasons[(feature - 1) / PER_SEASON] >= Use::Waves,
    };
    let (mut used, mut count) = ([0; FEATURES], 0);
    for feature in (0..FEATURES).filter(is_used) {
        used[count] = feature;
        count += 1;
    }
    (used, count)
}

/// Sines and cosines of a period and its halves and thirds.
fn waves(phase: f64) -> [f64; 2 * HARMONICS] {
    let (sin, cos) = (std::f64::consts::TAU * phase).sin_cos();
    let mut waves = [sin, cos, 0.0, 0.0, 0.0, 0.0];
    for at in (2..waves.len()).step_by(2) {
        let (s, c) = (waves[at - 2], waves[at - 1]);
        (waves[at], waves[at + 1]) = (s * cos + c * sin, c * cos - s * sin);
    }
    waves
}

impl Season {
    fn phase(&self, time_ms: i64) -> f64 {
        time_ms.rem_euclid(self.period_ms) as f64 / self.period_ms as f64
    }

    fn learn(&mut self, slot: usize, value: f64) {
        self.rows = (self.rows + 1.0).min(self.slots.len() as f64);
        self.level += (value - self.level) / self.rows;
        let (mean, seen) = &mut self.slots[slot];
        self.before = *mean;
        *seen = (*seen + 1.0).min(SLOT_PERIODS);
        *mean += (value - self.level - *mean) / *seen;
    }
}

impl Fitted {
    /// From the center.
    fn expect(&self, numbers: &Numbers) -> f64 {
        self.coefficients.iter().zip(numbers).map(|(a, b)| a * b).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    fn learned(rows: usize, value: impl Fn(usize) -> f64) -> Forecast {
        let mut forecast = Forecast::new(None);
        for at in 0..rows {
            let outlook = forecast.outlook(at as i64 * HOUR_MS);
            forecast.learn(&outlook, value(at), 1.0);
        }
        forecast
    }

    /// Between minus a half and a half, and needs no dice.
    fn noise(at: usize) -> f64 {
        ((at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 11)
            as f64
            / (1_u64 << 53) as f64
            - 0.5
    }

    #[test]
    fn a_day_is_known_by_its_waves_from_the_third_on() {
        let forecast = learned(60, |at| 3.0 * (at as f64 / 24.0 * std::f64::consts::TAU).sin() + noise(at));
        let choice = forecast.choice.unwrap();
        assert_eq!((choice.seasons, choice.lags), ([Use::Waves, Use::Nothing], 0));
    }

    #[test]
    fn running_sums_are_those_of_the_rows_that_are_left() {
        // An outlier comes and goes, the level moves, and rows fall off the end.
        let value = |at: usize| noise(at) + if at == 100 { 1e7 } else { 50.0 };
        let mut forecast = learned(HISTORY_MAX + 600, value);
        forecast.rebase(3.0);
        forecast.refresh();
        let mut anew = Sums::new();
        forecast.history.iter().for_each(|row| anew.add(&row.numbers, 1.0));
        let mut all = Sums::new();
        forecast.sums.iter().for_each(|sums| all.add_all(sums));
        assert_eq!(all.rows(), HISTORY_MAX as f64);
        assert!((all.squares() / anew.squares() - 1.0).abs() < 1e-6, "{} {}", all.squares(), anew.squares());
        let expected = forecast.outlook((HISTORY_MAX as i64 + 600) * HOUR_MS).expected.unwrap();
        assert!((expected - 53.0).abs() < 0.3, "{expected}");
    }

    #[test]
    fn terms_add_up_to_what_is_expected() {
        let mut checked = 0;
        for series in 0..20_usize {
            let mut forecast = Forecast::new(Some(7 + series).filter(|_| series % 3 == 0));
            let mut before = 0.0;
            for at in 0..700 {
                let season = (at as f64 / (7 + series) as f64 * std::f64::consts::TAU).sin();
                before = 0.6 * before + noise(at + 10_000 * series);
                let outlook = forecast.outlook(at as i64 * HOUR_MS);
                if let (Some(expected), Some(terms)) = (outlook.expected, forecast.terms(&outlook)) {
                    let sum: f64 = terms.iter().map(|term| term.amount).sum();
                    assert!((sum - expected).abs() < 1e-9 * expected.abs().max(1.0), "{series} {at}: {terms:?}");
                    checked += usize::from(terms.len() > 2);
                }
                forecast.learn(&outlook, 40.0 + 3.0 * season + before, 1.0);
            }
        }
        assert!(checked > 3_000, "{checked}");
    }

    #[test]
    fn a_short_memory_is_made_longer_and_never_endless() {
        let unbiased = |memory: f64, rows: f64| {
            let mut lags = [memory, 0.0];
            unbias(&mut lags, rows);
            lags[0]
        };
        assert!((unbiased(0.8, 100.0) - 0.834).abs() < 1e-9);
        assert!(unbiased(0.99, 30.0) < 1.0 && unbiased(-0.2, 50.0) == -0.2);
    }
}
