//! What holds of every breakdown, over ten thousand rows of random series for each detector that has one.

use hark_model::{Cell, Definitions, Metric, MetricKind, Sketch, Step};

use crate::Watch;
use crate::arima::{Orders, Running, fit};
use crate::breakdown::{Breakdown, MadeOf};
use crate::calibrated::Scorer;
use crate::detector::{Detector, Row, Settings};
use crate::draws::Draws;
use crate::values::{Kind, ValueWatch};
use crate::{arima, autoencoder, density, discord, smoothing, subsequence_pca};

const HOUR_MS: i64 = 3_600_000;
const ROWS: usize = 10_000;
const OFF_MAX: f64 = 1e-9;

/// A level that wanders or not, a season or not, values that multiply or not, spikes and gaps: each series is of another kind.
fn series(seed: u64, rows: usize) -> (Settings, Vec<Row>) {
    let mut draws = Draws::of(&[31, seed]);
    let period = 5 + draws.below(30);
    let [wanders, season, memory, gaps] =
        std::array::from_fn(|_| draws.unit() * f64::from(u8::from(draws.unit() < 0.5)));
    let (is_logarithmic, size) = (draws.unit() < 0.3, (8.0 * draws.unit() - 3.0).exp());
    let (mut level, mut carried) = (10.0 * draws.unit(), 0.0);
    let mut row = |at: usize| {
        level += wanders * draws.bell();
        carried = 0.9 * memory * carried + draws.bell();
        let phase = at as f64 / period as f64 * std::f64::consts::TAU;
        let spike = if draws.unit() < 0.01 { 20.0 } else { 0.0 };
        let value = level + 4.0 * season * phase.sin() + carried + spike;
        let value = if is_logarithmic { (0.5 * value).clamp(-30.0, 30.0).exp() } else { value };
        let time_ms = at as i64 * HOUR_MS;
        if draws.unit() < 0.1 * gaps { Row::gap(time_ms) } else { Row::new(time_ms, size * value) }
    };
    let rows = (0..rows).map(&mut row).collect();
    let period_rows = (draws.unit() < 0.5).then_some(period);
    (Settings { false_alarms: 0.1, period_rows, seed }, rows)
}

fn adds_up(broken: &Breakdown, what: &str) {
    for sum in &broken.sums {
        let (total, size) = sum
            .terms
            .iter()
            .fold((0.0, 0.0_f64), |(total, size), term| (total + term.amount, size.max(term.amount.abs())));
        assert!((total - sum.total).abs() <= OFF_MAX * size.max(sum.total.abs()), "{what}: {sum:?}");
    }
}

/// Asks before each row, and holds the answer against what is then said.
fn check<S: Scorer>(
    what: &str,
    (count, rows_each): (usize, usize),
    make: impl Fn(Settings) -> S,
    is_it: impl Fn(&Breakdown, f64) -> bool,
) {
    let (mut checked, mut seed) = (0, 0);
    while checked < count {
        let (settings, rows) = series(seed, rows_each);
        let mut scorer = make(settings);
        for (at, row) in rows.iter().enumerate() {
            let broken = scorer.breakdown(*row);
            let strangeness = scorer.strangeness(*row);
            assert_eq!(broken.is_some(), strangeness.is_some(), "{what}, series {seed}, row {at}");
            if let (Some(broken), Some(strangeness)) = (broken, strangeness) {
                let what = format!("{what}, series {seed}, row {at}");
                adds_up(&broken, &what);
                assert!(is_it(&broken, strangeness), "{what}: {strangeness} {broken:?}");
                checked += 1;
            }
        }
        seed += 1;
    }
}

fn is_close(one: f64, other: f64) -> bool {
    (one - other).abs() <= OFF_MAX * one.abs().max(other.abs()).max(1.0)
}

fn by_deviations(broken: &Breakdown, off: f64) -> bool {
    broken.forecast.is_some_and(|forecast| is_close(forecast.deviations.abs(), off))
}

