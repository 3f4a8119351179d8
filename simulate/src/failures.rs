//! How requests fail: families of errors by stage, with messages that carry changing numbers.

use rand::RngExt;

use crate::population::{FEATURES, NETWORKS};
use crate::random::{Choice, Random, between};
use crate::request::{Dimension, ErrorText, Outcome, Request, Stage};

/// Share of requests that fail, for a feature and a network with factor one.
const FAILURE_SHARE: f64 = 0.013;
/// Share that people break off, and of those that take longer than PATIENCE_MS.
const CANCELLED_SHARE: f64 = 0.012;
const IMPATIENT_SHARE: f64 = 0.25;
const PATIENCE_MS: f64 = 5_000.0;
/// Over the air, connections fail this much more often than the rest.
const CELLULAR_FACTOR: f64 = 3.0;

/// A kind of error. Its text is the three pieces with a number between each two.
pub(crate) struct ErrorFamily {
    pub(crate) code: &'static str,
    pub(crate) stage: Stage,
    pub(crate) outcome: Outcome,
    /// How often it happens on an ordinary day. Zero: only in an incident.
    weight: f64,
    pub(crate) pieces: [&'static str; 3],
    /// Where the numbers lie; a second up to zero is left out. The first of a timeout is how long the stage took, in milliseconds.
    first: (u32, u32),
    second: (u32, u32),
}

const fn family(
    stage: Stage,
    weight: f64,
    code: &'static str,
    pieces: [&'static str; 3],
    numbers: [(u32, u32); 2],
) -> ErrorFamily {
    let [first, second] = numbers;
    ErrorFamily { code, stage, outcome: Outcome::Error, weight, pieces, first, second }
}

const fn timeout(
    stage: Stage,
    weight: f64,
    code: &'static str,
    pieces: [&'static str; 3],
    numbers: [(u32, u32); 2],
) -> ErrorFamily {
    let [first, second] = numbers;
    ErrorFamily { code, stage, outcome: Outcome::Timeout, weight, pieces, first, second }
}

#[rustfmt::skip]
pub(crate) const FAMILIES: [ErrorFamily; 18] = [
    family(Stage::Network, 1.2, "NET_RESET", [": connection reset after ", " bytes (errno ", ")"], [(120, 90_000), (50, 61)]),
    family(Stage::Network, 0.5, "TLS_HANDSHAKE", [": handshake failed after ", " ms (alert ", ")"], [(80, 1900), (20, 112)]),
    timeout(Stage::Network, 0.8, "NET_TIMEOUT", [": no answer from edge within ", " ms, attempt ", ""], [(2900, 3400), (1, 3)]),
    family(Stage::Asr, 1.4, "ASR_NO_SPEECH", [": no speech found in ", " ms of audio", ""], [(600, 5200), (0, 0)]),
    timeout(Stage::Asr, 1.3, "ASR_TIMEOUT", [": recognizer deadline exceeded after ", " ms", ""], [(1200, 1400), (0, 0)]),
    family(Stage::Asr, 0.3, "ASR_MODEL_LOAD", [": acoustic model shard ", " not resident, waited ", " ms"], [(1, 96), (40, 900)]),
    family(Stage::Nlu, 0.9, "NLU_LOW_CONFIDENCE", [": best of ", " intents scored 0.", ""], [(2, 24), (11, 44)]),
    family(Stage::Nlu, 0.3, "NLU_PARSE", [": parser gave up after ", " hypotheses in ", " ms"], [(1024, 8192), (60, 400)]),
    family(Stage::Fulfil, 1.5, "FULFIL_UPSTREAM", [": provider answered 503 to request ", " after ", " retries"], [(10_000, 999_999), (1, 4)]),
    timeout(Stage::Fulfil, 1.1, "FULFIL_TIMEOUT", [": domain service gave no answer within ", " ms, attempt ", ""], [(2500, 2800), (1, 3)]),
    family(Stage::Fulfil, 0.6, "FULFIL_AUTH", [": account token expired ", " s ago", ""], [(3, 7200), (0, 0)]),
    family(Stage::Tts, 0.4, "TTS_VOICE_MISSING", [": voice asset ", " not installed, ", " bytes free"], [(1, 64), (1000, 900_000)]),
    timeout(Stage::Tts, 0.3, "TTS_TIMEOUT", [": no first audio after ", " ms", ""], [(1500, 1900), (0, 0)]),
    family(Stage::Asr, 0.0, "ASR_GRAMMAR_MISMATCH", [": grammar ", " was compiled for another model, loaded ", ""], [(100, 999), (10, 99)]),
    family(Stage::Nlu, 0.0, "NLU_SCHEMA", [": intent payload has ", " unknown fields, first at byte ", ""], [(1, 9), (40, 2000)]),
    family(Stage::Fulfil, 0.0, "FULFIL_QUOTA", [": quota of tenant ", " exhausted, retry in ", " s"], [(100, 9999), (1, 60)]),
    timeout(Stage::Network, 0.0, "EDGE_DRAIN", [": edge node drained, stream lost after ", " ms, attempt ", ""], [(700, 2600), (1, 3)]),
    family(Stage::Tts, 0.0, "TTS_CODEC", [": vocoder returned ", " frames, expected ", ""], [(0, 40), (41, 400)]),
];

impl ErrorFamily {
    /// Whether the text carries the second number too.
    pub(crate) fn has_second(&self) -> bool {
        self.second.1 > 0
    }
}

#[derive(Debug)]
pub(crate) struct Failures {
    wired: Choice,
    cellular: Choice,
}

impl Failures {
    pub(crate) fn new() -> Self {
        let over_the_air = |family: &ErrorFamily| match family.stage {
            Stage::Network => family.weight * CELLULAR_FACTOR,
            _ => family.weight,
        };
        Self {
            wired: Choice::new(FAMILIES.iter().map(|family| family.weight)),
            cellular: Choice::new(FAMILIES.iter().map(over_the_air)),
        }
    }

    /// Lets a request that went well so far fail or be broken off, at the usual rates.
    pub(crate) fn strike(&self, request: &mut Request, random: &mut Random) {
        let network = &NETWORKS[request.dims.index(Dimension::Network)];
        let feature = &FEATURES[request.dims.index(Dimension::Feature)];
        let share = FAILURE_SHARE * network.failures * feature.failures;
        let chance: f64 = random.random();
        if chance < share {
            let families = if network.cellular { &self.cellular } else { &self.wired };
            fail(request, families.pick(chance / share) as u8, random);
            return;
        }
        let gives_up = if request.total_ms() > PATIENCE_MS { IMPATIENT_SHARE } else { CANCELLED_SHARE };
        if chance < share + gives_up {
            let stage = Stage::ALL[random.random_range(1..Stage::ALL.len())];
            request.stop_after(stage);
            request.stages_ms[stage as usize] *= between(random, 0.2, 1.0);
            request.outcome = Outcome::Cancelled;
        }
    }
}

/// Ends a request with an error of this family: its stage is the last that ran.
pub(crate) fn fail(request: &mut Request, family: u8, random: &mut Random) {
    let kind = &FAMILIES[usize::from(family)];
    let first = random.random_range(kind.first.0..=kind.first.1);
    let second = random.random_range(kind.second.0..=kind.second.1);
    request.stop_after(kind.stage);
    let stage_ms = &mut request.stages_ms[kind.stage as usize];
    *stage_ms = match kind.outcome {
        Outcome::Timeout => f64::from(first),
        _ => *stage_ms * between(random, 0.3, 1.1),
    };
    request.outcome = kind.outcome;
    request.error = Some(ErrorText { family, numbers: [first, second] });
}

/// The families that happen in incidents: the usual ones and those that nothing else causes.
pub(crate) fn incident_families(stage: Stage) -> Vec<u8> {
    (0..FAMILIES.len() as u8).filter(|&family| FAMILIES[usize::from(family)].stage == stage).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_unique_and_every_stage_has_two() {
        let codes: BTreeSet<&str> = FAMILIES.iter().map(|family| family.code).collect();
        assert_eq!(codes.len(), FAMILIES.len());
        for stage in Stage::ALL {
            assert!(incident_families(stage).len() >= 3, "{}", stage.field());
        }
    }
}
