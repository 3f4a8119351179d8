//! How the level of a series went from day to day over four weeks: what grows evenly is followed, and what creeps to the worse
//! is told, as no single day will ever show it.
//!
//! Evidence for a creep is the Bayes factor of a straight line against none, whose prior on the slope is normal and whose
//! noise may have any size (the t-test's; Rouder et al. 2009): its mean is at most one while nothing creeps and days are
//! unrelated. Days that follow each other count as so many fewer as they resemble each other (Bartlett's effective sample
//! size), which is good enough for days that keep some half of what the day before was off by. A level that wanders further
//! looks like a creep more often than this says.

use crate::evidence::log_mean;
use crate::middle::middle;

/// Days that are looked at, the newest last, and how many of them have to be known.
const DAYS: i64 = 28;
const DAYS_KNOWN_MIN: usize = 21;
/// A week has a level with five of its days.
const DAYS_OF_A_WEEK_MIN: usize = 5;
/// Growth is even when no week has so many times as much of it as another.
const EVEN_MAX: f64 = 2.5;
/// And sure when a week's is so many times its error.
const ERRORS_MIN: f64 = 3.0;
/// The prior variance of the slope, in squares of its error: five to twenty errors are nothing unusual for a slope that is there.
const PRIOR_VARIANCE: f64 = 100.0;
/// Neighbouring days never count as more alike than this, nor as less alike than unrelated ones.
const ALIKE_MAX: f64 = 0.95;
/// What began in the last week is no creep: it may as well be a step, and others tell of it.
const CREEP_DAYS_MIN: usize = 7;
/// Half of chi-square with one degree of freedom, at 95 %.
const LOG_LIKELIHOOD_DROP: f64 = 1.92;

/// The level of one day, on a scale on which effects add.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Day {
    /// Days since 1970.
    pub(crate) at: i64,
    pub(crate) level: f64,
}

/// A level that went one way for weeks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Creep {
    /// How far, on the scale of the levels, and the standard error of that.
    pub(crate) moved: f64,
    pub(crate) error: f64,
    /// Logarithm of the e-value of one look a day.
    pub(crate) log_evidence: f64,
    /// The day it began on, and the first and last that it may have.
    pub(crate) began: i64,
    pub(crate) earliest: i64,
    pub(crate) latest: i64,
}

/// By how much the level goes up a day, where it did so evenly for three weeks; otherwise zero.
pub(crate) fn growth_a_day(days: &[Day]) -> f64 {
    let Some(newest) = days.last().map(|day| day.at) else { return 0.0 };
    let of_week = |week: i64| -> Vec<f64> {
        days.iter().filter(|day| (newest - day.at).div_euclid(7) == week).map(|day| day.level).collect()
    };
    let weeks: Vec<Vec<f64>> = (0..4).rev().map(of_week).collect();
    if weeks.iter().any(|week| week.len() < DAYS_OF_A_WEEK_MIN) {
        return 0.0;
    }
    let levels: Vec<f64> = weeks.iter().cloned().map(middle).collect();
    let steps: Vec<f64> = levels.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let apart = weeks.iter().zip(&levels).flat_map(|(week, level)| week.iter().map(move |one| (one - level).powi(2)));
    let variance = apart.sum::<f64>() / (weeks.iter().map(Vec::len).sum::<usize>() - weeks.len()) as f64;
    let error = (2.0 * variance / 7.0).sqrt();
    let [least, most] = [f64::min, f64::max].map(|of| steps.iter().map(|step| step.abs()).fold(steps[0].abs(), of));
    let is_one_way = steps.iter().all(|step| step.signum() == steps[0].signum());
    if is_one_way && least > 0.0 && most <= EVEN_MAX * least && least >= ERRORS_MIN * error {
        (levels[3] - levels[0]) / 21.0
    } else {
        0.0
    }
}

