//! Series that move together: each needs the less evidence the more of them there are (e-BH; Wang & Ramdas 2022).
//!
//! Of N series with e-values, k are told of when the k-th largest reaches N / (k alpha) rather than N / alpha each. The mean
//! of all e-values then reaches 1 / alpha, and a mean of e-detectors is one, whatever depends on what: while nothing has
//! changed anywhere, the budget of false alarms holds as it does for one series at a time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// More series than this together ask for no less.
const COUNT_MAX: usize = 64;

#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Joint {
    /// By budget, as the metric that it is first asked for.
    groups: BTreeMap<usize, Group>,
}

/// Series that share a budget.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Group {
    /// How many moved together by the end of the step before.
    count: usize,
    /// Evidence of the step at hand, less what a single series needs.
    logs: Vec<f64>,
}

impl Joint {
    /// By so much less is asked of each.
    pub(crate) fn log_count(&self, group: usize) -> f64 {
        self.groups.get(&group).map_or(0.0, |group| (group.count.max(1) as f64).ln())
    }

    /// A series whose regression is not open, with the logarithm of its evidence and of what it alone needs.
    pub(crate) fn add(&mut self, group: usize, log_evidence: f64, log_threshold: f64) {
        if log_evidence > 0.0 {
            self.groups.entry(group).or_default().logs.push(log_evidence - log_threshold);
        }
    }

    /// The metrics are others now.
    pub(crate) fn forget(&mut self) {
        self.groups.clear();
    }

    /// The step is over.
    pub(crate) fn close(&mut self) {
        for Group { count: known, logs } in self.groups.values_mut() {
            *known = count(logs, 0.0);
            logs.clear();
        }
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
    fn those_of_another_budget_need_no_less() {
        let mut joint = Joint::default();
        [20.0, 20.0].into_iter().for_each(|log| joint.add(0, log, 10.0));
        joint.close();
        assert!((joint.log_count(0) - 2.0_f64.ln()).abs() < 1e-12);
        assert_eq!(joint.log_count(1), 0.0, "another budget");
        joint.close();
        assert_eq!(joint.log_count(0), 0.0);
    }
}
