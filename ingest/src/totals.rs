//! Running totals to what came since: counters of OpenTelemetry and Prometheus that only ever grow.

use hark_model::Timestamp;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::clock::LATENESS_HORIZON_MINUTES;

/// So many streams are remembered; the totals of later ones cannot be used until others have fallen silent.
const STREAMS_MAX: usize = 200_000;
/// A total that began so shortly before its first sample is counted whole: nothing of it can have been counted before.
const FRESH_MINUTES: i64 = 10;

/// The last total of every number of every stream.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Totals(FxHashMap<u64, Stream>);

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stream {
    start: Option<Timestamp>,
    shape: u64,
    latest: Timestamp,
    /// The first sample set where the stream stands and counted nothing; all its numbers carry this time.
    baseline: Option<Timestamp>,
    parts: FxHashMap<i32, u64>,
}

/// One sample of one number of a stream.
pub(crate) struct Sample {
    pub(crate) stream: u64,
    pub(crate) shape: u64,
    pub(crate) part: i32,
    pub(crate) start: Option<Timestamp>,
    pub(crate) time: Timestamp,
    pub(crate) total: u64,
}

impl Totals {
    /// What came since the last sample; `None` where there is no room to remember the stream.
    pub(crate) fn since(&mut self, sample: &Sample) -> Option<u64> {
        let Sample { stream: name, shape, part, start, time, total } = *sample;
        let is_fresh = start.is_some_and(|start| time.minutes_since(start) <= FRESH_MINUTES);
        if self.0.len() >= STREAMS_MAX && !self.0.contains_key(&name) {
            return None;
        }
        let baseline = (!is_fresh).then_some(time);
        let stream = self.0.entry(name).or_insert_with(|| Stream {
            start,
            shape,
            latest: time,
            baseline,
            parts: FxHashMap::default(),
        });
        if time < stream.latest {
            // Out of order: what it counted is in the later total already.
            return Some(0);
        }
        if start > stream.start {
            // The process has begun anew, and so has its count.
            *stream = Stream { start, shape, latest: time, baseline: None, parts: FxHashMap::default() };
        } else if shape != stream.shape {
            // The same count in other buckets: what of it is new cannot be told.
            *stream = Stream { start, shape, latest: time, baseline: Some(time), parts: FxHashMap::default() };
        }
        stream.latest = time;
        let before = stream.parts.insert(part, total);
        Some(match before {
            None if stream.baseline == Some(time) => 0,
            None => total,
            // A total that shrank began anew, although its sender did not say so.
            Some(before) => total.checked_sub(before).unwrap_or(total),
        })
    }

    pub(crate) fn forget_before(&mut self, watermark: Timestamp) {
        let oldest = watermark.plus_minutes(-LATENESS_HORIZON_MINUTES);
        self.0.retain(|_, stream| stream.latest >= oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn sample(part: i32, start: Option<Timestamp>, minute: i64, total: u64) -> Sample {
        Sample { stream: 7, shape: 0, part, start, time: START.plus_minutes(minute), total }
    }

    fn since(samples: &[Sample]) -> Vec<u64> {
        let mut totals = Totals::default();
        samples.iter().filter_map(|sample| totals.since(sample)).collect()
    }

    #[test]
    fn a_counter_without_a_start_counts_from_its_first_sample_on() {
        let samples = [(0, 100), (1, 130), (2, 130), (3, 20), (4, 25)].map(|(at, total)| sample(0, None, at, total));
        assert_eq!(since(&samples), [0, 30, 0, 20, 5]);
    }

    #[test]
    fn a_counter_that_has_just_begun_counts_whole_and_so_does_one_that_begins_anew() {
        let anew = Some(START.plus_minutes(5));
        let samples = [sample(0, Some(START), 1, 10), sample(0, Some(START), 2, 15), sample(0, anew, 6, 40)];
        assert_eq!(since(&samples), [10, 5, 40]);
    }

    #[test]
    fn a_bucket_that_fills_later_counts_whole_and_those_of_the_first_sample_do_not() {
        let samples = [sample(1, None, 0, 10), sample(2, None, 0, 20), sample(1, None, 1, 11), sample(3, None, 1, 4)];
        assert_eq!(since(&samples), [0, 0, 1, 4]);
    }

    #[test]
    fn other_buckets_set_where_the_stream_stands_and_count_nothing() {
        let shaped = |shape, minute, total| Sample { shape, ..sample(0, Some(START), minute, total) };
        assert_eq!(since(&[shaped(1, 1, 10), shaped(2, 2, 14), shaped(2, 3, 15), shaped(1, 4, 20)]), [10, 0, 1, 0]);
    }

    #[test]
    fn a_sample_out_of_order_counts_nothing() {
        let samples = [sample(0, Some(START), 1, 10), sample(0, Some(START), 3, 30), sample(0, Some(START), 2, 20)];
        assert_eq!(since(&samples), [10, 20, 0]);
    }
}
