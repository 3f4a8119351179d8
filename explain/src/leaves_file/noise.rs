//! How far leaves usually lie from what was expected of them, learned from the file itself by size of leaf.

use super::leaf::Leaf;
use super::quick_math;

/// The degrees of freedom tried for the tails: log of the density's constant, for each.
const TAILS: [(f64, f64); 8] = [
    (1.0, -1.144_729_886),
    (1.5, -1.076_650_285),
    (2.0, -1.039_720_771),
    (3.0, -1.000_888_850),
    (4.0, -0.980_829_253),
    (6.0, -0.960_418_256),
    (10.0, -0.943_897_352),
    (30.0, -0.927_270_325),
];
const WIDTHS: [f64; 7] = [0.6, 0.75, 0.9, 1.05, 1.25, 1.5, 1.8];
/// Tails are taken for those of four degrees of freedom until the leaves say otherwise.
const TAILS_FIRST_TAKEN_FOR: f64 = 4.0;
/// Leaves a class of size needs to have a scale of its own: an eighth of all, within these bounds.
const CLASS_PART: usize = 8;
const CLASS_MIN: (usize, usize) = (30, 200);
/// No forecast is trusted to be better than this part of a leaf.
const SCALE_MIN: f64 = 0.005;
/// A side of zero speaks for the noise when it has so many leaves and at least such a part of the class.
const SIDE_MIN: usize = 8;
const SIDE_PART_MIN: f64 = 0.05;
/// What is left of half a normal distribution below its median and its 80 % quantile, widened a little for tails.
const MEDIAN_Z: f64 = 0.70;
const UPPER: f64 = 0.8;
const UPPER_Z: f64 = 1.4;
/// Noise learned again without the named slices is worth another search where it is smaller by this factor.
const FINER: f64 = 1.2;
/// Below this it is small against any severity.
const FINE_ENOUGH: f64 = 0.03;
/// However far off a leaf lies, something nobody thought of may have put it there with this density.
const SURPRISE: f64 = 6e-6;
/// Distances are counted in steps of an eighth of a scale up to eight scales; the few beyond are kept as they are.
const STEPS: usize = 64;
const STEPS_A_SCALE: f64 = 8.0;

/// Above this scale, and below so many handfuls, leaves are thin: a few pieces each, whose deviations have no shape of
/// their own. They are judged by what comes together in a cell instead.
const THIN_FROM: f64 = 0.2;
const THIN_HANDFULS: f64 = 64.0;
/// Sides this much alike differ by the shape of the noise, and the wider one is believed.
const SIDES_ALIKE: f64 = 1.6;

/// Deviations of unaffected leaves: Student's t around zero, its scale by size of leaf, its tails for all together.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Noise {
    classes: Vec<Class>,
    pub(crate) shape: Shape,
    /// Leaves of about this size are a handful of something that comes in pieces.
    pub(crate) handful: f64,
}

/// Student's t of scale one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Shape {
    degrees: f64,
    one_over_degrees: f64,
    /// Half of one more than the degrees of freedom.
    power: f64,
    log_constant: f64,
}

impl Shape {
    /// Cauchy's: for scenes in which no leaf is weighed by its deviation.
    pub(crate) const ANY: Self = Self { degrees: 1.0, one_over_degrees: 1.0, power: 1.0, log_constant: TAILS[0].1 };

    #[inline]
    pub(crate) fn density(self, z: f64) -> f64 {
        quick_math::exp(self.log_constant - self.power * quick_math::ln(1.0 + z * z * self.one_over_degrees))
    }
}

/// Leaves of about the same expectation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Class {
    /// The largest exponent of an expectation in it; the last class is open.
    largest: i32,
    pub(crate) scale: f64,
    /// For thin leaves the variance for each unit expected.
    pub(crate) dispersion: Option<f64>,
}

