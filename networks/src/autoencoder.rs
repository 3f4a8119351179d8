//! The two shapes of autoencoder, and what candle computes of them.

use candle_core::{Device, Tensor, Var};
use serde::{Deserialize, Serialize};

use crate::draws::Draws;
use crate::error::Result;
use crate::scaling::Scaling;
use crate::steps::Step;
use crate::windows::{Scores, Windows, sized};

/// Windows that go through candle at a time: what is in between takes some megabytes.
const BATCH: usize = 1_024;

/// How a window is squeezed through `code` numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shape {
    /// All values of a window at once, through a hidden layer on either side (Hinton and Salakhutdinov 2006).
    Dense { time: usize, columns: usize, hidden: usize, code: usize },
    /// Convolutions along time, each of which halves it: weights are shared along the window, so long windows cost
    /// fewer of them (Bai, Kolter and Koltun 2018, without their dilation).
    Temporal { time: usize, columns: usize, channels: usize, code: usize },
}

impl Shape {
    /// What fits windows of this size: an eighth of the values, at most sixteen, in between.
    pub fn dense(time: usize, columns: usize) -> Self {
        let size = time * columns;
        Self::Dense { time, columns, hidden: (size / 2).clamp(4, 64), code: (size / 8).clamp(1, 16) }
    }

    pub fn temporal(time: usize, columns: usize) -> Self {
        Self::Temporal { time, columns, channels: (4 * columns).clamp(8, 32), code: (time * columns / 8).clamp(1, 16) }
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Dense { .. } => "dense",
            Self::Temporal { .. } => "temporal",
        }
    }

    pub fn time(&self) -> usize {
        match self {
            Self::Dense { time, .. } | Self::Temporal { time, .. } => *time,
        }
    }

    pub fn columns(&self) -> usize {
        match self {
            Self::Dense { columns, .. } | Self::Temporal { columns, .. } => *columns,
        }
    }

    fn steps(&self, draws: &mut Draws) -> candle_core::Result<Vec<Step>> {
        match *self {
            Self::Dense { time, columns, hidden, code } => Ok(vec![
                Step::Flatten,
                Step::linear(time * columns, hidden, draws)?,
                Step::Tanh,
                Step::linear(hidden, code, draws)?,
                Step::linear(code, hidden, draws)?,
                Step::Tanh,
                Step::linear(hidden, time * columns, draws)?,
                Step::Unflatten(time, columns),
            ]),
            Self::Temporal { time, columns, channels, code } => {
                let quarter = time.div_ceil(2).div_ceil(2);
                Ok(vec![
                    Step::Swap,
                    Step::convolution((columns, channels), 5, 2, draws)?,
                    Step::Tanh,
                    Step::convolution((channels, channels), 3, 2, draws)?,
                    Step::Tanh,
                    Step::Flatten,
                    Step::linear(channels * quarter, code, draws)?,
                    Step::linear(code, channels * time, draws)?,
                    Step::Unflatten(channels, time),
                    Step::convolution((channels, channels), 3, 1, draws)?,
                    Step::Tanh,
                    Step::convolution((channels, columns), 3, 1, draws)?,
                    Step::Swap,
                ])
            }
        }
    }
}

/// A network with its weights and the scaling of its input.
#[derive(Debug, Clone)]
pub struct Autoencoder {
    shape: Shape,
    scaling: Scaling,
    steps: Vec<Step>,
}

impl Autoencoder {
    /// Untrained.
    pub fn new(shape: Shape, scaling: Scaling, seed: u64) -> Result<Self> {
        sized(shape.time(), shape.columns())?;
        Ok(Self { shape, scaling, steps: shape.steps(&mut Draws::new(seed))? })
    }

    pub fn shape(&self) -> Shape {
        self.shape
    }

    pub fn scaling(&self) -> &Scaling {
        &self.scaling
    }

