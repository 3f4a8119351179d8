//! A watch on made-up series: quiet when nothing changes, awake when something does, calm again when it is over.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

use hark_detectors::{Transition, Watch};
use hark_model::{Cell, Definitions, Direction, FindingKind, STEP_MINUTES, Shift, Sketch, Statistic, Step};

const DAY: i64 = 24 * 60 / STEP_MINUTES;
const FIRST: i64 = 1_772_409_600_000 / 300_000; // 2026-03-02, a Monday
/// What a week of a hundred series asks for.
const LOG_THRESHOLD: f64 = 12.2;

/// Fixed pseudo-random numbers in 0..1 (splitmix64), so that a failure repeats.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Sum of twelve uniforms less six: near enough to normal.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.next()).sum::<f64>() - 6.0
    }
}

struct Run {
    opened: Vec<(i64, Shift)>,
    recovered: Vec<i64>,
}

/// Runs a built-in metric over `days`; `cell` makes each step's cell from its number and some noise.
fn run(metric: &str, days: i64, seed: u64, cell: impl Fn(i64, &mut Numbers) -> Cell) -> Run {
    let definitions = Definitions::built_in();
    let mut watch = Watch::new(definitions.get(metric).unwrap()).unwrap();
    let mut numbers = Numbers(seed);
    let mut cells = Vec::new();
    let mut run = Run { opened: Vec::new(), recovered: Vec::new() };
    for at in 0..days * DAY {
        let step = Step(FIRST + at);
        cells.push(cell(at, &mut numbers));
        let cell_of = |step: Step| cells[(step.0 - FIRST) as usize].clone();
        let is_rest_day = step.start().is_weekend();
        let now = cells[at as usize].clone();
        match watch.observe(step, &now, is_rest_day, LOG_THRESHOLD, cell_of).transition {
            Some(Transition::Opened(shift)) => run.opened.push((at, *shift)),
            Some(Transition::Recovered) => run.recovered.push(at),
            None => {}
        }
    }
    run
}

fn daily(at: i64) -> f64 {
    (std::f64::consts::TAU * at as f64 / DAY as f64).sin()
}

fn latencies(at: i64, numbers: &mut Numbers, factor: f64) -> Cell {
    let mut sketch = Sketch::default();
    let count = (150.0 + 80.0 * daily(at)) as usize;
    (0..count).for_each(|_| sketch.insert(500.0 * factor * (0.4 * numbers.normal() + 0.05 * daily(at)).exp()));
    Cell::Latency(sketch)
}

fn failures(at: i64, numbers: &mut Numbers, chance: f64) -> Cell {
    let count = (150.0 + 80.0 * daily(at)) as u64;
    Cell::Ratio { count, hits: (0..count).filter(|_| numbers.next() < chance).count() as u64 }
}

#[test]
fn nothing_happens_when_nothing_changes() {
    for seed in 1..=5 {
        assert_eq!(run("response_time", 14, seed, |at, n| latencies(at, n, 1.0)).opened.len(), 0, "seed {seed}");
        assert_eq!(run("failure_rate", 14, seed, |at, n| failures(at, n, 0.015)).opened.len(), 0, "seed {seed}");
    }
}

#[test]
fn a_step_is_found_and_its_end_too() {
    let (start, end) = (9 * DAY + 100, 9 * DAY + 160);
    let bad = |at: i64| if (start..end).contains(&at) { 1.3 } else { 1.0 };
    let run = run("response_time", 12, 3, |at, numbers| latencies(at, numbers, bad(at)));
    let (at, shift) = &run.opened[0];
    assert_eq!(run.opened.len(), 1);
    assert!((start..start + 4).contains(at), "found after {} steps", at - start);
    assert_eq!(shift.direction, Direction::Up);
    assert!((shift.onset.step().0 - FIRST - start).abs() <= 2, "onset {}", shift.onset);
    assert!((0.2..0.4).contains(&shift.relative()), "{}", shift.relative());
    assert!(shift.interval[0] < shift.delta() && shift.delta() < shift.interval[1]);
    let recovered = run.recovered[0];
    assert!((end..end + 24).contains(&recovered), "recovered after {} steps", recovered - end);
}

#[test]
fn a_second_regression_does_not_begin_with_the_first() {
    // The first is three times as strong: its steps would outweigh the quiet ones between the two.
    let (first, second) = (9 * DAY + 60..9 * DAY + 130, 9 * DAY + 170..9 * DAY + 250);
    let bad = |at: i64| match at {
        at if first.contains(&at) => 1.6,
        at if second.contains(&at) => 1.2,
        _ => 1.0,
    };
    let run = run("response_time", 11, 3, |at, numbers| latencies(at, numbers, bad(at)));
    let onsets: Vec<i64> = run.opened.iter().map(|(_, shift)| shift.onset.step().0 - FIRST).collect();
    assert_eq!(onsets.len(), 2, "{onsets:?}");
    assert!((onsets[0] - first.start).abs() <= 2 && (onsets[1] - second.start).abs() <= 6, "{onsets:?}");
    assert!(run.recovered[0] < onsets[1]);
}

