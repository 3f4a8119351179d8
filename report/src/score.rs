//! The composite of a week, and which of its parts costs how many points.

use hark_model::{Metric, Slice, Statistic, Timestamp};

use crate::cells::CellSums;
use crate::shapes::{Query, ScoreDay, ScorePart, ScoreWeek, UxScore};
use crate::week::Week;

/// Weeks that are drawn.
pub(crate) const WEEKS_SHOWN: usize = 13;
/// Slices of the dimension that are told; the rest have the least traffic.
const SLICES_MAX: usize = 12;
const DAY_MINUTES: i64 = 24 * 60;

/// The terms of a formula for the values of its parts.
pub type Terms<'a> = dyn Fn(&[Option<f64>]) -> Option<Vec<Term>> + 'a;

/// A composite whose formula somebody else can read.
pub struct Formula<'a> {
    pub metric: &'a Metric,
    /// What it reads, each with the statistic that is meant.
    pub parts: Vec<(&'a Metric, Statistic)>,
    /// The top-level terms for the values of the parts; they add up to the score. `None` where one has no value.
    pub terms: &'a Terms<'a>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    pub text: String,
    /// Positions among the formula's parts; none for a constant.
    pub parts: Vec<usize>,
    pub points: f64,
}

/// Sums of history by the day, by the week, and of the same week last year.
pub(crate) struct Spans<'a> {
    pub(crate) days: &'a CellSums,
    pub(crate) weeks: &'a CellSums,
    pub(crate) last_year: &'a CellSums,
    pub(crate) week: Week,
}

pub(crate) fn scores(formula: &Formula<'_>, spans: &Spans<'_>) -> Vec<UxScore> {
    let of = |slice| of_slice(formula, spans, slice);
    let mut found: Vec<UxScore> = slices(formula, spans.weeks).into_iter().map(of).collect();
    // All traffic first, then the busiest.
    found.sort_by(|a, b| {
        (a.slice.len().cmp(&b.slice.len())).then(b.requests.cmp(&a.requests)).then_with(|| a.slice.cmp(&b.slice))
    });
    found.retain(|score| score.requests > 0 || score.slice.is_total());
    found.truncate(SLICES_MAX + 1);
    found
}

/// All traffic, and each value of the dimensions that the composite watches by themselves, as far as all parts have cells.
fn slices(formula: &Formula<'_>, weeks: &CellSums) -> Vec<Slice> {
    let is_watched = |slice: &&Slice| {
        slice.len() == 1 && slice.iter().all(|(name, _)| formula.metric.watch.iter().any(|set| *set == [name]))
    };
    let first = formula.parts.first().map_or("", |(metric, _)| metric.name.as_str());
    std::iter::once(Slice::total()).chain(weeks.slices(first).filter(is_watched).cloned()).collect()
}

fn of_slice(formula: &Formula<'_>, spans: &Spans<'_>, slice: Slice) -> UxScore {
    let terms =
        |sums: &CellSums, from: Timestamp, to: Timestamp| (formula.terms)(&values(formula, sums, &slice, from, to));
    let of_week = |week: Week| terms(spans.weeks, week.start(), week.end());
    let Spans { week, days, .. } = *spans;
    let this = of_week(week);
    let before = of_week(week.before());
    let year = terms(spans.last_year, week.last_year().start(), week.last_year().end());
    let requests = formula.parts.iter().filter_map(|(metric, _)| {
        spans.weeks.total(&metric.name, &slice, week.start(), week.end()).map(|sum| sum.count)
    });
    let mut shown = Vec::with_capacity(WEEKS_SHOWN);
    let mut one = week;
    for _ in 0..WEEKS_SHOWN {
        shown.push(ScoreWeek { week: one.to_string(), score: of_week(one).map(|terms| total(&terms)) });
        one = one.before();
    }
    shown.reverse();
    let day = |at: i64| {
        let day = week.start().plus_minutes(at * DAY_MINUTES);
        ScoreDay { day, score: terms(days, day, day.plus_minutes(DAY_MINUTES)).map(|terms| total(&terms)) }
    };
    UxScore {
        metric: formula.metric.name.clone(),
        requests: requests.max().unwrap_or(0),
        score: this.as_deref().map(total),
        full: this.as_deref().map(constant),
        parts: parts(formula, spans, &slice, this.as_deref().unwrap_or_default(), before.as_deref()),
        last_week: before.as_deref().map(total),
        last_year: year.as_deref().map(total),
        weeks: shown,
        days: (0..7).map(day).collect(),
        query: Query::Sql(sql(formula, &slice, week)),
        slice,
    }
}

fn values(formula: &Formula<'_>, sums: &CellSums, slice: &Slice, from: Timestamp, to: Timestamp) -> Vec<Option<f64>> {
    let value =
        |(metric, statistic): &(&Metric, Statistic)| sums.total(&metric.name, slice, from, to)?.value(*statistic);
    formula.parts.iter().map(value).collect()
}

fn total(terms: &[Term]) -> f64 {
    terms.iter().map(|term| term.points).sum()
}

/// What the terms that depend on nothing add up to.
fn constant(terms: &[Term]) -> f64 {
    terms.iter().filter(|term| term.parts.is_empty()).map(|term| term.points).sum()
}

