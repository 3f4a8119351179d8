//! What the week adds to the rhythm of days: mornings that are slow every Monday, as far as the weeks agree on it.
//!
//! Four weeks say little of one hour, so six hours are taken together, and what the weeks do not agree on is left out: each
//! departure is shrunk by how much of all departures chance explains (James & Stein).

use crate::hours::Hour;
use crate::middle::middle;
use crate::profile::{BLOCK_HOURS, HOURS_IN_A_WEEK, WEEK_BLOCKS, hour_of_week};

/// A week says something of itself with half of its hours.
const HOURS_MIN: usize = HOURS_IN_A_WEEK / 2;
/// And six hours with three.
const HOURS_OF_A_BLOCK_MIN: usize = 3;
/// Half as much again as chance explains is left out, so that of nothing next to nothing is learned.
const CAUTION: f64 = 1.5;

/// The departures of each six hours of the week from what `daily` says of them; `None` before two weeks are known.
pub(crate) fn departures(hours: &[Hour], now: i64, daily: impl Fn(&Hour) -> f64) -> Option<Vec<f64>> {
    let mut by_block = vec![Vec::new(); WEEK_BLOCKS];
    let week = |hour: &Hour| (now - hour.at).div_euclid(HOURS_IN_A_WEEK as i64);
    for hours in hours.chunk_by(|a, b| week(a) == week(b)).filter(|hours| hours.len() >= HOURS_MIN) {
        let level = middle(hours.iter().map(|hour| hour.value - daily(hour)).collect());
        let mut of_week = vec![Vec::new(); WEEK_BLOCKS];
        // A holiday on a Tuesday is none.
        for hour in hours.iter().filter(|hour| hour.is_rest_day == is_weekend(hour.at)) {
            of_week[hour_of_week(hour.at) / BLOCK_HOURS].push(hour.value - daily(hour) - level);
        }
        for (block, values) in by_block.iter_mut().zip(of_week) {
            if values.len() >= HOURS_OF_A_BLOCK_MIN {
                block.push(middle(values));
            }
        }
    }
    let middles: Vec<f64> = by_block.iter().map(|weeks| middle(weeks.clone())).collect();
    let kept = kept(&by_block, &middles)?;
    Some(middles.iter().map(|middle| kept * middle).collect())
}

/// The share of the departures that is more than chance.
fn kept(by_block: &[Vec<f64>], middles: &[f64]) -> Option<f64> {
    let (mut squares, mut free, mut chance, mut seen, mut blocks) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (weeks, middle) in by_block.iter().zip(middles).filter(|(weeks, _)| weeks.len() >= 2) {
        squares += weeks.iter().map(|value| (value - middle).powi(2)).sum::<f64>();
        free += weeks.len() as f64 - 1.0;
        chance += 1.0 / weeks.len() as f64;
        seen += middle * middle;
        blocks += 1.0;
    }
    if blocks < WEEK_BLOCKS as f64 / 2.0 {
        return None;
    }
    let by_chance = CAUTION * squares / free * chance;
    Some(if seen > by_chance { 1.0 - by_chance / seen } else { 0.0 })
}

fn is_weekend(hour: i64) -> bool {
    hark_model::Timestamp::from_millis(hour * 3_600_000).is_weekend()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::Draws;

    /// Monday.
    const FROM: i64 = 1_772_409_600 / 3600;

    fn hours(weeks: i64, value: impl Fn(i64) -> f64) -> Vec<Hour> {
        let hour = |at| Hour { at, value: value(at), is_rest_day: is_weekend(at) };
        (FROM..FROM + weeks * 168).map(hour).collect()
    }

    /// Evenly spread over -1 to 1.
    fn noise(at: i64) -> f64 {
        2.0 * Draws::of(&[at.unsigned_abs()]).unit() - 1.0
    }

    fn is_monday_morning(at: i64) -> bool {
        (6..12).contains(&(at - FROM).rem_euclid(168))
    }

    fn of(weeks: i64, value: impl Fn(i64) -> f64) -> Option<Vec<f64>> {
        departures(&hours(weeks, value), FROM + weeks * 168 - 1, |_| 6.0)
    }

    #[test]
    fn a_slow_monday_morning_is_learned_within_two_weeks() {
        let slow = |at: i64| 6.0 + 0.05 * noise(at) + if is_monday_morning(at) { 0.3 } else { 0.0 };
        assert_eq!(of(1, slow), None);
        for weeks in [2, 4] {
            let departures = of(weeks, slow).unwrap();
            // The second block of a Monday: 1970 began on a Thursday.
            let at = 4 * WEEK_BLOCKS / 7 + 1;
            assert!((0.2..0.33).contains(&departures[at]), "{weeks} weeks: {}", departures[at]);
            assert!(departures[at + WEEK_BLOCKS / 7].abs() < 0.05, "{weeks} weeks, Tuesday: {}", departures[at + 6]);
        }
    }

    #[test]
    fn of_noise_next_to_nothing_is_learned() {
        for weeks in [2, 3, 4] {
            let departures = of(weeks, |at| 6.0 + 0.2 * noise(at)).unwrap();
            let largest = departures.iter().fold(0.0, |largest: f64, one| largest.max(one.abs()));
            assert!(largest < 0.02, "{weeks}: {largest}");
        }
    }

    #[test]
    fn one_wild_monday_is_no_habit() {
        let once = |at: i64| 6.0 + 0.05 * noise(at) + if (6..30).contains(&(at - FROM)) { 2.0 } else { 0.0 };
        let departures = of(4, once).unwrap();
        assert!(departures.iter().all(|one| one.abs() < 0.03), "{departures:?}");
    }
}
