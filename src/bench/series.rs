//! `hark bench series`: plain series without any change, and with a step, through the detector that `hark detect` runs,
//! beside rules that are dumb on purpose.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use anyhow::Result;
use hark_detectors::list::Build;
use hark_detectors::{Row, Settings};

use crate::bench::dice::Dice;
use crate::bench::{stopwatch, wilson};

/// Rows before those that count: three weeks of hours.
const WARM_UP: usize = 504;
const WATCHED: usize = 1_000;
const STEP_MS: i64 = 3_600_000;
const START_MS: i64 = 1_777_593_600_000;
const STEPS: [f64; 3] = [0.5, 1.0, 2.0];
/// What a three-sigma rule remembers: a week.
const REMEMBERED: usize = 168;

pub(super) struct Request {
    pub seeds: RangeInclusive<u64>,
    pub settings: Settings,
    pub build: Build,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Normal,
    LogNormal,
    Autoregressive5,
    Autoregressive8,
    Daily,
    Missing,
    HeavyTailed,
}

const FAMILIES: [(Family, &str); 7] = [
    (Family::Normal, "i.i.d. normal"),
    (Family::LogNormal, "log-normal"),
    (Family::Autoregressive5, "AR(1) 0.5"),
    (Family::Autoregressive8, "AR(1) 0.8"),
    (Family::Daily, "daily season"),
    (Family::Missing, "a fifth missing"),
    (Family::HeavyTailed, "Student t3"),
];

/// The deviation of each value, which steps are measured in.
impl Family {
    fn deviation(self) -> f64 {
        match self {
            Self::Autoregressive5 => 1.0 / (1.0_f64 - 0.25).sqrt(),
            Self::Autoregressive8 => 1.0 / (1.0_f64 - 0.64).sqrt(),
            _ => 1.0,
        }
    }
}

pub(super) fn series(request: &Request) -> Result<()> {
    let Request { seeds, settings: Settings { false_alarms, .. }, .. } = request;
    let count = seeds.clone().count() as u64;
    println!("{count} series a family; nominal chance of any alarm in {WATCHED} rows: {false_alarms}");
    println!("\nno change at all: share of series with an alarm (95 % interval)");
    println!("{:16} {:>24} {:>24} {:>24}", "", "rows 505 to 1504", "rows 1 to 1000", "3 sigma");
    let (mut rows, mut seconds) = (0, 0.0);
    for (family, name) in FAMILIES {
        let mut alarmed = [0, 0, 0];
        for seed in seeds.clone() {
            let series = made(family, WARM_UP + WATCHED, seed);
            let watch = stopwatch();
            let alarms = alarms(&series, request);
            seconds += watch.elapsed().as_secs_f64();
            rows += series.len();
            let any =
                |range: std::ops::Range<usize>, alarms: &[usize]| u64::from(alarms.iter().any(|at| range.contains(at)));
            alarmed[0] += any(WARM_UP..WARM_UP + WATCHED, &alarms);
            alarmed[1] += any(0..WATCHED, &alarms);
            alarmed[2] += any(WARM_UP..WARM_UP + WATCHED, &three_sigma(&series));
        }
        let [late, early, dumb] = alarmed.map(|alarmed| share(alarmed, count));
        println!("{name:16} {late:>24} {early:>24} {dumb:>24}");
    }
    println!("(a rule that never fires: 0; one that always fires: 1)");
    println!("\na step after {WARM_UP} rows, in deviations: rows until the alarm");
    println!("{:16} {:>5} {:>8} {:>24} {:>24}", "", "step", "median", "within 24", "within 72");
    for (family, name) in FAMILIES.into_iter().filter(|(family, _)| has_steps(*family)) {
        for step in STEPS {
            let mut delays: Vec<usize> = seeds.clone().map(|seed| delay(family, step, seed, request)).collect();
            delays.sort_unstable();
            let within = |rows: usize| share(delays.iter().filter(|delay| **delay <= rows).count() as u64, count);
            let median = match delays[delays.len() / 2] {
                usize::MAX => "never".to_owned(),
                rows => rows.to_string(),
            };
            println!("{name:16} {step:>5} {median:>8} {:>24} {:>24}", within(24), within(72));
        }
    }
    println!("\nspeed, one thread: {:.0} rows/s", rows as f64 / seconds);
    Ok(())
}

