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

/// HyperLogLog's plain estimate over 256 registers; where it is small and registers are left, their share is better.
const ESTIMATE: &str = "0.7183 * 65536 / (sum(pow(2, -(mark % 256))) + 256 - count(*))";

/// Counts and sums are integers and a sketch is two lists: adding up is all there is to merging. Users are the highest
/// mark of each register.
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
                  from minutes group by metric, slice),
         marks as (select metric, slice, unnest(user_marks) as mark from minutes),
         highest as (select metric, slice, max(mark) as mark from marks where mark is not null
                     group by metric, slice, mark / 256),
         registers as (select metric, slice, array_agg(mark order by mark) as user_marks, count(*) as filled,
                              {ESTIMATE} as estimate from highest group by metric, slice),
         users as (select metric, slice, user_marks, cast(round(case when filled < 256 and estimate <= 640
                          then 256 * ln(256.0 / (256 - filled)) else estimate end) as bigint) as users from registers)
         select cast('{from}' as timestamp) as time, sums.*, sketches.buckets, sketches.counts,
                users.users, users.user_marks
         from sums left join sketches on sums.metric = sketches.metric and sums.slice = sketches.slice
                   left join users on sums.metric = users.metric and sums.slice = users.slice
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

#[cfg(test)]
mod tests {
    use hark_ingest::Counted;
    use hark_model::{Cell, Minute, Sketch, Slice, UserMark, Users};

    use super::*;
    use crate::history::rows;
    use crate::pipeline::MinuteRow;

    /// Sixty minutes of forty users each, of whom a part comes again in the next minute.
    fn minutes() -> Vec<MinuteRow> {
        let counted = |minute: u64| {
            let (mut sketch, mut users) = (Sketch::default(), Users::default());
            for user in 25 * minute..25 * minute + 40 {
                sketch.insert(10.0 + (user % 977) as f64);
                users.add(UserMark::of(xxhash_rust::xxh3::xxh3_64(&user.to_le_bytes())));
            }
            Counted { cell: Cell::Latency(sketch), users }
        };
        let row = |minute: i64| MinuteRow {
            metric: "slow".into(),
            slice: Slice::total(),
            minute: Minute(minute),
            counted: counted(minute.unsigned_abs()),
        };
        (0..60).map(row).collect()
    }

    #[tokio::test]
    async fn an_hour_is_what_its_minutes_merge_to() {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path()).await.unwrap();
        let minutes = minutes();
        let batch = rows::of_minutes(&minutes).unwrap();
        lake.append(Table::MinuteCells, vec![batch], 0).await.unwrap();
        roll_up(&lake, Timestamp::from_millis((SETTLED_HOURS + 1) * HOUR_MS)).await.unwrap();

        let sql = "select count, sum_thousandths, buckets, counts, user_marks, users from cells_hour";
        let hours = lake.query(sql, Vec::new(), limits()).await.unwrap().rows().unwrap();
        let mut whole = minutes[0].clone();
        minutes[1..].iter().for_each(|row| whole.counted.merge(&row.counted));
        let batch = rows::of_minutes(&[whole.clone()]).unwrap();
        lake.append(Table::MinuteCells, vec![batch], 1).await.unwrap();
        let newest = sql.replace("cells_hour", "cells_minute order by count desc limit 1");
        let mut expected = lake.query(&newest, Vec::new(), limits()).await.unwrap().rows().unwrap();
        let users = whole.counted.users.estimate() as f64;
        let shown = hours[0][5].as_f64().unwrap();
        assert!((shown / users - 1.0).abs() < 0.02, "SQL's plain estimate is {shown}, the better one {users}");
        expected[0][5] = hours[0][5].clone();
        assert_eq!(hours, expected);
    }
}
