//! All cells of up to four dimensions: which of them the evidence of their leaves could carry past their price.
//!
//! Most cells are refused by one number, the sum over their leaves of the evidence at the severity that fits each leaf
//! best: no severity of the cell gives more. Only the others get their evidence at each severity added up.

use rustc_hash::FxHashMap;

use super::at_once::each_at_once;
use super::evidence::{Direction, Most, POSITIVE};
use super::scan::{Candidate, Cell, LAYERS_MAX, Scene, largest};

/// Combinations are numbered in a plain list while that is at most so many times longer than the leaves.
const LIST_LONGER_MAX: usize = 4;
const NONE: u32 = u32::MAX;

/// The combinations of some dimensions, and which of them each row lies in.
struct Level {
    dimensions: Vec<usize>,
    rows: Vec<u32>,
    /// The number of the combination of each row of `rows`.
    numbers: Vec<u32>,
    combinations: usize,
}

/// Combinations in the order in which they were met.
struct Bounds {
    /// What the best severities of all rows of each would say together.
    most: Vec<[Most; 2]>,
    /// The first row of each.
    first: Vec<u32>,
}

/// All candidates over the rows that are still free that could score so much, and how many cells were looked at.
pub(crate) fn sweep(scene: &Scene, free: &[bool], least: f64) -> (Vec<Candidate>, usize) {
    let rows: Vec<u32> = (0..scene.rows() as u32).filter(|&row| free[row as usize]).collect();
    let mut whole = Sweep { scene, least, found: Vec::new(), looked_at: 0 };
    if scene.with_everything {
        whole.everything(&rows);
    }
    let numbers = vec![0; rows.len()];
    let everything = Level { dimensions: Vec::new(), rows, numbers, combinations: 1 };
    let below = |added: usize| {
        let mut sweep = Sweep { scene, least, found: Vec::new(), looked_at: 0 };
        sweep.add(&everything, added);
        (sweep.found, sweep.looked_at)
    };
    for (found, looked_at) in each_at_once(scene.values.len(), everything.rows.len(), below) {
        whole.found.extend(found);
        whole.looked_at += looked_at;
    }
    (whole.found, whole.looked_at)
}

struct Sweep<'a> {
    scene: &'a Scene,
    least: f64,
    found: Vec<Candidate>,
    looked_at: usize,
}

impl Sweep<'_> {
    fn everything(&mut self, rows: &[u32]) {
        let mut most = Default::default();
        rows.iter().for_each(|&row| add(&mut most, self.scene.most[row as usize]));
        self.looked_at += 1;
        self.take(&[], &Bounds { most: vec![most], first: vec![0] });
    }

    fn deeper(&mut self, level: &Level) {
        let from = level.dimensions.last().map_or(0, |last| last + 1);
        (from..self.scene.values.len()).for_each(|added| self.add(level, added));
    }

    /// The cells that fix one dimension more, and those below them.
    fn add(&mut self, level: &Level, added: usize) {
        let mut dimensions = level.dimensions.clone();
        dimensions.push(added);
        let (numbers, bounds) = self.number(level, added);
        self.looked_at += bounds.first.len();
        self.take(&dimensions, &bounds);
        if dimensions.len() < LAYERS_MAX && added + 1 < self.scene.values.len() {
            let level = self.promising(dimensions, &level.rows, &numbers, &bounds);
            self.deeper(&level);
        }
    }

    /// Splits each combination by one more dimension.
    fn number(&self, level: &Level, added: usize) -> (Vec<u32>, Bounds) {
        let (column, values) = (&self.scene.codes[added], self.scene.values[added]);
        let mut first = Vec::new();
        let mut number_of = |number: &mut u32, row: u32| {
            if *number == NONE {
                *number = first.len() as u32;
                first.push(row);
            }
            *number
        };
        let rows = level.rows.iter().zip(&level.numbers);
        let places = rows.map(|(&row, &number)| (row, number as usize * values + column[row as usize] as usize));
        let longest = LIST_LONGER_MAX * self.scene.rows() + 1024;
        let numbers: Vec<u32> = if level.combinations.saturating_mul(values) <= longest {
            let mut list = vec![NONE; level.combinations * values];
            places.map(|(row, at)| number_of(&mut list[at], row)).collect()
        } else {
            let mut map: FxHashMap<usize, u32> = FxHashMap::default();
            places.map(|(row, at)| number_of(map.entry(at).or_insert(NONE), row)).collect()
        };
        let mut most = vec![[Most::default(); 2]; first.len()];
        for (&row, &number) in level.rows.iter().zip(&numbers) {
            add(&mut most[number as usize], self.scene.most[row as usize]);
        }
        (numbers, Bounds { most, first })
    }

    /// Makes candidates of the cells that could pay their price.
    fn take(&mut self, dimensions: &[usize], bounds: &Bounds) {
        let price = self.scene.price(dimensions);
        let needed = self.scene.steps(price + self.least);
        for (most, &row) in bounds.most.iter().zip(&bounds.first) {
            for direction in Direction::BOTH {
                let bounds = most[direction as usize];
                if largest(&bounds) >= needed {
                    let cell = Cell::new(dimensions, |at| self.scene.codes[at][row as usize]);
                    self.found.push(Candidate { cell, direction, price, bounds, sums: None });
                }
            }
        }
    }

    /// The combinations whose deeper cells could pay: none can have more than what speaks for it in its parent.
    fn promising(&self, dimensions: Vec<usize>, rows: &[u32], numbers: &[u32], bounds: &Bounds) -> Level {
        let needed = self.scene.steps(self.scene.price_below(dimensions.len()) + self.least);
        let mut combinations = 0;
        let renumbered: Vec<u32> = bounds
            .most
            .iter()
            .map(|most| {
                let is_kept = most.iter().any(|most| most[POSITIVE] >= needed);
                combinations += usize::from(is_kept);
                if is_kept { combinations as u32 - 1 } else { NONE }
            })
            .collect();
        let kept = rows.iter().zip(numbers).map(|(&row, &number)| (row, renumbered[number as usize]));
        let (rows, numbers) = kept.filter(|&(_, number)| number != NONE).unzip();
        Level { dimensions, rows, numbers, combinations }
    }
}

#[inline]
fn add(sums: &mut [Most; 2], most: [Most; 2]) {
    let mut added = *sums;
    added.as_flattened_mut().iter_mut().zip(most.as_flattened()).for_each(|(sum, most)| *sum += most);
    *sums = added;
}
