//! How long each stage takes: log-normal around a median that depends on the request, with a heavy tail.

use rand::RngExt;
use rand_distr::StandardNormal;

use crate::population::{CLUSTERS, FEATURES, LOCALES, NETWORKS, devices, home_cluster};
use crate::random::{Choice, Random};
use crate::request::{Dimension, Dims, STAGES};

/// Medians that are the same for all: recognition and synthesis of a plain sentence.
const ASR_MS: f64 = 180.0;
const TTS_MS: f64 = 100.0;
/// What it costs to be served far from home.
const SPILL_OVER_MS: f64 = 75.0;
/// Standard deviation of the logarithm, by stage.
const SPREAD: [f64; STAGES] = [0.45, 0.26, 0.22, 0.42, 0.24];
/// This share of requests has one stage that takes several times as long: lost packets, cold caches, collections.
const SLOW_SHARE: f64 = 0.015;
const SLOW_STAGES: [f64; STAGES] = [0.34, 0.20, 0.05, 0.35, 0.06];
/// Logarithm of the slow stage's factor: median 4.5.
const SLOW_FACTOR_LN: f64 = 1.5;
const SLOW_FACTOR_SPREAD: f64 = 0.4;
/// How much of a cluster's excess load turns into latency: double the load, 5 % slower.
const LOAD_COST: f64 = 0.05;

#[derive(Debug)]
pub(crate) struct Latency {
    /// Slowness by device, in the order of `devices`.
    device_slowness: Vec<f64>,
    home: [usize; LOCALES.len()],
    slow_stage: Choice,
}

impl Latency {
    pub(crate) fn new() -> Self {
        Self {
            device_slowness: devices().map(|device| device.slowness).collect(),
            home: std::array::from_fn(home_cluster),
            slow_stage: Choice::new(SLOW_STAGES),
        }
    }

    pub(crate) fn draw(&self, dims: &Dims, factor: f64, random: &mut Random) -> [f64; STAGES] {
        let mut stages_ms = self.medians(dims);
        for (stage_ms, spread) in stages_ms.iter_mut().zip(SPREAD) {
            let normal: f64 = random.sample(StandardNormal);
            *stage_ms *= factor * (spread * normal).exp();
        }
        let tail: f64 = random.random();
        if tail < SLOW_SHARE {
            let normal: f64 = random.sample(StandardNormal);
            // Given that it is below SLOW_SHARE, the number is uniform up to there.
            let stage = self.slow_stage.pick(tail / SLOW_SHARE);
            stages_ms[usize::from(stage)] *= (SLOW_FACTOR_LN + SLOW_FACTOR_SPREAD * normal).exp();
        }
        stages_ms
    }

    fn medians(&self, dims: &Dims) -> [f64; STAGES] {
        let locale_index = dims.index(Dimension::Locale);
        let cluster_index = dims.index(Dimension::Cluster);
        let locale = &LOCALES[locale_index];
        let feature = &FEATURES[dims.index(Dimension::Feature)];
        let cluster = CLUSTERS[cluster_index].slowness;
        let device = self.device_slowness[dims.index(Dimension::Device)];
        let distance_ms = if cluster_index == self.home[locale_index] { 0.0 } else { SPILL_OVER_MS };
        let round_trip_ms = NETWORKS[dims.index(Dimension::Network)].round_trip_ms;
        [
            round_trip_ms * locale.network + distance_ms,
            ASR_MS * feature.audio * locale.speech * device * cluster,
            feature.nlu_ms * cluster,
            feature.fulfil_ms * cluster,
            TTS_MS * feature.answer * locale.speech * device,
        ]
    }
}

/// The factor of a cluster's load, where one is its mean.
pub(crate) fn load_factor(load: f64) -> f64 {
    1.0 + LOAD_COST * (load - 1.0)
}
