#!/usr/bin/env python3
"""Makes a virtual environment for a suite, once.

    environment.py DIRECTORY REQUIREMENTS

It is made again only when the requirements or the Python version change.
"""

import fcntl
import hashlib
import subprocess
import sys
import venv
from pathlib import Path


def main() -> int:
    directory, requirements = (Path(argument).resolve() for argument in sys.argv[1:3])
    python = directory / "bin" / "python"
    stamp = directory / ".requirements.sha256"
    wanted = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    directory.parent.mkdir(parents=True, exist_ok=True)
    # Two runs that share a target directory must not install over each other.
    with open(directory.with_name(directory.name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.is_file() and stamp.read_text() == wanted:
            return 0
        print(f"installing {requirements} into {directory} (once)", file=sys.stderr)
        venv.create(directory, clear=True, with_pip=True)
        pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        subprocess.run([*pip, "--requirement", requirements], check=True)
        # Written last: an interrupted installation is repeated.
        stamp.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
