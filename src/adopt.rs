//! Detection under other definitions: watches of what stays are kept, those of what changed begin anew.

use hark_model::{Statistic, Timestamp};
use hark_query::Plan;

use crate::detection::{CompositeSeries, Detection};
use crate::series::{SeriesId, SeriesKey, SeriesStore};

impl Detection {
    /// `carried` says of each metric of `to` which one of `from` it is, word for word.
    pub fn adopt(&mut self, from: &Plan, to: &Plan, carried: &[Option<usize>], now: Option<Timestamp>) {
        let mut watches: Vec<_> = std::mem::take(&mut self.watches).into_iter().map(Some).collect();
        let take = |old: &Option<usize>| old.and_then(|old| watches[old].take()).unwrap_or_default();
        self.watches = carried.iter().map(take).collect();
        for (at, old) in from.metrics.iter().enumerate() {
            if carried.contains(&Some(at)) {
                continue;
            }
            let name = &old.metric.name;
            self.series.forget(name);
            if let Some(now) = now {
                self.outbox.extend(self.book.retire(name, now));
            }
        }
        let is_kept = |name: &str| to.composites.iter().any(|(metric, _)| metric.name == name);
        for (metric, _) in from.composites.iter().filter(|(metric, _)| !is_kept(&metric.name)) {
            self.series.forget(&metric.name);
        }
        self.joint.forget();
        self.composites = composites(&mut self.series, to);
        self.self_test.adopt(carried);
        self.models.adopt(to, carried);
        self.pools.retain_mut(|pool| pool.adopt(carried));
    }
}

/// Every composite in every slice that all of its parts have a series in.
fn composites(series: &mut SeriesStore, plan: &Plan) -> Vec<CompositeSeries> {
    let mut all = Vec::new();
    for (composite, (metric, formula)) in plan.composites.iter().enumerate() {
        let part = |(name, statistic): (&str, Option<Statistic>)| {
            let part = plan.metrics.iter().find(|part| part.metric.name == name)?;
            Some((part.metric.name.clone(), statistic.unwrap_or(part.metric.headline())))
        };
        let Some(named) = formula.parts().into_iter().map(part).collect::<Option<Vec<_>>>() else { continue };
        let Some((first, statistic)) = named.first() else { continue };
        for slice in series.slices(first, *statistic).into_iter().filter(|slice| metric.watches(slice)) {
            let of = |metric: &str, statistic| SeriesKey { metric: metric.to_owned(), statistic, slice: slice.clone() };
            let found = |(name, statistic): &(String, Statistic)| series.find(&of(name, *statistic));
            let Some(parts) = named.iter().map(found).collect::<Option<Vec<SeriesId>>>() else { continue };
            let own = series.id(of(&metric.name, Statistic::Score));
            all.push(CompositeSeries { composite, parts, series: own });
        }
    }
    all
}
