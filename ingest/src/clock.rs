//! The stream's own clock: event time, source by source, which a few wrong stamps cannot move.

use std::collections::BTreeMap;

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
/// An event further ahead of the stream than this is refused.
const FUTURE_MINUTES_MAX: i64 = 30 * 24 * 60;
/// An event further ahead of the wall clock than this is refused, where it is known when the event came in.
const AHEAD_OF_WALL_MINUTES_MAX: i64 = 24 * 60;

/// The slowest source holds minutes open for the others, but no longer than this.
const HOLD_BACK_MINUTES: i64 = 10;
/// A source that has sent nothing for so long, by the wall clock, holds nobody back.
const IDLE_SECONDS: i64 = 60;
/// Time goes on without events so far behind the wall clock: who buffers sends by then.
pub const SILENCE_MINUTES: i64 = 10;
/// A stream whose newest event was no older than this when it came keeps up with the wall clock.
const LIVE_MINUTES: i64 = 10;
/// So many sources have a clock of their own; the others share one.
const SOURCES_MAX: usize = 256;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Clock {
    sources: BTreeMap<String, Source>,
    /// Never goes back.
    watermark: Option<Timestamp>,
    /// When the newest batch came in.
    received: Option<Timestamp>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Source {
    latest: Option<Timestamp>,
    ahead: Vec<Timestamp>,
    received: Option<Timestamp>,
    /// The furthest that a stamp was ahead of the wall clock.
    ahead_of_wall_ms: i64,
}

/// Where one source stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceState {
    pub name: String,
    pub latest: Option<Timestamp>,
    pub received: Option<Timestamp>,
    /// The furthest that a stamp was ahead of the wall clock: its clock is wrong by as much.
    pub ahead_of_wall_ms: i64,
}

/// One source while a batch of its events is taken.
pub(crate) struct Ticking<'a> {
    clock: &'a mut Clock,
    name: String,
    source: Source,
    /// The latest that the other active sources are, at the least.
    others: Option<Timestamp>,
    leader: Option<Timestamp>,
}

impl Clock {
    /// The minutes before this instant are closed.
    pub(crate) fn watermark(&self) -> Option<Timestamp> {
        self.watermark
    }

    pub(crate) fn sources(&self) -> Vec<SourceState> {
        let state = |(name, source): (&String, &Source)| SourceState {
            name: name.clone(),
            latest: source.latest,
            received: source.received,
            ahead_of_wall_ms: source.ahead_of_wall_ms,
        };
        self.sources.iter().map(state).collect()
    }

    /// Takes up a source for a batch of its events. `received` is the wall clock where the batch came in live.
    pub(crate) fn source(&mut self, name: &str, received: Option<Timestamp>, times: &[Timestamp]) -> Ticking<'_> {
        let is_known = self.sources.contains_key(name);
        let name = if is_known || self.sources.len() < SOURCES_MAX { name } else { "(other)" };
        let mut source = self.sources.remove(name).unwrap_or_default();
        self.received = self.received.max(received);
        source.received = received.or(source.received);
        source.start(times);
        let now = self.received;
        let is_active = |source: &&Source| match (now, source.received) {
            (Some(now), Some(received)) => now.millis() - received.millis() <= IDLE_SECONDS * 1000,
            // A file that was imported, beside what is live.
            (Some(_), None) => false,
            (None, _) => true,
        };
        let others = self.sources.values().filter(is_active).filter_map(|source| source.latest).min();
        let leader = self.sources.values().filter_map(|source| source.latest).max();
        Ticking { name: name.to_owned(), source, others, leader, clock: self }
    }

    /// Nobody has sent anything: where the stream kept up with the wall clock until then, time goes on without events. One
    /// that was imported, or lagged behind, stands still instead.
    pub(crate) fn pass(&mut self, now: Timestamp) {
        let latest = self.sources.values().filter_map(|source| source.latest).max();
        let (Some(received), Some(latest)) = (self.received, latest) else { return };
        if received.minutes_since(latest) <= LIVE_MINUTES {
            self.watermark = self.watermark.max(Some(now.plus_minutes(-SILENCE_MINUTES)));
        }
    }

    pub(crate) fn is_closed(&self, minute: Minute) -> bool {
        self.watermark.is_some_and(|watermark| Minute(minute.0 + 1).start() <= watermark)
    }

    pub(crate) fn is_beyond_horizon(&self, time: Timestamp) -> bool {
        self.watermark.is_some_and(|watermark| time < watermark.plus_minutes(-LATENESS_HORIZON_MINUTES))
    }
}

impl Ticking<'_> {
    pub(crate) fn clock(&self) -> &Clock {
        self.clock
    }

    /// Takes note of an event's time; the clock moves forward or stays.
    pub(crate) fn observe(&mut self, time: Timestamp) {
        let wall = self.source.received;
        if let Some(wall) = wall {
            self.source.ahead_of_wall_ms = self.source.ahead_of_wall_ms.max(time.millis() - wall.millis());
        }
        // A stamp ahead of the wall clock is wrong and must not close minutes before their events can come.
        self.source.observe(wall.map_or(time, |wall| time.min(wall)));
        let Some(own) = self.source.latest else { return };
        let slowest = self.others.map_or(own, |others| others.min(own));
        let leader = self.leader.map_or(own, |leader| leader.max(own));
        let held = slowest.max(leader.plus_minutes(-HOLD_BACK_MINUTES));
        self.clock.watermark = self.clock.watermark.max(Some(held.plus_minutes(-DISORDER_MINUTES)));
    }

    pub(crate) fn is_too_far_ahead(&self, time: Timestamp) -> bool {
        let of_wall = self.source.received.is_some_and(|wall| time.minutes_since(wall) > AHEAD_OF_WALL_MINUTES_MAX);
        let latest = self.source.latest.max(self.leader);
        let of_stream = latest.is_some_and(|latest| time.minutes_since(latest) > FUTURE_MINUTES_MAX);
        // With a wall clock a long silence is no reason to refuse what comes after it.
        if self.source.received.is_some() { of_wall } else { of_stream }
    }
}

