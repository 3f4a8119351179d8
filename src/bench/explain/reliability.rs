//! Whether what is told with some probability is so that often.

use crate::bench::figures::wilson;

/// Bands of probability begin here.
const BOUNDS: [f64; 6] = [0.0, 0.1, 0.25, 0.5, 0.75, 0.9];

/// By band: how many, the sum of the probabilities, and how many were so.
#[derive(Debug, Clone, Default)]
pub(super) struct Reliability([(u64, f64, u64); BOUNDS.len()]);

impl Reliability {
    pub(super) fn add(&mut self, probability: f64, is_so: bool) {
        let at = BOUNDS.iter().rposition(|&bound| probability >= bound).unwrap_or(0);
        let (all, sum, so) = self.0[at];
        self.0[at] = (all + 1, sum + probability, so + u64::from(is_so));
    }

    /// Each band that holds something, and all below the last one together, of which each alone may hold too few.
    pub(super) fn print(&self) {
        for (at, &band) in self.0.iter().enumerate().filter(|(_, (all, ..))| *all > 0) {
            let to = BOUNDS.get(at + 1).copied().unwrap_or(1.0);
            print_band(&format!("{:.2} to {to:.2}", BOUNDS[at]), band);
        }
        let (_, below) = self.0.split_last().unwrap_or((&(0, 0.0, 0), &[]));
        let below = below.iter().fold((0, 0.0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1, sum.2 + one.2));
        if below.0 > 0 {
            print_band(&format!("below {:.2}  ", BOUNDS[BOUNDS.len() - 1]), below);
        }
    }
}

fn print_band(name: &str, (all, sum, so): (u64, f64, u64)) {
    let [low, high] = wilson(so, all);
    let (mean, seen) = (sum / all as f64, so as f64 / all as f64);
    println!("  {name}: {all:>4}, told {mean:.2}, true {seen:.2} [{low:.2}, {high:.2}]");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_goes_into_its_band() {
        let mut reliability = Reliability::default();
        for (probability, is_so) in [(0.05, false), (0.25, true), (0.49, false), (0.9, true), (1.0, true)] {
            reliability.add(probability, is_so);
        }
        let counts: Vec<(u64, u64)> = reliability.0.iter().map(|(all, _, so)| (*all, *so)).collect();
        assert_eq!(counts, [(1, 0), (0, 0), (2, 1), (0, 0), (0, 0), (2, 2)]);
        assert!((reliability.0[2].1 - 0.74).abs() < 1e-12);
    }
}
