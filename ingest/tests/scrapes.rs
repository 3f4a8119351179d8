//! Classic histograms through the door and the fold: however their scrapes are cut into bodies, the same is counted.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use hark_ingest::{Applied, Batch, Closed, Counted, Fold, Format, Reader, RemoteWrite, UserKey, Weight, decode};
use hark_model::{Definitions, Minute, Timestamp};
use hark_query::Plan;
use proptest::prelude::*;
use prost::Message;

const START_MS: i64 = 1_777_636_800_000;
const EVERY_MS: i64 = 15_000;
/// Ten minutes and more: a new bound joins within.
const SCRAPES: i64 = 60;
/// Parts of one scrape come so far apart at most.
const APART_MS: i64 = 25_000;

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<Series>,
}

#[derive(Clone, PartialEq, Message)]
struct Series {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

/// A small generator of its own, so that a seed means the same whatever becomes of any library.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        // SplitMix64 (Steele, Lea and Flood, 2014).
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn shuffle<T>(&mut self, all: &mut [T]) {
        (1..all.len()).rev().for_each(|at| all.swap(at, self.below(at as u64 + 1) as usize));
    }
}

fn plan() -> Plan {
    let yaml = "metrics:
      - {name: slow, kind: latency, value: value, where: metric = 'rpc_ms', dimensions: [outcome], watch: [[], [outcome]]}
      - {name: all, kind: count, where: metric <> 'up', dimensions: [outcome], watch: [[]]}";
    Plan::compile(&Definitions::parse(yaml).unwrap()).unwrap()
}

/// `name{outcome="..",le=".."}` and one sample.
fn series(name: &str, outcome: &str, le: Option<f64>, value: f64, timestamp: i64) -> Series {
    let label = |name: &str, value: String| Label { name: name.to_owned(), value };
    let mut labels = vec![label("__name__", name.to_owned()), label("outcome", outcome.to_owned())];
    labels.extend(le.map(|le| label("le", if le.is_finite() { le.to_string() } else { "+Inf".to_owned() })));
    Series { labels, samples: vec![Sample { value, timestamp }] }
}

/// A body, and when it comes.
type Body = (i64, Vec<Series>);

/// All series of one time, scrape after scrape, and how many requests each minute must have by what came at which time.
struct Truth {
    scrapes: Vec<Body>,
    requests: BTreeMap<Minute, u64>,
}

/// Two histograms that grow, begin anew, change their bounds, end, and lose single samples, as the seed will have it.
fn truth(dice: &mut Dice) -> Truth {
    let mut scrapes: Vec<Body> = Vec::new();
    let mut requests: BTreeMap<Minute, u64> = BTreeMap::new();
    let mut histograms =
        ["ok", "error"].map(|outcome| (outcome, vec![4.0, 16.0, 64.0, f64::INFINITY], vec![50_u64; 4]));
    let grows_at = dice.below(SCRAPES as u64) as i64;
    for scrape in 0..=SCRAPES {
        // All that waits is through with the last one, which comes much later.
        let time = START_MS + EVERY_MS * if scrape == SCRAPES { 2 * SCRAPES } else { scrape };
        let mut all = vec![series("up", "ok", None, 1.0, time)];
        for (outcome, bounds, counts) in &mut histograms {
            // Only a total that shrinks says that it began anew; the first scrape after that has fifteen at most.
            let is_new = dice.below(25) == 0 && counts.iter().sum::<u64>() > 15;
            if is_new {
                counts.iter_mut().for_each(|count| *count = 0);
            }
            if scrape == grows_at {
                bounds.insert(2, 32.0);
                counts.insert(2, 0);
            }
            let mut came = 0;
            for count in counts.iter_mut() {
                let more = dice.below(4);
                *count += more;
                came += more;
            }
            let mut total = 0;
            let values = bounds.iter().zip(counts.iter()).map(|(le, count)| {
                total += count;
                (*le, total as f64)
            });
            for (le, total) in values {
                all.push(series("rpc_ms_bucket", outcome, Some(le), total, time));
            }
            all.push(series("rpc_ms_sum", outcome, None, total as f64 * 1.5, time));
            if scrape > 0 {
                *requests.entry(Timestamp::from_millis(time).minute()).or_default() += came;
            }
        }
        scrapes.push((time, all));
    }
    requests.retain(|_, requests| *requests > 0);
    Truth { scrapes, requests }
}

