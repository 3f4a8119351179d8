//! How much evidence a budget of false alarms asks for.

use hark_model::STEP_MINUTES;
use serde::{Deserialize, Serialize};

const STEPS_PER_WEEK: f64 = (7 * 24 * 60 / STEP_MINUTES) as f64;
/// The 95th percentile of the normal distribution.
const NORMAL_95: f64 = 1.644_853_6;
/// How many alarms may come for each that the evidence alone would let through: what is expected of a series is learned, and so never quite
/// right. 1.3 were measured over a fifth of the fleet and a hundred weeks (docs/figures.md); a half leaves room for the error of that.
const MODEL_ERROR: f64 = 1.5;

/// False alarms that all series together may raise in a week. Aimed at is that 95 weeks of a hundred stay within it; what was measured is in
/// docs/figures.md.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    pub false_alarms_per_week: f64,
}

impl Budget {
    /// Logarithm of the evidence to ask for: each of N series may reach evidence A once in A steps by chance, so all of
    /// them together do so N * steps / A times a week.
    pub fn log_threshold(self, series: usize) -> f64 {
        (series.max(1) as f64 * STEPS_PER_WEEK * MODEL_ERROR / self.mean_per_week()).ln()
    }

    /// What may come on average, so that no more than the budget comes in 95 weeks of a hundred: the mean of a Poisson count whose 95th
    /// percentile the budget is, by Wilson and Hilferty's cube (0.345 for a budget of 1, where it is 0.355). A budget of a part of one
    /// is one in so many weeks.
    fn mean_per_week(self) -> f64 {
        let whole = self.false_alarms_per_week.max(1.0) + 1.0;
        let mean = whole * (1.0 - 1.0 / (9.0 * whole) - NORMAL_95 / (3.0 * whole.sqrt())).powi(3);
        mean * self.false_alarms_per_week.min(1.0)
    }
}

impl std::fmt::Display for Budget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} per week", self.false_alarms_per_week)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The share of weeks with at most `most` of what comes at random, `mean` times a week.
    fn share_of_weeks(most: u32, mean: f64) -> f64 {
        let terms = (1..=most).scan(1.0, |term, count| {
            *term *= mean / f64::from(count);
            Some(*term)
        });
        (-mean).exp() * (1.0 + terms.sum::<f64>())
    }

    #[test]
    fn ninety_five_weeks_of_a_hundred_are_within_the_budget() {
        for budget in [1, 2, 3, 5, 10, 50] {
            let mean = Budget { false_alarms_per_week: f64::from(budget) }.mean_per_week();
            let share = share_of_weeks(budget, mean);
            assert!((0.95..0.954).contains(&share), "{budget} a week: {share}");
        }
    }

    #[test]
    fn a_part_of_one_is_one_in_so_many_weeks() {
        let [tenth, one] = [0.1, 1.0].map(|false_alarms_per_week| Budget { false_alarms_per_week }.mean_per_week());
        assert!((tenth * 10.0 - one).abs() < 1e-12, "{tenth} against {one}");
    }

    #[test]
    fn more_series_need_more_evidence_each() {
        let budget = Budget { false_alarms_per_week: 1.0 };
        let more = budget.log_threshold(10_000) - budget.log_threshold(100);
        assert!((more - 100_f64.ln()).abs() < 1e-12, "{more}");
        assert_eq!(budget.log_threshold(0), budget.log_threshold(1));
    }
}
