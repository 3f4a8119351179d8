//! What a model takes and gives, as its file says. What hark can't serve is refused in a sentence.

use prost::Message;
use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Dim;
use tract_onnx::pb::{GraphProto, ModelProto, TensorShapeProto, ValueInfoProto, type_proto};

use crate::error::{Error, Result, reason};
use crate::windows::VALUES_MAX;

/// A larger file is refused: it would be no small model of windows, and all of it has to fit into memory several times.
pub const BYTES_MAX: usize = 256 << 20;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    pub input: String,
    /// `None`: it takes rows [batch, columns] instead of windows [batch, time, columns].
    pub time: Option<usize>,
    pub columns: usize,
    pub outputs: Vec<String>,
    pub opset: i64,
    pub producer: String,
    pub operators: usize,
    /// Numbers that were learned.
    pub weights: usize,
}

impl Signature {
    pub fn of(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > BYTES_MAX {
            return refuse(format!("the file has {} bytes, more than {BYTES_MAX}; give a smaller model", bytes.len()));
        }
        let model = match ModelProto::decode(bytes) {
            Ok(model) => model,
            Err(error) => {
                let why = reason(error);
                return refuse(format!("the file is no ONNX model ({why}); export it with torch.onnx.export"));
            }
        };
        let opset = model.opset_import.iter().find(|set| matches!(set.domain.as_str(), "" | "ai.onnx"));
        let opset = opset.map(|set| set.version);
        let (Some(graph), Some(opset)) = (model.graph, opset) else {
            return refuse("the file is no ONNX model (it has no graph or no opset); export it with torch.onnx.export");
        };
        if graph.initializer.iter().any(|one| one.data_location == Some(DataLocation::External as i32)) {
            return refuse("the model keeps its weights in other files; save it as one file, without external data");
        }
        let (input, time, columns) = input(&graph)?;
        let outputs: Vec<String> = graph.output.iter().map(|output| output.name.clone()).collect();
        if outputs.is_empty() {
            return refuse("the model gives nothing; export it with an output");
        }
        let count = |dims: &[i64]| dims.iter().map(|dim| usize::try_from(*dim).unwrap_or(0)).product::<usize>();
        Ok(Self {
            input,
            time,
            columns,
            outputs,
            opset,
            producer: [model.producer_name, model.producer_version].join(" ").trim().to_owned(),
            operators: graph.node.len(),
            weights: graph.initializer.iter().map(|one| count(&one.dims)).sum(),
        })
    }
}

fn input(graph: &GraphProto) -> Result<(String, Option<usize>, usize)> {
    // Old files list their constants among the inputs.
    let is_constant = |input: &&ValueInfoProto| graph.initializer.iter().any(|one| one.name == input.name);
    let inputs: Vec<&ValueInfoProto> = graph.input.iter().filter(|input| !is_constant(input)).collect();
    let [input] = inputs[..] else {
        let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
        let (count, names) = (names.len(), names.join(", "));
        return refuse(format!("the model takes {count} inputs ({names}); export one that takes windows alone"));
    };
    let name = &input.name;
    let Some(type_proto::Value::TensorType(tensor)) = input.r#type.as_ref().and_then(|kind| kind.value.as_ref()) else {
        return refuse(format!("the input {name} is no tensor; export a model that takes one of 32-bit floats"));
    };
    if tensor.elem_type != DataType::Float as i32 {
        let kind = DataType::try_from(tensor.elem_type).map_or("an unknown type", |kind| kind.as_str_name());
        return refuse(format!("the input {name} is of {kind}; export a model that takes 32-bit floats"));
    }
    let (time, columns) = sizes(name, tensor.shape.as_ref())?;
    Ok((name.clone(), time, columns))
}

fn sizes(name: &str, shape: Option<&TensorShapeProto>) -> Result<(Option<usize>, usize)> {
    const WANTED: &str = "hark gives [batch, columns] or [batch, time, columns]";
    let dims: Vec<Option<i64>> =
        shape.map_or(&[][..], |shape| &shape.dim).iter().map(|dim| fixed(dim.value.as_ref())).collect();
    let (batch, rest) = match dims[..] {
        [batch, columns] => (batch, vec![columns]),
        [batch, time, columns] => (batch, vec![time, columns]),
        _ => return refuse(format!("the input {name} has {} dimensions; {WANTED}", dims.len())),
    };
    if let Some(batch) = batch {
        let how = "export it with a free first dimension (dynamic_axes, or dynamic_shapes)";
        return refuse(format!("the input {name} takes exactly {batch} windows at a time; {how}"));
    }
    let rest: Option<Vec<usize>> = rest.into_iter().map(|dim| dim.and_then(|dim| usize::try_from(dim).ok())).collect();
    let size = rest.as_ref().and_then(|rest| rest.iter().try_fold(1_usize, |size, dim| size.checked_mul(*dim)));
    match (rest.as_deref(), size) {
        (Some([columns]), Some(1..=VALUES_MAX)) => Ok((None, *columns)),
        (Some([time, columns]), Some(1..=VALUES_MAX)) => Ok((Some(*time), *columns)),
        (Some(_), _) => {
            refuse(format!("a window of the input {name} is outside of 1 to {VALUES_MAX} values; {WANTED}"))
        }
        (None, _) => refuse(format!(
            "the input {name} leaves its size open; export it with fixed time and columns, free batch alone"
        )),
    }
}

fn fixed(value: Option<&Dim>) -> Option<i64> {
    match value {
        Some(Dim::DimValue(size)) => Some(*size),
        Some(Dim::DimParam(_)) | None => None,
    }
}

fn refuse<T>(sentence: impl Into<String>) -> Result<T> {
    Err(Error::Refused(sentence.into()))
}