/// What one shard of Prometheus sends: its series scrape by scrape, some samples at a time.
fn shard(mut queue: Vec<(i64, Series)>, dice: &mut Dice, last: i64) -> Vec<Body> {
    queue.reverse();
    let (mut bodies, mut now) = (Vec::new(), 0);
    while let Some((oldest, series)) = queue.pop() {
        let (mut newest, mut part) = (oldest, vec![series]);
        for _ in 0..dice.below(5) {
            if let Some((time, series)) = queue.pop_if(|(time, _)| *time < oldest + APART_MS) {
                part.push(series);
                newest = time;
            }
        }
        let late = dice.below((oldest + APART_MS - newest) as u64) as i64;
        now = if newest == last { last } else { now.max(newest + late) };
        bodies.push((now, part));
    }
    bodies
}

/// The same samples in other bodies. Those of one series come in their order, and no other two have to.
fn cut(scrapes: &[Body], is_late: bool, dice: &mut Dice) -> Vec<Body> {
    let mut shards = vec![Vec::new(); 1 + dice.below(5) as usize];
    let (salt, count) = (dice.below(1000), shards.len() as u64);
    for (time, all) in scrapes {
        let mut all = all.clone();
        dice.shuffle(&mut all);
        for series in all {
            let name = format!("{:?}", series.labels);
            let hash = name.bytes().fold(salt, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte)));
            shards[(hash % count) as usize].push((*time, series));
        }
    }
    let last = scrapes.last().unwrap().0;
    let shards = shards.into_iter().map(|queue| shard(queue, dice, last));
    let mut bodies: Vec<Body> = if is_late {
        let mut shards: Vec<Vec<Body>> = shards.collect();
        shards.iter_mut().for_each(|bodies| catch_up(bodies, last, 1 + dice.below(20) as i64));
        shards.concat()
    } else {
        shards.flatten().collect()
    };
    bodies.sort_by_key(|body| body.0);
    bodies
}

/// As after an outage: all but the last come within some seconds, and each shard at its own speed.
fn catch_up(bodies: &mut [Body], last: i64, millis_each: i64) {
    let begin = START_MS + SCRAPES * EVERY_MS;
    for (at, body) in (0..).zip(bodies.iter_mut().filter(|body| body.0 != last)) {
        body.0 = begin + at * millis_each;
    }
}

type Minutes = BTreeMap<(usize, String, Minute), Counted>;

struct Hark {
    plan: Plan,
    fold: Fold,
    minutes: Minutes,
}

impl Hark {
    fn new() -> Self {
        let plan = plan();
        Self { fold: Fold::new(&plan), plan, minutes: Minutes::new() }
    }

    fn take(&mut self, (received, series): &Body, id: u64) -> Applied {
        let reader = Reader { fields: &self.plan.fields, users: &UserKey::new([0; 16]) };
        let plain = WriteRequest { timeseries: series.clone() }.encode_to_vec();
        let body = snap::raw::Encoder::new().compress_vec(&plain).unwrap();
        let decoded = decode(Format::RemoteWrite(RemoteWrite::V1), &body, &reader).unwrap();
        assert_eq!(decoded.rejected, []);
        let received = Some(Timestamp::from_millis(*received));
        let batch = Batch { events: &decoded.events, source: "", received, id: NonZeroU64::new(id), rejected: 0 };
        let minutes = &mut self.minutes;
        self.fold.apply(&self.plan, &batch, |closed| add_closed(minutes, &closed))
    }

    /// As after a crash: what is not in the snapshot is gone.
    fn restart(&mut self) {
        self.fold = postcard::from_bytes(&postcard::to_stdvec(&self.fold).unwrap()).unwrap();
    }

    fn finish(mut self) -> (Minutes, u64) {
        for metric in 0..self.plan.metrics.len() {
            for (slice, minute, counted) in self.fold.unclosed(metric) {
                add(&mut self.minutes, (metric, slice.to_string(), minute), counted);
            }
        }
        (self.minutes, self.fold.counts().unusable)
    }
}

fn add_closed(minutes: &mut Minutes, closed: &Closed<'_>) {
    for (metric, cells) in closed.minutes.iter().enumerate() {
        for one in cells {
            let slice = closed.fold.cells(metric).slice(one.slice).to_string();
            add(minutes, (metric, slice, one.minute), &one.counted);
        }
    }
}

fn add(minutes: &mut Minutes, key: (usize, String, Minute), counted: &Counted) {
    minutes.entry(key).and_modify(|sum| sum.merge(counted)).or_insert_with(|| counted.clone());
}

fn whole(scrapes: &[Body], is_late: bool) -> (Minutes, u64) {
    let mut hark = Hark::new();
    let mut bodies = scrapes.to_vec();
    if is_late {
        catch_up(&mut bodies, scrapes.last().unwrap().0, 1);
    }
    for (id, body) in (1..).zip(&bodies) {
        hark.take(body, id);
    }
    hark.finish()
}

