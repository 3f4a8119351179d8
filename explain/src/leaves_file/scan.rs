//! All cells of up to four dimensions: which of them the evidence of their leaves could carry past their price.
//!
//! Most cells are refused by one number, the sum over their leaves of the evidence at the severity that fits each leaf
//! best: no severity of the cell gives more. Only the others get their evidence at each severity added up.

use rustc_hash::FxHashMap;

use super::evidence::{Bounds, Direction, Most, POSITIVE, SEVERITIES, Said, Vector, severity_of};
use super::noise::Shape;

/// Slices of more than so many dimensions are not looked for.
pub(crate) const LAYERS_MAX: usize = 4;
/// The chance that anything is named in a file where nothing happened, over all cells, layers, severities and directions.
///
/// A sum of log-likelihood ratios exceeds x by chance with at most exp(-x), so a cell that pays ln(number of such cells)
/// shares one such chance with all others of its kind, and each layer pays one more so that the layers together do.
pub(crate) const FALSE_NAME_CHANCE: f64 = 0.01;
const PRICE_A_LAYER: f64 = 1.0;
/// Combinations are numbered in a plain list while that is at most so many times longer than the leaves.
const LIST_LONGER_MAX: usize = 4;

/// Leaves that say something, column by column, with what they say.
#[derive(Debug)]
pub(crate) struct Scene {
    /// `codes[d][row]`.
    pub(crate) codes: Vec<Vec<u32>>,
    /// How many values each dimension has.
    pub(crate) values: Vec<usize>,
    pub(crate) said: Vec<Said>,
    /// For each direction what the best severities of each row would say.
    most: [Vec<Most>; 2],
    shape: Shape,
    /// For each dimension the rows of each value.
    places: Vec<Places>,
    /// Whether everything is a cell too.
    with_everything: bool,
}

impl Scene {
    pub(crate) fn new(
        codes: Vec<Vec<u32>>,
        values: Vec<usize>,
        said: Vec<Said>,
        shape: Shape,
        with_everything: bool,
    ) -> Self {
        let most = Direction::BOTH.map(|direction| said.iter().map(|said| said.most(direction, shape)).collect());
        let places = codes.iter().zip(&values).map(|(column, &values)| Places::new(column, values)).collect();
        Self { codes, values, said, most, shape, places, with_everything }
    }

    pub(crate) fn rows(&self) -> usize {
        self.said.len()
    }

    pub(crate) fn holds(&self, cell: &Cell, row: usize) -> bool {
        cell.pairs().all(|(dimension, code)| self.codes[dimension][row] == code)
    }

    /// The rows of a cell that are still free, by way of its rarest value.
    pub(crate) fn rows_of(&self, cell: &Cell, free: &[bool]) -> Vec<u32> {
        let rarest =
            cell.pairs().map(|(dimension, code)| self.places[dimension].rows(code)).min_by_key(|rows| rows.len());
        let is_inside = |row: &u32| free[*row as usize] && self.holds(cell, *row as usize);
        match rarest {
            Some(rows) => rows.iter().copied().filter(is_inside).collect(),
            None => (0..self.rows() as u32).filter(is_inside).collect(),
        }
    }

    /// A cell over some of its rows, weighed.
    pub(crate) fn candidate(&self, cell: Cell, direction: Direction, rows: &[u32], vectors: &mut Vectors) -> Candidate {
        let dimensions: Vec<usize> = cell.dimensions().iter().map(|&at| usize::from(at)).collect();
        let price = self.price(&dimensions);
        let mut candidate = Candidate { cell, direction, price, bounds: Bounds::default(), sums: None };
        candidate.weigh(self, rows, vectors);
        candidate
    }

    /// What a cell of these dimensions pays for being one of many.
    fn price(&self, dimensions: &[usize]) -> f64 {
        let cells = dimensions.iter().fold(1_usize, |cells, &at| cells.saturating_mul(self.values[at]));
        (cells.min(self.rows()).max(1) as f64).ln() + self.price_of_depth(dimensions.len())
    }

