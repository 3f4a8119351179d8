//! A graph as it grows: operators, their constants, and the names between them.

use prost::Message;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension};
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto,
    ValueInfoProto, type_proto,
};

/// The newest that takes the axes of a mean as an attribute: ONNX Runtime knows it since 1.12, and tract does.
const OPSET: i64 = 17;
/// Of the file format, as it was when the opset came.
const IR_VERSION: i64 = 8;

#[derive(Debug, Default)]
pub(crate) struct Graph(GraphProto);

impl Graph {
    /// Applies an operator; what comes out is called as it says.
    pub(crate) fn node(&mut self, op: &str, inputs: &[&str], output: &str, attributes: Vec<AttributeProto>) -> String {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        self.0.node.push(NodeProto {
            name: format!("{op}_{}", self.0.node.len()),
            op_type: op.to_owned(),
            input: owned(inputs),
            output: owned(&[output]),
            attribute: attributes,
            ..NodeProto::default()
        });
        output.to_owned()
    }

    /// An operator on what only the graph sees.
    pub(crate) fn inner(&mut self, op: &str, inputs: &[&str], attributes: Vec<AttributeProto>) -> String {
        let output = format!("t{}", self.0.node.len());
        self.node(op, inputs, &output, attributes)
    }

    pub(crate) fn floats(&mut self, dims: &[usize], values: &[f32]) -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(DataType::Float, dims, bytes)
    }

    pub(crate) fn ints(&mut self, values: &[i64]) -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(DataType::Int64, &[values.len()], bytes)
    }

    fn constant(&mut self, kind: DataType, dims: &[usize], raw_data: Vec<u8>) -> String {
        let name = format!("c{}", self.0.initializer.len());
        self.0.initializer.push(TensorProto {
            name: name.clone(),
            dims: dims.iter().map(|dim| *dim as i64).collect(),
            data_type: kind as i32,
            raw_data,
            ..TensorProto::default()
        });
        name
    }

    /// A tensor of floats with as many windows as are given, and these dimensions.
    pub(crate) fn input(&mut self, name: &str, dims: &[usize]) {
        self.0.input.push(described(name, dims));
    }

    pub(crate) fn output(&mut self, name: &str, dims: &[usize]) {
        self.0.output.push(described(name, dims));
    }

    pub(crate) fn into_model(mut self, name: &str) -> Vec<u8> {
        self.0.name = name.to_owned();
        let model = ModelProto {
            ir_version: IR_VERSION,
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
            producer_name: "hark".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            graph: Some(self.0),
            ..ModelProto::default()
        };
        model.encode_to_vec()
    }
}

fn described(name: &str, dims: &[usize]) -> ValueInfoProto {
    let dim = |value| Dimension { value: Some(value), ..Dimension::default() };
    let batch = dim(dimension::Value::DimParam("batch".to_owned()));
    let fixed = dims.iter().map(|size| dim(dimension::Value::DimValue(*size as i64)));
    let shape = TensorShapeProto { dim: std::iter::once(batch).chain(fixed).collect() };
    let tensor = type_proto::Tensor { elem_type: DataType::Float as i32, shape: Some(shape) };
    let kind = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..TypeProto::default() };
    ValueInfoProto { name: name.to_owned(), r#type: Some(kind), ..ValueInfoProto::default() }
}

pub(crate) fn int(name: &str, value: usize) -> AttributeProto {
    AttributeProto { i: value as i64, ..attribute(name, AttributeType::Int) }
}

pub(crate) fn ints(name: &str, values: &[usize]) -> AttributeProto {
    let ints = values.iter().map(|value| *value as i64).collect();
    AttributeProto { ints, ..attribute(name, AttributeType::Ints) }
}

fn attribute(name: &str, kind: AttributeType) -> AttributeProto {
    AttributeProto { name: name.to_owned(), r#type: kind as i32, ..AttributeProto::default() }
}
