//! Isolation forests: what a few random splits set apart from the rest is strange (Liu, Ting & Zhou 2008).
//!
//! As a linfa user expects them: [`IsolationForestParams`] is checked into valid ones, `fit` grows a forest on a data
//! set, `predict` gives a score per row. Scores, sample sizes and splits follow scikit-learn's definition. The same seed
//! and rows give the same forest, on however many threads.

mod extended;
mod grow;
mod isolation;
mod params;
mod path_length;
mod plain_rows;
mod sample;
mod score;

pub use extended::ExtendedForest;
pub use isolation::IsolationForest;
pub use params::{
    ExtendedForestParams, ExtendedForestValidParams, ForestError, IsolationForestParams, IsolationForestValidParams,
};
pub use path_length::average_path_length;
