//! When events reach the collector: most at once, some late, some twice, and a few broken on the way.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rand::RngExt;
use rand_distr::StandardNormal;

use crate::config::{HOUR_MS, MINUTE_MS};
use crate::random::{Random, Stream, between, stream_at};
use crate::request::Event;

const MALFORMED_SHARE: f64 = 0.0002;
/// Held back on the device. Some of them still make it within their minute.
const HELD_BACK_SHARE: f64 = 0.018;
const DUPLICATE_SHARE: f64 = 0.003;
/// Of those held back: seconds, or minutes; the rest hours.
const SECONDS_SHARE: f64 = 0.5;
const MINUTES_SHARE: f64 = 0.45;
const LONGEST_MS: f64 = 20.0 * HOUR_MS as f64;
/// Copies are sent again after a lost acknowledgement.
const COPY_LONGEST_MS: f64 = 2.0 * HOUR_MS as f64;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fate {
    OnTime,
    /// To be waited for.
    Held,
    Malformed,
}

/// An event on its way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pending {
    due_ms: i64,
    pub(crate) event: Event,
    /// A second copy of one that was sent before.
    pub(crate) copy: bool,
}

/// What is on its way. Bounded by the rate: a hundredth of the events for minutes, a thousandth for up to 20 hours;
/// at a million events a minute about half a million of them, some 60 MB.
#[derive(Debug)]
pub(crate) struct Arrivals {
    seed: u64,
    random: Random,
    queue: BinaryHeap<Reverse<Pending>>,
}

impl Arrivals {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, random: stream_at(seed, Stream::Arrival, 0), queue: BinaryHeap::new() }
    }

    /// From here on the chance of this minute decides, whatever was sent before.
    pub(crate) fn begin_minute(&mut self, minute: u64) {
        self.random = stream_at(self.seed, Stream::Arrival, minute);
    }

    /// Decides how an event arrives; those that do not arrive at once are kept here.
    pub(crate) fn send(&mut self, event: Event) -> Fate {
        let chance: f64 = self.random.random();
        let again = self.random.random::<f64>() < DUPLICATE_SHARE;
        if chance < MALFORMED_SHARE {
            return Fate::Malformed;
        }
        let held = chance < MALFORMED_SHARE + HELD_BACK_SHARE;
        let due_ms = if held { event.time_ms + self.delay_ms() } else { event.time_ms };
        if held {
            self.queue.push(Reverse(Pending { due_ms, event, copy: false }));
        }
        if again {
            let copy_ms = self.log_normal_ms(20_000.0, 2.0).min(COPY_LONGEST_MS) as i64;
            self.queue.push(Reverse(Pending { due_ms: due_ms + 1 + copy_ms, event, copy: true }));
        }
        if held { Fate::Held } else { Fate::OnTime }
    }

    /// Chance for whatever else happens on the way.
    pub(crate) fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// The next that arrives before this moment.
    pub(crate) fn receive(&mut self, before_ms: i64) -> Option<Pending> {
        let due = self.queue.peek().is_some_and(|Reverse(pending)| pending.due_ms < before_ms);
        if due { self.queue.pop().map(|Reverse(pending)| pending) } else { None }
    }

    fn delay_ms(&mut self) -> i64 {
        let kind: f64 = self.random.random();
        let delay_ms = if kind < SECONDS_SHARE {
            between(&mut self.random, 5_000.0, MINUTE_MS as f64)
        } else if kind < SECONDS_SHARE + MINUTES_SHARE {
            self.log_normal_ms(5.0 * MINUTE_MS as f64, 0.9)
        } else {
            self.log_normal_ms(4.0 * HOUR_MS as f64, 1.0)
        };
        delay_ms.min(LONGEST_MS) as i64
    }

    fn log_normal_ms(&mut self, median_ms: f64, spread: f64) -> f64 {
        let normal: f64 = self.random.sample(StandardNormal);
        median_ms * (spread * normal).exp()
    }
}

/// By arrival; the serial number and then the copy decide between equals, so that the order is one.
impl Pending {
    fn order(&self) -> (i64, u64, bool) {
        (self.due_ms, self.event.serial, self.copy)
    }
}

impl Ord for Pending {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

impl PartialOrd for Pending {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Pending {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Pending {}
