"""Makes the models of tests/imports.rs with Python's onnx package, as a team would bring them: none of this is ours."""

from pathlib import Path

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

HERE = Path(__file__).parent
ROWS = ["batch", 6]
WINDOWS = ["batch", 8, 2]
draws = np.random.default_rng(7)


def weights(name, *dims):
    values = draws.normal(0, 0.4, dims).astype(np.float32)
    return numpy_helper.from_array(values, name)


def dims_of(name, dims, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, dims)


def write(file, nodes, inputs, outputs, constants, opset=17):
    graph = helper.make_graph(nodes, file, inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], producer_name="python-onnx")
    model.ir_version = 8
    checker.check_model(model)
    save(model, HERE / f"{file}.onnx")


node = helper.make_node

# As torch.onnx.export writes a multi-layer perceptron: Gemm with transB, rectifiers, free batch.
mlp = [
    node("Gemm", ["x", "w1", "b1"], ["h"], transB=1),
    node("Relu", ["h"], ["a"]),
    node("Gemm", ["a", "w2", "b2"], ["y"], transB=1),
]
mlp_weights = [weights("w1", 3, 6), weights("b1", 3), weights("w2", 6, 3), weights("b2", 6)]
write("rows", mlp, [dims_of("x", ROWS)], [dims_of("y", ROWS)], mlp_weights)

# A sequence-to-sequence LSTM (Malhotra et al. 2016) with a batch of its own order: time first inside.
lstm = [
    node("Transpose", ["x"], ["t"], perm=[1, 0, 2]),
    node("LSTM", ["t", "w", "r", "b"], ["s", "", ""], hidden_size=4),
    node("Squeeze", ["s", "one"], ["q"]),
    node("MatMul", ["q", "o"], ["m"]),
    node("Transpose", ["m"], ["y"], perm=[1, 0, 2]),
]
lstm_weights = [
    weights("w", 1, 16, 2),
    weights("r", 1, 16, 4),
    weights("b", 1, 32),
    weights("o", 4, 2),
    numpy_helper.from_array(np.array([1], np.int64), "one"),
]
write("lstm", lstm, [dims_of("x", WINDOWS)], [dims_of("y", WINDOWS)], lstm_weights)

# A score and nothing else, one column wide.
scoring = [node("Gemm", ["x", "w1"], ["h"], transB=1), node("Tanh", ["h"], ["a"]), node("Gemm", ["a", "w2"], ["s"], transB=1)]
write("score", scoring, [dims_of("x", ROWS)], [dims_of("s", ["batch", 1])], [weights("w1", 3, 6), weights("w2", 1, 3)])

# What is to be refused.
write("fixed_batch", mlp, [dims_of("x", [1, 6])], [dims_of("y", [1, 6])], mlp_weights)
open_columns = [node("Relu", ["x"], ["y"])]
write("open_columns", open_columns, [dims_of("x", ["batch", "columns"])], [dims_of("y", ["batch", "columns"])], [])
write("images", open_columns, [dims_of("x", ["batch", 3, 4, 4])], [dims_of("y", ["batch", 3, 4, 4])], [])
double = [dims_of("x", ROWS, TensorProto.DOUBLE)], [dims_of("y", ROWS, TensorProto.DOUBLE)]
write("double", [node("Tanh", ["x"], ["y"])], *double, [])
write("two_inputs", [node("Add", ["x", "z"], ["y"])], [dims_of("x", ROWS), dims_of("z", ROWS)], [dims_of("y", ROWS)], [])
write("classes", [node("Gemm", ["x", "w"], ["y"], transB=1)], [dims_of("x", ROWS)], [dims_of("y", ["batch", 4])], [weights("w", 4, 6)])
write("not_finite", [node("Sub", ["x", "x"], ["z"]), node("Div", ["x", "z"], ["y"])], [dims_of("x", ROWS)], [dims_of("y", ROWS)], [])
# As if a batch norm had been exported while it trained: it looks at the mean of the batch.
mixing = [node("ReduceMean", ["x"], ["m"], axes=[0], keepdims=1), node("Sub", ["x", "m"], ["y"])]
write("mixes_windows", mixing, [dims_of("x", ROWS)], [dims_of("y", ROWS)], [])
write("identity", [node("Identity", ["x"], ["y"])], [dims_of("x", ROWS)], [dims_of("y", ROWS)], [])
