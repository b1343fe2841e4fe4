"""What the families of exports share: the register, the tables they learn from, and skl2onnx."""

import re
import tempfile
from dataclasses import dataclass
from typing import Callable

import golden
import numpy as np
import onnx
from onnx import helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, Int64TensorType, StringTensorType
from sklearn.base import clone

NAN = float("nan")


@dataclass
class Export:
    """`make` gives the model and its examples: for each the arrays of its inputs."""

    family: str
    name: str
    make: Callable


EXPORTS = []


def export(family, name, make):
    assert all(each.name != name for each in EXPORTS), f"two exports are called {name}"
    EXPORTS.append(Export(family, name, make))


@dataclass
class Maps:
    """The input of a DictVectorizer: a dictionary a row for onnxruntime, a tensor [N, vocabulary] on the wire."""

    rows: list
    vocabulary: list

    def tensor(self):
        return np.array([[row.get(word, 0) for word in self.vocabulary] for row in self.rows], np.float32)


# The tables. Two decimals keep the goldens short.
_random = np.random.default_rng(7)
X = np.round(_random.normal(size=(160, 4)), 2)
SCORE = X @ [1.5, -2.0, 0.5, 0.0] + X[:, 0] * X[:, 2]
NUMBER = np.round(SCORE + _random.normal(size=160) * 0.5, 2)
TWO = (NUMBER > 0).astype(np.int64)
THREE = np.digitize(NUMBER, [-1.0, 1.0])
YES_NO = np.array(["no", "yes"])[TWO]
LEVELS = np.array(["low", "mid", "high"])[THREE]
ODD = np.array([20, -3, 7])[THREE]
SEVERAL = np.stack([TWO, X[:, 1] > 0.3, X[:, 0] + X[:, 2] > 0], 1).astype(np.int64)
TARGETS = np.stack([NUMBER, X[:, 1] * 2 - X[:, 3]], 1)
COUNTS = _random.poisson(np.exp(np.clip(SCORE / 4, -2, 2)))
GROUPS = np.repeat(np.arange(16), 10)
HOLES = np.where(_random.random(X.shape) < 0.15, NAN, X)
WHOLE = _random.integers(0, 6, size=(160, 4))
WORDS = np.array(["red", "green", "blue", "black"])[_random.integers(0, 4, size=(160, 2))].astype(object)
EDGE = np.array([[0.0, 10.0, -10.0, 1e-3]])
HOLE = np.array([[NAN, 0.5, NAN, -2.0]])

TYPES = {np.float32: FloatTensorType, np.float64: DoubleTensorType, np.int64: Int64TensorType, object: StringTensorType}


def three(table, edge, dtype):
    """One row, a row of edge values, twelve rows."""
    return [np.asarray(rows).astype(dtype) for rows in (table[:1], edge, table[1:13])]


def on_thresholds(model, edge):
    """The row with each feature exactly on a threshold of the first tree node that looks at it."""
    row = np.array(edge, dtype=np.float64)
    for node in model.graph.node:
        if node.op_type in ("TreeEnsembleClassifier", "TreeEnsembleRegressor"):
            found = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
            values = found.get("nodes_values")
            if values is None:
                values = onnx.numpy_helper.to_array(found["nodes_values_as_tensor"])
            for mode, feature, value in zip(found["nodes_modes"], found["nodes_featureids"], values):
                if mode != b"LEAF" and feature < row.shape[1] and row[0, feature] in edge:
                    row[0, feature] = value
            return row
    return row


def sk(
    family,
    name,
    estimator,
    y=None,
    x=X,
    *,
    dtype=np.float32,
    edge=EDGE,
    options=None,
    opset=None,
    final=None,
    rows=None,
    thresholds=False,
    **fit,
):
    """A scikit-learn estimator of one matrix; `options` are those of skl2onnx."""

    def make():
        size = rows or len(x)
        model = clone(estimator)
        fitted = model.fit(x[:size], *([] if y is None else [y[:size]]), **fit)
        input_type = TYPES[dtype]([None, x.shape[1]])
        chosen = {id(final(fitted) if final else fitted): options} if options else None
        converted = to_onnx(fitted, initial_types=[("X", input_type)], options=chosen, target_opset=opset)
        last = edge
        if thresholds:
            last = on_thresholds(converted, edge)
        return converted, [{"X": each} for each in three(x, last, dtype)]

    export(family, name, make)


