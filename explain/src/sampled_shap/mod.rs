//! Which columns made any model say what it says: Shapley values by asking the model.
//!
//! Nothing is known of the model but its answers to rows. An absent column takes the values of background rows, so the
//! worth of a set of columns is the mean answer over them. Up to twelve players all sets are asked for, and the answer is
//! exact; beyond that, orders of the players are drawn in pairs of one and its reverse, and the answer carries its error.
//! Questions are collected first and asked in large batches. [`local_surrogate`] says the same in the way of LIME.

mod permutations;
mod question;
mod surrogate;
mod worths;

pub use permutations::{exact, pairs_within, permutations};
pub use question::{PLAYERS_MAX, Question, SampledShapError};
pub use surrogate::{Surrogate, local_surrogate};

/// What each player put in. Base plus contributions is the model's value of the row.
#[derive(Debug, Clone, PartialEq)]
pub struct Shares {
    /// The mean value of the background.
    pub base: f64,
    pub value: f64,
    pub contributions: Vec<f64>,
    /// Of each contribution; zero where all sets were asked for.
    pub standard_errors: Vec<f64>,
    /// Sets of players that the model was asked about, each on every background row.
    pub sets: usize,
}
