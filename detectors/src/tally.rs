//! What one step says against its expectation, as a likelihood: so many of so many, so many at all, or a distance.

use serde::{Deserialize, Serialize};

/// One step's count and what was expected of it. Likelihoods are exact, so that three requests weigh as three.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum Tally {
    /// `hits` of `count` requests, each with the chance `chance`.
    Share { hits: f64, count: f64, chance: f64 },
    /// `count` requests where `mean` were expected.
    Count { count: f64, mean: f64 },
    /// Values so many standard deviations above their expectation, over so many steps together.
    Distance { z: f64, steps: f64 },
}

impl Tally {
    /// Distance from the expectation in standard deviations of pure sampling noise.
    pub(crate) fn z(self) -> f64 {
        match self {
            Self::Share { hits, count, chance } => {
                let variance = count * chance * (1.0 - chance);
                if variance > 0.0 { (hits - count * chance) / variance.sqrt() } else { 0.0 }
            }
            Self::Count { count, mean } => (count - mean) / mean.max(f64::MIN_POSITIVE).sqrt(),
            Self::Distance { z, steps } => z / steps.sqrt(),
        }
    }

    /// Log-likelihood ratio of the odds (the mean, the distance) being changed by `factor` against being as expected.
    pub(crate) fn evidence_for(self, factor: f64) -> f64 {
        match self {
            Self::Share { hits, count, chance } => {
                // The chance becomes `factor * chance / total`, that of a miss `(1 - chance) / total`.
                let total = 1.0 - chance + factor * chance;
                hits * factor.ln() - count * total.ln()
            }
            Self::Count { count, mean } => count * factor.ln() - mean * (factor - 1.0),
            Self::Distance { z, steps } => {
                let shift = distance_of(factor);
                shift * z - steps * shift * shift / 2.0
            }
        }
    }

    /// Observed over expected, for judging how strong a move is.
    pub(crate) fn observed_and_expected(self) -> (f64, f64) {
        match self {
            Self::Share { hits, count, chance } => (hits, count * chance),
            Self::Count { count, mean } => (count, mean),
            Self::Distance { z, .. } => (z, 0.0),
        }
    }
}

/// A factor on odds read as a shift in standard deviations, so that one list of alternatives serves all: doubling is one.
fn distance_of(factor: f64) -> f64 {
    factor.log2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expected_step_speaks_against_any_change() {
        let tallies = [
            Tally::Share { hits: 5.0, count: 100.0, chance: 0.05 },
            Tally::Count { count: 100.0, mean: 100.0 },
            Tally::Distance { z: 0.0, steps: 1.0 },
        ];
        for tally in tallies {
            assert_eq!(tally.z(), 0.0);
            assert!(tally.evidence_for(2.0) < 0.0 && tally.evidence_for(0.5) < 0.0);
            assert_eq!(tally.evidence_for(1.0), 0.0);
        }
    }

    #[test]
    fn the_evidence_is_an_e_value() {
        // The likelihood ratio's expectation under the null is 1, summed exactly over the binomial distribution.
        let (count, chance, factor) = (30, 0.1_f64, 1.8);
        let mut probability = (1.0 - chance).powi(count);
        let mut expectation = 0.0;
        for hits in 0..=count {
            let tally = Tally::Share { hits: f64::from(hits), count: f64::from(count), chance };
            expectation += probability * tally.evidence_for(factor).exp();
            probability *= f64::from(count - hits) / f64::from(hits + 1) * chance / (1.0 - chance);
        }
        assert!((expectation - 1.0).abs() < 1e-9, "{expectation}");
    }
}