    fn price_of_depth(&self, layer: usize) -> f64 {
        let all = self.values.len();
        let choose: f64 = (0..layer).map(|i| ((all - i) as f64 / (i + 1) as f64).ln()).sum();
        choose + PRICE_A_LAYER * layer as f64 + (2.0 * SEVERITIES as f64).ln()
    }

    /// The least that any cell deeper than this layer pays.
    fn price_below(&self, layer: usize) -> f64 {
        let deeper = layer + 1..=LAYERS_MAX.min(self.values.len());
        deeper.map(|layer| self.price_of_depth(layer)).fold(f64::INFINITY, f64::min)
    }
}

/// Rows in order of the value they have of one dimension.
#[derive(Debug)]
struct Places {
    rows: Vec<u32>,
    /// Where the rows of each value begin, and where the last ones end.
    starts: Vec<u32>,
}

impl Places {
    fn new(column: &[u32], values: usize) -> Self {
        let mut starts = vec![0_u32; values + 1];
        column.iter().for_each(|&code| starts[code as usize + 1] += 1);
        for code in 0..values {
            starts[code + 1] += starts[code];
        }
        let mut next = starts.clone();
        let mut rows = vec![0; column.len()];
        for (row, &code) in column.iter().enumerate() {
            rows[next[code as usize] as usize] = row as u32;
            next[code as usize] += 1;
        }
        Self { rows, starts }
    }

    fn rows(&self, code: u32) -> &[u32] {
        &self.rows[self.starts[code as usize] as usize..self.starts[code as usize + 1] as usize]
    }
}

/// The evidence over its price that a cell needs.
pub(crate) fn score_min() -> f64 {
    chance_at(0.0).ln() - FALSE_NAME_CHANCE.ln()
}

/// The chance that any cell at all scores so high where nothing happened.
pub(crate) fn chance_at(score: f64) -> f64 {
    let layers: f64 = (0..=LAYERS_MAX).map(|layer| (-PRICE_A_LAYER * layer as f64).exp()).sum();
    layers * (-score).exp()
}

/// A cell: which dimensions it fixes and to which codes. Without any it is everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Cell {
    layer: u8,
    dimensions: [u8; LAYERS_MAX],
    pub(crate) codes: [u32; LAYERS_MAX],
}

/// Cells are looked up among those of the same dimensions, so that the codes suffice.
impl std::hash::Hash for Cell {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        let [a, b, c, d] = self.codes.map(u64::from);
        state.write_u64(a | b << 32);
        state.write_u64(c | d << 32);
    }
}

impl Cell {
    pub(crate) fn new(dimensions: &[usize], code: impl Fn(usize) -> u32) -> Self {
        let mut cell = Self { layer: dimensions.len() as u8, ..Self::default() };
        for (at, &dimension) in dimensions.iter().enumerate() {
            cell.dimensions[at] = dimension as u8;
            cell.codes[at] = code(dimension);
        }
        cell
    }

    pub(crate) fn layer(&self) -> usize {
        usize::from(self.layer)
    }

    pub(crate) fn dimensions(&self) -> &[u8] {
        &self.dimensions[..self.layer()]
    }

    pub(crate) fn pairs(&self) -> impl Iterator<Item = (usize, u32)> + use<> {
        let Self { layer, dimensions, codes } = *self;
        (0..usize::from(layer)).map(move |at| (usize::from(dimensions[at]), codes[at]))
    }

    pub(crate) fn lies_in(&self, whole: &Self) -> bool {
        whole.pairs().all(|pair| self.pairs().any(|own| own == pair))
    }

    /// The cells with one dimension less, but for everything.
    pub(crate) fn wholes(self) -> impl Iterator<Item = Self> {
        let without = move |left_out: usize| {
            let kept: Vec<usize> = self.pairs().map(|(dimension, _)| dimension).filter(|&at| at != left_out).collect();
            let code = |of: usize| self.pairs().find(|(dimension, _)| *dimension == of).map_or(0, |(_, code)| code);
            Self::new(&kept, code)
        };
        let left_out = self.pairs().map(|(dimension, _)| dimension).filter(move |_| self.layer() > 1);
        left_out.map(without)
    }