#[test]
fn while_its_end_is_tested_a_regression_is_over() {
    let definitions = Definitions::built_in();
    let mut watch = Watch::new(definitions.get("response_time").unwrap()).unwrap();
    let mut numbers = Numbers(3);
    let mut cells = Vec::new();
    let (start, end) = (9 * DAY + 100, 9 * DAY + 160);
    let mut said_over = 0;
    for at in 0..9 * DAY + 200 {
        let step = Step(FIRST + at);
        cells.push(latencies(at, &mut numbers, if (start..end).contains(&at) { 1.15 } else { 1.0 }));
        let cell_of = |step: Step| cells[(step.0 - FIRST) as usize].clone();
        let now = cells[at as usize].clone();
        watch.observe(step, &now, step.start().is_weekend(), LOG_THRESHOLD, cell_of);
        if !watch.is_open() {
            assert_eq!(watch.bad_until(step), step);
            continue;
        }
        let until = watch.bad_until(step).0 - FIRST;
        // A step alone may look well, and a long run of them is none.
        assert!(at >= end || at - until <= 3, "{until} of {at} while it lasts");
        if until < at && at >= end {
            assert!((until - (end - 1)).abs() <= 3, "{until} at {at}, it ended at {end}");
            said_over += 1;
            let shift = watch.shift(Step(FIRST + until), cell_of).unwrap();
            assert!((0.10..0.20).contains(&shift.relative()), "{}", shift.relative());
        }
    }
    assert!(said_over > 0 && !watch.is_open());
}

#[test]
fn a_burst_of_failures_is_found() {
    let bad = |at: i64| if (8 * DAY + 50..8 * DAY + 62).contains(&at) { 0.08 } else { 0.015 };
    let run = run("failure_rate", 10, 4, |at, numbers| failures(at, numbers, bad(at)));
    assert_eq!((run.opened.len(), run.recovered.len()), (1, 1));
    assert!(run.opened[0].0 < 8 * DAY + 58, "{:?}", run.opened);
}

#[test]
fn missing_traffic_is_found_down_to_zero() {
    let lost = 9 * DAY + 30..9 * DAY + 60;
    let run = run("requests", 11, 5, |at, numbers| {
        let usual = 300.0 * (0.5 * daily(at)).exp();
        let noise = usual.sqrt() * numbers.normal();
        Cell::Count(if lost.contains(&at) { 0 } else { (usual + noise).max(0.0) as u64 })
    });
    assert_eq!(run.opened.len(), 1);
    assert!(run.opened[0].0 <= lost.start + 2);
    assert!((run.opened[0].1.relative() + 1.0).abs() < 0.01);
    assert_eq!(run.opened[0].1.kind, FindingKind::NoData);
    assert_eq!(run.recovered.len(), 1);
}

#[test]
fn what_was_missing_was_missing_also_when_it_comes_again() {
    let definitions = Definitions::built_in();
    let mut watch = Watch::new(definitions.get("requests").unwrap()).unwrap();
    let mut numbers = Numbers(5);
    let mut cells = Vec::new();
    let lost = 9 * DAY + 30..9 * DAY + 60;
    let [mut said, mut said_after] = [0; 2];
    for at in 0..lost.end + 60 {
        let step = Step(FIRST + at);
        let usual = 300.0 * (0.5 * daily(at)).exp();
        let came = usual + usual.sqrt() * numbers.normal();
        cells.push(Cell::Count(if lost.contains(&at) { 0 } else { came.max(0.0) as u64 }));
        let cell_of = |step: Step| cells[(step.0 - FIRST) as usize].clone();
        let now = cells[at as usize].clone();
        watch.observe(step, &now, step.start().is_weekend(), LOG_THRESHOLD, cell_of);
        if let Some(shift) = watch.shift(watch.bad_until(step), cell_of) {
            assert_eq!(shift.kind, FindingKind::NoData, "{at}: it was missing from {} to {}", lost.start, lost.end);
            said += 1;
        }
        // An alert is looked at again also when its own series is over it.
        let since = watch.shift_since(Statistic::Count, Step(FIRST + lost.start), step, cell_of);
        if let Some(shift) = since.filter(|_| (lost.end..lost.end + 20).contains(&at)) {
            assert_eq!(shift.kind, FindingKind::NoData, "{at}: most of the time since {} is missing", lost.start);
            said_after += 1;
        }
    }
    assert!(said >= 12 && said_after == 20 && !watch.is_open(), "{said} {said_after}");
}

