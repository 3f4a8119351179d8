//! Which cells together tell best what happened: the best one, then the best of what it leaves, until none pays.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;

use super::evidence::Direction;
use super::scan::{Candidate, Cell, Scene, Vectors, score_min};
use super::sweep::sweep;

/// More cells than this are no explanation; the rest is listed as not named.
pub(crate) const CELLS_MAX: usize = 16;

/// A part that fell by the same as the rest of its whole, to this much, is no slice of its own.
const SEVERITY_ALIKE: f64 = 0.11;

/// Where one row in so many is taken at once, another sweep is cheaper than taking each out of all cells it lies in.
const RESWEEP_ONE_IN: usize = 10;

/// A cell that is worth naming.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Chosen {
    pub(crate) cell: Cell,
    pub(crate) direction: Direction,
    pub(crate) score: f64,
    /// The part by which its leaves fell (or rose), to the nearest step of the grid.
    severity: f64,
    /// Its rows, without those of cells chosen before it.
    pub(crate) rows: Vec<u32>,
}

#[derive(Debug, Default)]
pub(crate) struct Choice {
    pub(crate) chosen: Vec<Chosen>,
    pub(crate) looked_at: usize,
    pub(crate) is_capped: bool,
}

impl Choice {
    /// Whether more can be chosen: everything leaves nothing.
    fn is_open(&self) -> bool {
        !self.is_capped && self.chosen.last().is_none_or(|last| last.cell.layer() > 0)
    }

    /// A cell takes up its parts that were chosen before it and moved alike.
    fn push(&mut self, mut whole: Chosen) {
        let is_part = |part: &mut Chosen| {
            let is_alike = (part.severity - whole.severity).abs() < SEVERITY_ALIKE;
            whole.cell.layer() > 0 && part.cell.lies_in(&whole.cell) && is_alike && part.direction == whole.direction
        };
        let parts: Vec<Chosen> = self.chosen.extract_if(.., is_part).collect();
        parts.into_iter().for_each(|part| whole.rows.extend(part.rows));
        self.chosen.push(whole);
    }

    /// Names a whole in place of its parts where it tells nearly as much, now that it is known what else moved in it.
    fn merge(&mut self, scene: &Scene, vectors: &mut Vectors) {
        let mut wholes: Vec<(Cell, Direction)> = Vec::new();
        for part in &self.chosen {
            wholes.extend(part.cell.wholes().map(|whole| (whole, part.direction)));
        }
        wholes.sort_unstable();
        let mut seen: Vec<(Cell, Direction)> =
            wholes.chunk_by(|a, b| a == b).filter(|same| same.len() > 1).map(|same| same[0]).collect();
        seen.sort_unstable_by_key(|(cell, _)| cell.layer());
        for (cell, direction) in seen {
            let is_part = |part: &Chosen| part.direction == direction && part.cell.lies_in(&cell);
            let apart: f64 = self.chosen.iter().filter(|part| is_part(part)).map(|part| part.score).sum();
            let mut is_free = vec![true; scene.rows()];
            for other in self.chosen.iter().filter(|other| !is_part(other) && other.cell.layer() > 0) {
                other.rows.iter().for_each(|&row| is_free[row as usize] = false);
            }
            let rows = scene.rows_of(&cell, &is_free);
            let whole = scene.candidate(cell, direction, &rows, vectors);
            let (score, severity) = (whole.score_at_most(scene), whole.severity());
            if score >= score_min() && scene.parsimony.parts_better * score >= apart {
                self.chosen.retain(|part| !is_part(part));
                self.chosen.push(Chosen { cell, direction, score, severity, rows });
            }
        }
    }
}

pub(crate) fn choose(scene: &Scene) -> Choice {
    let mut chooser = Chooser {
        scene,
        vectors: Vectors::new(scene.rows()),
        free: vec![true; scene.rows()],
        choice: Choice::default(),
    };
    for directions in scene.parsimony.passes {
        chooser.pass(directions);
    }
    let Chooser { mut choice, mut vectors, .. } = chooser;
    if choice.is_open() {
        choice.merge(scene, &mut vectors);
    }
    choice
}

struct Chooser<'a> {
    scene: &'a Scene,
    vectors: Vectors,
    free: Vec<bool>,
    choice: Choice,
}

impl Chooser<'_> {
    /// Chooses among cells that moved in some directions until none pays.
    fn pass(&mut self, directions: &[Direction]) {
        let Self { scene, vectors, free, choice } = self;
        while choice.is_open() {
            let (mut candidates, looked_at) = sweep(scene, free, score_min());
            candidates.retain(|candidate| directions.contains(&candidate.direction));
            choice.looked_at = choice.looked_at.max(looked_at);
            let before = choice.chosen.len();
            let mut field = Field::new(candidates);
            while let Some(at) = field.best(scene, free, vectors) {
                if choice.chosen.len() == CELLS_MAX {
                    choice.is_capped = true;
                    return;
                }
                let rows = scene.rows_of(&field.candidates[at].cell, free);
                if !field.is_borne_out(at, scene, &rows) {
                    field.candidates[at].refuse();
                    continue;
                }
                let is_large = RESWEEP_ONE_IN * rows.len() >= scene.rows();
                let chosen = field.take(at, rows, scene, free, !is_large);
                choice.push(chosen);
                if is_large || !choice.is_open() {
                    break;
                }
            }
            if choice.chosen.len() == before {
                return;
            }
        }
    }
}

/// Candidates, found by their cells.
struct Field {
    candidates: Vec<Candidate>,
    /// For each combination of dimensions the candidates of its cells.
    places: Vec<Cuboid>,
}

