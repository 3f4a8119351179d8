//! Ways in which detectors have been broken in the field while their tests stayed green. Put into a watch they are a
//! fire drill: the self-test must notice each of them.

use std::fmt;
use std::str::FromStr;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// Good is taken for bad.
    SignFlipped,
    /// Whatever a step brings is forgotten again.
    StateFrozen,
    /// The expectation stays what it was.
    StaleReference,
    /// Any evidence is enough.
    ThresholdIgnored,
    NeverFires,
    AlwaysFires,
}

impl Mutant {
    pub const ALL: [Self; 6] = [
        Self::SignFlipped,
        Self::StateFrozen,
        Self::StaleReference,
        Self::ThresholdIgnored,
        Self::NeverFires,
        Self::AlwaysFires,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::SignFlipped => "sign-flipped",
            Self::StateFrozen => "state-frozen",
            Self::StaleReference => "stale-reference",
            Self::ThresholdIgnored => "threshold-ignored",
            Self::NeverFires => "never-fires",
            Self::AlwaysFires => "always-fires",
        }
    }
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Mutant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|mutant| mutant.name() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("`{text}` is no way to break a detector; write one of {names}")
        })
    }
}
