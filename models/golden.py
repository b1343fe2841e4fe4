"""Runs a model with onnxruntime and writes what it answers as v2 requests and responses."""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

DATATYPES = {
    "bool": "BOOL",
    "uint8": "UINT8",
    "uint16": "UINT16",
    "uint32": "UINT32",
    "uint64": "UINT64",
    "int8": "INT8",
    "int16": "INT16",
    "int32": "INT32",
    "int64": "INT64",
    "float16": "FP16",
    "float32": "FP32",
    "float64": "FP64",
    "object": "BYTES",
}


def open_model(model):
    """An onnxruntime session on one thread, so that sums keep their order."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4  # what fails is raised, too
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def shortest(number):
    """The shortest number that gives the same float back, without a fraction where there is none; NaN is null."""
    exact = float(number)
    if np.isnan(exact):
        return None
    whole = exact.is_integer() and abs(exact) < 1e6 and not (exact == 0 and np.signbit(number))
    return int(exact) if whole else float(str(number))


def tensor(name, value):
    """An array as a v2 tensor."""
    value = np.asarray(value)
    data = [shortest(number) for number in value.ravel()] if value.dtype.kind == "f" else value.ravel().tolist()
    return {"name": name, "datatype": DATATYPES[value.dtype.name], "shape": list(value.shape), "data": data}


def request(inputs):
    """`inputs` maps names to arrays."""
    return {"inputs": [tensor(name, value) for name, value in inputs.items()]}


def mapped_labels(model):
    """The labels of every output that ZipMap makes, in the order of its input's columns."""
    nodes = onnx.load(str(model)).graph.node
    return {node.output[0]: zipmap_labels(node) for node in nodes if node.op_type == "ZipMap"}


def zipmap_labels(node):
    (labels,) = (onnx.helper.get_attribute_value(attribute) for attribute in node.attribute)
    return [label.decode() if isinstance(label, bytes) else label for label in labels]


def unmapped(rows, labels):
    """What ZipMap was given, from the dictionary per row that it made of it."""
    return np.array([[row[label] for label in labels] for row in rows], np.float32)


def example(session, inputs, mapped=()):
    """A request and its answer, which holds every output of the model; those in `mapped_labels` as tensors."""
    names = [output.name for output in session.get_outputs()]
    answers = session.run(names, inputs)
    answers = [unmapped(a, mapped[n]) if n in mapped else a for n, a in zip(names, answers)]
    return {
        "request": request(inputs),
        "response": {"outputs": [tensor(name, value) for name, value in zip(names, answers)]},
    }


def write(version_dir, inputs):
    """Writes `golden.json` beside `model.onnx`, one example for each entry of `inputs`; returns the examples."""
    version_dir = Path(version_dir)
    session = open_model(version_dir / "model.onnx")
    mapped = mapped_labels(version_dir / "model.onnx")
    examples = [example(session, each, mapped) for each in inputs]
    lines = ",\n".join(json.dumps(each, separators=(",", ":")) for each in examples)
    tolerance = json.dumps({"relative": 1e-3, "absolute": 1e-5})
    text = f'{{"tolerance": {tolerance},\n"examples": [\n{lines}\n]}}\n'
    (version_dir / "golden.json").write_text(text, encoding="utf-8")
    return examples
