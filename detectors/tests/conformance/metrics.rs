//! What every detector of metrics has to stand: a watch is shown the cells that each is for.

use hark_detectors::list::{ALL, Entry, Judges};
use hark_detectors::{Observed, Transition, Watch};
use hark_model::{Cell, Definitions, STEP_MINUTES, Sketch, Step};

use super::{CHANCE, Numbers, PROMISED, binomial_quantile};

const DAY: usize = (24 * 60 / STEP_MINUTES) as usize;
const FIRST: i64 = 1_772_409_600_000 / 300_000; // 2026-03-02, a Monday
const BUILT_IN: [&str; 3] = ["response_time", "failure_rate", "requests"];

/// What a detector is for.
struct Traffic {
    /// Slices whose cells are added up, and requests of each in a step.
    slices: usize,
    requests: usize,
    /// The obvious: everything takes half as long again, or the same to the millisecond.
    is_frozen: bool,
    /// Whose word an alarm is by.
    says: &'static str,
}

fn each(check: impl Fn(&Entry, Traffic)) {
    for entry in ALL.iter().filter(|entry| matches!(entry.judges, Judges::Metrics)) {
        let busy = Traffic { slices: 1, requests: 60, is_frozen: false, says: "seasonal_change" };
        let traffic = match entry.name {
            "seasonal_change" => busy,
            "steady" => Traffic { is_frozen: true, says: "steady", ..busy },
            // The sum of slices that are too thin alone is watched as any other series is.
            "thin_slices" => Traffic { slices: 8, requests: 8, ..busy },
            // What takes weeks is in tests/watch.rs; until then it is the watch that the others are judged by.
            "slow_drift" => continue,
            other => panic!("say here what traffic `{other}` is for"),
        };
        check(entry, traffic);
    }
}

impl Traffic {
    fn cell(&self, at: usize, factor: f64, numbers: &mut Numbers) -> Cell {
        let day = (std::f64::consts::TAU * at as f64 / DAY as f64).sin();
        let slice = |numbers: &mut Numbers| {
            let mut sketch = Sketch::default();
            let requests = (self.requests as f64 * (1.0 + 0.5 * day)) as usize;
            (0..requests).for_each(|_| sketch.insert(500.0 * factor * (0.4 * numbers.normal() + 0.05 * day).exp()));
            Cell::Latency(sketch)
        };
        let mut sum = slice(numbers);
        (1..self.slices).for_each(|_| sum.merge(&slice(numbers)));
        sum
    }

    fn obvious(&self, at: usize, numbers: &mut Numbers) -> Cell {
        if !self.is_frozen {
            return self.cell(at, 1.5, numbers);
        }
        let mut sketch = Sketch::default();
        (0..self.requests).for_each(|_| sketch.insert(480.0));
        Cell::Latency(sketch)
    }

    fn days(&self, days: usize, seed: u64) -> Vec<Cell> {
        let mut numbers = Numbers(seed);
        (0..days * DAY).map(|at| self.cell(at, 1.0, &mut numbers)).collect()
    }
}

/// The evidence that one false alarm in ten such runs asks for, at most.
fn log_threshold(cells: &[Cell]) -> f64 {
    (10.0 * cells.len().max(1) as f64).ln()
}

fn judged(metric: &str, cells: &[Cell]) -> Vec<Observed> {
    let mut watch = Watch::new(Definitions::built_in().get(metric).unwrap()).unwrap();
    let cell_of = |step: Step| cells[(step.0 - FIRST) as usize].clone();
    let observe = |(at, cell): (usize, &Cell)| {
        let step = Step(FIRST + at as i64);
        watch.observe(step, cell, step.start().is_weekend(), log_threshold(cells), cell_of)
    };
    cells.iter().enumerate().map(observe).collect()
}

/// When which words were told.
fn alarms(judged: &[Observed]) -> Vec<(usize, &str)> {
    let opened = |(at, observed): (usize, &'_ Observed)| match &observed.transition {
        Some(Transition::Opened(shift)) => Some((at, shift.detectors[0].name.clone())),
        _ => None,
    };
    let named = |(at, name): (usize, String)| (at, ALL.iter().find(|entry| entry.name == name).unwrap().name);
    judged.iter().enumerate().filter_map(opened).map(named).collect()
}

fn assert_sound(name: &str, judged: &[Observed]) {
    for (at, observed) in judged.iter().enumerate() {
        assert!(!observed.log_evidence.is_nan(), "{name}: step {at}: {observed:?}");
        for (_, point) in &observed.points {
            let numbers = [point.value, point.expected, point.low, point.high];
            assert!(numbers.iter().flatten().all(|number| number.is_finite()), "{name}: step {at}: {point:?}");
            let band = point.low.zip(point.high);
            assert!(band.is_none_or(|(low, high)| low <= high), "{name}: step {at}: {point:?}");
        }
    }
}

