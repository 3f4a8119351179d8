//! A network in plain loops, for one window at a time: candle spends longer on setting its operations up than these take.

use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::autoencoder::{Autoencoder, Shape};
use crate::error::Result;
use crate::scaling::Scaling;
use crate::steps::{Step, padding};

/// All that a network is, as numbers: it can be kept, compared, and made a network that learns again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plain {
    shape: Shape,
    scaling: Scaling,
    steps: Vec<Loop>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Loop {
    Swap {
        rows: usize,
        columns: usize,
    },
    /// The weight is [inputs, outputs].
    Linear {
        weight: Vec<f32>,
        bias: Vec<f32>,
    },
    /// The weight is [outputs, inputs, width].
    Convolution {
        weight: Vec<f32>,
        bias: Vec<f32>,
        width: usize,
        stride: usize,
        time: usize,
    },
    Tanh,
}

impl Plain {
    pub fn new(network: &Autoencoder) -> Result<Self> {
        let shape = network.shape();
        // Rows and columns of what a step gets. Flattening moves nothing in memory.
        let mut size = (shape.time(), shape.columns());
        let mut steps = Vec::new();
        for step in network.steps() {
            match step {
                Step::Flatten => size = (1, size.0 * size.1),
                Step::Unflatten(rows, columns) => size = (*rows, *columns),
                Step::Swap => {
                    steps.push(Loop::Swap { rows: size.0, columns: size.1 });
                    size = (size.1, size.0);
                }
                Step::Linear { weight, bias } => {
                    steps.push(Loop::Linear { weight: numbers(weight)?, bias: numbers(bias)? });
                    size = (1, bias.elem_count());
                }
                Step::Convolution { weight, bias, stride } => {
                    let (width, time) = (weight.dim(2)?, size.1);
                    let (weight, bias) = (numbers(weight)?, numbers(bias)?);
                    size = (bias.len(), time.div_ceil(*stride));
                    steps.push(Loop::Convolution { weight, bias, width, stride: *stride, time });
                }
                Step::Tanh => steps.push(Loop::Tanh),
            }
        }
        Ok(Self { shape, scaling: network.scaling().clone(), steps })
    }

    /// The same network for candle.
    pub fn network(&self) -> Result<Autoencoder> {
        let network = Autoencoder::new(self.shape, self.scaling.clone(), 0)?;
        let numbers = self.steps.iter().flat_map(Loop::numbers);
        for (variable, numbers) in network.variables().into_iter().zip(numbers) {
            variable.set(&Tensor::from_slice(numbers, variable.shape(), &Device::Cpu)?)?;
        }
        Ok(network)
    }

    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Numbers that were learned.
    pub fn weights(&self) -> usize {
        self.steps.iter().flat_map(Loop::numbers).map(<[f32]>::len).sum()
    }

    /// The mean squared error of the window, in standard deviations. Its length is that of the windows it was trained on.
    pub fn score(&self, window: &[f32]) -> f64 {
        let (scaled, made) = self.run(window);
        squares(&scaled, &made).sum()
    }

    /// What each value adds to the score, and what it was made up as, in standard deviations.
    pub fn errors(&self, window: &[f32]) -> Vec<(f64, f64)> {
        let (scaled, made) = self.run(window);
        squares(&scaled, &made).zip(made.iter().map(|made| f64::from(*made))).collect()
    }

    /// The window in standard deviations, and what it is made up as.
    fn run(&self, window: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let scaling = self.scaling.means.iter().zip(&self.scaling.deviations).cycle();
        let scaled: Vec<f32> =
            window.iter().zip(scaling).map(|(value, (mean, deviation))| (value - mean) / deviation).collect();
        let (mut now, mut next) = (scaled.clone(), Vec::with_capacity(scaled.len()));
        for step in &self.steps {
            step.forward(&now, &mut next);
            std::mem::swap(&mut now, &mut next);
        }
        (scaled, now)
    }
}

fn squares(scaled: &[f32], made: &[f32]) -> impl Iterator<Item = f64> {
    let count = scaled.len() as f64;
    scaled.iter().zip(made).map(move |(scaled, made)| f64::from(scaled - made).powi(2) / count)
}

