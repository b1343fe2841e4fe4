"""Writes the models that TensorFlow Serving's documentation asks, as ONNX.

    pip install -r models/requirements.txt
    python3 tests/clients/tfserving/make.py

A second run writes the same bytes.
"""

from pathlib import Path

from onnx import TensorProto, helper

HERE = Path(__file__).resolve().parent
FLOAT, STRING = TensorProto.FLOAT, TensorProto.STRING


def write(name, nodes, inputs, outputs, constants=()):
    def values(all_of_them):
        return [helper.make_tensor_value_info(*each) for each in all_of_them]

    graph = helper.make_graph(nodes, name, values(inputs), values(outputs), list(constants))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    (HERE / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))


def half_plus(name, addend):
    """`y = 0.5 * x + addend`, one number a row."""
    constants = [helper.make_tensor("half", FLOAT, [], [0.5]), helper.make_tensor("addend", FLOAT, [], [addend])]
    nodes = [helper.make_node("Mul", ["x", "half"], ["halves"]), helper.make_node("Add", ["halves", "addend"], ["y"])]
    write(name, nodes, [("x", FLOAT, ["N"])], [("y", FLOAT, ["N"])], constants)


def same(name, **tensors):
    """Gives back what it takes, with `_out` behind the names."""
    nodes = [helper.make_node("Identity", [tensor], [f"{tensor}_out"]) for tensor in tensors]
    inputs = [(tensor, element, shape) for tensor, (element, shape) in tensors.items()]
    write(name, nodes, inputs, [(f"{tensor}_out", element, shape) for tensor, element, shape in inputs])


half_plus("half_plus_two", 2.0)
half_plus("half_plus_three", 3.0)
# The inputs of the section on row and column format.
same("three_inputs", tag=(STRING, ["N"]), signal=(FLOAT, ["N", 5]), sensor=(FLOAT, ["N", 2, 2]))
same("texts", text=(STRING, ["N"]))
same("pairs", pair=(FLOAT, ["N", 1, 2]))
