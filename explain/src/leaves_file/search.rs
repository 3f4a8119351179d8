//! From a table of leaves to the answer.

use super::answer::{Answer, answer};
use super::at_once::at_once;
use super::choose::{Choice, choose};
use super::evidence::Said;
use super::leaf::Leaf;
use super::noise::Noise;
use super::overall::{common_factor, corrected_factor, middle_factor};
use super::scan::Scene;
use super::table::LeafTable;

/// A move of all leaves by less is taken for the forecast's bias: it is allowed for and not told.
const TOLD_FROM: f64 = 0.01;
/// Where less than this is left of everything, there is nothing to compare slices by.
const ALL_GONE: f64 = 0.02;
/// What moved everywhere is found again without the slices that moved otherwise, so often at most.
const ROUNDS_MAX: usize = 3;
/// Noise is learned again without the named slices where they leave one leaf in so many.
const OTHERS_MIN: usize = 4;

/// Names the slices that carry the difference between what was seen and what was expected; none where it is everywhere,
/// where there is none, or where nothing can be told from chance.
pub fn root_causes(table: &LeafTable) -> Answer {
    let all = leaves_of(table);
    let rows: Vec<u32> = (0..all.len() as u32).filter(|&row| all[row as usize].size() > 0.0).collect();
    let leaves: Vec<Leaf> = rows.iter().map(|&row| all[row as usize]).collect();
    if leaves.is_empty() {
        return Answer::nothing();
    }
    let handful = Noise::handful_of(&leaves);
    let mut factor = common_factor(&leaves, handful).filter(|factor| *factor >= ALL_GONE).unwrap_or(1.0);
    let mut found = search(table, &rows, &leaves, factor, true);
    for round in 1..=ROUNDS_MAX {
        let others = found.unnamed().map(|row| leaves[row]).collect::<Vec<Leaf>>();
        if found.names_everything() {
            factor = middle_factor(&others, handful);
        } else if let Some(corrected) = corrected_factor(&others, handful, factor) {
            factor = corrected;
        } else {
            break;
        }
        if factor < ALL_GONE {
            found.factor = factor;
            break;
        }
        found = search(table, &rows, &leaves, factor, round < ROUNDS_MAX);
    }
    answer(table, &rows, &leaves, &found)
}

/// What a search around one factor found.
pub(super) struct Found {
    /// What all leaves are taken to have moved by, and whether that is worth telling.
    pub(super) factor: f64,
    /// The leaves against their expectation times the factor.
    pub(super) leaves: Vec<Leaf>,
    pub(super) noise: Noise,
    pub(super) choice: Choice,
}

impl Found {
    fn names_everything(&self) -> bool {
        self.choice.chosen.iter().any(|chosen| chosen.cell.layer() == 0)
    }

    /// The rows in no named slice.
    fn unnamed(&self) -> impl Iterator<Item = usize> {
        let mut is_named = vec![false; self.leaves.len()];
        for chosen in self.choice.chosen.iter().filter(|chosen| chosen.cell.layer() > 0) {
            chosen.rows.iter().for_each(|&row| is_named[row as usize] = true);
        }
        (0..self.leaves.len()).filter(move |&row| !is_named[row])
    }

    pub(super) fn tells_factor(&self) -> bool {
        (self.factor - 1.0).abs() >= TOLD_FROM
    }
}

fn leaves_of(table: &LeafTable) -> Vec<Leaf> {
    let rows = table.actual().iter().zip(table.expected());
    rows.map(|(&actual, &expected)| Leaf { actual, expected }).collect()
}

fn search(table: &LeafTable, rows: &[u32], leaves: &[Leaf], factor: f64, with_everything: bool) -> Found {
    let centred = leaves.iter().map(|leaf| Leaf { expected: leaf.expected * factor, ..*leaf });
    let leaves: Vec<Leaf> = centred.collect();
    let dimensions = 0..table.dimensions().len();
    let column = |at: usize| rows.iter().map(|&row| table.codes(at)[row as usize]).collect::<Vec<u32>>();
    let codes: Vec<Vec<u32>> = dimensions.clone().map(column).collect();
    let values: Vec<usize> = dimensions.map(|at| table.values(at).len()).collect();
    let choose_by = |noise: &Noise| {
        let said = at_once(leaves.len(), |rows| leaves[rows].iter().map(|leaf| Said::new(leaf, noise)).collect());
        choose(&Scene::new(codes.clone(), values.clone(), said, noise.shape, with_everything))
    };
    let noise = Noise::learn(&leaves, &leaves);
    let choice = choose_by(&noise);
    let mut found = Found { factor, leaves: Vec::new(), noise, choice };
    found.leaves.clone_from(&leaves);
    let others: Vec<Leaf> = found.unnamed().map(|row| leaves[row]).collect();
    // Slices that moved may have passed for noise; without them smaller ones are heard.
    if !found.choice.chosen.is_empty() && others.len() >= leaves.len() / OTHERS_MIN {
        let noise = Noise::learn(&leaves, &others);
        if noise.is_finer_than(&found.noise) {
            found.choice = choose_by(&noise);
            found.noise = noise;
        }
    }
    found
}