fn parts(
    formula: &Formula<'_>,
    spans: &Spans<'_>,
    slice: &Slice,
    terms: &[Term],
    before: Option<&[Term]>,
) -> Vec<ScorePart> {
    let week = spans.week;
    let values = values(formula, spans.weeks, slice, week.start(), week.end());
    let part = |(at, term): (usize, &Term)| {
        let single = match term.parts.as_slice() {
            [one] => Some((formula.parts[*one], values[*one])),
            _ => None,
        };
        ScorePart {
            term: term.text.clone(),
            metric: single.map(|((metric, _), _)| metric.name.clone()),
            statistic: single.map(|((_, statistic), _)| statistic),
            value: single.and_then(|(_, value)| value),
            unit: single.map(|((metric, _), _)| metric.unit.clone()).unwrap_or_default(),
            // Minus nothing is nothing.
            costs: 0.0 - term.points,
            cost_last_week: before.and_then(|terms| terms.get(at)).map(|term| 0.0 - term.points),
        }
    };
    let mut parts: Vec<ScorePart> =
        terms.iter().enumerate().filter(|(_, term)| !term.parts.is_empty()).map(part).collect();
    parts.sort_by(|a, b| b.costs.total_cmp(&a.costs));
    parts
}

/// The values of the parts, from which the formula gives the score.
fn sql(formula: &Formula<'_>, slice: &Slice, week: Week) -> String {
    let range = |metric: &Metric| {
        format!(
            "metric = '{}' and slice = '{}' and time >= '{}' and time < '{}'",
            metric.name,
            slice.to_string().replace('\'', "''"),
            week.start(),
            week.end()
        )
    };
    let one = |(metric, statistic): &(&Metric, Statistic)| match statistic.quantile() {
        Some(q) => format!(
            "select '{name} {statistic}' as part, pow(2, (min(bucket) + 1) / 64.0) as value from (select bucket, \
             sum(n) over (order by bucket) as below, sum(n) over () as total from (select bucket, sum(n) as n from \
             (select unnest(buckets) as bucket, unnest(counts) as n from cells_hour where {range}) group by bucket)) \
             where below >= {q} * total",
            name = metric.name,
            range = range(metric),
        ),
        None => {
            let value = match statistic {
                Statistic::Rate => "sum(hits) * 1.0 / sum(count)",
                Statistic::Mean => "sum(sum_thousandths) / 1000.0 / sum(count)",
                _ => "sum(count) * 1.0",
            };
            format!(
                "select '{} {statistic}' as part, {value} as value from cells_hour where {}",
                metric.name,
                range(metric)
            )
        }
    };
    formula.parts.iter().map(one).collect::<Vec<_>>().join(" union all ")
}

#[cfg(test)]
pub(crate) mod tests {
    use hark_model::Definitions;

    use super::*;
    use crate::cells::{Sum, SumRow};

    /// 100 - 60 * penalty(failure_rate, 0.01, 0.15) - 40 * (requests share): two terms worked out by hand.
    pub(crate) fn terms(values: &[Option<f64>]) -> Option<Vec<Term>> {
        let rate = values[0]?;
        let penalty = ((rate - 0.01) / 0.14).clamp(0.0, 1.0);
        Some(vec![
            Term { text: "100".to_owned(), parts: vec![], points: 100.0 },
            Term { text: "60 * penalty(failure_rate, 0.01, 0.15)".to_owned(), parts: vec![0], points: -60.0 * penalty },
        ])
    }

    pub(crate) fn row(slice: &str, start: Timestamp, count: u64, hits: u64) -> SumRow {
        let sum = Sum { count, hits, ..Sum::default() };
        SumRow { metric: "failure_rate".to_owned(), slice: slice.parse().unwrap(), start, sum }
    }

    #[test]
    fn parts_and_full_score_add_up_to_the_score() {
        let definitions = Definitions::built_in();
        let formula = Formula {
            metric: definitions.get("ux_score").unwrap(),
            parts: vec![(definitions.get("failure_rate").unwrap(), Statistic::Rate)],
            terms: &terms,
        };
        let week: Week = "2026-W18".parse().unwrap();
        let weeks: CellSums = [
            row("total", week.start(), 1000, 80),
            row("platform:tvOS", week.start(), 100, 1),
            row("platform:iOS", week.start(), 900, 79),
            row("locale:de_DE", week.start(), 900, 79),
            row("total", week.before().start(), 1000, 10),
        ]
        .into_iter()
        .collect();
        let (days, last_year) = (CellSums::default(), CellSums::default());
        let found = scores(&formula, &Spans { days: &days, weeks: &weeks, last_year: &last_year, week });
        let names: Vec<String> = found.iter().map(|score| score.slice.to_string()).collect();
        assert_eq!(names, ["total", "platform:iOS", "platform:tvOS"]);
        // 8 % failed: (0.08 - 0.01) / 0.14 of the penalty, half of 60 points.
        let all = &found[0];
        assert!((all.score.unwrap() - 70.0).abs() < 1e-9 && all.full == Some(100.0));
        assert!((all.parts[0].costs - 30.0).abs() < 1e-9);
        assert_eq!((all.parts[0].cost_last_week, all.last_week, all.last_year), (Some(0.0), Some(100.0), None));
        for score in &found {
            let costs: f64 = score.parts.iter().map(|part| part.costs).sum();
            assert!((score.full.unwrap() - costs - score.score.unwrap()).abs() < 1e-9);
        }
        assert_eq!((all.weeks.len(), all.weeks[12].week.as_str()), (13, "2026-W18"));
        assert_eq!(all.weeks[11].score, Some(100.0));
        assert_eq!(all.weeks[10].score, None);
    }
}
