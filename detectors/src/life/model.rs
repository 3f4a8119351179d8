//! What can have a life: trained on rows of quiet series, asked how strange a row is.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub trait Model: Clone + Debug + PartialEq + Serialize + DeserializeOwned {
    /// Rows that are kept to train on.
    const ROWS_KEPT: usize;
    /// The schedule: so long after the last training comes the next one.
    const RENEWED_AFTER_STEPS: i64;
    /// Why there is a new version, up to the words "version 7".
    const RENEWED_FROM: &str;

    /// On rows of so many columns, one after the other; alone, or going on from an older model. `None` where they are too few.
    fn train(rows: &[f32], columns: usize, seed: u64, older: Option<&Self>) -> Option<Self>;

    /// The greater the stranger.
    fn strangeness(&self, row: &[f32]) -> f64;

    /// What it was made with, for people.
    fn parameters(&self) -> Vec<(&'static str, f64)>;

    /// The memory it takes up, in bytes.
    fn bytes(&self) -> usize;
}