/// What four weeks of days say of a creep, whichever way; `None` where too few are known or nothing moves.
pub(crate) fn creep(days: &[Day]) -> Option<Creep> {
    let newest = days.last()?.at;
    let known: Vec<(f64, f64)> =
        days.iter().filter(|day| newest - day.at < DAYS).map(|day| ((day.at - newest) as f64, day.level)).collect();
    if known.len() < DAYS_KNOWN_MIN {
        return None;
    }
    let (early, late) = known.split_at(known.len() - CREEP_DAYS_MIN);
    let bends: Vec<Bend> = early.iter().filter_map(|(began, _)| Bend::at(*began, &known)).collect();
    let best = bends.iter().min_by(|a, b| a.rest.total_cmp(&b.rest))?;
    // The last day alone is no line.
    let mut lately = late[..late.len() - 1].iter().filter_map(|(began, _)| Bend::at(*began, &known));
    if lately.any(|bend| bend.rest < best.rest) {
        return None;
    }
    let moved = -best.slope * best.began;
    // It was one, and is over.
    let is_back = (known[known.len() - 1].1 - best.reached) * moved.signum() < -0.5 * moved.abs();
    if is_back {
        return None;
    }
    // It may have begun on any of them: the mean of e-values is one.
    let log_evidence = log_mean(&bends.iter().map(|bend| bend.log_evidence).collect::<Vec<_>>());
    let most = best.rest * (2.0 * LOG_LIKELIHOOD_DROP / best.worth).exp();
    let near = || bends.iter().filter(|bend| bend.rest <= most).map(|bend| bend.began);
    let day = |at: f64| newest + at as i64;
    Some(Creep {
        moved,
        error: -best.error * best.began,
        log_evidence,
        began: day(best.began),
        earliest: day(near().fold(best.began, f64::min)),
        latest: day(near().fold(best.began, f64::max)),
    })
}

/// A level that is even until a day and goes one way from then on.
struct Bend {
    began: f64,
    slope: f64,
    error: f64,
    /// The level that it has on the newest day.
    reached: f64,
    /// Squares that it leaves unexplained, and how many unrelated days the days are worth.
    rest: f64,
    worth: f64,
    log_evidence: f64,
}

impl Bend {
    fn at(began: f64, known: &[(f64, f64)]) -> Option<Self> {
        let bent: Vec<(f64, f64)> = known.iter().map(|(at, level)| ((at - began).max(0.0), *level)).collect();
        let line = Line::through(&bent);
        let rest: Vec<f64> = bent.iter().map(|(at, level)| level - line.at(*at)).collect();
        let squares: f64 = rest.iter().map(|one| one * one).sum();
        let count = known.len() as f64;
        let alike = alike(&rest);
        let worth = count * (1.0 - alike) / (1.0 + alike);
        let free = (worth - 2.0).max(1.0);
        let error = (squares / (count - 2.0) / line.spread * count / worth).sqrt();
        if error.is_nan() || error <= 0.0 {
            return None;
        }
        let ratio = (line.slope / error).powi(2) / free;
        let log_evidence = (free + 1.0) / 2.0 * (ratio.ln_1p() - (ratio / (1.0 + PRIOR_VARIANCE)).ln_1p())
            - 0.5 * PRIOR_VARIANCE.ln_1p();
        let reached = line.at(-began);
        Some(Self { began, slope: line.slope, error, reached, rest: squares, worth, log_evidence })
    }
}

/// How much a day's departure is that of the day before: without the bias of so few days (Kendall 1954), and one standard
/// error more, for to take wandering days for unrelated ones is what raises alarms.
fn alike(rest: &[f64]) -> f64 {
    let squares: f64 = rest.iter().map(|one| one * one).sum();
    let products: f64 = rest.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let (alike, count) = (if squares > 0.0 { products / squares } else { 0.0 }, rest.len() as f64);
    // A line was taken out as well, which takes twice as much with it as a mean.
    let without_bias = (alike + (2.0 + 4.0 * alike) / count).min(1.0);
    (without_bias + ((1.0 - without_bias * without_bias) / count).sqrt()).clamp(0.0, ALIKE_MAX)
}

/// The straight line with the least squares.
struct Line {
    middle: (f64, f64),
    slope: f64,
    /// Squares of the distances of `x` from its mean.
    spread: f64,
}

impl Line {
    fn through(points: &[(f64, f64)]) -> Self {
        let count = points.len() as f64;
        let middle =
            (points.iter().map(|at| at.0).sum::<f64>() / count, points.iter().map(|at| at.1).sum::<f64>() / count);
        let spread: f64 = points.iter().map(|at| (at.0 - middle.0).powi(2)).sum();
        let both: f64 = points.iter().map(|at| (at.0 - middle.0) * (at.1 - middle.1)).sum();
        Self { middle, slope: if spread > 0.0 { both / spread } else { 0.0 }, spread }
    }

