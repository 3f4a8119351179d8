//! The same exported model by candle, by plain loops, by tract and by ONNX Runtime: one answer to 1e-4.
//!
//! ONNX Runtime is asked where `HARK_ONNXRUNTIME` is the path of its library; without, the test says so, and fails under
//! `HARK_REQUIRE_CLIENTS=1`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

use std::path::PathBuf;

use hark_networks::{Autoencoder, Library, Plain, Scores, Served, Shape, Training, Windows, onnx, train};

/// In standard deviations of a metric, and as a share of what is larger than one of them.
const OFF_MAX: f32 = 1e-4;

fn library() -> Option<Library> {
    let path = std::env::var_os("HARK_ONNXRUNTIME").map(PathBuf::from);
    let Some(path) = path else {
        let what = "ONNX Runtime is left out: HARK_ONNXRUNTIME is not the path of its library";
        eprintln!("{what}");
        assert!(std::env::var_os("HARK_REQUIRE_CLIENTS").is_none_or(|value| value != "1"), "{what}");
        return None;
    };
    Some(Library::load(&path).unwrap())
}

/// Fixed pseudo-random numbers in [-1, 1) (splitmix64), so that a failure repeats.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1_u32 << 23) as f32 - 1.0
    }
}

/// Metrics of different sizes: a latency in milliseconds, a failure rate, requests.
fn rows(count: usize, columns: usize) -> Vec<f32> {
    let mut numbers = Numbers(4);
    let sizes = [(800.0, 60.0), (0.02, 0.004), (12_000.0, 3_000.0), (3.0, 0.5)];
    let season = |at: usize, column: usize| (at as f32 / 24.0 * std::f32::consts::TAU + column as f32).sin();
    let value = |at: usize, column: usize, noise: f32| {
        let (level, size) = sizes[column % sizes.len()];
        level + size * (season(at, column) + 0.3 * noise)
    };
    let all = (0..count).flat_map(|at| (0..columns).map(move |column| (at, column)));
    all.map(|(at, column)| value(at, column, numbers.next())).collect()
}

/// Some training, so that weights are no longer as they were drawn.
fn networks() -> Vec<(Autoencoder, Windows)> {
    let shapes = [
        Shape::dense(24, 4),
        Shape::temporal(24, 4),
        Shape::dense(1, 7),
        // Of odd length: halving it rounds up.
        Shape::temporal(13, 2),
    ];
    let trained = |shape: Shape| {
        let windows = Windows::sliding(&rows(300, shape.columns()), shape.columns(), shape.time()).unwrap();
        let training = Training { steps_max: 60, ask_every: 20, ..Training::default() };
        let (network, _) = train(shape, &windows, training).unwrap();
        // What it was trained on, and what it never saw: three times as far from the mean.
        let mut values = windows.values().to_vec();
        let mut numbers = Numbers(8);
        values.iter_mut().for_each(|value| *value *= 1.0 + 0.5 * numbers.next());
        let random = Windows::new(shape.time(), shape.columns(), values).unwrap();
        (network, random)
    };
    shapes.into_iter().map(trained).collect()
}

fn assert_alike(what: &str, windows: &Windows, expected: &Scores, found: &Scores) {
    let check = |part: &str, expected: &[f32], found: &[f32], unit: &dyn Fn(usize) -> f32| {
        assert_eq!(expected.len(), found.len(), "{what}: {part}");
        for (at, (expected, found)) in expected.iter().zip(found).enumerate() {
            let off = (expected - found).abs() / unit(at);
            assert!(off <= OFF_MAX * (expected.abs() / unit(at)).max(1.0), "{what}: {part} {at}: {expected} {found}");
        }
    };
    check("score", &expected.scores, &found.scores, &|_| 1.0);
    check("error", &expected.errors, &found.errors, &|_| 1.0);
    // A reconstruction is in the metric's units: of those, in standard deviations.
    let deviations: Vec<f32> = (0..windows.columns()).map(|column| deviation(windows, column)).collect();
    let unit = |at: usize| deviations[at % deviations.len()];
    check("reconstruction", &expected.reconstruction, &found.reconstruction, &unit);
}

fn deviation(windows: &Windows, column: usize) -> f32 {
    let values: Vec<f64> =
        windows.values().iter().skip(column).step_by(windows.columns()).map(|value| f64::from(*value)).collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt() as f32
}

#[test]
fn candle_loops_tract_and_onnx_runtime_give_one_answer() {
    let library = library();
    for (network, windows) in networks() {
        let what = format!("{:?}", network.shape());
        let expected = network.score(&windows).unwrap();
        let bytes = onnx::write(&network).unwrap();
        let plain = Plain::new(&network).unwrap();
        let scores: Vec<f32> = (0..windows.count()).map(|at| plain.score(windows.window(at)) as f32).collect();
        for (score, found) in expected.scores.iter().zip(scores) {
            assert!((score - found).abs() <= OFF_MAX * score.max(1.0), "{what}, loops: {score} {found}");
        }
        for engine in [None, library.as_ref()].into_iter().take(if library.is_some() { 2 } else { 1 }) {
            let mut served = Served::new(&bytes, engine).unwrap();
            let what = format!("{what}, {}", served.engine());
            assert!(served.gives_reconstruction(), "{what}");
            assert_alike(&what, &windows, &expected, &served.score(&windows).unwrap());
            // Any number of windows, one and none among them.
            for count in [0, 1, 7] {
                let few = &windows.values()[..count * windows.size()];
                let few = Windows::new(windows.time(), windows.columns(), few.to_vec()).unwrap();
                assert_alike(&what, &windows, &network.score(&few).unwrap(), &served.score(&few).unwrap());
            }
        }
    }
}

#[test]
fn the_same_network_is_the_same_file() {
    let (one, other) = (networks(), networks());
    for ((one, _), (other, _)) in one.iter().zip(&other) {
        assert_eq!(onnx::write(one).unwrap(), onnx::write(other).unwrap(), "{:?}", one.shape());
    }
}

#[test]
fn a_window_of_another_size_is_refused() {
    let (network, _) = &networks()[0];
    let mut served = Served::new(&onnx::write(network).unwrap(), None).unwrap();
    let other = Windows::new(12, 4, vec![0.0; 48]).unwrap();
    let sentence = "the model takes windows of 24 x 4, and was given 12 x 4; cut the windows as it was trained";
    assert_eq!(served.score(&other).unwrap_err().to_string(), sentence);
    assert_eq!(network.score(&other).unwrap_err().to_string(), sentence);
}

#[test]
fn what_is_no_library_is_named() {
    let refused = Library::load(std::path::Path::new("Cargo.toml")).unwrap_err().to_string();
    assert!(refused.starts_with("Cargo.toml is no library of ONNX Runtime"), "{refused}");
    let refused = Library::load(std::path::Path::new("nowhere.so")).unwrap_err().to_string();
    assert!(refused.ends_with("give the path of libonnxruntime.so, 1.17 or newer"), "{refused}");
}
