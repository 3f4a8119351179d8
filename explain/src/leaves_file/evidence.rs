//! What one leaf says about each of a grid of severities: log-likelihood ratios, bounded and additive.

use super::leaf::Leaf;
use super::noise::{Noise, Shape};
use super::quick_math;

/// A fall of 5 to 100 % of what was expected, or the same the other way round (a rise by a factor of 1.05 to any).
pub(crate) const SEVERITIES: usize = 20;
const SEVERITY_STEP: f64 = 0.05;
/// Leaves of one affected slice fall by about the same part, give or take this much; where they fall by little, by less,
/// so that a leaf that did not fall speaks against it.
const SPREADS: [f64; 3] = [0.02, 0.04, 0.06];
/// What comes in pieces cannot fall by half a piece: a leaf of this many handfuls is off by all of it.
const PIECES: f64 = 0.1;
/// A leaf of an affected slice may be untouched with this chance, a leaf of a handful more often, or touched in some
/// other way with that one. One odd leaf then cannot outweigh its slice.
const UNTOUCHED: f64 = 1e-3;
const UNTOUCHED_HANDFUL: f64 = 0.3;
const OTHERWISE: f64 = 0.1;
/// Evidence is kept in whole steps, so many a unit of the logarithm, so that it adds up to the same in any order.
pub(crate) const STEPS_A_NAT: f64 = 1024.0;
/// Of thin leaves a fiftieth is always left, so that one piece does not rule a slice out; and no leaf says more than this.
const LEFT_MIN: f64 = 0.02;
const THIN_RANGE: (f64, f64) = (-7.0, 5.0);

pub(crate) type Vector = [f32; SEVERITIES];

/// Severities in three ranges, first and last of each: what an unaffected leaf says of a small fall would hide how
/// strongly it speaks against a large one.
const RANGES: [(usize, usize); 3] = [(0, 2), (3, 9), (10, SEVERITIES - 1)];
/// What the best severity of each range says, and at the end what speaks for any of them, which is never below zero; in
/// steps, so that sums are whole numbers.
pub(crate) type Most = [i32; RANGES.len() + 1];
pub(crate) const POSITIVE: usize = RANGES.len();

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Direction {
    Down,
    Up,
}

impl Direction {
    pub(crate) const BOTH: [Self; 2] = [Self::Down, Self::Up];

    fn sign(self) -> f64 {
        match self {
            Self::Down => 1.0,
            Self::Up => -1.0,
        }
    }
}

/// What a leaf has to say, from which both directions are read.
#[derive(Debug, Clone)]
pub(crate) enum Said {
    /// A leaf large enough to have a deviation of its own.
    Whole { deviation: f64, one_over_usual: f64, one_over_spread: [f64; SPREADS.len()], untouched: f64 },
    /// A leaf of a few pieces: its part of a Poisson likelihood, flattened by how dispersed such leaves are.
    Thin { actual: f64, expected: f64, one_over_dispersion: f64 },
    /// A leaf whose evidence somebody else has worked out, `[down, up]`.
    Told(Box<[Vector; 2]>),
}

impl Said {
    pub(crate) fn new(leaf: &Leaf, noise: &Noise) -> Self {
        let class = noise.class(leaf);
        if let Some(dispersion) = class.dispersion {
            let expected = if leaf.expected > 0.0 { leaf.expected } else { 0.5 * noise.handful };
            return Self::Thin { actual: leaf.actual.max(0.0), expected, one_over_dispersion: 1.0 / dispersion };
        }
        let (deviation, size, scale) = (leaf.deviation(), leaf.size(), class.scale);
        let pieces = PIECES * noise.handful / size;
        Self::Whole {
            deviation,
            one_over_usual: 1.0 / noise.density(deviation, scale),
            one_over_spread: SPREADS.map(|spread| 1.0 / (spread * spread + scale * scale + pieces).sqrt()),
            untouched: UNTOUCHED + UNTOUCHED_HANDFUL * noise.handful / (noise.handful + size),
        }
    }

    /// Evidence that is worked out already, in whole steps from here on.
    pub(crate) fn told(vectors: [[f64; SEVERITIES]; 2]) -> Self {
        Self::Told(Box::new(vectors.map(|vector| vector.map(in_steps))))
    }

    /// Whether the leaf moved in this direction by a third of the severity at least; a thin one cannot tell.
    pub(crate) fn bears_out(&self, direction: Direction, severity: f64) -> Option<bool> {
        match self {
            Self::Whole { deviation, .. } => Some(deviation * direction.sign() >= severity / 3.0),
            Self::Thin { .. } | Self::Told(_) => None,
        }
    }

    /// The evidence at each severity.
    pub(crate) fn vector(&self, direction: Direction, shape: Shape) -> Vector {
        match self {
            Self::Told(vectors) => vectors[direction as usize],
            Self::Thin { .. } => std::array::from_fn(|severity| self.thin(direction, severity)),
            Self::Whole { .. } => {
                let mut asked = Asked::<SEVERITIES>::default();
                (0..SEVERITIES).for_each(|severity| asked.set(severity, self, direction, severity));
                asked.answers(shape).map(in_steps)
            }
        }
    }

    /// What a thin leaf says of one severity.
    fn thin(&self, direction: Direction, severity: usize) -> f32 {
        let Self::Thin { actual, expected, one_over_dispersion } = *self else { return 0.0 };
        let left = (1.0 - severity_of(severity)).max(LEFT_MIN);
        let factor = if direction == Direction::Down { left } else { 1.0 / left };
        let log = (actual * quick_math::ln(factor) - expected * (factor - 1.0)) * one_over_dispersion;
        in_steps(log.clamp(THIN_RANGE.0, THIN_RANGE.1))
    }

