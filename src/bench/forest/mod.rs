//! `hark bench forest`: the isolation forest beside scikit-learn's and TreeSHAP beside shap's, turn by turn in one run on
//! one machine, and how far sampled Shapley values are from exact ones.

mod isolation;
mod peer;
mod sampled;
mod shap;

use std::path::PathBuf;

use anyhow::{Context, Result};

use peer::Peer;

pub(super) struct Request {
    /// A Python with scikit-learn, shap and numpy.
    pub python: PathBuf,
    /// A folder of labelled sets, one `.npz` each with `X` and `y`.
    pub data: Option<PathBuf>,
    /// Turns of each comparison, each with another seed.
    pub turns: u64,
}

pub(super) fn forest(request: &Request) -> Result<()> {
    let folder = tempfile::tempdir().context("there is no room for what the two sides hand each other")?;
    let mut peer = Peer::start(&request.python, folder.path())?;
    println!("peers: {}\n", peer.versions()?);
    if let Some(data) = &request.data {
        isolation::compare(&mut peer, data, request.turns)?;
    }
    shap::compare(&mut peer, request.turns)?;
    sampled::compare()
}

/// The middle of several measurements with the least and the most.
#[derive(Debug, Clone, Copy)]
struct Spread {
    least: f64,
    median: f64,
    most: f64,
}

impl Spread {
    fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |place: usize| sorted.get(place).copied().unwrap_or(f64::NAN);
        Self { least: at(0), median: at(sorted.len() / 2), most: at(sorted.len().saturating_sub(1)) }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.1} ({:.1} .. {:.1})", self.median, self.least, self.most)
    }
}
