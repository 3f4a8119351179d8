//! The steps that networks are made of. Each is written out in operations whose gradient candle knows: candle-nn's fused
//! layer norm, RMS norm and softmax lose it without a word, and what comes back through its `conv1d` with a stride is wrong
//! (0.11.1).

use candle_core::{Device, Tensor, Var};

use crate::draws::Draws;

type Computed = candle_core::Result<Tensor>;

#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// [n, a, b] to [n, a * b].
    Flatten,
    /// [n, a * b] to [n, a, b].
    Unflatten(usize, usize),
    /// [n, a, b] to [n, b, a]: convolutions want time last.
    Swap,
    /// [n, inputs] to [n, outputs].
    Linear {
        weight: Var,
        bias: Var,
    },
    /// [n, inputs, time] to [n, outputs, time / stride], with zeros around, so that time is kept up to the stride.
    Convolution {
        weight: Var,
        bias: Var,
        stride: usize,
    },
    Tanh,
}

impl Step {
    /// Glorot and Bengio (2010), equation 16.
    pub(crate) fn linear(inputs: usize, outputs: usize, draws: &mut Draws) -> candle_core::Result<Self> {
        let weight = drawn(&[inputs, outputs], inputs, outputs, draws)?;
        Ok(Self::Linear { weight, bias: zeros(outputs)? })
    }

    pub(crate) fn convolution(
        (inputs, outputs): (usize, usize),
        width: usize,
        stride: usize,
        draws: &mut Draws,
    ) -> candle_core::Result<Self> {
        let weight = drawn(&[outputs, inputs, width], inputs * width, outputs * width, draws)?;
        Ok(Self::Convolution { weight, bias: zeros(outputs)?, stride })
    }

    pub(crate) fn forward(&self, input: &Tensor) -> Computed {
        match self {
            Self::Flatten => input.flatten_from(1),
            Self::Unflatten(a, b) => input.reshape((input.dim(0)?, *a, *b)),
            Self::Swap => input.transpose(1, 2)?.contiguous(),
            Self::Linear { weight, bias } => input.matmul(weight)?.broadcast_add(bias),
            Self::Convolution { weight, bias, stride } => {
                let (outputs, inputs, width) = weight.dims3()?;
                let padded = input.pad_with_zeros(2, padding(width), padding(width))?;
                let time = (padded.dim(2)? - width) / stride + 1;
                let under = |offset: usize| {
                    let at: Vec<u32> = (0..time).map(|time| (time * stride + offset) as u32).collect();
                    padded.index_select(&Tensor::from_vec(at, time, &Device::Cpu)?, 2)
                };
                let under = (0..width).map(under).collect::<candle_core::Result<Vec<Tensor>>>()?;
                let under = Tensor::stack(&under, 2)?.reshape((input.dim(0)?, inputs * width, time))?;
                let made = weight.reshape((outputs, inputs * width))?.broadcast_matmul(&under)?;
                made.broadcast_add(&bias.reshape((1, outputs, 1))?)
            }
            Self::Tanh => input.tanh(),
        }
    }

    /// The weight and the bias, where it has them.
    pub(crate) fn variables(&self) -> Vec<&Var> {
        match self {
            Self::Linear { weight, bias } | Self::Convolution { weight, bias, .. } => vec![weight, bias],
            Self::Flatten | Self::Unflatten(..) | Self::Swap | Self::Tanh => Vec::new(),
        }
    }
}

/// On either side, of an odd width.
pub(crate) fn padding(width: usize) -> usize {
    width / 2
}

fn drawn(size: &[usize], inputs: usize, outputs: usize, draws: &mut Draws) -> candle_core::Result<Var> {
    let most = (6.0 / (inputs + outputs) as f32).sqrt();
    let values: Vec<f32> = (0..size.iter().product()).map(|_| most * draws.signed()).collect();
    Var::from_vec(values, size, &Device::Cpu)
}

fn zeros(count: usize) -> candle_core::Result<Var> {
    Var::from_vec(vec![0.0_f32; count], count, &Device::Cpu)
}
