//! What a model says of an hour, in parts that add up.

use hark_detectors::forest::IsolationForest;
use hark_detectors::life::{HourNetwork, Life, feature_rows, hour_windows};
use hark_explain::tree_shap::{Converted, TreeExplainer};
use hark_model::{Attribution, DetectorEvidence};

use super::{FOREST, Hour, NETWORK};

/// Compared with normal rows that no tree has seen.
pub(super) fn of_forest(life: &Life<IsolationForest>, part: u64, hour: &Hour<'_>) -> Option<DetectorEvidence> {
    let version = life.version_for(part)?;
    let row = hour.row()?;
    let (forest, judged) = (version.model(), version.judge(&row));
    let explainer = TreeExplainer::against(forest.trees(), row.len(), &life.background()).ok()?;
    let shared = explainer.explain(&row).ok()?;
    // Trees share out the path length; people are told the score.
    let told = Converted::of(shared.base, &shared.contributions, |length| forest.score_of_length(length));
    let parts = row.into_iter().map(f64::from).zip(told.contributions);
    Some(DetectorEvidence {
        name: FOREST.to_owned(),
        score: told.score,
        p_value: judged.p_value,
        attributions: attributions(feature_rows::columns(hour.statistics), parts),
        base: told.base,
    })
}

/// The score is the mean squared error, and each value of the window has its part of that.
pub(super) fn of_network(life: &Life<HourNetwork>, part: u64, hour: &Hour<'_>) -> Option<DetectorEvidence> {
    let version = life.version_for(part)?;
    let window = hour.window()?;
    let judged = version.judge(&window);
    let parts = hour_windows::told(&window, &version.model().errors(&window)).into_iter();
    Some(DetectorEvidence {
        name: NETWORK.to_owned(),
        score: judged.strangeness,
        p_value: judged.p_value,
        attributions: attributions(hour_windows::features(hour.statistics), parts),
        base: 0.0,
    })
}

/// Each feature's value, and what it adds.
fn attributions(features: Vec<String>, parts: impl Iterator<Item = (f64, f64)>) -> Vec<Attribution> {
    let told = features.into_iter().zip(parts);
    told.map(|(feature, (value, contribution))| Attribution { feature, value, contribution }).collect()
}
