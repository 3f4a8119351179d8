//! Adam (Kingma and Ba 2015, algorithm 1), on plain numbers: for networks of a few thousand weights that is quicker than
//! ten tensor operations a variable.

use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor, Var};

const FIRST: f32 = 0.9;
const SECOND: f32 = 0.999;
const LEAST: f32 = 1e-8;

#[derive(Debug)]
pub(crate) struct Adam {
    rate: f32,
    moved: i32,
    /// First and second moments, one pair a variable.
    moments: Vec<(Vec<f32>, Vec<f32>)>,
}

impl Adam {
    pub(crate) fn new(variables: &[&Var], rate: f32) -> Self {
        let zeros = |variable: &&Var| (vec![0.0; variable.elem_count()], vec![0.0; variable.elem_count()]);
        Self { rate, moved: 0, moments: variables.iter().map(zeros).collect() }
    }

    pub(crate) fn step(&mut self, variables: &[&Var], gradients: &GradStore) -> candle_core::Result<()> {
        self.moved += 1;
        let (first, second) = (1.0 - FIRST.powi(self.moved), 1.0 - SECOND.powi(self.moved));
        for (variable, (means, squares)) in variables.iter().zip(&mut self.moments) {
            let Some(gradient) = gradients.get(variable.as_tensor()) else { continue };
            let gradient = gradient.flatten_all()?.to_vec1::<f32>()?;
            let mut values = variable.flatten_all()?.to_vec1::<f32>()?;
            for (((value, gradient), mean), square) in values.iter_mut().zip(gradient).zip(means).zip(squares) {
                *mean += (1.0 - FIRST) * (gradient - *mean);
                *square += (1.0 - SECOND) * (gradient * gradient - *square);
                *value -= self.rate * (*mean / first) / ((*square / second).sqrt() + LEAST);
            }
            variable.set(&Tensor::from_vec(values, variable.shape(), &Device::Cpu)?)?;
        }
        Ok(())
    }
}