    /// Where `inner` fixes the same and one dimension more, that dimension.
    pub(crate) fn dimension_added_by(&self, inner: &Self) -> Option<usize> {
        if inner.layer != self.layer + 1 {
            return None;
        }
        let mut added =
            inner.pairs().filter(|pair| self.pairs().all(|own| own != *pair)).map(|(dimension, _)| dimension);
        let first = added.next();
        if added.next().is_none() { first } else { None }
    }
}

/// A cell that may be worth naming.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) cell: Cell,
    pub(crate) direction: Direction,
    pub(crate) price: f64,
    /// No severity of a range scores more than this.
    bounds: Bounds,
    /// The evidence at each severity, once it was worth adding up.
    sums: Option<[f64; SEVERITIES]>,
}

impl Candidate {
    /// The score where it is known, else what it cannot exceed.
    pub(crate) fn score_at_most(&self) -> f64 {
        match &self.sums {
            Some(sums) => largest(sums) - self.price,
            None => largest(&self.bounds[..POSITIVE]) - self.price,
        }
    }

    pub(crate) fn is_known(&self) -> bool {
        self.sums.is_some()
    }

    /// Adds up the evidence of its rows.
    pub(crate) fn weigh(&mut self, scene: &Scene, rows: &[u32], vectors: &mut Vectors) {
        let mut sums = [0.0; SEVERITIES];
        for &row in rows {
            let vector = vectors.get(scene, self.direction, row as usize);
            sums.iter_mut().zip(vector).for_each(|(sum, said)| *sum += f64::from(*said));
        }
        self.sums = Some(sums);
    }

    /// Takes one of its rows away.
    pub(crate) fn lose(&mut self, scene: &Scene, row: usize) {
        let most = scene.most[self.direction as usize][row];
        self.bounds.iter_mut().zip(most).for_each(|(bound, most)| *bound -= f64::from(most));
        self.sums = None;
    }

    pub(crate) fn refuse(&mut self) {
        self.bounds = Bounds::default().map(|_| f64::NEG_INFINITY);
        self.sums = None;
    }

    /// The severity that fits best, once that is known.
    pub(crate) fn severity(&self) -> f64 {
        let sums = self.sums.unwrap_or([0.0; SEVERITIES]);
        let best = (0..SEVERITIES).reduce(|best, next| if sums[next] > sums[best] { next } else { best });
        severity_of(best.unwrap_or_default())
    }
}

fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// The evidence of single rows at each severity, made when it is first asked for.
#[derive(Debug)]
pub(crate) struct Vectors {
    places: [Vec<u32>; 2],
    made: Vec<Vector>,
}

impl Vectors {
    const NONE: u32 = u32::MAX;

    pub(crate) fn new(rows: usize) -> Self {
        Self { places: [vec![Self::NONE; rows], vec![Self::NONE; rows]], made: Vec::new() }
    }

    pub(crate) fn get(&mut self, scene: &Scene, direction: Direction, row: usize) -> &Vector {
        let place = &mut self.places[direction as usize][row];
        if *place == Self::NONE {
            *place = self.made.len() as u32;
            self.made.push(scene.said[row].vector(direction, scene.shape));
        }
        &self.made[*place as usize]
    }
}

/// The combinations of some dimensions, and which of them each row lies in.
struct Level {
    dimensions: Vec<usize>,
    rows: Vec<u32>,
    /// The number of the combination of each row of `rows`.
    numbers: Vec<u32>,
    combinations: usize,
}

#[derive(Debug, Clone, Copy, Default)]
struct Bound {
    most: [Bounds; 2],
    row: u32,
}

/// All candidates over the rows that are still free, and how many cells were looked at.
pub(crate) fn sweep(scene: &Scene, free: &[bool]) -> (Vec<Candidate>, usize) {
    let rows: Vec<u32> = (0..scene.rows() as u32).filter(|&row| free[row as usize]).collect();
    let mut sweep = Sweep { scene, found: Vec::new(), looked_at: 0 };
    if scene.with_everything {
        sweep.everything(&rows);
    }
    let numbers = vec![0; rows.len()];
    sweep.deeper(&Level { dimensions: Vec::new(), rows, numbers, combinations: 1 });
    (sweep.found, sweep.looked_at)
}

