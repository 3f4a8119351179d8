//! The incidents of a simulation: for each slot in the schedule a slice with enough traffic and an effect on it.

use rand::RngExt;
use rand::seq::SliceRandom;

use crate::config::{Config, Kinds};
use crate::failures::incident_families;
use crate::incidents::{Course, Effect, Family, Incident, slow_features};
use crate::population::LOCALES;
use crate::random::{Choice, Random, Stream, between, one_of, stream};
use crate::request::{Dimension, Request, STAGES, Stage};
use crate::schedule::courses;
use crate::slice::Slice;
use crate::strength::{Measured, Sampler};
use crate::traffic::Traffic;

/// Requests from which slices and their usual times are taken.
const POOL: usize = 6_000;
/// A slice smaller than this hides everything; a larger one is as good as all traffic.
const SHARE_MIN: f64 = 0.02;
const SHARE_MAX: f64 = 0.6;
/// Lost traffic shows only in larger slices.
const SHARE_MIN_VOLUME: f64 = 0.05;
/// Tries to find such a slice, before the best so far is taken.
const SLICE_TRIES: usize = 200;
/// Slices that are thin have no more of the traffic.
const THIN_SHARE_MAX: f64 = 0.07;
/// One incident in six is meant to be hard to see.
const FAINT_SHARE: f64 = 0.17;
/// Others grow by a fifth with each try until they are strong.
const TRIES: i32 = 6;
const TRY_GROWTH: f64 = 1.2;
/// A stage that takes less than this share of the time can't be what makes a request slow.
const STAGE_SHARE_MIN: f64 = 0.06;

/// An incident with what can be seen of it.
#[derive(Debug, Clone)]
pub(crate) struct Planned {
    pub(crate) incident: Incident,
    pub(crate) measured: Measured,
    /// Filled in by the list of changes.
    pub(crate) cause_title: Option<String>,
}

pub(crate) fn plan(config: &Config, families: &[Family], traffic: &Traffic, schedule: &mut Random) -> Vec<Planned> {
    let mut random = stream(config.seed, Stream::Plan);
    let mut planned: Vec<Planned> = Vec::new();
    for (&family, course) in families.iter().zip(courses(config, families, schedule)) {
        let is_second = config.kinds == Kinds::Pairs && planned.len() % 2 == 1;
        let beside = planned.last().filter(|_| is_second).map(|first| first.incident.slice.clone());
        planned.push(plan_one(family, course, beside.as_ref(), traffic, &mut random));
    }
    planned
}

/// `beside` is a slice with which this one may share no traffic.
fn plan_one(family: Family, course: Course, beside: Option<&Slice>, traffic: &Traffic, random: &mut Random) -> Planned {
    let nothing = Incident { family, course, slice: Slice::all(), effect: Effect::Lose { share: 0.0 } };
    let sampler = Sampler::new(traffic, &nothing);
    let pool = sampler.pool(POOL, random);
    let faint = random.random::<f64>() < FAINT_SHARE;
    let mut size = if faint { 0.3 } else { 1.0 };
    let mut planned = propose(&nothing, beside, &pool, &sampler, size, random);
    for _ in 1..TRIES {
        if faint || planned.measured.strong || matches!(family, Family::MixShift | Family::Thin) {
            break;
        }
        size *= TRY_GROWTH;
        planned = propose(&nothing, beside, &pool, &sampler, size, random);
    }
    planned
}

fn propose(
    nothing: &Incident,
    beside: Option<&Slice>,
    pool: &[Request],
    sampler: &Sampler<'_>,
    size: f64,
    random: &mut Random,
) -> Planned {
    let slice = choose_slice(nothing.family, beside, pool, random);
    let effect = choose_effect(nothing.family, &slice, pool, size, random);
    let incident = Incident { slice, effect, ..nothing.clone() };
    let measured = sampler.measure(&incident, random);
    Planned { incident, measured, cause_title: None }
}

fn choose_slice(family: Family, beside: Option<&Slice>, pool: &[Request], random: &mut Random) -> Slice {
    match family {
        Family::Global => return Slice::all(),
        Family::DataGap if random.random::<f64>() < 0.5 => return Slice::all(),
        Family::MixShift => return Slice::of(Dimension::Feature, *one_of(random, &slow_features())),
        Family::Thin => return thin_slices(random),
        _ => {}
    }
    let share_min = match family {
        Family::TrafficDrop | Family::DataGap | Family::Stuck | Family::Creep => SHARE_MIN_VOLUME,
        _ => SHARE_MIN,
    };
    let mut best = (Slice::all(), 0.0);
    for _ in 0..SLICE_TRIES {
        // A slice is chosen as often as its traffic: that of a random request.
        let dimensions =
            beside.map_or_else(|| choose_dimensions(family, random).to_vec(), |one| one.dimensions().collect());
        let slice = Slice::around(&one_of(random, pool).dims, &dimensions);
        if beside.is_some_and(|one| pool.iter().any(|ask| one.matches(&ask.dims) && slice.matches(&ask.dims))) {
            continue;
        }
        let share = pool.iter().filter(|request| slice.matches(&request.dims)).count() as f64 / pool.len() as f64;
        if (share_min..=SHARE_MAX).contains(&share) {
            return slice;
        }
        if share > best.1 && share <= SHARE_MAX {
            best = (slice, share);
        }
    }
    best.0
}

/// Three quarters of the small locales, whichever.
fn thin_slices(random: &mut Random) -> Slice {
    let is_small = |at: &usize| LOCALES[*at].share <= THIN_SHARE_MAX;
    let mut small: Vec<u16> = (0..LOCALES.len()).filter(is_small).map(|at| at as u16).collect();
    small.shuffle(random);
    small.truncate(small.len() * 3 / 4);
    Slice::among(Dimension::Locale, small)
}

