//! Two dimensions against each other.

use hark_dashboard::{CompareQuestion, DriverValue, HeatMapAnswer};
use rustc_hash::FxHashMap;

use super::drivers::{Scale, Tally, drivers};
use super::sides::{Side, Sides};
use crate::pipeline::Pipeline;

/// Rows and columns drawn at most: those with most of the excess.
const DRAWN_MAX: usize = 12;

pub(crate) fn heat_map(
    pipeline: &Pipeline,
    question: &CompareQuestion,
    rows: Option<&str>,
    columns: Option<&str>,
) -> Result<HeatMapAnswer, String> {
    let sides = Sides::new(pipeline, question)?;
    let names = &sides.plan.metric.dimensions;
    let (rows, columns) = chosen(pipeline, question, &sides, rows, columns)?;
    let is_bad = sides.is_bad();
    let mut cells: FxHashMap<(u16, u16), Tally> = FxHashMap::default();
    let mut all = Tally::default();
    if sides.reason.is_none() {
        let mut count = |side: &Side, is_during: bool| {
            sides.rows(side, |_, row| {
                let (requests, bad) = (u64::from(row.count), is_bad(row.class));
                all.add(requests, bad, is_during);
                let cell = cells.entry((row.codes[rows], row.codes[columns])).or_default();
                cell.add(requests, bad, is_during);
            });
        };
        count(&sides.before, false);
        count(&sides.during, true);
    }
    let compared = sides.compared((all.before, all.bad_before), (all.during, all.bad_during));
    let scale = Scale::new(&sides, all);
    let total = scale.excess(&all);
    let weight = |cell: &Tally| scale.excess(cell).abs();
    let (row_codes, rows_out) = heaviest(cells.iter().map(|(&(row, _), cell)| (row, weight(cell), cell.during)));
    let (column_codes, columns_out) = heaviest(cells.iter().map(|(&(_, at), cell)| (at, weight(cell), cell.during)));
    let drawn = |&row: &u16| -> Vec<Option<DriverValue>> {
        let cell = |&column: &u16| {
            let tally = cells.get(&(row, column)).filter(|tally| tally.during + tally.before > 0)?;
            Some(scale.driver(String::new(), tally, total))
        };
        column_codes.iter().map(cell).collect()
    };
    Ok(HeatMapAnswer {
        compared,
        rows: names[rows].clone(),
        columns: names[columns].clone(),
        cells: row_codes.iter().map(drawn).collect(),
        row_values: row_codes.iter().map(|&code| sides.value(rows, code)).collect(),
        column_values: column_codes.iter().map(|&code| sides.value(columns, code)).collect(),
        left_out: (rows_out + columns_out) as u64,
        dimensions: names.clone(),
    })
}

/// The dimensions asked for; the most telling ones in place of those that are not.
fn chosen(
    pipeline: &Pipeline,
    question: &CompareQuestion,
    sides: &Sides<'_>,
    rows: Option<&str>,
    columns: Option<&str>,
) -> Result<(usize, usize), String> {
    let names = &sides.plan.metric.dimensions;
    if names.len() < 2 {
        return Err(format!("`{}` has fewer than two dimensions, so none can be crossed", sides.plan.metric.name));
    }
    let find = |name: &str| {
        let at = names.iter().position(|known| known == name);
        at.ok_or_else(|| format!("`{}` has no dimension `{name}`; it has {}", question.metric, names.join(", ")))
    };
    let (rows, columns) = (rows.map(find).transpose()?, columns.map(find).transpose()?);
    if rows.is_some() && rows == columns {
        return Err("rows and columns must be two dimensions".to_owned());
    }
    let telling: Vec<usize> = match (rows, columns) {
        (Some(_), Some(_)) => Vec::new(),
        _ => drivers(pipeline, question)?
            .dimensions
            .iter()
            .map(|told| find(&told.dimension))
            .collect::<Result<_, _>>()?,
    };
    let mut free = telling.into_iter().chain(0..names.len()).filter(|at| Some(*at) != rows && Some(*at) != columns);
    let row = rows.or_else(|| free.next()).unwrap_or(0);
    let column = columns.or_else(|| free.find(|at| *at != row)).unwrap_or(1);
    Ok((row, column))
}

/// The codes with most of the excess, then of the traffic, and how many are left out.
fn heaviest(codes: impl Iterator<Item = (u16, f64, u64)>) -> (Vec<u16>, usize) {
    // Sums are taken in the order of codes below; a map's order must not show in them.
    let mut listed: Vec<(u16, f64, u64)> = codes.collect();
    listed.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
    let mut sums: Vec<(u16, f64, u64)> = Vec::new();
    for (code, weight, requests) in listed {
        match sums.last_mut().filter(|last| last.0 == code) {
            Some(last) => {
                last.1 += weight;
                last.2 += requests;
            }
            None => sums.push((code, weight, requests)),
        }
    }
    sums.sort_by(|a, b| b.1.total_cmp(&a.1).then(b.2.cmp(&a.2)).then(a.0.cmp(&b.0)));
    let left_out = sums.len().saturating_sub(DRAWN_MAX);
    (sums.into_iter().take(DRAWN_MAX).map(|(code, ..)| code).collect(), left_out)
}
