//! The answer: what carries the difference, how much of it, how sure, and what is left.

use hark_model::Slice;
use serde::Serialize;

use super::choose::Chosen;
use super::exact_sum::ExactSum;
use super::leaf::Leaf;
use super::scan::{FALSE_NAME_CHANCE, chance_at};
use super::search::Found;
use super::table::LeafTable;

/// Half the width of a 95 % interval in standard deviations.
const Z95: f64 = 1.959_963_985;
/// A total so many standard deviations off is a move, whether or not a slice can be named for it.
const SURE: f64 = 4.0;
/// Where falls and rises cancel to less than this part of what moved, shares of the difference would mean nothing.
const CANCELLED: f64 = 0.05;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The named slices are the reason (besides what moved everywhere, where that is told too).
    Slices,
    /// No single slice: everything moved by about the same factor.
    Everywhere,
    /// What was seen is what was expected, give or take the noise.
    Nothing,
    /// Something moved, and no slice of it stands out from chance.
    Unsure,
}

/// What shares are shares of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ShareOf {
    /// The difference between actual and expected; a slice that moved the other way has a negative share.
    Difference,
    /// Falls and rises cancel: all that moved, either way.
    Moved,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    pub verdict: Verdict,
    pub actual: f64,
    pub expected: f64,
    pub delta: f64,
    /// 95 %.
    pub delta_interval: [f64; 2],
    /// Ranked by how much they carry.
    pub causes: Vec<NamedSlice>,
    pub everywhere: Option<Everywhere>,
    pub rest: Rest,
    pub share_of: ShareOf,
    pub tested: Tested,
}

/// A slice that stands out. Its leaves are those that no slice named with more evidence has.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NamedSlice {
    pub slice: Slice,
    pub share: f64,
    pub share_interval: [f64; 2],
    /// Actual less expected; where everything moved, less that too.
    pub delta: f64,
    pub delta_interval: [f64; 2],
    pub actual: f64,
    pub expected: f64,
    pub leaves: usize,
    /// Logarithm of the evidence over what the slice pays for being one of many.
    pub score: f64,
    /// At most this likely would anything score so high where nothing happened.
    pub chance: f64,
}

