//! Classic histograms put together: each bucket comes as a running total of its own, and those of one scrape in any
//! number of bodies.
//!
//! A scrape counts as soon as it has every bound that the one before had, and scrapes count in the order of their time,
//! so that the same samples count the same whichever body brought them. What is not known from the scrape before has
//! to be waited for: the bounds of a first scrape, and those that are gone. A bound that is new joins after a while
//! ([`JOINS_AFTER_MINUTES`]); until then its requests count in the next wider bucket.

use std::collections::BTreeMap;

use hark_model::Timestamp;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::clock::LATENESS_HORIZON_MINUTES;
use crate::events::Bound;
use crate::wire::histogram::{Bucket, explicit};

/// So many histograms are remembered, and as many sums; later ones cannot be used until others have fallen silent.
const STREAMS_MAX: usize = 200_000;
/// So many totals are remembered in all of them, some sixteen bytes each. A histogram that has no room for another
/// gives up the oldest scrape that waits in it.
const TOTALS_MAX: usize = 4_000_000;
/// With more than so many, no new histogram is taken up: each of those known has room for a scrape that comes in parts.
const TOTALS_OF_KNOWN_MAX: usize = TOTALS_MAX / 2;
/// So many scrapes of a histogram wait for each other; the oldest then counts as it is.
const WAITING_MAX: usize = 512;
/// Further buckets of a scrape are not used.
const BOUNDS_MAX: usize = 1024;
/// The parts of a scrape come within this time, by the wall clock: Prometheus sends what it has after five seconds and
/// waits up to five more before it tries again.
const APART_SECONDS: i64 = 30;
/// A scrape that lacks a bound of the one before waits so long: a sender may be told to come again later.
const GONE_AFTER_SECONDS: i64 = 300;
/// A new bound belongs to every scrape from so long after its first sample on, if it was there for half of that time.
const JOINS_AFTER_MINUTES: i64 = 10;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Scrapes {
    streams: FxHashMap<u64, Stream>,
    /// Streams of sums, from their first sample on.
    sums: FxHashMap<u64, Sum>,
    /// Totals in all streams.
    held: usize,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stream {
    latest: Timestamp,
    /// The newest scrape that is through: what comes for it or an older one is in the next scrape's totals too.
    done: Option<Timestamp>,
    /// The last scrape that counted, in the order of its bounds; a scrape is whole when it has all of them.
    before: Vec<Total>,
    joining: Vec<Joining>,
    waiting: BTreeMap<Timestamp, Scrape>,
    /// The newest scrape found whole.
    whole: Option<Timestamp>,
    /// Totals in all of these.
    held: usize,
}

type Total = (Bound, u64);

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Scrape {
    /// When its first part came.
    begun: Timestamp,
    totals: Vec<Total>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Joining {
    bound: Bound,
    first: Timestamp,
    last: Timestamp,
    /// Its first sample half of the time after that: it is there to stay.
    stays: Option<Timestamp>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Sum {
    begun: Timestamp,
    latest: Timestamp,
}

/// One sample of one bucket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) stream: u64,
    pub(crate) bound: Bound,
    pub(crate) time: Timestamp,
    pub(crate) total: u64,
    /// When it came.
    pub(crate) received: Timestamp,
}

/// A scrape that is through.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Through {
    pub(crate) time: Timestamp,
    /// What came since the scrape before, or why that cannot be told.
    pub(crate) counted: Result<Vec<Bucket>, String>,
}

impl Scrapes {
    /// Takes a sample, and hands out the scrapes that are through with it.
    pub(crate) fn add(&mut self, sample: &Sample, through: &mut Vec<Through>) {
        let is_full = self.streams.len() >= STREAMS_MAX || self.held >= TOTALS_OF_KNOWN_MAX;
        if is_full && !self.streams.contains_key(&sample.stream) {
            return through.push(no_room(sample.time));
        }
        let stream = self.streams.entry(sample.stream).or_insert_with(|| Stream {
            latest: sample.time,
            done: None,
            before: Vec::new(),
            joining: Vec::new(),
            waiting: BTreeMap::new(),
            whole: None,
            held: 0,
        });
        let held = stream.held;
        if self.held >= TOTALS_MAX {
            let given_up = stream.give_up_oldest();
            through.push(no_room(given_up.unwrap_or(sample.time)));
            if given_up.is_none() {
                return;
            }
        }
        match stream.note(sample) {
            Ok(true) => stream.settle(sample.received, through),
            Ok(false) => {}
            Err(reason) => through.push(Through { time: sample.time, counted: Err(reason) }),
        }
        self.held = self.held + stream.held - held;
    }

    /// Whether a sample that may be the running sum of a histogram is a value. Its buckets get their time to come.
    pub(crate) fn is_value(&mut self, stream: u64, time: Timestamp, received: Timestamp) -> bool {
        let is_full = self.sums.len() >= STREAMS_MAX && !self.sums.contains_key(&stream);
        if is_full || self.streams.contains_key(&stream) {
            return false;
        }
        let sum = self.sums.entry(stream).or_insert(Sum { begun: received, latest: time });
        sum.latest = sum.latest.max(time);
        seconds(sum.begun, received) >= APART_SECONDS
    }

    pub(crate) fn forget_before(&mut self, watermark: Timestamp) {
        let oldest = watermark.plus_minutes(-LATENESS_HORIZON_MINUTES);
        self.streams.retain(|_, stream| stream.latest >= oldest);
        self.sums.retain(|_, sum| sum.latest >= oldest);
        self.held = self.streams.values().map(|stream| stream.held).sum();
    }
}

impl Stream {
    /// Puts a sample to its scrape. Answers whether that is still open.
    fn note(&mut self, sample: &Sample) -> Result<bool, String> {
        let Sample { bound, time, total, received, .. } = *sample;
        self.latest = self.latest.max(time);
        if !self.before.is_empty() && position(&self.before, bound).is_err() {
            self.join(bound, time);
        }
        if self.done >= Some(time) {
            return Ok(false);
        }
        let scrape = self.waiting.entry(time).or_insert_with(|| Scrape { begun: received, totals: Vec::new() });
        match position(&scrape.totals, bound) {
            // Sent twice. Of two senders that do not agree the larger one is taken, whoever came first.
            Ok(at) => scrape.totals[at].1 = scrape.totals[at].1.max(total),
            Err(_) if scrape.totals.len() >= BOUNDS_MAX => {
                return Err(format!("it has more than {BOUNDS_MAX} buckets; the others are not used"));
            }
            Err(at) => {
                scrape.totals.insert(at, (bound, total));
                self.held += 1;
            }
        }
        if self.whole < Some(time) && self.is_whole(time) {
            self.whole = Some(time);
        }
        Ok(true)
    }

    fn give_up_oldest(&mut self) -> Option<Timestamp> {
        let (time, scrape) = self.waiting.pop_first()?;
        self.held -= scrape.totals.len();
        self.done = Some(time);
        Some(time)
    }

    fn join(&mut self, bound: Bound, time: Timestamp) {
        if let Some(joining) = self.joining.iter_mut().find(|joining| joining.bound == bound) {
            joining.first = joining.first.min(time);
            joining.last = joining.last.max(time);
            if time.minutes_since(joining.first) >= JOINS_AFTER_MINUTES / 2 {
                joining.stays = Some(joining.stays.map_or(time, |stays| stays.min(time)));
            }
        } else if self.joining.len() < BOUNDS_MAX {
            self.joining.push(Joining { bound, first: time, last: time, stays: None });
            self.held += 1;
        }
    }

    /// Whether a scrape that waits has every bound that it must have.
    fn is_whole(&self, time: Timestamp) -> bool {
        let Some(Scrape { totals, .. }) = self.waiting.get(&time) else { return false };
        let known = self.before.iter().map(|(bound, _)| *bound);
        let joined = self.joining.iter().filter(|joining| joining.has_joined(time)).map(|joining| joining.bound);
        totals.len() >= self.before.len()
            && !self.before.is_empty()
            && known.chain(joined).all(|bound| position(totals, bound).is_ok())
    }

    /// Hands out the scrapes that need not wait any longer, the oldest first.
    fn settle(&mut self, now: Timestamp, through: &mut Vec<Through>) {
        while let Some((&time, scrape)) = self.waiting.first_key_value() {
            let age = seconds(scrape.begun, now);
            let is_over = |seconds| self.latest > time && age >= seconds;
            let is_crowded = self.waiting.len() > WAITING_MAX;
            let counted = if self.is_whole(time) {
                self.count(time)
            } else if self.before.is_empty() {
                if !is_over(APART_SECONDS) && !is_crowded {
                    return;
                }
                self.begin_with(time)
            } else if self.whole > Some(time) && age >= APART_SECONDS {
                // Nothing is gone for good: what a part of this one would have said, the next whole one says.
                Ok(Vec::new())
            } else if is_over(GONE_AFTER_SECONDS) || is_crowded {
                self.begin_with(time)
            } else {
                return;
            };
            self.done = Some(time);
            self.held -= self.waiting.remove(&time).map_or(0, |scrape| scrape.totals.len());
            if counted != Ok(Vec::new()) {
                through.push(Through { time, counted });
            }
        }
    }

    /// What came between the scrape before and one that has all its bounds.
    fn count(&mut self, time: Timestamp) -> Result<Vec<Bucket>, String> {
        let Some(scrape) = self.waiting.get(&time) else { return Ok(Vec::new()) };
        let has_joined = |bound| self.joining.iter().any(|joining| joining.bound == bound && joining.has_joined(time));
        let is_used = |bound| position(&self.before, bound).is_ok() || has_joined(bound);
        let now: Vec<Total> = scrape.totals.iter().copied().filter(|(bound, _)| is_used(*bound)).collect();
        check(&now)?;
        // A total that shrank began anew, and all of its histogram with it.
        let counted = between(&since(&self.before, &now).unwrap_or_else(|| now.clone()))?;
        self.held = self.held + now.len() - self.before.len() - self.joining.len();
        self.before = now;
        let is_gone = |joining: &Joining| time.minutes_since(joining.last) > JOINS_AFTER_MINUTES;
        self.joining.retain(|joining| !joining.has_joined(time) && !is_gone(joining));
        self.held += self.joining.len();
        Ok(counted)
    }

    /// Takes a scrape as it is for the one to compare with. What of it is new cannot be told, unless the count began
    /// anew: then all of it is.
    fn begin_with(&mut self, time: Timestamp) -> Result<Vec<Bucket>, String> {
        let Some(scrape) = self.waiting.get(&time) else { return Ok(Vec::new()) };
        let now = scrape.totals.clone();
        check(&now)?;
        let has_begun_anew = !self.before.is_empty() && since(&self.before, &now).is_none();
        let counted = if has_begun_anew { between(&now)? } else { Vec::new() };
        self.held = self.held + now.len() - self.before.len() - self.joining.len();
        self.before = now;
        self.joining.clear();
        let new: Vec<(Bound, Timestamp)> = self
            .waiting
            .range(time..)
            .flat_map(|(time, scrape)| scrape.totals.iter().map(|(bound, _)| (*bound, *time)))
            .filter(|(bound, _)| position(&self.before, *bound).is_err())
            .collect();
        new.into_iter().for_each(|(bound, time)| self.join(bound, time));
        self.whole = self.waiting.keys().rev().copied().find(|time| self.is_whole(*time));
        Ok(counted)
    }
}

impl Joining {
    fn has_joined(&self, time: Timestamp) -> bool {
        time.minutes_since(self.first) >= JOINS_AFTER_MINUTES && self.stays.is_some_and(|stays| stays < time)
    }
}

fn no_room(time: Timestamp) -> Through {
    let reason = "too many buckets wait for others of their scrape; send fewer histograms".to_owned();
    Through { time, counted: Err(reason) }
}

fn seconds(from: Timestamp, to: Timestamp) -> i64 {
    (to.millis() - from.millis()) / 1000
}

fn position(totals: &[Total], bound: Bound) -> Result<usize, usize> {
    totals.binary_search_by_key(&bound, |total| total.0)
}

/// Whether totals can be those of a histogram.
fn check(totals: &[Total]) -> Result<(), String> {
    if totals.last().is_none_or(|last| last.0 != Bound::INFINITE) {
        return Err("a scrape of it came without its bucket `le=\"+Inf\"`".to_owned());
    }
    // A difference that were let shrink would look like a total that began anew.
    if totals.windows(2).any(|pair| pair[0].1 > pair[1].1) {
        return Err("its buckets shrink as their bounds grow".to_owned());
    }
    Ok(())
}

/// What came in each bucket that both scrapes have, up to its bound; `None` if the count began anew in between.
fn since(before: &[Total], now: &[Total]) -> Option<Vec<Total>> {
    let both = before.iter().filter_map(|&(bound, total)| Some((bound, total, now[position(now, bound).ok()?].1)));
    let came: Option<Vec<Total>> =
        both.map(|(bound, before, now)| now.checked_sub(before).map(|came| (bound, came))).collect();
    let mut came = came?;
    // The buckets of a process that counts meanwhile may be read at slightly different instants. The widest has all.
    let mut most = u64::MAX;
    for (_, came) in came.iter_mut().rev() {
        *came = most.min(*came);
        most = *came;
    }
    Some(came)
}

/// Counts between neighbouring bounds, of counts up to each.
fn between(up_to: &[Total]) -> Result<Vec<Bucket>, String> {
    let mut below = 0;
    let counts: Vec<u64> = up_to.iter().map(|(_, count)| count - std::mem::replace(&mut below, *count)).collect();
    let bounds: Vec<f64> = up_to.iter().map(|(bound, _)| bound.get()).filter(|bound| *bound != f64::INFINITY).collect();
    let mut buckets = Vec::new();
    explicit(&bounds, &counts, (None, None), &mut buckets)?;
    Ok(buckets)
}

#[cfg(test)]
mod tests;
