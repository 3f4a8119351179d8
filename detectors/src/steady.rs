//! Whether a series says the same over and over, or nothing at all, for far longer than it ever did.
//!
//! A value that repeats has the chance `q` that it had so far, so a run of `n` repetitions is evidence of `1 / q^n` that
//! whatever measures it has stopped measuring: an e-detector whose alternative repeats for ever. Repetitions come in
//! runs of their own (a night without load), so the run must be several times as long as any before it as well.

use hark_model::{Cell, FindingKind, Sketch};
use serde::{Deserialize, Serialize};

/// Nothing is told of a shorter run: after an hour no restart explains it.
const RUN_MIN: u32 = 12;
/// Nor of one that is not so many times as long as the longest before it.
const TIMES_LONGEST: u32 = 4;
/// Two days say how often a value repeats.
const LEARNED_STEPS: u32 = 2 * 288;
/// What was seen is halved after two weeks, so that the newest weeks count.
const FORGET_STEPS: u32 = 14 * 288;

/// What a step says, if it may be said again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
enum Word {
    /// Nothing that could repeat: requests that differ among each other.
    #[default]
    Mixed,
    Nothing,
    Value(u64),
}

/// Steps with that word, and how many of them repeated it.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Habit {
    repeats: u16,
    longest: u16,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Steady {
    word: Word,
    /// Repetitions of it so far.
    run: u32,
    seen: u32,
    of_values: Habit,
    of_nothing: Habit,
    is_told: bool,
}

/// What became of the run in a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Steadiness {
    /// As ever.
    Usual,
    /// It would be told if it had lasted for an hour: until then its values are no news of anything else either.
    Suspect,
    /// So many steps have said the same: it is told now. With the logarithm of the evidence.
    Began { kind: FindingKind, steps: u32, log_evidence: f64 },
    /// It has been told and goes on.
    Lasts,
    /// It has been told and is over.
    Ended,
}

impl Steady {
    pub(crate) fn observe(&mut self, cell: &Cell, log_threshold: f64) -> Steadiness {
        if matches!(cell, Cell::Latency(_)) && cell.is_empty() {
            // A quiet step says neither that it is stuck nor that it is not.
            return if self.is_told { Steadiness::Lasts } else { Steadiness::Usual };
        }
        let word = word(cell);
        if word != self.word || word == Word::Mixed {
            return self.change(word);
        }
        self.run = self.run.saturating_add(1);
        if self.is_told {
            return Steadiness::Lasts;
        }
        let seen = f64::from(self.seen);
        let (kind, habit) = match word {
            Word::Nothing => (FindingKind::NoData, self.of_nothing),
            _ => (FindingKind::Stuck, self.of_values),
        };
        let chance = (f64::from(habit.repeats) + 1.0) / (seen + 2.0);
        let log_evidence = -f64::from(self.run) * chance.ln();
        let longest = TIMES_LONGEST * u32::from(habit.longest);
        if self.seen < LEARNED_STEPS || self.run < longest || log_evidence < log_threshold {
            return Steadiness::Usual;
        }
        if self.run < RUN_MIN {
            return Steadiness::Suspect;
        }
        self.is_told = true;
        Steadiness::Began { kind, steps: self.run + 1, log_evidence }
    }

    pub(crate) fn is_told(&self) -> bool {
        self.is_told
    }

    /// Nobody was told after all: it begins again with the next step, if that says the same.
    pub(crate) fn postpone(&mut self) {
        self.is_told = false;
    }

    /// The run is over; what was told is no habit.
    fn change(&mut self, word: Word) -> Steadiness {
        let was_told = std::mem::take(&mut self.is_told);
        let run = std::mem::take(&mut self.run);
        if !was_told {
            let short = u16::try_from(run).unwrap_or(u16::MAX);
            let habit = match self.word {
                Word::Nothing => &mut self.of_nothing,
                _ => &mut self.of_values,
            };
            habit.repeats = habit.repeats.saturating_add(short);
            habit.longest = habit.longest.max(short);
            self.seen = self.seen.saturating_add(run + 1);
        }
        if self.seen > FORGET_STEPS {
            self.seen /= 2;
            for habit in [&mut self.of_values, &mut self.of_nothing] {
                habit.repeats /= 2;
                // A long run is forgotten more slowly than how often there are short ones.
                habit.longest -= habit.longest / 4;
            }
        }
        self.word = word;
        if was_told { Steadiness::Ended } else { Steadiness::Usual }
    }
}