#[test]
fn what_still_comes_in_is_not_missing() {
    let lost = 9 * DAY + 30..9 * DAY + 60;
    let run = run("requests", 11, 5, |at, numbers| {
        let mean = 300.0 * (0.5 * daily(at)).exp() * if lost.contains(&at) { 0.05 } else { 1.0 };
        Cell::Count((mean + mean.sqrt() * numbers.normal()).max(0.0) as u64)
    });
    assert_eq!(run.opened.iter().map(|(_, shift)| shift.kind).collect::<Vec<_>>(), [FindingKind::Regression]);
}

#[test]
fn a_frozen_timer_is_stuck_and_no_improvement() {
    let frozen = 9 * DAY + 30..9 * DAY + 130;
    let run = run("response_time", 11, 6, |at, numbers| {
        if !frozen.contains(&at) {
            return latencies(at, numbers, 1.0);
        }
        let mut sketch = Sketch::default();
        (0..150).for_each(|_| sketch.insert(480.0));
        Cell::Latency(sketch)
    });
    let kinds: Vec<_> = run.opened.iter().map(|(at, shift)| (*at, shift.kind)).collect();
    assert_eq!(kinds, [(frozen.start + 12, FindingKind::Stuck)]);
    assert_eq!(run.recovered, [frozen.end]);
}

#[test]
fn what_is_shown_later_did_not_begin_before() {
    // A step that lasts; the day before its onset speaks against it, and its own first hour does not.
    let definitions = Definitions::built_in();
    let mut watch = Watch::new(definitions.get("response_time").unwrap()).unwrap();
    let mut numbers = Numbers(8);
    let mut cells = Vec::new();
    let mut shift = None;
    for at in 0..8 * DAY + 30 {
        let step = Step(FIRST + at);
        cells.push(latencies(at, &mut numbers, if at >= 8 * DAY { 1.3 } else { 1.0 }));
        let cell_of = |step: Step| cells[(step.0 - FIRST) as usize].clone();
        let now = cells[at as usize].clone();
        watch.observe(step, &now, step.start().is_weekend(), LOG_THRESHOLD, cell_of);
        shift = watch.shift(step, cell_of).or(shift);
    }
    let shift = shift.unwrap();
    assert!(watch.began_after(Step(FIRST + 7 * DAY + 50), &shift));
    assert!(!watch.began_after(shift.onset.step(), &shift));
    let halfway = Shift { onset: Step(FIRST + 8 * DAY + 15).start(), ..shift };
    assert!(!watch.began_after(Step(FIRST + 8 * DAY), &halfway));
}

#[test]
fn a_busy_week_leaves_no_echo_and_does_not_hide_a_loss() {
    // In two of five weeks the same nights were five times as busy; then an ordinary night comes.
    let busy = |at: i64| matches!(at / (7 * DAY), 1 | 3) && (DAY..DAY * 3 / 2).contains(&(at % (7 * DAY)));
    let traffic = |at: i64, numbers: &mut Numbers, lost: bool| {
        let mean = 400.0 * (1.0 + 0.5 * daily(at)) * if busy(at) { 5.0 } else { 1.0 } * if lost { 0.4 } else { 1.0 };
        Cell::Count((mean + mean.sqrt() * numbers.normal()).max(0.0) as u64)
    };
    let of_last_week = 4 * 7 * DAY;
    let calm = run("requests", 32, 5, |at, numbers| traffic(at, numbers, false));
    assert!(calm.opened.iter().all(|(at, _)| *at < of_last_week), "{:?}", calm.opened);
    let lost = of_last_week + DAY + DAY / 4..of_last_week + DAY + DAY / 2;
    let run = run("requests", 32, 5, |at, numbers| traffic(at, numbers, lost.contains(&at)));
    let opened: Vec<i64> = run.opened.iter().map(|(at, _)| *at).filter(|at| *at >= of_last_week).collect();
    assert_eq!(opened.len(), 1, "{opened:?}");
    assert!(lost.contains(&opened[0]), "{opened:?}");
}

#[test]
fn an_improvement_is_no_alert_and_losing_it_again_is() {
    let factor = |at: i64| if (7 * DAY..11 * DAY).contains(&at) { 0.7 } else { 1.0 };
    let run = run("response_time", 13, 6, |at, numbers| latencies(at, numbers, factor(at)));
    let found: Vec<i64> = run.opened.iter().map(|(at, _)| at - 11 * DAY).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!((0..6).contains(&found[0]), "{found:?}");
}

