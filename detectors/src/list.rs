//! The one list of all detectors: a new one is a file and a line here.

/// What a detector is called in evidence and on the command line, and what it looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Detector {
    pub name: &'static str,
    pub looks_for: &'static str,
}

pub const SEASONAL_CHANGE: Detector = Detector {
    name: "seasonal_change",
    looks_for: "requests beyond the expectation of their hour of the week, as evidence that grows until it is enough",
};

pub const SHIFT: Detector = Detector {
    name: "shift",
    looks_for: "a move of a plain series that stays, beyond its season and what the values just before explain",
};

pub const SPIKE: Detector =
    Detector { name: "spike", looks_for: "single values of a plain series further off than its tail explains" };

pub const ALL: [Detector; 3] = [SEASONAL_CHANGE, SHIFT, SPIKE];