/// A share with its 95 % interval.
fn share(part: u64, whole: u64) -> String {
    let [low, high] = wilson(part, whole);
    format!("{:.3} [{low:.3}, {high:.3}]", part as f64 / whole as f64)
}

fn has_steps(family: Family) -> bool {
    matches!(family, Family::Normal | Family::Autoregressive5 | Family::Autoregressive8 | Family::Daily)
}

fn alarms(series: &[(i64, f64)], request: &Request) -> Vec<usize> {
    let rows: Vec<Row> = series.iter().map(|(time, value)| Row::new(*time, *value)).collect();
    let verdicts = (request.build)(request.settings).score(&rows);
    verdicts.iter().enumerate().filter(|(_, scored)| scored.is_anomaly).map(|(at, _)| at).collect()
}

/// How many rows of a step it takes until an alarm; alarms before it do not count.
fn delay(family: Family, step: f64, seed: u64, request: &Request) -> usize {
    let mut series = made(family, WARM_UP + 400, seed.wrapping_add(1 << 40));
    series[WARM_UP..].iter_mut().for_each(|(_, value)| *value += step * family.deviation());
    let after = alarms(&series, request).into_iter().find(|at| *at >= WARM_UP);
    after.map_or(usize::MAX, |at| at - WARM_UP + 1)
}

fn three_sigma(series: &[(i64, f64)]) -> Vec<usize> {
    let mut known: VecDeque<f64> = VecDeque::new();
    let mut alarms = Vec::new();
    for (at, (_, value)) in series.iter().enumerate() {
        if known.len() == REMEMBERED {
            let mean = known.iter().sum::<f64>() / REMEMBERED as f64;
            let variance = known.iter().map(|known| (known - mean).powi(2)).sum::<f64>() / REMEMBERED as f64;
            if (value - mean).abs() > 3.0 * variance.sqrt() {
                alarms.push(at);
            }
            known.pop_front();
        }
        known.push_back(*value);
    }
    alarms
}

fn made(family: Family, rows: usize, seed: u64) -> Vec<(i64, f64)> {
    let mut dice = Dice::from_state(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ ((family as u64) << 56));
    let mut carried = 0.0;
    let mut series = Vec::with_capacity(rows);
    for at in 0_i64.. {
        let noise = dice.normal();
        let value = match family {
            Family::Normal | Family::Missing => noise,
            Family::LogNormal => noise.exp(),
            Family::Autoregressive5 | Family::Autoregressive8 => {
                let memory = if family == Family::Autoregressive5 { 0.5 } else { 0.8 };
                carried = memory * carried + noise;
                carried
            }
            Family::Daily => 3.0 * (at as f64 / 24.0 * std::f64::consts::TAU).sin() + noise,
            Family::HeavyTailed => {
                let squares: f64 = (0..3).map(|_| dice.normal().powi(2)).sum();
                noise / (squares / 3.0).sqrt()
            }
        };
        if family != Family::Missing || dice.uniform() >= 0.2 {
            series.push((START_MS + at * STEP_MS, value));
        }
        if series.len() == rows {
            break;
        }
    }
    series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_series_and_each_family_its_own() {
        for (family, name) in FAMILIES {
            assert_eq!(made(family, 50, 3), made(family, 50, 3), "{name}");
            assert_ne!(made(family, 50, 3), made(family, 50, 4), "{name}");
        }
        let missing = made(Family::Missing, 1000, 1);
        let gaps = missing.windows(2).filter(|pair| pair[1].0 - pair[0].0 > STEP_MS).count();
        assert!((100..300).contains(&gaps), "{gaps}");
    }

    #[test]
    fn the_dumb_rule_fires_where_it_must() {
        let mut series = made(Family::Normal, 400, 1);
        series[300].1 = 50.0;
        assert!(three_sigma(&series).contains(&300));
    }
}