/// Ratios are at zero for days where nothing fails, and a count of zero is told by the count itself.
fn word(cell: &Cell) -> Word {
    match cell {
        Cell::Ratio { .. } | Cell::Count(0) => Word::Mixed,
        Cell::Count(count) => Word::Value(*count),
        Cell::Gauge { count: 0, .. } => Word::Nothing,
        // However many values came: those of several sources, each frozen at its own, have the same mean and variance.
        Cell::Gauge { count, sum_thousandths, sum_squares } => {
            let mean = *sum_thousandths as f64 / *count as f64;
            let mean_square = *sum_squares as f64 / *count as f64;
            Word::Value(mean.to_bits() ^ mean_square.to_bits().rotate_left(32))
        }
        Cell::Latency(sketch) => one_bucket(sketch),
    }
}

/// Every request took the same time, as far as the sketch can tell.
fn one_bucket(sketch: &Sketch) -> Word {
    let mut buckets = sketch.buckets();
    match (buckets.next(), buckets.next(), sketch.zeros()) {
        (Some((bucket, _)), None, 0) => Word::Value(u64::from(bucket as u16)),
        (None, None, 1..) => Word::Value(u64::MAX),
        _ => Word::Mixed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG_THRESHOLD: f64 = 17.0;

    /// The steps at which something is told or over.
    fn told(cells: impl Iterator<Item = Cell>) -> Vec<(usize, Steadiness)> {
        let mut steady = Steady::default();
        let observed = cells.map(|cell| steady.observe(&cell, LOG_THRESHOLD)).enumerate();
        let is_news = |one: &Steadiness| matches!(one, Steadiness::Began { .. } | Steadiness::Ended);
        observed.filter(|(_, one)| is_news(one)).collect()
    }

    fn gauge(value: i64) -> Cell {
        let square = u128::from(value.unsigned_abs()).pow(2);
        Cell::Gauge { count: 5, sum_thousandths: 5 * value, sum_squares: 5 * square }
    }

    /// Values that hardly ever repeat.
    fn restless(at: usize) -> i64 {
        20_000 + (at * 7_919 % 1_009) as i64
    }

    #[test]
    fn a_gauge_that_freezes_is_told_after_an_hour_and_its_end_at_once() {
        let frozen = 900..960;
        let cells = (0..1200).map(|at| gauge(restless(if frozen.contains(&at) { 899 } else { at })));
        let told = told(cells);
        assert!(
            matches!(
                told[..],
                [(911, Steadiness::Began { kind: FindingKind::Stuck, steps: 13, .. }), (960, Steadiness::Ended)]
            ),
            "{told:?}"
        );
    }

    #[test]
    fn a_gauge_that_stops_has_no_data() {
        let cells = (0..1200).map(|at| if (900..1000).contains(&at) { gauge_of_none() } else { gauge(restless(at)) });
        let told = told(cells);
        assert!(
            matches!(told[..], [(912, Steadiness::Began { kind: FindingKind::NoData, .. }), (1000, Steadiness::Ended)]),
            "{told:?}"
        );
    }

    fn gauge_of_none() -> Cell {
        Cell::Gauge { count: 0, sum_thousandths: 0, sum_squares: 0 }
    }

    #[test]
    fn what_stands_still_every_night_may_do_so_again() {
        let of_day = |at: usize| if at % 288 < 100 { gauge(0) } else { gauge(restless(at)) };
        assert_eq!(told((0..288 * 10).map(of_day)), []);
        // What never moves has no habit of moving.
        assert_eq!(told((0..288 * 10).map(|_| gauge(7))), []);
        // One that comes once an hour is silent in between.
        let hourly = |at: usize| if at.is_multiple_of(12) { gauge(restless(at)) } else { gauge_of_none() };
        assert_eq!(told((0..288 * 10).map(hourly)), []);
    }

    #[test]
    fn requests_that_all_take_the_same_time_are_no_measurement() {
        let latency = |at: usize, is_stuck: bool| {
            let mut sketch = Sketch::default();
            (0..30).for_each(|of| sketch.insert(if is_stuck { 500.0 } else { 100.0 + restless(at + of * 31) as f64 }));
            Cell::Latency(sketch)
        };
        let all = told((0..1000).map(|at| latency(at, at >= 800)));
        assert!(matches!(all[..], [(812, Steadiness::Began { kind: FindingKind::Stuck, .. })]), "{all:?}");
        // Every other step is quiet: twice the time.
        let empty = || Cell::Latency(Sketch::default());
        let thin = told((0..1500).map(|at| if at % 2 == 0 { latency(at, at >= 1300) } else { empty() }));
        assert!(matches!(thin[..], [(1324, Steadiness::Began { kind: FindingKind::Stuck, .. })]), "{thin:?}");
    }

    #[test]
    fn small_counts_repeat_by_chance_and_zero_is_a_count() {
        let thin = |at: usize| Cell::Count([0, 1, 1, 2, 0, 3, 1, 1][at * 7_919 % 8]);
        assert_eq!(told((0..3000).map(thin)), []);
        assert_eq!(told((0..3000).map(|at| if at < 2000 { thin(at) } else { Cell::Count(0) })), []);
    }
}
