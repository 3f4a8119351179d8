//! Series that move together: each needs the less evidence the more of them there are (e-BH; Wang & Ramdas 2022).
//!
//! Of N series with e-values, k are told of when the k-th largest reaches N / (k alpha) rather than N / alpha each. The mean
//! of all e-values then reaches 1 / alpha, and a mean of e-detectors is one, whatever depends on what: while nothing has
//! changed anywhere, the budget of false alarms holds as it does for one series at a time.

use serde::{Deserialize, Serialize};

/// More series than this together ask for no less.
const COUNT_MAX: usize = 64;

#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Joint {
    pub(crate) is_on: bool,
    /// How many moved together by the end of the step before.
    count: usize,
    /// Evidence of the step at hand.
    logs: Vec<f64>,
}

impl Joint {
    /// By so much less is asked of each.
    pub(crate) fn log_count(&self) -> f64 {
        if self.is_on { (self.count.max(1) as f64).ln() } else { 0.0 }
    }

    /// A series whose regression is not open, with the logarithm of its evidence.
    pub(crate) fn add(&mut self, log_evidence: f64) {
        if self.is_on && log_evidence > 0.0 {
            self.logs.push(log_evidence);
        }
    }

    /// The step is over; `log_threshold` is what a single series needs.
    pub(crate) fn close(&mut self, log_threshold: f64) {
        self.count = count(&mut self.logs, log_threshold);
        self.logs.clear();
    }
}

/// The most series of which each has a threshold divided by their number.
pub(crate) fn count(logs: &mut [f64], log_threshold: f64) -> usize {
    logs.sort_by(|a, b| b.total_cmp(a));
    let reaches = |(at, log): (usize, &f64)| *log >= log_threshold - ((at + 1) as f64).ln();
    logs.iter().take(COUNT_MAX).enumerate().rposition(reaches).map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_need_less_each() {
        let count = |logs: &[f64]| count(&mut logs.to_vec(), 10.0);
        assert_eq!(count(&[]), 0);
        assert_eq!(count(&[9.9]), 0);
        assert_eq!(count(&[10.0]), 1);
        // Two with half the evidence each.
        assert_eq!(count(&[9.4, 9.31]), 2);
        assert_eq!(count(&[9.4, 9.2]), 0);
        assert_eq!(count(&[3.0, 12.0, 9.0, 9.0]), 3);
    }

    #[test]
    fn what_is_off_asks_for_no_less() {
        let mut joint = Joint::default();
        joint.add(20.0);
        joint.close(10.0);
        assert_eq!(joint.log_count(), 0.0);
        joint.is_on = true;
        [20.0, 20.0].into_iter().for_each(|log| joint.add(log));
        joint.close(10.0);
        assert!((joint.log_count() - 2.0_f64.ln()).abs() < 1e-12);
        joint.close(10.0);
        assert_eq!(joint.log_count(), 0.0);
    }
}