/// Fits cost the most: ten thousand rows go by models that are fitted once.
#[test]
fn what_arima_expects_adds_up_and_is_what_it_judges_by() {
    check("arima", (600, 200), arima::scorer, by_deviations);
    let (mut checked, mut seed) = (0, 0);
    while checked < ROWS {
        let (_, rows) = series(seed, 400);
        let values: Vec<Option<f64>> = rows.iter().map(Row::value).collect();
        let mut draws = Draws::of(&[32, seed]);
        let [ar, ma, differences, seasonal_ar, seasonal_ma, seasonal_differences] =
            [3, 3, 3, 2, 2, 2].map(|end| draws.below(end));
        let has_mean = differences + seasonal_differences < 2;
        let period_rows = 2 + draws.below(6);
        let orders =
            Orders { ar, differences, ma, seasonal_ar, seasonal_differences, seasonal_ma, period_rows, has_mean };
        seed += 1;
        let Some(fitted) = fit(&values[..80], orders) else { continue };
        let mut running = Running::new(fitted);
        for (at, value) in values.iter().enumerate() {
            if let (Some(terms), Some(expected)) = (running.terms(), running.expected()) {
                let sum: f64 = terms.iter().map(|term| term.amount).sum();
                let size = terms.iter().fold(1.0, |size: f64, term| size.max(term.amount.abs()));
                let off = (sum - expected.parts.sum()).abs();
                assert!(off <= OFF_MAX * size, "series {seed}, row {at}, {orders:?}: {off} {terms:?}");
                for term in &terms {
                    if let Some(MadeOf::Product { coefficient, times }) = term.made_of {
                        assert_eq!(term.amount, coefficient * times);
                    }
                }
                checked += 1;
            }
            running.take(*value);
        }
    }
}

#[test]
fn what_smoothing_expects_adds_up_and_is_what_it_judges_by() {
    check("ets", (ROWS, 900), smoothing::scorer, by_deviations);
}

#[test]
fn what_is_left_of_a_window_adds_up_to_how_strange_it_is() {
    let by_errors = |broken: &Breakdown, strangeness: f64| {
        let squares = broken.sums[0].terms.iter().all(|term| match term.made_of {
            Some(MadeOf::Error { seen, made_up }) => (seen - made_up).is_finite() && term.amount >= 0.0,
            _ => false,
        });
        // Where next to nothing is left it counts as nothing.
        squares && (is_close(broken.sums[0].total.sqrt(), strangeness) || strangeness == 0.0)
    };
    check("subsequence_pca", (ROWS, 1_000), |_| subsequence_pca::scorer(), by_errors);
    check("autoencoder", (ROWS, 2_500), autoencoder::scorer, by_errors);
}

/// Sums that are carried from row to row are a little off.
#[test]
fn what_differs_from_the_most_alike_window_adds_up_to_how_far_it_is() {
    let by_squares = |broken: &Breakdown, strangeness: f64| {
        (broken.sums[0].total - strangeness * strangeness).abs() <= 1e-6 * strangeness.powi(2).max(1.0)
    };
    check("discord", (ROWS, 900), |_| discord::scorer(), by_squares);
}

/// Each row asks for 4,096 windows, so that fewer rows must do.
#[test]
fn shares_of_a_window_add_up_to_how_strange_it_is() {
    let by_shares = |broken: &Breakdown, strangeness: f64| is_close(broken.sums[0].total, strangeness);
    check("dbscan", (200, 160), density::scorers::dbscan, by_shares);
    check("gaussian_mixture", (200, 160), density::scorers::mixture, by_shares);
    check("isolation_forest", (100, 120), density::scorers::isolation, by_shares);
    check("extended_isolation_forest", (100, 120), density::scorers::extended_isolation, by_shares);
}