def clean(model, name):
    """Nothing of a run remains: names, dates, the order of sets. A sequence of tensors becomes one output each."""
    split_sequences(model)
    model.graph.name = name
    model.graph.doc_string = model.doc_string = ""
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    local = {function.domain for function in model.functions}
    sort_opsets(model, {node.domain for node in model.graph.node} | local | {""})
    tidy(model.graph, {})
    for function in model.functions:
        sort_opsets(function, {opset.domain for opset in function.opset_import})
        function.doc_string = ""
        tidy(function, {})
    return model


def sort_opsets(model, used):
    opsets = [opset for opset in model.opset_import if opset.domain in used]
    opsets = [(opset.domain, opset.version) for opset in sorted(opsets, key=lambda opset: opset.domain)]
    del model.opset_import[:]
    model.opset_import.extend(onnx.OperatorSetIdProto(domain=domain, version=version) for domain, version in opsets)


def tidy(graph, seen):
    """Some names end in an address of the memory; attributes come in the order of a set."""

    def name(old):
        return re.sub(r"_\d{9,}", lambda found: f"_{seen.setdefault(found.group(), len(seen))}", old)

    for node in graph.node:
        node.doc_string = ""
        node.name = name(node.name)
        node.input[:] = map(name, node.input)
        node.output[:] = map(name, node.output)
        attributes = sorted(node.attribute, key=lambda attribute: attribute.name)
        attributes = [onnx.AttributeProto.FromString(attribute.SerializeToString()) for attribute in attributes]
        del node.attribute[:]
        node.attribute.extend(attributes)
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                attribute.g.name = f"{node.name}-body"
                tidy(attribute.g, seen)
    for constant in getattr(graph, "initializer", ()):
        constant.name = name(constant.name)


def split_sequences(model):
    """MultiOutputClassifier gives its probabilities as a sequence, which is not a tensor."""
    graph = model.graph
    for output in [output for output in graph.output if output.type.HasField("sequence_type")]:
        makers = [node for node in graph.node if node.op_type == "SequenceConstruct" and output.name in node.output]
        if makers:
            tensor = output.type.sequence_type.elem_type.tensor_type
            parts = [helper.make_tensor_value_info(part, tensor.elem_type, ["N", None]) for part in makers[0].input]
            graph.node.remove(makers[0])
            graph.output.remove(output)
            graph.output.extend(parts)


def by_hand(family, name, operator, inputs, outputs=("Y",), *, domain="ai.onnx.ml", ml=3, constants=None, **attributes):
    """A model of one node. `inputs` maps names to one array an example; types and shapes follow from them."""

    def make():
        constant = [onnx.numpy_helper.from_array(value, key) for key, value in (constants or {}).items()]
        node = helper.make_node(
            operator, [*inputs, *(each.name for each in constant)], outputs, domain=domain, **attributes
        )
        examples = [dict(zip(inputs, arrays)) for arrays in zip(*inputs.values())]
        graph = helper.make_graph(
            [node],
            name,
            [info(key, arrays) for key, arrays in inputs.items()],
            [onnx.ValueInfoProto(name=output) for output in outputs],
            constant,
        )
        opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", ml)]
        if domain not in ("", "ai.onnx.ml"):
            opsets.append(helper.make_opsetid(domain, 1))
        model = helper.make_model(graph, opset_imports=opsets, ir_version=10, producer_name="onnx.helper")
        # onnxruntime knows what comes out.
        with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
            onnx.save(model, file.name)
            session = golden.open_model(file.name)
        answers = list(zip(*(session.run(None, each) for each in examples)))
        del model.graph.output[:]
        model.graph.output.extend(info(output, arrays) for output, arrays in zip(outputs, answers))
        return model, examples

    export(family, name, make)


def info(name, arrays):
    """The first axis is open, and so is any other that differs."""
    sizes = list(zip(*(array.shape for array in arrays)))
    shape = [size[0] if axis and len(set(size)) == 1 else "N" if axis == 0 else None for axis, size in enumerate(sizes)]
    (dtype,) = {array.dtype for array in arrays}
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(dtype), shape)
