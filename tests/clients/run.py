#!/usr/bin/env python3
"""Runs the client suite in its own virtual environment.

The environment is made once and made again only when `requirements.txt` or the Python version changes.
Arguments are handed to pytest.

    ONNXD_BIN            the server to test; default: <target>/release/onnxd
    ONNXD_CLIENTS_VENV   where the environment lives; default: <target>/clients-venv

<target> is $CARGO_TARGET_DIR, or `target` in the checkout.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements.txt"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or HERE.parents[1] / "target").resolve()


def main() -> int:
    binary = Path(os.environ.get("ONNXD_BIN") or TARGET / "release" / "onnxd").resolve()
    if not binary.is_file():
        print(f"no server at {binary}: run `cargo build --release`, or set ONNXD_BIN", file=sys.stderr)
        return 2
    python = prepared_python(Path(os.environ.get("ONNXD_CLIENTS_VENV") or TARGET / "clients-venv").resolve())
    # No __pycache__ in the checkout: the suite must leave it as it found it.
    environment = os.environ | {"ONNXD_BIN": str(binary), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([python, "-m", "pytest", "-q", *sys.argv[1:]], cwd=HERE, env=environment).returncode


def prepared_python(directory: Path) -> Path:
    python = directory / "bin" / "python"
    stamp = directory / ".requirements.sha256"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()
    directory.parent.mkdir(parents=True, exist_ok=True)
    # Two runs that share a target directory must not install over each other.
    with open(directory.with_name(directory.name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (stamp.is_file() and stamp.read_text() == wanted):
            print(f"installing the clients into {directory} (about a minute, once)", file=sys.stderr)
            venv.create(directory, clear=True, with_pip=True)
            pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
            subprocess.run([*pip, "--requirement", REQUIREMENTS], check=True)
            # Written last: an interrupted installation is repeated.
            stamp.write_text(wanted)
    return python


if __name__ == "__main__":
    sys.exit(main())