fn in_parts(scrapes: &[Body], is_late: bool, dice: &mut Dice) -> (Minutes, u64) {
    let mut hark = Hark::new();
    for (id, body) in (1..).zip(&cut(scrapes, is_late, dice)) {
        let accepted = hark.take(body, id).accepted;
        if dice.below(8) == 0 {
            assert_eq!(hark.take(body, id).duplicates, accepted);
        }
        if dice.below(8) == 0 {
            // Sent again together with what nobody saw the answer to.
            hark.take(body, u64::MAX - id);
        }
        if dice.below(8) == 0 {
            hark.restart();
        }
    }
    hark.finish()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn scrapes_in_parts_count_as_whole_ones_do(seed: u64, is_late: bool) {
        let mut dice = Dice(seed);
        let Truth { scrapes, requests } = truth(&mut dice);
        let expected = whole(&scrapes, is_late);
        let counted: BTreeMap<Minute, u64> = expected.0.iter()
            .filter(|((metric, slice, _), _)| *metric == 0 && slice == "total")
            .map(|((_, _, minute), counted)| (*minute, counted.cell.count())).collect();
        prop_assert_eq!(&counted, &requests);
        prop_assert_eq!(in_parts(&scrapes, is_late, &mut dice), expected);
    }

    /// Samples that get lost, bounds that go, and totals that shrink: how much of it counts depends on what came, and
    /// on nothing else.
    #[test]
    fn damaged_scrapes_in_parts_count_as_whole_ones_do(seed: u64, is_late: bool) {
        let mut dice = Dice(seed);
        let mut scrapes = truth(&mut dice).scrapes;
        let gone_from = dice.below(2 * SCRAPES as u64) as usize;
        // The last one brings what waits to its end.
        for (at, (_, all)) in scrapes.iter_mut().enumerate().take(SCRAPES as usize) {
            all.retain(|series| at < gone_from || !series.labels.iter().any(|label| label.value == "16"));
            all.retain(|_| dice.below(100) != 0);
            if dice.below(20) == 0 {
                all.iter_mut().for_each(|series| series.samples[0].value = f64::from_bits(0x7ff0_0000_0000_0002));
            }
        }
        let expected = whole(&scrapes, is_late);
        prop_assert_eq!(in_parts(&scrapes, is_late, &mut dice), expected);
    }
}

#[test]
fn history_gets_requests_and_no_parts() {
    let mut hark = Hark::new();
    let bucket =
        |scrape: i64, le: f64, total: f64| series("rpc_ms_bucket", "ok", Some(le), total, START_MS + scrape * EVERY_MS);
    let body = |scrape: i64, all: Vec<Series>| (START_MS + scrape * EVERY_MS, all);
    for scrape in 0..3 {
        let applied = hark.take(&body(scrape, vec![bucket(scrape, 4.0, 1.0), bucket(scrape, f64::INFINITY, 2.0)]), 0);
        assert_eq!((applied.accepted, applied.rows.len(), applied.refused_total), (2, 0, 0));
    }
    assert!(hark.take(&body(3, vec![bucket(3, 4.0, 4.0)]), 0).rows.is_empty());
    let last = body(3, vec![series("up", "ok", None, 1.0, START_MS), bucket(3, f64::INFINITY, 7.0)]);
    let applied = hark.take(&last, 0);
    let kept = applied.events.unwrap().select(&applied.rows);
    assert_eq!(kept.weights, [Weight::Requests(1), Weight::Requests(3), Weight::Requests(2)]);
    let time = Timestamp::from_millis(START_MS + 3 * EVERY_MS);
    assert_eq!(kept.times, [Timestamp::from_millis(START_MS), time, time]);
    assert_eq!(format!("{:?}", kept.column("value").unwrap()), "Number([Packed(1.0), Packed(2.0), Packed(4.0)])");
}

#[test]
fn a_histogram_without_its_widest_bucket_is_named_in_an_answer() {
    let mut hark = Hark::new();
    let refused: Vec<String> = (0..3)
        .flat_map(|scrape| {
            let time = START_MS + scrape * EVERY_MS;
            hark.take(&(time, vec![series("rpc_ms_bucket", "ok", Some(4.0), 1.0, time)]), 0).refused
        })
        .collect();
    let reason = "`rpc_ms`: a scrape of it came without its bucket `le=\"+Inf\"` (scrape of 2026-05-01T12:00:00Z)";
    assert_eq!(refused, [reason]);
    assert_eq!(hark.fold.counts().unusable, 1);
}