#[test]
fn the_words_of_the_detector_add_up() {
    let bad = |at: i64| if at >= 8 * DAY { 1.5 } else { 1.0 };
    let run = run("response_time", 9, 7, |at, numbers| latencies(at, numbers, bad(at)));
    let word = &run.opened[0].1.detectors[0];
    let sum: f64 = word.attributions.iter().map(|one| one.contribution).sum();
    assert!((sum - (word.score - word.base)).abs() < 1e-9);
    assert!(word.p_value < 1e-4);
}

#[test]
fn a_creep_that_no_day_shows_is_told_and_is_over_when_it_is_undone() {
    // A third of a percent a day, for a month: what is learned of the level follows it all the way.
    let (start, end) = (20 * DAY, 52 * DAY);
    let bad = |at: i64| match at {
        at if (start..end).contains(&at) => 1.0 + 0.0035 * (at - start) as f64 / DAY as f64,
        _ => 1.0,
    };
    let run = run("response_time", 58, 5, |at, numbers| latencies(at, numbers, bad(at)));
    assert_eq!(run.opened.len(), 1, "{:?}", run.opened);
    let (at, shift) = &run.opened[0];
    assert!((start..end).contains(at), "found on day {}", at / DAY);
    assert_eq!(shift.detectors[0].name, "slow_drift");
    assert!(shift.after > shift.before, "{shift:?}");
    let really = bad(*at) - 1.0;
    assert!((0.5 * really..1.5 * really).contains(&shift.relative()), "{} of {really}", shift.relative());
    let [earliest, latest] = shift.onset_interval.map(|time| time.step().0 - FIRST);
    assert!(earliest - 3 * DAY <= start && start <= latest + 7 * DAY, "{} to {}", earliest / DAY, latest / DAY);
    let sum: f64 = shift.detectors[0].attributions.iter().map(|one| one.contribution).sum();
    assert!((sum - shift.detectors[0].score).abs() < 1e-9);
    let recovered = run.recovered[0];
    assert!((end..end + DAY).contains(&recovered), "recovered {} steps later", recovered - end);
}

#[test]
fn what_comes_every_week_is_told_twice() {
    // Saturdays from three to five in the morning, from the second week on.
    let is_backup = |at: i64| (36..60).contains(&(at - 5 * DAY).rem_euclid(7 * DAY)) && at > 8 * DAY;
    let longer = |at: i64| (0..96).contains(&(at - 40 * DAY - 36));
    let run = run("response_time", 42, 3, |at, numbers| {
        latencies(at, numbers, if is_backup(at) || longer(at) { 1.5 } else { 1.0 })
    });
    let days: Vec<i64> = run.opened.iter().map(|(at, _)| at / DAY).collect();
    // The last Saturday it goes on past its hours, which is news.
    assert_eq!(days, [12, 19, 40], "{:?}", run.opened);
    assert!(run.opened[2].0 > 40 * DAY + 60, "told at its usual hours");
}

/// What an incident showed leaves no trace, and what gets worse after it did not begin in it.
#[test]
fn a_step_that_is_set_aside_is_as_if_it_had_been_anything_else() {
    let (incident, worse) = (9 * DAY + 100..9 * DAY + 160, 9 * DAY + 170);
    let definitions = Definitions::built_in();
    let during = |factor: f64, is_set_aside: bool| {
        let mut watch = Watch::new(definitions.get("response_time").unwrap()).unwrap();
        let (mut numbers, mut cells, mut opened) = (Numbers(3), Vec::new(), Vec::new());
        for at in 0..10 * DAY {
            let step = Step(FIRST + at);
            let factor = if incident.contains(&at) { factor } else { 1.0 + 0.5 * f64::from(u8::from(at >= worse)) };
            cells.push(latencies(at, &mut numbers, factor));
            let cell_of = |step: Step| cells[(step.0 - FIRST) as usize].clone();
            let now = cells[at as usize].clone();
            let seen = if is_set_aside && incident.contains(&at) {
                watch.set_aside(step, &now, step.start().is_weekend())
            } else {
                watch.observe(step, &now, step.start().is_weekend(), LOG_THRESHOLD, cell_of)
            };
            assert!(at < 9 * DAY || seen.points[0].1.expected.is_some_and(|one| one > 0.0));
            if let Some(Transition::Opened(shift)) = seen.transition {
                opened.push((at, shift.onset.step().0 - FIRST));
            }
        }
        (format!("{watch:?}"), opened)
    };
    let (slow, quick, usual) = (during(3.0, true), during(0.2, true), during(1.0, true));
    assert!(slow == quick && quick == usual);
    let [(at, onset)] = slow.1[..] else { panic!("{:?}", slow.1) };
    assert!((worse..worse + 6).contains(&at) && (onset - worse).abs() <= 2, "{at} {onset}");
    // Not set aside it is told, and another watch comes out of it.
    let told = during(3.0, false);
    assert!(incident.contains(&told.1[0].0) && told.0 != slow.0, "{:?}", told.1);
}
