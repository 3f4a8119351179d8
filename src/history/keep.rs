//! How long each class of history is kept, and the daily work that keeps it in order.

use hark_lake::{Lake, LakeError, Table};
use hark_model::Timestamp;

use super::{complain, rollup};

/// Days that each class is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    pub events_days: u32,
    pub minutes_days: u32,
    pub hours_days: u32,
}

impl Default for Keep {
    fn default() -> Self {
        Self { events_days: 14, minutes_days: 90, hours_days: 2 * 365 }
    }
}

/// A table of which a day lies in so many small files is compacted. The files are counted and not the commits: a hark
/// that is started anew after every few of them would never come to its own number.
const SMALL_FILES_MAX: usize = 64;

pub(super) struct Keeper {
    keep: Keep,
    /// The day of the watermark when old days were last removed.
    day: Option<i64>,
}

impl Keeper {
    pub(super) fn new(keep: Keep) -> Self {
        Self { keep, day: None }
    }

    /// After a commit. What fails here is tried again after a later one.
    pub(super) async fn maintain(&mut self, lake: &Lake, watermark: Timestamp) {
        if let Err(problem) = rollup::roll_up(lake, watermark).await {
            complain("hours could not be added up; they are tried again after the next commit", &problem);
        }
        let is_new_day = self.day.is_some_and(|day| day != watermark.day());
        for table in Table::ALL {
            if let Err(problem) = compact(lake, table, is_new_day).await {
                complain("small files of history could not be put together", &problem);
            }
        }
        if self.day != Some(watermark.day()) {
            self.day = Some(watermark.day());
            self.expire(lake, watermark).await;
        }
    }

    async fn expire(&self, lake: &Lake, watermark: Timestamp) {
        let Keep { events_days, minutes_days, hours_days } = self.keep;
        let classes =
            [(Table::Events, events_days), (Table::MinuteCells, minutes_days), (Table::HourCells, hours_days)];
        for (table, days) in classes {
            let before = watermark.plus_minutes(-i64::from(days) * 24 * 60);
            if let Err(problem) = lake.expire(table, before.date()).await {
                complain("old days of history could not be removed", &problem);
            }
        }
    }
}

async fn compact(lake: &Lake, table: Table, is_due: bool) -> Result<(), LakeError> {
    if is_due || lake.small_files(table).await? >= SMALL_FILES_MAX {
        lake.compact(table).await?;
    }
    Ok(())
}
