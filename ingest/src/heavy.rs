//! Which of very many keys are frequent, in bounded memory: the Misra-Gries summary.
//!
//! J. Misra and D. Gries, "Finding repeated elements" (1982): with `k` counters a key's count is too low by `n / (k+1)` at
//! most, so none that is more frequent than that is missed.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

const COUNTERS_MAX: usize = 8000;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Heavy {
    counters: FxHashMap<u64, u64>,
    seen: u64,
}

impl Heavy {
    /// Counts a key. Says how often it came at the least, and how many keys came in all.
    pub(crate) fn count(&mut self, key: u64) -> (u64, u64) {
        self.seen += 1;
        if let Some(count) = self.counters.get_mut(&key) {
            *count += 1;
            return (*count, self.seen);
        }
        if self.counters.len() < COUNTERS_MAX {
            self.counters.insert(key, 1);
            return (1, self.seen);
        }
        // Each of these rounds undoes as many counts as there are counters, so they are rare.
        self.counters.retain(|_, count| {
            *count -= 1;
            *count > 0
        });
        (0, self.seen)
    }

    pub(crate) fn forget(&mut self, key: u64) {
        self.counters.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frequent_key_is_found_among_very_many_rare_ones() {
        let mut heavy = Heavy::default();
        let mut last = (0, 0);
        for number in 0..1_000_000_u64 {
            if number % 100 == 0 {
                last = heavy.count(7);
            } else {
                heavy.count(1000 + number);
            }
        }
        let (count, seen) = last;
        let missed = seen / (COUNTERS_MAX as u64 + 1);
        assert!((10_000 - missed - 1..=10_000).contains(&count), "{count} of {seen}");
        assert!(heavy.counters.len() <= COUNTERS_MAX);
    }
}