    /// The severity of each range that fits a whole leaf best.
    fn nearest(deviation: f64, direction: Direction) -> [usize; RANGES.len()] {
        let nearest = quick_math::round(deviation * direction.sign() / SEVERITY_STEP) - 1.0;
        RANGES.map(|(first, last)| nearest.clamp(first as f64, last as f64) as usize)
    }

    /// What the best severity of each range says, of a leaf that is not whole.
    fn best_of_ranges(&self, direction: Direction) -> [f32; RANGES.len()] {
        match *self {
            Self::Whole { .. } => Default::default(),
            Self::Told(ref vectors) => RANGES.map(|(first, last)| {
                vectors[direction as usize][first..=last].iter().copied().fold(f32::MIN, f32::max)
            }),
            // The likelihood has one peak, between two severities of the grid.
            Self::Thin { actual, expected, .. } => {
                let lost = match direction {
                    Direction::Down => 1.0 - actual / expected,
                    Direction::Up => 1.0 - expected / actual.max(expected),
                };
                let below = (lost / SEVERITY_STEP).floor() - 1.0;
                RANGES.map(|(first, last)| {
                    let at = |severity: f64| severity.clamp(first as f64, last as f64) as usize;
                    self.thin(direction, at(below)).max(self.thin(direction, at(below + 1.0)))
                })
            }
        }
    }
}

/// So many leaves are asked together.
const BLOCK: usize = 32;
const OF_A_LEAF: usize = 2 * RANGES.len();

/// The evidence at the severity of each range that fits each leaf best: no other of the range gives more. Down, then up.
pub(crate) fn most(said: &[Said], shape: Shape) -> Vec<[Most; 2]> {
    let mut all = Vec::with_capacity(said.len());
    let mut asked = Asked::<{ BLOCK * OF_A_LEAF }>::default();
    for block in said.chunks(BLOCK) {
        for (leaf, said) in block.iter().enumerate() {
            if let Said::Whole { deviation, .. } = *said {
                let nearest = Direction::BOTH.map(|direction| (direction, Said::nearest(deviation, direction)));
                let each = nearest.into_iter().flat_map(|(direction, nearest)| nearest.map(|at| (direction, at)));
                each.enumerate().for_each(|(at, (direction, severity))| {
                    asked.set(OF_A_LEAF * leaf + at, said, direction, severity);
                });
            }
        }
        let answers = asked.answers(shape);
        all.extend(block.iter().zip(answers.chunks_exact(OF_A_LEAF)).map(|(said, answers)| {
            Direction::BOTH.map(|direction| {
                let own = &answers[RANGES.len() * direction as usize..];
                with_positive(match said {
                    Said::Whole { .. } => std::array::from_fn(|range| in_steps(own[range])),
                    _ => said.best_of_ranges(direction),
                })
            })
        }));
    }
    all
}

/// What was rounded to steps, counted in steps.
fn with_positive(of_ranges: [f32; RANGES.len()]) -> Most {
    let steps = of_ranges.map(|most| (most * STEPS_A_NAT as f32) as i32);
    let positive = steps.iter().copied().fold(0, i32::max);
    std::array::from_fn(|at| steps.get(at).copied().unwrap_or(positive))
}

/// What whole leaves are asked, number by number, so that the compiler can answer several at once.
struct Asked<const N: usize> {
    /// How much further than this severity the leaf moved, in its spreads.
    off: [f64; N],
    one_over_spread: [f64; N],
    one_over_usual: [f64; N],
    untouched: [f64; N],
    otherwise: [f64; N],
}

impl<const N: usize> Default for Asked<N> {
    fn default() -> Self {
        let [off, one_over_spread, one_over_usual, untouched, otherwise] = [[1.0; N]; 5];
        Self { off, one_over_spread, one_over_usual, untouched, otherwise }
    }
}

impl<const N: usize> Asked<N> {
    #[inline]
    fn set(&mut self, at: usize, said: &Said, direction: Direction, severity: usize) {
        if let Said::Whole { deviation, one_over_usual, one_over_spread, untouched } = *said {
            let towards = deviation * direction.sign();
            self.one_over_spread[at] = one_over_spread[severity.min(SPREADS.len() - 1)];
            self.off[at] = (towards - severity_of(severity)) * self.one_over_spread[at];
            self.one_over_usual[at] = one_over_usual;
            self.untouched[at] = untouched;
            self.otherwise[at] = if towards > 0.0 { OTHERWISE } else { 0.0 };
        }
    }

    /// Logarithms of how much more likely each is where the leaf is affected.
    fn answers(&self, shape: Shape) -> [f64; N] {
        let mut answers = [0.0; N];
        for (at, answer) in answers.iter_mut().enumerate() {
            let fits = self.one_over_spread[at] * shape.density(self.off[at]);
            let touched = self.otherwise[at] + (1.0 - OTHERWISE - self.untouched[at]) * fits;
            *answer = quick_math::ln(self.untouched[at] + touched * self.one_over_usual[at]);
        }
        answers
    }
}

#[inline]
fn in_steps(log: f64) -> f32 {
    (quick_math::round(log * STEPS_A_NAT) / STEPS_A_NAT) as f32
}

pub(crate) fn severity_of(severity: usize) -> f64 {
    SEVERITY_STEP * (severity + 1) as f64
}
