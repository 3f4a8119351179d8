//! Scrapes in parts: what counts, when, and what is refused.

use super::*;

const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const EVERY_SECONDS: i64 = 15;

fn at(scrape: i64) -> Timestamp {
    Timestamp::from_millis(START.millis() + scrape * EVERY_SECONDS * 1000)
}

/// What one part of a scrape makes: the number of each scrape that is through, with the value and count of its buckets.
type Made = Vec<(i64, Result<Vec<(f64, u64)>, String>)>;

struct Sender {
    scrapes: Scrapes,
    /// When everything comes, in scrapes.
    now: i64,
}

impl Sender {
    fn new() -> Self {
        Self { scrapes: Scrapes::default(), now: 0 }
    }

    /// One whose first scrape, number -2, is through with all of `totals`.
    fn begun(totals: &[(f64, u64)]) -> Self {
        let mut sender = Self::new();
        let made: Made = (-2..=0).flat_map(|scrape| sender.at(scrape).send(scrape, totals)).collect();
        assert_eq!(made, []);
        sender
    }

    fn at(&mut self, scrape: i64) -> &mut Self {
        self.now = scrape;
        self
    }

    fn send(&mut self, scrape: i64, totals: &[(f64, u64)]) -> Made {
        let mut through = Vec::new();
        for &(le, total) in totals {
            let (bound, time, received) = (Bound::new(le), at(scrape), at(self.now));
            self.scrapes.add(&Sample { stream: 7, bound, time, total, received }, &mut through);
            self.check_held();
        }
        let shown = |buckets: Vec<Bucket>| buckets.iter().map(|bucket| (bucket.value, bucket.count)).collect();
        let number = |time: Timestamp| (time.millis() - START.millis()) / 1000 / EVERY_SECONDS;
        through.into_iter().map(|one| (number(one.time), one.counted.map(shown))).collect()
    }

    fn check_held(&self) {
        let held = |stream: &Stream| {
            let waiting: usize = stream.waiting.values().map(|scrape| scrape.totals.len()).sum();
            stream.before.len() + stream.joining.len() + waiting
        };
        assert_eq!(self.scrapes.held, self.scrapes.streams.values().map(held).sum::<usize>());
    }
}

const INF: f64 = f64::INFINITY;

#[test]
fn bounds_sort_as_their_numbers_do() {
    let numbers = [f64::NEG_INFINITY, -2.5, -0.1, 0.0, 0.005, 1.0, 10.0, INF];
    let bounds = numbers.map(Bound::new);
    assert!(bounds.is_sorted());
    assert_eq!(bounds.map(Bound::get), numbers);
    assert_eq!((Bound::new(INF), Bound::new(-0.0)), (Bound::INFINITE, Bound::new(0.0)));
}

#[test]
fn a_scrape_counts_with_its_last_part_and_a_first_one_is_waited_for() {
    let mut sender = Sender::new();
    assert_eq!(sender.send(0, &[(4.0, 10), (INF, 30)]), []);
    assert_eq!(sender.at(1).send(1, &[(INF, 36), (16.0, 23), (4.0, 11)]), []);
    // Within half a minute of its first part.
    assert_eq!(sender.send(0, &[(16.0, 20)]), []);
    assert_eq!(sender.at(2).send(2, &[(16.0, 24)]), [(1, Ok(vec![(2.0, 1), (8.0, 2), (16.0, 3)]))]);
    assert_eq!(sender.send(2, &[(4.0, 11)]), []);
    assert_eq!(sender.send(2, &[(INF, 38)]), [(2, Ok(vec![(8.0, 1), (16.0, 1)]))]);
}

