"""Measures onnxruntime: one JSON request per line on stdin, one answer per line on stdout, until stdin ends.

    {"model": PATH, "rows": 64, "data": PATH.f32, "features": 13, "milliseconds": 200}
        -> {"median_us": 91.2, "best_us": 88.7, "runs": 2190}
    the same with "rotate": true: every run takes the next rows of the file, not the first ones again
    the same with "check": true
        -> {"outputs": [{"name": "label", "shape": [64], "data": [...]}, ...]}
    {"about": true}
        -> {"onnxruntime": "1.32.0", "overhead_us": 2.5}
    anything that fails
        -> {"error": "..."}

The session, the inputs and the first runs are outside the measurement. What is left of Python's share of a run is in
"overhead_us", the time of a model that copies one number.
The same few rows again and again teach the processor every branch of the trees, which makes small batches look
up to twice as fast as they are with rows it has not just seen: "rotate" avoids that.
"""

import sys
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

sys.path.insert(0, str(Path(__file__).parents[1] / "onnxruntime"))
import sessions


def respond(request):
    if request.get("about"):
        return {"onnxruntime": onnxruntime.__version__, "overhead_us": overhead()}
    session = load(request["model"])
    data, rows = table(request["data"], request["features"]), request["rows"]
    if not 1 <= rows <= len(data):
        raise ValueError(f"{rows} rows are asked for, {request['data']} has {len(data)}")
    if request.get("check"):
        return {"outputs": sessions.outputs(session, feeds(session, data[:rows]))}
    starts = range(0, len(data) - rows + 1, rows) if request.get("rotate") else [0]
    batches = [feeds(session, data[start : start + rows]) for start in starts]
    return sessions.measure(session, batches, request.get("milliseconds", 200))


def feeds(session, rows):
    return {session.get_inputs()[0].name: np.ascontiguousarray(rows)}


@cache
def load(path):
    return open_model(onnx.load(path))


def open_model(model):
    for output in model.graph.output:
        # LightGBM's exporter declares one label whatever the rows, which a binding would refuse.
        output.type.tensor_type.ClearField("shape")
    return sessions.open_session(model.SerializeToString())


@cache
def table(path, features):
    return np.fromfile(path, "<f4").reshape(-1, features)


def overhead():
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 1]) for name in ("input", "output")]
    graph = helper.make_graph([helper.make_node("Identity", ["input"], ["output"])], "copy", values[:1], values[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    onnx.checker.check_model(model)
    session = open_model(model)
    return sessions.measure(session, [feeds(session, np.zeros((1, 1), np.float32))], 50)["median_us"]


if __name__ == "__main__":
    sessions.serve(respond)
