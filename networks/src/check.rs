//! Whether a model that was made elsewhere can be served: what its file says, and what it answers to a smoke input.

use crate::draws::Draws;
use crate::error::{Error, Result};
use crate::runtime::{Library, Served};
use crate::windows::{Scores, Windows};

/// Windows of the smoke input.
const COUNT: usize = 5;
/// The same windows, asked together or one by one, may differ by this share: sums are rounded in another order.
const ROUNDING: f32 = 1e-4;

/// What is known of a model that can be served.
#[derive(Debug)]
pub struct Checked {
    pub served: Served,
    /// What it says of the smoke input.
    pub smoke: Scores,
}

/// Reads it, runs it, and refuses it with the reason and what to do.
pub fn check(bytes: &[u8], library: Option<&Library>) -> Result<Checked> {
    let mut served = Served::new(bytes, library)?;
    let (time, columns) = (served.time(), served.columns());
    let mut draws = Draws::new(1);
    // Above zero, since a model may take logarithms.
    let values = (0..COUNT * time * columns).map(|_| 0.6 + 0.4 * draws.signed()).collect();
    let windows = Windows::new(time, columns, values)?;
    let smoke = served.score(&windows)?;
    let refused = |sentence: &str| Err(Error::Refused(sentence.to_owned()));
    if !answers(&smoke).all(f32::is_finite) {
        return refused(
            "the model answers numbers between 0.2 and 1 with ones that are not finite; look for a division by zero in it",
        );
    }
    if !alike(&smoke, &served.score(&windows)?) {
        return refused(
            "the model answers the same windows otherwise each time; export it after model.eval(), without dropout",
        );
    }
    let mut alone = Scores::default();
    for at in 0..COUNT {
        let one = served.score(&windows.range(at, at + 1))?;
        alone.scores.extend(one.scores);
        alone.errors.extend(one.errors);
        alone.reconstruction.extend(one.reconstruction);
    }
    if !alike(&smoke, &alone) {
        return refused("the model answers a window otherwise when others come with it; export it after model.eval()");
    }
    if smoke.scores.iter().all(|score| *score == smoke.scores[0]) {
        return refused("the model gives all windows the same score; export the trained one");
    }
    Ok(Checked { served, smoke })
}

fn answers(scores: &Scores) -> impl Iterator<Item = f32> {
    [&scores.scores, &scores.errors, &scores.reconstruction].into_iter().flatten().copied()
}

fn alike(one: &Scores, other: &Scores) -> bool {
    let largest = answers(one).fold(0.0_f32, |most, value| most.max(value.abs()));
    answers(one).zip(answers(other)).all(|(a, b)| (a - b).abs() <= ROUNDING * largest)
}
