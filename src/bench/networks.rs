//! `hark bench networks`: how long an autoencoder trains, how long ten thousand windows take by candle, by tract and by
//! ONNX Runtime, turn by turn in one run, each with the same answers, and how long it takes to say why one scored so; and how
//! long the stream waits while a metric's own models are trained.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use hark_detectors::forest::IsolationForest;
use hark_detectors::life::{HourNetwork, Model, feature_rows, hour_windows};
use hark_explain::sampled_shap::{Question, exact, pairs_within, permutations};
use hark_model::Statistic;
use hark_networks::{Autoencoder, Library, Scores, Served, Shape, Training, Windows, onnx, train};

use super::dice::Dice;
use super::stopwatch;

const METRICS: usize = 4;
const TIME: usize = 24;
/// What is trained on: a quarter of hours.
const TRAINED: usize = 2_160;
const SCORED: usize = 10_000;
/// As the tests hold them to.
const OFF_MAX: f32 = 1e-4;
/// Each metric in each third of a window is a player, so that all mixtures can be asked about too.
const THIRDS: usize = 3;
const SETS: usize = 512;
/// Windows that one is compared with.
const OTHERS: usize = 16;
/// Windows that are explained, in each of which one player is off.
const EXPLAINED: usize = 24;

pub(super) struct Request {
    /// ONNX Runtime's.
    pub library: Option<PathBuf>,
    pub turns: u64,
    pub seed: u64,
}

pub(super) fn networks(request: &Request) -> Result<()> {
    let library = request.library.as_deref().map(Library::load).transpose()?;
    if library.is_none() {
        eprintln!("ONNX Runtime is left out; name its library with --library");
    }
    println!(
        "windows of {TIME} x {METRICS}; one thread by ONNX Runtime; median (least .. most) of {} turns",
        request.turns
    );
    for shape in [Shape::dense(TIME, METRICS), Shape::temporal(TIME, METRICS)] {
        let (windows, scored) = (seasonal(TRAINED, request.seed)?, seasonal(SCORED, request.seed + 1)?);
        let (mut seconds, mut trained) = (Vec::new(), None);
        for turn in 0..request.turns {
            let training = Training { seed: request.seed + turn, ..Training::default() };
            let started = stopwatch();
            let (network, outcome) = train(shape, &windows, training)?;
            seconds.push(started.elapsed().as_secs_f64());
            trained.get_or_insert((network, outcome));
        }
        let Some((network, outcome)) = trained else { continue };
        println!(
            "\n{}: {} weights; trained on {} windows in {} s; {} steps, error of windows held out {:.3}, untrained {:.3}",
            shape.name(),
            network.weights(),
            windows.count(),
            spread(&seconds, 1.0),
            outcome.steps,
            outcome.held_out,
            outcome.first_held_out
        );
        score(&network, &scored, library.as_ref(), request.turns)?;
    }
    println!(
        "\na metric of three statistics, so long the stream waits once a day for its forest and once a week for its network:"
    );
    let statistics = [500, 950, 990].map(Statistic::Quantile);
    wait::<IsolationForest>("forest", feature_rows::columns(&statistics).len(), request)?;
    wait::<HourNetwork>("network", hour_windows::STEPS * statistics.len(), request)
}

/// Trains on as many rows as are kept, anew and from the one before.
fn wait<M: Model>(name: &str, columns: usize, request: &Request) -> Result<()> {
    let (mut first, mut next) = (Vec::new(), Vec::new());
    for turn in 0..request.turns {
        let mut dice = Dice::of(&[request.seed, turn]);
        // What goes together and goes on, so that there is something to learn.
        let mut shared = 0.0;
        let mut value = || {
            shared = 0.8 * shared + 0.6 * dice.normal();
            (shared + 0.4 * dice.normal()) as f32
        };
        let rows: Vec<f32> = (0..M::ROWS_KEPT * columns).map(|_| value()).collect();
        let trained = |times: &mut Vec<f64>, older: Option<&M>| {
            let started = stopwatch();
            let model = M::train(&rows, columns, request.seed + turn, older);
            times.push(started.elapsed().as_secs_f64());
            model.context("too few rows to train on")
        };
        let model = trained(&mut first, None)?;
        trained(&mut next, Some(&model))?;
    }
    println!(
        "  {name}, {} rows of {columns}: the first {} ms, the next {} ms",
        M::ROWS_KEPT,
        spread(&first, 1e3),
        spread(&next, 1e3)
    );
    Ok(())
}

