//! What a watch takes up after weeks of steps: the bound that the number of series a machine can hold follows from.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

use hark_detectors::Watch;
use hark_model::{Cell, Definitions, Metric, MetricKind, STEP_MINUTES, Sketch, Statistic, Step};

/// A series and statistic.
const BYTES_MAX: usize = 4096;
const DAY: i64 = 24 * 60 / STEP_MINUTES;
const FIRST: i64 = 1_772_409_600_000 / 300_000; // 2026-03-02, a Monday
const LOG_THRESHOLD: f64 = 14.5;

/// A step of some sixty requests, twice as many by day, spread over five octaves and somewhat different each time; the
/// last of every ten days is worse by half.
fn cell(kind: &MetricKind, at: i64) -> Cell {
    let share = |of: i64| (at * 7_919 + of * 104_729).rem_euclid(1_009) as f64 / 1_009.0;
    let worse = if at / DAY % 10 == 9 { 1.5 } else { 1.0 };
    let requests =
        (60.0 * (1.0 + 0.5 * (std::f64::consts::TAU * at as f64 / DAY as f64).sin()) + 9.0 * share(0)) as i64;
    match Cell::empty(kind).unwrap() {
        Cell::Latency(_) => {
            let mut sketch = Sketch::default();
            (1..=requests).for_each(|of| sketch.insert(70.0 * worse * (5.0 * share(of)).exp2()));
            Cell::Latency(sketch)
        }
        Cell::Ratio { .. } => {
            let hits = (1..=requests).filter(|&of| share(of) < 0.04 * worse).count() as u64;
            Cell::Ratio { count: requests as u64, hits }
        }
        Cell::Count(_) => Cell::Count((requests as f64 / worse) as u64),
        Cell::Gauge { .. } => {
            let values = (1..=requests).map(|of| (1e3 * worse * (20.0 + share(of))) as i64);
            let sum_squares = values.clone().map(|value| u128::from(value.unsigned_abs()).pow(2)).sum();
            Cell::Gauge { count: requests as u64, sum_thousandths: values.sum(), sum_squares }
        }
    }
}

/// The most bytes that a watch takes up in the course of `weeks`, a statistic.
fn most(metric: &Metric, weeks: i64) -> usize {
    let mut watch = Watch::new(metric).unwrap();
    let bytes = (0..weeks * 7 * DAY).map(|at| {
        let step = Step(FIRST + at);
        let cell_of = |step: Step| cell(&metric.kind, step.0 - FIRST);
        watch.observe(step, &cell_of(step), step.start().is_weekend(), LOG_THRESHOLD, cell_of);
        watch.bytes()
    });
    bytes.max().unwrap().div_ceil(metric.statistics.len())
}

#[test]
fn five_weeks_of_a_series_fit_into_four_kilobytes_a_statistic() {
    let definitions = Definitions::built_in();
    let mut metrics: Vec<Metric> =
        definitions.iter().filter(|metric| Cell::empty(&metric.kind).is_some()).cloned().collect();
    let response_time = definitions.get("response_time").unwrap();
    for statistics in [vec![Statistic::P95], vec![Statistic::Mean]] {
        metrics.push(Metric { statistics, ..response_time.clone() });
    }
    let gauge = MetricKind::Gauge { value: "load".to_owned() };
    metrics.push(Metric { kind: gauge, statistics: vec![Statistic::Mean], ..response_time.clone() });
    for metric in metrics {
        let bytes = most(&metric, 5);
        assert!(bytes <= BYTES_MAX, "{} {:?}: {bytes}", metric.name, metric.statistics);
        // A bound far above what there is would not notice a thing.
        assert!(bytes > BYTES_MAX / 4 * 3, "{} {:?}: {bytes}", metric.name, metric.statistics);
    }
}
