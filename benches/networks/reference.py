"""Measures onnxruntime on the models of tests/wild: one JSON request per line on stdin, one answer per line.

    {"model": PATH, "case": PATH.npz, "inputs": true}
        -> {"inputs": [{"name": "data_0", "datatype": "float32", "shape": [1, 3, 224, 224], "data": [...]}, ...]}
    {"model": PATH, "case": PATH.npz, "check": true}
        -> {"outputs": [{"name": "prob_1", "shape": [1, 1000], "data": [...]}, ...]}
    {"model": PATH, "case": PATH.npz, "milliseconds": 1000}
        -> {"median_us": 15321.7, "best_us": 15287.1, "runs": 65}
    anything that fails
        -> {"error": "..."}

A case is what prepare.py wrote; where it has several rows, the first alone is what all this is about.
"""

import json
import sys
from functools import cache
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "onnxruntime"))
import sessions


def respond(request):
    feeds = first_row(request["case"])
    if request.get("inputs"):
        return {"inputs": [described(name, array) for name, array in feeds.items()]}
    session = load(request["model"])
    if request.get("check"):
        return {"outputs": sessions.outputs(session, feeds)}
    return sessions.measure(session, [feeds], request["milliseconds"])


def described(name, array):
    return {"name": name, "datatype": str(array.dtype), "shape": list(array.shape), "data": array.ravel().tolist()}


@cache
def load(path):
    return sessions.open_session(path)


@cache
def first_row(path):
    with np.load(path) as case:
        names = json.loads(str(case["meta"]))["inputs"]
        return {name: np.ascontiguousarray(case[f"input{i}"][:1]) for i, name in enumerate(names)}


if __name__ == "__main__":
    sessions.serve(respond)
