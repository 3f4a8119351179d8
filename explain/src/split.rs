//! The move of a scope's bad share from its usual one, told apart into how requests fared and who came.

use hark_model::{Leaf, Leaves};

use crate::baseline::trust;
use crate::leaf_evidence::Evidence;

/// Both parts add up to the move.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Split {
    /// Those who came fared worse: what today's requests lie above the usual shares of their like.
    pub within: f64,
    /// Others came.
    pub mix_shift: f64,
    /// How many deviations of chance `within` is.
    pub deviations: f64,
}

impl Split {
    /// The part of the move that is a change of who came.
    pub fn mix_part(&self) -> f64 {
        let all = self.within.abs() + self.mix_shift.abs();
        if all > 0.0 { self.mix_shift.abs() / all } else { 0.0 }
    }

    /// What is left of the move when like is compared with like: 1 is all of it, and it may be more.
    pub fn rate_part(&self) -> f64 {
        let moved = self.within + self.mix_shift;
        if moved.abs() > f64::MIN_POSITIVE { self.within / moved } else { 1.0 }
    }
}

pub(crate) fn split(leaves: &Leaves, evidence: &[Evidence], inside: &[bool], usual: f64) -> Option<Split> {
    let rows = || leaves.leaves.iter().zip(evidence).zip(inside).filter(|(_, inside)| **inside).map(|(row, _)| row);
    let after: f64 = rows().map(|(leaf, _)| leaf.after).sum();
    if after <= 0.0 {
        return None;
    }
    let moved = rows().map(|(leaf, _)| leaf.bad_after).sum::<f64>() / after - usual;
    let excess: f64 = rows().map(|(_, said)| said.excess).sum();
    let deviation = deviation(rows());
    let deviations = if deviation > 0.0 { excess / deviation } else { 0.0 };
    let within = excess / after;
    Some(Split { within, deviations, mix_shift: moved - within })
}

/// How far the excess of some leaves lies from nothing by chance, where nothing happened. The usual share is itself an
/// estimate, the less sure the shorter the leaf's past.
pub(crate) fn deviation<'a>(rows: impl Iterator<Item = (&'a Leaf, &'a Evidence)>) -> f64 {
    let variance = |(leaf, said): (&Leaf, &Evidence)| {
        said.expected * (1.0 - said.expected / leaf.after.max(1.0)) / trust(leaf.before, leaf.after)
    };
    rows.map(variance).sum::<f64>().max(0.0).sqrt()
}