    fn at(&self, x: f64) -> f64 {
        self.middle.1 + self.slope * (x - self.middle.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::Draws;

    fn days(levels: impl IntoIterator<Item = f64>) -> Vec<Day> {
        levels.into_iter().zip(20_000..).map(|(level, at)| Day { at, level }).collect()
    }

    /// Days that each keep so much of the departure of the one before.
    fn wandering(draws: &mut Draws, memory: f64) -> Vec<f64> {
        let mut level = draws.bell() / (1.0 - memory * memory).max(0.1).sqrt();
        let mut next = || {
            level = memory * level + draws.bell();
            level
        };
        (0..28).map(|_| next()).collect()
    }

    #[test]
    fn a_creep_of_two_in_a_hundred_a_week_is_told_with_its_size_and_its_first_day() {
        let mut draws = Draws::of(&[1]);
        let levels = (0..28).map(|day| 6.0 + 0.005 * draws.bell() + 0.003 * f64::from(day - 8).max(0.0));
        let creep = creep(&days(levels.collect::<Vec<_>>())).unwrap();
        assert!((creep.moved - 0.057).abs() < 3.0 * creep.error, "{creep:?}");
        assert!(creep.log_evidence > 20.0, "{creep:?}");
        assert!(creep.earliest <= 20_008 && 20_008 <= creep.latest && creep.latest - creep.earliest < 12, "{creep:?}");
    }

    #[test]
    fn while_nothing_creeps_evidence_is_as_rare_as_it_says() {
        // Of an e-value at most one in so many reaches so much; days that wander are the harder case.
        for (memory, seed) in [(0.0, 11), (0.3, 12), (0.6, 13)] {
            let mut draws = Draws::of(&[seed]);
            let mut one = || creep(&days(wandering(&mut draws, memory))).map(|creep| creep.log_evidence);
            let logs: Vec<f64> = (0..20_000).filter_map(|_| one()).collect();
            for log in [1.0_f64, 3.0, 5.0] {
                let part = logs.iter().filter(|one| **one >= log).count() as f64 / logs.len() as f64;
                assert!(part <= (-log).exp(), "memory {memory}: {part} reach {log}");
            }
        }
    }

    #[test]
    fn what_began_days_ago_is_left_to_others() {
        let mut draws = Draws::of(&[4]);
        let mut since = |first: f64, a_day: f64| -> Vec<f64> {
            (0..28).map(|day| 6.0 + 0.005 * draws.bell() + a_day * (f64::from(day) - first).clamp(0.0, 3.0)).collect()
        };
        // A drift of three days that is still there, a step of yesterday's, and a creep that goes on.
        assert_eq!(creep(&days(since(23.0, 0.05))), None);
        assert_eq!(creep(&days(since(26.0, 0.2))), None);
        let slow: Vec<f64> =
            (0..28).map(|day| 6.0 + 0.005 * f64::from((day * 7) % 3) + 0.003 * f64::from(day)).collect();
        assert!(creep(&days(slow)).unwrap().log_evidence > 20.0);
    }

    #[test]
    fn what_is_over_is_no_creep_any_more() {
        let mut draws = Draws::of(&[5]);
        let mut until = |last: i32| -> Vec<f64> {
            let level = |day: i32| if day <= last { 0.004 * f64::from(day) } else { 0.0 };
            (0..28).map(|day| 6.0 + 0.005 * draws.bell() + level(day)).collect()
        };
        assert!(creep(&days(until(27))).is_some());
        assert_eq!(creep(&days(until(26))), None);
    }

    #[test]
    fn too_few_days_and_a_level_that_never_moves_say_nothing() {
        assert_eq!(creep(&[]), None);
        assert_eq!(creep(&days((0..20).map(f64::from))), None);
        assert_eq!(creep(&days([6.0; 28])), None);
    }

    #[test]
    fn even_growth_is_followed_and_a_step_is_none() {
        let mut draws = Draws::of(&[2]);
        let mut noisy = |level: &dyn Fn(f64) -> f64| -> Vec<Day> {
            days((0..28).map(|day| level(f64::from(day)) + 0.01 * draws.bell()).collect::<Vec<_>>())
        };
        let even = growth_a_day(&noisy(&|day| 3.0 + 0.01 * day));
        assert!((even - 0.01).abs() < 0.001, "{even}");
        assert_eq!(growth_a_day(&noisy(&|day| if day < 14.0 { 3.0 } else { 3.2 })), 0.0);
        assert_eq!(growth_a_day(&noisy(&|_| 3.0)), 0.0);
        assert_eq!(growth_a_day(&noisy(&|day| 3.0 + 0.01 * day)[..20]), 0.0);
        assert_eq!(growth_a_day(&[]), 0.0);
    }
}