/// Some dimensions, and the candidates of their cells.
type Cuboid = (Vec<usize>, FxHashMap<Cell, Vec<usize>>);

impl Field {
    fn new(candidates: Vec<Candidate>) -> Self {
        let mut places: Vec<Cuboid> = Vec::new();
        for (at, candidate) in candidates.iter().enumerate() {
            let dimensions: Vec<usize> = candidate.cell.dimensions().iter().map(|&at| usize::from(at)).collect();
            if places.last().is_none_or(|(last, _)| *last != dimensions) {
                places.push((dimensions, FxHashMap::default()));
            }
            if let Some((_, cells)) = places.last_mut() {
                cells.entry(candidate.cell).or_default().push(at);
            }
        }
        Self { candidates, places }
    }

    /// The best candidate that pays, or the best of its parts where these together tell it better than the whole.
    fn best(&mut self, scene: &Scene, free: &[bool], vectors: &mut Vectors) -> Option<usize> {
        // Only what could be the best is weighed: the others are known not to score as much.
        let ranks = (0..self.candidates.len()).map(|at| self.rank(at, scene)).filter(|rank| rank.score >= score_min());
        let mut ranks: BinaryHeap<Rank> = ranks.collect();
        let mut best = loop {
            let Rank { at, .. } = ranks.pop()?;
            if self.candidates[at].is_known() {
                break at;
            }
            self.weigh(at, scene, free, vectors);
            ranks.extend(Some(self.rank(at, scene)).filter(|rank| rank.score >= score_min()));
        };
        while let Some(part) = self.better_part(best, scene, free, vectors) {
            best = part;
        }
        Some(best)
    }

    fn score(&self, at: usize, scene: &Scene) -> f64 {
        self.candidates[at].score_at_most(scene)
    }

    fn rank(&self, at: usize, scene: &Scene) -> Rank {
        let Candidate { cell, direction, .. } = self.candidates[at];
        Rank { score: self.score(at, scene), cell, direction, at }
    }

    fn weigh(&mut self, at: usize, scene: &Scene, free: &[bool], vectors: &mut Vectors) {
        if !self.candidates[at].is_known() {
            let rows = scene.rows_of(&self.candidates[at].cell, free);
            self.candidates[at].weigh(scene, &rows, vectors);
        }
    }

    fn better_part(&mut self, whole: usize, scene: &Scene, free: &[bool], vectors: &mut Vectors) -> Option<usize> {
        let Candidate { cell, direction, .. } = self.candidates[whole];
        let mut parts: Vec<Vec<usize>> = vec![Vec::new(); scene.values.len()];
        for (at, part) in self.candidates.iter().enumerate() {
            if part.direction == direction
                && part.score_at_most(scene) >= score_min()
                && let Some(added) = cell.dimension_added_by(&part.cell)
            {
                parts[added].push(at);
            }
        }
        let needed = scene.parsimony.parts_better * self.score(whole, scene);
        let mut best: Option<(f64, usize)> = None;
        for parts in parts {
            let sum = |field: &Self| -> f64 {
                let scores = parts.iter().map(|&at| field.score(at, scene));
                scores.filter(|&score| score >= score_min()).sum()
            };
            if sum(self) <= needed {
                continue;
            }
            parts.iter().for_each(|&at| self.weigh(at, scene, free, vectors));
            let sum = sum(self);
            let first = parts.iter().map(|&at| self.rank(at, scene)).max();
            if let Some(first) = first.filter(|_| sum > needed && best.is_none_or(|(most, _)| sum > most)) {
                best = Some((sum, first.at));
            }
        }
        best.map(|(_, part)| part)
    }

    /// Half of the leaves that can tell must have moved, give or take chance: a few wild ones make no slice of the others.
    fn is_borne_out(&self, at: usize, scene: &Scene, rows: &[u32]) -> bool {
        let Candidate { direction, .. } = self.candidates[at];
        let severity = self.candidates[at].severity();
        let told = rows.iter().filter_map(|&row| scene.said[row as usize].bears_out(direction, severity));
        let (moved, all) =
            told.fold((0.0, 0.0), |(moved, all), is_moved| (moved + f64::from(u8::from(is_moved)), all + 1.0));
        all < 0.5 * rows.len() as f64 || moved + f64::sqrt(all) >= 0.5 * all
    }

    /// Takes the rows of a candidate, and out of all others where these are needed still.
    fn take(&mut self, at: usize, rows: Vec<u32>, scene: &Scene, free: &mut [bool], from_others: bool) -> Chosen {
        let candidate = &self.candidates[at];
        let (cell, direction, severity) = (candidate.cell, candidate.direction, candidate.severity());
        let score = self.score(at, scene);
        rows.iter().for_each(|&row| free[row as usize] = false);
        for (dimensions, cells) in self.places.iter().filter(|_| from_others) {
            for &row in &rows {
                let cell = Cell::new(dimensions, |at| scene.codes[at][row as usize]);
                let places = cells.get(&cell).map_or(&[][..], Vec::as_slice);
                places.iter().for_each(|&place| self.candidates[place].lose(scene, row as usize));
            }
        }
        Chosen { cell, direction, score, severity, rows }
    }
}

/// What a candidate scores, or could at most; ties go to the shallower cell, then to the earlier dimensions and values.
#[derive(Debug, PartialEq)]
struct Rank {
    score: f64,
    cell: Cell,
    direction: Direction,
    at: usize,
}

impl Eq for Rank {}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        let earlier = || (other.cell, other.direction).cmp(&(self.cell, self.direction));
        self.score.total_cmp(&other.score).then_with(earlier)
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
