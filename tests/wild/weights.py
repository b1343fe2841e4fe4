"""Gives the `light` models of the onnx package weights again.

These are the classic image classifiers with every large tensor replaced by a
ConstantOfShape, so that they fit in a wheel. As shipped, their answer is the same
number a thousand times whatever the picture, and a server that computes nothing would
pass. This puts seeded random weights back where the constants are; the operators and
their wiring, and the old habit of listing weights among the graph's inputs, stay.
"""

import numpy as np
import onnx
from onnx import numpy_helper


def fill_constants(source, seed, classifier_gain):
    """The model in the file `source` with random weights, as bytes.

    `classifier_gain` scales the last layer, so that the softmax behind it answers with
    more than a single one: residual networks without training grow large values.
    """
    model = onnx.load(source)
    graph = model.graph
    rng = np.random.default_rng(seed)
    shapes = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    fills = [node for node in graph.node if node.op_type == "ConstantOfShape"]
    for node in fills:
        graph.node.remove(node)
    near_one = factors(graph)
    drop(graph, {node.input[0] for node in fills})
    for node in fills:
        array = random_weights(rng, shapes[node.input[0]], node.output[0] in near_one, classifier_gain)
        graph.initializer.append(numpy_helper.from_array(array, node.output[0]))
        graph.input.append(onnx.helper.make_tensor_value_info(node.output[0], onnx.TensorProto.FLOAT, array.shape))
    return model.SerializeToString()


def drop(graph, names):
    """Removes initializers, and the graph inputs of the same names."""
    for field in (graph.initializer, graph.input):
        kept = [item for item in field if item.name not in names]
        del field[:]
        field.extend(kept)


def factors(graph):
    """The names of the vectors that multiply or divide: scales and variances."""
    passed_on = {node.input[0]: node.output[0] for node in graph.node if node.op_type == "Unsqueeze"}
    multiplied = {name for node in graph.node if node.op_type == "Mul" for name in node.input}
    names = {name for name, unsqueezed in passed_on.items() if unsqueezed in multiplied}
    for node in graph.node:
        if node.op_type == "BatchNormalization":
            names |= {node.input[1], node.input[4]}
    return names


def random_weights(rng, shape, is_factor, classifier_gain):
    """Kernels keep the size of what flows through them, factors lie near one, offsets
    near nought."""
    if len(shape) < 2:
        return rng.normal(1.0 if is_factor else 0.0, 0.05, shape).astype(np.float32)
    gain = classifier_gain if len(shape) == 2 else 1.0
    return rng.normal(0, gain * np.sqrt(2 / np.prod(shape[1:])), shape).astype(np.float32)
