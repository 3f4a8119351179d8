//! One leaf of the search: what was seen and what was expected.

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Leaf {
    pub(crate) actual: f64,
    pub(crate) expected: f64,
}

impl Leaf {
    pub(crate) fn size(&self) -> f64 {
        self.actual.abs().max(self.expected)
    }

    /// What its noise goes by: never the outcome, unless nothing was expected.
    pub(crate) fn class_size(&self) -> f64 {
        if self.expected > 0.0 { self.expected } else { self.actual.abs() }
    }

    /// The part of the larger of the two that is missing (above zero) or in excess (below): -1 to 1.
    pub(crate) fn deviation(&self) -> f64 {
        let size = self.size();
        if size > 0.0 { ((self.expected - self.actual) / size).clamp(-1.0, 1.0) } else { 0.0 }
    }
}
