"""The test data of the ONNX specification, as a model repository with golden examples.

The package onnx carries a model, inputs and outputs for every operator. Taken are all of
ai.onnx.ml, and all that read or write strings.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

DATA = Path(onnx.__file__).parent / "backend" / "test" / "data" / "node"
DATATYPES = {
    TensorProto.BOOL: "BOOL",
    TensorProto.UINT8: "UINT8",
    TensorProto.UINT16: "UINT16",
    TensorProto.UINT32: "UINT32",
    TensorProto.UINT64: "UINT64",
    TensorProto.INT8: "INT8",
    TensorProto.INT16: "INT16",
    TensorProto.INT32: "INT32",
    TensorProto.INT64: "INT64",
    TensorProto.FLOAT: "FP32",
    TensorProto.DOUBLE: "FP64",
    TensorProto.STRING: "BYTES",
}
TOLERANCE = {"relative": 1e-5, "absolute": 1e-6}


def write(repository: Path) -> list[str]:
    """Writes the repository anew; returns the names of its models."""
    shutil.rmtree(repository, ignore_errors=True)
    return [write_model(case, repository) for case in sorted(DATA.iterdir()) if is_wanted(case)]


def is_wanted(case: Path) -> bool:
    model = onnx.load(case / "model.onnx")
    if any(node.domain == "ai.onnx.ml" for node in model.graph.node):
        return True
    values = [*model.graph.input, *model.graph.output]
    types = [value.type.tensor_type.elem_type for value in values if value.type.HasField("tensor_type")]
    return len(types) == len(values) and TensorProto.STRING in types


def write_model(case: Path, repository: Path) -> str:
    model = onnx.load(case / "model.onnx")
    version = repository / case.name / "1"
    version.mkdir(parents=True)
    shutil.copyfile(case / "model.onnx", version / "model.onnx")
    initializers = {tensor.name for tensor in model.graph.initializer}
    inputs = [value.name for value in model.graph.input if value.name not in initializers]
    outputs = [value.name for value in model.graph.output]
    examples = [
        {"request": {"inputs": tensors(data, "input", inputs)}, "response": {"outputs": tensors(data, "output", outputs)}}
        for data in sorted(case.glob("test_data_set_*"))
    ]
    golden = {"tolerance": TOLERANCE, "examples": examples}
    (version / "golden.json").write_text(json.dumps(golden), encoding="utf-8")
    return case.name


def tensors(data: Path, kind: str, names: list[str]) -> list[dict]:
    return [tensor(data / f"{kind}_{number}.pb", name) for number, name in enumerate(names)]


def tensor(path: Path, name: str) -> dict:
    proto = TensorProto()
    proto.ParseFromString(path.read_bytes())
    array = np.asarray(numpy_helper.to_array(proto))
    flat = [value.decode() if isinstance(value, bytes) else value for value in array.ravel().tolist()]
    return {"name": name, "datatype": DATATYPES[proto.data_type], "shape": list(array.shape), "data": flat}
