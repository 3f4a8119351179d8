//! The idempotency keys of the last day, so that an event sent twice counts once.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use hark_model::Timestamp;
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use crate::clock::LATENESS_HORIZON_MINUTES;

/// So many keys are remembered, some 20 bytes each. At higher rates those of the oldest minutes go first, and the time
/// within which a repetition is noticed is shorter than a day; the status says how long it is.
const KEYS_MAX: usize = 16_000_000;
const FILE_MINUTES: i64 = 10;

/// Keys are 64-bit hashes, filed by the ten minutes of the watermark they came in, and forgotten when these are older
/// than the lateness horizon: an event older than that is refused anyhow.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Filed")]
pub(crate) struct Seen {
    /// All of `filed`, and made from it again when it is read.
    #[serde(skip)]
    keys: FxHashSet<u64>,
    filed: BTreeMap<i64, Vec<u64>>,
}

#[derive(Deserialize)]
struct Filed {
    filed: BTreeMap<i64, Vec<u64>>,
}

impl From<Filed> for Seen {
    fn from(Filed { filed }: Filed) -> Self {
        Self { keys: filed.values().flatten().copied().collect(), filed }
    }
}

impl Seen {
    /// Looks keys up that will be asked for next. The table is far larger than a processor's caches; one by one each key
    /// would be waited for, while these are fetched several at a time.
    pub(crate) fn fetch(&self, keys: &[Option<NonZeroU64>]) {
        let known = keys.iter().flatten().filter(|key| self.keys.contains(&key.get())).count();
        std::hint::black_box(known);
    }

    /// Whether the key is new; it is remembered from now on.
    pub(crate) fn insert(&mut self, key: NonZeroU64, watermark: Timestamp) -> bool {
        if !self.keys.insert(key.get()) {
            return false;
        }
        self.filed.entry(file(watermark)).or_default().push(key.get());
        if self.keys.len() > KEYS_MAX {
            self.forget_oldest();
        }
        true
    }

    pub(crate) fn forget_before(&mut self, watermark: Timestamp) {
        let oldest_kept = file(watermark.plus_minutes(-LATENESS_HORIZON_MINUTES));
        while self.filed.first_key_value().is_some_and(|(oldest, _)| *oldest < oldest_kept) {
            self.forget_oldest();
        }
    }

    /// Keys that came in since this instant are known.
    pub(crate) fn since(&self) -> Option<Timestamp> {
        let oldest = self.filed.first_key_value().map(|(oldest, _)| *oldest)?;
        Some(Timestamp::from_millis(oldest * FILE_MINUTES * 60_000))
    }

    fn forget_oldest(&mut self) {
        for key in self.filed.pop_first().into_iter().flat_map(|(_, keys)| keys) {
            self.keys.remove(&key);
        }
    }
}

fn file(time: Timestamp) -> i64 {
    time.millis().div_euclid(FILE_MINUTES * 60_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_counts_once_within_the_horizon_and_is_forgotten_after() {
        let start = Timestamp::from_millis(1_800_000_000_000);
        let mut seen = Seen::default();
        let key = NonZeroU64::new(7).unwrap();
        assert!(seen.insert(key, start));
        seen.forget_before(start.plus_minutes(LATENESS_HORIZON_MINUTES));
        assert!(!seen.insert(key, start));
        assert!(seen.since().unwrap() <= start);
        seen.forget_before(start.plus_minutes(LATENESS_HORIZON_MINUTES + 120));
        assert!(seen.keys.is_empty());
    }
}