impl Noise {
    /// Classes are those of all leaves, their noise that of some.
    pub(crate) fn learn(all: &[Leaf], some: &[Leaf]) -> Self {
        let handful = Self::handful_of(all);
        let largest = class_ends(all);
        let mut groups: Vec<Vec<Leaf>> = vec![Vec::new(); largest.len()];
        for leaf in some {
            let class = largest.partition_point(|&largest| largest < exponent(leaf.class_size()));
            groups[class.min(largest.len() - 1)].push(*leaf);
        }
        let mut classes = Vec::with_capacity(groups.len());
        let mut distances = Distances::default();
        for (largest, inside) in largest.into_iter().zip(groups) {
            let (scale, side) = scale_of(&inside);
            let middle = quantile(&mut inside.iter().map(|leaf| leaf.expected).collect::<Vec<f64>>(), 0.5);
            let is_thin = scale > THIN_FROM && middle < THIN_HANDFULS * handful;
            let dispersion = is_thin.then(|| dispersion(&inside, handful));
            if dispersion.is_none() {
                side.iter().for_each(|distance| distances.count(distance / scale));
            }
            classes.push(Class { largest, scale, dispersion });
        }
        let (shape, width) = distances.fit();
        classes.iter_mut().for_each(|class| class.scale = (class.scale * width).max(SCALE_MIN));
        Self { classes, shape, handful }
    }

    /// At most one: what is counted comes in ones, and what is not (shares, seconds, money) in nothing like a piece.
    pub(crate) fn handful_of(leaves: &[Leaf]) -> f64 {
        const SMALL: f64 = 0.2;
        let mut sizes: Vec<f64> = leaves.iter().map(Leaf::class_size).collect();
        quantile(&mut sizes, SMALL).min(1.0)
    }

    pub(crate) fn class(&self, leaf: &Leaf) -> Class {
        let exponent = exponent(leaf.class_size());
        let class = self.classes.iter().find(|class| exponent <= class.largest).or(self.classes.last());
        class.copied().unwrap_or(Class { largest: i32::MAX, scale: SCALE_MIN, dispersion: None })
    }

    /// How likely an unaffected leaf lies so far off.
    pub(crate) fn density(&self, deviation: f64, scale: f64) -> f64 {
        self.shape.density(deviation / scale) / scale + SURPRISE
    }

    /// Whether it would hear what this one calls noise.
    pub(crate) fn is_finer_than(&self, other: &Self) -> bool {
        self.classes.iter().zip(&other.classes).any(|(own, theirs)| {
            let dispersions = own.dispersion.zip(theirs.dispersion);
            FINER * own.scale.max(FINE_ENOUGH) < theirs.scale
                || dispersions.is_some_and(|(own, theirs)| FINER * own < theirs)
        })
    }

    /// The scales of the largest leaves and of the smallest.
    pub(crate) fn usual_deviation(&self) -> [f64; 2] {
        [self.classes.last(), self.classes.first()].map(|class| class.map_or(0.0, |class| class.scale))
    }

    /// How far an unaffected leaf's value usually lies from its expectation, squared.
    pub(crate) fn variance(&self, leaf: &Leaf) -> f64 {
        // Tails of two degrees and less have no variance; those of this many stand for them.
        const DEGREES_MIN: f64 = 2.5;
        let class = self.class(leaf);
        let degrees = self.shape.degrees.max(DEGREES_MIN);
        match class.dispersion {
            Some(dispersion) => dispersion * leaf.expected.max(self.handful),
            None => (class.scale * leaf.size()).powi(2) * degrees / (degrees - 2.0),
        }
    }
}

fn exponent(size: f64) -> i32 {
    ((size.to_bits() >> 52) & 0x7ff) as i32
}

/// Powers of two of leaves' sizes, neighbouring ones together until each class is large enough; the last is open.
fn class_ends(leaves: &[Leaf]) -> Vec<i32> {
    const EXPONENTS: usize = 2048;
    let mut by_power = [0_usize; EXPONENTS];
    leaves.iter().for_each(|leaf| by_power[exponent(leaf.class_size()) as usize] += 1);
    let enough = (leaves.len() / CLASS_PART).clamp(CLASS_MIN.0, CLASS_MIN.1);
    let mut ends = Vec::new();
    let mut open = 0;
    for (power, count) in by_power.into_iter().enumerate() {
        open += count;
        if open >= enough {
            ends.push(power as i32);
            open = 0;
        }
    }
    // What is left at the large end is too few for a class of its own.
    ends.pop();
    ends.push(i32::MAX);
    ends
}

