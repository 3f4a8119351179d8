//! Training: the same windows, shape and seed give the same weights.

use candle_core::{Tensor, Var};

use crate::adam::Adam;
use crate::autoencoder::{Autoencoder, Shape};
use crate::draws::Draws;
use crate::error::{Error, Result};
use crate::scaling::Scaling;
use crate::windows::Windows;

/// With fewer windows nothing is learned.
const WINDOWS_MIN: usize = 10;
/// One in so many is held out: the newest, since windows overlap and any other would have been seen in part.
const HELD_OUT: usize = 5;

#[derive(Debug, Clone, Copy)]
pub struct Training {
    /// Batches, at most.
    pub steps_max: usize,
    pub batch: usize,
    /// Of Adam.
    pub rate: f32,
    /// After so many steps the windows that were held out are asked, and the best weights are kept.
    pub ask_every: usize,
    /// It ends when they were asked so often without an improvement.
    pub patience: usize,
    pub seed: u64,
}

impl Default for Training {
    /// Chosen on sums of seasons with noise: more steps improve the windows held out by less than a hundredth.
    fn default() -> Self {
        Self { steps_max: 2_000, batch: 64, rate: 3e-3, ask_every: 50, patience: 6, seed: 1 }
    }
}

/// How a training went: mean squared errors in standard deviations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    pub steps: usize,
    pub first_held_out: f32,
    pub held_out: f32,
}

/// A network of this shape, from its seed.
pub fn train(shape: Shape, windows: &Windows, training: Training) -> Result<(Autoencoder, Outcome)> {
    let mut network = Autoencoder::new(shape, Scaling::of(windows), training.seed)?;
    let outcome = network.learn(windows, training)?;
    Ok((network, outcome))
}

impl Autoencoder {
    /// Goes on from the weights as they are.
    pub fn learn(&mut self, windows: &Windows, training: Training) -> Result<Outcome> {
        windows.check_size(self.shape().time(), self.shape().columns())?;
        if windows.count() < WINDOWS_MIN {
            return Err(Error::TooFew { given: windows.count(), needed: WINDOWS_MIN });
        }
        let kept = windows.count() - windows.count() / HELD_OUT;
        let all = self.scaled(windows)?;
        let (learned, held_out) = (all.narrow(0, 0, kept)?, all.narrow(0, kept, windows.count() - kept)?);
        let variables = self.variables();
        let mut adam = Adam::new(&variables, training.rate);
        let mut draws = Draws::new(training.seed);
        let mut batches = Batches { order: (0..kept as u32).collect(), next: kept };
        let first_held_out = self.error(&held_out)?.to_scalar::<f32>()?;
        let mut best = (first_held_out, copies(&variables)?);
        let (mut steps, mut in_vain) = (0, 0);
        while steps < training.steps_max && in_vain < training.patience {
            for _ in 0..training.ask_every.min(training.steps_max - steps) {
                let batch = batches.take(training.batch, &mut draws);
                let batch = learned.index_select(&Tensor::from_slice(batch, batch.len(), learned.device())?, 0)?;
                adam.step(&variables, &self.error(&batch)?.backward()?)?;
                steps += 1;
            }
            let error = self.error(&held_out)?.to_scalar::<f32>()?;
            // What is no number is no improvement either.
            if error < best.0 {
                best = (error, copies(&variables)?);
                in_vain = 0;
            } else {
                in_vain += 1;
            }
        }
        variables.iter().zip(&best.1).try_for_each(|(variable, best)| variable.set(best))?;
        Ok(Outcome { steps, first_held_out, held_out: best.0 })
    }

    fn error(&self, scaled: &Tensor) -> candle_core::Result<Tensor> {
        (self.reconstruct(scaled)? - scaled)?.sqr()?.mean_all()
    }
}

fn copies(variables: &[&Var]) -> candle_core::Result<Vec<Tensor>> {
    variables.iter().map(|variable| variable.as_tensor().copy()).collect()
}

/// All windows in a drawn order, then in another one.
struct Batches {
    order: Vec<u32>,
    next: usize,
}

