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

pub const ALL: [Detector; 1] = [SEASONAL_CHANGE];
