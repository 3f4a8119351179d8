//! The hour that a watch is in, gathered once for all of its statistics.

use hark_model::{Cell, Step, Timestamp};
use serde::{Deserialize, Serialize};

const HOUR_MS: i64 = 3_600_000;

/// Hours since 1970, and what came in that hour so far.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Gathered(Option<(i64, Cell)>);

/// An hour that has ended.
pub(crate) struct FullHour {
    pub(crate) start: Timestamp,
    pub(crate) cell: Cell,
}

impl Gathered {
    /// Adds a step; hands out the hour with its last one.
    pub(crate) fn add(&mut self, step: Step, cell: &Cell) -> Option<FullHour> {
        let hour = step.start().millis().div_euclid(HOUR_MS);
        match &mut self.0 {
            Some((at, gathered)) if *at == hour => gathered.merge(cell),
            _ => self.0 = Some((hour, cell.clone())),
        }
        let is_last_step = step.end().millis().div_euclid(HOUR_MS) != hour;
        let (at, cell) = if is_last_step { self.0.take()? } else { return None };
        Some(FullHour { start: Timestamp::from_millis(at * HOUR_MS), cell })
    }

    /// Drops what the hour has gathered so far: it is part of a regression.
    pub(crate) fn skip(&mut self) {
        self.0 = None;
    }

    /// What it has beyond its own size, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        match &self.0 {
            Some((_, Cell::Latency(sketch))) => sketch.heap_bytes(),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_handed_out_with_its_last_step_and_without_what_was_skipped() {
        let mut gathered = Gathered::default();
        // Step 0 begins an hour, as 1970 did.
        let hours: Vec<FullHour> = (7..36).filter_map(|step| gathered.add(Step(step), &Cell::Count(1))).collect();
        assert_eq!(hours.iter().map(|hour| hour.cell.count()).collect::<Vec<_>>(), [5, 12, 12]);
        assert_eq!(hours[1].start, Step(12).start());
        (36..40).for_each(|step| assert!(gathered.add(Step(step), &Cell::Count(1)).is_none()));
        gathered.skip();
        let rest = (40..48).find_map(|step| gathered.add(Step(step), &Cell::Count(1)));
        assert_eq!(rest.map(|hour| hour.cell.count()), Some(8));
    }
}