impl Batches {
    fn take(&mut self, count: usize, draws: &mut Draws) -> &[u32] {
        if self.next >= self.order.len() {
            draws.shuffle(&mut self.order);
            self.next = 0;
        }
        let from = self.next;
        self.next = (from + count.max(1)).min(self.order.len());
        &self.order[from..self.next]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two metrics of one season, and noise: a code of three numbers is enough.
    fn seasonal(rows: usize, noise: f32) -> Vec<f32> {
        let mut draws = Draws::new(5);
        let row = |at: usize| {
            let phase = at as f32 / 12.0 * std::f32::consts::TAU;
            [100.0 + 10.0 * phase.sin(), 0.3 + 0.1 * phase.cos()]
        };
        let with_noise = |value: f32, draws: &mut Draws| value * (1.0 + noise * draws.signed());
        (0..rows).flat_map(row).map(|value| with_noise(value, &mut draws)).collect()
    }

    fn shapes() -> [Shape; 2] {
        [Shape::dense(12, 2), Shape::temporal(12, 2)]
    }

    const TRAINING: Training = Training { steps_max: 600, batch: 32, rate: 5e-3, ask_every: 50, patience: 6, seed: 1 };

    #[test]
    fn what_is_usual_is_made_up_again_and_what_is_not_is_strange() {
        let usual = Windows::sliding(&seasonal(400, 0.01), 2, 12).unwrap();
        // The second metric half a season late: each value alone is usual.
        let mut late = seasonal(400, 0.01);
        let turned: Vec<f32> = late.iter().skip(13).step_by(2).copied().collect();
        late.iter_mut().skip(1).step_by(2).zip(turned).for_each(|(value, turned)| *value = turned);
        let late = Windows::sliding(&late[..600], 2, 12).unwrap();
        for shape in shapes() {
            let (network, outcome) = train(shape, &usual, TRAINING).unwrap();
            assert!(outcome.held_out < 0.1 * outcome.first_held_out, "{shape:?}: {outcome:?}");
            let most = network.score(&usual).unwrap().scores.into_iter().fold(0.0, f32::max);
            let least = network.score(&late).unwrap().scores.into_iter().fold(f32::MAX, f32::min);
            assert!(least > 2.0 * most, "{shape:?}: {least} {most}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_weights_to_the_bit() {
        let windows = Windows::sliding(&seasonal(120, 0.05), 2, 12).unwrap();
        for shape in shapes() {
            let trained = |seed| {
                let training = Training { steps_max: 60, ask_every: 20, seed, ..TRAINING };
                let (network, outcome) = train(shape, &windows, training).unwrap();
                let weights = network.variables().into_iter().map(|one| one.flatten_all().unwrap().to_vec1().unwrap());
                (weights.collect::<Vec<Vec<f32>>>(), outcome)
            };
            assert_eq!(trained(1), trained(1), "{shape:?}");
            assert_ne!(trained(1), trained(2), "{shape:?}");
        }
    }

    /// Nothing can be learned from noise alone: it ends early and keeps the weights that did best.
    #[test]
    fn it_ends_when_the_windows_held_out_no_longer_improve() {
        let mut draws = Draws::new(9);
        let rows: Vec<f32> = (0..160).map(|_| draws.signed()).collect();
        let windows = Windows::sliding(&rows, 1, 16).unwrap();
        let shape = Shape::Dense { time: 16, columns: 1, hidden: 32, code: 8 };
        let training = Training { steps_max: 3_000, ask_every: 20, patience: 3, ..TRAINING };
        let (network, outcome) = train(shape, &windows, training).unwrap();
        assert!(outcome.steps < 3_000, "{outcome:?}");
        let kept = windows.count() - windows.count() / HELD_OUT;
        let scores = network.score(&windows.range(kept, windows.count())).unwrap().scores;
        let held_out = scores.iter().sum::<f32>() / scores.len() as f32;
        assert!((held_out - outcome.held_out).abs() < 1e-4, "{held_out} {outcome:?}");
        assert!(outcome.held_out <= outcome.first_held_out);
    }

    #[test]
    fn too_few_windows_are_refused() {
        let windows = Windows::sliding(&seasonal(20, 0.05), 2, 12).unwrap();
        let refused = train(Shape::dense(12, 2), &windows, TRAINING).unwrap_err().to_string();
        assert_eq!(refused, "9 windows are too few to train on; give at least 10");
    }
}
