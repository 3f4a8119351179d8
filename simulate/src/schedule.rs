//! When incidents happen: which families in which order, one after the other (or in pairs) with quiet time between them.

use rand::seq::SliceRandom;

use crate::config::{Config, DAY_MS, HOUR_MS, Kinds, MINUTE_MS};
use crate::incidents::{Course, Family};
use crate::random::{Random, between, one_of};

/// Nothing is planted in the last part, so that every incident ends and can be resolved.
const QUIET_END_SHARE: f64 = 0.03;
/// An incident takes at most this part of its share of time; a slow drift, which needs days, may take more.
const FILL_MOST: f64 = 0.6;
const FILL_MOST_DRIFT: f64 = 0.85;
/// A drift over less than two days is a ramp.
const DRIFT_DAYS_MIN: f64 = 2.0;
/// A drift gets this much more time than the others.
const DRIFT_WEIGHT: f64 = 3.0;
/// A gap in the data and a burst need less.
const SHORT_WEIGHT: f64 = 0.6;

/// The second cause of a pair begins so many hours after the first.
const PAIR_LAG_HOURS: (f64, f64) = (1.0, 5.0);
/// Families that last long enough to be two at a time.
const PAIRED: [Family; 5] = [Family::Step, Family::Ramp, Family::TailOnly, Family::Bimodal, Family::Failure];
/// The first of a pair lasts until the second is well under way.
const PAIR_HOURS_MIN: f64 = 8.0;

/// The families of `count` incidents: all in a random order, again from the first after the last.
pub(crate) fn families(config: &Config, random: &mut Random) -> Vec<Family> {
    let count = config.incidents as usize;
    match config.kinds {
        Kinds::All => {}
        Kinds::Only(family) => return vec![family; count],
        Kinds::Pairs => return (0..count).map(|_| *one_of(random, &PAIRED)).collect(),
    }
    let mut order = Family::ALL;
    order.shuffle(random);
    let with_drift: Vec<Family> = order.into_iter().cycle().take(count).collect();
    let (from_ms, until_ms) = window(config);
    let weights: f64 = with_drift.iter().map(|&family| weight(family)).sum();
    let drift_ms = (until_ms - from_ms) as f64 * DRIFT_WEIGHT / weights * FILL_MOST_DRIFT;
    if drift_ms >= DRIFT_DAYS_MIN * DAY_MS as f64 {
        return with_drift;
    }
    order.into_iter().filter(|&family| family != Family::SlowDrift).cycle().take(count).collect()
}

/// Their courses, by time.
pub(crate) fn courses(config: &Config, families: &[Family], random: &mut Random) -> Vec<Course> {
    if config.kinds == Kinds::Pairs {
        return paired_courses(config, families, random);
    }
    let (from_ms, until_ms) = window(config);
    let weights: f64 = families.iter().map(|&family| weight(family)).sum();
    let mut segment_ms = from_ms as f64;
    let mut courses = Vec::new();
    for &family in families {
        let length_ms = (until_ms - from_ms) as f64 * weight(family) / weights;
        courses.push(course(family, segment_ms, length_ms, random));
        segment_ms += length_ms;
    }
    courses
}

/// Each pair has its share of the time, as long as any other's.
fn paired_courses(config: &Config, families: &[Family], random: &mut Random) -> Vec<Course> {
    let (from_ms, until_ms) = window(config);
    let length_ms = (until_ms - from_ms) as f64 / families.len().div_ceil(2) as f64;
    let mut courses = Vec::new();
    for (pair, families) in families.chunks(2).enumerate() {
        let segment_ms = from_ms as f64 + pair as f64 * length_ms;
        let shortest_ms = (PAIR_HOURS_MIN * HOUR_MS as f64).min(length_ms * FILL_MOST);
        let mut first = course(families[0], segment_ms, length_ms, random);
        first.end_ms = first.end_ms.max(first.start_ms + whole_minutes(shortest_ms));
        courses.push(first);
        let Some(&family) = families.get(1) else { continue };
        let lag_ms = between(random, PAIR_LAG_HOURS.0, PAIR_LAG_HOURS.1) * HOUR_MS as f64;
        let start_ms = first.start_ms + whole_minutes(lag_ms.min(shortest_ms / 2.0));
        let second = course(family, start_ms as f64, length_ms, random);
        let end_ms = (start_ms + second.end_ms - second.start_ms).min((segment_ms + length_ms) as i64 - 10 * MINUTE_MS);
        courses.push(Course { start_ms, end_ms, ..second });
    }
    courses
}

fn window(config: &Config) -> (i64, i64) {
    let days_ms = (config.end_ms() - config.start_ms) as f64;
    (config.incidents_from_ms(), config.end_ms() - (days_ms * QUIET_END_SHARE) as i64)
}

fn weight(family: Family) -> f64 {
    match family {
        Family::SlowDrift => DRIFT_WEIGHT,
        Family::Burst | Family::DataGap => SHORT_WEIGHT,
        _ => 1.0,
    }
}

