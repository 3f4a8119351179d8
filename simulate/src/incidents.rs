//! What an incident does to the requests of its slice.

use rand::RngExt;
use rand_distr::StandardNormal;
use serde::Serialize;

use crate::config::MINUTE_MS;
use crate::failures::{FAMILIES, fail};
use crate::population::{FEATURES, Feature, PLATFORMS};
use crate::random::Random;
use crate::request::{Dimension, Dims, Request, STAGES, Stage};
use crate::slice::Slice;

/// The kinds of trouble, one detector's easy case each and another's blind spot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Slower from one minute to the next.
    Step,
    /// Slower over one to three hours, then staying there.
    Ramp,
    /// Some requests get much slower; the median does not move.
    TailOnly,
    /// A share of the requests gets a second mode.
    Bimodal,
    /// Much slower for 20 to 60 minutes.
    Burst,
    /// Everything is slower, everywhere.
    Global,
    /// More requests fail.
    Failure,
    /// Requests of the slice are missing.
    TrafficDrop,
    /// No events at all, or none from a cluster.
    DataGap,
    /// Slower over two to four days.
    SlowDrift,
    /// A slow slice gets a larger share of the traffic: the overall latency moves, and nobody is slower.
    MixShift,
    /// Every request of the slice reports the same time: what measures it is stuck.
    Stuck,
    /// Many small slices get a little slower; none of them alone shows it.
    Thin,
    /// Slower over three to four weeks: no day is unlike the one before.
    Creep,
}

impl Family {
    /// Those that are planted in turn.
    pub const ALL: [Self; 11] = [
        Self::Step,
        Self::Ramp,
        Self::TailOnly,
        Self::Bimodal,
        Self::Burst,
        Self::Global,
        Self::Failure,
        Self::TrafficDrop,
        Self::DataGap,
        Self::SlowDrift,
        Self::MixShift,
    ];

    /// Those that are planted where one family alone is asked for.
    pub const EVERY: [Self; 14] = {
        let mut every = [Self::Stuck; 14];
        let mut at = 0;
        while at < Self::ALL.len() {
            every[at] = Self::ALL[at];
            at += 1;
        }
        every[12] = Self::Thin;
        every[13] = Self::Creep;
        every
    };

    /// As truth.json has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Ramp => "ramp",
            Self::TailOnly => "tail_only",
            Self::Bimodal => "bimodal",
            Self::Burst => "burst",
            Self::Global => "global",
            Self::Failure => "failure",
            Self::TrafficDrop => "traffic_drop",
            Self::DataGap => "data_gap",
            Self::SlowDrift => "slow_drift",
            Self::MixShift => "mix_shift",
            Self::Stuck => "stuck",
            Self::Thin => "thin",
            Self::Creep => "creep",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Effect {
    /// The stage takes this many times as long.
    Slower { stage: Stage, factor: f64 },
    /// A share of the requests spends extra time in the stage, log-normal around `extra_ms`.
    SlowShare { stage: Stage, share: f64, extra_ms: f64, spread: f64 },
    /// A share of the requests fails with this family of error.
    Fail { share: f64, error: u8 },
    /// A share of the requests never arrives.
    Lose { share: f64 },
    /// Every request that goes well reports these times.
    Freeze { stages_ms: [f64; STAGES] },
    /// A share of all requests asks for this feature instead.
    Instead { feature: u16, share: f64 },
}

/// How the effect grows and fades.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Course {
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
    /// Linear growth over this long; zero is a step.
    pub(crate) grow_ms: i64,
    /// Linear fading before the end; zero is a step.
    pub(crate) fade_ms: i64,
}

impl Course {
    /// 0 outside, up to 1 inside.
    pub(crate) fn intensity(&self, time_ms: i64) -> f64 {
        if !(self.start_ms..self.end_ms).contains(&time_ms) {
            return 0.0;
        }
        let part = |passed_ms: i64, of_ms: i64| if of_ms == 0 { 1.0 } else { passed_ms as f64 / of_ms as f64 };
        part(time_ms - self.start_ms, self.grow_ms).min(part(self.end_ms - time_ms, self.fade_ms)).min(1.0)
    }

    pub(crate) fn minutes(&self) -> f64 {
        (self.end_ms - self.start_ms) as f64 / MINUTE_MS as f64
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Incident {
    pub(crate) family: Family,
    pub(crate) course: Course,
    pub(crate) slice: Slice,
    pub(crate) effect: Effect,
}

impl Incident {
    /// Before a request is answered: it may ask for something else.
    pub(crate) fn redirect(&self, dims: &mut Dims, intensity: f64, random: &mut Random) {
        if let Effect::Instead { feature, share } = self.effect {
            let platform = dims.index(Dimension::Platform);
            let offered = PLATFORMS[platform].features[usize::from(feature)] > 0.0;
            if random.random::<f64>() < share * intensity && offered {
                dims.set(Dimension::Feature, feature);
            }
        }
    }

    /// After it was answered: false when the event is lost.
    pub(crate) fn touch(&self, request: &mut Request, intensity: f64, random: &mut Random) -> bool {
        if !self.slice.matches(&request.dims) {
            return true;
        }
        match self.effect {
            // A request that failed keeps the time that its message names.
            Effect::Slower { .. } | Effect::SlowShare { .. } if request.has_failed() => {}
            Effect::Slower { stage, factor } => {
                request.stages_ms[stage as usize] *= 1.0 + (factor - 1.0) * intensity;
            }
            Effect::SlowShare { stage, share, extra_ms, spread } => {
                // A stage that a cancelled request never reached stays at zero.
                let stage_ms = &mut request.stages_ms[stage as usize];
                if random.random::<f64>() < share * intensity && *stage_ms > 0.0 {
                    let normal: f64 = random.sample(StandardNormal);
                    *stage_ms += extra_ms * (spread * normal).exp();
                }
            }
            Effect::Fail { share, error } => {
                if request.is_ok() && random.random::<f64>() < share * intensity {
                    fail(request, error, random);
                }
            }
            Effect::Lose { share } => return random.random::<f64>() >= share * intensity,
            Effect::Freeze { stages_ms } => {
                if request.is_ok() {
                    request.stages_ms = stages_ms;
                }
            }
            Effect::Instead { .. } => {}
        }
        true
    }

    /// The stage that the incident is in.
    pub(crate) fn stage(&self) -> Option<Stage> {
        match self.effect {
            Effect::Slower { stage, .. } | Effect::SlowShare { stage, .. } => Some(stage),
            Effect::Fail { error, .. } => Some(FAMILIES[usize::from(error)].stage),
            Effect::Lose { .. } | Effect::Instead { .. } | Effect::Freeze { .. } => None,
        }
    }
}

/// Features slower than most, for a shift of the mix.
pub(crate) fn slow_features() -> Vec<usize> {
    let slow = |feature: &Feature| feature.fulfil_ms > 150.0;
    (0..FEATURES.len()).filter(|&feature| slow(&FEATURES[feature])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_course_grows_stays_and_fades() {
        let course = Course { start_ms: 1000, end_ms: 2000, grow_ms: 400, fade_ms: 200 };
        let intensities = [999, 1000, 1200, 1500, 1900, 2000].map(|time_ms| course.intensity(time_ms));
        assert_eq!(intensities, [0.0, 0.0, 0.5, 1.0, 0.5, 0.0]);
        let step = Course { grow_ms: 0, fade_ms: 0, ..course };
        assert_eq!([1000, 1999, 2000].map(|time_ms| step.intensity(time_ms)), [1.0, 1.0, 0.0]);
    }
}
