//! The idempotency keys of the last day, so that an event sent twice counts once.

use std::collections::BTreeMap;

use hark_model::Timestamp;
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use crate::clock::LATENESS_HORIZON_MINUTES;

/// Keys are 64-bit hashes, filed by the hour of the watermark they came in, and forgotten when that hour is older than
/// the lateness horizon: an event older than that is refused anyhow.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Seen {
    keys: FxHashSet<u64>,
    by_hour: BTreeMap<i64, Vec<u64>>,
}

impl Seen {
    /// Whether the key is new; it is remembered from now on.
    pub(crate) fn insert(&mut self, key: u64, watermark: Timestamp) -> bool {
        if !self.keys.insert(key) {
            return false;
        }
        self.by_hour.entry(hour(watermark)).or_default().push(key);
        true
    }

    pub(crate) fn forget_before(&mut self, watermark: Timestamp) {
        let oldest_kept = hour(watermark.plus_minutes(-LATENESS_HORIZON_MINUTES));
        while let Some(entry) = self.by_hour.first_entry().filter(|entry| *entry.key() < oldest_kept) {
            for key in entry.remove() {
                self.keys.remove(&key);
            }
        }
    }
}

fn hour(time: Timestamp) -> i64 {
    time.millis().div_euclid(3_600_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_counts_once_within_the_horizon_and_is_forgotten_after() {
        let start = Timestamp::from_millis(1_800_000_000_000);
        let mut seen = Seen::default();
        assert!(seen.insert(7, start));
        seen.forget_before(start.plus_minutes(LATENESS_HORIZON_MINUTES));
        assert!(!seen.insert(7, start));
        seen.forget_before(start.plus_minutes(LATENESS_HORIZON_MINUTES + 120));
        assert!(seen.keys.is_empty());
    }
}
