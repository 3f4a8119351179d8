//! The cells that tell most, whether or not they are beyond chance: what is named, and what it could be as well.

use super::evidence::Direction;
use super::scan::{Candidate, Cell, Scene, Vectors};
use super::sweep::sweep;

/// The cells of the highest scores above `least` with these, at most so many; the highest first.
pub(crate) fn contenders(scene: &Scene, direction: Direction, least: f64, most: usize) -> Vec<(Cell, f64)> {
    let free = vec![true; scene.rows()];
    let (mut candidates, _) = sweep(scene, &free, least);
    candidates.retain(|candidate| candidate.direction == direction);
    let bound = |candidate: &Candidate| candidate.score_at_most(scene);
    candidates.sort_by(|a, b| bound(b).total_cmp(&bound(a)).then_with(|| a.cell.cmp(&b.cell)));
    let mut vectors = Vectors::new(scene.rows());
    let mut known: Vec<(Cell, f64)> = Vec::new();
    for mut candidate in candidates {
        // Those that follow could not score as much.
        if known.len() == most && known.last().is_some_and(|(_, score)| candidate.score_at_most(scene) <= *score) {
            break;
        }
        let rows = scene.rows_of(&candidate.cell, &free);
        candidate.weigh(scene, &rows, &mut vectors);
        let score = candidate.score_at_most(scene);
        if score > least {
            known.push((candidate.cell, score));
            known.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            known.truncate(most);
        }
    }
    known
}