fn course(family: Family, segment_ms: f64, length_ms: f64, random: &mut Random) -> Course {
    let (shortest, longest) = hours(family);
    let most = if is_slow(family) { FILL_MOST_DRIFT } else { FILL_MOST };
    let wanted_ms = between(random, shortest, longest) * HOUR_MS as f64;
    let duration_ms = whole_minutes(wanted_ms.min(length_ms * most)).max(10 * MINUTE_MS);
    // The rest of the segment, most of it behind the incident: time to recover.
    let slack_ms = (length_ms - duration_ms as f64).max(0.0);
    // Rounded up, so that an incident never begins before its segment.
    let start_ms = whole_minutes(segment_ms + between(random, 0.0, 0.7) * slack_ms) + MINUTE_MS;
    let (grow_ms, fade_ms) = match family {
        Family::Ramp => (whole_minutes(between(random, 1.0, 3.0) * HOUR_MS as f64).min(duration_ms / 2), 0),
        Family::SlowDrift | Family::Creep => (duration_ms, 0),
        Family::MixShift => {
            let turn_ms = whole_minutes(between(random, 2.0, 4.0) * HOUR_MS as f64).min(duration_ms / 3);
            (turn_ms, turn_ms)
        }
        _ => (0, 0),
    };
    Course { start_ms, end_ms: start_ms + duration_ms, grow_ms, fade_ms }
}

fn is_slow(family: Family) -> bool {
    matches!(family, Family::SlowDrift | Family::Creep)
}

/// Shortest and longest, in hours.
fn hours(family: Family) -> (f64, f64) {
    match family {
        Family::Step | Family::Ramp | Family::TailOnly | Family::Bimodal => (6.0, 30.0),
        Family::Burst => (20.0 / 60.0, 1.0),
        Family::Global => (2.0, 12.0),
        Family::Failure => (2.0, 18.0),
        Family::TrafficDrop => (3.0, 12.0),
        Family::DataGap => (0.5, 3.0),
        Family::SlowDrift => (48.0, 96.0),
        Family::MixShift => (12.0, 24.0),
        Family::Stuck => (4.0, 10.0),
        Family::Thin => (10.0, 24.0),
        Family::Creep => (21.0 * 24.0, 28.0 * 24.0),
    }
}

fn whole_minutes(ms: f64) -> i64 {
    ms as i64 / MINUTE_MS * MINUTE_MS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Stream, stream};
    use std::collections::BTreeSet;

    #[test]
    fn incidents_are_late_apart_and_over_before_the_end() {
        for (days, incidents) in [(2, 4), (5, 12), (7, 7), (14, 5), (14, 11), (60, 22), (400, 60)] {
            for seed in 0..20 {
                let config = Config { seed, days, incidents, ..Config::default() };
                let mut random = stream(seed, Stream::Schedule);
                let families = families(&config, &mut random);
                let courses = courses(&config, &families, &mut random);
                assert_eq!(courses.len(), incidents as usize);
                assert!(courses[0].start_ms >= config.incidents_from_ms());
                assert!(courses[incidents as usize - 1].end_ms < config.end_ms());
                for pair in courses.windows(2) {
                    assert!(pair[0].end_ms + 10 * MINUTE_MS <= pair[1].start_ms, "{days} days, seed {seed}");
                }
                for (family, course) in families.iter().zip(&courses) {
                    assert!(course.minutes() >= 10.0);
                    assert!(*family != Family::SlowDrift || course.minutes() >= 2.0 * 1440.0 - 1.0);
                }
            }
        }
    }

    #[test]
    fn the_second_of_a_pair_begins_while_the_first_lasts() {
        for seed in 0..20 {
            let config = Config { seed, days: 60, incidents: 21, kinds: Kinds::Pairs, ..Config::default() };
            let mut random = stream(seed, Stream::Schedule);
            let families = families(&config, &mut random);
            let courses = courses(&config, &families, &mut random);
            assert_eq!(courses.len(), 21);
            let mut over_ms = 0;
            for pair in courses.chunks(2) {
                assert!(pair[0].start_ms > over_ms);
                over_ms = pair.iter().map(|course| course.end_ms).max().expect("not empty");
                if let [first, second] = pair {
                    assert!(second.start_ms >= first.start_ms + HOUR_MS, "seed {seed}");
                    assert!(second.start_ms + HOUR_MS < first.end_ms.min(second.end_ms), "seed {seed}");
                }
            }
            assert!(over_ms < config.end_ms());
        }
    }

    #[test]
    fn eleven_incidents_cover_the_eleven_families() {
        let config = Config { days: 30, incidents: 11, ..Config::default() };
        let families = families(&config, &mut stream(4, Stream::Schedule));
        assert_eq!(families.iter().collect::<BTreeSet<_>>().len(), 11);
    }
}
