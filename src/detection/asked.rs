//! What is asked of each series in a step, by the budget that its metric shares.

use std::collections::BTreeMap;

use hark_query::Plan;

use super::Detection;

/// What a metric's series have to show.
#[derive(Debug, Clone, Copy)]
pub(super) struct AskedOf {
    /// The first metric that shares the budget.
    pub(super) group: usize,
    /// Logarithm of the evidence of a series that moves alone.
    pub(super) log_threshold: f64,
}

impl Detection {
    /// Works out what is asked of each metric's series: those that share a budget share it evenly.
    pub(super) fn ask(&mut self, plan: &Plan) {
        let team = |owner: &Option<String>| self.budget.team(owner.as_deref()).map(str::to_owned);
        let teams: Vec<Option<String>> = plan.metrics.iter().map(|plan| team(&plan.metric.owner)).collect();
        let mut series: BTreeMap<&Option<String>, usize> = BTreeMap::new();
        for (at, watched) in self.watches.iter().enumerate() {
            let pools = self.pools.iter().filter(|pool| pool.metric() == at).count();
            *series.entry(&teams[at]).or_default() += watched.len() + pools;
        }
        let others: Vec<(Option<String>, usize)> =
            self.other_series.iter().map(|(owner, series)| (team(owner), *series)).collect();
        for (team, more) in &others {
            *series.entry(team).or_default() += more;
        }
        let asked = |of: &Option<String>| AskedOf {
            group: teams.iter().position(|team| team == of).unwrap_or_default(),
            log_threshold: self.budget.log_threshold(of.as_deref(), series[of]),
        };
        let asked = teams.iter().map(asked).collect();
        self.asked = asked;
    }
}
