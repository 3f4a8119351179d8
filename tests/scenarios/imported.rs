//! Models that were made elsewhere through the real program: kept under a name, version by version, and used by it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use hark_networks::{Shape, Training, Windows, onnx, train};
use serde_json::Value;

use crate::support::{Server, failure, hark};

const TIME: usize = 12;

/// A season of a dozen rows with some noise, and a hole in one of them.
fn value(at: usize) -> f32 {
    let noise = ((at * 7_919) % 101) as f32 / 101.0 - 0.5;
    let season = (at as f32 * std::f32::consts::TAU / TIME as f32).sin();
    if (500..503).contains(&at) { 0.0 } else { 10.0 + 3.0 * season + 0.3 * noise }
}

fn write_model(path: &Path, seed: u64) {
    let rows: Vec<f32> = (0..400).map(value).collect();
    let windows = Windows::sliding(&rows, 1, TIME).unwrap();
    let training = Training { steps_max: 100, seed, ..Training::default() };
    let (network, _) = train(Shape::dense(TIME, 1), &windows, training).unwrap();
    fs::write(path, onnx::write(&network).unwrap()).unwrap();
}

fn text(args: &[&str]) -> String {
    let output = hark(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn an_imported_model_is_kept_listed_and_found_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (first, second, series, data) = (path("wake.onnx"), path("other.onnx"), path("series.csv"), path("data"));
    write_model(Path::new(&first), 1);
    write_model(Path::new(&second), 2);
    let mut rows = "timestamp,value\n".to_owned();
    (0..520).for_each(|at| writeln!(rows, "{},{}", 1_777_593_600 + 60 * at, value(at)).unwrap());
    fs::write(&series, rows).unwrap();

    // A look alone keeps nothing, nor does what is refused.
    let looked = text(&["models", "import", &first, "--dry-run", "--data", &data]);
    assert!(looked.contains("of windows of 12 x 1 it gives a reconstruction") && !looked.contains("kept"), "{looked}");
    fs::write(path("broken.onnx"), "no model").unwrap();
    let (status, problem) = failure(&["models", "import", &path("broken.onnx"), "--data", &data]);
    assert!(status == Some(1) && problem.contains("broken.onnx is not imported: "), "{problem}");
    assert!(!Path::new(&data).exists());
    let (_, problem) = failure(&["detect", &series, "--model", "wake", "--data", &data]);
    assert!(problem.contains("there is no model `wake` in") && problem.contains("and no such file"), "{problem}");

    // Beside a hark that runs.
    let server = Server::start(Path::new(&data));
    let import =
        |file: &str| text(&["models", "import", file, "--name", "wake", "--by", "ada", "--data", &data, "--json"]);
    let imported: Value =
        serde_json::from_str(&text(&["models", "import", &first, "--by", "ada", "--data", &data, "--json"])).unwrap();
    assert_eq!(imported["kept"], serde_json::json!({ "name": "wake", "version": 1 }));
    let of = |json: &str| serde_json::from_str::<Value>(json).unwrap()["kept"]["version"].as_u64().unwrap();
    // The same once more is the same version; another one under the name in use is the next.
    assert_eq!([of(&import(&first)), of(&import(&second)), of(&import(&second))], [1, 2, 2]);
    let audit = server.get("/api/v1/audit?subject=wake").to_string();
    assert_eq!(audit.matches("import model").count(), 2, "{audit}");
    assert_eq!(server.stop(), Some(0));

    let listed: Value = serde_json::from_str(&text(&["models", "list", "--data", &data, "--json"])).unwrap();
    let own: Vec<&Value> = listed.as_array().unwrap().iter().filter(|one| one["name"] == "wake").collect();
    assert!(own.len() == 1 && own[0]["looks_for"].as_str().unwrap().contains("version 2"), "{own:?}");
    let versions: Value = serde_json::from_str(&text(&["models", "versions", "--data", &data, "--json"])).unwrap();
    assert_eq!(versions["imported"][1]["checksum"], imported["checksum"]);
    assert_eq!(versions["imported"].as_array().unwrap().len(), 2);
    let lines = text(&["models", "versions", "--data", &data, "--metric", "wake"]);
    assert!(lines.lines().count() == 2 && lines.contains("of windows of 12 x 1 a reconstruction"), "{lines}");

    // By its name it says what its file says, and finds the hole.
    let detect = |model: &str| text(&["detect", &series, "--model", model, "--data", &data]);
    let by_file = detect(&second);
    assert_eq!(detect("wake"), by_file);
    assert_eq!(detect("wake@1"), detect(&first));
    assert_ne!(detect("wake@1"), by_file);
    let told: Vec<usize> =
        by_file.lines().skip(1).enumerate().filter(|(_, line)| line.ends_with(",1")).map(|(at, _)| at).collect();
    assert!(told.first().is_some_and(|at| (500..500 + TIME).contains(at)), "{told:?}");
    let explained = text(&["explain", "model", "wake", &series, "--at", "1777623600", "--data", &data]);
    assert!(explained.starts_with("wake@2 scores 1777623600"), "{explained}");

    // What is wrong is one sentence each.
    let problem = |args: &[&str]| {
        let (status, problem) = failure(&[args, &["--data", &data]].concat());
        assert!(status == Some(1) && problem.trim_end().lines().count() == 1, "{args:?}: {problem}");
        problem
    };
    assert!(problem(&["detect", &series, "--model", "wakes"]).contains("did you mean `wake`?"));
    assert!(problem(&["detect", &series, "--model", "wake@3"]).contains("no version 3 of the model `wake`"));
    assert!(problem(&["models", "import", &first, "--name", "a b"]).contains("`a b` is no name for a model"));
    assert!(problem(&["models", "import", &first, "--name", "arima"]).contains("is the name of a detector"));
    let checksum = versions["imported"][0]["checksum"].as_str().unwrap();
    let file = Path::new(&data).join("models").join(checksum);
    fs::write(&file, "damaged").unwrap();
    for args in [&["detect", &series, "--model", "wake"][..], &["models", "versions"]] {
        assert!(problem(args).contains("is damaged: version 2 of the model wake"), "{}", problem(args));
    }
    fs::remove_file(&file).unwrap();
    assert!(problem(&["detect", &series, "--model", "wake"]).contains("is missing: it held version 2"));
    assert_eq!(of(&import(&second)), 2);
    assert_eq!(detect("wake"), by_file);

    // What is removed goes with its file, unless another one holds the same.
    assert!(problem(&["models", "remove", "wake@two", "--by", "ada"]).contains("`wake@two` is no model"));
    assert!(problem(&["models", "remove", "wakes", "--by", "ada"]).contains("did you mean `wake`?"));
    text(&["models", "import", &second, "--name", "same", "--by", "ada", "--data", &data]);
    assert_eq!(text(&["models", "remove", "wake@2", "--by", "ada", "--data", &data]), "wake@2 is removed\n");
    assert!(file.exists() && detect("same") == by_file);
    assert_eq!(detect("wake"), detect("wake@1"));
    assert!(problem(&["models", "remove", "wake@2", "--by", "ada"]).contains("no version 2 of the model `wake`"));
    assert_eq!(text(&["models", "remove", "same", "--by", "ada", "--data", &data]), "same@1 is removed\n");
    assert!(!file.exists());
    assert_eq!(of(&import(&second)), 3, "a number that went is not given again");
}