fn choose_dimensions(family: Family, random: &mut Random) -> &'static [Dimension] {
    use Dimension::{Build, Cluster, Device, Feature, Locale, Network, OsVersion, Platform};
    const VOLUME: [&[Dimension]; 5] = [&[Locale], &[Cluster], &[Platform], &[Feature], &[Platform, Cluster]];
    const ONE: [&[Dimension]; 8] =
        [&[Platform], &[OsVersion], &[Build], &[Device], &[Locale], &[Feature], &[Network], &[Cluster]];
    const TWO: [&[Dimension]; 8] = [
        &[Platform, OsVersion],
        &[Platform, Locale],
        &[Locale, Feature],
        &[Cluster, Feature],
        &[Network, Cluster],
        &[OsVersion, Feature],
        &[Platform, Feature],
        &[Device, Cluster],
    ];
    const THREE: [&[Dimension]; 4] = [
        &[Platform, OsVersion, Locale],
        &[Platform, Cluster, Feature],
        &[OsVersion, Cluster, Network],
        &[Platform, Cluster, Network],
    ];
    let fitting: &[&[Dimension]] = match (family, random.random_range(0..20)) {
        (Family::DataGap, _) => &[&[Cluster]],
        (Family::TrafficDrop, _) => &VOLUME,
        // One that is drawn as it is: every stuck request says the same, and a day of what creeps has many.
        (Family::Stuck | Family::Creep, _) => &VOLUME[..4],
        // Minutes of a small slice hold too few requests.
        (Family::Burst, _) | (_, 0..9) => &ONE,
        (_, 9..17) => &TWO,
        _ => &THREE,
    };
    fitting[random.random_range(0..fitting.len())]
}

/// `size` scales how strong the effect is; one is clearly visible in a slice with enough traffic.
fn choose_effect(family: Family, slice: &Slice, pool: &[Request], size: f64, random: &mut Random) -> Effect {
    let usual = Usual::of(slice, pool);
    let stage = usual.choose_stage(random);
    match family {
        Family::Step | Family::Ramp => usual.slower(stage, size * between(random, 0.25, 0.6)),
        Family::Global => usual.slower(stage, size * between(random, 0.2, 0.45)),
        Family::SlowDrift => usual.slower(stage, size * between(random, 0.4, 0.8)),
        Family::Creep => usual.slower(stage, size * between(random, 0.15, 0.3)),
        Family::Burst => usual.slower(stage, size * between(random, 0.6, 1.5)),
        // Above one in twenty moves the 95th percentile; fewer only the 99th.
        Family::TailOnly => {
            let share =
                if random.random::<f64>() < 0.75 { between(random, 0.06, 0.1) } else { between(random, 0.02, 0.04) };
            let extra_ms = size * usual.total_ms * between(random, 2.0, 4.0);
            Effect::SlowShare { stage, share, extra_ms, spread: 0.35 }
        }
        Family::Bimodal => {
            let extra_ms = size * usual.total_ms * between(random, 0.6, 1.2);
            Effect::SlowShare { stage, share: between(random, 0.15, 0.4), extra_ms, spread: 0.1 }
        }
        Family::Failure => {
            let families = incident_families(*one_of(random, &Stage::ALL));
            let error = *one_of(random, &families);
            Effect::Fail { share: (size * between(random, 0.04, 0.12)).min(0.6), error }
        }
        Family::TrafficDrop => Effect::Lose { share: (size * between(random, 0.6, 0.95)).min(1.0) },
        Family::DataGap => Effect::Lose { share: 1.0 },
        Family::Stuck => Effect::Freeze { stages_ms: usual.stages_ms },
        Family::Thin => usual.slower(stage, size * between(random, 0.08, 0.12)),
        Family::MixShift => {
            let feature = slow_features().into_iter().find(|&feature| *slice == Slice::of(Dimension::Feature, feature));
            // `choose_slice` has just named one of them.
            Effect::Instead { feature: feature.unwrap_or(0) as u16, share: between(random, 0.15, 0.3) }
        }
    }
}

/// What requests of a slice usually take.
struct Usual {
    stages_ms: [f64; STAGES],
    total_ms: f64,
}

impl Usual {
    fn of(slice: &Slice, pool: &[Request]) -> Self {
        let mut stages_ms = [0.0; STAGES];
        let mut count = 0.0_f64;
        for request in pool.iter().filter(|request| request.is_ok() && slice.matches(&request.dims)) {
            count += 1.0;
            for (sum, stage_ms) in stages_ms.iter_mut().zip(request.stages_ms) {
                *sum += stage_ms;
            }
        }
        let stages_ms = stages_ms.map(|sum| sum / count.max(1.0));
        Self { stages_ms, total_ms: stages_ms.iter().sum::<f64>().max(1.0) }
    }

    fn choose_stage(&self, random: &mut Random) -> Stage {
        let weights = self.stages_ms.map(|ms| if ms / self.total_ms < STAGE_SHARE_MIN { 1e-9 } else { 1.0 });
        Stage::ALL[usize::from(Choice::new(weights).pick(random.random()))]
    }

    /// The stage becomes so slow that the mean of the total rises by `rise`.
    fn slower(&self, stage: Stage, rise: f64) -> Effect {
        let stage_ms = self.stages_ms[stage as usize].max(1.0);
        Effect::Slower { stage, factor: 1.0 + rise * self.total_ms / stage_ms }
    }
}
