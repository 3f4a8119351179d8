//! A step as a watch expects it, drawn by chance: on such steps, and on nothing else, it is certain that an alarm is false.

use hark_model::{Cell, Magnitude, STEP_MINUTES, Sketch, Statistic, Step};

use crate::draws::Draws;
use crate::track::{CHANCE_MAX, CHANCE_MIN, Track};

/// A busy step is thinned to so many requests: a copy needs no more to be quiet.
const REQUESTS_MAX: u64 = 400;

/// `like` says how many requests came and how they spread between the statistics; where those lie is the watch's word.
pub(crate) fn cell(tracks: &[Track], step: Step, is_rest_day: bool, like: &Cell, keys: &[u64]) -> Option<Cell> {
    let mut draws = Draws::of(keys);
    let requests = like.count().min(REQUESTS_MAX);
    match like {
        Cell::Latency(sketch) => latency(tracks, step, is_rest_day, sketch, requests, &mut draws).map(Cell::Latency),
        Cell::Ratio { .. } => {
            let track = tracks.first()?;
            let chance = track.calibration() * track.expected(step, is_rest_day)?;
            let chance = chance.clamp(CHANCE_MIN, CHANCE_MAX);
            let hits = (0..requests).filter(|_| draws.unit() < chance).count() as u64;
            Some(Cell::Ratio { count: requests, hits })
        }
        Cell::Count(_) => {
            let track = tracks.first()?;
            let mean = track.calibration() * track.expected(step, is_rest_day)? * STEP_MINUTES as f64;
            Some(Cell::Count(draws.count(mean)))
        }
        // How far a gauge's values lie apart is not known well enough to draw them.
        Cell::Gauge { .. } => None,
    }
}

/// A point of the distribution as expected: so large a share of requests is below the value, which `like` has at `rank`.
#[derive(Clone, Copy)]
struct Knot {
    below: f64,
    rank: f64,
    value: f64,
    /// Logarithm of the value over that of `like`.
    shift: f64,
}

fn latency(
    tracks: &[Track],
    step: Step,
    is_rest_day: bool,
    like: &Sketch,
    requests: u64,
    draws: &mut Draws,
) -> Option<Sketch> {
    let mut drawn = Sketch::default();
    if requests == 0 {
        return Some(drawn);
    }
    let mut knots = Vec::new();
    for track in tracks {
        let Statistic::Quantile(_) = track.statistic else { return None };
        let rank = track.statistic.quantile()?;
        let value = track.expected(step, is_rest_day)?;
        let shift = (value / like.quantile(rank).filter(|there| *there > 0.0)?).ln();
        let above = (track.calibration() * (1.0 - rank)).min(CHANCE_MAX);
        knots.push(Knot { below: 1.0 - above, rank, value, shift });
    }
    knots.sort_by(|a, b| a.rank.total_cmp(&b.rank));
    let (first, last) = (*knots.first()?, *knots.last()?);
    let ends =
        [Knot { below: 0.0, rank: 0.0, value: 0.0, ..first }, Knot { below: 1.0, rank: 1.0, value: f64::MAX, ..last }];
    knots.insert(0, ends[0]);
    knots.push(ends[1]);
    let ranks = Ranks::of(like);
    for _ in 0..requests {
        let below = draws.unit();
        let at = knots.iter().rposition(|knot| knot.below <= below).unwrap_or(0).min(knots.len() - 2);
        let (from, to) = (knots[at], knots[at + 1]);
        let width = to.below - from.below;
        let share = if width > 0.0 { ((below - from.below) / width).clamp(0.0, 1.0) } else { 0.0 };
        let between = |a: f64, b: f64| a + share * (b - a);
        let value = ranks.value(between(from.rank, to.rank)) * between(from.shift, to.shift).exp();
        // A request between two statistics stays between them, however thin `like` is there.
        drawn.add(Magnitude::new(value.max(from.value).min(to.value.max(from.value)))?, 1);
    }
    Some(drawn)
}

/// The values of a sketch by rank, laid out once for many questions.
struct Ranks {
    /// Up to which rank, and the largest value until there.
    upper: Vec<(f64, f64)>,
}

impl Ranks {
    fn of(sketch: &Sketch) -> Self {
        let count = sketch.count() as f64;
        let mut below = sketch.zeros() as f64;
        let mut upper = vec![(below / count, 0.0)];
        for (bucket, times) in sketch.buckets() {
            below += f64::from(times);
            upper.push((below / count, Sketch::upper_bound(bucket)));
        }
        Self { upper }
    }

    fn value(&self, rank: f64) -> f64 {
        let at = self.upper.partition_point(|(upper, _)| *upper < rank).min(self.upper.len() - 1);
        self.upper[at].1
    }
}