impl Loop {
    /// The weight and the bias, where it has them.
    fn numbers(&self) -> impl Iterator<Item = &[f32]> {
        let both = match self {
            Self::Linear { weight, bias } | Self::Convolution { weight, bias, .. } => Some([&weight[..], &bias[..]]),
            Self::Swap { .. } | Self::Tanh => None,
        };
        both.into_iter().flatten()
    }

    fn forward(&self, from: &[f32], to: &mut Vec<f32>) {
        to.clear();
        match self {
            Self::Swap { rows, columns } => {
                to.extend((0..*columns).flat_map(|column| (0..*rows).map(move |row| from[row * columns + column])));
            }
            Self::Linear { weight, bias } => {
                to.extend_from_slice(bias);
                for (value, weights) in from.iter().zip(weight.chunks(bias.len())) {
                    to.iter_mut().zip(weights).for_each(|(to, weight)| *to += value * weight);
                }
            }
            Self::Convolution { weight, bias, width, stride, time } => {
                let inputs = weight.len() / (bias.len() * width);
                for (bias, weights) in bias.iter().zip(weight.chunks(inputs * width)) {
                    for start in (0..*time).step_by(*stride) {
                        let mut sum = *bias;
                        for (row, weights) in from.chunks(*time).zip(weights.chunks(*width)) {
                            // From `start - padding` on; what lies outside is zero.
                            let before = padding(*width).saturating_sub(start);
                            let first = (start + before) - padding(*width);
                            sum += row[first..].iter().zip(&weights[before..]).map(|(a, b)| a * b).sum::<f32>();
                        }
                        to.push(sum);
                    }
                }
            }
            Self::Tanh => to.extend(from.iter().map(|value| value.tanh())),
        }
    }
}

fn numbers(variable: &candle_core::Var) -> Result<Vec<f32>> {
    Ok(variable.flatten_all()?.to_vec1::<f32>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autoencoder::Shape;
    use crate::draws::Draws;
    use crate::windows::Windows;

    #[test]
    fn errors_add_up_to_the_score() {
        let mut draws = Draws::new(12);
        let network = Autoencoder::new(Shape::dense(6, 3), Scaling::none(18), 2).unwrap();
        let plain = Plain::new(&network).unwrap();
        for _ in 0..1_000 {
            let window: Vec<f32> = (0..18).map(|_| 3.0 * draws.signed()).collect();
            let (score, errors) = (plain.score(&window), plain.errors(&window));
            assert!((errors.iter().map(|(error, _)| error).sum::<f64>() - score).abs() < 1e-12 * score.max(1.0));
            let of =
                |(seen, (error, made)): (&f32, &(f64, f64))| ((f64::from(*seen) - made).powi(2) / 18.0 - error).abs();
            assert!(window.iter().zip(&errors).map(of).all(|off| off < 1e-6 * score.max(1.0)));
        }
    }

    #[test]
    fn loops_give_what_candle_gives() {
        let temporal = |time, columns| Shape::Temporal { time, columns, channels: 4, code: 2 };
        for shape in [Shape::dense(6, 3), Shape::dense(1, 26), Shape::temporal(24, 4), temporal(7, 1), temporal(1, 2)] {
            let mut draws = Draws::new(11);
            let size = shape.time() * shape.columns();
            let values = (0..20 * size).map(|_| 50.0 + 5.0 * draws.signed()).collect();
            let windows = Windows::new(shape.time(), shape.columns(), values).unwrap();
            let network = Autoencoder::new(shape, Scaling::of(&windows), 2).unwrap();
            let plain = Plain::new(&network).unwrap();
            for (at, score) in network.score(&windows).unwrap().scores.into_iter().enumerate() {
                let found = plain.score(windows.window(at)) as f32;
                assert!((found - score).abs() < 1e-5 * score.max(1.0), "{shape:?}: {found} {score}");
            }
            // There and back nothing is lost.
            let again = plain.network().unwrap();
            assert_eq!(again.score(&windows).unwrap(), network.score(&windows).unwrap(), "{shape:?}");
            assert_eq!((Plain::new(&again).unwrap(), plain.weights()), (plain, network.weights()));
        }
    }
}