    pub fn set_scaling(&mut self, scaling: Scaling) {
        self.scaling = scaling;
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    pub(crate) fn variables(&self) -> Vec<&Var> {
        self.steps.iter().flat_map(Step::variables).collect()
    }

    /// Numbers that are learned.
    pub fn weights(&self) -> usize {
        self.variables().iter().map(|variable| variable.elem_count()).sum()
    }

    /// Of scaled windows [n, time, columns].
    pub(crate) fn reconstruct(&self, scaled: &Tensor) -> candle_core::Result<Tensor> {
        self.steps.iter().try_fold(scaled.clone(), |tensor, step| step.forward(&tensor))
    }

    pub(crate) fn scaled(&self, windows: &Windows) -> candle_core::Result<Tensor> {
        let [means, deviations] = self.row()?;
        windows.tensor()?.broadcast_sub(&means)?.broadcast_div(&deviations)
    }

    fn row(&self) -> candle_core::Result<[Tensor; 2]> {
        let of = |values: &[f32]| Tensor::from_slice(values, (1, 1, values.len()), &Device::Cpu);
        Ok([of(&self.scaling.means)?, of(&self.scaling.deviations)?])
    }

    /// By candle.
    pub fn score(&self, windows: &Windows) -> Result<Scores> {
        windows.check_size(self.shape.time(), self.shape.columns())?;
        let [means, deviations] = self.row()?;
        let mut found = Scores::default();
        for from in (0..windows.count()).step_by(BATCH) {
            let scaled = self.scaled(&windows.range(from, (from + BATCH).min(windows.count())))?;
            let made = self.reconstruct(&scaled)?;
            let errors = (scaled - &made)?.sqr()?.mean(1)?;
            found.scores.extend(errors.mean(1)?.to_vec1::<f32>()?);
            found.errors.extend(errors.flatten_all()?.to_vec1::<f32>()?);
            let made = made.broadcast_mul(&deviations)?.broadcast_add(&means)?;
            found.reconstruction.extend(made.flatten_all()?.to_vec1::<f32>()?);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPES: [Shape; 4] = [
        Shape::Dense { time: 5, columns: 3, hidden: 6, code: 2 },
        Shape::Temporal { time: 12, columns: 3, channels: 4, code: 3 },
        // Of odd length, and shorter than a convolution is wide.
        Shape::Temporal { time: 7, columns: 1, channels: 4, code: 2 },
        Shape::Temporal { time: 1, columns: 2, channels: 4, code: 2 },
    ];

    fn random(shape: Shape, count: usize) -> Windows {
        let mut draws = Draws::new(3);
        let values = (0..count * shape.time() * shape.columns()).map(|_| draws.signed()).collect();
        Windows::new(shape.time(), shape.columns(), values).unwrap()
    }

    fn loss(network: &Autoencoder, windows: &Windows) -> Tensor {
        let scaled = network.scaled(windows).unwrap();
        (network.reconstruct(&scaled).unwrap() - scaled).unwrap().sqr().unwrap().mean_all().unwrap()
    }

    /// Moves one number of a variable and looks what that does to the loss: it has to be what the gradient says.
    #[test]
    fn every_variable_gets_the_gradient_that_moving_it_shows() {
        const MOVE: f32 = 1e-2;
        for shape in SHAPES {
            let network = Autoencoder::new(shape, Scaling::none(shape.columns()), 7).unwrap();
            let windows = random(shape, 6);
            let gradients = loss(&network, &windows).backward().unwrap();
            for (at, variable) in network.variables().into_iter().enumerate() {
                let name = format!("{shape:?}, variable {at}");
                let gradient = gradients.get(variable.as_tensor()).unwrap_or_else(|| panic!("{name} gets none"));
                let gradient = gradient.flatten_all().unwrap().to_vec1::<f32>().unwrap();
                assert!(gradient.iter().any(|one| one.abs() > 1e-6), "{name} gets zeros");
                let values = variable.flatten_all().unwrap().to_vec1::<f32>().unwrap();
                let moved = |to: usize, by: f32| {
                    let mut values = values.clone();
                    values[to] += by;
                    variable.set(&Tensor::from_vec(values, variable.shape(), &Device::Cpu).unwrap()).unwrap();
                    f64::from(loss(&network, &windows).to_scalar::<f32>().unwrap())
                };
                for (to, gradient) in gradient.iter().enumerate().take(24) {
                    let slope = (moved(to, MOVE) - moved(to, -MOVE)) / (2.0 * f64::from(MOVE));
                    // The loss, about 1, has 24 bits: 2 * 6e-8 / 2e-2 is 6e-6. The third derivative adds as much as 1e-4.
                    let off = (slope - f64::from(*gradient)).abs();
                    assert!(off < 2e-4 + 1e-2 * slope.abs(), "{name}, number {to}: {slope} is not {gradient}");
                }
                moved(0, 0.0);
            }
        }
    }

    #[test]
    fn the_errors_of_the_metrics_make_up_the_score() {
        for shape in SHAPES {
            let windows = random(shape, 5);
            let network = Autoencoder::new(shape, Scaling::of(&windows), 7).unwrap();
            let found = network.score(&windows).unwrap();
            assert_eq!(found.reconstruction.len(), windows.values().len());
            for (score, errors) in found.scores.iter().zip(found.errors.chunks(shape.columns())) {
                assert!((score - errors.iter().sum::<f32>() / errors.len() as f32).abs() < 1e-5, "{shape:?}");
            }
        }
    }

    #[test]
    fn a_seed_is_a_network() {
        let shape = SHAPES[0];
        let windows = random(shape, 2);
        let score = |seed| Autoencoder::new(shape, Scaling::none(3), seed).unwrap().score(&windows).unwrap();
        assert_eq!(score(1), score(1));
        assert_ne!(score(1), score(2));
    }
}
