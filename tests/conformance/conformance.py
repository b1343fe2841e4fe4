#!/usr/bin/env python3
"""Asks a running server what every exported model and every operator must answer.

    conformance.py --server target/release/onnxd --work target/conformance [--models NAME ...]

Two repositories: `exports/` beside this file (what the usual tools export, answered by
onnxruntime), and the test data of the ONNX specification. Every golden example is sent as
JSON and with binary tensors; the rows of an example are also sent alone. Types, shapes,
labels and texts must be equal, floats within the tolerance of the example. Exits with 1 if
one answer is wrong.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

import backend
from wire import Client, Refused, Tensors, arrays

HERE = Path(__file__).resolve().parent
# Models of both repositories together; fewer mean that some have gone missing.
AT_LEAST = 464
sys.path.insert(0, str(HERE.parent / "clients"))
sys.dont_write_bytecode = True
from server import Server  # noqa: E402


class Wrong(Exception):
    """Why an answer is not what it should be."""


def main() -> int:
    options = arguments()
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    backend.write(work / "backend")
    repositories = [options.repository] if options.repository else [HERE / "exports", work / "backend"]
    results = {}
    for repository in repositories:
        results |= check_repository(options.server, repository, work, options.models)
    report(results)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    if not (options.repository or options.models) and len(results) < AT_LEAST:
        print(f"only {len(results)} models were checked, expected {AT_LEAST} at least")
        return 1
    return 0 if results and not any(results.values()) else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="check a server against golden examples")
    parser.add_argument("--server", type=Path, required=True, help="the onnxd program")
    parser.add_argument("--work", type=Path, required=True, help="a directory for logs and the backend data")
    parser.add_argument("--repository", type=Path, help="only this repository")
    parser.add_argument("--models", nargs="*", metavar="NAME", help="only these models")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write model and problem here, too")
    return parser.parse_args()


def check_repository(binary: Path, repository: Path, work: Path, only: list[str] | None) -> dict[str, str]:
    """The problem of each model; empty where all is right."""
    server = Server(str(binary), repository, work / f"{repository.name}.log")
    try:
        server.wait_until_ready()
        client = Client(server.address)
        index = client.index()
        names = sorted(path.name for path in repository.iterdir() if not only or path.name in only)
        results = {name: problem(client, repository / name, *index.get(name, ("missing", ""))) for name in names}
        if complaints := server.complaints():
            results[f"{repository.name}: the log"] = complaints[0]
    finally:
        server.kill()
    return results


def problem(client: Client, model: Path, state: str, reason: str) -> str:
    if state != "READY":
        return f"{state}: {reason}"
    try:
        golden = json.loads((model / "1" / "golden.json").read_text(encoding="utf-8"))
        for number, example in enumerate(golden["examples"]):
            check(client, model.name, f"example {number}", example, golden["tolerance"])
    except (Wrong, Refused) as error:
        return str(error)
    return ""


def check(client: Client, model: str, what: str, example: dict, tolerance: dict) -> None:
    inputs, expected = arrays(example["request"]["inputs"]), arrays(example["response"]["outputs"])
    compare(f"{what}, JSON", client.infer_json(model, inputs), expected, tolerance)
    compare(f"{what}, binary", client.infer_binary(model, inputs), expected, tolerance)
    rows = min((len(value) if value.ndim else 0 for value in inputs.values()), default=0)
    if rows > 1 and has_rows(client, model):
        for row in range(rows):
            answer = client.infer_binary(model, take(inputs, row))
            compare(f"{what}, row {row} alone", answer, take(expected, row), tolerance)


def has_rows(client: Client, model: str) -> bool:
    """Whether the server says that rows stand alone."""
    client.connection.request("GET", f"/v2/models/{model}/config")
    return json.loads(client.connection.getresponse().read())["max_batch_size"] > 0


def take(tensors: Tensors, row: int) -> Tensors:
    return {name: value[row : row + 1] for name, value in tensors.items()}


def compare(what: str, answer: Tensors, expected: Tensors, tolerance: dict) -> None:
    if answer.keys() != expected.keys():
        raise Wrong(f"{what}: outputs are {sorted(answer)}, expected {sorted(expected)}")
    for name, want in expected.items():
        found = answer[name]
        if (found.dtype, found.shape) != (want.dtype, want.shape):
            raise Wrong(f"{what}: '{name}' is {found.dtype}{found.shape}, expected {want.dtype}{want.shape}")
        if want.dtype.kind == "f":
            allowed = tolerance["absolute"] + tolerance["relative"] * np.abs(want)
            with np.errstate(invalid="ignore"):
                close = (found == want) | (np.isnan(found) & np.isnan(want)) | (np.abs(found - want) <= allowed)
        else:
            close = found == want
        if not np.all(close):
            at = tuple(int(index) for index in np.argwhere(~close)[0])
            count = int(np.sum(~close))
            raise Wrong(f"{what}: '{name}'{list(at)} is {found[at]!r}, expected {want[at]!r} ({count} of {want.size})")


def report(results: dict[str, str]) -> None:
    wrong = {name: reason for name, reason in results.items() if reason}
    for name, reason in wrong.items():
        print(f"{name:<50} {reason}")
    print(f"{len(results) - len(wrong)} of {len(results)} models answer right")


if __name__ == "__main__":
    sys.exit(main())
