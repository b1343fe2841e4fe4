#!/usr/bin/env python3
"""Runs the tests of the dashboard: node's own test runner, Playwright and Debian's Chromium.

    run.py TARGET SERVER [FILE]...
    run.py TARGET SERVER -- COMMAND...

The second runs a command with what the tests have: CHROMIUM, DASHBOARD_NODE, ONNXD_BIN.
Packages of npm are installed below TARGET, once; pictures of the views go to TARGET/dashboard-shots.
What is missing of node, npm and Chromium is installed by apt, as root. Where that cannot be the suite is
left out and says so; with CI in the environment that is a failure.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.dont_write_bytecode = True

from debian import Missing  # noqa: E402

LEFT_OUT = """
  LEFT OUT: all of tests/dashboard. Nobody has looked at the pages in a browser.
"""

# As the packages in package.json demand.
LEAST_NODE = 18
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
INSTALLS_WITHIN_SECONDS = 900


def main() -> int:
    target, server = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    more = sys.argv[3:]
    if not server.is_file():
        sys.exit(f"{server} is not there: build it first (`make dashboard` does)")
    try:
        chromium, node, packages = needed(target)
    except Missing as missing:
        rim = "*" * 88
        print(f"\n{rim}{LEFT_OUT}  {missing}\n{rim}\n", file=sys.stderr)
        return 1 if os.environ.get("CI") else 0
    shots = target / "dashboard-shots"
    shots.mkdir(parents=True, exist_ok=True)
    settings = {
        "ONNXD_BIN": str(server),
        "CHROMIUM": chromium,
        "DASHBOARD_NODE": str(packages),
        "DASHBOARD_SHOTS": str(shots),
    }
    environment = {**os.environ, **settings}
    if more[:1] == ["--"]:
        return subprocess.run(more[1:], env=environment).returncode
    files = [Path(name).resolve() for name in more] or sorted(HERE.glob("*.test.js"))
    # One file after the other: they would take the cores from each other, and some measure.
    command = [node, "--test", "--test-concurrency=1", "--test-reporter=spec", *files]
    return subprocess.run(command, cwd=HERE, env=environment).returncode


def needed(target: Path) -> tuple[str, str, Path]:
    """Paths of Chromium, of node, and of the directory whose `node_modules` has the packages."""
    programs = [("chromium", lambda: any(map(shutil.which, CHROMIUM))), ("nodejs", node_will_do), ("npm", npm)]
    install([package for package, there in programs if not there()])
    chromium = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if not chromium or not npm() or not node_will_do():
        raise Missing(f"chromium, npm and node of version {LEAST_NODE} or later are needed")
    return chromium, shutil.which("node"), installed(target / "dashboard-node")


def npm() -> str | None:
    return shutil.which("npm")


def node_will_do() -> bool:
    node = shutil.which("node")
    version = node and subprocess.run([node, "--version"], capture_output=True, text=True).stdout
    found = re.match(r"v(\d+)\.", version or "")
    return bool(found) and int(found[1]) >= LEAST_NODE


def install(packages: list[str]) -> None:
    """Unlike the programs of other suites these are installed: Chromium alone wants a hundred libraries, and starts no server."""
    if not packages:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Missing(f"not on this machine, and only root can install them with apt: {', '.join(packages)}")
    print(f"installing {', '.join(packages)} (once)", file=sys.stderr)
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    if failed := (run(["apt-get", "update"]) or run(command)):
        raise Missing(f"apt cannot install {', '.join(packages)}: {failed}")


def installed(directory: Path) -> Path:
    """What package-lock.json says, anew when that changes."""
    wanted = [HERE / "package.json", HERE / "package-lock.json"]
    stamp, digest = directory / ".sha256", hashlib.sha256(b"".join(path.read_bytes() for path in wanted)).hexdigest()
    directory.mkdir(parents=True, exist_ok=True)
    # Two runs that share a target directory must not install over each other.
    with open(directory.with_name(directory.name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.is_file() or stamp.read_text() != digest:
            for path in wanted:
                shutil.copyfile(path, directory / path.name)
            if failed := run([npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"], directory):
                raise Missing(f"npm cannot install the packages: {failed}")
            # Written last: an interrupted installation is repeated.
            stamp.write_text(digest)
    return directory


def run(command: list[str], directory: Path = HERE) -> str:
    """Empty, or what went wrong."""
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        limits = {"capture_output": True, "text": True, "timeout": INSTALLS_WITHIN_SECONDS}
        done = subprocess.run(command, cwd=directory, env=quiet, **limits)
    except subprocess.TimeoutExpired:
        return f"{command[0]} takes longer than a quarter of an hour"
    return "" if done.returncode == 0 else (done.stderr.strip() or f"{command[0]} ended with {done.returncode}")


if __name__ == "__main__":
    sys.exit(main())
