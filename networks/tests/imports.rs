//! Models made elsewhere (`models/make.py`): what can be served is, by tract and by ONNX Runtime alike, and what can't is
//! refused in a sentence that says what to do.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

use std::path::Path;

use hark_networks::{Checked, Error, Library, Windows, check};

fn model(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/models/{name}.onnx"))).unwrap()
}

fn library() -> Option<Library> {
    std::env::var_os("HARK_ONNXRUNTIME").map(|path| Library::load(Path::new(&path)).unwrap())
}

fn checked(name: &str, library: Option<&Library>) -> Result<Checked, Error> {
    check(&model(name), library)
}

#[test]
fn what_another_team_made_is_served_alike_by_both() {
    let library = library();
    let windows = |time: usize, columns: usize| {
        let values = (0..40 * time * columns).map(|at| (at as f32 * 0.7).sin()).collect();
        Windows::new(time, columns, values).unwrap()
    };
    for (name, (time, columns), reconstructs) in
        [("rows", (1, 6), true), ("lstm", (8, 2), true), ("score", (1, 6), false)]
    {
        let mut by_tract = checked(name, None).unwrap().served;
        assert_eq!(
            (by_tract.time(), by_tract.columns(), by_tract.gives_reconstruction()),
            (time, columns, reconstructs)
        );
        assert_eq!(by_tract.signature().producer, "python-onnx", "{name}");
        let windows = windows(time, columns);
        let expected = by_tract.score(&windows).unwrap();
        assert_eq!(expected.scores.len(), 40, "{name}");
        assert_eq!(expected.errors.len(), if reconstructs { 40 * columns } else { 0 }, "{name}");
        if let Some(library) = &library {
            let found = checked(name, Some(library)).unwrap().served.score(&windows).unwrap();
            let pairs = expected.scores.iter().zip(&found.scores).chain(expected.errors.iter().zip(&found.errors));
            for (expected, found) in pairs {
                assert!((expected - found).abs() <= 1e-4 * expected.abs().max(1.0), "{name}: {expected} {found}");
            }
        }
    }
}

/// The error of a reconstruction, worked out from what the model gives.
#[test]
fn a_reconstruction_is_scored_by_its_squared_error() {
    let mut served = checked("lstm", None).unwrap().served;
    let windows = Windows::new(8, 2, (0..16).map(|at| at as f32 / 16.0).collect()).unwrap();
    let found = served.score(&windows).unwrap();
    let off: Vec<f32> = windows.values().iter().zip(&found.reconstruction).map(|(a, b)| (a - b) * (a - b)).collect();
    assert!((found.scores[0] - off.iter().sum::<f32>() / 16.0).abs() < 1e-6);
    let first: f32 = off.iter().step_by(2).sum::<f32>() / 8.0;
    assert!((found.errors[0] - first).abs() < 1e-6, "{} {first}", found.errors[0]);
}

#[test]
fn what_cannot_be_served_is_refused_with_what_to_do() {
    let cases = [
        ("fixed_batch", "the input x takes exactly 1 windows at a time; export it with a free first dimension"),
        ("open_columns", "the input x leaves its size open; export it with fixed time and columns"),
        ("images", "the input x has 4 dimensions; hark gives [batch, columns] or [batch, time, columns]"),
        ("double", "the input x is of DOUBLE; export a model that takes 32-bit floats"),
        ("two_inputs", "the model takes 2 inputs (x, z); export one that takes windows alone"),
        (
            "classes",
            "of 3 windows the model gives y [3, 4]; export one that gives a reconstruction [3, 6] or scores [3]",
        ),
        ("not_finite", "the model answers numbers between 0.2 and 1 with ones that are not finite"),
        (
            "mixes_windows",
            "the model answers a window otherwise when others come with it; export it after model.eval()",
        ),
        ("identity", "the model gives all windows the same score; export the trained one"),
    ];
    let library = library();
    for engine in [None, library.as_ref()] {
        for (name, sentence) in cases {
            let refused = checked(name, engine).unwrap_err().to_string();
            assert!(refused.starts_with(sentence), "{name}: {refused}");
        }
    }
}

#[test]
fn what_is_no_model_is_refused() {
    for bytes in [&b""[..], b"not a model", &model("rows")[..200], &[0xff; 64]] {
        let refused = check(bytes, None).unwrap_err().to_string();
        assert!(refused.contains("export it"), "{refused}");
        assert_eq!(refused.lines().count(), 1, "{refused}");
    }
}

/// No damage of a file makes it panic.
#[test]
fn a_damaged_model_is_refused_or_served() {
    let whole = model("lstm");
    for at in (0..whole.len()).step_by(29) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x15;
        if let Err(refused) = check(&damaged, None) {
            assert_eq!(refused.to_string().lines().count(), 1, "byte {at}: {refused}");
        }
        let _ = check(&whole[..at], None);
    }
}
