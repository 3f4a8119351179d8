//! Which part of a move is a change of who came, and how sure that is.

use hark_model::{Leaves, MixShare};

use crate::groups::Groups;

const Z95: f64 = 1.96;

/// `whole` is the move in the metric's unit, `(within, mix)`. Its error is that of the shares of bad requests, by the
/// delta method, in the proportion in which the move of that share is the move of the statistic.
pub(crate) fn mix_share(
    leaves: &Leaves,
    rows: &[u32],
    groups: &Groups,
    whole: (f64, f64),
    size: f64,
) -> Option<MixShare> {
    let (within, mix) = (whole.0.abs(), whole.1.abs());
    if within + mix <= 0.0 {
        return None;
    }
    let share = mix / (within + mix);
    let sums = Sums::of(leaves, rows, groups);
    let (moved, variance_within, variance_mix) = sums.errors()?;
    // Of one unit of the share in units of the statistic.
    let scale = if moved.abs() > 0.0 { size / moved } else { return None };
    let by_within = -mix / (within + mix).powi(2);
    let by_mix = within / (within + mix).powi(2);
    let variance = by_within.powi(2) * variance_within + by_mix.powi(2) * variance_mix;
    let half = Z95 * scale.abs() * variance.sqrt();
    Some(MixShare { share, interval: [(share - half).max(0.0), (share + half).min(1.0)] })
}

/// Requests and bad ones of each group, before and after.
struct Sums {
    requests: Vec<[f64; 2]>,
    bad: Vec<[f64; 2]>,
}

impl Sums {
    fn of(leaves: &Leaves, rows: &[u32], groups: &Groups) -> Self {
        let mut sums = Self { requests: vec![[0.0; 2]; groups.blocks.len()], bad: vec![[0.0; 2]; groups.blocks.len()] };
        for &row in rows {
            let (leaf, Some(group)) = (&leaves.leaves[row as usize], groups.of[row as usize]) else { continue };
            let (requests, bad) = (&mut sums.requests[group as usize], &mut sums.bad[group as usize]);
            *requests = [requests[0] + leaf.before, requests[1] + leaf.after];
            *bad = [bad[0] + leaf.bad_before, bad[1] + leaf.bad_after];
        }
        sums
    }

    /// How far the share of bad requests moved, and the variances of what lies within and of the mix.
    fn errors(&self) -> Option<(f64, f64, f64)> {
        let all = [0, 1].map(|side| self.requests.iter().map(|own| own[side]).sum::<f64>());
        let bad = [0, 1].map(|side| self.bad.iter().map(|own| own[side]).sum::<f64>());
        if all.iter().any(|&all| all <= 0.0) {
            return None;
        }
        let mut within = 0.0;
        // Of each side the weighted sum of the groups' means and of their squares.
        let mut means = [(0.0, 0.0); 2];
        for (requests, bad) in self.requests.iter().zip(&self.bad) {
            let weights = [requests[0] / all[0], requests[1] / all[1]];
            let share = |side: usize| (bad[side] + 0.5) / (requests[side] + 1.0);
            let middle = (share(0) + share(1)) / 2.0;
            let weight = (weights[0] + weights[1]) / 2.0;
            for side in [0, 1] {
                within += weight.powi(2) * share(side) * (1.0 - share(side)) / requests[side].max(1.0);
                means[side].0 += weights[side] * middle;
                means[side].1 += weights[side] * middle * middle;
            }
        }
        let mix = [0, 1].map(|side| (means[side].1 - means[side].0.powi(2)).max(0.0) / all[side]);
        Some((bad[1] / all[1] - bad[0] / all[0], within, mix[0] + mix[1]))
    }
}
