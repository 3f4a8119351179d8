//! The nouns of hark and the invariants that make them valid.
//!
//! Every stage of the pipeline is a function on these types and no stage knows another:
//! event -> [`Cell`] -> [`Point`] -> [`Finding`] -> [`Explanation`] -> [`Alert`].
//! Nothing here reads a file, a socket or (but for [`Timestamp::now`]) a clock.

mod alert;
mod cell;
mod change;
mod definitions;
mod explanation;
mod finding;
mod imported_model;
mod leaves;
mod metric;
mod model_version;
pub mod packing;
mod point;
mod silence;
mod sketch;
mod slice;
mod spelling;
mod statistic;
mod time;
mod trees;
mod users;

pub use alert::{
    Alert, AlertId, AlertStatus, Attribution, DetectorEvidence, Effect, ErrorSignature, Evidence, Feedback,
    FrozenChart, Joined, Label, Severity, Similar, Stage, Verdict,
};
pub use cell::Cell;
pub use change::{Change, ChangeError, ChangeId, ChangeKind};
pub use definitions::{DIMENSIONS_MAX, DefinitionError, Definitions, STAGES_MAX};
pub use explanation::{
    Beside, Cause, Compared, DeletionCheck, Dose, Explanation, Lead, LeftOut, Mix, MixShare, Suspect, SuspectTests,
    Tested, Why, WhyVerdict, Without,
};
pub use finding::{Direction, Finding, FindingKind, Shift};
pub use imported_model::{Gives, ImportedModel};
pub use leaves::{BinCount, Leaf, Leaves};
pub use metric::{AlertPolicy, Better, Metric, MetricKind, Objective};
pub use model_version::{Measured, ModelOrder, ModelVersion, Standing};
pub use point::Point;
pub use silence::Silence;
pub use sketch::{Magnitude, Sketch};
pub use slice::{ParseSliceError, Slice};
pub use spelling::nearest;
pub use statistic::{ParseStatisticError, Statistic};
pub use time::{Minute, ParseTimestampError, STEP_MINUTES, Step, Timestamp};
pub use trees::{Tree, TreeNode, mean_of_trees};
pub use users::{UserMark, Users};
