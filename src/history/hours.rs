//! Hours of a history that no log holds: what a demo makes up before it goes live.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use hark_ingest::Counted;
use hark_lake::{Lake, Table};
use hark_model::{Minute, Slice};

use super::rows;
use crate::pipeline::{MinuteRow, Pipeline};

const HOUR_MINUTES: i64 = 60;
/// What a report tells apart; adding up the hours of every slice would take longer than the replay.
const DIMENSION: &str = "platform";

/// Minutes of all traffic and of the platforms, added up by metric, slice and hour.
#[derive(Debug, Default)]
pub struct Hours(BTreeMap<(i64, Arc<str>, Slice), Counted>);

impl Hours {
    pub fn add(&mut self, minutes: Vec<MinuteRow>) {
        let is_told = |slice: &Slice| slice.is_total() || (slice.len() == 1 && slice.get(DIMENSION).is_some());
        for MinuteRow { metric, slice, minute, counted } in minutes.into_iter().filter(|row| is_told(&row.slice)) {
            let hour = minute.0.div_euclid(HOUR_MINUTES);
            self.0.entry((hour, metric, slice)).and_modify(|sum| sum.merge(&counted)).or_insert(counted);
        }
    }

    /// One commit with every hour that is over; those that come are added up from minutes, as ever.
    pub async fn write(self, folder: &Path, pipeline: &Pipeline) -> Result<()> {
        let Some(watermark) = pipeline.watermark() else { return Ok(()) };
        let last = watermark.minute().0.div_euclid(HOUR_MINUTES) - 1;
        let row = |((hour, metric, slice), counted): ((i64, Arc<str>, Slice), Counted)| {
            (hour <= last).then_some(MinuteRow { metric, slice, minute: Minute(hour * HOUR_MINUTES), counted })
        };
        let hours: Vec<MinuteRow> = self.0.into_iter().filter_map(row).collect();
        let batch = rows::of_minutes(&hours).context("the hours cannot be brought into columns")?;
        let lake = Lake::open(folder).await?;
        lake.append(Table::HourCells, vec![batch], last).await.context("the hours cannot be written")?;
        Ok(())
    }
}