#[test]
fn scrapes_count_in_the_order_of_their_time_and_once() {
    let mut sender = Sender::begun(&[(4.0, 10), (INF, 20)]);
    assert_eq!(sender.send(1, &[(INF, 22)]), []);
    assert_eq!(sender.send(2, &[(4.0, 13), (INF, 25)]), []);
    let made = sender.send(1, &[(4.0, 11)]);
    assert_eq!(made, [(1, Ok(vec![(2.0, 1), (4.0, 1)])), (2, Ok(vec![(2.0, 2), (4.0, 1)]))]);
    assert_eq!(sender.send(1, &[(4.0, 11), (INF, 22)]), [], "sent again");
    assert_eq!(sender.send(3, &[(4.0, 13), (4.0, 13), (INF, 25)]), [], "nothing came");
    assert_eq!(sender.send(4, &[(4.0, 13), (INF, 26)]), [(4, Ok(vec![(4.0, 1)]))]);
}

#[test]
fn a_count_that_begins_anew_counts_whole() {
    let mut sender = Sender::begun(&[(4.0, 10), (16.0, 15), (INF, 20)]);
    // The middle bucket is larger than before, and all of it is new.
    assert_eq!(sender.send(1, &[(4.0, 1), (16.0, 15), (INF, 15)]), [(1, Ok(vec![(2.0, 1), (8.0, 14)]))]);
}

#[test]
fn buckets_read_at_different_instants_count_no_more_than_the_widest() {
    let mut sender = Sender::begun(&[(4.0, 10), (16.0, 12), (INF, 12)]);
    assert_eq!(sender.send(1, &[(4.0, 12), (16.0, 13), (INF, 13)]), [(1, Ok(vec![(2.0, 1)]))]);
}

#[test]
fn a_new_bound_joins_later_and_costs_nothing() {
    let mut sender = Sender::begun(&[(4.0, 10), (INF, 20)]);
    let joins = JOINS_AFTER_MINUTES * 60 / EVERY_SECONDS;
    for scrape in 1..=joins {
        let more = scrape as u64;
        let made = sender.at(scrape).send(scrape, &[(4.0, 10), (INF, 20 + more)]);
        assert_eq!(made, [(scrape, Ok(vec![(4.0, 1)]))]);
        assert_eq!(sender.send(scrape, &[(16.0, 10 + more)]), []);
    }
    let last = joins + 1;
    // Ten minutes after its first sample it belongs to a scrape, and from the next one on there is one to compare with.
    assert_eq!(sender.at(last).send(last, &[(4.0, 10), (INF, 101)]), []);
    assert_eq!(sender.send(last, &[(16.0, 91)]), [(last, Ok(vec![(4.0, 41)]))]);
    assert_eq!(sender.send(last + 1, &[(4.0, 10), (INF, 101)]), []);
    assert_eq!(sender.send(last + 1, &[(16.0, 91)]), []);
    assert_eq!(
        sender.send(last + 2, &[(4.0, 10), (INF, 103), (16.0, 92)]),
        [(last + 2, Ok(vec![(8.0, 1), (16.0, 1)]))]
    );
}

#[test]
fn a_scrape_that_lost_a_part_is_counted_with_the_next() {
    let mut sender = Sender::begun(&[(4.0, 10), (INF, 20)]);
    assert_eq!(sender.at(1).send(1, &[(INF, 22)]), []);
    assert_eq!(sender.at(2).send(2, &[(4.0, 11), (INF, 23)]), []);
    let both = [(2, Ok(vec![(2.0, 1), (4.0, 2)])), (3, Ok(vec![(4.0, 1)]))];
    assert_eq!(sender.at(3).send(3, &[(4.0, 11), (INF, 24)]), both);
}

#[test]
fn bounds_that_are_gone_are_waited_for_and_then_a_new_beginning() {
    let gone = GONE_AFTER_SECONDS / EVERY_SECONDS;
    let run = |restart: u64| {
        let mut sender = Sender::begun(&[(4.0, 100), (INF, 200)]);
        let mut made = Made::new();
        for scrape in 1..=gone + 1 {
            let (low, all) = (110 + scrape as u64, 220 + 2 * scrape as u64);
            made.extend(sender.at(scrape).send(scrape, &[(8.0, low - restart), (INF, all - restart)]));
        }
        (made[0].clone(), made[1].clone(), made.len() as i64)
    };
    let one_each = |scrape| (scrape, Ok(vec![(4.0, 1), (8.0, 1)]));
    assert_eq!(run(0), (one_each(2), one_each(3), gone));
    // A process that began anew says so by its smaller counts: all of them are new.
    assert_eq!(run(111), ((1, Ok(vec![(8.0, 111)])), one_each(2), gone + 1));
}

