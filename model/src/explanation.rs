//! Why: which slices carry the move, how much of it is mix, which changes fit, and how far all of that can be trusted.

use serde::{Deserialize, Serialize};

use crate::{ChangeId, Slice, Timestamp};

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Explanation {
    /// Ranked; empty where no slice stands out.
    pub causes: Vec<Cause>,
    pub mix: Option<Mix>,
    /// Only those that are likely; see [`Why::ruled_out`] for the others that came in time.
    pub suspects: Vec<Suspect>,
    /// How the causes were come by; `None` where it is not known.
    pub why: Option<Why>,
}

impl Explanation {
    /// The first cause, where it is claimed that it is one; where nothing is sure, or only others came, a slice may stand out and is none.
    pub fn claimed(&self) -> Option<&Cause> {
        self.causes.first().filter(|_| self.why.as_ref().is_none_or(Why::claims))
    }
}

impl Why {
    /// Whether the causes beside it are claimed to be some.
    pub fn claims(&self) -> bool {
        matches!(self.verdict, WhyVerdict::Slices | WhyVerdict::Everywhere)
    }
}

/// A slice that carries the move. Its requests are those that no cause before it has.
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Cause {
    pub slice: Slice,
    /// Of the excess of bad requests (or of missing ones), the part that lies in this slice.
    pub share: f64,
    /// Excess requests: bad ones over those expected at the slice's own usual rate; negative where requests are missing.
    pub delta: f64,
    pub requests: u64,
    /// 95 % interval of `share`.
    #[serde(default)]
    pub share_interval: Option<[f64; 2]>,
    /// At most so likely would any slice show as much where nothing happened; how many were tried is in it.
    #[serde(default)]
    pub chance: Option<f64>,
    /// The statistic in this slice, before and during.
    #[serde(default)]
    pub before: Option<f64>,
    #[serde(default)]
    pub after: Option<f64>,
    /// What the slice puts into the move, in the metric's unit. The parts of all causes, of what moved the other way and
    /// `why.rest` add up to `why.compared`'s move.
    #[serde(default)]
    pub part: Option<Mix>,
    /// What would have been seen without this slice's change.
    #[serde(default)]
    pub without: Option<Without>,
    /// Slices that differ from this one in a single value, those of the most traffic: what did not move convinces.
    #[serde(default)]
    pub beside: Vec<Beside>,
}

/// A move split into how those who came fared (`within`) and who came (`mix_shift`); the two add up to it.
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Mix {
    pub within: f64,
    pub mix_shift: f64,
}

/// The whole statistic had some requests fared as they usually do.
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Without {
    pub value: f64,
    /// Whether what is left of the move would still be an alert.
    pub would_fire: bool,
}

/// A slice beside a cause, with its statistic before and during.
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Beside {
    pub slice: Slice,
    pub before: f64,
    pub after: f64,
    pub requests: u64,
}

/// A slice that the evidence does not rule out, with its statistic before and during.
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lead {
    pub slice: Slice,
    /// How likely it is this one, of what is named, all leads and something else.
    pub probability: f64,
    pub before: Option<f64>,
    pub after: Option<f64>,
    pub requests: u64,
}

/// What the search for slices came to, and how far it can be trusted.
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Why {
    pub verdict: WhyVerdict,
    /// One sentence: why this, and nothing more.
    pub reason: String,
    /// The part of the effect that is gone once the named slices are put back to what was expected of them; 0 where
    /// none is named.
    pub confidence: f64,
    /// What was set against what; `None` where nothing was searched.
    pub compared: Option<Compared>,
    /// The part of the move that lies in no named slice.
    pub rest: Option<Mix>,
    /// The part of the move that is a change of who came, 0 to 1, with its 95 % interval.
    pub mix_share: Option<MixShare>,
    /// Slices that moved the other way: without them it would be worse. Their shares are negative.
    pub offsets: Vec<Cause>,
    /// Slices that it could be as well, the likeliest first; beside those that are named, or where none is. None is claimed.
    #[serde(default)]
    pub leads: Vec<Lead>,
    /// Whether the alert falls below its threshold once the named slices are put back.
    pub deletion: Option<DeletionCheck>,
    /// Changes that came in time and are no suspects, each with what speaks against it.
    pub ruled_out: Vec<Suspect>,
    /// The probability that none of the changes on record did it; 1 where none came in time.
    pub something_else: f64,
    pub tested: Option<Tested>,
    /// What was folded, capped or not looked at.
    pub left_out: Vec<LeftOut>,
}

#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyVerdict {
    /// The named slices are where it is.
    Slices,
    /// No single slice: everything moved alike.
    Everywhere,
    /// Nobody fares worse; others came.
    MixOnly,
    /// Something moved, and no slice of it stands out from chance.
    Unsure,
    /// There is nothing to compare, so nothing was searched.
    Unsearched,
}

/// The requests since the onset, set against those of the same hours of the days before.
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// The traffic that is looked at: that of the series the finding is in.
    pub slice: Slice,
    pub from: Timestamp,
    pub to: Timestamp,
    pub days_before: u32,
    /// The statistic on either side, in the metric's unit. They need not be those of the alert's effect, whose `before`
    /// is the detector's expectation.
    pub before: f64,
    pub after: f64,
    pub requests_before: u64,
    pub requests_after: u64,
}

#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MixShare {
    pub share: f64,
    pub interval: [f64; 2],
}

/// The finding asked again with the named slices put back to what was expected of them.
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DeletionCheck {
    /// The relative effect as it is, with the named slices put back, and what the metric asks for.
    pub effect: f64,
    pub effect_without: f64,
    pub effect_asked: f64,
    /// How many deviations of chance the move is, as it is and with the named slices put back, and what is asked.
    pub deviations: f64,
    pub deviations_without: f64,
    pub deviations_asked: f64,
    /// Whether it would still be an alert: both are as large as is asked.
    pub would_fire: bool,
}

/// How many slices had the chance to be named.
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tested {
    /// Combinations of all dimensions with requests on either side.
    pub leaves: u64,
    pub slices: u64,
    /// The chance of naming any slice where nothing happened is held to this.
    pub false_name_chance: f64,
}

/// Something that the explanation does not say, or could not look at.
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeftOut {
    /// A name for programs, such as `folded_requests` or `thin_groups`.
    pub what: String,
    pub count: u64,
    /// One sentence for people.
    pub sentence: String,
}

#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suspect {
    pub change: ChangeId,
    pub title: String,
    pub time: Timestamp,
    /// How likely it is that this change did it; of those in `why.ruled_out` too.
    pub score: f64,
    pub why: String,
    #[serde(default)]
    pub tests: Option<SuspectTests>,
    /// What speaks against it, one sentence each.
    #[serde(default)]
    pub against: Vec<String>,
}

/// What each test says of a change; 0 is "does not fit" and 1 "fits".
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SuspectTests {
    /// How likely the onset is after a change of this kind, against the best that it could be.
    pub time: f64,
    /// How much the traffic that it touches and the traffic that moved are the same.
    pub scope: f64,
    /// The part of all excess that lies in what it touches.
    pub carried: f64,
    /// How far the requests that it touches moved beyond those that it does not.
    pub dose: Option<Dose>,
    /// How much its title has in common with what moved.
    pub text: f64,
}

/// Difference in differences: the exposed against the unexposed, each against its own days before.
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Dose {
    /// In shares of bad requests, or of requests missing.
    pub difference: f64,
    pub interval: [f64; 2],
    pub deviations: f64,
}
