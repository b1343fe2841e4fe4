"""Times onnxruntime on one thread: a JSON line per request on stdin, one per answer on stdout, until stdin ends.

    {"model": PATH, "rows": 64, "data": PATH.f32, "features": 13, "milliseconds": 200}
        -> {"median_us": 91.2, "best_us": 88.7, "runs": 2190}
    the same with "rotate": true: every run takes the next rows of the file, not the first ones again
    the same with "check": true
        -> {"outputs": [{"name": "label", "shape": [64], "data": [...]}, ...]}
    {"about": true}
        -> {"onnxruntime": "1.32.0", "overhead_us": 2.5}
    anything that fails
        -> {"error": "..."}

The session, the inputs and the first runs are outside the measurement. Inputs and outputs are bound, which spares
Python most of its share of a run; what is left is in "overhead_us", the time of a model that copies one number.
The same few rows again and again teach the processor every branch of the trees, which makes small batches look
up to twice as fast as they are with rows it has not just seen: "rotate" avoids that.
"""

import gc
import json
import statistics
import sys
from functools import cache
from itertools import cycle
from time import perf_counter_ns

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper


def main():
    gc.disable()  # no pauses while a run is timed
    for line in sys.stdin:
        try:
            answer = respond(json.loads(line))
        except Exception as error:  # the other side decides what a failure means
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


def respond(request):
    if request.get("about"):
        return {"onnxruntime": onnxruntime.__version__, "overhead_us": overhead()}
    session = load(request["model"])
    data, rows = table(request["data"], request["features"]), request["rows"]
    if not 1 <= rows <= len(data):
        raise ValueError(f"{rows} rows are asked for, {request['data']} has {len(data)}")
    if request.get("check"):
        return {"outputs": outputs(session, data[:rows])}
    starts = range(0, len(data) - rows + 1, rows) if request.get("rotate") else [0]
    return measure(session, [data[start : start + rows] for start in starts], request.get("milliseconds", 200))


def outputs(session, rows):
    names = [output.name for output in session.get_outputs()]
    answers = session.run(names, {session.get_inputs()[0].name: rows})
    return [{"name": n, "shape": list(a.shape), "data": a.ravel().tolist()} for n, a in zip(names, answers)]


def measure(session, batches, milliseconds):
    """Single runs, the batches in turn, until the time is over; at least five."""
    bindings = [bind(session, rows) for rows in batches]
    run(session, bindings, milliseconds * 200_000, 3)  # a fifth of the time to warm up
    times = run(session, bindings, milliseconds * 1_000_000, 5)
    return {"median_us": statistics.median(times) / 1000, "best_us": min(times) / 1000, "runs": len(times)}


def run(session, bindings, nanoseconds, at_least):
    times, end, turns = [], perf_counter_ns() + nanoseconds, cycle(bindings)
    while len(times) < at_least or perf_counter_ns() < end:
        binding = next(turns)
        start = perf_counter_ns()
        session.run_with_iobinding(binding)
        times.append(perf_counter_ns() - start)
    return times


def bind(session, rows):
    binding = session.io_binding()
    rows = onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(rows))
    binding.bind_ortvalue_input(session.get_inputs()[0].name, rows)
    for output in session.get_outputs():
        binding.bind_output(output.name)
    return binding


@cache
def load(path):
    return open_model(onnx.load(path))


def open_model(model):
    for output in model.graph.output:
        # LightGBM's exporter declares one label whatever the rows, which a binding would refuse.
        output.type.tensor_type.ClearField("shape")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


@cache
def table(path, features):
    return np.fromfile(path, "<f4").reshape(-1, features)


def overhead():
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 1]) for name in ("input", "output")]
    graph = helper.make_graph([helper.make_node("Identity", ["input"], ["output"])], "copy", values[:1], values[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    onnx.checker.check_model(model)
    return measure(open_model(model), [np.zeros((1, 1), np.float32)], 50)["median_us"]


if __name__ == "__main__":
    main()
