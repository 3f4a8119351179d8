//! How much evidence a budget of false alarms asks for.

use std::collections::BTreeMap;

use hark_model::STEP_MINUTES;
use serde::{Deserialize, Serialize};

const STEPS_PER_WEEK: f64 = (7 * 24 * 60 / STEP_MINUTES) as f64;
/// The 95th percentile of the normal distribution.
const NORMAL_95: f64 = 1.644_853_6;
/// How many alarms may come for each that the evidence alone would let through: what is expected of a series is learned, and so never quite
/// right. Since each series knows its week and what creeps some two were measured (docs/figures.md); the rest is room for the error of that.
const MODEL_ERROR: f64 = 2.25;

/// False alarms that all series together may raise in a week; those of a team's metrics by themselves, where it has a budget of its own. Aimed
/// at is that 95 weeks of a hundred stay within it; what was measured is in docs/figures.md.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    pub false_alarms_per_week: f64,
    /// By team, as the owner of a metric names it.
    pub teams: BTreeMap<String, f64>,
    /// Whether series that move together need less evidence each: see `detection/joint.rs`.
    pub joint: bool,
}

impl Budget {
    /// One for all teams.
    pub fn shared(false_alarms_per_week: f64) -> Self {
        Self { false_alarms_per_week, teams: BTreeMap::new(), joint: false }
    }

    /// The team whose own budget the metrics of this owner share; `None` where they share that of all.
    pub fn team<'a>(&self, owner: Option<&'a str>) -> Option<&'a str> {
        owner.filter(|owner| self.teams.contains_key(*owner))
    }

    /// Logarithm of the evidence to ask of each series that shares the budget of a team, or of all without their own.
    pub fn log_threshold(&self, team: Option<&str>, series: usize) -> f64 {
        log_threshold(self.per_week(team), series)
    }

    /// What all budgets together allow.
    pub fn all_per_week(&self) -> f64 {
        self.false_alarms_per_week + self.teams.values().sum::<f64>()
    }

    /// As an alert tells it.
    pub fn told(&self, team: Option<&str>) -> String {
        format!("{} per week", self.per_week(team))
    }

    fn per_week(&self, team: Option<&str>) -> f64 {
        team.and_then(|team| self.teams.get(team)).copied().unwrap_or(self.false_alarms_per_week)
    }
}

/// Logarithm of the evidence to ask for: each of N series may reach evidence A once in A steps by chance, so all of
/// them together do so N * steps / A times a week.
pub fn log_threshold(per_week: f64, series: usize) -> f64 {
    (series.max(1) as f64 * STEPS_PER_WEEK * MODEL_ERROR / mean_per_week(per_week)).ln()
}

/// What may come on average, so that no more than the budget comes in 95 weeks of a hundred: the mean of a Poisson count whose 95th
/// percentile the budget is, by Wilson and Hilferty's cube (0.345 for a budget of 1, where it is 0.355). A budget of a part of one
/// is one in so many weeks.
fn mean_per_week(budget: f64) -> f64 {
    let whole = budget.max(1.0) + 1.0;
    let mean = whole * (1.0 - 1.0 / (9.0 * whole) - NORMAL_95 / (3.0 * whole.sqrt())).powi(3);
    mean * budget.min(1.0)
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
            let mean = mean_per_week(f64::from(budget));
            let share = share_of_weeks(budget, mean);
            assert!((0.95..0.954).contains(&share), "{budget} a week: {share}");
        }
    }

    #[test]
    fn a_part_of_one_is_one_in_so_many_weeks() {
        let [tenth, one] = [0.1, 1.0].map(mean_per_week);
        assert!((tenth * 10.0 - one).abs() < 1e-12, "{tenth} against {one}");
    }

    #[test]
    fn more_series_need_more_evidence_each() {
        let more = log_threshold(1.0, 10_000) - log_threshold(1.0, 100);
        assert!((more - 100_f64.ln()).abs() < 1e-12, "{more}");
        assert_eq!(log_threshold(1.0, 0), log_threshold(1.0, 1));
    }

    #[test]
    fn a_team_has_its_own_budget_and_the_rest_share_theirs() {
        let teams = BTreeMap::from([("speech".to_owned(), 3.0)]);
        let budget = Budget { teams, ..Budget::shared(1.0) };
        assert_eq!(["speech", "music"].map(|owner| budget.team(Some(owner))), [Some("speech"), None]);
        assert_eq!(
            (budget.told(Some("speech")), budget.told(None)),
            ("3 per week".to_owned(), "1 per week".to_owned())
        );
        assert!(budget.log_threshold(Some("speech"), 100) < budget.log_threshold(None, 100));
        assert_eq!(budget.all_per_week(), 4.0);
    }
}
