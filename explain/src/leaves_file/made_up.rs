//! Made-up cases whose truth is known: nothing happened, everything moved, or some slices did.

use hark_model::Slice;

use super::draws::Draws;
use super::table::{LeafTable, RawLeaf, TableError};

/// How far leaves lie from their expectation where nothing happened.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NoiseKind {
    /// A normal part of the leaf.
    Part(f64),
    /// A factor whose logarithm is Student's t with so many degrees of freedom, times this.
    HeavyTailed { degrees: usize, scale: f64 },
    /// A normal part of the leaf, and one leaf in so many is anything from nothing to threefold.
    Wild { scale: f64, one_in: usize },
    /// Counts, of leaves of this mean size.
    Counts { mean: f64 },
}

/// A slice that was made to move: where, and to which part of what it would have been.
#[derive(Debug, Clone, PartialEq)]
pub struct Planted {
    pub slice: Slice,
    pub factor: f64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    pub name: String,
    pub table: LeafTable,
    /// The slices that moved; none where nothing did or everything.
    pub truth: Vec<Slice>,
}

/// What a case is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    pub values: Vec<usize>,
    pub noise: NoiseKind,
    /// What everything moved by.
    pub factor: f64,
    pub planted: Vec<Planted>,
}

impl Recipe {
    pub fn make(&self, name: String, seed: u64) -> Result<Case, TableError> {
        let mut draws = Draws::new(seed);
        let dimensions: Vec<String> = (0..self.values.len()).map(dimension).collect();
        let values = self.values.iter().enumerate().map(|(at, &n)| (0..n).map(|code| value(at, code)).collect());
        // Values differ in traffic, so leaves differ by orders of magnitude.
        let weights: Vec<Vec<f64>> =
            self.values.iter().map(|&n| (0..n).map(|_| (0.8 * draws.normal()).exp()).collect()).collect();
        let leaves: usize = self.values.iter().product();
        let mean = if let NoiseKind::Counts { mean } = self.noise { mean } else { 100.0 };
        let mut raw = Vec::with_capacity(leaves);
        for leaf in 0..leaves {
            let mut rest = leaf;
            let mut codes = Vec::with_capacity(self.values.len());
            for &n in &self.values {
                codes.push((rest % n) as u32);
                rest /= n;
            }
            let weight: f64 = codes.iter().zip(&weights).map(|(&code, weights)| weights[code as usize]).product();
            let own = (0.5 * draws.normal()).exp();
            let expected = mean * weight * own;
            let slice: Slice =
                codes.iter().enumerate().map(|(at, &code)| (dimension(at), value(at, code as usize))).collect();
            let moved = self.planted.iter().find(|planted| planted.slice.contains(&slice));
            let true_mean = expected * self.factor * moved.map_or(1.0, |planted| planted.factor);
            let actual = self.noise.draw(true_mean, &mut draws);
            raw.push(RawLeaf { codes, actual, expected });
        }
        let table = LeafTable::new(dimensions, values.collect(), raw)?;
        Ok(Case { name, table, truth: self.planted.iter().map(|planted| planted.slice.clone()).collect() })
    }
}

impl NoiseKind {
    fn draw(self, mean: f64, draws: &mut Draws) -> f64 {
        match self {
            Self::Part(scale) => (mean * (1.0 + scale * draws.normal())).max(0.0),
            Self::HeavyTailed { degrees, scale } => mean * (scale * draws.student(degrees)).clamp(-20.0, 20.0).exp(),
            Self::Wild { one_in, .. } if draws.below(one_in) == 0 => mean * draws.between(0.0, 3.0),
            Self::Wild { scale, .. } => (mean * (1.0 + scale * draws.normal())).max(0.0),
            Self::Counts { .. } => draws.poisson(mean),
        }
    }
}

fn dimension(at: usize) -> String {
    format!("dimension_{at}")
}

fn value(at: usize, code: usize) -> String {
    format!("{at}_{code}")
}

const SHAPES: [&[usize]; 5] = [&[6, 36, 10, 10], &[3, 8, 12], &[5, 4, 6, 3, 4], &[12, 30], &[2, 5, 20, 8]];

/// Nothing happened, or everything moved by one factor: whatever is named is false. `count` cases, all kinds of noise
/// and shape in turn.
pub fn null_cases(seed: u64, count: usize) -> Result<Vec<Case>, TableError> {
    let one = |at: usize| {
        let mut draws = Draws::new(seed.wrapping_add(7_919 * at as u64));
        let (noise, kind) = any_noise(at, &mut draws);
        let is_moved = at / 2 % 2 == 1;
        let factor = if is_moved { draws.between(0.3, 1.7) } else { 1.0 };
        let values = SHAPES[draws.below(SHAPES.len())].to_vec();
        let name = format!("{kind}{}", if is_moved { ", everything moved" } else { "" });
        Recipe { values, noise, factor, planted: Vec::new() }.make(name, seed.wrapping_mul(31).wrapping_add(at as u64))
    };
    (0..count).map(one).collect()
}

fn any_noise(at: usize, draws: &mut Draws) -> (NoiseKind, &'static str) {
    let scale = draws.between(0.01, 0.25);
    match at % 7 {
        0 | 1 => (NoiseKind::Part(scale), "normal"),
        2 => (NoiseKind::HeavyTailed { degrees: 2, scale: 0.5 * scale }, "t2"),
        3 => (NoiseKind::HeavyTailed { degrees: 3, scale }, "t3"),
        4 => (NoiseKind::Wild { scale, one_in: 50 + draws.below(400) }, "wild leaves"),
        5 => (NoiseKind::Counts { mean: draws.between(0.3, 5.0) }, "thin counts"),
        _ => (NoiseKind::Counts { mean: draws.between(5.0, 200.0) }, "counts"),
    }
}

/// One to three slices of one to three dimensions that fell or rose, over all kinds of noise; in one case of four
/// everything moved too.
pub fn planted_cases(seed: u64, count: usize) -> Result<Vec<Case>, TableError> {
    let one = |at: usize| {
        let mut draws = Draws::new(seed.wrapping_add(104_729 * at as u64));
        let (noise, kind) = any_noise(at, &mut draws);
        let values = SHAPES[draws.below(SHAPES.len())].to_vec();
        let factor = if draws.below(4) == 0 { draws.between(0.8, 1.2) } else { 1.0 };
        let mut planted: Vec<Planted> = Vec::new();
        let wanted = 1 + draws.below(3);
        let layer = 1 + draws.below(3.min(values.len() - 1));
        while planted.len() < wanted {
            let mut slice = Slice::total();
            while slice.len() < layer {
                let chosen = draws.below(values.len());
                slice = slice.with(dimension(chosen), value(chosen, draws.below(values[chosen])));
            }
            if planted.iter().any(|other| other.slice == slice) {
                continue;
            }
            let left = draws.between(0.0, 0.6);
            let factor = if draws.below(4) == 0 { 1.0 / left.max(0.1) } else { left };
            planted.push(Planted { slice, factor });
        }
        let name = format!("{kind}, {wanted} of {layer}");
        Recipe { values, noise, factor, planted }.make(name, seed.wrapping_mul(37).wrapping_add(at as u64))
    };
    (0..count).map(one).collect()
}