/// The scale of a class and the distances it was read from.
///
/// A slice that moved lies on one side of zero, so the narrower side tells the noise even where most leaves moved.
fn scale_of(leaves: &[Leaf]) -> (f64, Vec<f64>) {
    let deviations: Vec<f64> = leaves.iter().map(Leaf::deviation).collect();
    // Exact zeros lie on neither side: every other one goes to each.
    let zeros = deviations.iter().filter(|&&deviation| deviation == 0.0).count();
    let side = |sign: f64| -> Vec<f64> {
        let aside = deviations.iter().filter(|&&deviation| deviation * sign > 0.0).map(|deviation| deviation.abs());
        aside.chain(std::iter::repeat_n(0.0, zeros.div_ceil(2))).collect()
    };
    let enough = SIDE_MIN.max((SIDE_PART_MIN * deviations.len() as f64) as usize);
    let sides = [side(1.0), side(-1.0)].into_iter().filter(|side| side.len() >= enough);
    let read = sides.map(|mut side| (width(&mut side), side));
    let believed = read.reduce(|a, b| {
        let (narrow, wide) = if b.0 < a.0 { (b, a) } else { (a, b) };
        if wide.0 <= SIDES_ALIKE * narrow.0 { wide } else { narrow }
    });
    believed.unwrap_or_else(|| {
        let mut all: Vec<f64> = deviations.iter().map(|deviation| deviation.abs()).collect();
        let median = quantile(&mut all, 0.5) / MEDIAN_Z;
        // Of so few leaves only the closer half is sure to tell the noise.
        let closer: Vec<f64> = all.iter().copied().filter(|&distance| distance <= median).collect();
        ((median * (1.0 + 3.0 / all.len().max(1) as f64)).max(SCALE_MIN), closer)
    })
}

/// Variance for each unit expected, the largest half per cent of the squares cut to what is below them.
fn dispersion(leaves: &[Leaf], handful: f64) -> f64 {
    const KEPT: f64 = 0.995;
    let square = |leaf: &Leaf| (leaf.actual - leaf.expected).powi(2) / leaf.expected.max(0.5 * handful);
    let mut squares: Vec<f64> = leaves.iter().map(square).collect();
    let largest = quantile(&mut squares, KEPT);
    squares.sort_unstable_by(f64::total_cmp);
    let mean = squares.iter().map(|square| square.min(largest)).sum::<f64>() / squares.len().max(1) as f64;
    mean.max(0.5 * handful).max(f64::MIN_POSITIVE)
}

fn width(side: &mut [f64]) -> f64 {
    let few = 1.0 + 3.0 / side.len() as f64;
    let (median, upper) = (quantile(side, 0.5) / MEDIAN_Z, quantile(side, UPPER) / UPPER_Z);
    (median.max(upper) * few).max(SCALE_MIN)
}

pub(crate) fn quantile(values: &mut [f64], part: f64) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let at = ((values.len() - 1) as f64 * part).round() as usize;
    *values.select_nth_unstable_by(at, f64::total_cmp).1
}

#[derive(Debug)]
struct Distances {
    steps: [u32; STEPS],
    beyond: Vec<f64>,
}

impl Default for Distances {
    fn default() -> Self {
        Self { steps: [0; STEPS], beyond: Vec::new() }
    }
}

impl Distances {
    fn count(&mut self, distance: f64) {
        match self.steps.get_mut((distance * STEPS_A_SCALE) as usize) {
            Some(step) => *step += 1,
            None => self.beyond.push(distance),
        }
    }

    /// The likeliest Student's t, and its width.
    fn fit(mut self) -> (Shape, f64) {
        self.beyond.sort_unstable_by(f64::total_cmp);
        let likelihood = |(degrees, log_constant): (f64, f64), width: f64| {
            let log = |distance: f64| -0.5 * (degrees + 1.0) * ((distance / width).powi(2) / degrees).ln_1p();
            let centre = |step: usize| (step as f64 + 0.5) / STEPS_A_SCALE;
            let near: f64 = self.steps.iter().enumerate().map(|(step, &n)| f64::from(n) * log(centre(step))).sum();
            let far: f64 = self.beyond.iter().map(|&distance| log(distance)).sum();
            let counted = self.steps.iter().map(|&n| f64::from(n)).sum::<f64>() + self.beyond.len() as f64;
            let surprise = (degrees / TAILS_FIRST_TAKEN_FOR).ln().powi(2) + 4.0 * width.ln().powi(2);
            near + far + counted * (log_constant - width.ln()) - surprise
        };
        let tried = TAILS.iter().flat_map(|&tail| WIDTHS.map(|width| (likelihood(tail, width), tail, width)));
        let best = tried.reduce(|best, next| if next.0 > best.0 { next } else { best });
        let (degrees, log_constant, width) =
            best.map_or((4.0, TAILS[4].1, 1.0), |(_, tail, width)| (tail.0, tail.1, width));
        (Shape { degrees, one_over_degrees: 1.0 / degrees, power: 0.5 * (degrees + 1.0), log_constant }, width)
    }
}
