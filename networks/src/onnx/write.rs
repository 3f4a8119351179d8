//! A trained network as a file that any ONNX runtime serves: windows in their own units in, reconstruction, errors and
//! score out. Scaling is part of the graph, so nothing has to travel beside it.

use crate::autoencoder::Autoencoder;
use crate::error::Result;
use crate::onnx::graph::{Graph, int, ints};
use crate::onnx::{ERRORS, RECONSTRUCTION, SCORE, WINDOWS};
use crate::steps::{Step, padding};

pub fn write(network: &Autoencoder) -> Result<Vec<u8>> {
    let shape = network.shape();
    let (time, columns) = (shape.time(), shape.columns());
    let mut graph = Graph::default();
    graph.input(WINDOWS, &[time, columns]);
    let means = graph.floats(&[1, 1, columns], &network.scaling().means);
    let deviations = graph.floats(&[1, 1, columns], &network.scaling().deviations);
    let off = graph.inner("Sub", &[WINDOWS, &means], Vec::new());
    let scaled = graph.inner("Div", &[&off, &deviations], Vec::new());
    let made = network.steps().iter().try_fold(scaled.clone(), |name, step| step_of(&mut graph, step, &name))?;
    let sized = graph.inner("Mul", &[&made, &deviations], Vec::new());
    graph.node("Add", &[&sized, &means], RECONSTRUCTION, Vec::new());
    let left = graph.inner("Sub", &[&scaled, &made], Vec::new());
    let squared = graph.inner("Mul", &[&left, &left], Vec::new());
    let mean = || vec![ints("axes", &[1]), int("keepdims", 0)];
    graph.node("ReduceMean", &[&squared], ERRORS, mean());
    graph.node("ReduceMean", &[ERRORS], SCORE, mean());
    graph.output(RECONSTRUCTION, &[time, columns]);
    graph.output(ERRORS, &[columns]);
    graph.output(SCORE, &[]);
    Ok(graph.into_model(&format!("hark_{}_autoencoder", shape.name())))
}

fn step_of(graph: &mut Graph, step: &Step, input: &str) -> Result<String> {
    Ok(match step {
        Step::Flatten => graph.inner("Flatten", &[input], vec![int("axis", 1)]),
        Step::Unflatten(a, b) => {
            let dims = graph.ints(&[0, *a as i64, *b as i64]);
            graph.inner("Reshape", &[input, &dims], Vec::new())
        }
        Step::Swap => graph.inner("Transpose", &[input], vec![ints("perm", &[0, 2, 1])]),
        Step::Tanh => graph.inner("Tanh", &[input], Vec::new()),
        Step::Linear { weight, bias } => {
            let [weight, bias] = [constant(graph, weight)?, constant(graph, bias)?];
            graph.inner("Gemm", &[input, &weight, &bias], Vec::new())
        }
        Step::Convolution { weight, bias, stride } => {
            let width = weight.dim(2)?;
            let [weight, bias] = [constant(graph, weight)?, constant(graph, bias)?];
            let attributes = vec![
                ints("kernel_shape", &[width]),
                ints("pads", &[padding(width), padding(width)]),
                ints("strides", &[*stride]),
            ];
            graph.inner("Conv", &[input, &weight, &bias], attributes)
        }
    })
}

fn constant(graph: &mut Graph, variable: &candle_core::Var) -> Result<String> {
    Ok(graph.floats(variable.dims(), &variable.flatten_all()?.to_vec1::<f32>()?))
}
