//! The weekly report: pure functions from cells, alerts and objectives to one [`Report`], and that report as HTML.
//!
//! The page, the e-mail, the command line and the API all show this one set of numbers; each says what it was asked with.

mod alarms;
mod assemble;
mod cells;
mod chart;
mod html;
mod objectives;
mod regressions;
mod score;
mod shapes;
mod statistics;
mod week;
mod words;

pub use assemble::{Inputs, assemble};
pub use cells::{CellSums, Sum, SumRow};
pub use html::html;
pub use objectives::WINDOW_DAYS_MAX;
pub use score::{Formula, Term, Terms};
pub use shapes::{
    AlarmBudget, BudgetState, Objectives, Precision, Query, Regression, Regressions, Report, ScoreDay, ScorePart,
    ScoreWeek, Span, Spread, Times, UxScore,
};
pub use statistics::wilson;
pub use week::{ParseWeekError, Week};