struct Sweep<'a> {
    scene: &'a Scene,
    found: Vec<Candidate>,
    looked_at: usize,
}

impl Sweep<'_> {
    fn everything(&mut self, rows: &[u32]) {
        let mut bound = Bound::default();
        rows.iter().for_each(|&row| bound.add(self.scene, row));
        self.looked_at += 1;
        self.take(&[], &[bound]);
    }

    fn deeper(&mut self, level: &Level) {
        let from = level.dimensions.last().map_or(0, |last| last + 1);
        for added in from..self.scene.values.len() {
            let mut dimensions = level.dimensions.clone();
            dimensions.push(added);
            let (numbers, bounds) = self.number(level, added);
            self.looked_at += bounds.len();
            self.take(&dimensions, &bounds);
            if dimensions.len() < LAYERS_MAX && added + 1 < self.scene.values.len() {
                let level = self.promising(dimensions, &level.rows, &numbers, &bounds);
                self.deeper(&level);
            }
        }
    }

    /// Splits each combination by one more dimension.
    fn number(&self, level: &Level, added: usize) -> (Vec<u32>, Vec<Bound>) {
        const NONE: u32 = u32::MAX;
        let (column, values) = (&self.scene.codes[added], self.scene.values[added]);
        let mut bounds: Vec<Bound> = Vec::new();
        let mut numbers = Vec::with_capacity(level.rows.len());
        let longest = LIST_LONGER_MAX * self.scene.rows() + 1024;
        let mut count = |number: &mut u32, row: u32| {
            if *number == NONE {
                *number = bounds.len() as u32;
                bounds.push(Bound { row, ..Bound::default() });
            }
            bounds[*number as usize].add(self.scene, row);
            numbers.push(*number);
        };
        let at = |row: u32, number: u32| number as usize * values + column[row as usize] as usize;
        let rows = level.rows.iter().zip(&level.numbers);
        if level.combinations.saturating_mul(values) <= longest {
            let mut list = vec![NONE; level.combinations * values];
            rows.for_each(|(&row, &number)| count(&mut list[at(row, number)], row));
        } else {
            let mut map: FxHashMap<usize, u32> = FxHashMap::default();
            rows.for_each(|(&row, &number)| count(map.entry(at(row, number)).or_insert(NONE), row));
        }
        (numbers, bounds)
    }

    /// Makes candidates of the cells that could pay their price.
    fn take(&mut self, dimensions: &[usize], bounds: &[Bound]) {
        let price = self.scene.price(dimensions);
        for bound in bounds {
            for direction in Direction::BOTH {
                let bounds = bound.most[direction as usize];
                if largest(&bounds[..POSITIVE]) >= price + score_min() {
                    let cell = Cell::new(dimensions, |at| self.scene.codes[at][bound.row as usize]);
                    self.found.push(Candidate { cell, direction, price, bounds, sums: None });
                }
            }
        }
    }

    /// The combinations whose deeper cells could pay: none can have more than what speaks for it in its parent.
    fn promising(&self, dimensions: Vec<usize>, rows: &[u32], numbers: &[u32], bounds: &[Bound]) -> Level {
        const NONE: u32 = u32::MAX;
        let needed = self.scene.price_below(dimensions.len()) + score_min();
        let mut combinations = 0;
        let renumbered: Vec<u32> = bounds
            .iter()
            .map(|bound| {
                let is_kept = bound.most.iter().any(|most| most[POSITIVE] >= needed);
                combinations += usize::from(is_kept);
                if is_kept { combinations as u32 - 1 } else { NONE }
            })
            .collect();
        let kept = rows.iter().zip(numbers).map(|(&row, &number)| (row, renumbered[number as usize]));
        let (rows, numbers) = kept.filter(|&(_, number)| number != NONE).unzip();
        Level { dimensions, rows, numbers, combinations }
    }
}

impl Bound {
    #[inline]
    fn add(&mut self, scene: &Scene, row: u32) {
        for direction in 0..2 {
            let most = scene.most[direction][row as usize];
            self.most[direction].iter_mut().zip(most).for_each(|(sum, most)| *sum += f64::from(most));
        }
    }
}
