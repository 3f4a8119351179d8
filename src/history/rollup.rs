//! Hours from minutes, once nothing can correct them any more: by SQL that any engine could run.

use hark_lake::{Lake, LakeError, Limits, Table};
use hark_model::Timestamp;

const HOUR_MS: i64 = 3_600_000;
/// Minutes are corrected for a day; the hour after that is for a commit that is late itself.
const SETTLED_HOURS: i64 = 25;
/// Hours that one call adds up, so that a long gap does not hold up the next commit.
const HOURS_AT_ONCE: i64 = 48;
/// Slices of all metrics in one hour.
const ROWS_MAX: usize = 2_000_000;

/// Adds up every hour that has settled since the last one. The hour's number is the commit's version, so that each is
/// added up once.
pub(super) async fn roll_up(lake: &Lake, watermark: Timestamp) -> Result<(), LakeError> {
    let settled = watermark.millis().div_euclid(HOUR_MS) - SETTLED_HOURS;
    let first = match lake.committed(Table::HourCells).await? {
        Some(last) => last + 1,
        None => match first_hour(lake).await? {
            Some(first) => first,
            None => return Ok(()),
        },
    };
    for hour in first..=settled.min(first + HOURS_AT_ONCE) {
        let answer = lake.query(&sql(hour), Vec::new(), limits()).await?;
        if answer.batches.iter().any(|batch| batch.num_rows() > 0) {
            lake.append(Table::HourCells, answer.batches, hour).await?;
        }
    }
    Ok(())
}

/// Counts and sums are integers and a sketch is two lists: adding up is all there is to merging.
fn sql(hour: i64) -> String {
    let (from, to) = (Timestamp::from_millis(hour * HOUR_MS), Timestamp::from_millis((hour + 1) * HOUR_MS));
    let (day, range) = (from.date(), format!("time >= '{from}' and time < '{to}'"));
    format!(
        "with minutes as (select * from cells_minute where day = '{day}' and {range}),
         pairs as (select metric, slice, unnest(buckets) as bucket, unnest(counts) as times from minutes),
         summed as (select metric, slice, bucket, sum(times) as times from pairs where bucket is not null
                    group by metric, slice, bucket),
         sketches as (select metric, slice, array_agg(bucket order by bucket) as buckets,
                             array_agg(times order by bucket) as counts from summed group by metric, slice),
         sums as (select metric, slice, sum(count) as count, sum(sum_thousandths) as sum_thousandths,
                         sum(sum_squares) as sum_squares, sum(hits) as hits, sum(zeros) as zeros
                  from minutes group by metric, slice)
         select cast('{from}' as timestamp) as time, sums.*, sketches.buckets, sketches.counts
         from sums left join sketches on sums.metric = sketches.metric and sums.slice = sketches.slice
         order by sums.metric, sums.slice"
    )
}

async fn first_hour(lake: &Lake) -> Result<Option<i64>, LakeError> {
    if lake.committed(Table::MinuteCells).await?.is_none() {
        return Ok(None);
    }
    let sql = "select cast(extract(epoch from min(time)) as bigint) as first from cells_minute";
    let rows = lake.query(sql, Vec::new(), limits()).await?.rows()?;
    let first = rows.first().and_then(|row| row.first()?.as_i64());
    Ok(first.map(|seconds| (seconds * 1000).div_euclid(HOUR_MS)))
}

fn limits() -> Limits {
    Limits { rows: ROWS_MAX, skip_damaged: true, ..Limits::default() }
}
