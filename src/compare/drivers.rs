//! Per dimension: which values fared worse than they usually do, and how much of the excess lies in each.

use hark_dashboard::{CompareQuestion, DimensionDrivers, DriverValue, DriversAnswer};
use rustc_hash::FxHashMap;

use super::sides::{Side, Sides};
use crate::pipeline::Pipeline;

/// Values listed one by one; the rest is added up.
const VALUES_MAX: usize = 12;
/// A value's own past counts as much as everybody's once it holds so many requests.
const OWN_WEIGHT_FROM: f64 = 60.0;

pub(crate) fn drivers(pipeline: &Pipeline, question: &CompareQuestion) -> Result<DriversAnswer, String> {
    let sides = Sides::new(pipeline, question)?;
    let names = &sides.plan.metric.dimensions;
    let is_bad = sides.is_bad();
    let mut dimensions: Vec<FxHashMap<u16, Tally>> = vec![FxHashMap::default(); names.len()];
    let mut all = Tally::default();
    if sides.reason.is_none() {
        let mut count = |side: &Side, is_during: bool| {
            sides.rows(side, |_, row| {
                let (requests, bad) = (u64::from(row.count), is_bad(row.class));
                all.add(requests, bad, is_during);
                for (tallies, &code) in dimensions.iter_mut().zip(row.codes) {
                    tallies.entry(code).or_default().add(requests, bad, is_during);
                }
            });
        };
        count(&sides.before, false);
        count(&sides.during, true);
    }
    let compared = sides.compared((all.before, all.bad_before), (all.during, all.bad_during));
    if compared.reason.is_some() {
        return Ok(DriversAnswer { compared, excess: 0.0, dimensions: Vec::new() });
    }
    let scale = Scale::new(&sides, all);
    let mut told: Vec<DimensionDrivers> = dimensions
        .into_iter()
        .enumerate()
        .map(|(at, tallies)| {
            let mut values: Vec<(u16, Tally)> = tallies.into_iter().collect();
            values.sort_unstable_by_key(|(code, _)| *code);
            let named = values.into_iter().map(|(code, tally)| (sides.value(at, code), tally)).collect();
            dimension(&names[at], named, &scale)
        })
        .filter(|dimension| dimension.values.len() > 1)
        .collect();
    told.sort_by(|a, b| b.explained.total_cmp(&a.explained));
    Ok(DriversAnswer { compared, excess: scale.excess(&all), dimensions: told })
}

fn dimension(name: &str, values: Vec<(String, Tally)>, scale: &Scale) -> DimensionDrivers {
    let total: f64 = values.iter().map(|(_, tally)| scale.excess(tally)).sum();
    let mut values: Vec<(Tally, DriverValue)> =
        values.into_iter().map(|(value, tally)| (tally, scale.driver(value, &tally, total))).collect();
    // Stable, and the values came in the order of their codes: ties are the same each time.
    values.sort_by(|(_, a), (_, b)| b.excess.abs().total_cmp(&a.excess.abs()));
    let explained: f64 = values
        .iter()
        .map(|(tally, value)| value.contribution.map_or(0.0, |part| (part - scale.traffic(tally)).max(0.0)))
        .sum();
    let rest = values.split_off(values.len().min(VALUES_MAX));
    let others = (!rest.is_empty()).then(|| {
        let sum = rest.iter().fold(Tally::default(), |sum, (tally, _)| sum.and(tally));
        scale.driver(format!("{} others", rest.len()), &sum, total)
    });
    DimensionDrivers {
        dimension: name.to_owned(),
        explained: explained.clamp(0.0, 1.0),
        values: values.into_iter().map(|(_, value)| value).collect(),
        others,
    }
}

/// Requests and bad ones among them, on both sides.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) before: u64,
    pub(super) bad_before: u64,
    pub(super) during: u64,
    pub(super) bad_during: u64,
}

impl Tally {
    pub(super) fn add(&mut self, requests: u64, is_bad: bool, is_during: bool) {
        let (all, bad) =
            if is_during { (&mut self.during, &mut self.bad_during) } else { (&mut self.before, &mut self.bad_before) };
        *all += requests;
        *bad += if is_bad { requests } else { 0 };
    }

    fn and(self, other: &Self) -> Self {
        Self {
            before: self.before + other.before,
            bad_before: self.bad_before + other.bad_before,
            during: self.during + other.during,
            bad_during: self.bad_during + other.bad_during,
        }
    }
}

/// What a tally is measured by.
pub(super) struct Scale {
    all: Tally,
    before_to_during: f64,
    is_count: bool,
}

impl Scale {
    pub(super) fn new(sides: &Sides<'_>, all: Tally) -> Self {
        Self { all, before_to_during: sides.before_to_during(), is_count: sides.is_count() }
    }

    /// Of all requests during, the part in this tally.
    fn traffic(&self, tally: &Tally) -> f64 {
        tally.during as f64 / self.all.during.max(1) as f64
    }

    /// Bad requests (of counts: requests) beyond what is usual there. A value that was hardly seen before is held
    /// against everybody.
    pub(super) fn excess(&self, tally: &Tally) -> f64 {
        if self.is_count {
            return tally.during as f64 - tally.before as f64 / self.before_to_during;
        }
        let everybody = self.all.bad_before as f64 / self.all.before.max(1) as f64;
        let usual = (tally.bad_before as f64 + OWN_WEIGHT_FROM * everybody) / (tally.before as f64 + OWN_WEIGHT_FROM);
        tally.bad_during as f64 - usual * tally.during as f64
    }

    /// `total` is the excess that contributions are parts of.
    pub(super) fn driver(&self, value: String, tally: &Tally, total: f64) -> DriverValue {
        let share = |part: u64, of: u64| (of > 0).then(|| part as f64 / of as f64);
        let (share_before, share_during) = if self.is_count {
            (share(tally.before, self.all.before), share(tally.during, self.all.during))
        } else {
            (share(tally.bad_before, tally.before), share(tally.bad_during, tally.during))
        };
        let excess = self.excess(tally);
        DriverValue {
            value,
            requests_before: tally.before,
            requests: tally.during,
            share_before,
            share_during,
            excess,
            contribution: (total.abs() >= 1.0).then(|| excess / total),
        }
    }
}
