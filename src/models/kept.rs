//! What is known of a version, and what its file holds.

use hark_detectors::forest::IsolationForest;
use hark_detectors::life::{HourNetwork, Model, Moved};
use hark_model::ModelVersion;
use hark_networks::onnx;

use super::{FOREST, NETWORK};
use crate::model_files;

#[derive(Debug, Clone, PartialEq)]
pub struct KeptModel {
    pub version: ModelVersion,
    pub content: Vec<u8>,
}

impl KeptModel {
    /// The file holds the trees, and what rows are ranked among.
    pub(super) fn of_forest(metric: &str, moved: Moved<IsolationForest>) -> Self {
        // Numbers and lists of them can always be written.
        let content = postcard::to_stdvec(&(moved.version.model(), moved.version.usual())).unwrap_or_default();
        Self::new(metric, FOREST, moved, content)
    }

    /// The file is ONNX, for whoever wants to look at the network or have it served elsewhere.
    pub(super) fn of_network(metric: &str, moved: Moved<HourNetwork>) -> Self {
        let network = moved.version.model().plain().network();
        // What came from a network can be made one again.
        let content = network.and_then(|network| onnx::write(&network)).unwrap_or_default();
        Self::new(metric, NETWORK, moved, content)
    }

    fn new<M: Model>(metric: &str, detector: &str, moved: Moved<M>, content: Vec<u8>) -> Self {
        let Moved { at, version, standing, reason, measured, beside } = moved;
        let version = ModelVersion {
            metric: metric.to_owned(),
            detector: detector.to_owned(),
            number: version.number,
            standing,
            since: at.end(),
            reason,
            trained_at: version.trained_at.end(),
            data: [version.data[0].start(), version.data[1].end()],
            rows: version.rows,
            parameters: version.parameters(),
            measured,
            beside,
            checksum: model_files::checksum(&content),
            bytes: content.len() as u64,
        };
        Self { version, content }
    }
}