impl Drop for Ticking<'_> {
    fn drop(&mut self) {
        self.clock.sources.insert(std::mem::take(&mut self.name), std::mem::take(&mut self.source));
    }
}

impl Source {
    /// Starts the clock at the median of the first times, so that one wrong stamp in front does no harm.
    fn start(&mut self, first: &[Timestamp]) {
        if self.latest.is_none() && !first.is_empty() {
            let mut times: Vec<_> = first.iter().copied().take(AHEAD_QUORUM).collect();
            times.sort_unstable();
            let median = times[times.len() / 2];
            self.latest = Some(self.received.map_or(median, |wall| median.min(wall)));
        }
    }

    fn observe(&mut self, time: Timestamp) {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn observe(clock: &mut Clock, source: &str, received: Option<Timestamp>, time: Timestamp) {
        clock.source(source, received, &[time]).observe(time);
    }

    fn running() -> Clock {
        let mut clock = Clock::default();
        observe(&mut clock, "a", None, START);
        clock
    }

    #[test]
    fn a_few_future_stamps_do_not_move_it() {
        let mut clock = running();
        for minute in 0..500 {
            observe(&mut clock, "a", None, START.plus_minutes(5000));
            observe(&mut clock, "a", None, START.plus_minutes(minute));
        }
        assert_eq!(clock.watermark(), Some(START.plus_minutes(499 - DISORDER_MINUTES)));
    }

    #[test]
    fn a_gap_in_the_traffic_does() {
        let mut clock = running();
        (0..20).for_each(|minute| observe(&mut clock, "a", None, START.plus_minutes(3000 + minute)));
        assert_eq!(clock.watermark(), Some(START.plus_minutes(3000 - DISORDER_MINUTES)));
    }

    #[test]
    fn a_wrong_first_stamp_does_no_harm() {
        let mut clock = Clock::default();
        drop(clock.source("a", None, &[START.plus_minutes(1_000_000), START, START.plus_minutes(1)]));
        assert_eq!(clock.sources()[0].latest, Some(START.plus_minutes(1)));
    }

    #[test]
    fn late_and_beyond() {
        let clock = running();
        assert!(clock.is_closed(START.plus_minutes(-3).minute()));
        assert!(!clock.is_closed(START.plus_minutes(-1).minute()));
        assert!(!clock.is_beyond_horizon(START.plus_minutes(-LATENESS_HORIZON_MINUTES)));
        assert!(clock.is_beyond_horizon(START.plus_minutes(-LATENESS_HORIZON_MINUTES - 3)));
    }

    #[test]
    fn the_slowest_source_holds_back_for_a_while_and_an_idle_one_does_not() {
        let mut clock = Clock::default();
        let at = |minute| Some(START.plus_minutes(minute));
        observe(&mut clock, "slow", at(0), START.plus_minutes(-4));
        observe(&mut clock, "fast", at(0), START);
        assert_eq!(clock.watermark(), at(-4 - DISORDER_MINUTES));
        observe(&mut clock, "slow", at(20), START.plus_minutes(-3));
        observe(&mut clock, "fast", at(20), START.plus_minutes(20));
        assert_eq!(clock.watermark(), at(20 - HOLD_BACK_MINUTES - DISORDER_MINUTES));
        observe(&mut clock, "fast", at(25), START.plus_minutes(25));
        assert_eq!(clock.watermark(), at(25 - DISORDER_MINUTES));
        observe(&mut clock, "file", None, START);
        observe(&mut clock, "fast", at(70), START.plus_minutes(70));
        assert_eq!(clock.watermark(), at(70 - DISORDER_MINUTES), "an imported file holds nobody back");
    }

    #[test]
    fn the_wall_clock_bounds_the_future_and_skew_is_reported() {
        let mut clock = Clock::default();
        let now = Some(START);
        observe(&mut clock, "a", now, START.plus_minutes(50));
        assert_eq!(clock.watermark(), Some(START.plus_minutes(-DISORDER_MINUTES)));
        assert_eq!(clock.sources()[0].ahead_of_wall_ms, 50 * 60_000);
        let ticking = clock.source("a", now, &[]);
        assert!(!ticking.is_too_far_ahead(START.plus_minutes(AHEAD_OF_WALL_MINUTES_MAX)));
        assert!(ticking.is_too_far_ahead(START.plus_minutes(AHEAD_OF_WALL_MINUTES_MAX + 1)));
    }

    #[test]
    fn time_goes_on_in_silence_where_the_stream_kept_up_with_it() {
        let wall = |minute: i64| Some(START.plus_minutes(minute));
        let mut live = Clock::default();
        observe(&mut live, "a", wall(1), START);
        live.pass(START.plus_minutes(30));
        assert_eq!(live.watermark(), wall(30 - SILENCE_MINUTES));
        // Never back.
        live.pass(START.plus_minutes(20));
        assert_eq!(live.watermark(), wall(30 - SILENCE_MINUTES));
        let mut imported = Clock::default();
        observe(&mut imported, "a", wall(5000), START);
        let before = imported.watermark();
        imported.pass(START.plus_minutes(5030));
        assert_eq!(imported.watermark(), before);
        let mut replayed = running();
        replayed.pass(START.plus_minutes(60));
        assert_eq!(replayed.watermark(), wall(-DISORDER_MINUTES));
    }
}
