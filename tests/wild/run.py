"""Asks a running server the prepared questions and compares its answers.

    python run.py --url http://127.0.0.1:8080 --cases DIR/cases

Every model gets two infer requests of the Open Inference Protocol v2 with binary
tensors: the first may have to compile a plan for the shape, the second is the one
that is timed. An answer is right if it has the outputs that onnxruntime has, of the same
datatype and shape, with numbers that agree within the tolerance. Exits with 1 if fewer
models than `--at-least` are right.
"""

import argparse
import http.client
import json
import sys
import time
from pathlib import Path
from urllib.parse import quote, urlsplit

import numpy as np

import catalogue

REQUEST_SECONDS = 60
HEADER_LENGTH = "Inference-Header-Content-Length"

DATATYPES = {
    "BOOL": np.bool_,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "UINT8": np.uint8,
    "UINT16": np.uint16,
    "UINT32": np.uint32,
    "UINT64": np.uint64,
    "FP16": np.float16,
    "FP32": np.float32,
    "FP64": np.float64,
}
DATATYPE_OF = {np.dtype(kind): name for name, kind in DATATYPES.items()}

# Of each number, and of the largest number in the tensor: what is near nought beside
# its neighbours is only as exact as they are. Half floats carry eleven bits.
TOLERANCE = {"relative": 1e-3, "absolute": 1e-4}
TOLERANCE_FP16 = {"relative": 5e-3, "absolute": 2e-3}


class Wrong(Exception):
    """Why a model's answer does not count."""


def main(argv=None):
    args = parse_args(argv)
    results = run(args.url, args.cases, catalogue.chosen(args.models), args.budget)
    if args.json:
        args.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return report(results, args.at_least)


def parse_args(argv):
    parser = argparse.ArgumentParser(description="compare a server's answers with onnxruntime's")
    parser.add_argument("--url", required=True, help="where the server listens, such as http://127.0.0.1:8080")
    parser.add_argument("--cases", type=Path, required=True, help="the cases directory that prepare.py wrote")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results here too")
    parser.add_argument("--at-least", type=int, default=28, metavar="N", help="how many models must be right")
    parser.add_argument("--budget", type=float, default=900, metavar="SECONDS", help="for all requests together")
    parser.add_argument("--models", nargs="*", metavar="NAME", help="only these models of models.json")
    return parser.parse_args(argv)


def run(url, cases, models, budget):
    """One result per model: {name, ok, reason, first_ms, ms}."""
    deadline = time.monotonic() + budget
    return [run_model(url, cases, model, deadline) for model in models]


def run_model(url, cases, model, deadline):
    result = {"name": model["name"], "ok": False, "reason": "", "first_ms": None, "ms": None}
    try:
        case = load_case(catalogue.case_file(cases, model))
        for key in ("first_ms", "ms"):
            answer, result[key] = infer(url, model["name"], case["inputs"], deadline)
            compare(answer, case["outputs"], case["tolerance"])
        result["ok"] = True
    except Wrong as error:
        result["reason"] = str(error)
    return result


def load_case(path):
    """{inputs: {name: array}, outputs: {name: array}, tolerance: {}}"""
    if not path.is_file():
        raise Wrong("no case was prepared for it")
    with np.load(path) as saved:
        meta = json.loads(str(saved["meta"]))
        return {
            "inputs": {name: saved[f"input{i}"] for i, name in enumerate(meta["inputs"])},
            "outputs": {name: saved[f"output{i}"] for i, name in enumerate(meta["outputs"])},
            "tolerance": meta["tolerance"],
        }


# The protocol


def infer(url, name, inputs, deadline):
    """Posts one request; returns ({output name: array}, milliseconds)."""
    seconds = min(REQUEST_SECONDS, deadline - time.monotonic())
    if seconds <= 0:
        raise Wrong("the time for all requests is used up")
    body, header_length = encode_request(inputs)
    headers = {"Content-Type": "application/octet-stream", HEADER_LENGTH: str(header_length)}
    started = time.monotonic()
    status, answer_headers, answer = post(url, f"/v2/models/{quote(name)}/infer", body, headers, seconds)
    milliseconds = (time.monotonic() - started) * 1000
    if status != 200:
        raise Wrong(f"{status}: {error_message(answer)}")
    return decode_response(answer, answer_headers.get(HEADER_LENGTH)), milliseconds