#[test]
fn evidence_and_score_of_a_plain_series_add_up() {
    for kind in [Kind::Shift, Kind::Spike, Kind::Both] {
        let (mut checked, mut seed) = (0, 0);
        while checked < ROWS {
            let (settings, rows) = series(seed, 600);
            let mut watch = ValueWatch::new(kind, settings);
            for (at, row) in rows.iter().enumerate() {
                let broken = watch.breakdown(*row);
                let scored = watch.score(&[*row])[0];
                let Some(broken) = broken else { continue };
                let what = format!("{kind:?}, series {seed}, row {at}");
                adds_up(&broken, &what);
                let total = |of: &str| broken.sums.iter().find(|sum| sum.of == of).map(|sum| sum.total);
                assert!(total("score").is_some_and(|score| is_close(score, scored.score)), "{what}: {broken:?}");
                let evidence = total("evidence of a move that stays");
                assert_eq!(evidence.is_some(), kind != Kind::Spike, "{what}");
                if let (Some(evidence), Kind::Shift) = (evidence, kind) {
                    assert!(is_close((2.0 / evidence).min(1.0), scored.p_value), "{what}: {evidence} {scored:?}");
                }
                checked += 1;
            }
            seed += 1;
        }
    }
}

/// Whatever came, since whatever onset one asks: the terms of an e-value are the logarithm of it.
#[test]
fn the_terms_of_evidence_add_up() {
    const STEPS: i64 = 1_400;
    const FIRST: i64 = 5_900_000;
    let definitions = Definitions::built_in();
    let (mut checked, mut by_time) = (0, 0);
    for (name, seed) in ["response_time", "failure_rate", "requests"].into_iter().cycle().zip(0_u64..15) {
        let metric = definitions.get(name).unwrap();
        let mut draws = Draws::of(&[77, seed]);
        let mut watch = Watch::new(metric).unwrap();
        let (busy, worse) = ((2.0 + 5.0 * draws.unit()).exp(), 1.0 + 2.0 * draws.unit());
        let bad_from = STEPS / 2 + draws.below(300) as i64;
        let mut cells = Vec::new();
        for at in 0..STEPS {
            let factor = if at >= bad_from { worse } else { 1.0 };
            cells.push(cell(metric, &mut draws, busy, factor));
            let cell_of = |step: Step| cells[(step.0 - FIRST) as usize].clone();
            let step = Step(FIRST + at);
            watch.observe(step, &cells[at as usize], false, 9.0, cell_of);
            let onset = Step(FIRST + (at - draws.below(100) as i64).max(0));
            let Some(shift) = watch.shift_since(metric.statistics[0], onset, step, cell_of) else { continue };
            let word = &shift.detectors[0];
            if !word.score.is_finite() {
                continue;
            }
            let sum: f64 = word.attributions.iter().map(|one| one.contribution).sum();
            assert!(
                (sum - (word.score - word.base)).abs() <= OFF_MAX * word.score.abs().max(1.0),
                "{name} {at}: {word:?}"
            );
            checked += 1;
            by_time += usize::from(word.attributions.len() > metric.statistics.len() + 1);
        }
    }
    assert!(checked >= ROWS && by_time > ROWS / 2, "{checked} {by_time}");
}

fn cell(metric: &Metric, draws: &mut Draws, busy: f64, factor: f64) -> Cell {
    match metric.kind {
        MetricKind::Latency { .. } => {
            let mut sketch = Sketch::default();
            (0..draws.count(busy)).for_each(|_| sketch.insert(factor * (6.0 + 0.5 * draws.bell()).exp()));
            Cell::Latency(sketch)
        }
        MetricKind::Ratio { .. } => {
            let count = draws.count(busy);
            let hits = (0..count).filter(|_| draws.unit() < 0.05 * factor).count() as u64;
            Cell::Ratio { count, hits }
        }
        _ => Cell::Count(draws.count(busy / factor)),
    }
}
