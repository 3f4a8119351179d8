//! Objectives and their error budgets: which share of the requests of the window missed the target, and how fast the
//! budget goes.

use hark_model::{Metric, MetricKind, Objective, Slice, Statistic, Timestamp};

use crate::cells::{CellSums, Sum};
use crate::shapes::{Objectives, Query};
use crate::week::Week;
use crate::words;

const DAY_MINUTES: i64 = 24 * 60;
/// Windows are looked at up to this long; history by the day is not read for longer.
pub const WINDOW_DAYS_MAX: i64 = 90;

pub(crate) fn objectives(metrics: &[Metric], days: &CellSums, week: Week, until: Timestamp) -> Vec<Objectives> {
    metrics.iter().filter_map(|metric| of_metric(metric, metric.objective.as_ref()?, days, week, until)).collect()
}

/// `28d`, `4w` or `12h` in days, a begun one counted as one.
pub(crate) fn window_days(window: &str) -> Option<i64> {
    let (number, unit) = window.trim().split_at_checked(window.trim().len().checked_sub(1)?)?;
    let number: i64 = number.parse().ok().filter(|number| (1..=10_000).contains(number))?;
    let days = match unit {
        "d" => number,
        "w" => 7 * number,
        "h" => (number + 23) / 24,
        _ => return None,
    };
    Some(days.clamp(1, WINDOW_DAYS_MAX))
}

fn of_metric(
    metric: &Metric,
    objective: &Objective,
    days: &CellSums,
    week: Week,
    until: Timestamp,
) -> Option<Objectives> {
    let allowed = allowed_share(metric, objective)?;
    let window = window_days(&objective.window)?;
    // Whole days, the last one begun.
    let end = Timestamp::from_millis((until.millis() - 1).div_euclid(DAY_MINUTES * 60_000) * DAY_MINUTES * 60_000)
        .plus_minutes(DAY_MINUTES);
    let from = end.plus_minutes(-window * DAY_MINUTES);
    let of = |from, to| days.total(&metric.name, &Slice::total(), from, to);
    let share = |sum: &Sum| missed(objective, sum) / sum.count as f64;
    let all = of(from, end);
    let missed_share = all.as_ref().map(share);
    let budget_left = missed_share.map(|share| 1.0 - share / allowed);
    let burn = |sum: Option<Sum>| sum.as_ref().map(|sum| share(sum) / allowed);
    let burn_week = burn(of(week.start().max(from), week.end()));
    // What is left of the window's budget is spent at the week's pace.
    let runs_out = budget_left.zip(burn_week).and_then(|(left, burn)| {
        let minutes = left * (window * DAY_MINUTES) as f64 / burn;
        (left > 0.0 && burn > 1.0).then(|| until.plus_minutes(minutes.round() as i64))
    });
    Some(Objectives {
        metric: metric.name.clone(),
        owner: metric.owner.clone(),
        statistic: objective.statistic,
        target: objective.target,
        unit: metric.unit.clone(),
        window: objective.window.clone(),
        from,
        sentence: sentence(metric, objective, allowed),
        requests: all.as_ref().map_or(0, |sum| sum.count),
        missed: all.as_ref().map_or(0.0, |sum| missed(objective, sum)),
        allowed_share: allowed,
        missed_share,
        budget_left,
        burn_week,
        burn_day: burn(of(end.plus_minutes(-DAY_MINUTES), end)),
        runs_out,
        query: Query::Sql(sql(metric, objective, from, end)),
    })
}

/// p95 at most 1500 lets one request in twenty take longer; a rate lets its target fail.
fn allowed_share(metric: &Metric, objective: &Objective) -> Option<f64> {
    let share = match (&metric.kind, objective.statistic) {
        (MetricKind::Latency { .. }, Statistic::Quantile(permille)) => 1.0 - f64::from(permille) / 1000.0,
        (MetricKind::Ratio { .. }, Statistic::Rate) => objective.target,
        _ => return None,
    };
    (share > 0.0 && share < 1.0).then_some(share)
}