/// In turns, so that what else the machine does is shared.
fn score(network: &Autoencoder, windows: &Windows, library: Option<&Library>, turns: u64) -> Result<()> {
    let bytes = onnx::write(network)?;
    let mut engines = vec![Served::new(&bytes, None)?];
    if let Some(library) = library {
        engines.push(Served::new(&bytes, Some(library))?);
    }
    let mut times = vec![Vec::new(); engines.len() + 1];
    let expected = network.score(windows)?;
    for _ in 0..turns {
        let started = stopwatch();
        network.score(windows)?;
        times[0].push(started.elapsed().as_secs_f64());
        for (engine, times) in engines.iter_mut().zip(&mut times[1..]) {
            let started = stopwatch();
            let found = engine.score(windows)?;
            times.push(started.elapsed().as_secs_f64());
            ensure!(off(&expected, &found) <= OFF_MAX, "{} gives other answers than candle", engine.engine());
        }
    }
    let names = std::iter::once("candle").chain(engines.iter().map(Served::engine));
    for (name, times) in names.zip(&times) {
        println!("  {} windows by {name}: {} ms", windows.count(), spread(times, 1e3));
    }
    engines.iter_mut().try_for_each(|engine| why(engine, windows))
}

/// Shapley values from some mixtures beside those from all.
fn why(engine: &mut Served, windows: &Windows) -> Result<()> {
    let players: Vec<Vec<usize>> = (0..METRICS * THIRDS)
        .map(|player| {
            let (metric, third) = (player % METRICS, player / METRICS);
            (third * TIME / THIRDS..(third + 1) * TIME / THIRDS).map(|at| at * METRICS + metric).collect()
        })
        .collect();
    let wide = |at: usize| windows.window(at).iter().map(|value| f64::from(*value)).collect::<Vec<f64>>();
    let background: Vec<f64> = (0..OTHERS).flat_map(|at| wide(at * windows.count() / OTHERS)).collect();
    let mut model = |rows: &[f64]| -> Vec<f64> {
        let values = rows.iter().map(|value| *value as f32).collect();
        let scores = Windows::new(TIME, METRICS, values).and_then(|windows| engine.score(&windows));
        scores.map_or_else(|_| Vec::new(), |scores| scores.scores.into_iter().map(f64::from).collect())
    };
    let (mut times, mut off, mut within) = (Vec::new(), Vec::new(), 0);
    for seed in 0..EXPLAINED {
        let mut row = wide(100 + 7 * seed);
        players[seed % players.len()].iter().for_each(|at| row[*at] *= 1.0 + 0.02 * (1 + seed) as f64);
        let question = Question::of_players(&row, &background, players.clone())?;
        let truth = exact(&question, &mut model)?;
        let started = stopwatch();
        let drawn = permutations(&question, pairs_within(SETS, players.len()), seed as u64, &mut model)?;
        times.push(started.elapsed().as_secs_f64());
        let each: Vec<f64> = drawn.contributions.iter().zip(&truth.contributions).map(|(a, b)| (a - b).abs()).collect();
        within += each.iter().zip(&drawn.standard_errors).filter(|(off, error)| **off <= 1.96 * **error).count();
        off.push(each.into_iter().fold(0.0, f64::max) / truth.value);
    }
    let largest = off.iter().copied().reduce(f64::max).context("nothing was explained")?;
    println!(
        "  why a window scores so by {}: {} players, {OTHERS} other windows, {SETS} mixtures: {} ms (asked: 50); largest error {} % of the score, at most {:.2} (asked: 5); {:.1} % within 1.96 stated errors",
        engine.engine(),
        players.len(),
        spread(&times, 1e3),
        spread(&off, 1e2),
        100.0 * largest,
        100.0 * within as f64 / (EXPLAINED * players.len()) as f64
    );
    Ok(())
}

fn off(expected: &Scores, found: &Scores) -> f32 {
    let pairs = expected.scores.iter().zip(&found.scores);
    pairs.map(|(a, b)| (a - b).abs() / a.abs().max(1.0)).fold(0.0, f32::max)
}

/// Days of metrics of different sizes that go together, with noise.
fn seasonal(windows: usize, seed: u64) -> Result<Windows> {
    let sizes = [(800.0, 60.0), (0.02, 0.004), (12_000.0, 3_000.0), (1_500.0, 150.0)];
    let mut dice = Dice::of(&[seed]);
    let mut rows = Vec::with_capacity((windows + TIME) * METRICS);
    for at in 0..windows + TIME - 1 {
        let phase = at as f64 / 24.0 * std::f64::consts::TAU;
        for (column, (level, size)) in sizes.into_iter().enumerate() {
            rows.push((level + size * ((phase + column as f64).sin() + 0.3 * dice.normal())) as f32);
        }
    }
    Ok(Windows::sliding(&rows, METRICS, TIME)?)
}

fn spread(values: &[f64], unit: f64) -> String {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |place: usize| sorted.get(place).map_or(f64::NAN, |value| value * unit);
    format!("{:.1} ({:.1} .. {:.1})", at(sorted.len() / 2), at(0), at(sorted.len().saturating_sub(1)))
}
