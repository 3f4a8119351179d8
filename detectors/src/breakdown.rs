//! What a verdict is made of: sums whose terms add up to what was expected of a row, or to how strange it is.

use serde::Serialize;

use crate::values::scale::Scale;

/// Of one row, before it is learned from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Breakdown {
    /// Of a detector that says what a row should have been.
    #[serde(flatten)]
    pub forecast: Option<Forecast>,
    pub sums: Vec<Sum>,
}

/// What a row should have been.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Forecast {
    pub expected: f64,
    /// By so many usual surprises the row is off.
    pub deviations: f64,
    /// Terms were added as logarithms; what each of them moved is told in the units of the series.
    pub is_logarithmic: bool,
}

/// A number, and the terms that add up to it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sum {
    pub of: &'static str,
    pub total: f64,
    pub terms: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Term {
    pub name: String,
    /// How many rows with a value lie between, where the term is of one of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values_back: Option<usize>,
    /// What it is made of.
    #[serde(flatten)]
    pub made_of: Option<MadeOf>,
    pub amount: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub enum MadeOf {
    /// Both as the model sees them: of logarithms, of differences, without the season.
    Product { coefficient: f64, times: f64 },
    /// What was seen and what the model made of it, in its own units; the amount is the square of what is between them.
    Error { seen: f64, made_up: f64 },
}

pub(crate) const EXPECTED: &str = "expected";

impl Term {
    pub(crate) fn new(name: impl Into<String>, amount: f64) -> Self {
        Self { name: name.into(), values_back: None, made_of: None, amount }
    }

    pub(crate) fn product(name: impl Into<String>, coefficient: f64, times: f64) -> Self {
        let made_of = Some(MadeOf::Product { coefficient, times });
        Self { made_of, ..Self::new(name, coefficient * times) }
    }
}

impl Sum {
    pub(crate) fn of_terms(of: &'static str, terms: Vec<Term>) -> Self {
        Self { of, total: terms.iter().map(|term| term.amount).sum(), terms }
    }

    pub(crate) fn add(&mut self, term: Term) {
        self.total += term.amount;
        self.terms.push(term);
    }
}

impl Breakdown {
    /// From terms as the model sees them, the level before all others, which move it. `deviations` is by how many of its
    /// usual surprises the row is off. `None` where numbers are too large to be told.
    pub(crate) fn of_forecast(scale: Scale, mut terms: Vec<Term>, deviations: f64) -> Option<Self> {
        in_natural_units(scale, &mut terms);
        let sum = Sum::of_terms(EXPECTED, terms);
        let forecast = Forecast { expected: sum.total, deviations, is_logarithmic: scale != Scale::Plain };
        let is_told = sum.total.is_finite() && deviations.is_finite();
        is_told.then(|| Self { forecast: Some(forecast), sums: vec![sum] })
    }

    /// From the errors of what was made up again, of which the largest comes first.
    pub(crate) fn of_errors(mut errors: Vec<Term>) -> Self {
        errors.sort_by(|a, b| b.amount.total_cmp(&a.amount));
        Self { forecast: None, sums: vec![Sum::of_terms("reconstruction error", errors)] }
    }
}

/// Where logarithms were added, each term but the first counts by the logarithmic mean of level and sum: then they still add
/// up (Ang, "The LMDI approach to decomposition analysis", 2005).
fn in_natural_units(scale: Scale, terms: &mut [Term]) {
    let Scale::Log { .. } = scale else { return };
    let moved: f64 = terms.iter().skip(1).map(|term| term.amount).sum();
    let Some((level, others)) = terms.split_first_mut() else { return };
    let from = level.amount.exp();
    // (e^moved - 1) / moved, which is one where nothing moved.
    let by = if moved == 0.0 { from } else { from * moved.exp_m1() / moved };
    level.amount = scale.back(level.amount);
    others.iter_mut().for_each(|term| term.amount *= by);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_of_logarithms_add_up_to_the_value_itself() {
        let terms = || vec![Term::new("level", 100_f64.ln()), Term::new("a", 0.7), Term::new("b", -0.2)];
        let scale = Scale::Log { more: 0.5 };
        let broken = Breakdown::of_forecast(scale, terms(), 1.0).unwrap();
        let expected = scale.back(100_f64.ln() + 0.5);
        assert!((broken.forecast.unwrap().expected / expected - 1.0).abs() < 1e-12, "{broken:?}");
        let [level, a, b] = [0, 1, 2].map(|at| broken.sums[0].terms[at].amount);
        assert!((level - 99.5).abs() < 1e-9 && (a / b + 3.5).abs() < 1e-12, "{broken:?}");
        // Terms that cancel each other move nothing.
        let still = vec![Term::new("level", 2.0), Term::new("a", 0.7), Term::new("b", -0.7)];
        let broken = Breakdown::of_forecast(Scale::Log { more: 0.0 }, still, 0.0).unwrap();
        assert!((broken.forecast.unwrap().expected - 2_f64.exp()).abs() < 1e-12);
        assert!(Breakdown::of_forecast(Scale::Plain, terms(), f64::INFINITY).is_none());
    }
}