fn missed(objective: &Objective, sum: &Sum) -> f64 {
    match objective.statistic {
        Statistic::Rate => sum.hits as f64,
        _ => sum.count_above(objective.target),
    }
}

fn sentence(metric: &Metric, objective: &Objective, allowed: f64) -> String {
    let share = words::percent(allowed);
    let window = &objective.window;
    match objective.statistic {
        Statistic::Rate => format!("at most {share} of requests count as {} over {window}", metric.name),
        _ => {
            let target = words::value(objective.target, &metric.unit);
            format!("at most {share} of requests take longer than {target} over {window}")
        }
    }
}

fn sql(metric: &Metric, objective: &Objective, from: Timestamp, to: Timestamp) -> String {
    let range = format!("metric = '{}' and slice = 'total' and time >= '{from}' and time < '{to}'", metric.name);
    match objective.statistic {
        Statistic::Rate => format!("select sum(hits) as missed, sum(count) as requests from cells_hour where {range}"),
        _ => format!(
            "select sum(case when pow(2, bucket / 64.0) >= {target} then n else 0 end) as missed, sum(n) as requests \
             from (select unnest(buckets) as bucket, unnest(counts) as n from cells_hour where {range})",
            target = objective.target
        ),
    }
}

#[cfg(test)]
mod tests {
    use hark_model::Definitions;

    use super::*;
    use crate::score::tests::row;

    fn metrics(objective: &str) -> Vec<Metric> {
        let yaml = format!(
            "metrics: [{{name: failure_rate, kind: ratio, numerator: failed, objective: {objective}}}, {{name: b, kind: count}}]"
        );
        Definitions::parse(&yaml).unwrap().iter().cloned().collect()
    }

    #[test]
    fn a_budget_as_worked_out_by_hand() {
        let week: Week = "2026-W18".parse().unwrap();
        // 28 days to Sunday: 21 days of 1 % before, then a week of 6 %; 2 % are allowed.
        let start = week.start().plus_minutes(-21 * DAY_MINUTES);
        let day = |at: i64| row("total", start.plus_minutes(at * DAY_MINUTES), 1000, if at < 21 { 10 } else { 60 });
        let days: CellSums = (0..28).map(day).collect();
        let found = objectives(&metrics("{statistic: rate, target: 0.02, window: 28d}"), &days, week, week.end());
        let one = &found[0];
        assert_eq!((found.len(), one.requests, one.missed, one.from), (1, 28_000, 630.0, start));
        // 630 of the 560 that may fail: 12.5 % overspent; the week burns at three times the even pace.
        assert!((one.budget_left.unwrap() + 0.125).abs() < 1e-9);
        assert!((one.burn_week.unwrap() - 3.0).abs() < 1e-9 && (one.burn_day.unwrap() - 3.0).abs() < 1e-9);
        assert_eq!(one.runs_out, None, "it is gone already");
        assert_eq!(one.sentence, "at most 2\u{202f}% of requests count as failure_rate over 28d");
    }

    #[test]
    fn a_budget_that_goes_too_fast_has_an_end() {
        let week: Week = "2026-W18".parse().unwrap();
        let days: CellSums = [row("total", week.start(), 1000, 20)].into_iter().collect();
        let mut metrics = metrics("{statistic: rate, target: 0.04, window: 4w}");
        let found = objectives(&metrics, &days, week, week.end());
        assert_eq!((found[0].budget_left, found[0].burn_week, found[0].runs_out), (Some(0.5), Some(0.5), None));
        assert_eq!(found[0].burn_day, None, "nothing came on the last day");
        metrics[0].objective.as_mut().unwrap().target = 0.01;
        assert_eq!(objectives(&metrics, &days, week, week.end())[0].budget_left, Some(-1.0));
    }

    #[test]
    fn windows_are_days() {
        assert_eq!(["28d", "4w", "12h", "400d"].map(window_days), [Some(28), Some(28), Some(1), Some(90)]);
        assert_eq!(["", "d", "-1d", "28", "x", "é"].map(window_days), [None; 6]);
    }
}
