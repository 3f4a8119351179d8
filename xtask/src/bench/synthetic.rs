//! Events made up to have so many different slices, groups or series, where real traffic would have whatever it has.

use std::fmt::Write;

use crate::bench::definitions::DIMENSIONS;

/// 2026-03-02T00:00:00Z, on which `hark simulate` begins too: a step of five minutes begins with it.
pub(crate) const START_MS: u64 = 1_772_409_600_000;
pub(crate) const MINUTE_MS: u64 = 60_000;

/// Values of each dimension: to the eighth power these are 1,679,616 combinations.
const VALUES: u64 = 6;
const COMBINATIONS: u64 = VALUES.pow(DIMENSIONS.len() as u32);
/// Prime, and so in no step with any number of groups: neighbours in time are strangers.
const STRIDE: u64 = 7_919;

/// So many events within so many minutes, whose dimensions have the same few values and `groups` combinations of them.
pub(crate) fn groups(events: u64, groups: u64, minutes: u64) -> Vec<u8> {
    // Spread over all combinations, so that every dimension varies however few groups there are: with a step that has
    // no factor in common with the number of values.
    let step = (1..=COMBINATIONS / groups).rev().find(|step| step % 2 > 0 && step % 3 > 0).unwrap_or(1);
    let mut lines = String::new();
    for event in 0..events {
        let time = START_MS + event * minutes * MINUTE_MS / events;
        let group = event.wrapping_mul(STRIDE) % groups;
        let mut combination = group * step;
        let _ = write!(lines, r#"{{"time":{time},"id":"g{event:019}""#);
        for dimension in DIMENSIONS {
            let value = combination % VALUES;
            combination /= VALUES;
            let _ = write!(lines, r#","{dimension}":"value-{value}""#);
        }
        let (user, total) = (event % 50_000, latency_ms(event));
        let outcome = if event % 100 == 0 { "error" } else { "ok" };
        let _ = writeln!(
            lines,
            r#","user":"{user}","outcome":"{outcome}","error":null,"total_ms":{total:.1},"network_ms":{:.1},"asr_ms":{:.1}}}"#,
            total * 0.25,
            total * 0.75,
        );
    }
    lines.into_bytes()
}

/// One event for each of `values`, `times` times in each minute of `minutes`, in the order of time. All of its
/// dimensions d0, d1, … have the same value, so that there are as many leaves as values, and not more.
pub(crate) fn slices(dimensions: usize, values: u64, times: u64, minutes: impl IntoIterator<Item = u64>) -> Vec<u8> {
    let mut lines = String::new();
    for minute in minutes {
        for event in 0..values * times {
            let time = START_MS + minute * MINUTE_MS + event * MINUTE_MS / (values * times);
            let value = event % values;
            let number = minute * values * times + event;
            let _ = write!(lines, r#"{{"time":{time},"id":"s{number:019}""#);
            for dimension in 0..dimensions {
                let _ = write!(lines, r#","d{dimension}":"value-{value}""#);
            }
            let outcome = if number.is_multiple_of(100) { "error" } else { "ok" };
            let _ = writeln!(lines, r#","outcome":"{outcome}","total_ms":{:.1}}}"#, latency_ms(number));
        }
    }
    lines.into_bytes()
}

/// Spread like latencies are: the logarithm is a sum of twelve uniform numbers, which is normal for all purposes here;
/// the median is 500 ms, and one in a hundred is four times that.
pub(crate) fn latency_ms(seed: u64) -> f64 {
    let mut state = seed;
    let mut uniform = || {
        // SplitMix64 (Steele, Lea and Flood 2014).
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    };
    let normal = (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
    500.0 * (0.6 * normal).exp()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    use super::*;

    fn parsed(lines: &[u8]) -> Vec<Value> {
        let lines = lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
    }

    fn distinct<'a>(events: &'a [Value], keys: &[&str]) -> HashSet<Vec<&'a str>> {
        events.iter().map(|event| keys.iter().map(|key| event[*key].as_str().unwrap()).collect()).collect()
    }

    #[test]
    fn there_are_as_many_groups_as_asked_for_and_the_same_few_values() {
        for groups_asked in [100, 2_000] {
            let events = parsed(&groups(4_000, groups_asked, 10));
            assert_eq!(distinct(&events, &DIMENSIONS).len() as u64, groups_asked);
            assert_eq!(distinct(&events, &["id"]).len(), 4_000);
            for dimension in DIMENSIONS {
                assert_eq!(distinct(&events, &[dimension]).len() as u64, VALUES, "{dimension}");
            }
            let times: Vec<u64> = events.iter().map(|event| event["time"].as_u64().unwrap()).collect();
            assert!(times.is_sorted() && times[3_999] < START_MS + 10 * MINUTE_MS);
        }
    }

    #[test]
    fn every_slice_has_its_events_in_every_minute() {
        let events = parsed(&slices(3, 20, 4, [0, 5]));
        assert_eq!(events.len(), 20 * 4 * 2);
        assert_eq!(distinct(&events, &["d0", "d1", "d2"]).len(), 20);
        let of_one: Vec<u64> = events
            .iter()
            .filter(|event| event["d2"] == "value-7")
            .map(|event| event["time"].as_u64().unwrap())
            .collect();
        let minutes: Vec<u64> = of_one.iter().map(|time| (time - START_MS) / MINUTE_MS).collect();
        assert_eq!(minutes, [0, 0, 0, 0, 5, 5, 5, 5]);
    }

    #[test]
    fn latencies_have_the_spread_that_is_said() {
        let mut all: Vec<f64> = (0..100_000).map(latency_ms).collect();
        all.sort_by(f64::total_cmp);
        assert!((480.0..520.0).contains(&all[50_000]), "{}", all[50_000]);
        assert!((1_800.0..2_200.0).contains(&all[99_000]), "{}", all[99_000]);
    }
}
