//! Leaves that say something, cells over them, and what a cell pays for being one of many.

use super::at_once::at_once;
use super::evidence::{Direction, Most, POSITIVE, SEVERITIES, STEPS_A_NAT, Said, Vector, most, severity_of};
use super::noise::Shape;

/// Slices of more than so many dimensions are not looked for.
pub(crate) const LAYERS_MAX: usize = 4;
/// The chance that anything is named in a file where nothing happened, over all cells, layers, severities and directions.
///
/// A sum of log-likelihood ratios exceeds x by chance with at most exp(-x), so a cell that pays ln(number of such cells)
/// shares one such chance with all others of its kind, and each layer pays one more so that the layers together do.
pub(crate) const FALSE_NAME_CHANCE: f64 = 0.01;
const PRICE_A_LAYER: f64 = 1.0;

/// Leaves that say something, column by column, with what they say.
#[derive(Debug)]
pub(crate) struct Scene {
    /// `codes[d][row]`.
    pub(crate) codes: Vec<Vec<u32>>,
    /// How many values each dimension has.
    pub(crate) values: Vec<usize>,
    pub(crate) said: Vec<Said>,
    /// What the best severities of each row would say, down and up.
    pub(crate) most: Vec<[Most; 2]>,
    /// How many steps of that make a unit of the logarithm.
    steps_a_nat: f64,
    shape: Shape,
    /// For each dimension the rows of each value.
    places: Vec<Places>,
    /// Whether everything is a cell too.
    pub(crate) with_everything: bool,
    pub(crate) parsimony: Parsimony,
}

/// How much better the longer story has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Parsimony {
    /// Parts together must tell it better than their whole by this factor.
    pub(crate) parts_better: f64,
    /// In which directions cells are chosen, one after the other.
    pub(crate) passes: &'static [&'static [Direction]],
}

impl Parsimony {
    /// Where all leaves of a slice move by one factor. Each part may choose a severity of its own and so gains a little in
    /// any case; and a whole of which nine values in ten moved is better told than nine parts.
    pub(crate) const ONE_FACTOR: Self = Self { parts_better: 1.1, passes: &[&Direction::BOTH] };
    /// Where one cause shows in each feature by another severity. What got worse is chosen first, for all may have got a little
    /// better beside.
    pub(crate) const ONE_CAUSE: Self = Self { parts_better: 1.5, passes: &[&[Direction::Down], &[Direction::Up]] };
}

impl Scene {
    pub(crate) fn new(
        codes: Vec<Vec<u32>>,
        values: Vec<usize>,
        said: Vec<Said>,
        shape: Shape,
        with_everything: bool,
    ) -> Self {
        let mut most = at_once(said.len(), |rows| most(&said[rows], shape));
        let steps_a_nat = STEPS_A_NAT / coarser(&mut most);
        let places = codes.iter().zip(&values).map(|(column, &values)| Places::new(column, values)).collect();
        Self {
            codes,
            values,
            said,
            most,
            steps_a_nat,
            shape,
            places,
            with_everything,
            parsimony: Parsimony::ONE_FACTOR,
        }
    }

    #[must_use]
    pub(crate) fn with(self, parsimony: Parsimony) -> Self {
        Self { parsimony, ..self }
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
        let mut candidate = Candidate { cell, direction, price, bounds: Most::default(), sums: None };
        candidate.weigh(self, rows, vectors);
        candidate
    }

    /// So much evidence in the steps of `most`, rounded down: what has less does not have it.
    pub(crate) fn steps(&self, evidence: f64) -> i32 {
        (evidence * self.steps_a_nat).floor() as i32
    }

    /// What a cell of these dimensions pays for being one of many.
    pub(crate) fn price(&self, dimensions: &[usize]) -> f64 {
        let cells = dimensions.iter().fold(1_usize, |cells, &at| cells.saturating_mul(self.values[at]));
        (cells.min(self.rows()).max(1) as f64).ln() + self.price_of_depth(dimensions.len())
    }

    fn price_of_depth(&self, layer: usize) -> f64 {
        let all = self.values.len();
        let choose: f64 = (0..layer).map(|i| ((all - i) as f64 / (i + 1) as f64).ln()).sum();
        choose + PRICE_A_LAYER * layer as f64 + (2.0 * SEVERITIES as f64).ln()
    }

