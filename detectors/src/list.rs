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

pub const STEADY: Detector =
    Detector { name: "steady", looks_for: "the same value, or none at all, for far longer than a series ever had it" };

pub const THIN_SLICES: Detector = Detector {
    name: "thin_slices",
    looks_for: "a small move of many small slices together, none of which shows it alone",
};

pub const ALL: [Detector; 5] = [SEASONAL_CHANGE, THIN_SLICES, STEADY, SHIFT, SPIKE];
