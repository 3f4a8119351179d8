//! One request on its way: what it is, how long each stage took, how it ended.

/// The dimensions of an event. The order is that of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Dimension {
    Platform,
    OsVersion,
    Build,
    Device,
    Locale,
    Feature,
    Network,
    Cluster,
}

impl Dimension {
    pub(crate) const ALL: [Self; 8] = [
        Self::Platform,
        Self::OsVersion,
        Self::Build,
        Self::Device,
        Self::Locale,
        Self::Feature,
        Self::Network,
        Self::Cluster,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::OsVersion => "os_version",
            Self::Build => "build",
            Self::Device => "device",
            Self::Locale => "locale",
            Self::Feature => "feature",
            Self::Network => "network",
            Self::Cluster => "cluster",
        }
    }
}

/// A value for each dimension: its place in the table of that dimension's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dims([u16; 8]);

impl Dims {
    pub(crate) fn new(values: [u16; 8]) -> Self {
        Self(values)
    }

    pub(crate) fn get(&self, dimension: Dimension) -> u16 {
        self.0[dimension as usize]
    }

    pub(crate) fn set(&mut self, dimension: Dimension, value: u16) {
        self.0[dimension as usize] = value;
    }

    pub(crate) fn index(&self, dimension: Dimension) -> usize {
        usize::from(self.get(dimension))
    }
}

/// The parts of a request's time. The order is that of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Network,
    Asr,
    Nlu,
    Fulfil,
    Tts,
}

pub(crate) const STAGES: usize = 5;

impl Stage {
    pub(crate) const ALL: [Self; STAGES] = [Self::Network, Self::Asr, Self::Nlu, Self::Fulfil, Self::Tts];

    pub(crate) fn field(self) -> &'static str {
        match self {
            Self::Network => "network_ms",
            Self::Asr => "asr_ms",
            Self::Nlu => "nlu_ms",
            Self::Fulfil => "fulfil_ms",
            Self::Tts => "tts_ms",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ok,
    Error,
    Timeout,
    Cancelled,
}

impl Outcome {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
        }
    }
}

/// An error message: its family and the numbers in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ErrorText {
    pub(crate) family: u8,
    pub(crate) numbers: [u32; 2],
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Request {
    pub(crate) dims: Dims,
    pub(crate) user: u32,
    pub(crate) stages_ms: [f64; STAGES],
    pub(crate) outcome: Outcome,
    pub(crate) error: Option<ErrorText>,
}

impl Request {
    pub(crate) fn total_ms(&self) -> f64 {
        self.stages_ms.iter().sum()
    }

    pub(crate) fn is_ok(&self) -> bool {
        self.outcome == Outcome::Ok
    }

    pub(crate) fn has_failed(&self) -> bool {
        matches!(self.outcome, Outcome::Error | Outcome::Timeout)
    }

    /// Nothing after this stage was run.
    pub(crate) fn stop_after(&mut self, stage: Stage) {
        for later in &mut self.stages_ms[stage as usize + 1..] {
            *later = 0.0;
        }
    }
}

/// A request with its place in time and in the sequence of all, from which its id is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Event {
    pub(crate) time_ms: i64,
    pub(crate) serial: u64,
    pub(crate) request: Request,
}
