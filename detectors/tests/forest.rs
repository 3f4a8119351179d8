//! Isolation forests as a linfa user meets them: parameters, fit, predict, renewal.

use hark_detectors::forest::{ExtendedForestParams, ForestError, IsolationForestParams, average_path_length};
use linfa::traits::{Fit, Predict};
use linfa::{DatasetBase, ParamGuard};
use ndarray::{Array1, Array2, Axis, Slice};

/// Numbers without pattern, near standard normal.
fn noise(at: usize) -> f64 {
    let uniform = |at: usize| {
        let mut z = (at as u64).wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..12).map(|part| uniform(at * 12 + part)).sum::<f64>() - 6.0
}

fn table(rows: usize, columns: usize) -> Array2<f64> {
    Array2::from_shape_fn((rows, columns), |(row, column)| noise(row * columns + column))
}

#[test]
fn parameters_are_checked_before_anything_is_grown() {
    let error = |params: IsolationForestParams| params.check().unwrap_err();
    assert!(matches!(error(IsolationForestParams::default().trees(0)), ForestError::Trees(0)));
    assert!(matches!(error(IsolationForestParams::default().sample_rows(1)), ForestError::SampleRows(1)));
    assert!(matches!(error(IsolationForestParams::default().threads(0)), ForestError::Threads(0)));
    let dataset = DatasetBase::from(table(20, 3));
    let fit = IsolationForestParams::default().trees(0).fit(&dataset);
    assert_eq!(fit.unwrap_err().to_string(), "a forest of 0 trees cannot be grown; ask for 1 to 10000");
    let fit = ExtendedForestParams::default().extension(3).fit(&dataset);
    assert!(matches!(fit.unwrap_err(), ForestError::Extension { extension: 3, columns: 3 }));
}

#[test]
fn rows_apart_from_the_rest_get_the_highest_scores() {
    let mut rows = table(1_000, 5);
    rows.row_mut(17).fill(6.0);
    let dataset = DatasetBase::from(rows);
    let plain: Array1<f64> = IsolationForestParams::default().fit(&dataset).unwrap().predict(dataset.records());
    let extended: Array1<f64> = ExtendedForestParams::default().fit(&dataset).unwrap().predict(dataset.records());
    for scores in [plain, extended] {
        let mut order: Vec<usize> = (0..1_000).collect();
        order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
        assert!(order[..3].contains(&17), "{:?}", &order[..10]);
        assert!(scores.iter().all(|score| (0.0..=1.0).contains(score)));
        // Ordinary rows are near a half.
        let median = scores[order[500]];
        assert!((0.38..0.5).contains(&median), "{median}");
    }
}

#[test]
fn neither_threads_nor_the_number_of_rows_change_a_bit() {
    let dataset = DatasetBase::from(table(2_000, 4));
    let fit = |threads| IsolationForestParams::default().seed(7).threads(threads).fit(&dataset).unwrap();
    let (one, two, three) = (fit(1), fit(2), fit(3));
    assert_eq!(one.trees(), two.trees());
    assert_eq!(one.trees(), three.trees());
    let all: Array1<f64> = one.predict(dataset.records());
    let on_two: Array1<f64> = two.predict(dataset.records());
    assert_eq!(all, on_two);
    // Few rows go another way than many.
    for range in [0..1, 100..117, 250..263] {
        let some = dataset.records().slice_axis(Axis(0), Slice::from(range.clone())).to_owned();
        let scores: Array1<f64> = three.predict(&some);
        assert_eq!(scores, all.slice_axis(Axis(0), Slice::from(range)));
    }
    let row: Vec<f32> = dataset.records().row(5).iter().map(|value| *value as f32).collect();
    assert_eq!(one.score_of_length(one.mean_path_length(&row)), all[5]);
    assert_ne!(IsolationForestParams::default().seed(8).fit(&dataset).unwrap().trees(), one.trees());
}

#[test]
fn deep_trees_are_scored_as_shallow_ones() {
    let dataset = DatasetBase::from(table(9_000, 2));
    let forest = IsolationForestParams::default().trees(3).sample_rows(8_192).fit(&dataset).unwrap();
    assert!(forest.trees().iter().any(|tree| tree.depth() > 11));
    let scores: Array1<f64> = forest.predict(dataset.records());
    let row: Vec<f32> = dataset.records().row(8_000).iter().map(|value| *value as f32).collect();
    assert_eq!(scores[8_000], forest.score_of_length(forest.mean_path_length(&row)));
}

#[test]
fn scores_follow_the_definition() {
    // Two rows that differ: every tree sets them apart at the first split.
    let rows = Array2::from_shape_vec((2, 1), vec![0.0, 1.0]).unwrap();
    let dataset = DatasetBase::from(rows);
    let forest = IsolationForestParams::default().fit(&dataset).unwrap();
    let scores: Array1<f64> = forest.predict(dataset.records());
    assert_eq!(scores.to_vec(), [0.5, 0.5]);
    // Rows that are all the same come to one leaf: the path is as long as is usual.
    let dataset = DatasetBase::from(Array2::<f64>::ones((300, 2)));
    let forest = IsolationForestParams::default().fit(&dataset).unwrap();
    // A mean of a hundred equal numbers, which rounds.
    assert!((forest.mean_path_length(&[1.0, 1.0]) - average_path_length(256)).abs() < 1e-12);
    assert_eq!(forest.score_of_length(forest.usual_path_length()), 0.5);
}

#[test]
fn a_renewed_forest_follows_its_stream() {
    let before = table(1_000, 3);
    let after = table(1_000, 3) + 8.0;
    let dataset = DatasetBase::from(before.clone());
    let mut forest = IsolationForestParams::default().fit(&dataset).unwrap();
    let mean = |forest: &hark_detectors::forest::IsolationForest, rows: &Array2<f64>| {
        let scores: Array1<f64> = forest.predict(rows);
        scores.mean().unwrap()
    };
    assert!(mean(&forest, &after) > mean(&forest, &before) + 0.15);
    let kept = forest.trees()[25..].to_vec();
    forest.renew(after.view(), 25).unwrap();
    assert_eq!(forest.trees()[..75], kept);
    for _ in 0..3 {
        forest.renew(after.view(), 25).unwrap();
    }
    assert!(mean(&forest, &after) < mean(&forest, &before) - 0.15);
    let few = forest.renew(after.slice_axis(Axis(0), Slice::from(..100)), 25).unwrap_err();
    assert!(matches!(few, ForestError::TooFewRows { rows: 100, asked: 256 }));
}

#[test]
fn an_extended_forest_knows_no_ghosts() {
    // Two clouds on the axes. Where both columns are usual, each for another cloud, nothing ever was; splits along the
    // axes set such a place apart late, planes in any direction early (Hariri et al., figure 2).
    let rows = Array2::from_shape_fn((2_000, 2), |(row, column)| {
        noise(2 * row + column) + if row % 2 == column { 10.0 } else { 0.0 }
    });
    let dataset = DatasetBase::from(rows);
    let ghost_and_middle = Array2::from_shape_vec((2, 2), vec![0.0, 0.0, 10.0, 0.0]).unwrap();
    let plain: Array1<f64> =
        IsolationForestParams::default().trees(300).fit(&dataset).unwrap().predict(&ghost_and_middle);
    let extended: Array1<f64> =
        ExtendedForestParams::default().trees(300).fit(&dataset).unwrap().predict(&ghost_and_middle);
    assert!(extended[0] - extended[1] > plain[0] - plain[1], "{extended} {plain}");
}