#[test]
fn next_to_nothing_is_no_anomaly() {
    for metric in BUILT_IN {
        let empty = Cell::empty(&Definitions::built_in().get(metric).unwrap().kind).unwrap();
        let mut alike = Sketch::default();
        (0..60).for_each(|_| alike.insert(480.0));
        let constant = match empty {
            Cell::Latency(_) => Cell::Latency(alike),
            Cell::Ratio { .. } => Cell::Ratio { count: 60, hits: 1 },
            _ => Cell::Count(60),
        };
        let cases = [
            ("no step", Vec::new()),
            ("one step", vec![constant.clone()]),
            ("constant", vec![constant; 10 * DAY]),
            ("all gaps", vec![empty.clone(); 10 * DAY]),
        ];
        for (what, cells) in cases {
            let judged = judged(metric, &cells);
            assert_sound(metric, &judged);
            assert_eq!(alarms(&judged), [], "{metric}, {what}");
        }
    }
}

#[test]
fn whatever_comes_is_judged() {
    let wild = [0.0, 1e-9, 1e15, 3.0, 1e6];
    each(|entry, traffic| {
        let mut cells = traffic.days(9, 5);
        for (at, cell) in cells.iter_mut().enumerate().filter(|(at, _)| at % 3 == 0) {
            let mut sketch = Sketch::default();
            (0..at % 7).for_each(|more| sketch.insert(wild[(at / 3 + more) % wild.len()]));
            *cell = Cell::Latency(sketch);
        }
        assert_sound(entry.name, &judged("response_time", &cells));
    });
}

#[test]
fn the_same_cells_give_the_same_bytes_and_later_ones_change_nothing() {
    each(|entry, traffic| {
        let cells = traffic.days(10, 11);
        let mut later = cells.clone();
        let mut numbers = Numbers(12);
        later[9 * DAY..].iter_mut().for_each(|cell| *cell = traffic.cell(0, 9.0, &mut numbers));
        let whole = judged("response_time", &cells);
        assert_eq!(whole, judged("response_time", &cells), "{}", entry.name);
        // The budget is of as many steps.
        assert_eq!(whole[..9 * DAY], judged("response_time", &later)[..9 * DAY], "{}", entry.name);
    });
}

#[test]
fn scale_is_as_declared() {
    each(|entry, traffic| {
        // Ranges of a sketch double after a whole number of them: times four nothing is rounded otherwise.
        let of = |scale: f64| {
            let mut numbers = Numbers(13);
            let factor = |at: usize| scale * if (9 * DAY..9 * DAY + 60).contains(&at) { 1.5 } else { 1.0 };
            let cells: Vec<Cell> = (0..10 * DAY).map(|at| traffic.cell(at, factor(at), &mut numbers)).collect();
            alarms(&judged("response_time", &cells)).into_iter().map(|(at, _)| at).collect::<Vec<usize>>()
        };
        let as_it_is = of(1.0);
        assert!(!as_it_is.is_empty(), "{}", entry.name);
        assert!(!entry.unmoved_by.scale || of(4.0) == as_it_is, "{}", entry.name);
    });
}

/// Of 24 series without change no more than the promise and chance allow raise an alarm.
#[test]
fn noise_is_quiet_at_the_stated_rate() {
    const SERIES: u64 = 24;
    let most = binomial_quantile(SERIES, PROMISED, CHANCE);
    each(|entry, traffic| {
        let alarmed =
            (0..SERIES).filter(|seed| !alarms(&judged("response_time", &traffic.days(9, 1_000 + seed))).is_empty());
        let alarmed = alarmed.count() as u64;
        assert!(alarmed <= most, "{}: {alarmed} of {SERIES} quiet series, at most {most}", entry.name);
    });
}

#[test]
fn the_obvious_is_found() {
    const AT: usize = 9 * DAY + 30;
    each(|entry, traffic| {
        let mut numbers = Numbers(17);
        let mut cells = traffic.days(10, 18);
        (AT..AT + 60).for_each(|at| cells[at] = traffic.obvious(at, &mut numbers));
        let judged = judged("response_time", &cells);
        let told = alarms(&judged);
        let found = told.iter().find(|(at, _)| *at >= AT);
        assert!(found.is_some_and(|(at, says)| *at < AT + 30 && *says == traffic.says), "{}: {told:?}", entry.name);
    });
}