/// What all leaves moved by together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Everywhere {
    pub factor: f64,
    pub delta: f64,
    pub share: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rest {
    pub delta: f64,
    pub share: f64,
    pub leaves: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Tested {
    /// Leaves with anything seen or expected.
    pub leaves: usize,
    pub cells: usize,
    /// The chance of naming anything where nothing happened is held to this.
    pub false_name_chance: f64,
    /// More slices would have passed than are named at most.
    pub is_capped: bool,
    /// How far large and small leaves usually lie from their expectation, as a part of it.
    pub usual_deviation: [f64; 2],
}

impl Answer {
    /// Where no leaf has anything seen or expected.
    pub(super) fn nothing() -> Self {
        Self {
            verdict: Verdict::Nothing,
            actual: 0.0,
            expected: 0.0,
            delta: 0.0,
            delta_interval: [0.0; 2],
            causes: Vec::new(),
            everywhere: None,
            rest: Rest { delta: 0.0, share: 1.0, leaves: 0 },
            share_of: ShareOf::Difference,
            tested: Tested {
                leaves: 0,
                cells: 0,
                false_name_chance: FALSE_NAME_CHANCE,
                is_capped: false,
                usual_deviation: [0.0; 2],
            },
        }
    }
}

pub(super) fn answer(table: &LeafTable, rows: &[u32], leaves: &[Leaf], found: &Found) -> Answer {
    let told = if found.tells_factor() { found.factor } else { 1.0 };
    let all = Sums::of(0..leaves.len(), leaves, found, told);
    let everywhere_delta = (told - 1.0) * all.expected;
    let mut named = 0;
    let mut is_named = vec![false; leaves.len()];
    let chosen = found.choice.chosen.iter().filter(|chosen| chosen.cell.layer() > 0);
    let mut sized: Vec<(&Chosen, Sums)> = chosen
        .map(|chosen| {
            named += chosen.rows.len();
            chosen.rows.iter().for_each(|&row| is_named[row as usize] = true);
            (chosen, Sums::of(chosen.rows.iter().map(|&row| row as usize), leaves, found, told))
        })
        .collect();
    sized.sort_by(|(a, a_sums), (b, b_sums)| {
        let by_size = a_sums.delta.abs().total_cmp(&b_sums.delta.abs()).reverse();
        by_size.then_with(|| b.score.total_cmp(&a.score)).then_with(|| a.cell.cmp(&b.cell))
    });
    let rest = Sums::of((0..leaves.len()).filter(|&row| !is_named[row]), leaves, found, told);
    let parts = sized.iter().map(|(_, sums)| sums.delta).chain([everywhere_delta, rest.delta]);
    let shares = Shares::new(&parts.collect::<Vec<f64>>());
    let causes: Vec<NamedSlice> =
        sized.iter().map(|(chosen, sums)| name(table, rows, chosen, sums, &all, &shares)).collect();
    let everywhere =
        (told != 1.0).then(|| Everywhere { factor: told, delta: everywhere_delta, share: shares.of(everywhere_delta) });
    let verdict = if !causes.is_empty() {
        Verdict::Slices
    } else if everywhere.is_some() {
        Verdict::Everywhere
    } else if all.delta.abs() > SURE * all.variance.sqrt() {
        Verdict::Unsure
    } else {
        Verdict::Nothing
    };
    Answer {
        verdict,
        actual: all.actual,
        expected: all.expected,
        delta: all.actual - all.expected,
        delta_interval: all.interval(all.actual - all.expected),
        causes,
        everywhere,
        rest: Rest { delta: rest.delta, share: shares.of(rest.delta), leaves: leaves.len() - named },
        share_of: shares.kind,
        tested: Tested {
            leaves: leaves.len(),
            cells: found.choice.looked_at,
            false_name_chance: FALSE_NAME_CHANCE,
            is_capped: found.choice.is_capped,
            usual_deviation: found.noise.usual_deviation(),
        },
    }
}

fn name(table: &LeafTable, rows: &[u32], chosen: &Chosen, sums: &Sums, all: &Sums, shares: &Shares) -> NamedSlice {
    let first = chosen.rows.first().map_or(0, |&row| rows[row as usize] as usize);
    let pair = |(dimension, _): (usize, u32)| {
        let code = table.codes(dimension)[first] as usize;
        (table.dimensions()[dimension].clone(), table.values(dimension)[code].clone())
    };
    let share = shares.of(sums.delta);
    // Of a quotient whose parts are this slice and everything else.
    let others = (all.variance - sums.variance).max(0.0);
    let wide = ((1.0 - share).powi(2) * sums.variance + share * share * others).sqrt();
    let wide = if shares.whole == 0.0 { 0.0 } else { wide / shares.whole.abs() };
    NamedSlice {
        slice: chosen.cell.pairs().map(pair).collect::<Slice>(),
        share,
        share_interval: [share - Z95 * wide, share + Z95 * wide],
        delta: sums.delta,
        delta_interval: sums.interval(sums.delta),
        actual: sums.actual,
        expected: sums.expected,
        leaves: chosen.rows.len(),
        score: chosen.score,
        chance: chance_at(chosen.score).min(1.0),
    }
}

/// Sums over some leaves, the same in whatever order they come.
struct Sums {
    actual: f64,
    expected: f64,
    /// Beyond what moved everywhere.
    delta: f64,
    variance: f64,
}

impl Sums {
    fn of(rows: impl Iterator<Item = usize>, leaves: &[Leaf], found: &Found, told: f64) -> Self {
        let [mut actual, mut expected, mut variance] = [ExactSum::default(); 3];
        for row in rows {
            actual.add(leaves[row].actual);
            expected.add(leaves[row].expected);
            variance.add(found.noise.variance(&found.leaves[row]));
        }
        let (actual, expected) = (actual.value(), expected.value());
        Self { actual, expected, delta: actual - told * expected, variance: variance.value() }
    }

    fn interval(&self, delta: f64) -> [f64; 2] {
        let wide = Z95 * self.variance.sqrt();
        [delta - wide, delta + wide]
    }
}

/// What the parts are divided by, so that they sum to one.
struct Shares {
    kind: ShareOf,
    whole: f64,
}

impl Shares {
    fn new(parts: &[f64]) -> Self {
        let difference: f64 = parts.iter().copied().collect::<ExactSum>().value();
        let moved: f64 = parts.iter().map(|part| part.abs()).collect::<ExactSum>().value();
        if difference.abs() > CANCELLED * moved {
            Self { kind: ShareOf::Difference, whole: difference }
        } else {
            Self { kind: ShareOf::Moved, whole: moved }
        }
    }

    fn of(&self, part: f64) -> f64 {
        match self.kind {
            _ if self.whole == 0.0 => 0.0,
            ShareOf::Difference => part / self.whole,
            ShareOf::Moved => part.abs() / self.whole,
        }
    }
}