    /// The least that any cell deeper than this layer pays.
    pub(crate) fn price_below(&self, layer: usize) -> f64 {
        let deeper = layer + 1..=LAYERS_MAX.min(self.values.len());
        deeper.map(|layer| self.price_of_depth(layer)).fold(f64::INFINITY, f64::min)
    }
}

/// Makes the steps so coarse, rounding up, that no sum over any of the rows leaves its range; by which factor.
fn coarser(most: &mut [[Most; 2]]) -> f64 {
    let places = 0..most.first().map_or(0, |most| most.as_flattened().len());
    let sums = places.map(|at| most.iter().map(|most| i64::from(most.as_flattened()[at]).abs()).sum::<i64>());
    let largest = sums.max().unwrap_or_default();
    // Rounding adds less than a step a row.
    let fits = |bits: &u32| (largest >> bits) + most.len() as i64 <= i64::from(i32::MAX);
    let bits = (0..i64::BITS - 1).find(fits).unwrap_or_default();
    if bits > 0 {
        let coarse = |step: &mut i32| *step = ((i64::from(*step) + (1 << bits) - 1) >> bits) as i32;
        most.iter_mut().for_each(|most| most.as_flattened_mut().iter_mut().for_each(coarse));
    }
    (1_i64 << bits) as f64
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
    pub(crate) bounds: Most,
    /// The evidence at each severity, once it was worth adding up.
    pub(crate) sums: Option<[f64; SEVERITIES]>,
}

impl Candidate {
    /// The score where it is known, else what it cannot exceed.
    pub(crate) fn score_at_most(&self, scene: &Scene) -> f64 {
        match &self.sums {
            Some(sums) => sums.iter().copied().fold(f64::NEG_INFINITY, f64::max) - self.price,
            None => f64::from(largest(&self.bounds)) / scene.steps_a_nat - self.price,
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
        let most = scene.most[row][self.direction as usize];
        self.bounds.iter_mut().zip(most).for_each(|(bound, most)| *bound -= most);
        self.sums = None;
    }

    /// No evidence pays for it any more.
    pub(crate) fn refuse(&mut self) {
        self.price = f64::INFINITY;
    }

    /// The severity that fits best, once that is known.
    pub(crate) fn severity(&self) -> f64 {
        let sums = self.sums.unwrap_or([0.0; SEVERITIES]);
        let best = (0..SEVERITIES).reduce(|best, next| if sums[next] > sums[best] { next } else { best });
        severity_of(best.unwrap_or_default())
    }
}

/// Of the ranges.
pub(crate) fn largest(most: &Most) -> i32 {
    most[..POSITIVE].iter().copied().fold(i32::MIN, i32::max)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_as_fine_as_sums_over_all_rows_allow_and_never_promise_too_little() {
        let mut few = vec![[[5, -7, 3, 5], [-1, 0, 2, 2]]; 1_000];
        let same = few.clone();
        assert_eq!(coarser(&mut few), 1.0);
        assert_eq!(few, same);
        let of_row = |row: i32| [[1_000_001 + row, -1_000_000 - row, 3, 7], [-1, 0, 1_999_999, i32::MAX]];
        let mut many: Vec<[Most; 2]> = (0..10_000).map(of_row).collect();
        let fine = many.clone();
        let factor = coarser(&mut many);
        assert_eq!(factor, 16_384.0);
        for at in 0..8 {
            let sum: i64 = many.iter().map(|most| i64::from(most.as_flattened()[at])).sum();
            assert!(i32::try_from(sum).is_ok());
        }
        let pairs = many.iter().zip(&fine).flat_map(|(a, b)| a.as_flattened().iter().zip(b.as_flattened()));
        assert!(pairs.clone().all(|(coarse, fine)| f64::from(*coarse) * factor >= f64::from(*fine)));
        assert!(pairs.clone().all(|(coarse, fine)| f64::from(*coarse) * factor < f64::from(*fine) + factor));
        assert_eq!(coarser(&mut []), 1.0);
    }
}
