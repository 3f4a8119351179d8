//! TreeSHAP on the very same forest as shap's, turn by turn.

use anyhow::{Result, ensure};
use hark_detectors::forest::{IsolationForest, IsolationForestParams};
use hark_explain::tree_shap::TreeExplainer;
use hark_model::Tree;
use serde_json::{Value, json};

use super::Spread;
use super::peer::Peer;
use crate::bench::dice::Dice;
use crate::bench::stopwatch;

/// Trees, rows a tree is grown on, columns.
const SHAPES: [(usize, usize, usize); 3] = [(200, 256, 24), (100, 256, 8), (200, 1024, 24)];
const ROWS: usize = 1000;
const BACKGROUND: usize = 64;

pub(super) fn compare(peer: &mut Peer, turns: u64) -> Result<()> {
    println!("TreeSHAP of {ROWS} rows on one thread, the same forest on both sides");
    println!(
        "trees x rows, columns | leaves | against | hark ms a row | shap ms a row | times faster | largest difference | largest |score - base - sum|"
    );
    for (trees, sample_rows, columns) in SHAPES {
        let rows = rows(4 * ROWS, columns);
        let forest = IsolationForestParams::default().trees(trees).sample_rows(sample_rows).seed(11);
        let forest = forest.fit_rows(&rows, columns)?;
        let rows: Vec<f32> = rows.iter().map(|value| *value as f32).collect();
        let background = rows[ROWS * columns..][..BACKGROUND * columns].to_vec();
        let rows = &rows[..ROWS * columns];
        let bases = peer.explainer(&exported(forest.trees()), &background, columns)?;
        for (against, base) in ["paths", "rows"].into_iter().zip(bases) {
            let explainer = || match against {
                "paths" => TreeExplainer::path_dependent(forest.trees(), columns),
                _ => TreeExplainer::against(forest.trees(), columns, &background),
            };
            let (mut ours, mut theirs, mut faster) = (Vec::new(), Vec::new(), Vec::new());
            let (mut difference, mut off) = (0.0_f64, 0.0_f64);
            for _ in 0..turns {
                // Building it counts as ours.
                let started = stopwatch();
                let found = explainer()?.explain(rows)?;
                let mine = started.elapsed().as_secs_f64();
                let (seconds, peers) = peer.explain(rows, columns, against)?;
                ensure!(peers.len() == found.contributions.len(), "shap gave another number of contributions");
                difference = difference.max((found.base - base).abs());
                let apart = found.contributions.iter().zip(&peers).map(|(a, b)| (a - b).abs());
                difference = apart.fold(difference, f64::max);
                off = off.max(largest_rest(&forest, rows, found.base, found.rows()));
                ours.push(1e3 * mine / ROWS as f64);
                theirs.push(1e3 * seconds / ROWS as f64);
                faster.push(seconds / mine);
            }
            let leaves = forest.trees().iter().flat_map(|tree| &tree.nodes).filter(|node| node.is_leaf()).count();
            let (ours, theirs, faster) = (Spread::of(&ours), Spread::of(&theirs), Spread::of(&faster));
            println!(
                "{trees} x {sample_rows}, {columns} | {leaves} | {against} | {:.4} ({:.4} .. {:.4}) | {:.3} ({:.3} .. {:.3}) | {faster} | {difference:.1e} | {off:.1e}",
                ours.median, ours.least, ours.most, theirs.median, theirs.least, theirs.most
            );
        }
    }
    println!("asked: 3.5 times faster against paths, equal to 1e-12, sums to 1e-9\n");
    Ok(())
}

fn largest_rest<'a>(forest: &IsolationForest, rows: &[f32], base: f64, found: impl Iterator<Item = &'a [f64]>) -> f64 {
    let rows = rows.chunks_exact(forest.columns());
    let rest =
        |(row, shares): (&[f32], &[f64])| (forest.mean_path_length(row) - base - shares.iter().sum::<f64>()).abs();
    rows.zip(found).map(rest).fold(0.0, f64::max)
}

/// Columns of several widths that hang together, with some rows far off.
fn rows(count: usize, columns: usize) -> Vec<f64> {
    let mut dice = Dice::of(&[columns as u64]);
    let mut rows = Vec::with_capacity(count * columns);
    for row in 0..count {
        let (shared, far) = (dice.normal(), if row % 50 == 0 { 5.0 } else { 1.0 });
        rows.extend((0..columns).map(|column| (shared + far * dice.normal()) * (1.0 + column as f64)));
    }
    rows
}

/// In the shape of shap's dictionary of trees.
fn exported(trees: &[Tree]) -> Value {
    let one = |tree: &Tree| {
        let of = |inner: fn(&hark_model::TreeNode) -> f64| -> Vec<f64> { tree.nodes.iter().map(inner).collect() };
        let child = |right: u32| -> Vec<i64> {
            let of = |node: &hark_model::TreeNode| if node.is_leaf() { -1 } else { i64::from(node.left + right) };
            tree.nodes.iter().map(of).collect()
        };
        let columns: Vec<i64> =
            tree.nodes.iter().map(|node| if node.is_leaf() { -2 } else { i64::from(node.feature) }).collect();
        json!({
            "children_left": child(0),
            "children_right": child(1),
            "children_default": child(1),
            "features": columns,
            "thresholds": of(|node| f64::from(node.threshold)),
            "values": of(|node| node.value),
            "node_sample_weight": of(|node| f64::from(node.rows)),
        })
    };
    trees.iter().map(one).collect()
}