def post(url, path, body, headers, seconds):
    """(status, headers, body) of a POST that gives up after `seconds` without a byte."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=seconds)
    try:
        connection.request("POST", path, body=body, headers=headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    except TimeoutError:
        raise Wrong(f"no answer within {seconds:.0f} s") from None
    except (OSError, http.client.HTTPException) as error:
        raise Wrong(f"the connection failed: {error!r}") from None
    finally:
        connection.close()


def encode_request(inputs):
    """The JSON part with every tensor's bytes after it, and the length of the former."""
    blobs = [little_endian(array).tobytes() for array in inputs.values()]
    tensors = [
        {
            "name": name,
            "shape": list(array.shape),
            "datatype": DATATYPE_OF[array.dtype],
            "parameters": {"binary_data_size": len(blob)},
        }
        for (name, array), blob in zip(inputs.items(), blobs, strict=True)
    ]
    header = json.dumps({"inputs": tensors, "parameters": {"binary_data_output": True}}).encode()
    return header + b"".join(blobs), len(header)


def little_endian(array):
    return array.astype(array.dtype.newbyteorder("<"), copy=False)


def decode_response(body, header_length):
    """{output name: array}; outputs may come as bytes behind the JSON or inside it."""
    try:
        end = int(header_length) if header_length else len(body)
        outputs, position = {}, end
        for tensor in json.loads(body[:end])["outputs"]:
            size = tensor.get("parameters", {}).get("binary_data_size")
            blob = None if size is None else body[position : position + size]
            position += size or 0
            outputs[tensor["name"]] = decode_tensor(tensor, blob)
    except (ValueError, KeyError, TypeError) as error:
        raise Wrong(f"the answer cannot be read: {error!r}") from None
    if position != len(body):
        raise Wrong(f"the answer has {len(body)} bytes, its outputs account for {position}")
    return outputs


def decode_tensor(tensor, blob):
    kind = np.dtype(DATATYPES[tensor["datatype"]])
    if blob is None:
        array = np.array(tensor["data"], dtype=kind)
    else:
        array = np.frombuffer(blob, dtype=kind.newbyteorder("<")).astype(kind)
    return array.reshape(tensor["shape"])


def error_message(body):
    """What the server says went wrong, on one line."""
    text = body.decode("utf-8", "replace")
    try:
        text = json.loads(text)["error"]
    except (ValueError, KeyError, TypeError):
        pass
    return " ".join(str(text).split())


# Comparing


def compare(answer, expected, tolerance):
    """Raises Wrong at the first output that is not what onnxruntime gave."""
    for name, want in expected.items():
        if name not in answer:
            raise Wrong(f"output '{name}' is missing; there are {sorted(answer)}")
        compare_tensor(name, answer[name], want, tolerance)


def compare_tensor(name, got, want, tolerance):
    if got.dtype != want.dtype:
        raise Wrong(f"output '{name}' is {DATATYPE_OF[got.dtype]}, expected {DATATYPE_OF[want.dtype]}")
    if got.shape != want.shape:
        raise Wrong(f"output '{name}' has shape {list(got.shape)}, expected {list(want.shape)}")
    if want.dtype.kind == "f":
        compare_floats(name, got, want, tolerance)
    elif not np.array_equal(got, want):
        raise Wrong(f"output '{name}' differs in {np.count_nonzero(got != want)} of {want.size} elements")


def compare_floats(name, got, want, tolerance):
    """NaN and infinity must be where they are expected, the rest within the tolerance."""
    limits = (TOLERANCE_FP16 if want.dtype == np.float16 else TOLERANCE) | tolerance
    got, want = got.astype(np.float64), want.astype(np.float64)
    finite = np.isfinite(want)
    if not np.array_equal(got[~finite], want[~finite], equal_nan=True) or not np.isfinite(got[finite]).all():
        raise Wrong(f"output '{name}' differs in NaN or infinity")
    got, want = got[finite], want[finite]
    if not want.size:
        return
    allowed = limits["relative"] * np.abs(want) + limits["absolute"] * np.abs(want).max()
    off = np.abs(got - want) > allowed
    if off.any():
        worst = np.argmax(np.abs(got - want) - allowed)
        raise Wrong(
            f"output '{name}' is off in {np.count_nonzero(off)} of {want.size} elements, "
            f"worst {got[worst]:.6g} instead of {want[worst]:.6g}"
        )


# Reporting


def report(results, at_least):
    """Prints the table and the closing line; returns the exit code."""
    width = max(len(result["name"]) for result in results)
    print(f"{'model':{width}}  {'':6}  {'first ms':>8}  {'ms':>8}  reason")
    for result in results:
        verdict = "ok" if result["ok"] else "failed"
        times = "  ".join(f"{milliseconds(result[key]):>8}" for key in ("first_ms", "ms"))
        print(f"{result['name']:{width}}  {verdict:6}  {times}  {result['reason']}".rstrip())
    passed = sum(result["ok"] for result in results)
    if passed < at_least:
        print(f"at least {at_least} must pass")
    print(f"{passed} passed, {len(results) - passed} failed")
    return 0 if passed >= at_least else 1


def milliseconds(value):
    return "-" if value is None else f"{value:.1f}"


if __name__ == "__main__":
    sys.exit(main())
