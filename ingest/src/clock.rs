//! The stream's own clock: event time, which a few wrong stamps cannot move.

use hark_model::{Minute, Timestamp};
use serde::{Deserialize, Serialize};

/// How long a minute stays open after the first event of a later one: phones queue for a moment.
pub const DISORDER_MINUTES: i64 = 2;

/// Within this time a late event still corrects its cell; ids are remembered as long.
pub const LATENESS_HORIZON_MINUTES: i64 = 24 * 60;

/// An event further ahead than this does not move the clock alone: its sender's clock may be wrong.
const AHEAD_MINUTES: i64 = 60;
/// So many in a row, with none in between that fits the present clock, are a real gap in the traffic.
const AHEAD_QUORUM: usize = 20;
/// An event further ahead than this is refused.
const FUTURE_MINUTES_MAX: i64 = 30 * 24 * 60;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Clock {
    latest: Option<Timestamp>,
    ahead: Vec<Timestamp>,
}

impl Clock {
    /// The minutes before this instant are closed.
    pub(crate) fn watermark(&self) -> Option<Timestamp> {
        self.latest.map(|latest| latest.plus_minutes(-DISORDER_MINUTES))
    }

    /// Starts the clock at the median of the first times, so that one wrong stamp in front does no harm.
    pub(crate) fn start(&mut self, first: &[Timestamp]) {
        if self.latest.is_none() && !first.is_empty() {
            let mut times: Vec<_> = first.iter().copied().take(AHEAD_QUORUM).collect();
            times.sort_unstable();
            self.latest = Some(times[times.len() / 2]);
        }
    }

    /// Takes note of an event's time; the clock moves forward or stays.
    pub(crate) fn observe(&mut self, time: Timestamp) {
        let Some(latest) = self.latest else {
            self.latest = Some(time);
            return;
        };
        let ahead_by = time.minutes_since(latest);
        if ahead_by > AHEAD_MINUTES {
            self.ahead.push(time);
            if self.ahead.len() >= AHEAD_QUORUM {
                self.latest = self.ahead.iter().min().copied();
                self.ahead.clear();
            }
        } else if ahead_by >= -AHEAD_MINUTES {
            self.ahead.clear();
            self.latest = Some(latest.max(time));
        }
    }

    pub(crate) fn is_closed(&self, minute: Minute) -> bool {
        self.watermark().is_some_and(|watermark| Minute(minute.0 + 1).start() <= watermark)
    }

    pub(crate) fn is_beyond_horizon(&self, time: Timestamp) -> bool {
        self.watermark().is_some_and(|watermark| time < watermark.plus_minutes(-LATENESS_HORIZON_MINUTES))
    }

    pub(crate) fn is_too_far_ahead(&self, time: Timestamp) -> bool {
        self.latest.is_some_and(|latest| time.minutes_since(latest) > FUTURE_MINUTES_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn running() -> Clock {
        let mut clock = Clock::default();
        clock.start(&[START]);
        clock
    }

    #[test]
    fn a_few_future_stamps_do_not_move_it() {
        let mut clock = running();
        for minute in 0..500 {
            clock.observe(START.plus_minutes(5000));
            clock.observe(START.plus_minutes(minute));
        }
        assert_eq!(clock.watermark(), Some(START.plus_minutes(499 - DISORDER_MINUTES)));
    }

    #[test]
    fn a_gap_in_the_traffic_does() {
        let mut clock = running();
        (0..20).for_each(|minute| clock.observe(START.plus_minutes(3000 + minute)));
        assert_eq!(clock.watermark(), Some(START.plus_minutes(3000 - DISORDER_MINUTES)));
    }

    #[test]
    fn a_wrong_first_stamp_does_no_harm() {
        let mut clock = Clock::default();
        clock.start(&[START.plus_minutes(1_000_000), START, START.plus_minutes(1)]);
        assert_eq!(clock.latest, Some(START.plus_minutes(1)));
    }

    #[test]
    fn late_and_beyond() {
        let clock = running();
        assert!(clock.is_closed(START.plus_minutes(-3).minute()));
        assert!(!clock.is_closed(START.plus_minutes(-1).minute()));
        assert!(!clock.is_beyond_horizon(START.plus_minutes(-LATENESS_HORIZON_MINUTES)));
        assert!(clock.is_beyond_horizon(START.plus_minutes(-LATENESS_HORIZON_MINUTES - 3)));
    }
}