#[test]
fn what_makes_no_histogram_is_named() {
    let mut sender = Sender::new();
    let mut made: Made = (0..4).flat_map(|scrape| sender.at(scrape).send(scrape, &[(4.0, 1), (16.0, 2)])).collect();
    let reason = "a scrape of it came without its bucket `le=\"+Inf\"`";
    assert_eq!(made, [(0, Err(reason.to_owned())), (1, Err(reason.to_owned()))]);
    made = Sender::begun(&[(4.0, 1), (INF, 2)]).send(1, &[(INF, 3), (4.0, 4)]);
    assert_eq!(made, [(1, Err("its buckets shrink as their bounds grow".to_owned()))]);
    made = Sender::begun(&[(-4.0, 1), (INF, 2)]).send(1, &[(-4.0, 2), (INF, 3)]);
    assert_eq!(made, [(1, Err("it counts values below zero, which no sketch holds".to_owned()))]);
    let many: Vec<(f64, u64)> = (0..=BOUNDS_MAX).map(|le| (le as f64, 1)).collect();
    assert!(Sender::new().send(0, &many)[0].1.as_ref().unwrap_err().starts_with("it has more than 1024 buckets"));
}

#[test]
fn scrapes_that_wait_are_bounded_and_streams_are_forgotten() {
    let mut sender = Sender::begun(&[(4.0, 10), (INF, 20)]);
    // All of them at once, so that none has waited for long.
    let made: Made = (1..=WAITING_MAX as i64 + 1).flat_map(|scrape| sender.send(scrape, &[(INF, 21)])).collect();
    // The first of them sets the bounds, and nothing came between the others.
    assert_eq!(made, []);
    let stream = &sender.scrapes.streams[&7];
    assert_eq!((stream.waiting.len(), stream.before.len()), (0, 1));
    sender.scrapes.forget_before(at(0).plus_minutes(2 * LATENESS_HORIZON_MINUTES));
    assert_eq!((sender.scrapes.streams.len(), sender.scrapes.held), (0, 0));
}

#[test]
fn without_room_the_oldest_scrape_of_the_stream_goes() {
    let mut sender = Sender::begun(&[(4.0, 10), (INF, 20)]);
    assert_eq!(sender.send(1, &[(INF, 21)]), []);
    sender.scrapes.held += TOTALS_MAX;
    let add = |sender: &mut Sender, stream, scrape| {
        let mut through = Vec::new();
        let sample = Sample { stream, bound: Bound::INFINITE, time: at(scrape), total: 22, received: at(1) };
        sender.scrapes.add(&sample, &mut through);
        through.iter().map(|one| (one.time, one.counted.is_err())).collect::<Vec<_>>()
    };
    assert_eq!(add(&mut sender, 8, 2), [(at(2), true)], "no new histogram");
    assert_eq!(add(&mut sender, 7, 2), [(at(1), true)]);
    sender.scrapes.held -= TOTALS_MAX;
    assert_eq!(sender.send(2, &[(4.0, 11)]), [(2, Ok(vec![(2.0, 1), (4.0, 1)]))]);
}

#[test]
fn a_sum_is_a_value_once_its_buckets_have_had_their_time() {
    let mut scrapes = Scrapes::default();
    let values: Vec<bool> = (0..4).map(|scrape| scrapes.is_value(7, at(scrape), at(scrape))).collect();
    assert_eq!(values, [false, false, true, true]);
    let sample = Sample { stream: 7, bound: Bound::INFINITE, time: at(4), total: 1, received: at(4) };
    scrapes.add(&sample, &mut Vec::new());
    assert!(!scrapes.is_value(7, at(4), at(4)));
}
