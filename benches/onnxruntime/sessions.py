"""What the scripts that measure onnxruntime share: lines of JSON, sessions on one thread, times of single runs."""

import gc
import json
import statistics
import sys
from itertools import cycle
from time import perf_counter_ns

import onnxruntime


def serve(respond):
    """Answers one JSON request per line of stdin until it ends."""
    gc.disable()  # no pauses while a run is timed
    for line in sys.stdin:
        try:
            answer = respond(json.loads(line))
        except Exception as error:  # the other side decides what a failure means
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


def open_session(model):
    """A session on one thread, of a file or of a serialised model."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # exporters list weights among the inputs, which it warns of one by one
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def outputs(session, feeds):
    names = [output.name for output in session.get_outputs()]
    answers = session.run(names, feeds)
    return [{"name": n, "shape": list(a.shape), "data": a.ravel().tolist()} for n, a in zip(names, answers)]


def measure(session, batches, milliseconds):
    """Single runs, the batches in turn, until the time is over; at least five."""
    bindings = [bind(session, feeds) for feeds in batches]
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


def bind(session, feeds):
    """Bound inputs and outputs spare Python most of its share of a run."""
    binding = session.io_binding()
    for name, array in feeds.items():
        binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(array))
    for output in session.get_outputs():
        binding.bind_output(output.name)
    return binding
